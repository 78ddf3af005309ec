package pki

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is one that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// served is what a server has answered.
type served struct {
	Served
	err error
}

// serve answers on a port of its own until the test ends.
func serve(t *testing.T, s *Store) (address string, answers <-chan served) {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan served, 100)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			raw, err := in.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer raw.Close()
				c := tls.Server(raw, s.Server(func(string) error { return nil }, nil))
				if err := c.Handshake(); err != nil {
					out <- served{err: err}
					return
				}
				done, err := s.Serve(c)
				out <- served{done, err}
			})
		}
	})
	t.Cleanup(func() { in.Close(); all.Wait() })
	return in.Addr().String(), out
}

// begin makes a cluster with its first node.
func begin(t *testing.T, cluster, node string, now Clock) *Store {
	t.Helper()
	s, err := Init(filepath.Join(t.TempDir(), "state", "peer"), cluster, node, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// member joins a node to the cluster of a store.
func member(t *testing.T, s *Store, address, node string, now Clock) *Store {
	t.Helper()
	in, err := s.Invite(node, address)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Join(t.Context(), JoinOptions{Dir: filepath.Join(t.TempDir(), "peer"), Node: node, Code: in.Code, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func want(t *testing.T, err error, reason Reason) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != reason {
		t.Errorf("%v, want %s", err, reason)
	}
}

func call(t *testing.T, from *Store, node, address string, renew bool) (bool, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return from.Call(ctx, nil, node, address, renew)
}
