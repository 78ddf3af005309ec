package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/peer/pki"
)

// Group is what a connection is for. The values are those of the engine's groups.
type Group uint8

// The groups.
const (
	Urgent Group = iota
	Bulk
	NumGroups
)

// String is the group's name.
func (g Group) String() string {
	return [...]string{"urgent", "bulk", "unknown"}[min(g, NumGroups)]
}

// Session is what a connection says and hears: a connection of the engine.
type Session interface {
	// Receive takes a whole frame. After an error a last frame may be had from Next, and the connection ends.
	Receive(now int64, frame []byte) error
	// Next gives the next frame, in buf's memory if it fits, or when to ask again if nobody wakes the connection before.
	Next(now int64, buf []byte) (frame []byte, wake int64)
	// Err says why the connection should end; nil while it should not.
	Err() error
	Close(now int64)
}

// Peer is another node.
type Peer struct {
	Name    string
	Address string // host:port
}

// Options say what a Link needs.
type Options struct {
	Store    *pki.Store // says who this node is
	Listen   string     // host:port; empty: connections only go out
	Peers    []Peer     // all other nodes
	Settings Settings   // zero: Defaults
	Now      func() int64
	Connect  func(now int64, peer string, g Group) (Session, error) // a connection stands
	Notify   func(Notice)                                           // may be nil
	Log      *slog.Logger

	Dial pki.Dial // nil: TCP
	// Listener makes the listener; nil: TCP on Listen.
	Listener func(ctx context.Context) (net.Listener, error)
}

// NoticeKind says what a notice is about.
type NoticeKind uint8

// The kinds.
const (
	Connected   NoticeKind = iota // a connection with Peer stands
	Ended                         // it ended; Text says why
	Refused                       // one was not accepted, here or by us; Reason and Text say why, Count how often since it was last told
	Joined                        // node Peer has joined the cluster by an invitation of this node
	Renewed                       // this node, or Peer where it is named, has another certificate
	Revocations                   // a newer list of revocations is in force
	Trouble                       // something with the certificates of this node; Text says what
)

// Notice is something that the role may want to tell.
type Notice struct {
	Kind        NoticeKind
	Peer        string // of a Refused one what a certificate names: but with pki.OwnName, that does not prove that its owner was there
	Group       Group
	Address     string
	Reason      pki.Reason
	Fingerprint string
	Text        string
	Count       uint64
}

// Link is the connections of a node.
type Link struct {
	o    Options
	self string
	log  *slog.Logger
	gate *gate
	book *book

	changed  chan struct{} // certificates may have changed: takeCare looks
	news     chan struct{} // other nodes should hear of it: spread tells them
	back     atomic.Bool   // a peer has come back, which may have missed something
	address  atomic.Pointer[net.Addr]
	sessions sync.Map // Session → *connection

	entering sync.Mutex // one connection takes its place at a time

	mu     sync.Mutex // guards what follows
	conns  map[place]*connection
	calls  map[place]*attempt
	care   map[string]int // exchanges under way with a peer that called
	closed bool
}

// place is that of a connection: there is one for each.
type place struct {
	peer  string
	group Group
}

// attempt is what came of dialling.
type attempt struct {
	at    time.Time // of the last one
	next  time.Time
	count int // in a row without success
	err   string
}

// New makes a Link that has no connections yet.
func New(o Options) (*Link, error) {
	if o.Settings == (Settings{}) {
		o.Settings = Defaults()
	}
	if err := o.Settings.check(); err != nil {
		return nil, err
	}
	if o.Store == nil || o.Connect == nil || o.Now == nil || len(o.Peers) > maxPeers {
		return nil, fmt.Errorf("link: want a store, Connect, Now and at most %d peers", maxPeers)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &Link{
		o: o, self: o.Store.Node(), log: o.Log, changed: make(chan struct{}, 1), news: make(chan struct{}, 1), gate: newGate(),
		conns: map[place]*connection{}, calls: map[place]*attempt{}, care: map[string]int{},
	}
	l.book = newBook(o.Settings.RefusalEvery)
	names := map[string]bool{l.self: true}
	for _, p := range o.Peers {
		if names[p.Name] {
			return nil, fmt.Errorf("link: node %s is there twice", p.Name)
		}
		names[p.Name] = true
	}
	return l, nil
}

// Run keeps connections with all peers until ctx ends. ready is called once it listens; or at once, where it does not.
func (l *Link) Run(ctx context.Context, ready func()) error {
	if ready == nil {
		ready = func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	if l.o.Listen != "" || l.o.Listener != nil {
		all.Go(func() { l.listen(ctx, sync.OnceFunc(ready)) })
	} else {
		ready()
	}
	for _, p := range l.o.Peers {
		if l.self < p.Name {
			for g := range NumGroups {
				all.Go(func() { l.keepDialling(ctx, p, g) })
			}
		}
	}
	all.Go(func() { l.takeCare(ctx) })
	all.Go(func() { l.spread(ctx) })
	<-ctx.Done()
	l.closeAll()
	all.Wait()
	return nil
}

// closeAll ends all connections and lets no other one begin.
func (l *Link) closeAll() {
	l.mu.Lock()
	l.closed = true
	conns := make([]*connection, 0, len(l.conns))
	for _, c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.end(errStopped)
	}
}

var (
	errStopped  = errors.New("this node stops")
	errReplaced = errors.New("another connection of the same peer took its place")
)

// Wake says that a session has something to send.
func (l *Link) Wake(s Session) {
	if c, ok := l.sessions.Load(s); ok {
		nudge(c.(*connection).wake)
	}
}

// Addr is where it listens; nil where it does not.
func (l *Link) Addr() net.Addr {
	if a := l.address.Load(); a != nil {
		return *a
	}
	return nil
}

// peer finds a configured node.
func (l *Link) peer(name string) (Peer, bool) {
	i := slices.IndexFunc(l.o.Peers, func(p Peer) bool { return p.Name == name })
	if i < 0 {
		return Peer{}, false
	}
	return l.o.Peers[i], true
}

func (l *Link) notify(n Notice) {
	if l.o.Notify != nil {
		l.o.Notify(n)
	}
}

// Status is how it stands with a connection.
type Status struct {
	Peer        string
	Group       Group
	Dials       bool // this node is the one that dials
	Connected   bool
	Since       time.Time // that it stands
	Address     string    // of the other end; where it is dialled while there is none
	Fingerprint string    // of the peer's certificate
	NotAfter    time.Time // of that
	Attempts    int       // in a row that failed
	NextAttempt time.Time
	Error       string // why the last connection ended or was not made
}

// Status is that of all peers and groups, in the order of Options.
func (l *Link) Status() []Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Status
	for _, p := range l.o.Peers {
		for g := range NumGroups {
			s := Status{Peer: p.Name, Group: g, Dials: l.self < p.Name, Address: p.Address}
			if a := l.calls[place{p.Name, g}]; a != nil {
				s.Attempts, s.NextAttempt, s.Error = a.count, a.next, a.err
			}
			if c := l.conns[place{p.Name, g}]; c != nil {
				s.Connected, s.Since, s.Address = true, c.since, c.tls.RemoteAddr().String()
				s.Fingerprint, s.NotAfter = pki.Fingerprint(c.leaf), c.leaf.NotAfter
			}
			all = append(all, s)
		}
	}
	return all
}

// attempted notes what came of dialling, or of a connection that ended.
func (l *Link) attempted(p place, change func(*attempt)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.calls[p]
	if a == nil {
		a = &attempt{}
		l.calls[p] = a
	}
	change(a)
}
