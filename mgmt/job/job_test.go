package job

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// teller is the event log.
type teller struct {
	mu   sync.Mutex
	told []string
}

func (l *teller) Append(_ context.Context, t event.Type, f event.Fields) error {
	if _, err := event.Encode(t, f); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, strings.TrimSpace(fmt.Sprint(t, " ", f["kind"], " ", f["state"])))
	return nil
}

// run makes a manager that runs until the function that it gives.
func run(t *testing.T, dir string) (m *Manager, told *teller, stop func()) {
	t.Helper()
	told = &teller{}
	m, err := Open(Options{Dir: dir, Events: told})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { m.Run(ctx) })
	return m, told, func() { cancel(); running.Wait() }
}

func start(t *testing.T, m *Manager, kind string, w Work) Job {
	t.Helper()
	j, err := m.Start(Spec{Kind: kind, Title: kind, By: "alice"}, w)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func hang(ctx context.Context, _ *Progress) (*JobResult, error) { <-ctx.Done(); return nil, ctx.Err() }

func TestEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		work  Work
		do    func(m *Manager, id string) // while it runs
		state State
		code  problem.Code
	}{
		{"work that is done", func(context.Context, *Progress) (*JobResult, error) { return &JobResult{Link: "/x"}, nil }, nil, Done, ""},
		{"work that fails for a reason", func(context.Context, *Progress) (*JobResult, error) {
			return nil, problem.New(problem.NotFound, "It is gone.")
		}, nil,
			Failed, problem.NotFound},
		{"work that fails for another one says nothing of it", func(context.Context, *Progress) (*JobResult, error) { return nil, errors.New("/secret") }, nil,
			Failed, problem.Internal},
		{"work that panics", func(context.Context, *Progress) (*JobResult, error) { panic("/secret") }, nil, Failed, problem.Internal},
		{"work that is cancelled", hang, func(m *Manager, id string) { m.Cancel(id) }, Cancelled, ""},
		{"work that does not end although it was cancelled", func(context.Context, *Progress) (*JobResult, error) { time.Sleep(time.Hour); return nil, nil },
			func(m *Manager, id string) { m.Cancel(id) }, Cancelled, ""},
		{"work that was done when it was cancelled", func(ctx context.Context, _ *Progress) (*JobResult, error) { <-ctx.Done(); return &JobResult{}, nil },
			func(m *Manager, id string) { m.Cancel(id) }, Done, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, told, stop := run(t, t.TempDir())
				j := start(t, m, "backup", c.work)
				synctest.Wait()
				if c.do != nil {
					c.do(m, j.ID)
				}
				j, err := m.Wait(t.Context(), j.ID)
				if err != nil || j.State != c.state || j.Ended == nil || (c.state == Done) != (j.Result != nil) {
					t.Errorf("%+v, %v", j, err)
				}
				if c.code != "" && (j.Failure == nil || j.Failure.Code != c.code || strings.Contains(j.Failure.Detail, "secret")) {
					t.Errorf("failure %+v", j.Failure)
				}
				stop()
				if got, want := strings.Join(told.told, ", "), fmt.Sprintf("job.started backup <nil>, job.ended backup %s", c.state); got != want {
					t.Errorf("told %q, want %q", got, want)
				}
				time.Sleep(2 * time.Hour) // what hung ends
			})
		})
	}
}

func TestOneOfAKindRunsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _, stop := run(t, "")
		defer stop()
		first, second, other := start(t, m, "backup", hang), start(t, m, "backup", hang), start(t, m, "bundle", hang)
		synctest.Wait()
		states := func() (s []State) {
			for _, id := range []string{first.ID, second.ID, other.ID} {
				j, _ := m.Get(id)
				s = append(s, j.State)
			}
			return s
		}
		if got := fmt.Sprint(states()); got != "[running queued running]" {
			t.Errorf("states %s", got)
		}
		if j, err := m.Cancel(first.ID); err != nil || !j.Cancelling {
			t.Errorf("%+v, %v", j, err)
		}
		synctest.Wait()
		if got := fmt.Sprint(states()); got != "[cancelled running running]" {
			t.Errorf("states %s", got)
		}
		if _, err := m.Cancel(first.ID); !problem.Is(err, problem.Conflict) {
			t.Errorf("cancelled twice: %v", err)
		}
	})
}

