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
	to      sink
	limit   int
	queue   []uint64
	waiting map[uint64]struct{}
	report  uint64
	due     uint64
	all     bool // the consumer wished for everything
	silent  bool // of another shard than the first: logins are not for it, but its wishes are answered
	full    bool
}

// NewLoginOutlets takes the control goroutine's side. At most limit addresses wait in each.
func NewLoginOutlets(state, ctl *shm.File, c Config, source LoginSource, limit int) (*LoginOutlets, error) {
	o := &LoginOutlets{source: source}
	for _, consumer := range []Consumer{Peer, Store} {
		for shard := range c.Spec.shards(consumer) {
			to, err := newSink(state, ctl, c, consumer, shard)
			if err != nil {
				return nil, err
			}
			out := &loginOutlet{to: to, report: c.Report, silent: shard > 0}
			if !out.silent {
				out.limit, out.waiting = limit, make(map[uint64]struct{}, limit)
			}
			o.list = append(o.list, out)
		}
	}
	return o, nil
}

// Mark says that the login at the address changed, came or went.
func (o *LoginOutlets) Mark(addr uint64) {
	for _, out := range o.list {
		out.mark(addr)
	}
}

func (out *loginOutlet) mark(addr uint64) {
	if out.silent {
		return
	}
	if _, there := out.waiting[addr]; there {
		out.to.info.Conflated++
		return
	}
	if len(out.queue) == out.limit {
		out.to.info.Unreported++ // the consumer sees it, and asks for everything when it is back
		return
	}
	out.waiting[addr] = struct{}{}
	out.queue = append(out.queue, addr)
}

// Resync marks every login, as after a warm start.
func (o *LoginOutlets) Resync() {
	for addr := range o.source.Addresses {
		o.Mark(addr)
	}
}

// Offer fills the rings with at most budget items each.
func (o *LoginOutlets) Offer(now uint64, budget int) {
	for _, out := range o.list {
		if int64(now-out.due) >= 0 {
			out.due = now + out.report
			if out.to.wishes() {
				out.all = true
				for addr := range o.source.Addresses {
					out.mark(addr)
				}
			}
		}
		out.offer(o.source, now, budget)
	}
}

func (out *loginOutlet) offer(source LoginSource, now uint64, budget int) {
	room := min(budget, out.to.ring.Free(budget))
	done := 0
	for ; done < room && done < len(out.queue); done++ {
		addr := out.queue[done]
		delete(out.waiting, addr)
		item := out.to.reserve(now, KindLogin, High, FlagChanged).Login()
		h := item.Header
		*item = LoginItem{Header: h, Addr: addr}
		if !source.FillLogin(addr, item) {
			item.Lane, item.Header.Flags = Immediate, FlagEnded
		}
	}
	out.queue = out.queue[:copy(out.queue, out.queue[done:])]
	if len(out.queue) == 0 && done < room && out.all {
		out.all = false
		out.to.reserve(now, KindSynced, High, 0).Sync().Nonce = out.to.info.Nonce
		out.to.info.Synced = out.to.info.Nonce
		done++
	}
	if done > 0 {
		out.to.commit()
	}
	if blocked := len(out.queue) > 0 && room == 0; blocked != out.full {
		if out.full = blocked; blocked {
			out.to.wasFull()
		}
	}
	out.to.info.Pending = uint64(len(out.queue))
}
