package peer

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/peer/ask"
	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/link"
	"fcredirect/mgmt/peer/pki"
)

// cluster is a node among others: the engine with its clock, what goes from it into the data plane and to people, and the
// connections. It lives as long as Run, and is one incarnation of the node.
//
//	tick     what is due by time alone
//	connect  certificates, then connections: not before the data plane has told everything once, or had its time for it
//	notice   what the engine has to say, as events and alarms
//	judge    alarms of what lasts
type cluster struct {
	role        *Role
	dir         string
	names       []string // sorted: the index is the slot
	addresses   map[string]string
	partnerName string
	self        uint8
	partner     uint8 // self where there is none

	engine      *engine.Engine
	asker       *ask.Asker // questions of other roles to nodes, and of nodes to other roles
	own         *own
	programmer  *programmer // nil: no partner
	silentAfter time.Duration
	began       time.Time
	asked       atomic.Bool   // the data plane is telling everything
	told        chan struct{} // closed when the data plane has told everything once
	tellOnce    sync.Once
	news        chan func(context.Context) // what is to be told
	dropped     atomic.Uint64              // news that found no room
	quiet       quiet
	connected   map[string]bool // peers that were told to be; of the goroutine that tells

	link  atomic.Pointer[link.Link] // nil: there are no connections yet
	store atomic.Pointer[pki.Store] // nil: this node has no certificate
	fault atomic.Pointer[string]    // why there are no connections at all

	planes sync.RWMutex // guards plane: who reads it holds the mapping of the segment
	plane  *client      // nil: there is no segment
}

// client is the data plane of a segment that is mapped.
type client struct {
	tables
	alive func() bool
	pair  func() *PeerPair // nil: none
	over  context.Context  // ends when the segment is to be unmapped
}

// use has a look at the data plane that there is now, or says that there is none. The segment stays mapped meanwhile.
func (c *cluster) use(do func(*client)) bool {
	c.planes.RLock()
	defer c.planes.RUnlock()
	if c.plane == nil || !c.plane.alive() {
		return false
	}
	do(c.plane)
	return true
}

func (c *cluster) setPlane(to *client) {
	c.planes.Lock()
	defer c.planes.Unlock()
	c.plane = to
}

// newCluster makes one; nil where the configuration names no other nodes.
func newCluster(r *Role) (*cluster, error) {
	conf := &r.o.Peers
	if conf.Alone() {
		return nil, nil
	}
	c := &cluster{
		role: r, dir: r.o.Dir, addresses: map[string]string{}, connected: map[string]bool{}, partnerName: conf.Partner, began: time.Now(), told: make(chan struct{}),
		news: make(chan func(context.Context), newsMax),
	}
	for _, n := range conf.Nodes {
		c.names, c.addresses[n.Name] = append(c.names, n.Name), n.Address
	}
	slices.Sort(c.names)
	self := slices.Index(c.names, r.o.Node)
	if self < 0 {
		return nil, fmt.Errorf("peer: this node is %s, and not among the nodes", r.o.Node)
	}
	c.self, c.partner = uint8(self), uint8(self)
	if at := slices.Index(c.names, conf.Partner); at >= 0 {
		c.partner = uint8(at)
	}
	settings, err := settingsOf(conf.Settings)
	if err != nil {
		return nil, err
	}
	c.silentAfter = settings.SilentAfter
	config := engine.Config{
		Self: r.o.Node, Nodes: c.names, Settings: settings, Applied: c.applied, Notice: c.notice, Wake: c.wake, Message: func(from string, b []byte) { c.asker.Message(from, b) },
		Wall: func() int64 { return time.Now().UnixNano() },
	}
	if config.Incarnation, err = nextIncarnation(c.dir, r.o.Log); err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	if _, err := rand.Read(config.Instance[:]); err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	if c.engine, err = engine.New(config); err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	c.asker = ask.New(ask.Options{Send: c.engine.Send, Answer: r.asked})
	c.own = newOwn(c.engine, c.now, c.self, c.partner)
	if c.partner != c.self {
		c.programmer = newProgrammer(c.engine, c.now, c.self, c.partner, c.partnerName, c.pairNow)
	}
	return c, nil
}

// now is the engine's clock: nobody sets it.
func (c *cluster) now() int64 { return int64(time.Since(c.began)) }

func (c *cluster) applied(a engine.Applied) {
	if c.programmer != nil {
		c.programmer.applied(a)
	}
}

// notice takes what the engine has to say. It must not wait.
func (c *cluster) notice(n engine.Notice) {
	if c.quiet.passes(n, time.Now()) {
		c.later(func(ctx context.Context) { c.tellNotice(ctx, n) })
	}
}

// later has news told by a goroutine that may wait.
func (c *cluster) later(tell func(context.Context)) {
	select {
	case c.news <- tell:
	default:
		c.dropped.Add(1)
	}
}

// run does all of it until ctx ends.
func (c *cluster) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	defer c.asker.Close()
	running.Go(func() { c.tick(ctx) })
	running.Go(func() { c.tellNews(ctx) })
	running.Go(func() { c.judge(ctx) })
	running.Go(func() { c.role.o.Alarms.Run(ctx) })
	return c.connect(ctx)
}

// tick has the engine do what is due.
func (c *cluster) tick(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
			next := time.Duration(c.engine.Tick(c.now()) - c.now())
			pause.Reset(min(max(next, tickMin), tickMax))
		}
	}
}

// identify waits for a certificate.
func (c *cluster) identify(ctx context.Context) (*pki.Store, error) {
	said := ""
	for {
		store, err := pki.Open(c.dir, nil)
		if err == nil && store.Node() != c.role.o.Node {
			err = fmt.Errorf("the certificate in %s is that of node %s: this is %s", c.dir, store.Node(), c.role.o.Node)
		}
		if err == nil {
			c.fault.Store(nil)
			c.store.Store(store)
			return store, nil
		}
		text := err.Error()
		c.fault.Store(&text)
		if said != text {
			said = text
			c.role.o.Log.Warn("peer: no connections", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(c.role.pace.identify):
		}
	}
}

// connect serves connections until ctx ends.
func (c *cluster) connect(ctx context.Context) error {
	store, err := c.identify(ctx)
	if err != nil {
		return nil // ctx ended
	}
	c.awaitTold(ctx)
	return c.serveLink(ctx, store)
}

// awaitTold waits until the data plane has told everything once. One that does not run has little time to begin, and one that
// is at it has more.
func (c *cluster) awaitTold(ctx context.Context) {
	patience := time.NewTimer(firstSync)
	defer patience.Stop()
	select {
	case <-ctx.Done():
		return
	case <-c.told:
		return
	case <-patience.C:
	}
	if !c.asked.Load() {
		return
	}
	patience.Reset(longSync)
	select {
	case <-ctx.Done():
	case <-c.told:
	case <-patience.C:
	}
}

// serve is what a segment has beside its rings: the data plane is given what the partner knows. It ends when ctx does.
func (c *cluster) serve(ctx context.Context, seg *attach.Segment) {
	to := planeOf(ctx, seg)
	c.setPlane(to)
	defer c.setPlane(nil)
	if c.programmer == nil {
		<-ctx.Done()
		return
	}
	c.programmer.run(ctx, to, to.alive, func() ([]uint64, []uint64) { return leftIn(seg.State) }, c.role.pace.ready)
}

// everythingTold lets connections begin.
func (c *cluster) everythingTold() { c.tellOnce.Do(func() { close(c.told) }) }
