package webhook

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"fcredirect/mgmt/alarm"
)

func TestPausesGrowAndAreBounded(t *testing.T) {
	s := &Service{o: Options{FirstPause: firstPause, LastPause: lastPause}}
	for failures, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second, 10: lastPause, 64: lastPause, 1 << 20: lastPause} {
		for range 50 {
			if got := s.pause(failures); got < want*8/10 || got > want*12/10 {
				t.Fatalf("after %d failures %v, want %v give or take a fifth", failures, got, want)
			}
		}
	}
}

func TestAnEventThatIsTooOldIsGivenUpAndTheReceiverIsTold(t *testing.T) {
	b, d := newBench(t), newDesk(t)
	b.end()
	d.do = func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
	b.beginWith(time.Second)
	b.put("ops", d.hook(), d)
	b.raise(alarm.DatabaseDown, false)
	b.raise(alarm.DatabaseDown, false)
	b.wait("both are given up", func() bool { return b.of("ops").GivenUp == 2 && b.of("ops").Waiting == 0 })
	d.mu.Lock()
	d.do, d.got, d.news = nil, nil, make(chan struct{}, 1024)
	d.mu.Unlock()
	raised := 2
	for b.of("ops").Delivered == 0 { // on a machine that is short of CPU the next one may be too old at once as well
		b.raise(alarm.DatabaseDown, false)
		raised++
		b.wait("the next one is settled", func() bool { s := b.of("ops"); return s.Delivered == 1 || int(s.GivenUp) == raised })
	}
	if got, want := d.numbers(t, 1), fmt.Sprintf("%d(missed %d)", raised, raised-1); got != want {
		t.Errorf("events %s, want %s", got, want)
	}
}

func TestRetryAfterIsKeptTo(t *testing.T) {
	b, d := newBench(t), newDesk(t)
	d.do = func(n int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	b.put("ops", d.hook(), d)
	b.raise(alarm.DatabaseDown, false)
	d.numbers(t, 1)
	b.wait("it is noted", func() bool { return b.of("ops").Failures == 1 })
	next, err := time.Parse(time.RFC3339Nano, b.of("ops").Next)
	if err != nil || time.Until(next) < 50*time.Second {
		t.Errorf("next attempt at %v, %v", next, err)
	}
}
