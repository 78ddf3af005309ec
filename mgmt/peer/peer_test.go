package peer

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

var spec = feed.Spec{Producers: 1, State: 64, Events: 64, Shards: 1}

// plane is a data plane with one lcore, as far as rings go.
type plane struct {
	seg     *shm.Segment
	outlets *feed.Outlets
	now     uint64
	frames  [200]uint64
}

func (p *plane) Slots() int { return len(p.frames) }

func (p *plane) Fill(slot uint32, item *feed.Item) bool {
	f := item.Flow()
	f.Serial, f.Key, f.Frames = uint64(slot)+1, uint64(slot), p.frames[slot]
	return p.frames[slot] > 0
}

func start(t *testing.T, dir string, fresh bool, now uint64) *plane {
	t.Helper()
	p := &plane{now: now}
	var err error
	p.seg, err = shm.Create(shm.Config{Dir: dir, Node: "n", TSCHz: 1e9, Fresh: fresh, State: spec.StateRegions(), Ctl: spec.CtlRegions()})
	if err != nil {
		t.Fatal(err)
	}
	c := feed.Config{Spec: spec, Report: 10, Now: now, Source: p}
	if p.outlets, err = feed.NewOutlets(p.seg.State, p.seg.Ctl, c); err != nil {
		t.Fatal(err)
	}
	if _, err := feed.NewEvents(p.seg.State, p.seg.Ctl, c); err != nil {
		t.Fatal(err)
	}
	return p
}

// send has frames of all flows pass, so many times, and offers what fits into the rings.
func (p *plane) send(t *testing.T, times int) {
	t.Helper()
	for range times {
		for slot := range p.frames {
			p.now++
			p.frames[slot]++
			p.outlets.Touch(uint32(slot), uint64(slot), p.now-20)
		}
		p.now += 20
		p.outlets.Offer(p.now, len(p.frames))
	}
}

func (p *plane) offered() uint64 {
	for _, r := range feed.Rings(p.seg.State, p.seg.Ctl) {
		if r.Consumer == feed.Peer {
			return r.Offered
		}
	}
	return 0
}

// hub is a bus that the test calls.
type hub struct {
	mu      sync.Mutex
	answers map[string]func(context.Context, []byte) ([]byte, error)
}

func (h *hub) Handle(method string, answer func(context.Context, []byte) ([]byte, error)) func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[method] = answer
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.answers, method)
	}
}

func run(t *testing.T, r *Role) (ready <-chan struct{}, end func() error) {
	ctx, stop := context.WithCancel(context.Background())
	served, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- r.Run(ctx, func() { close(served) }) }()
	return served, func() error { stop(); return <-done }
}

// until waits for what the role does in its own time.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func flows(s Stats) (n uint64) {
	for _, l := range s.Lanes {
		n += l.Flows
	}
	return n
}

