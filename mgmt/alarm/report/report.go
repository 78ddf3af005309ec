// Package report tells role monitor, which keeps the alarms, of problems that other roles find: a webhook that fails, a
// certificate that ends.
//
// Who may import it: anything under mgmt. It imports mgmt/alarm and mgmt/monitor (its requests).
//
// Ownership: a Reporter may be used by any goroutine; Run owns the sending. Reporting waits for nobody.
//
// Invariants: a condition that holds is said again every period, because monitor believes a report only for a while: the
// reporter may have died. Occurrences are told once, or counted together while monitor is away. Memory is bounded by
// maxConditions; what comes beyond is logged and not told.
package report

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/monitor"
)

const (
	// period is how often everything that holds is said again: three times within monitor's patience.
	period = time.Minute
	// again is how soon a report is sent once more that found nobody.
	again = 2 * time.Second
	// timeout bounds one report.
	timeout = 5 * time.Second
	// maxConditions bounds the problems that are remembered.
	maxConditions = 256
)

// Caller sends a request to a role: a *bus.Bus.
type Caller interface {
	Call(ctx context.Context, role, method string, request []byte) ([]byte, error)
}

type key struct {
	code    alarm.Code
	subject string
}

// Reporter remembers what holds and tells it.
type Reporter struct {
	caller Caller
	log    *slog.Logger
	wake   chan struct{}

	mu    sync.Mutex
	known map[key]monitor.Report // what holds, and what is over and was not told yet
	news  map[key]bool
}

// New makes one. Nothing is told before Run.
func New(c Caller, log *slog.Logger) *Reporter {
	return &Reporter{caller: c, log: log, wake: make(chan struct{}, 1), known: map[key]monitor.Report{}, news: map[key]bool{}}
}

// Set says that a condition holds.
func (r *Reporter) Set(code alarm.Code, subject, detail string) {
	r.put(monitor.Report{Code: code, Subject: subject, Detail: detail, Holds: true})
}

// Unset says that it does not. One that nobody said anything about is not worth a word.
func (r *Reporter) Unset(code alarm.Code, subject string) {
	r.mu.Lock()
	_, known := r.known[key{code, subject}]
	r.mu.Unlock()
	if known {
		r.put(monitor.Report{Code: code, Subject: subject})
	}
}

// Happened says that an occurrence has happened.
func (r *Reporter) Happened(code alarm.Code, subject, detail string) {
	r.put(monitor.Report{Code: code, Subject: subject, Detail: detail, Times: 1})
}

func (r *Reporter) put(p monitor.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := key{p.Code, p.Subject}
	was, known := r.known[k]
	if !known && len(r.known) >= maxConditions {
		r.log.Warn("an alarm is not told: too many are known", "code", p.Code, "subject", p.Subject)
		return
	}
	if p.Times > 0 {
		p.Times += was.Times
	}
	r.known[k] = p
	if p.Times > 0 || was.Holds != p.Holds || was.Detail != p.Detail {
		r.news[k] = true
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// Run tells until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	pause, failed := period, false
	for {
		timer := time.NewTimer(pause)
		all := false
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			all = true
		case <-r.wake:
		}
		timer.Stop()
		if err := r.tell(ctx, all); err != nil && ctx.Err() == nil {
			if !failed {
				r.log.Warn("alarms are not told: role monitor does not take them", "error", err)
			}
			pause, failed = again, true
			continue
		}
		pause, failed = period, false
	}
}

// tell sends what is new, or everything.
func (r *Reporter) tell(ctx context.Context, all bool) error {
	r.mu.Lock()
	sent := map[key]monitor.Report{}
	var q monitor.ReportRequest
	for k, p := range r.known {
		if all || r.news[k] {
			sent[k] = p
			q.Reports = append(q.Reports, p)
		}
	}
	r.mu.Unlock()
	if len(sent) == 0 {
		return nil
	}
	b, err := json.Marshal(q)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if _, err := r.caller.Call(ctx, monitor.RoleName, monitor.MethodReport, b); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, p := range sent {
		r.told(k, p)
	}
	return nil
}

// told forgets what monitor knows now. What has become of it meanwhile is still to be told.
func (r *Reporter) told(k key, p monitor.Report) {
	now := r.known[k]
	switch {
	case now == p:
		delete(r.news, k)
		if !p.Holds {
			delete(r.known, k)
		}
	case p.Times > 0 && now.Times > p.Times:
		now.Times -= p.Times
		r.known[k] = now
	}
}
