package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/flow"
)

// at is a time of look i, a second apart.
func at(i int) time.Time { return time.Unix(1000+int64(i), 0) }

func names(list []FlowRate) string {
	var out []string
	for _, f := range list {
		out = append(out, fmt.Sprintf("%s>%s %.0f/%.0f", f.InitiatorID[6:], f.TargetID[6:], f.FramesOutRate, f.FramesInRate))
	}
	return strings.Join(out, ", ")
}

func TestTheBusiestFlowsComeFirstWithTheRatesOfBothDirections(t *testing.T) {
	w := newWorld(t, 1024)
	to := map[uint32]*flow.Entry{}
	back := map[uint32]*flow.Entry{}
	for i := uint32(1); i <= 9; i++ {
		to[i], back[i] = w.flow(int(i)%2, 0, i, 0x10, 1000)
	}
	b := NewBusiest(w.seg.State)
	if got := b.Top(3, nil); len(got) != 0 {
		t.Errorf("before the first look: %s", names(got))
	}
	b.Look(at(0))
	if got := names(b.Top(2, nil)); got != "01>10 0/0, 02>10 0/0" {
		t.Errorf("before anything moved: %s", got)
	}
	to[5].Frames += 300
	back[5].Frames += 100
	back[7].Frames += 350
	to[7].Bytes += 7000
	b.Look(at(2))
	list := b.Top(3, nil)
	if got := names(list); got != "05>10 150/50, 07>10 0/175, 01>10 0/0" || list[1].BytesOutRate != 3500 {
		t.Errorf("%s; bytes %v", got, list[1].BytesOutRate)
	}
	b.Look(at(3))
	if got := names(b.Top(1, nil)); got != "05>10 0/0" { // the one with the most frames so far
		t.Errorf("a second later: %s", got)
	}
}

func TestAFlowThatEndsIsNotShownAndItsSlotIsSomebodyElses(t *testing.T) {
	w := newWorld(t, 64)
	to, back := w.flow(0, 0, 1, 2, 10)
	b := NewBusiest(w.seg.State)
	b.Look(at(0))
	w.shards[0].Remove(to)
	w.shards[0].Remove(back)
	b.Look(at(1))
	if got := b.Top(10, nil); len(got) != 0 {
		t.Errorf("%s", names(got))
	}
	w.flow(0, 0, 1, 2, 40) // the same slots again: all its frames are new
	b.Look(at(2))
	if got := names(b.Top(10, nil)); got != "01>02 40/20" {
		t.Errorf("%s", got)
	}
}

func TestADirectionWithoutFCPIsNoFlowYet(t *testing.T) {
	w := newWorld(t, 64)
	e := w.direction(0, flow.MakeKey(0, 0, 1, 2), flow.OrientUnknown, 5)
	b := NewBusiest(w.seg.State)
	b.Look(at(0))
	if got := b.Top(10, nil); len(got) != 0 {
		t.Errorf("%s", names(got))
	}
	w.shards[0].Info(e).Orient = flow.FromTarget
	e.Frames += 8
	b.Look(at(1))
	if got := names(b.Top(10, nil)); got != "02>01 0/8" {
		t.Errorf("%s", got)
	}
}

// A table larger than a look: what is fast is found within one round, and stays.
func TestFastFlowsOfALargeTableAreFoundWithinARound(t *testing.T) {
	w := newWorld(t, 200_000)
	const flows = 100_000
	var fast []*flow.Entry
	for i := range uint32(flows) {
		to, _ := w.flow(0, 0, i+1, i+0x20_0000, 10)
		if i%10_000 == 77 {
			fast = append(fast, to)
		}
	}
	b := NewBusiest(w.seg.State)
	if b.Looks() != 4 { // 2 lcores x 524,288 slots
		t.Fatalf("%d looks for a round", b.Looks())
	}
	for look := range 2*b.Looks() + 1 {
		b.Look(at(look))
		if len(b.kept) > MaxBusiest {
			t.Fatalf("%d flows kept", len(b.kept))
		}
		for i, e := range fast {
			e.Frames += 1000 * uint64(i+1)
		}
	}
	list := b.Top(11, nil)
	for i, f := range list[:10] {
		if want := 1000 * float64(10-i); f.FramesOutRate != want {
			t.Errorf("%d: %s at %.0f frames/s, want %.0f", i, f.InitiatorID, f.FramesOutRate, want)
		}
	}
	if list[10].FramesOutRate != 0 {
		t.Errorf("an idle flow has a rate: %+v", list[10])
	}
}

func TestALookAtALargeTableAllocatesNothingThatGrowsWithIt(t *testing.T) {
	w := newWorld(t, 200_000)
	for i := range uint32(100_000) {
		w.flow(0, 0, i+1, i+0x20_0000, uint64(i))
	}
	b := NewBusiest(w.seg.State)
	look := 0
	round := func() {
		for range b.Looks() {
			b.Look(at(look))
			look++
		}
	}
	round()
	if n := testing.AllocsPerRun(1, round); n > 8*MaxBusiest {
		t.Errorf("a round over 100,000 flows made %.0f allocations", n)
	}
}

func BenchmarkLook(b *testing.B) {
	for _, flows := range []uint32{1000, 100_000, 400_000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			w := newWorld(b, 1_000_000)
			for i := range flows {
				w.flow(0, 0, i+1, i+0x40_0000, uint64(i))
			}
			watch := NewBusiest(w.seg.State)
			for i := 0; b.Loop(); i++ {
				watch.Look(at(i))
			}
		})
	}
}

// What a list of all flows costs, beside a look.
func BenchmarkFlows(b *testing.B) {
	for _, flows := range []uint32{1000, 100_000, 400_000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			w := newWorld(b, 1_000_000)
			for i := range flows {
				w.flow(0, 0, i+1, i+0x40_0000, uint64(i))
			}
			for b.Loop() {
				SelectFlows(w.seg.State, Filter{Limit: 20})
			}
		})
	}
}
