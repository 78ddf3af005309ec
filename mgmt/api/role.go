package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/registry"
)

// Options is what the role is made of.
type Options struct {
	Config   *config.Config
	Version  string
	Place    attach.Place
	Registry *registry.Registry
	Bus      *bus.Bus
	DB       *postgres.DB
	Events   event.Appender
	Log      *slog.Logger
}

// Role is one run of role api.
type Role struct {
	o       Options
	running atomic.Pointer[assembly] // nil: it does not serve
}

// New makes the role. It touches nothing yet.
func New(o Options) (*Role, error) {
	if o.Config == nil || o.Config.StateDir == "" || o.Config.RunDir == "" {
		return nil, errors.New("api: folders for state and sockets are missing")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Events == nil {
		o.Events = event.Nowhere{}
	}
	return &Role{o: o}, nil
}

// Run serves until ctx ends.
func (r *Role) Run(ctx context.Context, ready func()) (err error) {
	for _, dir := range []string{r.dir(), r.o.Config.RunDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("api: make folder: %w", err)
		}
	}
	a, err := r.assemble()
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer func() {
		stop()
		background.Wait()
		if err = errors.Join(err, a.close()); err != nil {
			err = fmt.Errorf("api: %w", err)
		}
	}()
	for _, run := range a.background {
		background.Go(func() { run(ctx) })
	}
	r.running.Store(a)
	defer r.running.Store(nil)
	return r.serve(ctx, a, ready)
}

// dir is where the role keeps what must survive.
func (r *Role) dir() string { return filepath.Join(r.o.Config.StateDir, "api") }

// Healthy says what is not well that a new start might mend: that it asks the settings and does not come back is such a
// thing. An address that somebody else listens on is not: it is tried again, and the socket goes on meanwhile.
func (r *Role) Healthy() error {
	if a := r.running.Load(); a != nil {
		a.settings.Revision()
	}
	return nil
}
