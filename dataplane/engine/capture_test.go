package engine

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

// onlooker is another process that captures.
type onlooker struct {
	t      *testing.T
	client *command.Client
	reader *capture.Reader
	state  *shm.File
}

func onlookerAt(t *testing.T, dir string) *onlooker {
	t.Helper()
	state, err := shm.Open(filepath.Join(dir, "state"), false)
	if err != nil {
		t.Fatal(err)
	}
	ctl, err := shm.Open(filepath.Join(dir, "ctl"), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close(); ctl.Close() })
	o := &onlooker{t: t, client: command.New(state, ctl), state: state}
	if o.reader, err = capture.NewReader(state, ctl); err != nil {
		t.Fatal(err)
	}
	for i := range o.reader.Lanes() {
		o.reader.Begin(i)
	}
	return o
}

func (o *onlooker) start(owner uint64, change func(*capture.Spec)) (reply capture.StartReply, err error) {
	o.t.Helper()
	spec := capture.Everything()
	change(&spec)
	o.reader.Renew(owner)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		answer, err := o.client.Do(o.t.Context(), capture.OpStart, capture.Encode(&capture.StartRequest{Owner: owner, Spec: spec}))
		var no *command.Error
		if errors.As(err, &no) && no.Code == command.Busy && time.Now().Before(end) {
			continue // an lcore that is off its CPU
		}
		if err != nil {
			return reply, err
		}
		return reply, capture.Decode(answer, &reply)
	}
}

func (o *onlooker) stop(owner uint64, id uint32) (reply capture.StopReply) {
	o.t.Helper()
	answer, err := o.client.Do(o.t.Context(), capture.OpStop, capture.Encode(&capture.StopRequest{Owner: owner, ID: id}))
	if err = errors.Join(err, capture.Decode(answer, &reply)); err != nil {
		o.t.Fatal(err)
	}
	return reply
}

// await waits until a capture is in a state.
func (o *onlooker) await(of capture.StartReply, state uint32) capture.Slot {
	o.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		slot, err := o.reader.Slot(of.Slot)
		if err == nil && slot.ID == of.ID && slot.State == state {
			return slot
		}
		if time.Now().After(end) {
			o.t.Fatalf("capture %d is %q, want %q", of.ID, capture.StateName(slot.State), capture.StateName(state))
		}
	}
}

// next waits for a record.
func (o *onlooker) next() (rec capture.Record, frame []byte) {
	o.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for lane := range o.reader.Lanes() {
			f, ok, err := o.reader.Peek(lane, &rec)
			if err != nil {
				o.t.Fatal(err)
			}
			if ok {
				frame = bytes.Clone(f)
				o.reader.Take(lane)
				o.reader.Release(lane)
				return rec, frame
			}
		}
	}
	o.t.Fatal("no frame was captured")
	return rec, nil
}

func TestACaptureIsStartedReadAndStoppedFromAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	l := startLive(t, bootOf(t, twoPairsOneLcore), dir)
	o := onlookerAt(t, dir)
	started, err := o.start(7, func(s *capture.Spec) { s.Ports = 1 << 2 })
	if err != nil {
		t.Fatal(err)
	}
	l.feed(0, 3, 1, 2) // the port of another pair
	l.feed(2, 1, 3, 4)
	rec, got := o.next()
	if rec.Port != 2 || rec.Slots != 1<<started.Slot || rec.Revision != started.Revision || shm.Fate(rec.Fate) != shm.FateForwarded || len(got) != int(rec.Len) {
		t.Errorf("%+v of %+v", rec, started)
	}
	if at := time.Unix(0, o.state.Header().Wall(rec.TSC)); time.Since(at) > time.Minute || time.Since(at) < -time.Second {
		t.Errorf("captured at %v", at)
	}
	// Sets are used again, as often as captures come and go.
	for range 5 * capture.Sets {
		other, err := o.start(7, func(s *capture.Spec) { s.VSAN = 9 })
		if err != nil {
			t.Fatal(err)
		}
		if other.Slot == started.Slot {
			t.Fatal("the slot of a capture that runs was given away")
		}
		if end := o.stop(7, other.ID); end.Revision <= other.Revision {
			t.Fatalf("it began with set %d and ended with %d", other.Revision, end.Revision)
		}
	}
	o.stop(8, 0) // nobody's captures
	o.await(started, capture.StateRunning)
	end := o.stop(7, started.ID)
	if slot := o.await(started, capture.StateStopped); slot.Until != end.Revision || slot.From != started.Revision {
		t.Errorf("%+v, the answer was %+v", slot, end)
	}
}

