package job

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Work is what a job does. It ends soon after its context has ended. Its error is told to whoever looks at the job as far
// as it is a problem; any other is an internal one, whose text goes to the log alone.
type Work func(ctx context.Context, p *Progress) (*JobResult, error)

// Spec says what a job is.
type Spec struct {
	Kind  string
	Title string
	By    string
}

// Options of a Manager.
type Options struct {
	Dir    string         // of the file; empty: nothing outlives the process
	Events event.Appender // nil: nobody is told
	Log    *slog.Logger
}

// Manager knows all jobs of a node.
type Manager struct {
	o       Options
	pending chan struct{} // there may be something to run

	mu    sync.Mutex
	jobs  []*task // the oldest first
	file  file
	watch chan struct{} // closed at the next change of a state
	over  bool          // Run has ended: nothing is begun any more
}

// task is a job with what runs it. Guarded by the manager's mu.
type task struct {
	Job
	work   Work
	cancel context.CancelCauseFunc // of one that runs
	ended  chan struct{}           // closed when its state is a last one and the file says so
}

// The reasons why a job's context ends before it does.
var (
	errCancelled   = errors.New("job: cancelled")
	errInterrupted = errors.New("job: the process ends")
)

// Open reads what is known of earlier jobs. Those that had not ended are interrupted.
func Open(o Options) (*Manager, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Events == nil {
		o.Events = event.Nowhere{}
	}
	m := &Manager{o: o, pending: make(chan struct{}, 1), watch: make(chan struct{}), file: file{dir: o.Dir}}
	list, err := m.file.read()
	if err != nil {
		o.Log.Warn("what was known of earlier jobs is lost", "error", err)
	}
	now := time.Now()
	for _, j := range list {
		t := &task{Job: j, ended: make(chan struct{})}
		close(t.ended)
		if !j.State.Ended() {
			t.end(now, Interrupted)
			t.Failure = &JobFailure{problem.Internal, "The management daemon ended before the job did. Ask for it again."}
			m.tell(&t.Job)
		}
		m.jobs = append(m.jobs, t)
	}
	m.forget(now, MaxJobs)
	return m, m.save()
}

// Start queues a job. It is refused with a problem when too many wait, or too many are known.
func (m *Manager) Start(spec Spec, work Work) (Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.forget(now, MaxJobs-1)
	queued := 0
	for _, t := range m.jobs {
		if t.State == Queued {
			queued++
		}
	}
	switch {
	case m.over:
		return Job{}, problem.New(problem.Busy, "The management daemon is ending.")
	case queued >= MaxQueued:
		return Job{}, problem.New(problem.Busy, "%d jobs wait already.", queued)
	case len(m.jobs) >= MaxJobs:
		return Job{}, problem.New(problem.LimitReached, "%d jobs were asked for within an hour.", len(m.jobs))
	}
	t := &task{work: work, ended: make(chan struct{}), Job: Job{
		ID: newID(), Kind: spec.Kind, Title: spec.Title, By: spec.By, State: Queued, Created: now.UTC(),
	}}
	m.jobs = append(m.jobs, t)
	if err := m.save(); err != nil {
		m.jobs = m.jobs[:len(m.jobs)-1]
		return Job{}, err
	}
	m.changed()
	m.poke()
	return t.Job, nil
}

// newID makes one that nobody guesses.
func newID() string { return "job-" + strings.ToLower(rand.Text()[:16]) }

// Run runs jobs until ctx ends; then what runs is interrupted.
func (m *Manager) Run(ctx context.Context) {
	var running sync.WaitGroup
	for range Workers {
		running.Go(func() { m.worker(ctx) })
	}
	running.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	for _, t := range m.jobs {
		if t.State == Queued {
			m.settle(t, nil, errInterrupted)
		}
	}
}

func (m *Manager) worker(ctx context.Context) {
	for ctx.Err() == nil {
		t, inner, release := m.next(ctx)
		if t == nil {
			select {
			case <-ctx.Done():
			case <-m.pending:
			}
			continue
		}
		m.poke() // there may be more for the other workers
		result, err := m.perform(inner, t)
		m.finish(inner, t, result, err)
		release()
	}
}

// next takes the oldest job of a kind that does not run.
func (m *Manager) next(ctx context.Context) (t *task, inner context.Context, release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	busy := map[string]bool{}
	for _, t := range m.jobs {
		busy[t.Kind] = busy[t.Kind] || t.State == Running
	}
	for _, t := range m.jobs {
		if t.State != Queued || busy[t.Kind] {
			continue
		}
		now := time.Now().UTC()
		t.State, t.Started = Running, &now
		inner, stop := context.WithCancelCause(context.WithoutCancel(ctx))
		t.cancel = stop
		unhook := context.AfterFunc(ctx, func() { stop(errInterrupted) })
		m.saveOrSay()
		m.tell(&t.Job)
		m.changed()
		return t, inner, func() { unhook(); stop(nil) }
	}
	return nil, nil, nil
}

