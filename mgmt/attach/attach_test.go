package attach

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fcredirect/dataplane/shm"
)

// start is a start of the data plane, which ends at once.
func start(t *testing.T, dir string, fresh bool, ctlItems int) {
	t.Helper()
	s, err := shm.Create(shm.Config{
		Dir: dir, Node: "n", TSCHz: 1e9, TSCNow: 1, Fresh: fresh,
		State: []shm.RegionSpec{{Name: shm.RegionRings, Stride: 64, Count: 1, Keep: true}},
		Ctl:   []shm.RegionSpec{{Name: shm.RegionCursors, Stride: 64, Count: ctlItems, Keep: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAConsumerNoticesWhenItsFilesAreNoLongerThoseOfTheDataPlane(t *testing.T) {
	for name, c := range map[string]struct {
		then     func(t *testing.T, dir string)
		replaced bool
	}{
		"nothing happens":            {func(*testing.T, string) {}, false},
		"a warm start":               {func(t *testing.T, dir string) { start(t, dir, false, 4) }, false},
		"a cold start":               {func(t *testing.T, dir string) { start(t, dir, true, 4) }, true},
		"a warm start, ctl is new":   {func(t *testing.T, dir string) { start(t, dir, false, 1<<16) }, true},
		"a warm start, ctl was lost": {func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "ctl")); start(t, dir, false, 4) }, true},
		"it is removed":              {func(_ *testing.T, dir string) { os.RemoveAll(dir) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			start(t, dir, false, 4)
			s, err := Open(Place{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Replaced() {
				t.Fatal("replaced at once")
			}
			c.then(t, dir)
			if s.Replaced() != c.replaced {
				t.Fatalf("replaced: %v", s.Replaced())
			}
			if name == "it is removed" {
				return
			}
			again, err := Open(Place{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if cold := again.Epoch != s.Epoch; cold != (name == "a cold start") {
				t.Fatalf("epoch %d after %d", again.Epoch, s.Epoch)
			}
		})
	}
}

func TestFilesOfTwoStartsAreNotTakenForOneSegment(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	start(t, a, false, 4)
	start(t, b, false, 4)
	if err := os.Rename(filepath.Join(b, "ctl"), filepath.Join(a, "ctl")); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(Place{Dir: a}); err == nil {
		s.Close()
		t.Fatal("opened")
	}
}

func TestWaitEndsWithTheSegmentOrTheContext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if s, err := Wait(ctx, Place{Dir: dir}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v, %v", s, err)
	}
	got := make(chan error, 1)
	go func() {
		s, err := Wait(context.Background(), Place{Dir: dir})
		if err == nil {
			err = s.Close()
		}
		got <- err
	}()
	start(t, dir, false, 4)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
}
