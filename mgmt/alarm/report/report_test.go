package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/monitor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listener is role monitor.
type listener struct {
	mu    sync.Mutex
	away  bool
	heard []string
}

func (l *listener) Call(_ context.Context, role, method string, request []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var q monitor.ReportRequest
	if err := json.Unmarshal(request, &q); err != nil || role != monitor.RoleName || method != monitor.MethodReport {
		return nil, fmt.Errorf("%s %s: %v", role, method, err)
	}
	if l.away {
		return nil, errors.New("nobody")
	}
	var all []string
	for _, p := range q.Reports {
		all = append(all, fmt.Sprintf("%s/%s %v %d", p.Code, p.Subject, p.Holds, p.Times))
	}
	slices.Sort(all)
	l.heard = append(l.heard, strings.Join(all, ", "))
	return []byte("{}"), nil
}

func (l *listener) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := strings.Join(l.heard, "; ")
	l.heard = nil
	return s
}

func TestReports(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*Reporter, *listener)
		want string
	}{
		{"a condition is told at once", func(r *Reporter, _ *listener) { r.Set(alarm.WebhookFailing, "webhook/a", "x") },
			"webhook.failing/webhook/a true 0"},
		{"one that holds is said again", func(r *Reporter, l *listener) {
			r.Set(alarm.WebhookFailing, "webhook/a", "x")
			time.Sleep(time.Second)
			l.take()
			time.Sleep(period)
		}, "webhook.failing/webhook/a true 0"},
		{"one that is over is told once", func(r *Reporter, l *listener) {
			r.Set(alarm.WebhookFailing, "webhook/a", "x")
			time.Sleep(time.Second)
			l.take()
			r.Unset(alarm.WebhookFailing, "webhook/a")
			time.Sleep(3 * period)
		}, "webhook.failing/webhook/a false 0"},
		{"nothing is said of what nobody set", func(r *Reporter, _ *listener) { r.Unset(alarm.WebhookFailing, "webhook/a") }, ""},
		{"occurrences are counted while nobody listens, and told once", func(r *Reporter, l *listener) {
			l.away = true
			for range 3 {
				r.Happened(alarm.BruteForce, "", "x")
				time.Sleep(time.Second)
			}
			l.mu.Lock()
			l.away = false
			l.mu.Unlock()
			time.Sleep(3 * period)
		}, "login.brute-force/ false 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &listener{}
				r := New(l, slog.New(slog.DiscardHandler))
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { r.Run(ctx) })
				c.do(r, l)
				time.Sleep(time.Second)
				stop()
				running.Wait()
				if got := l.take(); got != c.want {
					t.Errorf("heard %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r := New(&listener{}, slog.New(slog.DiscardHandler))
	for n := range 2 * maxConditions {
		r.Set(alarm.WebhookFailing, fmt.Sprint(n), "")
	}
	if len(r.known) != maxConditions {
		t.Errorf("%d are remembered", len(r.known))
	}
}
