package command

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/shm"
)

// Client sends requests. The files must stay mapped while it is used; ctl must be mapped for writing.
type Client struct {
	state, ctl *shm.File
}

// New makes a client of a segment's data plane.
func New(state, ctl *shm.File) *Client { return &Client{state, ctl} }

// Do sends a request and waits for the reply, until the context ends. An *Error says why it was not done. When the
// context ends first, or the code is Gone, it may still have been done.
func (c *Client) Do(ctx context.Context, op Op, request []byte) (answer []byte, err error) {
	places, replies := shm.Items[slot](c.ctl, RegionCommands), shm.Items[reply](c.state, RegionReplies)
	if len(places) == 0 || len(places) != len(replies) {
		return nil, &Error{Gone, "the segment has no place for commands: its data plane is of another version"}
	}
	if len(request) > MaxRequest {
		return nil, &Error{Malformed, fmt.Sprintf("a request of %d bytes, the limit is %d", len(request), MaxRequest)}
	}
	if !c.state.Alive() {
		return nil, &Error{Gone, "the data plane does not run"}
	}
	id, err := newID()
	if err != nil {
		return nil, err
	}
	at, err := claim(ctx, places, id)
	if err != nil {
		return nil, err
	}
	there := &places[at]
	defer atomic.CompareAndSwapUint64(&there.Owner, id, 0)
	post(there, id, op, request)
	return c.wait(ctx, there, &replies[at], id)
}

func newID() (id uint64, err error) {
	var b [8]byte
	if _, err = rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("command: number of a request: %w", err)
	}
	return binary.LittleEndian.Uint64(b[:]) | 1, nil
}

// claim takes a free slot, beginning at one that others hardly begin at too.
func claim(ctx context.Context, places []slot, id uint64) (at int, err error) {
	for end := time.Now().Add(claimTime); ; {
		for n := range places {
			at = int((id>>8 + uint64(n)) % uint64(len(places)))
			if atomic.CompareAndSwapUint64(&places[at].Owner, 0, id) {
				return at, nil
			}
		}
		if time.Now().After(end) {
			return 0, &Error{Busy, "too many requests to the data plane are under way: try again"}
		}
		if err := pause(ctx, lastLook); err != nil {
			return 0, err
		}
	}
}

// post writes the request. If this process was asleep for longer than the lease the slot is somebody else's by now: then
// the sum of what stands there is wrong, and the server refuses it.
//
//go:norace
func post(there *slot, id uint64, op Op, request []byte) {
	atomic.StoreUint32(&there.Op, uint32(op))
	atomic.StoreUint32(&there.Length, uint32(len(request)))
	copy(there.Body[:], request)
	atomic.StoreUint64(&there.Sum, sum(id, op, request))
	atomic.StoreUint64(&there.Posted, id)
}

// wait looks for the reply until it is there, the context ends, or nobody is left to give it.
func (c *Client) wait(ctx context.Context, there *slot, r *reply, id uint64) ([]byte, error) {
	look, alive := firstLook, time.Now()
	for {
		if body, code, ok := readReply(r, id); ok {
			if code != OK {
				return nil, &Error{code, string(body)}
			}
			return body, nil
		}
		if now := time.Now(); now.Sub(alive) > lifeLook {
			if alive = now; atomic.LoadUint64(&there.Owner) != id || !c.state.Alive() {
				return nil, &Error{Gone, "the data plane ended or restarted before it answered"}
			}
		}
		if err := pause(ctx, look); err != nil {
			return nil, err
		}
		look = min(look*5/4, lastLook)
	}
}

//go:norace
func readReply(r *reply, id uint64) (body []byte, code Code, ok bool) {
	if atomic.LoadUint64(&r.ID) != id {
		return nil, 0, false
	}
	body, code = make([]byte, min(r.Length, MaxReply)), Code(r.Code)
	copy(body, r.Body[:])
	return body, code, atomic.LoadUint64(&r.ID) == id
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("command to the data plane: %w", context.Cause(ctx))
	case <-t.C:
		return nil
	}
}
