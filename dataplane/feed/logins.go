package feed

import "fcredirect/dataplane/shm"

// LoginSource is the table of logins that the control goroutine owns.
type LoginSource interface {
	// FillLogin writes the state of now of the login at an address, all but the header, and says whether there is one.
	// When there is none it writes what it knows of the one that was.
	FillLogin(addr uint64, item *LoginItem) (live bool)
	// Addresses gives the address of each login.
	Addresses(yield func(addr uint64) bool)
}

// LoginOutlets are the rings of state of the control goroutine: to the peers and to the first shard of the store.
type LoginOutlets struct {
	list   []*loginOutlet
	source LoginSource
}

// loginOutlet keeps the addresses that wait, in the order in which they changed first. A change of one that waits already
// is merged.
type loginOutlet struct {
	// constant
	to     sink
	limit  int
	report uint64
	silent bool                   // of another shard than the first: logins are not for it, but its wishes are answered
	again  func(addr uint64) bool // for Addresses: made once, because nobody collects garbage here

	// the producer's
	queue   []uint64
	waiting map[uint64]struct{} // those in the queue
	due     uint64
	all     bool // a wish for everything is being answered
	missed  bool // a login found no place in the queue: all are marked when it is empty
	full    bool
}

// NewLoginOutlets takes the control goroutine's side. At most limit addresses wait in each: at least as many as the table
// holds.
func NewLoginOutlets(state, ctl *shm.File, c Config, source LoginSource, limit int) (*LoginOutlets, error) {
	o := &LoginOutlets{source: source}
	for _, consumer := range []Consumer{Peer, Store} {
		for shard := range c.Spec.shards(consumer) {
			to, err := newSink(state, ctl, c, consumer, shard)
			if err != nil {
				return nil, err
			}
			out := &loginOutlet{to: to, report: c.Report, silent: shard > 0, all: to.owes()}
			if !out.silent {
				out.limit, out.queue, out.waiting = limit, make([]uint64, 0, limit), make(map[uint64]struct{}, limit)
				out.missed = out.all
			}
			out.again = func(addr uint64) bool {
				out.missed = !out.add(addr) || out.missed
				return true
			}
			o.list = append(o.list, out)
		}
	}
	return o, nil
}

// Mark says that the login at the address changed, came or went.
func (o *LoginOutlets) Mark(addr uint64) {
	for _, out := range o.list {
		if !out.silent {
			out.mark(addr)
		}
	}
}

func (out *loginOutlet) mark(addr uint64) {
	if _, there := out.waiting[addr]; there {
		out.to.info.Conflated++
	} else if !out.add(addr) {
		// What there is will be told of when there is room; of what is gone only the count tells, and the consumer, when it
		// is back, asks for everything.
		out.to.info.Unreported++
		out.missed = true
	}
}

// add says whether the address waits now.
func (out *loginOutlet) add(addr uint64) bool {
	if _, there := out.waiting[addr]; there {
		return true
	}
	if len(out.queue) == out.limit {
		return false
	}
	out.waiting[addr] = struct{}{}
	out.queue = append(out.queue, addr)
	return true
}

// markAll marks every login. What finds no place is marked when the queue is empty.
func (out *loginOutlet) markAll(source LoginSource) {
	if out.missed = false; !out.silent {
		source.Addresses(out.again)
	}
}

// Resync marks every login, as after a warm start.
func (o *LoginOutlets) Resync() {
	for _, out := range o.list {
		out.markAll(o.source)
	}
}

// Offer fills the rings with at most budget items each.
func (o *LoginOutlets) Offer(now uint64, budget int) {
	for _, out := range o.list {
		if int64(now-out.due) >= 0 {
			out.due = now + out.report
			// One wish after the other, or who has a new one all the time would never be told everything.
			if (!out.all || out.to.ring.Broken()) && out.to.wishes() {
				out.all = true
				out.markAll(o.source)
			}
		}
		out.offer(o.source, now, budget)
	}
}

func (out *loginOutlet) offer(source LoginSource, now uint64, budget int) {
	room := min(budget, out.to.ring.Free(budget))
	done := min(room, len(out.queue))
	for _, addr := range out.queue[:done] {
		out.tell(source, addr, now)
	}
	if done > 0 {
		out.queue = out.queue[:copy(out.queue, out.queue[done:])]
	}
	if len(out.queue) == 0 && out.missed {
		out.markAll(source)
	}
	if len(out.queue) == 0 && done < room && out.all {
		out.all = false
		out.to.sync(now)
		done++
	}
	if done > 0 {
		out.to.commit()
	}
	if blocked := len(out.queue) > 0 && room == 0; blocked != out.full {
		if out.full = blocked; blocked {
			out.to.info.Full++
		}
	}
	out.to.info.Pending = uint64(len(out.queue))
}

// tell puts an item about the login at an address into the ring, which has room.
func (out *loginOutlet) tell(source LoginSource, addr, now uint64) {
	delete(out.waiting, addr)
	item := out.to.reserve(now, KindLogin, High, FlagChanged).Login()
	*item = LoginItem{Header: item.Header, Addr: addr}
	if !source.FillLogin(addr, item) {
		item.Lane, item.Header.Flags = Immediate, FlagEnded
	}
}
