package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/simulation/checker"
)

// Result is what came of a run.
type Result struct {
	Err      error  // the first objection
	Trace    uint64 // of all that happened: the same plan has the same
	Events   int
	Changes  int                            // made
	Memory   int                            // the most bytes of tables that a node had
	Messages int                            // that came
	Applied  int                            // records that became visible, all nodes together
	Timely   [record.NumLanes]int           // changes whose lane's bound was looked at
	Latest   [record.NumLanes]time.Duration // the oldest of them when it became visible
}

// Options of a run.
type Options struct {
	Defect engine.Defect
	// Lenient says that only the end is judged: whatever went wrong must have been found and put right by then.
	Lenient bool
	Tell    func(at int64, what string) // what happens, for people
	// Visible, when set, hears how old each change is when a node sees it first, also when much is wrong.
	Visible func(at int64, observer uint8, c *checker.Change, age time.Duration)
}

// run is a plan as it is carried out.
type run struct {
	scheduler
	plan     *Plan
	options  Options
	settings engine.Settings
	names    []string
	nodes    []*node
	paths    [][]*path // from, to
	judge    *checker.Checker
	last     int64 // when something was wrong the last time
	wrong    int   // things that are wrong now
	bound    int64 // how long a frame may be under way
	lost     bool  // a node started without its file
	roomy    bool  // the pools hold the largest batch twice, and none is large
	rested   int   // frames that were sent before the last moments
	result   Result
	applied  int
}

// Run carries a plan out.
func Run(p *Plan, o Options) Result {
	r := &run{plan: p, options: o, judge: checker.New(p.Nodes)}
	r.told, r.judge.Lenient = o.Tell, o.Lenient
	r.build()
	for i := range p.Steps {
		s := &p.Steps[i]
		r.at(s.At, func() { r.do(s) })
	}
	r.every(25*ms, r.look)
	r.at(p.End-rest, func() { r.rested = r.frames })
	for r.step(p.End) && r.judge.Err() == nil {
		if r.done > maxEvents {
			r.judge.Object("peace", "it never comes to rest: %d events", r.done)
		}
	}
	if r.judge.Err() == nil {
		r.now = p.End
		r.judge.At(r.now)
		r.end()
	}
	r.result.Err, r.result.Trace, r.result.Events, r.result.Applied = r.judge.Err(), r.trace, r.done, r.applied
	return r.result
}

// step does what is due next, and tells the judge the time.
func (r *run) step(end int64) bool {
	if len(r.events) > 0 {
		r.judge.At(r.events[0].at)
	}
	return r.scheduler.step(end)
}

// build makes the nodes and what lies between them.
func (r *run) build() {
	random := rand.New(rand.NewPCG(r.plan.Seed, 1))
	r.settings = settings(random)
	r.judge.Visible = r.visible
	r.roomy = true
	for i := range r.plan.Steps {
		n, buffers := 2*len(r.plan.Steps[i].Edits), r.settings.BuffersPerConnection
		r.roomy = r.roomy && n <= r.settings.FrameRecords*buffers && n*recordBytes <= r.settings.BufferBytes*buffers && n <= r.settings.BulkRecords
	}
	r.paths = make([][]*path, r.plan.Nodes)
	for i := range r.plan.Nodes {
		r.names = append(r.names, fmt.Sprintf("node-%d", i))
		r.nodes = append(r.nodes, &node{
			run: r, slot: uint8(i), name: r.names[i], random: rand.New(rand.NewPCG(r.plan.Seed, 100+uint64(i))),
			dials: make([][engine.NumGroups]int, r.plan.Nodes),
		})
		for j := range r.plan.Nodes {
			p := &path{random: rand.New(rand.NewPCG(r.plan.Seed, 1000+uint64(i*16+j)))}
			p.delay = 20_000 + random.Int64N(2*ms)
			p.jitter = random.Int64N(ms)
			p.nsPerByte = 0.8 // 10 Gbit/s
			r.bound = max(r.bound, p.delay+p.jitter)
			r.paths[i] = append(r.paths[i], p)
		}
	}
	r.tell("settings %+v", r.settings)
	for _, n := range r.nodes {
		r.at(random.Int64N(20*ms), n.start)
	}
}

// settings are small, so that little traffic finds the limits, and times are short.
func settings(random *rand.Rand) engine.Settings {
	s := engine.Defaults()
	s.HeartbeatEvery, s.SilentAfter = 100*time.Millisecond, 400*time.Millisecond
	s.DigestEvery, s.WantFor = 150*time.Millisecond, 500*time.Millisecond
	s.TombstoneKeep, s.RecordsMax = time.Second, 1<<16
	pick := func(values ...int) int { return values[random.IntN(len(values))] }
	s.FrameRecords = pick(4, 16, 64, 8192)
	s.UnitBytes = pick(1<<10, 16<<10, 256<<10)
	s.BulkRecords = pick(16, 100, 32768)
	s.BuffersPerConnection = pick(8, 16, 32)
	s.BufferBytes = pick(8<<10, 64<<10)
	s.TombstonesMax = pick(2, 10, 1<<16)
	s.AckDelay = time.Duration(pick(0, 1, 5)) * time.Millisecond
	s.BurstUpdates = pick(10, 256)
	return s
}

// every does something again and again.
func (r *run) every(ns int64, do func()) {
	r.after(ns, func() {
		do()
		r.every(ns, do)
	})
}

// strict says whether what only defects or double incarnations explain is objected to.
func (r *run) strict() bool { return !r.lost }

// trouble says that something is wrong now, so that lanes are not judged for a while.
func (r *run) trouble() { r.last = r.now }

