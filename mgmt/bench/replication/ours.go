package replication

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/link"
	"fcredirect/mgmt/peer/pki"
	"fcredirect/mgmt/peer/record"
)

// The nodes of the bench. The lower name dials, so changes go the way of the line.
const (
	clusterName = "bench"
	newcomer    = "a"
	sender      = "b"
	receiver    = "c"
	nowhere     = "127.0.0.1:9" // is never dialled
)

// lab is what all measurements share: who the nodes are, and the clock.
type lab struct {
	dir    string
	stores map[string]*pki.Store
	begun  time.Time
}

func (l *lab) now() int64 { return int64(time.Since(l.begun)) }

// openLab makes a cluster, in the way in which admins do.
func openLab(ctx context.Context) (l *lab, err error) {
	l = &lab{stores: map[string]*pki.Store{}, begun: time.Now()}
	if l.dir, err = os.MkdirTemp("", "fcr-bench-peer-"); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	if err := l.found(ctx); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *lab) found(ctx context.Context) error {
	way, err := openLine(0)
	if err != nil {
		return err
	}
	first, err := pki.Init(filepath.Join(l.dir, sender), clusterName, sender, time.Now)
	if err != nil {
		return errors.Join(err, way.close())
	}
	l.stores[sender] = first
	n, err := l.newNode(sender, []string{sender, receiver}, nil)
	if err == nil {
		err = n.connect(ctx, link.Options{Listener: func(context.Context) (net.Listener, error) { return way.listener, nil }})
	}
	if err != nil {
		return errors.Join(err, way.close())
	}
	for _, name := range [2]string{receiver, newcomer} {
		err = errors.Join(err, l.join(ctx, first, name, way.address))
	}
	return errors.Join(err, n.stop(), way.close())
}

func (l *lab) join(ctx context.Context, first *pki.Store, name, address string) error {
	invited, err := first.Invite(name, address)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	l.stores[name], err = pki.Join(ctx, pki.JoinOptions{Dir: filepath.Join(l.dir, name), Node: name, Code: invited.Code, Now: time.Now})
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	return nil
}

func (l *lab) close() error { return os.RemoveAll(l.dir) }

// node is one node: an engine and its link, as the role puts them together.
type node struct {
	name    string
	lab     *lab
	engine  *engine.Engine
	link    *link.Link
	cancel  context.CancelFunc
	running sync.WaitGroup
	failed  error // of the link, after running
}

// newNode makes a node that has no connections yet.
func (l *lab) newNode(name string, nodes []string, applied func(engine.Applied)) (*node, error) {
	n := &node{name: name, lab: l, cancel: func() {}}
	c := engine.Config{
		Cluster: clusterName, Self: name, Nodes: nodes, Incarnation: uint64(time.Now().UnixNano()), Settings: engine.Defaults(),
		Applied: applied, Wake: func(c *engine.Conn) { n.link.Wake(c) },
	}
	if _, err := rand.Read(c.Instance[:]); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	var err error
	if n.engine, err = engine.New(c); err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return n, nil
}

// connect starts its link.
func (n *node) connect(ctx context.Context, o link.Options) (err error) {
	o.Store, o.Now = n.lab.stores[n.name], n.lab.now
	o.Connect = func(now int64, peer string, g link.Group) (link.Session, error) {
		return n.engine.Connect(now, peer, engine.Group(g))
	}
	if n.link, err = link.New(o); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	ctx, n.cancel = context.WithCancel(ctx)
	n.running.Go(func() { n.failed = n.link.Run(ctx, nil) })
	n.running.Go(func() { n.tick(ctx) })
	return nil
}

// tick gives the engine the time, as often as it asks for it.
func (n *node) tick(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			next := n.engine.Tick(n.lab.now())
			timer.Reset(max(tickLeast, min(tickMost, time.Duration(next-n.lab.now()))))
		case <-ctx.Done():
			return
		}
	}
}

func (n *node) stop() error {
	n.cancel()
	n.running.Wait()
	return n.failed
}

// oursVariant is two nodes and what goes from the one to the other.
type oursVariant struct {
	r        *run
	from, to *node
	back     *line // where the sender itself is reached
	slot     uint8
	base     uint64 // the last version before the trace
	refs     []record.Ref
	mu       sync.Mutex // guards conns
	conns    []*counted
}

