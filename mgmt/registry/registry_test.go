package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

// segment makes what a data plane makes, as far as roles need it.
func segment(t testing.TB, dir string, fresh bool) *shm.Segment {
	t.Helper()
	s, err := shm.Create(shm.Config{
		Dir: dir, Node: "fcr-t", TSCHz: 1e9, TSCNow: 1, Fresh: fresh,
		State: []shm.RegionSpec{{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 1}},
		Ctl: []shm.RegionSpec{
			{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles, Keep: true},
			{Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers, Keep: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "seg")
	s := segment(t, dir, false)
	t.Cleanup(func() { s.Close() })
	return dir
}

func open(t testing.TB, dir string) *Registry {
	t.Helper()
	r, err := Open(Options{Place: attach.Place{Dir: dir}, Name: "test", Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// soon waits for an event that takes a few periods.
func soon(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: not within 10 s", what)
	}
}

// took demands that a claim succeeds.
func took(t testing.TB) func(*Claim, error) *Claim {
	t.Helper()
	return func(c *Claim, err error) *Claim {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func slotOf(c *Claim) *Slot {
	c.registry.mu.RLock()
	defer c.registry.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	return &c.table.slots[c.index]
}

func TestASecondLivingProcessIsRefusedAndToldWhoHasTheRole(t *testing.T) {
	dir := newDir(t)
	a := open(t, dir)
	other := startPlayer(t, dir, "store")
	_, err := a.Claim(Instance{Role: "store"})
	var taken *TakenError
	if !errors.Is(err, ErrTaken) || !errors.As(err, &taken) || taken.PID != other.Process.Pid || time.Since(taken.Since) > time.Minute {
		t.Fatalf("second claim: %v", err)
	}
	if _, err = a.Claim(Instance{Role: "store", Number: 1}); !errors.Is(err, ErrTaken) {
		t.Fatalf("another instance beside the active one: %v", err)
	}
	if in, ok := a.Find("store", 0); !ok || in.PID != other.Process.Pid || in.State != Running || !in.Active {
		t.Fatalf("found %+v, %v", in, ok)
	}
	took(t)(a.Claim(Instance{Role: "store", Shard: 1})) // is not in the way
}

func TestTheRoleOfAKilledProcessIsTakenOverAtOnce(t *testing.T) {
	dir := newDir(t)
	a := open(t, dir)
	other := startPlayer(t, dir, "store")
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// Until it is waited for it is a zombie, which is dead too.
	deadline := time.Now().Add(10 * time.Second)
	c, err := a.Claim(Instance{Role: "store"})
	for ; err != nil && time.Now().Before(deadline); c, err = a.Claim(Instance{Role: "store"}) {
		if !errors.Is(err, ErrTaken) {
			break
		}
	}
	c = took(t)(c, err)
	c.Beat(Running, "")
	list := a.List()
	if len(list) != 1 || list[0].PID != os.Getpid() || list[0].Restarts != 1 || list[0].Error == "" || list[0].Version != "1.2.3" {
		t.Errorf("after the takeover: %+v", list)
	}
}

func TestAnOrderlyEndLeavesTheRoleFreeAndTheStandbyIsPromoted(t *testing.T) {
	dir := newDir(t)
	a := open(t, dir)
	other := startPlayer(t, dir, "event")
	s := took(t)(a.Standby(Instance{Role: "event", Number: AnyNumber}))
	s.Beat(Standby, "")
	if s.Number() != 1 || s.Holds() {
		t.Fatalf("number %d, holds %v", s.Number(), s.Holds())
	}
	other.in.Close()
	if err := other.Wait(); err != nil {
		t.Fatal(err)
	}
	soon(t, "the promotion", s.Promoted())
	s.Beat(Running, "")
	if in, ok := a.Find("event", 0); !ok || in.Number != 1 || !s.Holds() {
		t.Errorf("found %+v, %v; holds %v", in, ok, s.Holds())
	}
	if list := a.List(); len(list) != 2 || list[0].State != Stopped || list[0].PID != 0 || list[0].Restarts != 0 {
		t.Errorf("%+v", list)
	}
}

func TestAnOwnerThatDoesNotBeatIsDeposedAndNotices(t *testing.T) {
	dir := newDir(t)
	a, b := open(t, dir), open(t, dir)
	old := took(t)(a.Claim(Instance{Role: "store"}))
	old.Beat(Running, "")
	standby := took(t)(b.Standby(Instance{Role: "store", Number: 1}))
	if err := b.Depose("store", 0, time.Minute); !errors.Is(err, ErrTaken) {
		t.Fatalf("one that beats: %v", err)
	}
	atomic.StoreInt64(&slotOf(old).Beat, monotonic()-int64(2*time.Minute))
	if err := b.Depose("store", 0, time.Minute); err != nil {
		t.Fatal(err)
	}
	soon(t, "the promotion", standby.Promoted())
	soon(t, "the loss", old.Lost())
	if old.Holds() || !standby.Holds() {
		t.Errorf("old holds %v, new holds %v", old.Holds(), standby.Holds())
	}
	if err := b.Depose("other", 0, 0); !errors.Is(err, ErrNoRole) {
		t.Errorf("no such role: %v", err)
	}
	old.Release()
	took(t)(a.Standby(Instance{Role: "store"})) // comes back as a standby
}

func TestOfManyThatClaimAtTheSameTimeOneSucceeds(t *testing.T) {
	dir := newDir(t)
	var all []*Registry
	for range 8 {
		all = append(all, open(t, dir))
	}
	for round := range 20 {
		role := "store" // names stay: with many, contenders that are turned away would use up the table
		var got atomic.Pointer[Claim]
		var wg sync.WaitGroup
		for _, r := range all {
			wg.Go(func() {
				c, err := r.Claim(Instance{Role: role, Shard: round % 2, Number: AnyNumber})
				switch {
				case err == nil && !got.CompareAndSwap(nil, c):
					t.Error("two have it")
				case err != nil && !errors.Is(err, ErrTaken):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c := got.Load()
		if c == nil {
			t.Fatal("nobody has it")
		}
		c.Release()
	}
}

func TestWishesReachTheOwnerAndAreSeenToBeFulfilled(t *testing.T) {
	dir := newDir(t)
	a, b := open(t, dir), open(t, dir)
	c := took(t)(a.Claim(Instance{Role: "store"}))
	c.Beat(Running, "")
	order := func(what Command) Order {
		t.Helper()
		orders, err := b.Command("store", AllShards, what)
		if err != nil || len(orders) != 1 {
			t.Fatalf("%v: %v, %v", what, orders, err)
		}
		return orders[0]
	}
	fulfilled := func(o Order) bool { done, _ := b.Fulfilled(o); return done }
	o := order(Stop)
	if !c.Wanted().Stop || fulfilled(o) {
		t.Fatal("stop")
	}
	c.Beat(Stopped, "")
	if !fulfilled(o) {
		t.Fatal("stopped, but the order is not fulfilled")
	}
	o = order(Start)
	if c.Wanted().Stop || fulfilled(o) {
		t.Fatal("start")
	}
	c.Beat(Running, "")
	first, second := order(Restart), order(Restart)
	if !fulfilled(o) || fulfilled(first) {
		t.Fatal("restart")
	}
	c.Done(Wanted{Restart: first.restart})
	if !fulfilled(first) || fulfilled(second) {
		t.Fatal("two restarts")
	}
	c.Done(c.Wanted())
	c.Beat(Failed, "no database")
	if done, in := b.Fulfilled(second); done || in.State != Failed || in.Health != "no database" {
		t.Fatalf("a role that failed after its restart: %v, %+v", done, in)
	}
	c.Release()
	c = took(t)(b.Claim(Instance{Role: "store"}))
	c.Beat(Running, "")
	if !fulfilled(second) {
		t.Error("a fresh start does not fulfil the wish for a restart")
	}
	for _, bad := range []struct {
		role  string
		shard int
	}{{"stor", AllShards}, {"store", 1}} {
		if _, err := b.Command(bad.role, bad.shard, Stop); !errors.Is(err, ErrNoRole) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestClaimsGoAlongWhenTheSegmentIsReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "seg")
	s := segment(t, dir, false)
	a, b := open(t, dir), open(t, dir)
	c := took(t)(a.Claim(Instance{Role: "store"}))
	c.Beat(Running, "slow")
	standby := took(t)(b.Standby(Instance{Role: "store", Number: AnyNumber}))
	held, _ := a.Hold()
	changed, changedB := a.Changed(), b.Changed()
	s.Close()
	s = segment(t, dir, true)
	defer s.Close()
	soon(t, "the new segment", changed)
	soon(t, "the new segment", changedB)
	soon(t, "the end of the old one", held.Gone)
	held.Table.List() // is still mapped for who holds it
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	active, other := c, standby
	if standby.Holds() {
		active, other = standby, c // it was the first to come
		soon(t, "the loss", c.Lost())
	}
	if !active.Holds() || other.Holds() {
		t.Errorf("first holds %v, standby holds %v", c.Holds(), standby.Holds())
	}
	active.Beat(Running, "")
	if in, ok := b.Find("store", 0); !ok || in.Version != "1.2.3" {
		t.Errorf("found %+v, %v", in, ok)
	}
}

func TestARegistryThatCameBeforeTheSegmentTakesPartLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "seg")
	r := open(t, dir)
	if _, err := r.Claim(Instance{Role: "store"}); !errors.Is(err, ErrNoSegment) {
		t.Fatalf("claim without a segment: %v", err)
	}
	if list := r.List(); list != nil {
		t.Errorf("%v", list)
	}
	if _, err := r.Command("store", 0, Stop); !errors.Is(err, ErrNoSegment) {
		t.Errorf("command: %v", err)
	}
	short, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	if err := r.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait: %v", err)
	}
	defer segment(t, dir, false).Close()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if err := r.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	took(t)(r.Claim(Instance{Role: "store"}))
}

func TestTooManyProcessesAreRefusedAndDeadOnesMakeRoom(t *testing.T) {
	dir := newDir(t)
	other := startPlayer(t, dir, "x")
	var first *Registry
	for range shm.MaxMembers - 1 {
		first = open(t, dir)
	}
	if list := first.Members(); len(list) != shm.MaxMembers || list[0].PID != other.Process.Pid || list[0].Name != "play" {
		t.Fatalf("%d take part: %+v", len(list), list)
	}
	if _, err := Open(Options{Place: attach.Place{Dir: dir}}); !errors.Is(err, ErrFull) {
		t.Fatalf("one more: %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	open(t, dir)
}

func TestASegmentOfAnotherABIIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "seg")
	s := segment(t, dir, false)
	defer s.Close()
	s.State.Header().ABI++
	if _, err := Open(Options{Place: attach.Place{Dir: dir}}); !errors.Is(err, shm.ErrABI) {
		t.Fatalf("open: %v", err)
	}
}

func TestAPlaceThatWasOverwrittenIsTakenAnewAndTheClaimWithIt(t *testing.T) {
	dir := newDir(t)
	r := open(t, dir)
	c := took(t)(r.Claim(Instance{Role: "store"}))
	changed := r.Changed()
	at, _ := r.Hold()
	defer at.Release()
	atomic.StoreUint64(&at.Table.members[at.Member].Owner, 0x1234567)
	soon(t, "a new place", changed)
	if !c.Holds() {
		t.Error("the role was lost")
	}
	atomic.StoreUint64(&slotOf(c).Owner, 0x1234567)
	soon(t, "the loss of an overwritten role", c.Lost())
	c.Release()
	took(t)(r.Claim(Instance{Role: "store"}))
}

func TestClaimsThatCannotBeAreRefused(t *testing.T) {
	r := open(t, newDir(t))
	for name, in := range map[string]Instance{
		"no name":         {},
		"a long name":     {Role: "0123456789012345678901234567890123456789"},
		"shard below 0":   {Role: "x", Shard: -1},
		"shard too high":  {Role: "x", Shard: MaxShard + 1},
		"number too high": {Role: "x", Number: MaxNumber + 1},
		"number below":    {Role: "x", Number: -2},
	} {
		if _, err := r.Claim(in); err == nil || errors.Is(err, ErrTaken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var err error
	for n := 0; n <= shm.MaxRoles && err == nil; n++ {
		_, err = r.Claim(Instance{Role: fmt.Sprint("r", n)})
	}
	if !errors.Is(err, ErrFull) {
		t.Errorf("more roles than slots: %v", err)
	}
}

// The clock of heartbeats is the one that no step of the wall clock moves.
func TestHeartbeatsCountMonotonicTime(t *testing.T) {
	r := open(t, newDir(t))
	before := monotonic()
	c := took(t)(r.Claim(Instance{Role: "store"}))
	c.Beat(Running, "")
	s := slotOf(c)
	for name, v := range map[string]int64{"beat": s.Beat, "since": s.Since, "claimed": s.Claimed} {
		if v < before || v > monotonic() {
			t.Errorf("%s is %d, monotonic time went from %d to %d", name, v, before, monotonic())
		}
	}
	if w := wall(monotonic() - int64(time.Hour)); time.Since(w).Round(time.Minute) != time.Hour {
		t.Errorf("an hour ago is %v", w)
	}
	if !wall(0).IsZero() || !wall(monotonic()+int64(time.Hour)).IsZero() {
		t.Error("times that cannot be right are shown")
	}
}

// The layout is an ABI between processes: moving a field needs a new shm.ABI, and this test says so.
func TestOffsetsOfSharedStructsStay(t *testing.T) {
	for name, got := range map[string][2]uintptr{
		"Slot":          {unsafe.Sizeof(Slot{}), 512},
		"Slot.Shard":    {unsafe.Offsetof(Slot{}.Shard), 48},
		"Slot.Owner":    {unsafe.Offsetof(Slot{}.Owner), 64},
		"Slot.Active":   {unsafe.Offsetof(Slot{}.Active), 72},
		"Slot.Wanted":   {unsafe.Offsetof(Slot{}.Wanted), 128},
		"Slot.Restart":  {unsafe.Offsetof(Slot{}.Restart), 132},
		"Slot.Said":     {unsafe.Offsetof(Slot{}.Said), 192},
		"Slot.Beat":     {unsafe.Offsetof(Slot{}.Beat), 224},
		"Slot.Done":     {unsafe.Offsetof(Slot{}.Done), 240},
		"Slot.Version":  {unsafe.Offsetof(Slot{}.Version), 256},
		"Slot.Endpoint": {unsafe.Offsetof(Slot{}.Endpoint), 296},
		"Slot.Error":    {unsafe.Offsetof(Slot{}.Error), 352},
		"Slot.Health":   {unsafe.Offsetof(Slot{}.Health), 440},
		"Member":        {unsafe.Sizeof(Member{}), 256},
		"Member.Beat":   {unsafe.Offsetof(Member{}.Beat), 24},
		"Member.Name":   {unsafe.Offsetof(Member{}.Name), 64},
		"Member.Door":   {unsafe.Offsetof(Member{}.Door), 128},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, pinned at %d: raise shm.ABI and the pin together", name, got[0], got[1])
		}
	}
	for s, want := range map[State]string{New: "new", Standby: "standby", Failed: "failed", numStates: "unknown"} {
		if s.String() != want {
			t.Errorf("state %d is %q, want %q", s, s, want)
		}
	}
}
