package pair

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = int64(time.Millisecond)

// world is two nodes, a and b, with two paths between them, in virtual time: a millisecond a round.
type world struct {
	t     testing.TB
	now   int64
	nodes [2]*node
	codec *Codec
	// lose says whether a beat from a node by a path is lost; nil loses none.
	lose    func(from int, path uint8) bool
	flying  []flight
	delay   func() int64
	both    int64 // ns in which both forwarded at the same time, whatever came
	nobody  int64 // in a row
	longest int64 // that nobody did
}

type node struct {
	config Config
	m      *Machine // nil: dead
	frozen bool     // the process does not run; its lcores neither
	step   Step
	facts  Facts
	boots  byte
	news   []string
	beats  [][]byte // all that it ever sent, for who replays them
}

type flight struct {
	at   int64
	to   int
	port int
	wire []byte
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: 1_000_000_000, delay: func() int64 { return 0 }}
	var err error
	if w.codec, err = NewCodec([]byte("0123456789abcdef")); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a", "b"} {
		w.nodes[i] = &node{
			config: Config{Node: name, Partner: []string{"b", "a"}[i], Start: StartAuto, Priority: DefaultPriority, Beat: DefaultBeat, Misses: DefaultMisses, Layout: 7, ABI: 4},
			facts:  Facts{Ready: true, ReadyFresh: true, Linked: true},
		}
	}
	return w
}

func (w *world) start(i int) {
	n := w.nodes[i]
	n.boots++
	n.config.Boot = [16]byte{byte(i + 1), n.boots}
	n.m, n.frozen = New(n.config, w.now), false
}

func (w *world) kill(i int) { w.nodes[i].m, w.nodes[i].step = nil, Step{} }

// run lets time pass.
func (w *world) run(d time.Duration) {
	for end := w.now + int64(d); w.now < end; {
		w.now += ms
		w.round()
	}
}

func (w *world) round() {
	left := w.flying[:0]
	for _, f := range w.flying {
		n := w.nodes[f.to]
		if f.at > w.now || n.frozen {
			left = append(left, f)
			continue
		}
		if n.m != nil {
			w.hear(f.to, f.port, f.wire)
		}
	}
	w.flying = left
	for i, n := range w.nodes {
		if n.m == nil || n.frozen {
			continue
		}
		n.m.Say(n.facts)
		n.step = n.m.Tick(w.now)
		if n.step.Changed {
			n.news = append(n.news, fmt.Sprintf("%v %v %d", n.m.State(), n.m.Why(), n.m.Epoch()))
		}
		if n.step.Send {
			w.send(i)
		}
	}
	a, b := w.forwards(0), w.forwards(1)
	if a && b {
		w.both += ms
	}
	if w.nobody += ms; a || b || w.drains(0) || w.drains(1) {
		w.nobody = 0
	}
	w.longest = max(w.longest, w.nobody)
}

func (w *world) hear(to, port int, wire []byte) {
	var b Beat
	m := w.nodes[to].m
	if err := w.codec.Parse(wire, &b, "a", "b"); err != nil {
		m.Forged()
		return
	}
	m.Hear(w.now, port, &b)
}

func (w *world) send(from int) {
	n := w.nodes[from]
	var b Beat
	n.m.Beat(&b)
	for path := range uint8(2) {
		b.Port = path
		wire := w.codec.Append(nil, &b)
		n.beats = append(n.beats, wire)
		if w.lose == nil || !w.lose(from, path) {
			w.flying = append(w.flying, flight{w.now + w.delay(), 1 - from, int(path), wire})
		}
	}
}

// forwards says whether a node's lcores let ordinary frames through: a frozen one's do not, being stopped too.
func (w *world) forwards(i int) bool {
	n := w.nodes[i]
	return n.m != nil && !n.frozen && n.step.Gate == Open && (n.step.Until == 0 || w.now <= n.step.Until)
}

func (w *world) drains(i int) bool {
	n := w.nodes[i]
	return n.m != nil && n.step.Gate == Drain && w.now <= n.step.Until
}

// stands fails unless the nodes are in these states.
func (w *world) stands(want ...string) {
	w.t.Helper()
	for i, n := range w.nodes {
		got := "dead"
		if n.m != nil {
			got = fmt.Sprintf("%v %v %d", n.m.State(), n.m.Why(), n.m.Epoch())
		}
		if got != want[i] {
			w.t.Errorf("node %s is %q, want %q; it was %s", n.config.Node, got, want[i], strings.Join(n.news, ", "))
		}
	}
	if w.both != 0 {
		w.t.Errorf("both forwarded for %v", time.Duration(w.both))
	}
}

