package system

import (
	"context"

	"fcredirect/mgmt/registry"
)

// seat is an instance's claim; *registry.Claim is one.
type seat interface {
	Promoted() <-chan struct{}
	Lost() <-chan struct{}
	Beat(registry.State, string)
	Restarted(error)
	Wanted() registry.Wanted
	Done(registry.Wanted)
	Number() int
	Release()
}

// roster is what instances ask of the registry.
type roster interface {
	claim(in registry.Instance, standby bool) (seat, error)
	wait(ctx context.Context) error    // for a segment
	changed() <-chan struct{}          // closed when another segment is in use
	stop(role string, shard int) error // leave the wish that it shall not run
	running(role string, shard int) bool
}

type ledger struct{ *registry.Registry }

func (l ledger) claim(in registry.Instance, standby bool) (seat, error) {
	take := l.Claim
	if standby {
		take = l.Standby
	}
	c, err := take(in)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (l ledger) wait(ctx context.Context) error { return l.Wait(ctx) }
func (l ledger) changed() <-chan struct{}       { return l.Changed() }

func (l ledger) stop(role string, shard int) error {
	_, err := l.Command(role, shard, registry.Stop)
	return err
}

func (l ledger) running(role string, shard int) bool {
	_, ok := l.Find(role, shard)
	return ok
}
