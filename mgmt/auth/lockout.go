package auth

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/problem"
)

// lockout makes guessing passwords slow without giving anybody a way to keep others out.
//
// Failures are counted by account and by network. After a few, attempts wait, longer each time. Attempts that are refused
// while they wait count for nothing, so nobody prolongs a wait. An account that somebody guesses at would still wait for
// its owner too; so an account and a network from which somebody has signed in to it before (a familiar one) have a count of
// their own, and feel neither what comes from elsewhere nor what neighbours do. Names that are no account's are counted just so: waits tell nothing.
//
// Attempts under way count as failures until they end, so a hundred at once get no further than one after the other.
type lockout struct {
	clock *clock
	poke  func() // counts of accounts have changed

	mu       sync.Mutex // guards what follows
	names    map[string]*counter
	pairs    map[pair]*counter // of familiar networks
	networks map[string]*counter
	familiar map[string][]familiar // by account
	dirty    map[string]bool       // accounts whose record is to be written
}

type pair struct{ name, network string }

type familiar struct {
	Network string    `json:"network"`
	Last    time.Time `json:"last"`
}

type counter struct {
	free     int
	failures int
	pending  int
	until    time.Duration // on the even clock
	last     time.Duration
}

// lockoutRecord is what is kept of an account over a restart.
type lockoutRecord struct {
	Failures int        `json:"failures,omitempty"`
	Until    time.Time  `json:"until,omitzero"`
	Familiar []familiar `json:"familiar,omitempty"`
}

func (r *lockoutRecord) empty() bool { return r.Failures == 0 && len(r.Familiar) == 0 }

func newLockout(c *clock, poke func()) *lockout {
	return &lockout{
		clock: c, poke: poke, names: map[string]*counter{}, pairs: map[pair]*counter{}, networks: map[string]*counter{},
		familiar: map[string][]familiar{}, dirty: map[string]bool{},
	}
}

// load takes what was kept.
func (l *lockout) load(name string, r lockoutRecord, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Failures > 0 {
		at := l.clock.Elapsed()
		wait := min(max(r.Until.Sub(now), 0), maxWait) // whatever the clock says
		l.names[name] = &counter{free: freeAccount, failures: r.Failures, until: at + wait, last: at}
	}
	if len(r.Familiar) > 0 {
		l.familiar[name] = r.Familiar[:min(len(r.Familiar), maxFamiliar)]
	}
}

// attempt is a guess under way. It must be ended by one of its methods.
type attempt struct {
	l       *lockout
	name    string
	network string
	of      []*counter
}

// begin says whether a guess may be made now, and else when.
func (l *lockout) begin(name string, address netip.Addr) (*attempt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := &attempt{l: l, name: name, network: audit.Network(address)}
	counters := l.counters(name, at.network)
	now := l.clock.Elapsed()
	for _, c := range counters {
		if wait := c.wait(now); wait > 0 {
			return nil, problem.New(problem.LockedOut, "There were too many failed attempts.").In(wait)
		}
	}
	for _, c := range counters {
		c.pending++
	}
	at.of = counters
	return at, nil
}

// counters are those of an attempt, the account's first.
func (l *lockout) counters(name, network string) []*counter {
	if slices.ContainsFunc(l.familiar[name], func(f familiar) bool { return f.Network == network }) {
		return []*counter{counterOf(l, l.pairs, pair{name, network}, freeAccount)}
	}
	counters := []*counter{counterOf(l, l.names, name, freeAccount)}
	if network != "" {
		counters = append(counters, counterOf(l, l.networks, network, freeNetwork))
	}
	return counters
}

// counterOf finds a counter or makes one, in the place of an old one if there are too many.
func counterOf[K comparable](l *lockout, in map[K]*counter, key K, free int) *counter {
	now := l.clock.Elapsed()
	c := in[key]
	if c != nil && c.pending == 0 && now-c.last > forgetAfter {
		c.failures = 0
	}
	if c == nil {
		if len(in) >= maxCounters {
			evict(in)
		}
		c = &counter{free: free, last: now}
		in[key] = c
	}
	return c
}

