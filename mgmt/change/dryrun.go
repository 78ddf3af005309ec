package change

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/problem"
)

// DryRun says what the pending configuration would have decided about the flows of the last minutes.
type DryRun struct {
	ID        uint64          `json:"id" doc:"Names this run, whose changes can be paged through for a while."`
	At        time.Time       `json:"at"`
	Minutes   int             `json:"minutes"`
	Document  string          `json:"document" doc:"SHA-256 of the pending text."`
	Flows     int             `json:"flows" doc:"Flows that were asked about."`
	Ended     int             `json:"ended" doc:"Of these, flows that have ended; they stand in the database."`
	Complete  bool            `json:"complete" doc:"false: ended flows are missing, for the database does not answer or has too many."`
	Changed   int             `json:"changed" doc:"Flows whose verdict changes."`
	OtherRule int             `json:"other_policy" doc:"Flows with the same verdict by another policy."`
	Counts    []VerdictCount  `json:"counts" doc:"Changes, put together."`
	Changes   []VerdictChange `json:"-"`
}

// VerdictCount is how many flows change in the same way.
type VerdictCount struct {
	From  Verdict `json:"from"`
	To    Verdict `json:"to"`
	Flows int     `json:"flows"`
}

// VerdictChange is a flow whose verdict changes.
type VerdictChange struct {
	Flow           string    `json:"flow" doc:"<fabric>-<vsan>-<initiator>-<target>, by S_ID and D_ID where a name is not known."`
	Fabric         uint8     `json:"fabric"`
	VSAN           uint16    `json:"vsan"`
	Initiator      string    `json:"initiator"`
	InitiatorAlias string    `json:"initiator_alias,omitempty"`
	Target         string    `json:"target"`
	TargetAlias    string    `json:"target_alias,omitempty"`
	From           Verdict   `json:"from"`
	To             Verdict   `json:"to"`
	Frames         uint64    `json:"frames"`
	Bytes          uint64    `json:"bytes"`
	LastSeen       time.Time `json:"last_seen"`
	Ended          bool      `json:"ended,omitempty"`
}

// dryRuns remembers the last runs.
type dryRuns struct {
	mu   sync.Mutex
	last uint64
	list []*DryRun
}

func (k *dryRuns) keep(r *DryRun) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last++
	r.ID = k.last
	k.list = append(k.list[max(0, len(k.list)+1-dryRunsKept):len(k.list):len(k.list)], r)
}

