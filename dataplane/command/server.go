package command

import (
	"errors"
	"sync/atomic"
	"unsafe"

	"fcredirect/dataplane/shm"
)

// Ticket names a request that is to be answered.
type Ticket struct {
	Slot int
	ID   uint64
}

// Handler does the requests of one operation. It must not wait, and must answer the ticket, at once or later, by
// Server.Answer or Server.Refuse. The request is only there during the call.
type Handler func(t Ticket, request []byte)

// Server is the data plane's side.
type Server struct {
	slots    []slot
	replies  []reply
	handlers [numOps]Handler
	at       [slots]place
	first    int // where the next Poll begins: each slot gets its turn
	buffer   [MaxRequest]byte
	text     [MaxReply]byte
}

var _ = [1]struct{}{}[unsafe.Offsetof(Server{}.buffer)%8] // Each reads words in it

// place is what the server remembers of a slot.
type place struct {
	id    uint64 // of the request taken up last
	open  bool   // and not answered yet
	owner uint64 // as seen last
	since int64  // ns: when it was seen first, or answered
}

// NewServer makes a server over the regions of a segment.
func NewServer(state, ctl *shm.File) (*Server, error) {
	s := &Server{slots: shm.Items[slot](ctl, RegionCommands), replies: shm.Items[reply](state, RegionReplies)}
	if len(s.slots) != slots || len(s.replies) != slots {
		return nil, errors.New("commands: the segment has no room for them")
	}
	return s, nil
}

// Handle makes h do the requests of an operation.
func (s *Server) Handle(op Op, h Handler) { s.handlers[op] = h }

// Poll takes up what was posted, a few requests at a time, and takes back slots of clients that are gone. now is in ns of
// any clock that does not go back.
func (s *Server) Poll(now int64) {
	left := perPoll
	for n := range slots {
		i := (s.first + n) % slots
		there, at := &s.slots[i], &s.at[i]
		owner, posted := atomic.LoadUint64(&there.Owner), atomic.LoadUint64(&there.Posted)
		if owner != at.owner {
			at.owner, at.since = owner, now
		}
		if at.open && (owner != at.id || now-at.since > int64(patience)) {
			at.open = false // its client gave up, or is dead: nobody reads what comes of it
		}
		if owner == 0 || at.open {
			continue
		}
		if posted == owner && posted != at.id {
			if left == 0 {
				s.first = i
				return
			}
			left--
			at.since = now
			s.take(Ticket{i, posted})
		} else if now-at.since > int64(lease) {
			atomic.CompareAndSwapUint64(&there.Owner, owner, 0)
		}
	}
}

// take copies a request out of its slot, and only then looks at it.
func (s *Server) take(t Ticket) {
	there := &s.slots[t.Slot]
	s.at[t.Slot].id, s.at[t.Slot].open = t.ID, true
	op, length, want := Op(atomic.LoadUint32(&there.Op)), atomic.LoadUint32(&there.Length), atomic.LoadUint64(&there.Sum)
	if length > MaxRequest {
		s.Refuse(t, Malformed, "the request is longer than a slot")
		return
	}
	request := s.buffer[:length:length]
	copySlot(request, there)
	switch {
	case sum(t.ID, op, request) != want:
		s.Refuse(t, Malformed, "the request is torn")
	case op >= numOps || s.handlers[op] == nil:
		s.Refuse(t, Unknown, "the data plane does not know this operation")
	default:
		s.handlers[op](t, request)
	}
}

// copySlot races with whoever writes there by design: the sum tells.
//
//go:norace
func copySlot(to []byte, from *slot) {
	for i := range to {
		to[i] = from.Body[i]
	}
}

// Answer says that a request was done.
func (s *Server) Answer(t Ticket, body []byte) { s.reply(t, OK, body) }

// Refuse says that it was not.
func (s *Server) Refuse(t Ticket, code Code, text string) {
	s.reply(t, code, s.text[:copy(s.text[:], text)])
}

// Reply answers, or refuses where there is an error.
func (s *Server) Reply(t Ticket, err *Error) {
	if err != nil {
		s.Refuse(t, err.Code, err.Text)
		return
	}
	s.Answer(t, nil)
}

func (s *Server) reply(t Ticket, code Code, body []byte) {
	at := &s.at[t.Slot]
	if !at.open || at.id != t.ID {
		return // answered already
	}
	at.open = false
	r := &s.replies[t.Slot]
	atomic.StoreUint64(&r.ID, 0)
	writeReply(r, code, body[:min(len(body), MaxReply)])
	atomic.StoreUint64(&r.ID, t.ID)
}

// writeReply races with a client that gave its slot up and still looks: the number tells.
//
//go:norace
func writeReply(r *reply, code Code, body []byte) {
	r.Code, r.Length = uint32(code), uint32(len(body))
	for i := range body {
		r.Body[i] = body[i]
	}
}