// evict forgets the counter with the fewest failures, of these the oldest: who floods us with names pushes out his own.
func evict[K comparable](in map[K]*counter) {
	var worst *counter
	var key K
	for k, c := range in {
		if c.pending > 0 {
			continue
		}
		if worst == nil || c.failures < worst.failures || c.failures == worst.failures && c.last < worst.last {
			worst, key = c, k
		}
	}
	if worst != nil {
		delete(in, key)
	}
}

// wait is how long the next attempt waits.
func (c *counter) wait(now time.Duration) time.Duration {
	if now < c.until {
		return c.until - now
	}
	if c.pending > 0 && c.failures+c.pending > c.free {
		return minWait // those under way may all fail
	}
	return 0
}

func (c *counter) failed(now time.Duration) (wait time.Duration) {
	c.failures++
	c.last = now
	if over := c.failures - c.free; over > 0 {
		wait = min(minWait<<min(over-1, 20), maxWait)
		c.until = now + wait
	}
	return wait
}

// end ends an attempt of which nobody knows how it would have gone.
func (a *attempt) end() {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.settle()
}

func (a *attempt) settle() {
	for _, c := range a.of {
		c.pending--
	}
	a.of = nil
}

// failed counts it. It says how long the account waits now, and after how many failures; 0 if it does not.
func (a *attempt) failed() (wait time.Duration, failures int) {
	l := a.l
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Elapsed()
	for _, c := range a.of {
		if w := c.failed(now); w > wait {
			wait, failures = w, c.failures
		}
	}
	if len(a.of) > 0 && a.of[0].until > now && a.of[0] == l.names[a.name] {
		l.mark(a.name)
	}
	a.settle()
	return wait, failures
}

// succeeded forgets the account's failures, and makes the network familiar. The network's own failures stay: who has one
// account must not guess at others for ever.
func (a *attempt) succeeded() {
	l := a.l
	l.mu.Lock()
	defer l.mu.Unlock()
	c := a.of[0]
	a.settle()
	if c.failures > 0 {
		c.failures, c.until = 0, 0
		l.mark(a.name)
	}
	if a.network == "" {
		return
	}
	now := l.clock.now()
	known := l.familiar[a.name]
	if i := slices.IndexFunc(known, func(f familiar) bool { return f.Network == a.network }); i >= 0 {
		known = slices.Clone(known)
		known[i].Last = now
		l.familiar[a.name] = known
		return
	}
	known = append(slices.Clone(known), familiar{a.network, now})
	if len(known) > maxFamiliar {
		slices.SortFunc(known, func(a, b familiar) int { return a.Last.Compare(b.Last) })
		known = known[1:]
	}
	l.familiar[a.name] = known
	l.mark(a.name)
}

func (l *lockout) mark(name string) {
	if len(l.dirty) < maxCounters { // names that are no account's are marked too: what is written is what has one
		l.dirty[name] = true
		l.poke()
	}
}

// forget forgets an account.
func (l *lockout) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.familiar, name)
	maps.DeleteFunc(l.pairs, func(p pair, _ *counter) bool { return p.name == name })
}

// changed is what is to be written.
func (l *lockout) changed() map[string]*lockoutRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	records := map[string]*lockoutRecord{}
	now, at := l.clock.now(), l.clock.Elapsed()
	for name := range l.dirty {
		r := &lockoutRecord{Familiar: l.familiar[name]}
		if c := l.names[name]; c != nil && c.failures > c.free {
			r.Failures, r.Until = c.failures, now.Add(max(c.until-at, 0))
		}
		records[name] = r
	}
	clear(l.dirty)
	return records
}

// again marks what could not be written.
func (l *lockout) again(records map[string]*lockoutRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range maps.Keys(records) {
		if len(l.dirty) < maxCounters {
			l.dirty[name] = true
		}
	}
}
