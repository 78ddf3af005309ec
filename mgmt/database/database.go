// Package database is the role that the other roles' database depends on: it runs the private cluster when no DSN is
// configured, or waits for the configured server; brings the schema to this program's version; and says whether the
// database takes writes.
//
// Who may import it: mgmt/system, and cmd. It imports mgmt/postgres alone.
//
// Ownership: Run's goroutine owns the cluster and the connection; Healthy may be called by any goroutine.
//
// Invariants: ready is called when the schema is ours, never before. When the private server dies by itself, Run ends with
// an error and whoever assembles the roles starts it again. When Run ends, the private server has ended too, or the error
// says so; only a kill -9 leaves it behind, and the next Run adopts it.
//
// Limits: a probe every probePeriod, each bounded by probeTimeout; a configured server that is away is tried again after
// retryMin to retryMax.
package database

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/postgres"
)

const (
	probePeriod  = 2 * time.Second
	probeTimeout = 2 * time.Second
	retryMin     = 250 * time.Millisecond
	retryMax     = 5 * time.Second
)

// Options of the role.
type Options struct {
	Node string
	// DSN is the configured server; empty means the private cluster.
	DSN string
	// DataDir holds the private cluster's data, SocketDir gets its socket: see postgres.ClusterConfig.
	DataDir, SocketDir string
	// User runs the private server when we are root; empty is postgres.
	User string
	Log  *slog.Logger
	// Settings are added to the private server's postgresql.conf.
	Settings map[string]string
}

// Role runs or watches the database.
type Role struct {
	o       Options           // constant
	cluster *postgres.Cluster // constant: nil with a configured server
	log     *slog.Logger      // constant
	health  atomic.Pointer[error]
}

var errStarting = errors.New("the database is not ready yet")

// New checks the options. It touches nothing.
func New(o Options) (*Role, error) {
	r := &Role{o: o, log: o.Log}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.set(errStarting)
	if o.DSN != "" {
		return r, nil
	}
	var err error
	r.cluster, err = postgres.NewCluster(postgres.ClusterConfig{DataDir: o.DataDir, SocketDir: o.SocketDir, User: o.User,
		Log: r.log, Settings: o.Settings})
	if err != nil {
		return nil, fmt.Errorf("role database: %w", err)
	}
	return r, nil
}

// Database is the DSN that the other roles connect to; so do those of other processes, with the same options.
func (o Options) Database() string {
	if o.DSN != "" {
		return o.DSN
	}
	return postgres.SocketDSN(o.SocketDir)
}

// Healthy says whether the last probe reached a database that takes writes.
func (r *Role) Healthy() error { return *r.health.Load() }

func (r *Role) set(err error) { r.health.Store(&err) }

// Run starts, migrates, reports ready, and watches until the context ends or the private server does.
func (r *Role) Run(ctx context.Context, ready func()) (err error) {
	defer func() {
		r.set(errStarting)
		if err != nil {
			err = fmt.Errorf("role database: %w", err)
		}
	}()
	var died <-chan struct{} // never, with a configured server
	if r.cluster != nil {
		defer func() { err = errors.Join(err, r.cluster.Stop()) }()
		if err := r.cluster.Start(ctx); err != nil {
			return unlessOver(ctx, err)
		}
		died = r.cluster.Done()
	}
	db, err := postgres.Open(postgres.Config{DSN: r.o.Database(), Node: r.o.Node, App: "fcr-database", MaxConns: 1, Log: r.log})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := r.migrate(ctx, died); err != nil {
		return unlessOver(ctx, err)
	}
	r.probe(ctx, db)
	ready()
	return r.watch(ctx, db, died)
}

// unlessOver is no error when we were told to end.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// migrate tries until it is done. A server that is away, full or read-only is waited for; a newer schema is not.
func (r *Role) migrate(ctx context.Context, died <-chan struct{}) error {
	for wait := retryMin; ; wait = min(2*wait, retryMax) {
		err := postgres.Migrate(ctx, r.o.Database())
		if err == nil || !postgres.Kind(err).Retry() {
			return err
		}
		r.set(err)
		r.log.Warn("the database cannot be migrated yet", "kind", postgres.Kind(err).String(), "err", err, "again_in", wait.String())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-died:
			return r.cluster.Err()
		case <-time.After(wait):
		}
	}
}

func (r *Role) watch(ctx context.Context, db *postgres.DB, died <-chan struct{}) error {
	tick := time.NewTicker(probePeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-died:
			return r.cluster.Err()
		case <-tick.C:
			r.probe(ctx, db)
		}
	}
}

// probe asks who the server is: the pool makes sure that it is one that takes writes.
func (r *Role) probe(ctx context.Context, db *postgres.DB) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, err := db.Identity(ctx)
	if was := r.Healthy(); (was == nil) != (err == nil) {
		if err != nil {
			r.log.Warn("the database does not take writes", "kind", postgres.Kind(err).String(), "err", err)
		} else {
			r.log.Info("the database takes writes")
		}
	}
	r.set(err)
}