// perform does the work. A panic is a failure of this job and of nothing else. Work that does not end although its context
// has is left behind: it counts as ended, and its result is thrown away.
func (m *Manager) perform(ctx context.Context, t *task) (*JobResult, error) {
	type end struct {
		result *JobResult
		err    error
	}
	done := make(chan end, 1)
	go func() {
		var e end
		defer func() {
			if p := recover(); p != nil {
				e = end{nil, fmt.Errorf("job: %s: panic: %v", t.Kind, p)}
			}
			done <- e
		}()
		e.result, e.err = t.work(ctx, &Progress{m: m, t: t})
	}()
	select {
	case e := <-done:
		return e.result, e.err
	case <-ctx.Done():
	}
	late := time.NewTimer(endTimeout)
	defer late.Stop()
	select {
	case e := <-done:
		return e.result, e.err
	case <-late.C:
		m.o.Log.Error("a job does not end although it was told to", "job", t.ID, "kind", t.Kind)
		return nil, context.Cause(ctx)
	}
}

// finish enters the end of a job. One that was told to end and had done its work all the same is done.
func (m *Manager) finish(ctx context.Context, t *task, result *JobResult, err error) {
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settle(t, result, err)
}

// settle makes a job's state a last one. mu is held.
func (m *Manager) settle(t *task, result *JobResult, err error) {
	state := Done
	switch {
	case errors.Is(err, errCancelled):
		state = Cancelled
	case errors.Is(err, errInterrupted):
		state = Interrupted
		t.Failure = &JobFailure{problem.Internal, "The management daemon ended before the job did. Ask for it again."}
	case err != nil:
		state = Failed
		p := problem.Of(err)
		t.Failure = &JobFailure{p.Code, clip(cmp.Or(p.Detail, problem.Lookup(p.Code).Title+"."), detailMax)}
		m.o.Log.Warn("a job failed", "job", t.ID, "kind", t.Kind, "error", err)
	default:
		t.Result = result
	}
	t.end(time.Now(), state)
	m.saveOrSay()
	m.tell(&t.Job)
	close(t.ended)
	m.changed()
	m.poke()
}

func (t *task) end(now time.Time, s State) {
	now = now.UTC()
	t.State, t.Ended, t.Cancelling, t.work, t.cancel = s, &now, false, nil, nil
	if s == Done {
		t.Phase = ""
	}
}

// Cancel tells a job to end. One that has ended stays as it is: a conflict.
func (m *Manager) Cancel(id string) (Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.find(id)
	switch {
	case t == nil:
		return Job{}, problem.New(problem.NotFound, "There is no such job; ended ones are kept for an hour at least.")
	case t.State.Ended():
		return Job{}, problem.New(problem.Conflict, "The job has ended: it is %s.", t.State)
	case t.State == Queued:
		m.settle(t, nil, errCancelled)
	default:
		t.Cancelling = true
		t.cancel(errCancelled)
		m.changed()
	}
	return t.Job, nil
}

// Get finds a job.
func (m *Manager) Get(id string) (Job, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.find(id); t != nil {
		return t.Job, true
	}
	return Job{}, false
}

// List gives all jobs, the newest first.
func (m *Manager) List() []Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(time.Now(), MaxJobs)
	list := make([]Job, 0, len(m.jobs))
	for _, t := range slices.Backward(m.jobs) {
		list = append(list, t.Job)
	}
	return list
}

// Wait waits until a job has ended.
func (m *Manager) Wait(ctx context.Context, id string) (Job, error) {
	m.mu.Lock()
	t := m.find(id)
	m.mu.Unlock()
	if t == nil {
		return Job{}, problem.New(problem.NotFound, "There is no such job.")
	}
	select {
	case <-t.ended:
	case <-ctx.Done():
		return Job{}, fmt.Errorf("job: wait for %s: %w", id, ctx.Err())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return t.Job, nil
}

// Changed is closed when next a job comes, begins, ends or tells of its progress.
func (m *Manager) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.watch
}

func (m *Manager) find(id string) *task {
	if at := slices.IndexFunc(m.jobs, func(t *task) bool { return t.ID == id }); at >= 0 {
		return m.jobs[at]
	}
	return nil
}

// forget drops jobs that ended long ago, and those that ended longest ago while there are more than most.
func (m *Manager) forget(now time.Time, most int) {
	old := func(t *task, age time.Duration) bool { return t.Ended != nil && now.Sub(*t.Ended) >= age }
	m.jobs = slices.DeleteFunc(m.jobs, func(t *task) bool { return old(t, KeepMost) })
	for len(m.jobs) > most {
		oldest := -1
		for i, t := range m.jobs {
			if old(t, KeepLeast) && (oldest < 0 || t.Ended.Before(*m.jobs[oldest].Ended)) {
				oldest = i
			}
		}
		if oldest < 0 {
			return
		}
		m.jobs = slices.Delete(m.jobs, oldest, oldest+1)
	}
}

// changed wakes whoever watches. mu is held.
func (m *Manager) changed() {
	close(m.watch)
	m.watch = make(chan struct{})
}

func (m *Manager) poke() {
	select {
	case m.pending <- struct{}{}:
	default:
	}
}

// tell makes an event of a job that begins or has ended, without waiting for anybody.
func (m *Manager) tell(j *Job) {
	t, f := event.JobStarted, event.Fields{"job": j.ID, "kind": j.Kind, "who": j.By}
	if j.State.Ended() {
		t = event.JobEnded
		f["state"] = string(j.State)
		if j.Failure != nil {
			f["code"], f["error"] = string(j.Failure.Code), j.Failure.Detail
		}
	}
	full, cancel := context.WithCancel(context.Background())
	cancel()
	if err := m.o.Events.Append(full, t, f); err != nil {
		m.o.Log.Warn("event does not get into the log", "type", t.String(), "error", err)
	}
}
