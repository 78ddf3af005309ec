package replication

import (
	"fmt"
	"strings"
	"time"

	"fcredirect/mgmt/bench/relay"
	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

// Goal is a figure that is to be reached. Value is ours; what it is compared with stands in Against.
type Goal struct {
	Name    string  `json:"name"`
	Goal    string  `json:"goal"`
	Papers  string  `json:"papers,omitempty"` // what they reached
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Against string  `json:"against,omitempty"`
	Met     bool    `json:"met"`
}

// What a reader must know to take the figures for what they are.
var notes = []string{
	"staleness counts from the moment a change was due until the other node shows it or a later one of the same record; the age of what has not come when a measurement ends is counted as it is then",
	"the high and normal lanes of ours wait on purpose, up to their bounds; the rivals send at once, and where nothing is short of room are sooner there",
	"bytes are those of the sender's sockets, ours with TLS, the rivals' without, none with the headers of TCP and IP; wire bytes have those too, both ways",
	"messages are all frames from the node whose changes they are, heartbeats and digests included; answers are counted apart",
	"synchronous is the papers' start as they describe it; pipelined is the better rival, and what ours is held against",
	fmt.Sprintf("on the shaped link each packet costs its bytes and %d of headers, as the sender's TCP made it; up to %v of sending wait in the link's queue, as tc-tbf is usually set up, and whoever fills the link waits about so long", relay.Overhead, relay.DefaultQueue),
	"CPU is of both ends, with the kernel's part of the system calls, without what making the trace takes; both ends share one process and its collector",
	"a flow that the newcomer is told is a record of what happens to one direction and one of its totals; meanwhile the sender goes on telling a third node of immediate changes, all nodes sharing this machine's CPUs",
}

// find gives a variant's figures on a trace.
func (r *Result) find(variant, trace string, flows int, shaped bool) *Trace {
	for i := range r.Variants {
		for k := range r.Variants[i].Traces {
			t := &r.Variants[i].Traces[k]
			if r.Variants[i].Name == variant && t.Trace == trace && t.Flows == flows && t.Shaped == shaped {
				return t
			}
		}
	}
	return &Trace{}
}

// judge holds the figures against the goals of the design: the papers' results are the floor.
func (r *Result) judge() {
	add := func(g Goal) { r.Goals = append(r.Goals, g) }
	rival, we := r.find(pipelined, "steady", r.Flows, false), r.find(ours, "steady", r.Flows, false)
	change := func(ours, theirs float64) float64 { return 100 * ratio(ours-theirs, theirs) }
	down := func(name, papers string, ours, theirs, most float64) {
		v := change(ours, theirs)
		add(Goal{Name: name, Goal: fmt.Sprintf("<= %.0f", most), Papers: papers, Value: v, Unit: "%", Against: pipelined, Met: ours > 0 && theirs > 0 && v <= most})
	}
	most := func(name, papers, unit string, v, limit float64) {
		add(Goal{Name: name, Goal: fmt.Sprintf("<= %g", limit), Papers: papers, Value: v, Unit: unit, Met: v > 0 && v <= limit})
	}
	most("messages", "50,000 to 8,000/s (-84 %)", "1/s", we.Messages, 400)
	down("messages, change", "-84 %", we.Messages, rival.Messages, -99)
	down("bytes", "-78 %", we.Bytes, rival.Bytes, -90)
	before := 0.0
	if we.Stages != nil {
		before = ratio(we.Stages.Raw, we.Stages.Columns)
	}
	add(Goal{Name: "compression before zstd", Goal: ">= 4", Papers: "3 to 4", Value: before, Unit: "×", Met: before >= 4})
	down("CPU", "-25 % (of the network stack)", we.CPUPerMillion, rival.CPUPerMillion, -25)
	s := engine.Defaults()
	for lane, limit := range [record.NumLanes]time.Duration{record.Immediate: immediateGoal, record.High: s.HighMax, record.Normal: s.NormalMax} {
		name := record.Lane(lane).String()
		most(name+" lane P99", "", "ms", we.Staleness[name].P99, float64(limit)/1e6)
	}
	for _, trace := range traceNames[:2] {
		theirs, mine := r.find(pipelined, trace, r.Flows, true).Staleness["all"].P99, r.find(ours, trace, r.Flows, true).Staleness["all"].P99
		add(Goal{
			Name: fmt.Sprintf("P99 at %.0f Mbit/s, %s", r.Link/1e6, trace), Goal: "<= -15", Papers: "-15 ms", Value: mine - theirs, Unit: "ms",
			Against: fmt.Sprintf("%s: %.4g ms", pipelined, theirs), Met: mine > 0 && mine-theirs <= -15,
		})
	}
	add(Goal{
		Name: fmt.Sprintf("newcomer to %d flows", r.Newcomer.Flows), Goal: "<= 2", Value: r.Newcomer.Seconds, Unit: "s",
		Met: r.Newcomer.Seconds > 0 && r.Newcomer.Seconds <= 2,
	})
	add(r.exact())
	r.GoalsMet = true
	for _, g := range r.Goals {
		r.GoalsMet = r.GoalsMet && g.Met
	}
}

// exact says whether the other node showed the same in the end, wherever ours was measured.
func (r *Result) exact() Goal {
	g := Goal{Name: "replica exact", Goal: "1", Unit: "bool", Value: 1}
	for i := range r.Variants {
		for k := range r.Variants[i].Traces {
			if t := &r.Variants[i].Traces[k]; r.Variants[i].Name == ours && !t.Exact {
				g.Value, g.Against = 0, strings.TrimSpace("not in "+t.Trace+" "+shapedName(t.Shaped))
			}
		}
	}
	g.Met = g.Value == 1
	return g
}

func shapedName(shaped bool) string {
	if shaped {
		return "shaped"
	}
	return ""
}
