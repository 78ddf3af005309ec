package operation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/mgmt/alarm"
)

// board is who is told of problems.
type board struct {
	mu    sync.Mutex
	holds map[alarm.Code]bool
}

func (b *board) Set(code alarm.Code, _, _ string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := alarm.Lookup(code); e == nil || !e.Reported || e.Occurrence {
		panic("no condition that is reported: " + string(code))
	}
	b.holds[code] = true
}

func (b *board) Unset(code alarm.Code, _ string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.holds, code)
}

func (b *board) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprint(slices.Sorted(maps.Keys(b.holds)))
}

func TestWhatOnlyThisRoleKnowsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{holds: map[alarm.Code]bool{}}
		var mu sync.Mutex
		end, mirrored, audit, drift := time.Now().Add(40*24*time.Hour), true, error(nil), ""
		set := func(do func()) string {
			mu.Lock()
			do()
			mu.Unlock()
			time.Sleep(2 * watchEvery)
			return b.String()
		}
		locked := func(do func()) { mu.Lock(); defer mu.Unlock(); do() }
		w := Watched{
			Reporter:    b,
			Certificate: func() (t time.Time) { locked(func() { t = end }); return t },
			Mirrored:    func() (is bool) { locked(func() { is = mirrored }); return is },
			Audit:       func(context.Context) (err error) { locked(func() { err = audit }); return err },
			Drift:       func() (s string) { locked(func() { s = drift }); return s },
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Watch(ctx); close(done) }()
		for _, c := range []struct {
			do   func()
			want string
		}{
			{func() {}, "[]"},
			{func() { end = time.Now().Add(29 * 24 * time.Hour) }, "[certificate.expiring]"},
			{func() { end = time.Time{}; mirrored = false }, "[settings.not-mirrored]"},
			{func() { mirrored = true; audit = errors.New("away") }, "[audit.unavailable]"},
			{func() { audit = nil; drift = "revision 3" }, "[change.drift]"},
			{func() { drift = "" }, "[]"},
		} {
			if got := set(c.do); got != c.want {
				t.Errorf("told %s, want %s", got, c.want)
			}
		}
		stop()
		<-done
	})
}