// settled starts both: a is active, b stands by.
func settled(t testing.TB) *world {
	w := newWorld(t)
	w.start(0)
	w.start(1)
	w.run(2 * time.Second)
	w.stands("active preferred 1", "standby started 1")
	w.longest = 0
	return w
}

func TestAPair(t *testing.T) {
	for name, do := range map[string]func(w *world){
		"when both start, the one that goes first becomes active and the other stands by": func(w *world) {},
		"the partner's death is noticed after three beats, and its work taken": func(w *world) {
			w.kill(0)
			w.run(time.Second)
			w.stands("dead", "active partner_dead 2")
			if w.longest > 305*ms {
				w.t.Errorf("nobody forwarded for %v", time.Duration(w.longest))
			}
		},
		"goodbye is believed at once": func(w *world) {
			w.nodes[0].m.Stop(w.now)
			w.run(10 * time.Millisecond)
			w.stands("stopped preferred 1", "active partner_stopped 2")
		},
		"a node that comes back stands by": func(w *world) {
			w.kill(0)
			w.run(time.Second)
			w.start(0)
			w.run(5 * time.Second)
			w.stands("standby started 2", "active partner_dead 2")
		},
		"a restart within the time changes nothing but who is active": func(w *world) {
			w.kill(0)
			w.run(100 * time.Millisecond)
			w.start(0)
			w.run(time.Second)
			w.stands("active preferred 2", "standby started 2")
		},
		"one path is enough": func(w *world) {
			w.lose = func(_ int, path uint8) bool { return path == 0 }
			w.run(5 * time.Second)
			w.stands("active preferred 1", "standby started 1")
		},
		"two beats lost in a row are not a death": func(w *world) {
			for range 5 {
				end := w.now + 250*ms
				w.lose = func(from int, _ uint8) bool { return from == 0 && w.now < end }
				w.run(time.Second)
			}
			w.stands("active preferred 1", "standby started 1")
		},
		"who is not heard loses its work and learns it": func(w *world) {
			w.lose = func(from int, _ uint8) bool { return from == 0 }
			w.run(time.Second)
			if w.both > 2*ms { // until its beat has come
				w.t.Errorf("both forwarded for %v", time.Duration(w.both))
			}
			w.both = 0
			w.stands("standby fenced 2", "active partner_dead 2")
		},
		"who hears nothing goes on": func(w *world) {
			w.lose = func(from int, _ uint8) bool { return from == 1 }
			w.run(time.Second)
			w.stands("active preferred 1", "standby started 1")
		},
		"a process that was stopped forwards nothing when it goes on": func(w *world) {
			w.nodes[0].frozen = true
			w.run(time.Second)
			w.nodes[0].frozen = false
			w.run(time.Second)
			w.stands("standby stalled 2", "active partner_dead 2")
		},
		"nor for a stop that its partner had not noticed yet": func(w *world) {
			w.nodes[0].frozen = true
			w.run(260 * time.Millisecond)
			w.nodes[0].frozen = false
			w.run(time.Second)
			w.stands("active preferred 2", "standby started 2")
		},
		"a standby that was stopped takes nothing when it goes on": func(w *world) {
			w.nodes[1].frozen = true
			w.run(time.Second)
			w.flying = nil
			w.nodes[1].frozen = false
			w.run(time.Second)
			w.stands("active preferred 1", "standby started 1")
		},
		"a standby without a link takes nothing": func(w *world) {
			w.nodes[1].facts.Linked = false
			w.lose = func(int, uint8) bool { return true }
			w.run(time.Second)
			w.nodes[1].facts.Linked, w.lose = true, nil
			w.run(time.Second)
			w.stands("active preferred 1", "standby started 1")
		},
		"an active node without a link gives up its work": func(w *world) {
			w.nodes[0].facts.Linked = false
			w.lose = func(int, uint8) bool { return true }
			w.run(time.Second)
			w.nodes[0].facts.Linked, w.lose = true, nil
			w.run(time.Second)
			w.stands("standby blind 2", "active partner_dead 2")
		},
		"with takeover: ready it waits until it is": func(w *world) {
			w.nodes[1].m.c.Takeover = Ready
			w.nodes[1].facts.Ready = false
			w.kill(0)
			w.run(time.Second)
			w.stands("dead", "standby started 1")
			w.nodes[1].facts.Ready = true
			w.run(10 * time.Millisecond)
			w.stands("dead", "active partner_dead 2")
		},
	} {
		t.Run(name, func(t *testing.T) { do(settled(t)) })
	}
}

