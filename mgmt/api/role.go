package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

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
	o Options

	mu  sync.Mutex
	ill map[string]error // what is not well, by part
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
	return &Role{o: o, ill: map[string]error{}}, nil
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
	return r.serve(ctx, a, ready)
}

// dir is where the role keeps what must survive.
func (r *Role) dir() string { return filepath.Join(r.o.Config.StateDir, "api") }

// Healthy says what is not well.
func (r *Role) Healthy() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []error
	for part, err := range r.ill {
		all = append(all, fmt.Errorf("%s: %w", part, err))
	}
	return errors.Join(all...)
}

// say notes how a part is: nil if it is well.
func (r *Role) say(part string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		delete(r.ill, part)
		return
	}
	r.ill[part] = err
}