func TestEveryItemIsCountedOnceAcrossRestartsOfTheDataPlane(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "segment")
	h := &hub{answers: map[string]func(context.Context, []byte) ([]byte, error){}}
	r, err := New(Options{Place: attach.Place{Dir: dir}, Bus: h, Batch: 7})
	if err != nil {
		t.Fatal(err)
	}
	served, end := run(t, r)
	if err := r.Healthy(); err != nil {
		t.Errorf("waiting for a segment is no illness: %v", err)
	}
	p := start(t, dir, false, 1000)
	<-served
	offered := func() uint64 { return p.offered() }
	p.send(t, 3)
	first := uint64(0)
	until(t, "all of the first segment is counted", func() bool { first = offered(); return first > 0 && flows(r.Stats()) == first })
	if err := p.seg.Close(); err != nil {
		t.Fatal(err)
	}

	p = start(t, dir, false, p.now) // warm: the same rings go on
	p.send(t, 1)
	until(t, "all of the warm start is counted", func() bool { return offered() > first && flows(r.Stats()) == offered() })
	before := flows(r.Stats())
	p.send(t, 1) // what lies in the old segment when it is replaced
	rest := offered() - before
	if err := p.seg.Close(); err != nil {
		t.Fatal(err)
	}

	p = start(t, dir, true, p.now) // cold: others
	defer p.seg.Close()
	until(t, "the new segment is served", func() bool { return r.Stats().Segments == 2 })
	p.send(t, 2)
	until(t, "all of it is counted", func() bool { return offered() > 0 && flows(r.Stats()) == before+rest+offered() })

	h.mu.Lock()
	answer := h.answers[Method]
	h.mu.Unlock()
	b, err := answer(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var s Stats
	if err := json.Unmarshal(b, &s); err != nil || flows(s) != flows(r.Stats()) || s.Lanes["normal"].Bytes+s.Lanes["high"].Bytes != flows(s)*feed.ItemBytes {
		t.Errorf("%s, %v", b, err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if len(h.answers) > 0 {
		t.Error("it still answers when it has ended")
	}
}

func TestWhatIsNotUnderstoodIsCountedAndPassed(t *testing.T) {
	r := &Role{}
	for _, tt := range []struct {
		kind  feed.Kind
		lane  feed.Lane
		flags uint8
	}{
		{feed.KindFlow, feed.Immediate, feed.FlagEnded}, {feed.KindLogin, feed.High, 0}, {feed.KindLogin, feed.High, feed.FlagEnded},
		{feed.KindFlow, feed.Normal, 0}, {feed.KindFlow, 9, 0}, {feed.KindSynced, 0, 0}, {99, 0, 0}, {feed.KindNone, 0, feed.FlagEnded},
	} {
		var item feed.Item
		h := item.Header()
		h.Kind, h.Lane, h.Flags = tt.kind, tt.lane, tt.flags
		r.counts.count(&item)
	}
	s := r.Stats()
	want := map[string]Lane{"immediate": {Flows: 1, Ended: 1, Bytes: 128}, "high": {Logins: 2, Ended: 1, Bytes: 256}, "normal": {Flows: 2, Bytes: 256}}
	for name, lane := range want {
		if s.Lanes[name] != lane {
			t.Errorf("%s: %+v, want %+v", name, s.Lanes[name], lane)
		}
	}
	if s.Synced != 1 || s.Unknown != 2 {
		t.Errorf("%+v", s)
	}
}

func TestARingThatAnotherReadsEndsTheRole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "segment")
	p := start(t, dir, false, 1000)
	defer p.seg.Close()
	r, err := New(Options{Place: attach.Place{Dir: dir}})
	if err != nil {
		t.Fatal(err)
	}
	served, end := run(t, r)
	<-served
	p.send(t, 1)
	until(t, "the first items are read", func() bool { return flows(r.Stats()) > 0 })
	seg, err := attach.Open(attach.Place{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	until(t, "all is released", func() bool { return flows(r.Stats()) == p.offered() && feed.Rings(seg.State, seg.Ctl)[0].Depth == 0 })
	// As if another had released something else: the cursor is not where the role left it.
	atomic.AddUint64(&shm.Items[feed.Cursor](seg.Ctl, shm.RegionCursors)[0].Tail, ^uint64(0))
	until(t, "the role notices", func() bool { p.send(t, 1); return r.round.Load() == 0 })
	if err := end(); !errors.Is(err, feed.ErrFenced) || !strings.Contains(err.Error(), "producer 0") {
		t.Errorf("got %v", err)
	}
}

func TestTheREADMENamesEveryKeyOfTheAnswer(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal((&Role{}).Stats())
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(b, &keys); err != nil {
		t.Fatal(err)
	}
	lanes := keys["lanes"].(map[string]any)
	all := []string{}
	for k := range keys {
		all = append(all, k)
	}
	for name, lane := range lanes {
		all = append(all, name)
		for k := range lane.(map[string]any) {
			all = append(all, k)
		}
	}
	for _, k := range all {
		if !strings.Contains(string(readme), "`"+k+"`") {
			t.Errorf("README.md does not name %s", k)
		}
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
