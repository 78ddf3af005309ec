package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/config"
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
	Events   audit.Events // nil: nothing keeps them, nor who did what
	Log      *slog.Logger

	Cost  auth.Cost   // of hashing passwords; zero: the usual one
	Rates *rest.Rates // nil: the usual ones
	Pages fs.FS       // of the console; nil: those that are built in

	look time.Duration // at the files of the certificate; 0: the usual one
}

// Role is one run of role api.
type Role struct {
	o       Options
	running atomic.Pointer[assembly] // nil: it does not serve

	mu        sync.Mutex
	addresses []string // that are listened on
}

// New makes the role. It touches nothing yet.
func New(o Options) (*Role, error) {
	if o.Config == nil || o.Config.StateDir == "" || o.Config.RunDir == "" {
		return nil, errors.New("api: folders for state and sockets are missing")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
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
	own, err := newCertificates(r.dir(), r.o.Config, r.o.Log)
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	a, err := r.assemble(own)
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	a.certificate = own.ends
	if r.o.look > 0 {
		own.every = r.o.look
	}
	a.start(own.run)
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
	if a.hub != nil {
		<-a.hub.Began() // who asks for the stream at once is not told that it does not run
	}
	r.running.Store(a)
	defer r.running.Store(nil)
	return r.serve(ctx, a, own, ready)
}

// Addresses are those that HTTPS is served on now.
func (r *Role) Addresses() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.addresses)
}

// opened notes an address until closed is called.
func (r *Role) opened(address string) (closed func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addresses = append(r.addresses, address)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if i := slices.Index(r.addresses, address); i >= 0 {
			r.addresses = slices.Delete(r.addresses, i, i+1)
		}
	}
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