func TestTheDataPlaneEndsCapturesByItself(t *testing.T) {
	dir := t.TempDir()
	l := startLive(t, bootOf(t, twoPairsOneLcore), dir)
	o := onlookerAt(t, dir)
	short, err := o.start(7, func(s *capture.Spec) { s.Time = 50 * time.Millisecond })
	if err != nil {
		t.Fatal(err)
	}
	o.await(short, capture.StateTimeOver)
	replaced, err := o.start(7, func(*capture.Spec) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.start(8, func(*capture.Spec) {}); err != nil {
		t.Fatal(err)
	}
	if o.await(replaced, capture.StateReplaced); o.reader.Owner() != 8 {
		t.Errorf("the captures are of %d", o.reader.Owner())
	}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestASilentReaderLosesItsCaptures(t *testing.T) {
	e := steppedOf(t, onePair, nil)
	c := &e.capturer
	started, refused := c.start(&capture.StartRequest{Owner: 7, Spec: capture.Everything()})
	if refused != nil {
		t.Fatal(refused)
	}
	silent := func(d time.Duration) uint32 {
		c.beatAt = e.tsc() - ticks(e.hz(), d)
		c.look()
		return c.page.Slots[started.Slot].State
	}
	if state := silent(capture.LeaseTime - time.Second); state != capture.StateRunning {
		t.Fatalf("%q within the lease", capture.StateName(state))
	}
	c.lease.Owner, c.lease.Beat = 8, 1 // somebody else's sign of life is none
	if silent(capture.LeaseTime - time.Second); c.beat == 1 {
		t.Error("another reader renewed the lease")
	}
	c.lease.Owner = 7
	if state := silent(capture.LeaseTime + time.Second); state != capture.StateRunning {
		t.Fatalf("%q though the reader lives", capture.StateName(state))
	}
	if state := silent(capture.LeaseTime + time.Second); state != capture.StateLeaseOver || c.page.Expired != 1 || c.running() {
		t.Errorf("%q, %d expired", capture.StateName(state), c.page.Expired)
	}
}

func TestWhatCannotBeCapturedIsRefused(t *testing.T) {
	dir := t.TempDir()
	startLive(t, bootOf(t, twoPairsOneLcore), dir)
	o := onlookerAt(t, dir)
	var no *command.Error
	for name, change := range map[string]func(*capture.Spec){
		"a port that there is not": func(s *capture.Spec) { s.Ports = 1 << 4 },
		"a time of a year":         func(s *capture.Spec) { s.Time = 8760 * time.Hour },
	} {
		if _, err := o.start(7, change); !errors.As(err, &no) || no.Code != command.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := o.start(0, func(*capture.Spec) {}); !errors.As(err, &no) || no.Code != command.Malformed {
		t.Errorf("nobody: %v", err)
	}
	if _, err := o.client.Do(t.Context(), capture.OpStart, []byte("?")); !errors.As(err, &no) || no.Code != command.Malformed {
		t.Errorf("nonsense: %v", err)
	}
	for range capture.MaxCaptures {
		if _, err := o.start(7, func(*capture.Spec) {}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.start(7, func(*capture.Spec) {}); !errors.As(err, &no) || no.Code != command.Full {
		t.Errorf("one too many: %v", err)
	}
}

func TestABoxWithoutRoomForCapturesSaysSo(t *testing.T) {
	dir := t.TempDir()
	startLive(t, bootOf(t, twoPairsOneLcore+"capture: {ring: 0}\n"), dir)
	state, err1 := shm.Open(filepath.Join(dir, "state"), false)
	ctl, err2 := shm.Open(filepath.Join(dir, "ctl"), true)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	defer func() { state.Close(); ctl.Close() }()
	if _, err := capture.NewReader(state, ctl); !errors.Is(err, capture.ErrNone) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var no *command.Error
	r := capture.StartRequest{Owner: 7, Spec: capture.Everything()}
	if _, err := command.New(state, ctl).Do(ctx, capture.OpStart, capture.Encode(&r)); !errors.As(err, &no) || no.Code != command.Refused {
		t.Error(err)
	}
}

func TestACaptureOfAWWPNFollowsItsLogin(t *testing.T) {
	e := steppedOf(t, onePair, nil)
	const wwpn = frame.WWN(0x20000002fc010001)
	spec := capture.Everything()
	spec.A.WWPN = uint64(wwpn)
	started, refused := e.capturer.start(&capture.StartRequest{Owner: 7, Spec: spec})
	if refused != nil || started.Patterns != 0 {
		t.Fatalf("%v, %+v", refused, started)
	}
	patterns := func() uint32 { return e.capturer.page.Slots[started.Slot].Patterns }
	for i, id := range []frame.FCID{0x010001, 0x010002} {
		l := login.Login{Addr: login.At(0, 0, id), WWPN: wwpn, State: login.Live}
		if !e.control.logins.Put(&l) {
			t.Fatal("no room for a login")
		}
		e.loginChanged(login.Change{Addr: l.Addr, Kind: login.Started, New: l})
		e.learn()
		if patterns() != uint32(2*(i+1)) {
			t.Errorf("%d patterns with %d logins", patterns(), i+1)
		}
	}
	before := e.capturer.page.Revision
	e.loginChanged(login.Change{Kind: login.Started, New: login.Login{Addr: login.At(0, 0, 0x010003), WWPN: wwpn + 1}})
	if e.learn(); e.capturer.page.Revision != before {
		t.Error("a login of another made a new set")
	}
}
