package bench

import "fmt"

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
	"every frame changes the counters of its flow, so for every frame all four slow operations are owed: synchronous does them before the next frame, asynchronous one by one behind bounded queues, ours for the latest state of each flow, in batches",
	"asynchronous waits for room in the queue of the peer and drops what finds the other queues full, as the papers do; dropped work was not done and is counted as such",
	"storage operations and peer bytes are per update that storage or the peer took: what ours merged before that is not counted in its favour",
	"peer bytes are those that programs write and read, without the headers of TCP and IP, which would make many small messages look worse; the peer protocol is the bench's own",
	"commits and fsyncs are counted by the server and, for our own files, by us; those of the server include everything from the beginning to the end of a run",
	"the fast path works on frames in memory: there is no NIC and no driver in these figures",
}

// Goals of design: the papers' results are the floor.
func (r *Result) judge() {
	before, ours := r.variant("synchronous"), r.variant("ours")
	change := func(ours, theirs float64) float64 {
		if theirs == 0 {
			return 0
		}
		return 100 * (ours - theirs) / theirs
	}
	add := func(g Goal) { r.Goals = append(r.Goals, g) }
	up := change(ours.FramesPerSecond, before.FramesPerSecond)
	add(Goal{Name: "throughput", Goal: ">= +40", Papers: "+40 % (2.1 to 2.9 Mpps)", Value: up, Unit: "%", Against: "synchronous", Met: up >= 40})
	down := func(name, papers, against string, ours, theirs, most float64) {
		v := change(ours, theirs)
		add(Goal{Name: name, Goal: fmt.Sprintf("<= %.0f", most), Papers: papers, Value: v, Unit: "%", Against: against, Met: ours > 0 && theirs > 0 && v <= most})
	}
	down("fast-path latency", "-30 % (2.8 to 2.0 µs)", "synchronous", ours.LatencyP50NS, before.LatencyP50NS, -30)
	down("CPU per frame", "-15 %", "synchronous", ours.CPUPerMillion, before.CPUPerMillion, -15)
	down("storage operations", "-90 %", "synchronous", ours.StoragePerMillion, before.StoragePerMillion, -90)
	down("peer bandwidth", "-75 %", "synchronous", ours.PeerBytesPerUpdate, before.PeerBytesPerUpdate, -75)
	add(Goal{Name: "loss", Goal: "0", Papers: "0.01 % to 0", Value: ours.LossPercent, Unit: "%",
		Against: fmt.Sprintf("synchronous: %.4g %%", before.LossPercent), Met: ours.LostFrames == 0 && before.LostFrames > 0})
	add(Goal{Name: "store updates", Goal: ">= 100000", Value: ours.UpdatesPerSecond, Unit: "1/s", Met: ours.UpdatesPerSecond >= 100_000})
	commits := ours.storeCommits()
	add(Goal{Name: "store commits", Goal: "<= 25", Value: commits, Unit: "1/s", Met: commits > 0 && commits <= 25})
	exact := 0.0
	if ours.Exact != nil && *ours.Exact {
		exact = 1
	}
	add(Goal{Name: "totals exact", Goal: "1", Value: exact, Unit: "bool", Met: exact == 1})
	r.GoalsMet = true
	for _, g := range r.Goals {
		r.GoalsMet = r.GoalsMet && g.Met
	}
}

// storeCommits is the rate of the store's own transactions, of all rounds together.
func (v *Variant) storeCommits() float64 {
	var commits, seconds float64
	for i := range v.Samples {
		commits, seconds = commits+float64(v.Samples[i].OwnCommits), seconds+v.Samples[i].Seconds
	}
	return commits / max(seconds, 1e-9)
}
