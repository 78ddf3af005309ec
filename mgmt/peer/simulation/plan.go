package simulation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"fcredirect/mgmt/peer/record"
)

// A Plan is all that a run depends on. It is made of a seed, and can be made smaller: what is left out of Steps does not
// happen, and the rest stays as it was.
type Plan struct {
	Seed   uint64
	Shape  string
	Nodes  int
	Steps  []Step
	Healed int64 // ns; from here on nothing changes and nothing goes wrong
	End    int64 // ns; all must show the same
}

// Step is something that happens to the nodes or between them.
type Step struct {
	At    int64
	Do    Action
	Node  uint8
	Peer  uint8 // the other node, for what happens between two
	Both  bool  // both directions
	For   int64 // ns, for what ends by itself
	Lane  record.Lane
	Noise Noise
	Edits []Edit
}

// Edit is one put or delete.
type Edit struct {
	Key    record.Key
	Gone   bool
	Words  uint64 // what the fields are made of
	Refs   []Target
	Forget bool // a reference without a version: the engine takes the one that stands
}

// Target is a record that a change refers to, when the node shows it.
type Target struct {
	Origin uint8
	Key    record.Key
}

// Action is what a step does.
type Action uint8

// The actions.
const (
	Change    Action = iota // Edits, in one batch when there are several
	Partition               // nothing arrives from Node at Peer, For so long; for ever when that is 0
	Break                   // connections between the two end; Both: for both at once, else for Node long before Peer
	Disturb                 // Noise from Node to Peer, For so long
	Stall                   // Node reads nothing, For so long
	Crash                   // Node dies; Both: as by loss of power, so that nobody is told. It starts again after For, if that is not 0
	Lose                    // the same, and it starts without the file of its incarnation
	Narrow                  // the path from Node to Peer has 60 Mbit/s or less, For so long
	Say                     // Node sends Peer an opaque message
	Resync                  // Node wants everything of Peer's and its own told anew
	numActions
)

var actions = [...]string{"change", "partition", "break", "disturb", "stall", "crash", "crash without file", "narrow", "say", "resync"}

// String is the action, as a word.
func (a Action) String() string { return actions[a] }

// String tells the step in a line.
func (s Step) String() string {
	at := time.Duration(s.At).Round(time.Microsecond)
	switch s.Do {
	case Change:
		edits := make([]string, 0, len(s.Edits))
		for _, e := range s.Edits {
			word := "put"
			if e.Gone {
				word = "delete"
			}
			edits = append(edits, fmt.Sprintf("%s %v-%d %v", word, e.Key.Kind, e.Key.ID, e.Refs))
		}
		return fmt.Sprintf("%v node %d, %s: %s", at, s.Node, s.Lane, strings.Join(edits, ", "))
	case Disturb:
		return fmt.Sprintf("%v disturb %d to %d for %v: %+v", at, s.Node, s.Peer, time.Duration(s.For), s.Noise)
	case Stall, Crash, Lose:
		return fmt.Sprintf("%v %s %d for %v (%v)", at, s.Do, s.Node, time.Duration(s.For), s.Both)
	}
	return fmt.Sprintf("%v %s %d to %d for %v, both %v", at, s.Do, s.Node, s.Peer, time.Duration(s.For), s.Both)
}

// String tells the plan, a line for a step.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %s, %d nodes, healed at %v, end at %v\n", p.Seed, p.Shape, p.Nodes, time.Duration(p.Healed), time.Duration(p.End))
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "  %v\n", s)
	}
	return b.String()
}

const ms = int64(time.Millisecond)

// shape is a kind of run: what goes wrong in it, and how often.
type shape struct {
	name    string
	actions []Action
	faults  int // at most
	changes int // at most
	gone    int // percent of changes that delete
	many    int // records in one batch, now and then
	flood   int // records in one batch, once or twice, with half of the changes right after it
}

var shapes = []shape{
	{"calm", nil, 0, 160, 15, 12, 0},
	{"breaks", []Action{Break, Break, Stall}, 12, 120, 15, 12, 0},
	{"partitions", []Action{Partition, Partition, Break}, 8, 120, 20, 12, 0},
	{"noise", []Action{Disturb}, 10, 120, 15, 12, 0},
	{"crashes", []Action{Crash, Crash, Lose, Break}, 6, 120, 15, 12, 0},
	{"deletions", []Action{Partition, Break, Crash}, 6, 160, 50, 20, 0},
	{"slow", []Action{Narrow, Narrow, Stall, Break}, 8, 120, 15, 300, 0},
	{"flood", []Action{Narrow, Narrow, Break}, 3, 60, 15, 12, 2000},
	{"storm", []Action{Partition, Break, Disturb, Stall, Crash, Lose, Narrow, Resync}, 16, 160, 25, 40, 0},
}

