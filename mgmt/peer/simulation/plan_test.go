package simulation

import (
	"reflect"
	"testing"

	"fcredirect/mgmt/peer/record"
)

func TestASeedMakesOnePlan(t *testing.T) {
	for seed := range uint64(100) {
		if a, b := New(seed), New(seed); !reflect.DeepEqual(a, b) || a.String() != b.String() {
			t.Fatalf("seed %d makes two plans", seed)
		}
	}
}

func TestPlansHaveEverything(t *testing.T) {
	var did [numActions]int
	var lanes [record.NumLanes]int
	var nodes [9]int
	gone, foreign, batches := 0, 0, 0
	for seed := range uint64(1000) {
		p := New(seed)
		nodes[p.Nodes]++
		for i, s := range p.Steps {
			if s.At >= p.Healed || s.At+s.For > p.Healed || i > 0 && s.At < p.Steps[i-1].At {
				t.Fatalf("seed %d: %v is too late or out of order", seed, s)
			}
			did[s.Do]++
			lanes[s.Lane]++
			batches += max(0, len(s.Edits)-1)
			for _, e := range s.Edits {
				if e.Gone {
					gone++
				}
				for _, ref := range e.Refs {
					if ref.Origin != s.Node {
						foreign++
					}
				}
			}
		}
	}
	for a, n := range did {
		if n < 100 {
			t.Errorf("%v: %d times", Action(a), n)
		}
	}
	for n, count := range nodes {
		if n >= 2 && count < 10 {
			t.Errorf("%d plans of %d nodes", count, n)
		}
	}
	if gone < 1000 || foreign < 1000 || batches < 1000 || lanes[0] < 1000 {
		t.Errorf("deletions %d, foreign references %d, batches %d, lanes %v", gone, foreign, batches, lanes)
	}
}

func TestShrinkLeavesWhatIsNeeded(t *testing.T) {
	p := New(15)
	var needed []Step
	for i := range p.Steps {
		if i == 7 || i == len(p.Steps)-3 {
			needed = append(needed, p.Steps[i])
		}
	}
	has := func(p *Plan, want Step) bool {
		for _, s := range p.Steps {
			if s.At == want.At && s.Do == want.Do {
				return true
			}
		}
		return false
	}
	small := Shrink(p, 1000, func(p *Plan) bool { return has(p, needed[0]) && has(p, needed[1]) })
	if len(small.Steps) != 2 || len(p.Steps) < 20 {
		t.Errorf("%d of %d steps are left:\n%v", len(small.Steps), len(p.Steps), small)
	}
}
