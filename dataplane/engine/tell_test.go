package engine

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

// listener is another process: it maps the segment for itself.
type listener struct {
	t       *testing.T
	state   *shm.File
	ctl     *shm.File
	readers []*feed.Reader
}

func listen(t *testing.T, dir string, c feed.Consumer) *listener {
	t.Helper()
	l := &listener{t: t}
	var err error
	if l.state, err = shm.Open(filepath.Join(dir, "state"), false); err != nil {
		t.Fatal(err)
	}
	if l.ctl, err = shm.Open(filepath.Join(dir, "ctl"), true); err != nil {
		t.Fatal(err)
	}
	if l.readers, err = feed.Open(l.state, l.ctl, c, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.state.Close(); l.ctl.Close() })
	return l
}

// until takes items from all producers until enough says so.
func (l *listener) until(what string, enough func(*feed.Item) bool) {
	l.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		for _, r := range l.readers {
			for item := r.Next(); item != nil; item = r.Next() {
				copied := *item
				if err := r.Release(r.Read()); err != nil {
					l.t.Fatal(err)
				}
				if enough(&copied) {
					return
				}
			}
			if r.Err() != nil {
				l.t.Fatal(r.Err())
			}
		}
	}
	l.t.Fatalf("never heard of %s", what)
}

// tables is what the flow tables of a segment hold: frames by life.
func tables(f *shm.File) map[uint64]uint64 {
	frames := map[uint64]uint64{}
	view := flow.NewView(shm.Items[flow.Entry](f, "flows.0"), shm.Items[flow.Info](f, "infos.0"))
	for d := range view.All() {
		if d.Info.Orient != flow.OrientUnknown {
			frames[d.Info.Serial] = d.Frames
		}
	}
	return frames
}