// begin and cease frame what is wrong for a while.
func (r *run) begin() { r.wrong++; r.trouble() }
func (r *run) cease() { r.wrong--; r.trouble() }

// settles is how long after the last trouble lanes are judged again.
const settles = 300 * ms

// calm says that nothing has been wrong for so long that even those who wait for silence have seen it.
func (r *run) calm() bool {
	return r.wrong == 0 && r.now > r.last+int64(r.settings.SilentAfter)+settles
}

// visible judges whether a change came in time.
func (r *run) visible(observer uint8, c *checker.Change, age int64) {
	if r.options.Visible != nil {
		r.options.Visible(r.now, observer, c, time.Duration(age))
	}
	if !r.roomy || r.wrong > 0 || c.At < r.last+settles {
		return
	}
	lane := c.Lane
	if c.Key.Kind.Stream() == record.Counts {
		lane = max(lane, record.Normal)
	}
	r.result.Timely[lane]++
	r.result.Latest[lane] = max(r.result.Latest[lane], time.Duration(age))
	bound := [...]time.Duration{r.settings.ImmediateMax, r.settings.HighMax, r.settings.NormalMax}[c.Lane]
	if foreign(c, observer) {
		bound = r.settings.NormalMax // it waits for what others have to tell
	}
	if age > int64(bound)+r.bound+slack {
		r.judge.Object("lanes", "node %d sees %v version %d of lane %s after %v", observer, c.Key, c.Version, c.Lane, time.Duration(age))
	}
}

// recordBytes is about what a record costs on the way.
const recordBytes = 50

// slack is for writing and what else takes time beside lane and path.
const slack = 2 * ms

// foreign says whether a change depends on what nodes tell that are neither its own nor the one that looks at it.
func foreign(c *checker.Change, observer uint8) bool {
	return slices.ContainsFunc(c.Refs, func(ref record.Ref) bool { return ref.Origin != observer })
}

// look asks every node how far it says that it is, and what it needs for that.
func (r *run) look() {
	r.complete()
	r.bounded()
}

// complete asks every node how far it says that it is.
func (r *run) complete() {
	for _, n := range r.nodes {
		if n.engine == nil {
			continue
		}
		for origin, position := range n.engine.Vector() {
			if origin == int(n.slot) || position.Incarnation == 0 {
				continue
			}
			for s, version := range position.Versions {
				r.judge.Complete(n.slot, uint8(origin), position.Incarnation, record.Stream(s), version)
			}
		}
	}
}

// end judges what all have in the end.
func (r *run) end() {
	r.complete()
	for _, n := range r.nodes {
		if n.engine == nil {
			continue
		}
		for origin, position := range n.engine.Vector() {
			r.judge.Stored(n.slot, uint8(origin), position.Incarnation, n.stored(uint8(origin)))
		}
	}
	r.judge.Converged()
	r.digests()
	r.rests()
}

// rests objects when nodes that have nothing to say still talk.
func (r *run) rests() {
	ends := 0
	for _, from := range r.paths {
		for _, p := range from {
			for _, e := range p.ends {
				if e.open {
					ends++
				}
			}
		}
	}
	if sent := r.frames - r.rested; sent > ends*restFrames {
		r.judge.Object("peace", "%d frames over %d ends of connections in the last %v, when all was said", sent, ends, time.Duration(rest))
	}
}

// bounded objects when a node keeps more than the records there are explain.
func (r *run) bounded() {
	for _, n := range r.nodes {
		if n.engine == nil {
			continue
		}
		memory, keys := n.engine.Stats().Memory, 0
		for origin := range r.nodes {
			for s := range record.NumStreams {
				keys += r.judge.Keys(uint8(origin), s)
			}
		}
		if limit := len(r.nodes)*tableBytes + keys*keyBytes; memory > limit {
			r.judge.Object("memory", "node %d has %d bytes of tables for %d keys", n.slot, memory, keys)
		}
		r.result.Memory = max(r.result.Memory, memory)
		for _, p := range n.engine.Peers(n.clock()) {
			if limit := int(engine.NumGroups) * r.settings.BuffersPerConnection * r.settings.BufferBytes; p.InFlight > limit {
				r.judge.Object("memory", "node %d has %d bytes on the way to %s, and the pools have %d", n.slot, p.InFlight, p.Name, limit)
			}
			for s, held := range p.Streams {
				if held.Held == 0 {
					continue
				}
				if keys := r.judge.Keys(p.Slot, record.Stream(s)); held.Held > keys {
					r.judge.Object("memory", "node %d holds %d records of %s, which never had more than %d keys", n.slot, held.Held, p.Name, keys)
				}
			}
		}
	}
}

// digests must be equal when all have the same.
func (r *run) digests() {
	var first *node
	for _, n := range r.nodes {
		switch {
		case n.engine == nil:
		case first == nil:
			first = n
		default:
			a, b := first.engine.Digests(), n.engine.Digests()
			for origin := range a {
				if a[origin] != b[origin] {
					r.judge.Object("converged", "the digests of node %d are %v with node %d and %v with node %d", origin, a[origin], first.slot, b[origin], n.slot)
				}
			}
		}
	}
}

// stored is all that a node has of an origin.
func (n *node) stored(origin uint8) map[record.Key]record.Record {
	all := make(map[record.Key]record.Record)
	for _, s := range []record.Stream{record.State, record.Counts} {
		for _, kind := range s.Kinds() {
			n.engine.Each(origin, kind, func(r *record.Record) bool {
				all[r.Key] = *r
				return true
			})
		}
	}
	return all
}