func openOurs(r *run) (variant, error) {
	o := &oursVariant{r: r}
	err := o.make([]string{sender, receiver}, o.applied)
	if err == nil {
		err = o.fill()
	}
	if err == nil {
		err = o.connect()
	}
	if err == nil {
		err = o.settled()
	}
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

// make makes both nodes.
func (o *oursVariant) make(nodes []string, applied func(engine.Applied)) (err error) {
	if o.back, err = openLine(0); err != nil {
		return err
	}
	if o.from, err = o.r.lab.newNode(sender, nodes, nil); err != nil {
		return err
	}
	o.slot, _ = o.from.engine.Slot(sender)
	o.to, err = o.r.lab.newNode(receiver, nodes, applied)
	return err
}

// connect lets them find each other. The bytes of the sender's connections are counted.
func (o *oursVariant) connect() error {
	peers := func(name string) []link.Peer { // the newcomer is expected everywhere; it is it that dials
		return []link.Peer{{Name: newcomer, Address: nowhere}, {Name: name, Address: o.r.line.address}}
	}
	err := o.to.connect(o.r.ctx, link.Options{
		Listener: func(context.Context) (net.Listener, error) { return o.r.line.listener, nil }, Peers: peers(sender),
	})
	if err != nil {
		return err
	}
	return o.from.connect(o.r.ctx, link.Options{
		Listener: func(context.Context) (net.Listener, error) { return o.back.listener, nil }, Peers: peers(receiver),
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := o.r.line.dial(ctx)
			if err != nil {
				return nil, err
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			o.conns = append(o.conns, c)
			return c, nil
		},
	})
}

// fill puts everything that is there before the trace begins.
func (o *oursVariant) fill() (err error) {
	w := o.r.world
	o.from.engine.Batch(o.r.lab.now(), func(b *engine.Batch) {
		for key, f := range w.fields {
			if f != nil && err == nil {
				o.refs = w.refs(key, o.refs)
				err = b.Put(record.Normal, w.keys[key], f, o.refs...)
				o.base++
			}
		}
	})
	return err
}

// settled waits until both connections stand and the receiver has what is there.
func (o *oursVariant) settled() error {
	for end := time.Now().Add(syncLimit); time.Now().Before(end) && o.r.ctx.Err() == nil; time.Sleep(time.Millisecond) {
		p := o.peer()
		if p.Connected[engine.Urgent] && p.Connected[engine.Bulk] && o.equal() == nil {
			return nil
		}
	}
	return fmt.Errorf("bench: the nodes did not come together within %v: %w", syncLimit, errors.Join(o.equal(), o.r.ctx.Err()))
}

// peer is what the sender knows of the receiver, whose name is the last.
func (o *oursVariant) peer() engine.PeerStatus {
	all := o.from.engine.Peers(o.r.lab.now())
	return all[len(all)-1]
}

// equal compares how far the receiver is, and the digests.
func (o *oursVariant) equal() error {
	here, there := o.from.engine.Vector()[o.slot], o.to.engine.Vector()[o.slot]
	if here.Incarnation != there.Incarnation || here.Versions != there.Versions {
		return fmt.Errorf("the sender is at %v, the receiver at %v", here, there)
	}
	if a, b := o.from.engine.Digests()[o.slot], o.to.engine.Digests()[o.slot]; a != b {
		return fmt.Errorf("the digests are %v and %v", a, b)
	}
	return nil
}

// applied is called by the receiver's engine.
func (o *oursVariant) applied(a engine.Applied) {
	if a.Origin != o.slot {
		return
	}
	o.r.meter.shownAll(len(a.Records), func(k int) int32 {
		return int32(max(-1, int64(a.Records[k].Version)-int64(o.base)-1))
	})
}

func (o *oursVariant) send(from, to int32) (err error) {
	w := o.r.world
	o.from.engine.Batch(o.r.lab.now(), func(b *engine.Batch) {
		for i := from; i < to && err == nil; i++ {
			e := &o.r.trace.events[i]
			key := int(e.key)
			f := w.change(key, e.at, e.gone)
			if f == nil {
				err = b.Delete(e.lane, w.keys[key])
				continue
			}
			o.refs = w.refs(key, o.refs)
			err = b.Put(e.lane, w.keys[key], f, o.refs...)
		}
	})
	return err
}

func (o *oursVariant) look() (t tally) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.conns {
		t.add(c.tally())
	}
	p := o.peer()
	t.messages, t.answers, t.stages = p.Sent.Frames, p.Received.Frames, p.Savings
	return t
}

func (o *oursVariant) close() (err error) {
	for _, n := range []*node{o.from, o.to} {
		if n != nil {
			err = errors.Join(err, n.stop())
		}
	}
	if o.back != nil {
		err = errors.Join(err, o.back.close())
	}
	return err
}

// absent says whether the receiver knows everything and does not have a key.
func (o *oursVariant) absent(key int32) bool {
	_, there := o.to.engine.Get(o.slot, o.r.world.keys[key])
	return !there && o.from.engine.Vector()[o.slot].Versions == o.to.engine.Vector()[o.slot].Versions
}

func (o *oursVariant) exact() error {
	w := o.r.world
	return errors.Join(o.equal(), w.differs(record.MaxFields, func(key int) ([]uint64, bool) {
		r, there := o.to.engine.Get(o.slot, w.keys[key])
		return r.Fields[:], there && !r.Gone
	}))
}