func TestWhoSendsOldOrForeignBeats(t *testing.T) {
	for name, do := range map[string]func(w *world){
		"beats that are sent again keep no dead node alive": func(w *world) {
			old := w.nodes[0].beats
			w.kill(0)
			for i := range 1000 {
				w.hear(1, 0, old[i%len(old)])
				w.run(time.Millisecond)
			}
			w.stands("dead", "active partner_dead 2")
			if c := w.nodes[1].m.Counters(); c.Replayed != 1000 {
				w.t.Errorf("%+v", c)
			}
		},
		"nor do those of a start before": func(w *world) {
			w.kill(0)
			w.run(time.Second)
			old := w.nodes[0].beats
			w.start(0)
			w.run(time.Second)
			for _, wire := range old {
				w.hear(1, 0, wire)
			}
			w.stands("standby started 2", "active partner_dead 2")
			w.kill(1)
			w.start(1) // which knows of none of them
			for i := range 3000 {
				w.hear(1, 0, old[i%len(old)])
				w.run(time.Millisecond)
			}
			w.stands("active preferred 3", "standby started 3")
		},
		"old beats hold back a node that starts alone for a while, not for ever": func(w *world) {
			old := w.nodes[0].beats
			w.kill(0)
			w.kill(1)
			w.start(1)
			for i := range 2000 {
				w.hear(1, 0, old[i%len(old)])
				w.run(time.Millisecond)
			}
			w.stands("dead", "active alone 1")
		},
		"beats with another key and of another node change nothing": func(w *world) {
			other, err := NewCodec([]byte("another key, not ours"))
			if err != nil {
				w.t.Fatal(err)
			}
			b := Beat{Node: "a", State: Active, Epoch: 1000, Number: 1 << 40, Boot: w.nodes[0].config.Boot}
			w.hear(1, 0, other.Append(nil, &b))
			b.Node = "c"
			w.hear(1, 0, w.codec.Append(nil, &b))
			b.Node = "b"
			w.hear(1, 0, w.codec.Append(nil, &b))
			w.hear(1, 0, nil)
			w.run(100 * time.Millisecond)
			w.stands("active preferred 1", "standby started 1")
			if c := w.nodes[1].m.Counters(); c.Forged != 2 || c.Foreign != 1 || c.Looped != 1 {
				w.t.Errorf("%+v", c)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { do(settled(t)) })
	}
}

func TestStarting(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(a, b *Config)
		a, b bool
		want [2]string
	}{
		"alone it becomes active":                       {a: true, want: [2]string{"active alone 1", "dead"}},
		"alone, to stand by, it waits":                  {a: true, set: func(a, _ *Config) { a.Start = StartStandby }, want: [2]string{"standby started 0", "dead"}},
		"the higher priority goes first":                {a: true, b: true, set: func(_, b *Config) { b.Priority++ }, want: [2]string{"standby started 1", "active preferred 1"}},
		"who is to be active goes before priority":      {a: true, b: true, set: func(a, b *Config) { b.Priority++; a.Start = StartActive }, want: [2]string{"active preferred 1", "standby started 1"}},
		"who is to stand by goes after":                 {a: true, b: true, set: func(a, _ *Config) { a.Start = StartStandby }, want: [2]string{"standby started 1", "active preferred 1"}},
		"of two that are to stand by one is active":     {a: true, b: true, set: func(a, b *Config) { a.Start, b.Start = StartStandby, StartStandby }, want: [2]string{"active preferred 1", "standby started 1"}},
		"the epoch goes on from that of an earlier one": {a: true, b: true, set: func(a, b *Config) { b.Epoch = 41 }, want: [2]string{"active preferred 42", "standby started 42"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if test.set != nil {
				test.set(&w.nodes[0].config, &w.nodes[1].config)
			}
			if test.a {
				w.start(0)
			}
			if test.b {
				w.start(1)
			}
			w.run(3 * time.Second)
			w.stands(test.want[:]...)
		})
	}
}

