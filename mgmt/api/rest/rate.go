package rest

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/go-chi/httprate"

	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Rates are how much anybody may ask for in a Window. Who comes over the unix socket may ask for as much as he likes.
type Rates struct {
	Window    time.Duration
	Reads     int // of an actor
	Writes    int // of an actor
	Strangers int // requests without valid credentials, of an address
	Parallel  int // requests at once, of all together; neither streams nor what is urgent are counted
}

// DefaultRates let a script work and a page with live figures breathe.
var DefaultRates = Rates{Window: 10 * time.Second, Reads: 50_000, Writes: 600, Strangers: 300, Parallel: 256}

// limiters are the counters of Rates.
type limiters struct {
	window                   time.Duration
	reads, writes, strangers *httprate.RateLimiter
	slots                    chan struct{}
}

func newLimiters(r Rates) *limiters {
	limiter := func(n int) *httprate.RateLimiter {
		return httprate.NewRateLimiter(n, r.Window, httprate.WithResponseHeaders(httprate.ResponseHeaders{Limit: "RateLimit-Limit", Remaining: "RateLimit-Remaining"}))
	}
	return &limiters{window: r.Window, reads: limiter(r.Reads), writes: limiter(r.Writes), strangers: limiter(r.Strangers), slots: make(chan struct{}, r.Parallel)}
}

// over counts a request, and says whether it is one too many.
func (l *limiters) over(w http.ResponseWriter, r *http.Request, op *Operation, actor *auth.Actor, address netip.Addr) error {
	var hit bool
	switch {
	case actor != nil && actor.Door == auth.DoorSocket || actor == nil && !address.IsValid():
		return nil
	case actor == nil:
		hit = l.strangers.OnLimit(w, r, house(address))
	case op.writes():
		hit = l.writes.OnLimit(w, r, actor.Name)
	default:
		hit = l.reads.OnLimit(w, r, actor.Name)
	}
	if hit {
		return problem.New(problem.TooManyRequests, "").In(l.window)
	}
	return nil
}

// house is whom an address belongs to: of IPv6 one customer has a /64.
func house(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// slot waits for a place among those that are served at once. What is urgent needs none: who confirms a change, or takes it
// back, has a minute for it, and others may hold all places for as long. Strangers are never urgent.
func (a *API) slot(op *Operation, next http.Handler) http.Handler {
	if op.Timeout < 0 || audit.Urgent(op.Audit) && op.Permission != auth.Open {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case a.limiters.slots <- struct{}{}:
		default:
			wait := time.NewTimer(slotWait)
			defer wait.Stop()
			select {
			case a.limiters.slots <- struct{}{}:
			case <-r.Context().Done():
				return
			case <-wait.C:
				a.refuse(w, r, problem.New(problem.Busy, "").In(slotWait))
				return
			}
		}
		defer func() { <-a.limiters.slots }()
		next.ServeHTTP(w, r)
	})
}
