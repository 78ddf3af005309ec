package engine

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"fcredirect/mgmt/peer/record"
)

const ms = int64(time.Millisecond)

// world is some engines, the connections between them, and a clock of their own.
type world struct {
	t       *testing.T
	now     int64
	delay   int64 // of every frame
	names   []string
	engines map[string]*Engine
	wires   []*cable
	notices map[string][]Notice
	applied map[string][]Applied
	inbox   map[string][]string
	frames  int
}

// cable is a connection, both ends of it.
type cable struct {
	ends   [2]*Conn
	wakeAt [2]int64
	fly    [2][]flying
	dead   bool
	mute   [2]bool // what this end sends is lost, and the connection does not notice
}

type flying struct {
	at    int64
	frame []byte
}

func newWorld(t *testing.T, change func(*Config), names ...string) *world {
	w := &world{t: t, now: 1, delay: 100_000, names: names, engines: map[string]*Engine{},
		notices: map[string][]Notice{}, applied: map[string][]Applied{}, inbox: map[string][]string{}}
	for _, name := range names {
		w.start(name, 1, byte(len(w.engines)+1), change)
	}
	return w
}

// start begins a node, or begins it anew.
func (w *world) start(name string, incarnation uint64, instance byte, change func(*Config)) {
	w.t.Helper()
	w.kill(name)
	c := Config{Cluster: "test", Self: name, Nodes: w.names, Incarnation: incarnation, Instance: [16]byte{instance}, Settings: Defaults()}
	c.Notice = func(n Notice) { w.notices[name] = append(w.notices[name], n) }
	c.Applied = func(a Applied) {
		a.Records = slices.Clone(a.Records)
		w.applied[name] = append(w.applied[name], a)
	}
	c.Message = func(from string, payload []byte) { w.inbox[name] = append(w.inbox[name], from+": "+string(payload)) }
	c.Wake = func(conn *Conn) {
		for _, cable := range w.wires {
			for i := range cable.ends {
				if cable.ends[i] == conn {
					cable.wakeAt[i] = w.now
				}
			}
		}
	}
	if change != nil {
		change(&c)
	}
	e, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.engines[name] = e
}

// kill takes a node and its connections away.
func (w *world) kill(name string) {
	e := w.engines[name]
	for _, c := range w.wires {
		if !c.dead && (c.ends[0].e == e || c.ends[1].e == e) {
			w.cut(c)
		}
	}
	delete(w.engines, name)
}

func (w *world) cut(c *cable) {
	c.dead = true
	for _, end := range c.ends {
		end.Close(w.now)
	}
}

// connect makes both connections of each pair.
func (w *world) connect(pairs ...[2]string) {
	w.t.Helper()
	for _, p := range pairs {
		for g := range NumGroups {
			w.dial(p[0], p[1], g)
		}
	}
}

func (w *world) dial(a, b string, g Group) *cable {
	w.t.Helper()
	c := &cable{}
	for i, pair := range [][2]string{{a, b}, {b, a}} {
		conn, err := w.engines[pair[0]].Connect(w.now, pair[1], g)
		if err != nil {
			w.t.Fatal(err)
		}
		c.ends[i], c.wakeAt[i] = conn, w.now
	}
	w.wires = append(w.wires, c)
	return c
}

// all connects every pair.
func (w *world) all() {
	for i, a := range w.names {
		for _, b := range w.names[i+1:] {
			w.connect([2]string{a, b})
		}
	}
}

// run lets time pass.
func (w *world) run(d int64) {
	for end := w.now + d; w.now < end; {
		next := end
		for _, name := range slices.Sorted(maps.Keys(w.engines)) {
			next = min(next, w.engines[name].Tick(w.now))
		}
		for busy := true; busy; {
			busy = false
			for _, c := range w.wires {
				for i := range c.ends {
					busy = w.step(c, i) || busy
				}
			}
		}
		for _, c := range w.wires {
			for i := range c.ends {
				if len(c.fly[i]) > 0 && !c.dead {
					next = min(next, c.fly[i][0].at)
				}
				if !c.dead {
					next = min(next, c.wakeAt[i])
				}
			}
		}
		w.now = max(next, w.now+1)
	}
}

// step does what is due at one end: sends, and takes what has arrived.
func (w *world) step(c *cable, i int) (did bool) {
	if c.dead {
		return false
	}
	for c.wakeAt[i] <= w.now {
		frame, wake := c.ends[i].Next(w.now, nil)
		c.wakeAt[i] = max(wake, w.now)
		if len(frame) == 0 {
			c.wakeAt[i] = max(wake, w.now+1)
			break
		}
		w.frames++
		if did = true; !c.mute[i] {
			c.fly[1-i] = append(c.fly[1-i], flying{w.now + w.delay, slices.Clone(frame)})
		}
	}
	for len(c.fly[i]) > 0 && c.fly[i][0].at <= w.now {
		frame := c.fly[i][0].frame
		c.fly[i] = c.fly[i][1:]
		did = true
		if err := c.ends[i].Receive(w.now, frame); err != nil {
			if last, _ := c.ends[i].Next(w.now, nil); len(last) > 0 {
				_ = c.ends[1-i].Receive(w.now, last)
			}
			w.cut(c)
			return true
		}
	}
	if c.ends[i].Err() != nil && len(c.fly[1-i]) == 0 && c.wakeAt[i] > w.now {
		w.cut(c)
	}
	return did
}

func login(id uint64) record.Key   { return record.Key{Kind: record.Login, ID: id} }
func flowKey(id uint64) record.Key { return record.Key{Kind: record.Flow, ID: id} }
func counts(id uint64) record.Key  { return record.Key{Kind: record.Count, ID: id} }

func (w *world) put(name string, lane record.Lane, key record.Key, value uint64, refs ...record.Ref) {
	w.t.Helper()
	if err := w.engines[name].Put(w.now, lane, key, []uint64{value}, refs...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) value(at, of string, key record.Key) uint64 {
	slot, _ := w.engines[at].Slot(of)
	r, _ := w.engines[at].Get(slot, key)
	return r.Fields[0]
}

// same demands that all engines have the same of all origins.
func (w *world) same() {
	w.t.Helper()
	first := w.engines[w.names[0]]
	for _, name := range w.names[1:] {
		e := w.engines[name]
		if a, b := fmt.Sprint(first.Vector()), fmt.Sprint(e.Vector()); a != b {
			w.t.Errorf("%s stands at %v, %s at %v", w.names[0], a, name, b)
		}
		if a, b := fmt.Sprint(first.Digests()), fmt.Sprint(e.Digests()); a != b {
			w.t.Errorf("%s sums up to %v, %s to %v", w.names[0], a, name, b)
		}
	}
}

func (w *world) told(name string, kind NoticeKind) int {
	n := 0
	for _, notice := range w.notices[name] {
		if notice.Kind == kind {
			n++
		}
	}
	return n
}