func TestTheSlowPathHearsOfEveryFrameThroughRingsOf64Items(t *testing.T) {
	const flows, each = 200, 100
	dir := t.TempDir()
	l := startLive(t, bootOf(t, twoPairsOneLcore+"rings: {state: 64, events: 64}\n"), dir)
	store, events := listen(t, dir, feed.Store), listen(t, dir, feed.Event)
	done := make(chan error, 1)
	go func() { // a sink that does not look at numbers
		done <- l.swallow(1, flows*each)
	}()
	for range each / 10 {
		for i := range flows {
			l.feed(0, 10, frame.FCID(0x010000+i), 0x020001)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want := tables(store.state)
	if len(want) != flows {
		t.Fatalf("%d flows in the table", len(want))
	}
	left := flows
	told := map[uint64]uint64{}
	store.until("the last frames", func(item *feed.Item) bool {
		if f := item.Flow(); f.Kind == feed.KindFlow {
			if f.Frames < told[f.Serial] {
				t.Fatalf("life %d went back from %d to %d", f.Serial, told[f.Serial], f.Frames)
			}
			if f.Frames == want[f.Serial] && told[f.Serial] != f.Frames {
				left--
			}
			told[f.Serial] = f.Frames
		}
		return left == 0
	})
	created := uint64(0)
	started := false
	events.until("the beginning of every flow", func(item *feed.Item) bool {
		switch h := item.Header(); {
		case h.Type == feed.DataplaneStarted:
			started = true
		case h.Kind == feed.KindGap && h.Producer == 0:
			created += item.Gap().Lost
		case h.Type == feed.FlowCreated:
			created++
		}
		return started && created == flows
	})
	for _, r := range feed.Rings(store.state, store.ctl) {
		if r.Consumer == feed.Peer && r.Producer == 0 && (r.Depth != 64 || r.Pending == 0) {
			t.Errorf("nobody reads for the peers, and the ring has %d items with %d flows waiting", r.Depth, r.Pending)
		}
	}
}

func TestAWarmStartTellsOfWhatItAdopted(t *testing.T) {
	dir, boot := t.TempDir(), bootOf(t, twoPairsOneLcore)
	first := startLive(t, boot, dir)
	done := make(chan error, 1)
	go func() { done <- first.swallow(1, 50) }()
	first.feed(0, 50, 0x010001, 0x020001)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	store := listen(t, dir, feed.Store)
	store.until("the flow", func(item *feed.Item) bool { return item.Flow().Frames == 50 })
	epoch, generation := store.state.Header().Epoch, first.engine.control.generation
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if err := first.engine.Close(); err != nil {
		t.Fatal(err)
	}

	second := startLive(t, boot, dir)
	if store.state.Header().Epoch != epoch {
		t.Fatal("a warm start has another epoch")
	}
	if got := second.engine.shared.Snapshot().Generation; got <= generation {
		t.Fatalf("generation %d after %d: consumers would take its rules for those before", got, generation)
	}
	// The same listener, which noticed nothing.
	store.until("the flow once more", func(item *feed.Item) bool {
		return item.Header().Kind == feed.KindFlow && item.Flow().Frames == 50 && item.Header().Flags&feed.FlagResync != 0
	})
}

// The garbage collector is off.
func TestTellingOfLoginsAndEventsDoesNotAllocate(t *testing.T) {
	e := steppedOf(t, onePair+"rings: {state: 64, events: 64}\n", nil)
	n := uint64(0)
	if allocs := testing.AllocsPerRun(1000, func() {
		n++
		l := login.Login{Addr: login.At(0, 0, frame.FCID(0x010000+n%40)), WWPN: frame.WWN(n), State: login.Live}
		e.control.logins.Put(&l)
		for _, kind := range []login.Kind{login.Started, login.Updated, login.Moved, login.Replaced, login.Ended} {
			e.teller.login(login.Change{Kind: kind, Addr: l.Addr, Old: l, New: l}, n)
		}
		e.teller.named(feed.PortDown, 0, "edge0", n)
		e.teller.policy(1, 2, n)
		e.teller.offer(e.tsc())
	}); allocs != 0 {
		t.Fatalf("%v allocations per round", allocs)
	}
	for _, r := range feed.Rings(e.seg.State, e.seg.Ctl) {
		if r.Producer == 1 && r.Consumer == feed.Event && r.Lost == 0 {
			t.Error("the ring of events was never full")
		}
	}
}

// The next start may be a cold one, of another version say.
func TestAfterAnOrderlyStopNothingIsUntold(t *testing.T) {
	dir := t.TempDir()
	l := startLive(t, bootOf(t, twoPairsOneLcore+"report: 1s\n"), dir)
	send := func() {
		done := make(chan error, 1)
		go func() { done <- l.swallow(1, 50) }()
		l.feed(0, 50, 0x010001, 0x020001)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	send()
	listen(t, dir, feed.Store).until("a flow that begins, at once", func(item *feed.Item) bool { return item.Header().Kind == feed.KindFlow })
	send()
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	frames := uint64(0)
	for _, r := range listen(t, dir, feed.Store).readers {
		for item := r.Next(); item != nil; item = r.Next() {
			if item.Header().Kind == feed.KindFlow {
				frames = item.Flow().Frames
			}
		}
	}
	if frames != 100 {
		t.Fatalf("told of %d of 100 frames", frames)
	}
}

func TestAnLcoreWithoutPortsKeepsNobodyWaiting(t *testing.T) {
	text := strings.NewReplacer("lcores: [0]", "lcores: [0, 1]", "role: edge,", "role: edge, lcore: 0,", "role: fabric}", "role: fabric, lcore: 0}")
	boot := bootOf(t, text.Replace(twoPairsOneLcore))
	if len(boot.PortsOf(0)) == 0 || len(boot.PortsOf(1)) > 0 {
		t.Fatalf("ports of lcore 0: %v, of lcore 1: %v", boot.PortsOf(0), boot.PortsOf(1))
	}
	dir := t.TempDir()
	startLive(t, boot, dir)
	for _, c := range []feed.Consumer{feed.Peer, feed.Store} {
		l := listen(t, dir, c)
		if len(l.readers) != 3 {
			t.Fatalf("%v: %d readers for two lcores and control", c, len(l.readers))
		}
		for _, r := range l.readers {
			r.Resync(77)
		}
		answers := map[uint8]bool{}
		l.until("the end of all answers", func(item *feed.Item) bool {
			if item.Header().Kind == feed.KindSynced && item.Sync().Nonce == 77 {
				answers[item.Header().Producer] = true
			}
			return len(answers) == 3
		})
	}
}
