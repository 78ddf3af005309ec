package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

// segment makes what a data plane makes, as far as the bus needs it.
func segment(t testing.TB, dir string, fresh bool) *shm.Segment {
	t.Helper()
	s, err := shm.Create(shm.Config{
		Dir: dir, Node: "fcr-t", TSCHz: 1e9, TSCNow: 1, Fresh: fresh,
		State: []shm.RegionSpec{{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 1}},
		Ctl: []shm.RegionSpec{
			{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles, Keep: true},
			{Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers, Keep: true},
			{Name: shm.RegionBus, Stride: shm.ChannelBytes, Count: shm.MaxMembers * shm.MaxMembers, Keep: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// side is what a process has, several of them in one: each maps the segment for itself.
type side struct {
	*Bus
	reg *registry.Registry
}

func join(t testing.TB, dir string) *side {
	t.Helper()
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: dir}, Name: "test", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(reg, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &side{b, reg}
	t.Cleanup(s.leave)
	return s
}

func (s *side) leave() {
	s.Close()
	s.reg.Close()
}

// take makes a side run a role.
func (s *side) take(t testing.TB, role string) *registry.Claim {
	t.Helper()
	c, err := s.reg.Claim(registry.Instance{Role: role})
	if err != nil {
		t.Fatal(err)
	}
	c.Beat(registry.Running, "")
	return c
}

func echo(_ context.Context, b []byte) ([]byte, error) { return b, nil }

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), d)
	t.Cleanup(stop)
	return ctx
}

func newDir(t testing.TB) string { return filepath.Join(t.TempDir(), "seg") }

func TestACallReachesTheProcessThatRunsTheRole(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a, b := join(t, dir), join(t, dir)
	b.take(t, "event")
	b.Handle("event.append", func(_ context.Context, r []byte) ([]byte, error) { return append(r, " heard"...), nil })
	for i := range 100 {
		want := fmt.Sprintf("%d heard", i)
		got, err := a.Call(within(t, patience), "event", "event.append", fmt.Append(nil, i))
		if err != nil || string(got) != want {
			t.Fatalf("%q, %v, want %q", got, err, want)
		}
	}
	if a.Stats().Calls != 100 || b.Stats().Served != 100 {
		t.Errorf("counted %+v and %+v", a.Stats(), b.Stats())
	}
}

func TestMessagesOfEverySizeArriveWhole(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a, b := join(t, dir), join(t, dir)
	b.take(t, "event")
	b.Handle("echo", echo)
	b.HandleInline("now", echo)
	for _, method := range []string{"echo", "now"} {
		for _, size := range []int{0, 1, payloadBytes - len(method) - 2, payloadBytes - len(method) - 1, payloadBytes - len(method), payloadBytes,
			payloadBytes + 1, 64 * payloadBytes, 1 << 20, MaxMessage} {
			if size == MaxMessage && testing.Short() {
				continue
			}
			want := bytes.Repeat([]byte("0123456789abcde"), size/15+1)[:size]
			got, err := a.Call(within(t, patience), "event", method, want)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s of %d bytes: %d bytes, %v", method, size, len(got), err)
			}
		}
		if _, err := a.Call(within(t, patience), "event", method, make([]byte, MaxMessage+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
	}
}

func TestEveryCallerGetsItsOwnAnswer(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a, b := join(t, dir), join(t, dir)
	b.take(t, "event")
	b.Handle("echo", echo)
	a.take(t, "store")
	a.Handle("back", echo)
	ctx := within(t, patience)
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Go(func() {
			for i := range 200 {
				from, role, method := a, "event", "echo"
				if g%4 == 0 {
					from, role, method = b, "store", "back"
				}
				want := bytes.Repeat(fmt.Appendf(nil, "%d.%d ", g, i), 1+i*g%300)
				if got, err := from.Call(ctx, role, method, want); err != nil || !bytes.Equal(got, want) {
					t.Errorf("call %d.%d: %d bytes, %v", g, i, len(got), err)
					return
				}
			}
		})
	}
	wg.Wait()
	if s := a.Stats(); s.Commits >= s.Calls*2 {
		t.Errorf("%+v: nothing was sent together", s)
	}
}
