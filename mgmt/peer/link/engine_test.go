package link

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/pki"
	"fcredirect/mgmt/peer/record"
)

// real is a node with an engine.
type real struct {
	*engine.Engine
	link atomic.Pointer[Link]
}

// runReal makes an engine and its connections, and runs both until the test ends.
func runReal(t *testing.T, store *pki.Store, names []string, incarnation uint64, listen net.Listener, peers ...Peer) *real {
	t.Helper()
	r := &real{}
	c := engine.Config{
		Cluster: store.Cluster(), Self: store.Node(), Nodes: names, Incarnation: incarnation, Settings: engine.Defaults(),
		Applied: func(engine.Applied) {}, Message: func(string, []byte) {}, Notice: func(engine.Notice) {},
		Wake: func(c *engine.Conn) {
			if l := r.link.Load(); l != nil {
				l.Wake(c)
			}
		},
	}
	_, _ = rand.Read(c.Instance[:])
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Engine = e
	l, err := New(Options{
		Store: store, Peers: peers, Now: now, Settings: quick(), Listener: func(context.Context) (net.Listener, error) { return listen, nil },
		Connect: func(at int64, peer string, g Group) (Session, error) {
			s, err := e.Connect(at, peer, engine.Group(g))
			if err != nil {
				return nil, err
			}
			return s, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.link.Store(l)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { _ = l.Run(ctx, nil) })
	all.Go(func() {
		for ctx.Err() == nil {
			next := time.Duration(e.Tick(now()) - now())
			sleep(ctx, min(max(next, time.Millisecond), 50*time.Millisecond))
		}
	})
	t.Cleanup(func() { cancel(); all.Wait() })
	return r
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func (r *real) put(t *testing.T, key uint64, value uint64) {
	t.Helper()
	fields := make([]uint64, record.Flow.Fields())
	fields[record.FlowSerial] = value
	if err := r.Put(now(), record.High, record.Key{Kind: record.Flow, ID: key}, fields); err != nil {
		t.Fatal(err)
	}
}

// has says whether a node has this value of this origin's record.
func (r *real) has(origin string, key, value uint64) bool {
	slot, ok := r.Slot(origin)
	if !ok {
		return false
	}
	got, ok := r.Get(slot, record.Key{Kind: record.Flow, ID: key})
	return ok && got.Fields[record.FlowSerial] == value
}

// Two engines over real sockets come to have the same, and again after their connections were cut in the middle.
func TestTwoEnginesConvergeOverRealSocketsThroughCuts(t *testing.T) {
	names := []string{"fcr-a", "fcr-b"}
	stores := cluster(t, nil, names...)
	inA, inB := listener(t), listener(t)
	through := newCutter(t, inB.Addr().String())
	a := runReal(t, stores[0], names, 1, inA, Peer{"fcr-b", through.address()})
	b := runReal(t, stores[1], names, 1, inB, Peer{"fcr-a", inA.Addr().String()})
	const flows = 3000
	for round := range uint64(4) {
		for i := range uint64(flows) {
			a.put(t, i, i+round)
			b.put(t, i, i*2+round)
			if i == flows/2 && round > 0 {
				through.cut()
			}
		}
		until(t, fmt.Sprintf("round %d", round), func() bool {
			for i := range uint64(flows) {
				if !b.has("fcr-a", i, i+round) || !a.has("fcr-b", i, i*2+round) {
					return false
				}
			}
			return true
		})
	}
	until(t, "equal sums", func() bool {
		x, y := a.Digests(), b.Digests()
		for i := range x {
			if x[i] != y[i] {
				return false
			}
		}
		return a.Synced("fcr-b") && b.Synced("fcr-a")
	})
}

// cutter carries connections to an address, and cuts them.
type cutter struct {
	in net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

func newCutter(t *testing.T, to string) *cutter {
	c := &cutter{in: listener(t)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			x, err := c.in.Accept()
			if err != nil {
				return
			}
			y, err := net.Dial("tcp", to)
			if err != nil {
				x.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, x, y)
			c.mu.Unlock()
			all.Go(func() { pass(x, y) })
			all.Go(func() { pass(y, x) })
		}
	})
	t.Cleanup(func() { c.in.Close(); c.cut(); all.Wait() })
	return c
}

func pass(from, to net.Conn) {
	buf := make([]byte, 1000) // small, so that a cut falls into the middle of things
	for {
		n, err := from.Read(buf)
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			from.Close()
			to.Close()
			return
		}
	}
}

func (c *cutter) address() string { return c.in.Addr().String() }

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.conns {
		x.Close()
	}
	c.conns = nil
}
