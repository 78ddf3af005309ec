package simulation

import (
	"testing"
	"time"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/simulation/checker"
)

// put is a step that makes some flows of a node what the words say.
func put(at int64, node uint8, lane record.Lane, first, n int, words uint64) Step {
	s := Step{At: at, Do: Change, Node: node, Lane: lane}
	for i := range n {
		s.Edits = append(s.Edits, Edit{Key: record.Key{Kind: record.Flow, ID: uint64(first + i)}, Words: words + uint64(i)})
	}
	return s
}

func TestTwoThatNeverHearEachOtherAreRelayed(t *testing.T) {
	p := &Plan{Seed: 1, Shape: "by hand", Nodes: 3, Healed: 600 * ms, End: 600*ms + Heals}
	p.Steps = append(p.Steps, Step{At: 1, Do: Partition, Node: 0, Peer: 1, Both: true})
	for i := range 100 {
		p.Steps = append(p.Steps, put(int64(i)*5*ms, uint8(i%3), record.Lane(i%2), i%12, 1+i%3, uint64(i)<<32))
	}
	if r := Run(p, Options{}); r.Err != nil || r.Applied < 200 {
		t.Errorf("%d records became visible: %v", r.Applied, r.Err)
	}
}

func TestAPeerThatDoesNotReadIsToldTheLatestAfterwards(t *testing.T) {
	p := &Plan{Seed: 2, Shape: "by hand", Nodes: 2, Healed: 3500 * ms, End: 3500*ms + Heals}
	p.Steps = append(p.Steps, Step{At: 200 * ms, Do: Stall, Node: 1, For: 3300 * ms})
	const times, flows = 300, 50
	for i := range times {
		p.Steps = append(p.Steps, put(300*ms+int64(i)*10*ms, 0, record.High, 0, flows, uint64(i+1)<<32))
	}
	r := Run(p, Options{})
	if r.Err != nil {
		t.Error(r.Err)
	}
	if r.Memory > 2*tableBytes+flows*keyBytes {
		t.Errorf("%d bytes for %d records", r.Memory, flows)
	}
	if r.Applied > times*flows/10 {
		t.Errorf("of %d changes %d were told: they should have been merged while nobody read", times*flows, r.Applied)
	}
}

func TestANewcomerDoesNotHoldUpTheOthers(t *testing.T) {
	const many = 20_000
	p := &Plan{Seed: 3, Shape: "by hand", Nodes: 3, Healed: 2000 * ms, End: 2000*ms + Heals}
	p.Steps = append(p.Steps,
		Step{At: 50 * ms, Do: Crash, Node: 2, For: 700 * ms},
		Step{At: 60 * ms, Do: Narrow, Node: 0, Peer: 2, For: 1940 * ms},
		put(100*ms, 0, record.Normal, 0, many, 0))
	for i := range 200 {
		p.Steps = append(p.Steps, put(600*ms+int64(i)*5*ms, 0, record.Lane(i%2), i, 1, uint64(i+1)<<32))
	}
	sortSteps(p.Steps)
	var worst [2]time.Duration
	newcomer := 0
	r := Run(p, Options{Visible: func(at int64, observer uint8, c *checker.Change, age time.Duration) {
		switch {
		case observer == 1 && c.At >= 600*ms:
			worst[c.Lane] = max(worst[c.Lane], age)
		case observer == 2:
			newcomer++
		}
	}})
	if r.Err != nil || newcomer < many {
		t.Errorf("the newcomer saw %d changes: %v", newcomer, r.Err)
	}
	if worst[record.Immediate] > 6*time.Millisecond || worst[record.High] > 15*time.Millisecond {
		t.Errorf("the others saw changes after %v", worst)
	}
}