func TestWhatHadNotEndedIsInterruptedByARestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m, _, stop := run(t, dir)
		running, queued := start(t, m, "backup", hang), start(t, m, "backup", hang)
		synctest.Wait()
		// The process is killed: the file is what stands on disk now.
		killed := filepath.Join(t.TempDir(), "killed")
		if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		stop()
		for _, d := range []string{dir, killed} {
			again, err := Open(Options{Dir: d})
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{running.ID, queued.ID} {
				if j, ok := again.Get(id); !ok || j.State != Interrupted || j.Failure == nil {
					t.Errorf("%s: %+v", d, j)
				}
			}
		}
		if _, err := m.Start(Spec{Kind: "late"}, hang); !problem.Is(err, problem.Busy) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestJobsAreBoundedAndKeptForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _, stop := run(t, "")
		defer stop()
		quick := func(context.Context, *Progress) (*JobResult, error) { return nil, nil }
		first := start(t, m, "quick", quick)
		synctest.Wait()
		for n := 1; n < MaxJobs; n++ {
			start(t, m, "quick", quick)
			synctest.Wait()
		}
		if _, err := m.Start(Spec{Kind: "quick"}, quick); !problem.Is(err, problem.LimitReached) {
			t.Errorf("one more within the hour: %v", err)
		}
		time.Sleep(KeepLeast)
		if _, ok := m.Get(first.ID); !ok {
			t.Error("it is forgotten though nobody needs its place")
		}
		start(t, m, "quick", quick)
		if _, ok := m.Get(first.ID); ok || len(m.List()) != MaxJobs {
			t.Errorf("%d are known", len(m.List()))
		}
		time.Sleep(KeepMost + time.Minute)
		if n := len(m.List()); n != 0 {
			t.Errorf("%d are known after a week", n)
		}
		for range Workers + MaxQueued {
			if _, err := m.Start(Spec{Kind: "hang"}, hang); problem.Is(err, problem.Busy) {
				return
			}
		}
		if _, err := m.Start(Spec{Kind: "hang"}, hang); !problem.Is(err, problem.Busy) {
			t.Errorf("too many wait: %v", err)
		}
	})
}

func TestProgressIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _, stop := run(t, "")
		defer stop()
		var kept *Progress
		go_ := make(chan struct{})
		j := start(t, m, "x", func(_ context.Context, p *Progress) (*JobResult, error) {
			kept = p
			p.Phase(strings.Repeat("ä", phaseMax))
			p.Of(10)
			p.Add(3)
			<-go_
			return nil, nil
		})
		synctest.Wait()
		if j, _ = m.Get(j.ID); j.Progress != 3 || j.Total != 10 || len(j.Phase) != phaseMax {
			t.Errorf("%+v", j)
		}
		changed := m.Changed()
		close(go_)
		<-changed
		j, _ = m.Wait(t.Context(), j.ID)
		kept.Add(5)
		if after, _ := m.Get(j.ID); after.Progress != 3 || after.State != Done {
			t.Errorf("work that was left behind changed %+v", after)
		}
	})
}

func TestAFileThatCannotBeReadCostsHistoryOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if m, err := Open(Options{Dir: dir}); err != nil || len(m.List()) != 0 {
		t.Errorf("%v", err)
	}
}

// Any course of starts, cancels, ends and restarts: a last state is never left, and of a kind one job runs.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "job")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		history(t, dir)
	})
}

func history(t *rapid.T, dir string) {
	m, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { m.Run(ctx) })
	defer func() { cancel(); running.Wait() }()
	ended, releases := map[string]State{}, map[string]chan error{}
	look := func() {
		kinds := map[string]int{}
		for _, j := range m.List() {
			if was, ok := ended[j.ID]; ok && was != j.State {
				t.Fatalf("%s was %s and is %s", j.ID, was, j.State)
			}
			if j.State.Ended() {
				ended[j.ID] = j.State
			}
			if j.State == Running {
				kinds[j.Kind]++
			}
		}
		for k, n := range kinds {
			if n > 1 {
				t.Fatalf("%d jobs of kind %s run", n, k)
			}
		}
	}
	var ids []string
	for range rapid.IntRange(1, 12).Draw(t, "steps") {
		switch what := rapid.IntRange(0, 3).Draw(t, "what"); {
		case what <= 1:
			release := make(chan error, 1)
			j, err := m.Start(Spec{Kind: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "kind")}, func(ctx context.Context, _ *Progress) (*JobResult, error) {
				select {
				case err := <-release:
					return nil, err
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			})
			if err == nil {
				ids, releases[j.ID] = append(ids, j.ID), release
			}
		case len(ids) > 0 && what == 2:
			m.Cancel(rapid.SampledFrom(ids).Draw(t, "id"))
		case len(ids) > 0:
			select {
			case releases[rapid.SampledFrom(ids).Draw(t, "id")] <- errors.New("it failed"):
			default:
			}
		}
		look()
	}
	cancel()
	running.Wait()
	look()
	again, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range again.List() {
		if !j.State.Ended() || ended[j.ID] != j.State {
			t.Fatalf("%s was %s and is %s after a restart", j.ID, ended[j.ID], j.State)
		}
	}
}