// LastDryRun finds a run that is still remembered.
func (s *Service) LastDryRun(id uint64) (*DryRun, error) {
	s.dryRuns.mu.Lock()
	defer s.dryRuns.mu.Unlock()
	for _, r := range s.dryRuns.list {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, problem.New(problem.Gone, "This dry run is not remembered any more: run it again.")
}

// DryRun asks the active and the pending configuration about every flow of the last minutes: those in the tables of the
// data plane, and those that ended meanwhile and stand in the database.
func (s *Service) DryRun(ctx context.Context, minutes int) (*DryRun, error) {
	if minutes < 1 || minutes > MaxMinutes {
		return nil, problem.New(problem.Invalid, "").At("body/minutes", "must be 1 to %d", MaxMinutes)
	}
	if s.o.Traffic == nil {
		return nil, problem.New(problem.DataplaneUnavailable, "")
	}
	before, after := s.compile(s.Draft(ActiveOne)), s.compile(s.Draft(PendingOne))
	if err := after.problem(); err != nil {
		return nil, err
	}
	if before.snapshot == nil {
		return nil, problem.Wrap(problem.Conflict, before.err, "The active configuration cannot be compiled here.")
	}
	now := s.o.Now()
	c := &comparison{
		run:    &DryRun{At: now.UTC(), Minutes: minutes, Document: after.hash, Complete: true, Counts: []VerdictCount{}},
		before: newAsked(before.snapshot), after: newAsked(after.snapshot), flows: map[flow.Key]*VerdictChange{}, counts: map[[2]Verdict]int{},
	}
	since := now.Add(-time.Duration(minutes) * time.Minute)
	if err := s.o.Traffic.Directions(since, func(d Direction) { c.add(d, false) }); err != nil {
		return nil, err
	}
	if s.o.DB != nil {
		if err := s.ended(ctx, since, c); err != nil {
			s.o.Log.Debug("change: ended flows are missing in a dry run", "error", err)
			c.run.Complete = false
		}
	}
	run := c.result()
	s.dryRuns.keep(run)
	return run, nil
}

// comparison asks two policies about flows.
type comparison struct {
	run           *DryRun
	before, after *asked
	flows         map[flow.Key]*VerdictChange // nil: the flow was asked about, and does not change
	counts        map[[2]Verdict]int
}

// asked is a policy with the words of its verdicts: there are as many as rules, and a million flows.
type asked struct {
	*policy.Snapshot
	words []Verdict // by rule, one behind: -1 is the default
}

func newAsked(p *policy.Snapshot) *asked { return &asked{p, make([]Verdict, p.Rules()+1)} }

func (a *asked) ask(d Direction, vsan uint16) Verdict {
	v := a.Evaluate(d.Initiator, d.Target, vsan)
	w := &a.words[v.Rule+1]
	if w.Action == "" {
		*w = verdictOf(a.Snapshot, v)
	}
	return *w
}

func (c *comparison) add(d Direction, ended bool) {
	k := d.pair()
	change, seen := c.flows[k]
	if seen {
		if change != nil {
			change.add(&d)
		}
		return
	}
	vsan := d.Key.VF()
	from, to := c.before.ask(d, vsan), c.after.ask(d, vsan)
	c.run.Flows++
	if ended {
		c.run.Ended++
	}
	c.flows[k] = nil
	rules := [2]string{from.Policy, to.Policy}
	from.Policy, to.Policy = "", ""
	if from == to {
		if rules[0] != rules[1] {
			c.run.OtherRule++
		}
		return
	}
	from.Policy, to.Policy = rules[0], rules[1]
	c.run.Changed++
	c.counts[[2]Verdict{from, to}]++
	if c.run.Changed > maxChanges {
		return
	}
	change = &VerdictChange{
		Flow: flowName(k, &d).String(), Fabric: k.Fabric(), VSAN: vsan, Initiator: wwnText(d.Initiator), Target: wwnText(d.Target),
		InitiatorAlias: c.after.AliasOf(d.Initiator), TargetAlias: c.after.AliasOf(d.Target), From: from, To: to, Ended: ended,
	}
	change.add(&d)
	c.flows[k] = change
}

// flowName names a flow; an end without a name by its FC_ID.
func flowName(k flow.Key, d *Direction) flowindex.ID {
	id := flowindex.ID{Fabric: k.Fabric(), VSAN: k.VF(), Initiator: d.Initiator, Target: d.Target}
	if id.Initiator == 0 {
		id.Initiator = frame.WWN(k.SID())
	}
	if id.Target == 0 {
		id.Target = frame.WWN(k.DID())
	}
	return id
}

func (v *VerdictChange) add(d *Direction) {
	v.Frames, v.Bytes = v.Frames+d.Frames, v.Bytes+d.Bytes
	if d.LastSeen.After(v.LastSeen) {
		v.LastSeen = d.LastSeen.UTC()
	}
}

// result puts the changes in order: those with the most frames first.
func (c *comparison) result() *DryRun {
	r := c.run
	for _, v := range c.flows {
		if v != nil {
			r.Changes = append(r.Changes, *v)
		}
	}
	slices.SortFunc(r.Changes, func(a, b VerdictChange) int {
		return cmp.Or(cmp.Compare(b.Frames, a.Frames), cmp.Compare(a.Flow, b.Flow))
	})
	for pair, n := range c.counts {
		r.Counts = append(r.Counts, VerdictCount{pair[0], pair[1], n})
	}
	slices.SortFunc(r.Counts, func(a, b VerdictCount) int {
		return cmp.Or(cmp.Compare(b.Flows, a.Flows), cmp.Compare(a.From.Policy, b.From.Policy), cmp.Compare(a.To.Policy, b.To.Policy))
	})
	c.run = nil
	return r
}

// ended reads the flows that ended since then.
func (s *Service) ended(ctx context.Context, since time.Time, c *comparison) error {
	node, err := s.o.DB.NodeID(ctx)
	if err != nil {
		return err
	}
	rows, err := s.o.DB.Q().Query(ctx, `SELECT key, from_initiator, initiator, target, frames, bytes, last_seen FROM flow
		WHERE node_id = $1 AND ended_at >= $2 AND last_seen >= $2 LIMIT $3`, node, since, maxEnded+1)
	if err != nil {
		return err
	}
	n := 0
	var d Direction
	var key, initiator, target, frames, bytes int64
	_, err = pgx.ForEachRow(rows, []any{&key, &d.FromInitiator, &initiator, &target, &frames, &bytes, &d.LastSeen}, func() error {
		if n++; n > maxEnded {
			c.run.Complete = false
			return nil
		}
		d.Key, d.Initiator, d.Target = flow.Key(uint64(key)), frame.WWN(uint64(initiator)), frame.WWN(uint64(target))
		d.Frames, d.Bytes = uint64(frames), uint64(bytes)
		c.add(d, true)
		return nil
	})
	return err
}