func TestTwoThatBeganAloneAgreeWhenTheyMeet(t *testing.T) {
	w := newWorld(t)
	w.start(0)
	w.start(1)
	w.lose = func(int, uint8) bool { return true }
	w.run(3 * time.Second)
	w.lose, w.both = nil, 0
	w.run(time.Second)
	if w.both > 120*ms { // a beat, and its answer
		t.Errorf("both forwarded for %v after they could hear each other", time.Duration(w.both))
	}
	w.both = 0
	w.stands("active preferred 2", "standby fenced 2")
}

func TestAPlannedHandOver(t *testing.T) {
	handOver := func(w *world, force bool) error { return w.nodes[0].m.HandOver(w.now, force) }
	t.Run("the other forwards before this one stops", func(t *testing.T) {
		w := settled(t)
		if err := handOver(w, false); err != nil {
			t.Fatal(err)
		}
		w.run(20 * time.Millisecond)
		if done, err := w.nodes[0].m.HandedOver(); !done || err != nil {
			t.Errorf("%v %v", done, err)
		}
		w.stands("draining handed_over 1", "active handed_over 2")
		w.run(2 * time.Second)
		w.stands("standby handed_over 2", "active handed_over 2")
		if w.longest > 0 {
			t.Errorf("nobody forwarded for %v", time.Duration(w.longest))
		}
	})
	t.Run("what is not taken is kept", func(t *testing.T) {
		w := settled(t)
		if err := handOver(w, false); err != nil {
			t.Fatal(err)
		}
		w.lose = func(from int, _ uint8) bool { return from == 0 }
		w.run(250 * time.Millisecond)
		if done, err := w.nodes[0].m.HandedOver(); !done || err == nil {
			t.Errorf("%v %v", done, err)
		}
		w.stands("active kept 1", "standby started 1")
	})
	t.Run("a node that is stopped meanwhile does not take it back by itself", func(t *testing.T) {
		w := settled(t)
		if err := handOver(w, false); err != nil {
			t.Fatal(err)
		}
		w.nodes[0].frozen = true
		w.run(time.Second)
		w.nodes[0].frozen, w.flying = false, nil
		w.run(time.Millisecond)
		if w.forwards(0) || w.drains(0) {
			t.Errorf("it forwards: %v", w.nodes[0].m.State())
		}
		if done, err := w.nodes[0].m.HandedOver(); !done || err == nil {
			t.Errorf("%v %v", done, err)
		}
		w.run(time.Second)
		if w.both != 0 || w.forwards(0) == w.forwards(1) {
			t.Errorf("a forwards %v, b %v, both for %v", w.forwards(0), w.forwards(1), time.Duration(w.both))
		}
	})
	t.Run("a beat that was waiting finds out that the node was stopped", func(t *testing.T) {
		w := settled(t)
		m := w.nodes[0].m
		beat := m.partner.Beat
		beat.Number++
		m.Hear(w.now+int64(time.Second), 0, &beat)
		if m.State() != Standby || m.Why() != WhyStalled {
			t.Errorf("%v %v", m.State(), m.Why())
		}
	})
	t.Run("an old offer is not taken", func(t *testing.T) {
		w := settled(t)
		m := w.nodes[1].m
		offer := m.partner.Beat
		offer.Number, offer.State, offer.Give, offer.GiveBoot = offer.Number+1, Draining, m.epoch+1, m.c.Boot
		offer.EchoBoot, offer.Echo = m.c.Boot, m.number
		m.number += window + 1
		m.Hear(w.now, 0, &offer)
		if m.State() != Standby {
			t.Errorf("%v", m.State())
		}
		offer.Number, offer.Echo = offer.Number+1, m.number
		m.Hear(w.now, 0, &offer)
		if m.State() != Active {
			t.Errorf("a new one: %v", m.State())
		}
	})
	t.Run("the answer may be lost", func(t *testing.T) {
		w := settled(t)
		if err := handOver(w, false); err != nil {
			t.Fatal(err)
		}
		end := w.now + 100*ms
		w.lose = func(from int, _ uint8) bool { return from == 1 && w.now < end }
		w.run(2 * time.Second)
		w.stands("standby handed_over 2", "active handed_over 2")
	})
	t.Run("when the other dies with the work it is taken back", func(t *testing.T) {
		w := settled(t)
		if err := handOver(w, false); err != nil {
			t.Fatal(err)
		}
		w.run(20 * time.Millisecond)
		w.kill(1)
		w.run(time.Second)
		w.stands("active partner_dead 3", "dead")
	})
	for name, test := range map[string]struct {
		do     func(w *world)
		want   string
		forced bool // it can be forced
	}{
		"when the partner is dead":       {func(w *world) { w.kill(1); w.run(time.Second) }, "not heard", false},
		"when the partner is not ready":  {func(w *world) { w.nodes[1].facts.Ready = false }, "not ready", true},
		"when its word is old":           {func(w *world) { w.nodes[1].facts.ReadyFresh = false }, "not ready", true},
		"when the ports differ":          {func(w *world) { w.nodes[1].m.c.Layout = 8 }, "ports", true},
		"when the versions differ":       {func(w *world) { w.nodes[1].m.c.ABI = 5 }, "ABI 5", true},
		"when the policies differ":       {func(w *world) { w.nodes[1].facts.Policy = 8 }, "another policy", true},
		"while a window is open there":   {func(w *world) { w.nodes[1].facts.WindowOpen = true }, "confirmation", true},
		"while a window is open here":    {func(w *world) { w.nodes[0].facts.WindowOpen = true }, "confirmation", true},
		"by a node that is not active":   {func(w *world) { w.nodes[0], w.nodes[1] = w.nodes[1], w.nodes[0] }, "not active", false},
		"while another one is under way": {func(w *world) { w.nodes[0].m.become(Draining, WhyHandedOver, w.now) }, "draining", false},
	} {
		t.Run("it is refused "+name, func(t *testing.T) {
			w := settled(t)
			test.do(w)
			if name != "by a node that is not active" && !strings.HasPrefix(name, "while another") {
				w.run(300 * time.Millisecond)
			}
			if err := handOver(w, false); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if err := handOver(w, true); (err == nil) != test.forced {
				t.Errorf("forced: %v", err)
			}
		})
	}
}