// New makes the plan of a seed.
func New(seed uint64) *Plan {
	r := rand.New(rand.NewPCG(seed, 0xfc))
	s := shapes[seed%uint64(len(shapes))]
	p := &Plan{Seed: seed, Shape: s.name, Nodes: 2 + r.IntN(3)}
	if r.IntN(8) == 0 {
		p.Nodes = 5 + r.IntN(4)
	}
	p.Healed = 500*ms + r.Int64N(1500*ms)
	p.End = p.Healed + Heals
	g := generator{Rand: r, plan: p, shape: s}
	if s.flood > 0 {
		g.flood()
	}
	for range 20 + r.IntN(s.changes-20) {
		p.Steps = append(p.Steps, g.change())
	}
	if s.faults > 0 {
		for range 1 + r.IntN(s.faults) {
			p.Steps = append(p.Steps, g.fault())
		}
	}
	if s.name == "partitions" && p.Nodes > 2 && r.IntN(2) == 0 { // two that never hear each other again: the others relay
		cut := g.fault()
		cut.Do, cut.Both, cut.For = Partition, true, 0
		p.Steps = append(p.Steps, cut)
	}
	sortSteps(p.Steps)
	return p
}

type generator struct {
	*rand.Rand
	plan  *Plan
	shape shape
	after int64 // the flood, 0: there is none
}

// Records there are of each kind on each node, in most steps.
const (
	logins   = 6
	flows    = 10
	services = 2
	facts    = 3
)

// flood is so much at once that what is urgent has to go ahead of it.
func (g *generator) flood() {
	g.after = g.Int64N(g.plan.Healed - 200*ms)
	for i := range int64(1 + g.IntN(2)) {
		s := Step{At: g.after + i*g.Int64N(100*ms), Do: Change, Node: uint8(g.IntN(g.plan.Nodes)), Lane: record.Normal}
		n := g.shape.flood/2 + g.IntN(g.shape.flood)
		for range n {
			s.Edits = append(s.Edits, g.edit(s.Node, n))
		}
		g.plan.Steps = append(g.plan.Steps, s)
	}
}

func (g *generator) change() Step {
	at := g.Int64N(g.plan.Healed)
	if g.after > 0 && g.IntN(2) == 0 {
		at = g.after + g.Int64N(150*ms)
	}
	if g.IntN(16) == 0 {
		node := g.IntN(g.plan.Nodes)
		return Step{At: at, Do: Say, Node: uint8(node), Peer: uint8((node + 1 + g.IntN(g.plan.Nodes-1)) % g.plan.Nodes)}
	}
	s := Step{At: at, Do: Change, Node: uint8(g.IntN(g.plan.Nodes)), Lane: record.Lane(g.IntN(int(record.NumLanes)))}
	n := 1
	switch {
	case g.IntN(4) == 0:
		n = 2 + g.IntN(5)
	case g.IntN(24) == 0:
		n = 2 + g.IntN(g.shape.many)
	}
	for range n {
		s.Edits = append(s.Edits, g.edit(s.Node, n))
	}
	return s
}

func (g *generator) edit(node uint8, of int) Edit {
	e := Edit{Words: g.Uint64(), Gone: g.IntN(100) < g.shape.gone, Forget: g.IntN(3) == 0}
	wide := 1 + of/20 // many records at once have many keys
	own := func(kind record.Kind, n int) Target {
		return Target{node, record.Key{Kind: kind, ID: uint64(g.IntN(n*wide)) + uint64(node)<<32}}
	}
	anyones := func(kind record.Kind, n int) Target {
		origin := uint8(g.IntN(g.plan.Nodes))
		return Target{origin, record.Key{Kind: kind, ID: uint64(g.IntN(n*wide)) + uint64(origin)<<32}}
	}
	switch w := g.IntN(100); {
	case w < 30:
		e.Key = own(record.Login, logins).Key
	case w < 65:
		e.Key = own(record.Flow, flows).Key
		e.Refs = []Target{anyones(record.Login, logins), own(record.Login, logins), own(record.Service, services)}[:g.IntN(4)]
	case w < 90:
		e.Key = own(record.Count, flows).Key
		e.Refs = []Target{{node, record.Key{Kind: record.Flow, ID: e.Key.ID}}}
	case w < 95:
		e.Key = own(record.Service, services).Key
	default:
		e.Key = own(record.Node, facts).Key
	}
	return e
}

func (g *generator) fault() Step {
	s := Step{At: g.Int64N(g.plan.Healed), Do: g.shape.actions[g.IntN(len(g.shape.actions))], Both: g.IntN(2) == 0}
	s.Node = uint8(g.IntN(g.plan.Nodes))
	s.Peer = uint8((int(s.Node) + 1 + g.IntN(g.plan.Nodes-1)) % g.plan.Nodes)
	s.For = min(1+g.Int64N(800*ms), g.plan.Healed-s.At)
	switch s.Do {
	case Disturb:
		s.Noise = g.noise()
	case Crash:
		if g.IntN(6) == 0 {
			s.For = 0 // for ever
		}
	}
	return s
}

func (g *generator) noise() (n Noise) {
	rate := uint16(1 + g.IntN(100))
	for _, what := range []*uint16{&n.Lose, &n.Repeat, &n.Swap, &n.Change, &n.Cut, &n.Invent} {
		if g.IntN(3) == 0 {
			*what = rate
		}
	}
	if !n.any() {
		n.Lose = rate
	}
	return n
}
