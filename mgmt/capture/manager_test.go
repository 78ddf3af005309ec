package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/capture/capturetest"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told notes events.
type told struct {
	mu    sync.Mutex
	types []event.Type
}

func (n *told) Append(ctx context.Context, t event.Type, f event.Fields) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.types = append(n.types, t)
	return event.Nowhere{}.Append(ctx, t, f)
}

// rig is a manager that runs, with a data plane.
type rig struct {
	*Manager
	t     *testing.T
	plane *capturetest.Plane
	told  *told
	end   func() // of Run
}

func newRig(t *testing.T, lcores int) *rig {
	return rigAt(t, capturetest.New(t, lcores), t.TempDir(), 0)
}

func rigAt(t *testing.T, p *capturetest.Plane, dir string, disk int64) *rig {
	t.Helper()
	r := &rig{t: t, plane: p, told: &told{}}
	var err error
	if r.Manager, err = New(Options{Dir: dir, Live: p, Do: p.Do, Events: r.told, Version: "1.2", MaxDisk: disk}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	r.end = func() { cancel(); <-done }
	t.Cleanup(r.end)
	return r
}

func (r *rig) start(change func(*Request)) Capture {
	r.t.Helper()
	q := Request{Owner: "alice"}
	change(&q)
	c, err := r.Start(r.t.Context(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// await waits for something about a capture.
func (r *rig) await(id, what string, is func(Capture) bool) Capture {
	r.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		c, err := r.Get(id)
		if err != nil {
			r.t.Fatal(err)
		}
		if is(c) {
			return c
		}
		if time.Now().After(end) {
			r.t.Fatalf("it is not %s: %+v", what, c)
		}
	}
}

func over(c Capture) bool { return c.State == Complete || c.State == Interrupted }

func (r *rig) file(id string) []byte {
	r.t.Helper()
	d, err := r.Open(id)
	if err != nil {
		r.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := d.Follow(r.t.Context(), &b, func() {}); err != nil {
		r.t.Fatal(err)
	}
	return b.Bytes()
}

// block is one block of a file: its type, and what is between the lengths.
type block struct {
	kind uint32
	body []byte
}

// blocks takes a file apart, and fails when it is not made of whole blocks.
func blocks(t *testing.T, file []byte) (all []block) {
	t.Helper()
	for at := 0; at < len(file); {
		if len(file)-at < 12 {
			t.Fatalf("%d bytes behind the last block", len(file)-at)
		}
		kind, n := binary.LittleEndian.Uint32(file[at:]), int(binary.LittleEndian.Uint32(file[at+4:]))
		if n < 12 || n%4 != 0 || at+n > len(file) || int(binary.LittleEndian.Uint32(file[at+n-4:])) != n {
			t.Fatalf("block %d of %d bytes at %d of %d", kind, n, at, len(file))
		}
		all = append(all, block{kind, file[at+8 : at+n-4]})
		at += n
	}
	return all
}

const (
	sectionBlock, interfaceBlock, statisticsBlock, packetBlock = 0x0a0d0d0a, 1, 5, 6
)

// packets are the frames of a file.
func packets(t *testing.T, file []byte) (frames [][]byte) {
	for _, b := range blocks(t, file) {
		if b.kind == packetBlock {
			n := binary.LittleEndian.Uint32(b.body[12:])
			frames = append(frames, b.body[20:20+n])
		}
	}
	return frames
}

func numbered(i int) []byte {
	b := make([]byte, 64)
	binary.BigEndian.PutUint32(b, uint32(i))
	return b
}

func (r *rig) captured(lcore, port, i int) {
	r.plane.Captured(lcore, capture.Record{TSC: r.plane.Now(), Port: uint8(port), Rule: -1, Service: -1}, numbered(i))
}

func TestACaptureBecomesAFile(t *testing.T) {
	r := newRig(t, 1)
	c := r.start(func(q *Request) { q.Note, q.Filter.Ports = "why", []string{"edge0"} })
	if c.State != Running || c.Owner != "alice" || c.Limits.Bytes != DefaultBytes || c.SnapLength != DefaultSnap || c.Patterns != 2 {
		t.Errorf("%+v", c)
	}
	for i := range 100 {
		r.captured(0, i%2, i)
	}
	r.plane.Captured(0, capture.Record{TSC: r.plane.Now(), Port: 2, Flags: capture.FlagSent, Fate: uint8(shm.FateSteered), Rule: 3, Service: 1, Generation: 9}, numbered(100))
	r.plane.Missed(7)
	c, err := r.Stop(t.Context(), c.ID)
	if err != nil || c.State != Complete || c.Frames != 101 || c.Missed != 7 || c.MissedFull != 7 || c.Matched != 108 || c.Ended == nil || c.Why == "" {
		t.Fatalf("%v, %+v", err, c)
	}
	file := r.file(c.ID)
	if int64(len(file)) != c.Bytes {
		t.Errorf("%d bytes, said were %d", len(file), c.Bytes)
	}
	count := map[uint32]int{}
	for i, b := range blocks(t, file) {
		if count[b.kind]++; i == 0 && b.kind != sectionBlock {
			t.Errorf("it begins with block %d", b.kind)
		}
	}
	if count[interfaceBlock] != 3 || count[statisticsBlock] != 3 || count[packetBlock] != 101 {
		t.Errorf("blocks %v", count)
	}
	for i, f := range packets(t, file) {
		if !bytes.Equal(f, numbered(i)) {
			t.Fatalf("frame %d is %x", i, f)
		}
	}
	for _, want := range []string{"edge0", "fabric0", "svc0", "FC-Redirect node node-a", "FC-Redirect 1.2", "started by alice", "verdict: forwarded",
		"as sent; verdict: steered; rule: number 3 of generation 9; service: number 1", `{"ports":["edge0"]}`, "7 of them were missed"} {
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("nothing says %q", want)
		}
	}
	if again, err := r.Stop(t.Context(), c.ID); err != nil || again.Why != c.Why {
		t.Errorf("stopped again: %v, %+v", err, again)
	}
	r.end()
	if len(r.told.types) != 2 || r.told.types[0] != event.CaptureStarted || r.told.types[1] != event.CaptureEnded {
		t.Errorf("events %v", r.told.types)
	}
}

func TestEachCaptureHasItsOwnFramesAndNoneOfBeforeOrAfter(t *testing.T) {
	r := newRig(t, 1)
	first := r.start(func(*Request) {})
	r.captured(0, 0, 1)
	second := r.start(func(q *Request) { q.SnapLength = 64 })
	r.captured(0, 0, 2)
	if _, err := r.Stop(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	r.captured(0, 0, 3)
	third := r.start(func(*Request) {}) // in the first one's slot
	r.captured(0, 0, 4)
	for _, c := range []Capture{second, third} {
		if _, err := r.Stop(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range [][]byte{{1, 2}, {2, 3, 4}, {4}} {
		var got []byte
		for _, f := range packets(t, r.file([]Capture{first, second, third}[i].ID)) {
			got = append(got, f[3])
		}
		if !bytes.Equal(got, want) {
			t.Errorf("capture %d has frames %v, want %v", i+1, got, want)
		}
	}
	if list := r.List(); len(list) != 3 || list[0].ID != third.ID {
		t.Errorf("the list is %+v", list)
	}
}

func TestACaptureEndsAtItsLimits(t *testing.T) {
	for name, test := range map[string]struct {
		limits CaptureLimits
		why    string
	}{
		"frames": {CaptureLimits{Frames: 5}, "as many frames"},
		"bytes":  {CaptureLimits{Bytes: MinBytes}, "as long as it may be"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			c := r.start(func(q *Request) { q.Limits = test.limits })
			for i := range 1000 {
				r.captured(0, 0, i)
			}
			c = r.await(c.ID, "over", over)
			if c.State != Complete || !strings.Contains(c.Why, test.why) {
				t.Errorf("%+v", c)
			}
			if test.limits.Frames > 0 && c.Frames != 5 || c.Bytes > c.Limits.Bytes+statisticsRoom || c.Frames == 1000 {
				t.Errorf("%d frames, %d bytes", c.Frames, c.Bytes)
			}
			if n := len(packets(t, r.file(c.ID))); uint64(n) != c.Frames {
				t.Errorf("%d frames in the file", n)
			}
		})
	}
}

func TestADownloadFollowsACaptureToItsEnd(t *testing.T) {
	r := newRig(t, 1)
	c := r.start(func(*Request) {})
	d, err := r.Open(c.ID)
	if err != nil || d.Size != -1 {
		t.Fatal(err, d.Size)
	}
	in, out := io.Pipe()
	followed := make(chan error, 1)
	go func() {
		followed <- d.Follow(t.Context(), out, func() {})
		out.Close()
	}()
	r.captured(0, 0, 1)
	seen, buf := []byte{}, make([]byte, 4096)
	for !bytes.Contains(seen, numbered(1)) { // while it runs
		n, err := in.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, buf[:n]...)
	}
	if now, _ := r.Get(c.ID); now.State != Running {
		t.Errorf("%+v", now)
	}
	r.captured(0, 0, 2)
	go r.Stop(context.Background(), c.ID)
	rest, err := io.ReadAll(in)
	if err != nil || <-followed != nil {
		t.Fatal(err)
	}
	if all := append(seen, rest...); len(packets(t, all)) != 2 || !bytes.Equal(all, r.file(c.ID)) {
		t.Error("what was followed is not the file")
	}
	r.await(c.ID, "over", over)
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	running := r.start(func(*Request) {})
	if d, err = r.Open(running.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.Follow(gone, io.Discard, func() {}); err == nil || err.Error() != "gone" {
		t.Errorf("who goes away: %v", err)
	}
}

func TestWhatTheDataPlaneEndsIsOver(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(*capturetest.Plane)
		state State
		why   string
	}{
		"time":     {func(p *capturetest.Plane) { p.End(capture.StateTimeOver) }, Complete, "its time is over"},
		"lease":    {func(p *capturetest.Plane) { p.End(capture.StateLeaseOver) }, Interrupted, "silent"},
		"replaced": {func(p *capturetest.Plane) { p.End(capture.StateReplaced) }, Interrupted, "another reader"},
		"restart":  {(*capturetest.Plane).Restart, Interrupted, "started anew"},
		"gone":     {(*capturetest.Plane).Die, Interrupted, "is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1)
			c := r.start(func(*Request) {})
			r.captured(0, 0, 1)
			r.await(c.ID, "written", func(c Capture) bool { return c.Frames == 1 })
			test.end(r.plane)
			c = r.await(c.ID, "over", over)
			if c.State != test.state || !strings.Contains(c.Why, test.why) {
				t.Errorf("%+v", c)
			}
			if len(packets(t, r.file(c.ID))) != 1 {
				t.Error("the frame is not in the file")
			}
		})
	}
}

func TestALaneThatIsTornIsPassedOver(t *testing.T) {
	r := newRig(t, 1)
	c := r.start(func(*Request) {})
	r.captured(0, 0, 1)
	r.await(c.ID, "written", func(c Capture) bool { return c.Frames == 1 })
	lane := r.plane.Seg.State.Bytes(capture.RegionLanes)
	clear(lane[8+binary.LittleEndian.Uint64(lane)&0xffff:]) // what is written next is
	r.captured(0, 0, 2)
	r.await(c.ID, "written again", func(c Capture) bool { return c.Frames == 2 })
}

func TestFramesOfSeveralLcoresAreInOrder(t *testing.T) {
	r := newRig(t, 3)
	c := r.start(func(*Request) {})
	const frames = 3000
	base := r.plane.Now()
	r.lanes.Lock() // the pump finds all of them at once
	var lcores sync.WaitGroup
	for lcore := range 3 {
		lcores.Go(func() {
			for i := lcore; i < frames; i += 3 {
				r.plane.Captured(lcore, capture.Record{TSC: base + uint64(i), Rule: -1}, numbered(i))
			}
		})
	}
	lcores.Wait()
	r.lanes.Unlock()
	c, err := r.Stop(t.Context(), c.ID)
	if err != nil || c.Frames != frames {
		t.Fatal(err, c.Frames)
	}
	for i, f := range packets(t, r.file(c.ID)) {
		if !bytes.Equal(f, numbered(i)) {
			t.Fatalf("frame %d is %x", i, f[:4])
		}
	}
}

func TestAFrameWaitsForAnLcoreThatMayHaveAnOlderOne(t *testing.T) {
	r := newRig(t, 3)
	now := r.plane.Now()
	r.plane.Passed(0, now+200)
	r.plane.Passed(1, now+100) // the third does not run
	c := r.start(func(*Request) {})
	r.plane.Captured(0, capture.Record{TSC: now + 50, Rule: -1}, numbered(0))
	r.plane.Captured(0, capture.Record{TSC: now + 150, Rule: -1}, numbered(2))
	r.await(c.ID, "written", func(c Capture) bool { return c.Frames == 1 })
	r.plane.Captured(1, capture.Record{TSC: now + 120, Rule: -1}, numbered(1))
	if time.Sleep(3 * period); r.List()[0].Frames != 1 {
		t.Error("a frame was written before an older one could come")
	}
	r.plane.Passed(1, now+300)
	r.await(c.ID, "written in order", func(c Capture) bool { return c.Frames == 3 })
	for i, f := range packets(t, r.file(r.stopped(c.ID).ID)) {
		if !bytes.Equal(f, numbered(i)) {
			t.Errorf("frame %d is %x", i, f[:4])
		}
	}
}

func (r *rig) stopped(id string) Capture {
	r.t.Helper()
	c, err := r.Stop(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func TestManyUseTheManagerAtOnce(t *testing.T) {
	r := newRig(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for ctx.Err() == nil {
				c, err := r.Start(t.Context(), Request{Owner: "x", Limits: CaptureLimits{Bytes: MinBytes}})
				if err != nil {
					t.Error(err)
					return
				}
				d, err := r.Open(c.ID)
				if err != nil {
					t.Error(err)
					return
				}
				all.Go(func() {
					if err := d.Follow(context.Background(), io.Discard, func() {}); err != nil {
						t.Error(err)
					}
				})
				r.List()
				if err := r.Remove(t.Context(), c.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := 0; ctx.Err() == nil; i++ {
		r.captured(i%2, i%3, i)
	}
	all.Wait()
	if left := r.List(); len(left) != 0 {
		t.Errorf("%d captures are left", len(left))
	}
	if entries, _ := os.ReadDir(r.o.Dir); len(entries) != 0 {
		t.Errorf("%d files are left", len(entries))
	}
}

func TestNothingSurvivesARestartAndItSaysSo(t *testing.T) {
	plane, dir := capturetest.New(t, 1), t.TempDir()
	r := rigAt(t, plane, dir, 0)
	whole := r.start(func(*Request) {})
	r.Stop(t.Context(), whole.ID)
	running := r.start(func(*Request) {})
	r.captured(0, 0, 1)
	r.await(running.ID, "written", func(c Capture) bool { return c.Frames == 1 })
	killed := r.start(func(*Request) {})
	about, err := os.ReadFile(r.path(killed.ID, aboutSuffix))
	if err != nil {
		t.Fatal(err)
	}
	r.end()
	if c, _ := r.Get(running.ID); c.State != Interrupted || !strings.Contains(c.Why, "management daemon ended") {
		t.Errorf("at the end: %+v", c)
	}
	if _, err := r.Start(t.Context(), Request{}); !problem.Is(err, problem.RoleUnavailable) {
		t.Errorf("started after the end: %v", err)
	}
	// As if it had been killed, with a half-written file and one of nobody.
	os.WriteFile(r.path(killed.ID, aboutSuffix), about, 0o600)
	os.WriteFile(r.path(killed.ID, ".half"), []byte("{"), 0o600)
	os.WriteFile(filepath.Join(dir, "0123456789abcdef.pcapng"), []byte("?"), 0o600)
	os.WriteFile(filepath.Join(dir, "fedcba9876543210.json"), []byte("?"), 0o600)
	again := rigAt(t, plane, dir, 0)
	if list := again.List(); len(list) != 3 {
		t.Fatalf("%d captures: %+v", len(list), list)
	}
	for id, state := range map[string]State{whole.ID: Complete, running.ID: Interrupted, killed.ID: Interrupted} {
		c, err := again.Get(id)
		if err != nil || c.State != state || c.Ended == nil || c.Why == "" || c.Bytes == 0 {
			t.Errorf("%v, %+v", err, c)
		}
		blocks(t, again.file(id))
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 6 {
		t.Errorf("%d files: %v", len(entries), entries)
	}
}

func TestTheOldestCapturesMakeRoom(t *testing.T) {
	const disk = 3*(MinBytes+statisticsRoom) + 8192
	r := rigAt(t, capturetest.New(t, 1), t.TempDir(), disk)
	small := func(q *Request) { q.Limits.Bytes = MinBytes }
	oldest := r.start(small)
	for i := range 1000 {
		r.captured(0, 0, i)
	}
	r.await(oldest.ID, "over", over)
	second := r.start(small)
	r.start(small)
	if _, err := r.Get(oldest.ID); err != nil {
		t.Fatal("it was removed while there was room")
	}
	r.start(small)
	if _, err := r.Get(oldest.ID); !problem.Is(err, problem.NotFound) {
		t.Errorf("the oldest is still there: %v", err)
	}
	if _, err := r.Start(t.Context(), Request{Limits: CaptureLimits{Bytes: MinBytes}}); !problem.Is(err, problem.LimitReached) {
		t.Errorf("beyond the room: %v", err)
	}
	r.Stop(t.Context(), second.ID)
	r.sweep(time.Now().Add(MaxAge + time.Hour))
	if _, err := r.Get(second.ID); !problem.Is(err, problem.NotFound) {
		t.Errorf("one of a week ago: %v", err)
	}
	if len(r.List()) != 2 {
		t.Errorf("%d are left", len(r.List()))
	}
}

func TestWhatTheDataPlaneRefusesLeavesNothingBehind(t *testing.T) {
	r := newRig(t, 1)
	for _, test := range []struct {
		err  error
		code problem.Code
	}{
		{&command.Error{Code: command.Full}, problem.LimitReached}, {&command.Error{Code: command.Busy}, problem.Busy},
		{&command.Error{Code: command.Refused}, problem.DataplaneRefused}, {&command.Error{Code: command.Gone}, problem.DataplaneUnavailable},
		{context.DeadlineExceeded, problem.DataplaneUnavailable}, {capture.ErrNone, problem.DataplaneRefused},
	} {
		r.plane.Refuse = test.err
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // what is busy is asked again for so long
		defer cancel()
		if _, err := r.Start(ctx, Request{}); !problem.Is(err, test.code) {
			t.Errorf("%v: %v, want %s", test.err, err, test.code)
		}
	}
	r.plane.Die()
	if _, err := r.Start(t.Context(), Request{}); !problem.Is(err, problem.DataplaneUnavailable) {
		t.Errorf("without a data plane: %v", err)
	}
	if entries, _ := os.ReadDir(r.o.Dir); len(entries) != 0 || len(r.List()) != 0 {
		t.Errorf("%d files, %d captures", len(entries), len(r.List()))
	}
	if _, err := r.Open("0123456789abcdef"); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
	if err := r.Remove(t.Context(), "0123456789abcdef"); err != nil {
		t.Errorf("the absent is removed: %v", err)
	}
}

func TestADiskThatIsFullEndsTheCaptureAndWhatIsThereCanBeFetched(t *testing.T) {
	r := newRig(t, 1)
	c := r.start(func(*Request) {})
	r.captured(0, 0, 1)
	r.await(c.ID, "written", func(c Capture) bool { return c.Frames == 1 })
	r.lanes.Lock()
	r.active[0].file.f.Close() // every write fails from now on
	r.lanes.Unlock()
	r.captured(0, 0, 2)
	c = r.await(c.ID, "over", over)
	if c.State != Interrupted || !strings.Contains(c.Why, "could not be written") {
		t.Errorf("%+v", c)
	}
	if file := r.file(c.ID); int64(len(file)) != c.Bytes || len(packets(t, file)) != 1 {
		t.Errorf("%d bytes, said are %d", len(file), c.Bytes)
	}
}
