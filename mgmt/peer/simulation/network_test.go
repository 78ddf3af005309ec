package simulation

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// player is a node and its only session: it sends what it is given and keeps what it gets.
type player struct {
	s      *scheduler
	dead   bool
	deaf   bool
	out    []string
	got    []string
	at     []int64
	ended  int
	why    error
	refuse string
	given  error
}

func (p *player) clock() int64             { return p.s.now + 7_000_000_000 }
func (p *player) time(clock int64) int64   { return clock - 7_000_000_000 }
func (p *player) alive() bool              { return !p.dead }
func (p *player) reads() bool              { return !p.deaf }
func (p *player) closed(_ *end, why error) { p.ended++; p.why = why }
func (p *player) Close(int64)              {}
func (p *player) Err() error               { return p.given }

func (p *player) Receive(now int64, frame []byte) error {
	p.got = append(p.got, string(frame))
	p.at = append(p.at, now-7_000_000_000)
	if p.refuse != "" && string(frame) == p.refuse {
		return errors.New("refused")
	}
	return nil
}

func (p *player) Next(int64, []byte) ([]byte, int64) {
	if len(p.out) == 0 {
		return nil, 0
	}
	frame := p.out[0]
	p.out = p.out[1:]
	return []byte(frame), 0
}

// stage is two players with a connection.
type stage struct {
	scheduler
	a, b        player
	ea, eb      *end
	there, back path
}

func newStage() *stage {
	st := new(stage)
	st.a.s, st.b.s = &st.scheduler, &st.scheduler
	st.there = path{delay: ms, jitter: ms, random: rand.New(rand.NewPCG(1, 1))}
	st.back = path{delay: ms, random: rand.New(rand.NewPCG(1, 2))}
	st.ea, st.eb = connect(&st.scheduler, &st.a, &st.b, &st.there, &st.back)
	st.eb.start(&st.b)
	st.ea.start(&st.a)
	return st
}

func (st *stage) say(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("frame %03d of what node a has to say", i))
	}
	st.a.out = slices.Clone(all)
	st.ea.wake(st.now)
	return all
}

func (st *stage) until(ns int64) {
	for st.step(ns) {
	}
	st.now = ns
}

func TestAConnectionKeepsTheOrder(t *testing.T) {
	st := newStage()
	all := st.say(200)
	st.until(100 * ms)
	if !slices.Equal(st.b.got, all) {
		t.Fatalf("got %d frames of %d, or not in order", len(st.b.got), len(all))
	}
	if st.b.at[0] < ms || st.b.at[0] > 2*ms+writeTime {
		t.Errorf("the first came after %d ns", st.b.at[0])
	}
}

func TestNoiseHurtsWhatItTouches(t *testing.T) {
	noises := map[string]Noise{
		"lose": {Lose: 100}, "repeat": {Repeat: 100}, "swap": {Swap: 100}, "change": {Change: 100}, "cut": {Cut: 100}, "invent": {Invent: 100},
	}
	for name, noise := range noises {
		t.Run(name, func(t *testing.T) {
			st := newStage()
			st.there.noise = noise
			all := st.say(200)
			st.until(100 * ms)
			if !st.ea.hurt || slices.Equal(st.b.got, all) {
				t.Errorf("hurt %v, and all came as it was sent: %v", st.ea.hurt, slices.Equal(st.b.got, all))
			}
			lost, more := 0, 0
			for _, f := range all {
				if !slices.Contains(st.b.got, f) {
					lost++
				}
			}
			more = len(st.b.got) - len(all) + lost
			want := map[string][2]bool{"lose": {true, false}, "repeat": {false, true}, "swap": {}, "change": {true, true}, "cut": {true, true}, "invent": {false, true}}[name]
			if lost > 0 != want[0] || more > 0 != want[1] {
				t.Errorf("lost %d, more %d, want %v", lost, more, want)
			}
		})
	}
}

func TestAPartitionHoldsFramesBack(t *testing.T) {
	st := newStage()
	st.there.cut = true
	all := st.say(3)
	st.until(500 * ms)
	if len(st.b.got) != 0 {
		t.Fatalf("%d frames crossed", len(st.b.got))
	}
	st.there.cut = false
	st.there.resume()
	if !slices.Equal(st.b.got, all) || st.b.ended != 0 {
		t.Errorf("got %v, ended %d", st.b.got, st.b.ended)
	}
}

func TestAWriterWaitsForAReader(t *testing.T) {
	st := newStage()
	st.b.deaf = true
	for range 1000 {
		st.a.out = append(st.a.out, strings.Repeat("x", 1000))
	}
	st.ea.wake(0)
	st.until(500 * ms)
	if st.ea.bytes < window || st.ea.bytes > window+1000 {
		t.Fatalf("%d bytes are on the way", st.ea.bytes)
	}
	st.b.deaf = false
	st.there.resume()
	st.until(1000 * ms)
	if len(st.b.got) != 1000 {
		t.Errorf("%d frames came", len(st.b.got))
	}
}

func TestBothSidesHearOfTheEnd(t *testing.T) {
	st := newStage()
	st.say(3)
	st.b.refuse = "frame 001 of what node a has to say"
	st.until(100 * ms)
	if st.a.ended != 1 || st.b.ended != 1 || st.a.why != nil || st.b.why == nil || len(st.b.got) != 2 {
		t.Errorf("a: %d, %v; b: %d, %v, %d frames", st.a.ended, st.a.why, st.b.ended, st.b.why, len(st.b.got))
	}
}

func TestASessionMayGiveUp(t *testing.T) {
	st := newStage()
	st.until(10 * ms)
	st.a.given = errors.New("silence")
	st.ea.wake(st.now)
	st.until(20 * ms)
	if st.a.ended != 1 || st.b.ended != 1 || st.a.why == nil {
		t.Errorf("a: %d, %v; b: %d", st.a.ended, st.a.why, st.b.ended)
	}
}

func TestNobodyHearsOfALossOfPower(t *testing.T) {
	st := newStage()
	st.until(10 * ms)
	st.b.dead, st.eb.open = true, false
	st.say(1)
	st.until(100 * ms)
	if st.a.ended != 0 {
		t.Fatal("the other side heard of it")
	}
	st.b.dead = false // it is back, and knows nothing of the connection
	st.say(1)
	st.until(200 * ms)
	if st.a.ended != 1 {
		t.Errorf("ended %d", st.a.ended)
	}
}

func TestEventsAreInTheOrderOfTheirTimesAndThenOfAsking(t *testing.T) {
	var s scheduler
	var got []int
	random := rand.New(rand.NewPCG(3, 3))
	for i := range 1000 {
		at := random.Int64N(10)
		s.at(at, func() { got = append(got, int(at)*1000+i) })
	}
	for s.step(4) {
	}
	if s.now != 4 {
		t.Errorf("it is %d", s.now)
	}
	for s.step(100) {
	}
	if len(got) != 1000 || !slices.IsSorted(got) {
		t.Errorf("%d events, sorted %v", len(got), slices.IsSorted(got))
	}
}
