package store

import (
	"sync/atomic"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/worker"
)

// batch is the latest snapshot of each flow and login of some items. It holds no pointers, so a large one costs the
// garbage collector nothing.
type batch struct {
	flows  []feed.FlowItem
	logins []feed.LoginItem
	serial map[uint64]int32 // where in flows
	addr   map[uint64]int32 // where in logins
}

func newBatch() *batch { return &batch{serial: map[uint64]int32{}, addr: map[uint64]int32{}} }

func (b *batch) size() int { return len(b.flows) + len(b.logins) }

// flow takes a snapshot, and says whether there was one of the same life. The later of the two stays: all of a life come
// from one ring, whose numbers rise.
func (b *batch) flow(f *feed.FlowItem) (merged bool) {
	if i, there := b.serial[f.Serial]; there {
		if b.flows[i].Seq < f.Seq {
			b.flows[i] = *f
		}
		return true
	}
	b.serial[f.Serial] = int32(len(b.flows))
	b.flows = append(b.flows, *f)
	return false
}

// login is the same for a login and its address.
func (b *batch) login(l *feed.LoginItem) (merged bool) {
	if i, there := b.addr[l.Addr]; there {
		if b.logins[i].Seq < l.Seq {
			b.logins[i] = *l
		}
		return true
	}
	b.addr[l.Addr] = int32(len(b.logins))
	b.logins = append(b.logins, *l)
	return false
}

// absorb merges another batch into this one, and gives how many were merged.
func (b *batch) absorb(from *batch) (merged int) {
	for i := range from.flows {
		if b.flow(&from.flows[i]) {
			merged++
		}
	}
	for i := range from.logins {
		if b.login(&from.logins[i]) {
			merged++
		}
	}
	return merged
}

func (b *batch) reset() {
	b.flows, b.logins = b.flows[:0], b.logins[:0]
	clear(b.serial)
	clear(b.addr)
}

// part is a worker's share of the batch. Two batches take turns: at a mark the worker gives its own away, and goes on
// with the one that the flusher gave back.
type part struct {
	batch *batch        // the worker's
	cut   chan given    // of all parts
	free  chan *batch   // of this part: what came back
	over  chan struct{} // closed when nobody takes batches any more
	size  atomic.Int64  // for the reader
}

// given is a batch on its way to the flusher.
type given struct {
	by    *part
	batch *batch
}

// Handle merges an item.
func (p *part) Handle(item *feed.Item) worker.Outcome {
	merged := false
	switch item.Header().Kind {
	case feed.KindFlow:
		merged = p.batch.flow(item.Flow())
	case feed.KindLogin:
		merged = p.batch.login(item.Login())
	default:
		return worker.Dropped
	}
	if merged {
		return worker.Merged
	}
	p.size.Store(int64(p.batch.size()))
	return worker.Applied
}

// Mark gives the batch away.
func (p *part) Mark(uint64) {
	p.cut <- given{p, p.batch} // has room for one of each part
	p.size.Store(0)
	select {
	case p.batch = <-p.free:
	case <-p.over:
		p.batch = newBatch()
	}
}
