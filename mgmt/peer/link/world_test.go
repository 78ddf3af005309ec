package link

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/mgmt/peer/pki"
	"fcredirect/mgmt/peer/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// began is when the clock of sessions began.
var began = time.Now()

func now() int64 { return int64(time.Since(began)) }

// script is a session that says what it is told to say.
type script struct {
	peer  string
	group Group
	heard chan []byte // every frame that came

	mu     sync.Mutex
	say    [][]byte
	always []byte // said whenever there is nothing else to say
	refuse error  // what Receive answers
	err    error
	ended  chan struct{}
}

func (s *script) Receive(_ int64, frame []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		s.say = append(s.say, frameOf(255))
		return s.refuse
	}
	s.heard <- slices.Clone(frame)
	return nil
}

func (s *script) Next(now int64, buf []byte) ([]byte, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.say) > 0 {
		frame := append(buf, s.say[0]...)
		s.say = s.say[1:]
		return frame, 0
	}
	return append(buf, s.always...), now + int64(time.Hour)
}

func (s *script) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *script) Close(int64) { close(s.ended) } // once: else it panics

func (s *script) queue(l *Link, frames ...[]byte) {
	s.mu.Lock()
	s.say = append(s.say, frames...)
	s.mu.Unlock()
	l.Wake(s)
}

// frameOf is a whole frame with a number in it.
func frameOf(n uint32) []byte {
	f, err := wire.End(binary.BigEndian.AppendUint32(wire.Begin(nil, wire.TypeMessage), n), 0, 1)
	if err != nil {
		panic(err)
	}
	return f
}

// node is a Link that a test runs.
type node struct {
	*Link
	store    *pki.Store
	options  Options
	sessions chan *script
	notices  chan Notice
	log      *safeBuffer
	first    []byte // what a session says first
	always   []byte
}

type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

// quick are settings that a test can wait for.
func quick() Settings {
	s := Defaults()
	s.RetryMin, s.RetryMax = 5*time.Millisecond, 20*time.Millisecond
	return s
}

func newNode(store *pki.Store, peers ...Peer) *node {
	n := &node{store: store, sessions: make(chan *script, 1000), notices: make(chan Notice, 1000), log: &safeBuffer{}, first: frameOf(0)}
	n.options = Options{
		Store: store, Listen: "127.0.0.1:0", Peers: peers, Settings: quick(), Now: now, Log: slog.New(slog.NewTextHandler(n.log, nil)),
		Notify: func(x Notice) { n.notices <- x },
		Connect: func(_ int64, peer string, g Group) (Session, error) {
			s := &script{peer: peer, group: g, heard: make(chan []byte, 1000), ended: make(chan struct{}), always: n.always}
			if n.first != nil {
				s.say = [][]byte{n.first}
			}
			n.sessions <- s
			return s, nil
		},
	}
	return n
}

// run runs it until the test ends, or stop is called.
func (n *node) run(t testing.TB) (stop func()) {
	t.Helper()
	l, err := New(n.options)
	if err != nil {
		t.Fatal(err)
	}
	n.Link = l
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- l.Run(ctx, func() { close(ready) }) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	<-ready
	return stop
}

func (n *node) address() string { return n.Addr().String() }

// cluster makes stores of one cluster: the first has the authority.
func cluster(t testing.TB, now pki.Clock, names ...string) []*pki.Store {
	t.Helper()
	a, err := pki.Init(filepath.Join(t.TempDir(), "peer"), "prod", names[0], now)
	if err != nil {
		t.Fatal(err)
	}
	all := []*pki.Store{a}
	door := newNode(a)
	stop := door.run(t)
	defer stop()
	for _, name := range names[1:] {
		in, err := a.Invite(name, door.address())
		if err != nil {
			t.Fatal(err)
		}
		s, err := pki.Join(t.Context(), pki.JoinOptions{Dir: filepath.Join(t.TempDir(), "peer"), Node: name, Code: in.Code, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// within waits for something, and not for ever.
func within[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("no %s within 30 s", what)
	}
	return v
}

// told waits for a notice of a kind and passes over others.
func (n *node) told(t testing.TB, kind NoticeKind) Notice {
	t.Helper()
	for {
		if x := within(t, n.notices, "notice"); x.Kind == kind {
			return x
		}
	}
}

func (n *node) session(t testing.TB) *script {
	t.Helper()
	return within(t, n.sessions, "session")
}

// until waits until something that is polled holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func dialRaw(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var errScripted = errors.New("scripted")
