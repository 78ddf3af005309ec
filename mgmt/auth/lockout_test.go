package auth

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fcredirect/mgmt/problem"
)

func TestWhoGuessesWaitsLongerEachTime(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	var waits []time.Duration
	for n := 1; n <= 18; n++ {
		_, _, err := w.SignIn(t.Context(), "alice", "wrong wrong wrong", here)
		want(t, err, problem.BadCredentials)
		if n <= freeAccount {
			continue
		}
		_, _, err = w.SignIn(t.Context(), "alice", good, here) // the right one waits too
		want(t, err, problem.LockedOut)
		wait := waitOf(err)
		waits = append(waits, wait)
		w.hands.pass(wait - time.Nanosecond)
		_, _, err = w.SignIn(t.Context(), "alice", good, here)
		want(t, err, problem.LockedOut)
		w.hands.pass(time.Nanosecond)
	}
	for i, wait := range waits {
		if i > 0 && wait < waits[i-1] || wait > maxWait {
			t.Errorf("%v", waits)
		}
	}
	if len(waits) < 10 || waits[0] != minWait || waits[len(waits)-1] != maxWait {
		t.Errorf("%v", waits)
	}
	if !strings.Contains(w.told.all(), `audit.locked_out {"who":"alice","address":"192.0.2.7","wait_s":1,`) {
		t.Errorf("%s", w.told.all())
	}
}

// One who has many addresses, and all the time between two days, tries what he can. The owner comes in from where she
// always does; from elsewhere she waits a quarter of an hour at the most.
func TestAnAttackerGetsFewGuessesAndKeepsNobodyOut(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	w.signIn("alice", good, here)
	guesses, attempts := 0, 0
	begin := w.hands.elapsed
	for i := 0; w.hands.elapsed-begin < 24*time.Hour; i++ {
		attempts++
		_, _, err := w.SignIn(t.Context(), "alice", fmt.Sprint("wrong password ", i), from(fmt.Sprintf("198.51.%d.%d", i/200%200, i%200)))
		if problem.Is(err, problem.BadCredentials) {
			guesses++
		} else {
			want(t, err, problem.LockedOut)
		}
		w.hands.pass(20 * time.Second)
		if i%50 == 0 {
			w.signIn("alice", good, here)
		}
	}
	if guesses > 130 {
		t.Errorf("%d guesses in a day, of %d attempts", guesses, attempts)
	}
	_, _, err := w.SignIn(t.Context(), "alice", good, from("203.0.113.1"))
	if wait := waitOf(err); wait > maxWait {
		t.Errorf("the owner waits %v", wait)
	} else {
		w.hands.pass(wait)
	}
	w.signIn("alice", good, from("203.0.113.1"))
}

func TestAThousandGuessesAtOnceAreNoMoreThanAFew(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	var group sync.WaitGroup
	var guessed atomic.Int32
	for i := range 300 {
		group.Go(func() {
			_, _, err := w.SignIn(context.Background(), "alice", "wrong wrong wrong", from(fmt.Sprintf("198.51.100.%d", i%250)))
			if problem.Is(err, problem.BadCredentials) {
				guessed.Add(1)
			}
		})
	}
	group.Wait()
	if n := guessed.Load(); n > freeAccount+1 {
		t.Errorf("%d guesses", n)
	}
}

func TestOneNetworkDoesNotTryAllNames(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	guessed := 0
	for i := range 200 { // another address of the same customer each time
		_, _, err := w.SignIn(t.Context(), fmt.Sprint("user", i), good, from(fmt.Sprintf("2001:db8::%x", i+1)))
		if problem.Is(err, problem.BadCredentials) {
			guessed++
		}
		if i%10 == 0 { // an account of one's own does not help
			_, _, _ = w.SignIn(t.Context(), "alice", good, from("2001:db8::1"))
		}
	}
	if guessed > freeNetwork+1 {
		t.Errorf("%d names", guessed)
	}
	w.signIn("alice", good, from("2001:db8::77")) // whose network it is too
	_, _, err := w.SignIn(t.Context(), "alice", "wrong wrong wrong", from("2001:db8::77"))
	want(t, err, problem.BadCredentials)
}

func TestFailuresOfAnAccountAreKnownAfterARestartAndWaitsEnd(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	for range 30 {
		_, _, err := w.SignIn(t.Context(), "alice", "wrong wrong wrong", from("198.51.100.1"))
		if wait := waitOf(err); wait > 0 {
			w.hands.pass(wait)
		}
	}
	w.hands.pass(maxWait)
	_, _, err := w.SignIn(t.Context(), "alice", "wrong wrong wrong", from("203.0.113.1"))
	want(t, err, problem.BadCredentials)
	w.restart(true)
	w.hands.set(-48 * time.Hour) // also of a clock that is set back
	_, _, err = w.SignIn(t.Context(), "alice", good, here)
	want(t, err, problem.LockedOut)
	if wait := waitOf(err); wait > maxWait || wait < maxWait/2 {
		t.Errorf("%v", wait)
	}
	w.hands.pass(waitOf(err))
	w.signIn("alice", good, here)
	w.restart(true)
	for range freeAccount {
		_, _, err := w.SignIn(t.Context(), "alice", "wrong wrong wrong", here) // familiar now, also after a restart
		want(t, err, problem.BadCredentials)
	}
	w.signIn("alice", good, here)
}