// Whatever is lost, stopped and killed: as long as at least one path works in both directions both forward only for the
// time that a beat takes, and when all is well again one does.
func TestNoFaultMakesALoopThatLasts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		w.delay = func() int64 { return random.Int64N(4) * ms }
		w.start(0)
		w.start(1)
		for range rapid.IntRange(1, 12).Draw(r, "faults") {
			i := rapid.IntRange(0, 1).Draw(r, "node")
			n := w.nodes[i]
			switch rapid.IntRange(0, 5).Draw(r, "fault") {
			case 0:
				w.kill(i)
			case 1:
				if n.m == nil {
					w.start(i)
				}
			case 2:
				n.frozen = n.m != nil
			case 3:
				n.frozen = false
			case 4:
				w.lose = func(_ int, path uint8) bool { return path == 0 || random.IntN(8) == 0 }
			case 5:
				if n.m != nil && !n.frozen {
					_ = n.m.HandOver(w.now, rapid.Bool().Draw(r, "force"))
				}
			}
			w.run(time.Duration(rapid.IntRange(1, 900).Draw(r, "ms")) * time.Millisecond)
		}
		if w.both > 150*ms {
			r.Fatalf("both forwarded for %v", time.Duration(w.both))
		}
		for i, n := range w.nodes {
			if n.frozen = false; n.m == nil {
				w.start(i)
			}
		}
		w.lose, w.both = nil, 0
		w.run(5 * time.Second)
		if w.both != 0 && w.both > 20*ms || w.forwards(0) == w.forwards(1) {
			r.Fatalf("after the faults: a forwards %v, b %v, both for %v", w.forwards(0), w.forwards(1), time.Duration(w.both))
		}
	})
}

func TestTheMachineTakesNoMemory(t *testing.T) {
	w := settled(t)
	a, b := w.nodes[0].m, w.nodes[1].m
	wire := make([]byte, 0, 512)
	var beat, heard Beat
	if allocs := testing.AllocsPerRun(100, func() {
		w.now += ms
		a.Tick(w.now)
		b.Tick(w.now)
		a.Beat(&beat)
		wire = w.codec.Append(wire[:0], &beat)
		if w.codec.Parse(wire, &heard, "a", "b") != nil {
			t.Fatal("not parsed")
		}
		b.Hear(w.now, 0, &heard)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
