package attach

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fcredirect/mgmt/problem"
)

// running is a Live whose Run has looked once.
func running(t *testing.T, dir string) *Live {
	l := NewLive(Place{Dir: dir})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return l
}

// until waits until the segment satisfies what is asked.
func until(t *testing.T, l *Live, ok func(*Segment) bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		good := false
		err := l.Use(func(s *Segment) error { good = ok(s); return nil })
		if err == nil && good {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %v", err)
		}
	}
}

func TestASegmentIsUsedFromItsBirthAndFollowedThroughColdStarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	l := running(t, dir)
	if err := l.Use(func(*Segment) error { t.Error("called"); return nil }); !problem.Is(err, problem.DataplaneUnavailable) {
		t.Fatal(err)
	}
	start(t, dir, false, 4)
	var first *Segment
	until(t, l, func(s *Segment) bool { first = s; return true })

	// Somebody looks at the old one while the data plane starts anew: it stays mapped.
	looking, look := make(chan struct{}), make(chan struct{})
	var user sync.WaitGroup
	user.Go(func() {
		if err := l.Use(func(s *Segment) error {
			close(looking)
			<-look
			if s != first || s.State.Header().Epoch != s.Epoch { // a page fault, if it were unmapped
				t.Error("the segment changed under its user")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-looking
	start(t, dir, true, 4)
	until(t, l, func(s *Segment) bool { return s.Epoch != first.Epoch })
	close(look)
	user.Wait()
}

func TestBehindItsEndThereIsNoSegment(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, false, 4)
	l := NewLive(Place{Dir: dir})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l.Run(ctx)
	if err := l.Use(func(*Segment) error { return nil }); !problem.Is(err, problem.DataplaneUnavailable) {
		t.Fatal(err)
	}
}