func TestNamesThatAreNoAccountsWaitJustAsLongAndAreNotWritten(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	waits := func(name, network string) (list []time.Duration) {
		for i := range 12 {
			_, _, err := w.SignIn(t.Context(), name, "my secret passphrase", from(fmt.Sprintf("%s.%d", network, i)))
			list = append(list, waitOf(err))
			w.hands.pass(waitOf(err))
		}
		return list
	}
	known, unknown := waits("alice", "198.51.100"), waits("my other password", "203.0.113")
	if fmt.Sprint(known) != fmt.Sprint(unknown) {
		t.Errorf("%v, %v", known, unknown)
	}
	want(t, w.flush(t.Context()), "")
	if kept := w.store.List(kindLockout); len(kept) != 1 || kept[0].Name != "alice" {
		t.Errorf("%+v", kept)
	}
	if log := w.told.all(); strings.Contains(log, "my other") || strings.Contains(log, "secret") || !strings.Contains(log, unknownAccount) {
		t.Errorf("%s", log)
	}
}

func TestCountersAreBounded(t *testing.T) {
	l := newLockout(&clock{Clock: newHands().clock()}, func() {})
	target, err := l.begin("alice", here.Address)
	want(t, err, "")
	target.failed()
	target, err = l.begin("alice", here.Address)
	want(t, err, "")
	target.failed()
	for i := range maxCounters + 200 {
		if at, err := l.begin(fmt.Sprint("name", i), from(fmt.Sprintf("2001:db8:%x::1", i%0xffff)).Address); err == nil {
			at.failed()
		}
	}
	if len(l.names) > maxCounters || len(l.networks) > maxCounters || len(l.dirty) > maxCounters {
		t.Errorf("%d names, %d networks, %d to write", len(l.names), len(l.networks), len(l.dirty))
	}
	if c := l.names["alice"]; c == nil || c.failures != 2 {
		t.Errorf("the one that was tried most is forgotten: %+v", c)
	}
}

// Which names there are is told by nothing: not by the answer, and not by the time it takes.
func TestAnUnknownNameCostsAsMuchAsAKnownOne(t *testing.T) {
	w := newWorld(t)
	w.cost = Cost{Memory: 4 << 10, Time: 1}
	w.restart(true)
	w.with("alice", Admin)
	attempts := 0
	faster := func(name string, best time.Duration) time.Duration {
		attempts++
		s := from(fmt.Sprintf("198.51.100.%d", attempts%250))
		begin := time.Now()
		_, _, err := w.SignIn(t.Context(), name, "wrong wrong wrong", s)
		best = min(best, time.Since(begin))
		want(t, err, problem.BadCredentials)
		w.hands.pass(maxWait)
		return best
	}
	known, unknown := time.Hour, time.Hour
	differ := func() bool { ratio := float64(known) / float64(unknown); return ratio < 0.25 || ratio > 4 }
	for i := 0; i < 12 || differ() && i < 500; i++ { // the fastest are compared: others may have our CPU during most
		known, unknown = faster("alice", known), faster("bob", unknown)
	}
	if differ() {
		t.Errorf("known %v, unknown %v", known, unknown)
	}
	if known < 500*time.Microsecond {
		t.Errorf("%v: this test measures nothing", known)
	}
	_, _, one := w.SignIn(t.Context(), "alice", "wrong wrong wrong", from("203.0.113.1"))
	_, _, two := w.SignIn(t.Context(), "bob", "wrong wrong wrong", from("203.0.113.2"))
	if one.Error() != two.Error() {
		t.Errorf("%v, %v", one, two)
	}
}

func TestAHundredSignInsAtOnceTakeTheMemoryOfAFew(t *testing.T) {
	w := newWorld(t)
	w.cost = Cost{Memory: 1 << 10, Time: 1}
	w.restart(true)
	w.hasher.timeout = time.Minute // the last of a hundred may wait long on a machine that is short of CPU
	w.with("alice", Admin)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var group sync.WaitGroup
	var busiest, in atomic.Int32
	for i := range 100 {
		group.Go(func() {
			_, _, err := w.SignIn(context.Background(), fmt.Sprint("user", i), good, from(fmt.Sprintf("10.0.%d.1", i)))
			if !problem.Is(err, problem.BadCredentials) {
				t.Errorf("%v", err)
			}
			if n := int32(len(w.hasher.slots)); n > busiest.Load() {
				busiest.Store(n)
			}
			in.Add(1)
		})
	}
	group.Wait()
	runtime.ReadMemStats(&after)
	if busiest.Load() > hashesAtOnce || in.Load() != 100 {
		t.Errorf("%d at once, %d done", busiest.Load(), in.Load())
	}
	if grown := int64(after.Sys) - int64(before.Sys); grown > 64<<20 {
		t.Errorf("%d MiB more", grown>>20)
	}
}

func TestMoreWhoWaitForAHashThanThereMayBeAreTurnedAway(t *testing.T) {
	h := newHasher(cheap)
	h.timeout = time.Minute // nobody gives up before the last has come
	for range hashesAtOnce {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range hashesWaiting {
		group.Go(func() { _, _ = h.hash(ctx, good) })
	}
	for deadline := time.Now().Add(30 * time.Second); h.waiting.Load() < hashesWaiting; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait", h.waiting.Load())
		}
	}
	_, err := h.hash(ctx, good)
	want(t, err, problem.Busy)
	if waitOf(err) == 0 {
		t.Error("no Retry-After")
	}
	cancel()
	group.Wait()
	_, err = h.verify(ctx, "", good)
	want(t, err, problem.Busy)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if h.waiting.Load() != 0 {
		t.Errorf("%d wait", h.waiting.Load())
	}
}

func TestSigningInMakesTheCountBeginAnew(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	for range 4 { // the first time as a stranger, then from a familiar network
		for range freeAccount - 1 {
			_, _, err := w.SignIn(t.Context(), "alice", "wrong wrong wrong", here)
			want(t, err, problem.BadCredentials)
		}
		w.signIn("alice", good, here)
	}
}
