package bench

import (
	"context"

	"fcredirect/dataplane/flow"
)

// synchronous does everything for a frame before it takes the next.
type synchronous struct {
	*operations
	l    *lab
	done uint64
	ctx  context.Context // of the run
	one  [1]update
}

func (v *synchronous) begin(ctx context.Context, l *lab) (*poller, error) {
	p, err := l.newTable()
	if err != nil {
		return nil, err
	}
	v.l, v.ctx = l, ctx
	if v.operations, err = openOperations(ctx, l); err != nil {
		return nil, err
	}
	return newPoller(l.traffic, p, 1), nil
}

func (v *synchronous) owed(p *poller, n int, _ uint64) error {
	for _, slot := range p.hit[:n] {
		e := p.shard.InSlot(slot)
		v.one[0] = fromEntry(e, p.shard.Info(e))
		if err := v.peer.send(v.one[:]); err != nil {
			return err
		}
		if err := v.storage.write(v.ctx, &v.one[0]); err != nil {
			return err
		}
		if err := v.monitoring.send(v.one[:]); err != nil {
			return err
		}
		if err := v.audit.write(v.one[:]); err != nil {
			return err
		}
		v.done++
	}
	return nil
}

func (v *synchronous) between(*poller, uint64)    {}
func (v *synchronous) fresh() uint64              { return 0 }
func (v *synchronous) touch(*poller, *flow.Entry) {}

func (v *synchronous) counts() (counts, error) {
	return counts{
		updates: v.done, operations: v.storage.done.Load(), peerUpdates: v.peer.messages, peerMessages: v.peer.messages, peerBytes: v.peer.bytes,
		syncs: v.audit.syncs.Load(),
	}, nil
}

func (v *synchronous) pids() []int { return nil }

func (v *synchronous) end(*poller) (*bool, error) { return nil, v.operations.close() }
