package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestAHundredThousandCallsBetweenProcessesOneOfWhichIsKilledAndComesBack(t *testing.T) {
	total := int64(100_000)
	if testing.Short() {
		total = 10_000
	}
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a := join(t, dir)
	other := startPlayer(t, dir, "event")
	ctx := within(t, 2*time.Minute)
	var done, failed atomic.Int64
	var back atomic.Bool
	var wg sync.WaitGroup
	for g := range 16 {
		method := []string{"echo", "inline"}[g%2]
		wg.Go(func() {
			for i := 0; (done.Load() < total || !back.Load()) && ctx.Err() == nil; i++ {
				want := bytes.Repeat(fmt.Appendf(nil, "%d.%d ", g, i), 1+i%50)
				got, err := a.Call(ctx, "event", method, want)
				switch {
				case err == nil && bytes.Equal(got, want):
					done.Add(1)
				case err == nil:
					t.Errorf("call %d.%d got another's answer: %.40q", g, i, got)
					return
				case Retryable(err):
					failed.Add(1)
					time.Sleep(time.Millisecond) // nobody is there now
				default:
					t.Errorf("call %d.%d: %v", g, i, err)
					return
				}
			}
		})
	}
	for done.Load() < total/2 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	kill(other)
	for failed.Load() == 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	startPlayer(t, dir, "event")
	back.Store(true)
	wg.Wait()
	if done.Load() < total || failed.Load() == 0 {
		t.Errorf("%d calls, %d failed while the process was away; %+v", done.Load(), failed.Load(), a.Stats())
	}
	t.Logf("%d calls, %d failed; %+v", done.Load(), failed.Load(), a.Stats())
}

func TestCallsToAProcessThatDiesFailSoon(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a := join(t, dir)
	other := startPlayer(t, dir, "event")
	if _, err := a.Call(within(t, patience), "event", "echo", nil); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 10)
	for range cap(ended) {
		go func() {
			_, err := a.Call(context.Background(), "event", "never", nil)
			ended <- err
		}()
	}
	waitFor(t, "the calls to be sent", func() bool { return a.Stats().Calls == 11 })
	killed := time.Now()
	kill(other)
	for range cap(ended) {
		select {
		case err := <-ended:
			if !errors.Is(err, ErrGone) || !Retryable(err) {
				t.Errorf("%v", err)
			}
		case <-time.After(patience):
			t.Fatal("a call to a dead process does not end")
		}
	}
	t.Logf("ended after %v", time.Since(killed))
	if _, err := a.Call(within(t, patience), "event", "echo", nil); !errors.Is(err, ErrGone) {
		t.Errorf("a call to a process that is dead, but that has the role: %v", err)
	}
	// Its place goes to the next that comes, and what it left in the rings is not taken for that one's.
	next := startPlayer(t, dir, "event")
	if got, err := a.Call(within(t, patience), "event", "echo", []byte("hello")); err != nil || string(got) != "hello" {
		t.Errorf("its successor: %q, %v", got, err)
	}
	kill(next)
}

func TestAProcessThatStandsStillTimesOutAndAnswersNothingLate(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a := join(t, dir)
	other := startPlayer(t, dir, "event")
	signal(t, other, syscall.SIGSTOP)
	waitFor(t, "it stands still", func() bool { return stopped(t, other.Process.Pid) }) // signals take their time
	for i := range 200 {                                                                // more than the ring has room for
		short, stop := context.WithTimeout(context.Background(), time.Millisecond)
		if _, err := a.Call(short, "event", "echo", fmt.Append(nil, i)); !errors.Is(err, ErrTimeout) {
			t.Fatalf("call %d: %v", i, err)
		}
		stop()
	}
	signal(t, other, syscall.SIGCONT)
	for i := range 200 {
		want := fmt.Append(nil, "late ", i)
		if got, err := a.Call(within(t, patience), "event", "echo", want); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("after it went on: %q, %v", got, err)
		}
	}
}

func signal(t *testing.T, cmd *exec.Cmd, sig syscall.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// stopped says whether all threads of a process stand still.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		if stat, err := os.ReadFile(thread); err != nil || !bytes.Contains(stat, []byte(") T ")) {
			return false
		}
	}
	return len(threads) > 0
}

// patience is how long tests wait for what comes at once on a machine that has time for it.
const patience = 30 * time.Second

// soon waits for what a channel tells.
func soon[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
	return v
}

// waitFor waits for what no event tells of.
func waitFor(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
