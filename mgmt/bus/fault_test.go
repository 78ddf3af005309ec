package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

func TestErrorsKeepCodeAndTextNearAndFar(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a, b := join(t, dir), join(t, dir)
	b.take(t, "event")
	full := &Error{Code: "event.full", Text: "the log is full"}
	for name, err := range map[string]error{
		"coded": fmt.Errorf("append: %w", full), "plain": errors.New("plain"), "busy": fmt.Errorf("%w: 7", ErrOverload), "empty": errors.New(""),
		"long": errors.New(string(bytes.Repeat([]byte("x"), 5000))),
	} {
		b.Handle(name, func(context.Context, []byte) ([]byte, error) { return nil, err })
	}
	b.Handle("panics", func(context.Context, []byte) ([]byte, error) { panic("oh") })
	for where, from := range map[string]*side{"far": a, "near": b} {
		call := func(role, method string) error {
			_, err := from.Call(within(t, patience), role, method, nil)
			return err
		}
		var e *Error
		if err := call("event", "coded"); !errors.Is(err, full) || !errors.As(err, &e) || e.Text != "append: the log is full" || Retryable(err) {
			t.Errorf("%s: coded: %v", where, err)
		}
		if err := call("event", "plain"); !errors.As(err, &e) || e.Text != "plain" || e.Code != "" || errors.Is(err, full) {
			t.Errorf("%s: plain: %v", where, err)
		}
		if err := call("event", "long"); !errors.As(err, &e) || len(e.Text) != 5000 {
			t.Errorf("%s: long: %v", where, err)
		}
		if err := call("event", "panics"); !errors.As(err, &e) || e.Code != "bus.panic" {
			t.Errorf("%s: panics: %v", where, err)
		}
		if err := call("event", "busy"); !errors.Is(err, ErrOverload) || !Retryable(err) {
			t.Errorf("%s: busy: %v", where, err)
		}
		if err := call("event", "nothing"); !errors.Is(err, ErrNoMethod) {
			t.Errorf("%s: no such method: %v", where, err)
		}
		if err := call("nobody", "x"); !errors.Is(err, ErrNoRole) {
			t.Errorf("%s: no such role: %v", where, err)
		}
	}
	for _, junk := range [][]byte{nil, {0}, {9, 200, 1}, {255, 0}} {
		if err := readFailure(junk); err == nil {
			t.Errorf("%v: no error", junk)
		}
	}
}

func TestAHandlerGoesWhenItsRoleStopsAndAnotherTakesItsPlace(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a, b := join(t, dir), join(t, dir)
	claim := b.take(t, "event")
	first := b.Handle("m", func(context.Context, []byte) ([]byte, error) { return []byte("1"), nil })
	b.HandleShard("m", 3, func(context.Context, []byte) ([]byte, error) { return []byte("shard 3"), nil })
	second := b.Handle("m", func(context.Context, []byte) ([]byte, error) { return []byte("2"), nil })
	first() // removes nothing: it was replaced
	if got, err := a.Call(within(t, patience), "event", "m", nil); string(got) != "2" {
		t.Errorf("%q, %v", got, err)
	}
	second()
	if _, err := a.Call(within(t, patience), "event", "m", nil); !errors.Is(err, ErrNoMethod) {
		t.Errorf("removed: %v", err)
	}
	c, err := b.reg.Claim(registry.Instance{Role: "event", Shard: 3})
	if err != nil {
		t.Fatal(err)
	}
	c.Beat(registry.Running, "")
	if got, err := a.CallShard(within(t, patience), "event", 3, "m", nil); string(got) != "shard 3" {
		t.Errorf("%q, %v", got, err)
	}
	claim.Release()
	if _, err := a.Call(within(t, patience), "event", "m", nil); !errors.Is(err, ErrNoRole) {
		t.Errorf("released: %v", err)
	}
}

func TestACallerWhoGivesUpEndsTheHandlersContext(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a, b := join(t, dir), join(t, dir)
	b.take(t, "event")
	began, ended := make(chan time.Duration, 16), make(chan error, 16)
	b.Handle("wait", func(ctx context.Context, _ []byte) ([]byte, error) {
		deadline, _ := ctx.Deadline()
		began <- time.Until(deadline)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	answer := make(chan error, 1)
	go func() {
		_, err := a.Call(ctx, "event", "wait", nil)
		answer <- err
	}()
	if left := soon(t, began, "the handler begins"); left < 50*time.Minute || left > time.Hour {
		t.Errorf("the handler knows of %v", left)
	}
	cancel()
	if err := soon(t, answer, "the caller gives up"); !errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeout) {
		t.Errorf("the caller: %v", err)
	}
	if err := soon(t, ended, "the handler ends"); !errors.Is(err, context.Canceled) {
		t.Errorf("the handler: %v", err)
	}
	// On a machine that is short of CPU the time may be over before the handler begins: then there is more of it.
	for short, seen := 20*time.Millisecond, false; !seen; short *= 4 {
		if short > patience {
			t.Fatal("the handler does not begin in time")
		}
		ctx, stop := context.WithTimeout(context.Background(), short)
		if _, err := a.Call(ctx, "event", "wait", nil); !errors.Is(err, ErrTimeout) {
			t.Errorf("out of time: %v", err)
		}
		select {
		case <-began:
			soon(t, ended, "the handler whose caller ran out of time ends")
			seen = true
		case <-time.After(short):
		}
		if _, err := a.Call(ctx, "event", "wait", nil); !errors.Is(err, ErrTimeout) {
			t.Errorf("before it began: %v", err)
		}
		stop()
	}
}

func TestMoreRequestsThanHandlersAreAnsweredWithOverload(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a, b := join(t, dir), join(t, dir)
	b.take(t, "event")
	release := make(chan struct{})
	var busy atomic.Int32
	b.Handle("wait", func(context.Context, []byte) ([]byte, error) {
		busy.Add(1)
		<-release
		return nil, nil
	})
	ctx := within(t, patience)
	results := make(chan error, MaxHandlers)
	for range MaxHandlers {
		go func() {
			_, err := a.Call(ctx, "event", "wait", nil)
			results <- err
		}()
	}
	waitFor(t, "all handlers to be busy", func() bool { return busy.Load() == MaxHandlers })
	if _, err := a.Call(ctx, "event", "wait", nil); !errors.Is(err, ErrOverload) {
		t.Errorf("one more: %v", err)
	}
	close(release)
	for range MaxHandlers {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if _, err := a.Call(ctx, "event", "wait", nil); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

func TestALargeAnswerDoesNotHoldUpSmallOnes(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a, b := join(t, dir), join(t, dir)
	b.take(t, "event")
	large := make([]byte, MaxMessage/2)
	b.Handle("large", func(context.Context, []byte) ([]byte, error) { return large, nil })
	b.Handle("small", echo)
	ctx := within(t, patience)
	small := 0
	for try := 0; try < 20 && small < 10; try++ { // we may have no CPU just while a large answer comes
		over := make(chan error, 1)
		go func() {
			got, err := a.Call(ctx, "event", "large", nil)
			if err == nil && len(got) != len(large) {
				err = fmt.Errorf("%d bytes", len(got))
			}
			over <- err
		}()
		small = 0
		for running := true; running; {
			select {
			case err := <-over:
				if err != nil {
					t.Fatal(err)
				}
				running = false
			default:
				if _, err := a.Call(ctx, "event", "small", []byte("x")); err != nil {
					t.Fatal(err)
				}
				small++
			}
		}
	}
	if small < 10 {
		t.Errorf("%d small calls went through beside a large one", small)
	}
}

func TestTheBusGoesOnInASegmentThatReplacesItsOwn(t *testing.T) {
	dir := newDir(t)
	s := segment(t, dir, false)
	a, b := join(t, dir), join(t, dir)
	b.take(t, "event")
	b.Handle("echo", echo)
	began := make(chan struct{})
	ended := make(chan struct{})
	b.Handle("wait", func(ctx context.Context, _ []byte) ([]byte, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	flight := make(chan error, 1)
	go func() {
		_, err := a.Call(context.Background(), "event", "wait", nil)
		flight <- err
	}()
	soon(t, began, "the handler begins")
	s.Close()
	defer segment(t, dir, true).Close()
	if err := soon(t, flight, "the call in flight ends"); !errors.Is(err, ErrGone) || !Retryable(err) {
		t.Errorf("the call in flight: %v", err)
	}
	soon(t, ended, "the handler ends")
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		got, err := a.Call(within(t, patience), "event", "echo", []byte("again"))
		if err == nil && string(got) == "again" {
			break
		}
		if err != nil && !Retryable(err) || time.Now().After(deadline) {
			t.Fatalf("in the new segment: %q, %v", got, err)
		}
	}
}

func TestWithoutASegmentARoleAnswersItsOwnProcess(t *testing.T) {
	dir := newDir(t)
	a := join(t, dir)
	a.Handle("echo", echo)
	if got, err := a.Call(within(t, patience), "event", "echo", []byte("x")); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := a.Call(within(t, patience), "event", "other", nil); !errors.Is(err, ErrNoRole) {
		t.Errorf("%v", err)
	}
}

func TestTooManyProcessesAreToldSo(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	place := attach.Place{Dir: dir}
	ctx := within(t, patience)
	for range shm.MaxMembers - 1 {
		join(t, dir)
	}
	last, err := Dial(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(ctx, place); !errors.Is(err, registry.ErrFull) {
		t.Fatalf("one more: %v", err)
	}
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
	last, err = Dial(ctx, place)
	if err != nil {
		t.Fatalf("after one has left: %v", err)
	}
	if err := last.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestASubscriptionMissesAndRepeatsNothingWhateverHappensToTheRole(t *testing.T) {
	dir := newDir(t)
	s := segment(t, dir, false)
	a, b := join(t, dir), join(t, dir)
	claim := b.take(t, "event")
	// The log: numbers from 1 to tip. A request names the last one seen.
	var tip atomic.Int64
	serve := func(ctx context.Context, r []byte) ([]byte, error) {
		var after int64
		if _, err := fmt.Sscan(string(r), &after); err != nil {
			return nil, err
		}
		for wait := 0; tip.Load() == after && wait < 20; wait++ {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
		return fmt.Append(nil, min(tip.Load(), after+3)), nil
	}
	remove := b.Handle("read", serve)
	var last atomic.Int64
	enough := errors.New("enough")
	over := make(chan error, 1)
	go func() {
		over <- a.Subscribe(within(t, patience), "event", "read", []byte("0"), func(answer []byte) ([]byte, error) {
			var now int64
			if _, err := fmt.Sscan(string(answer), &now); err != nil || now < last.Load() {
				return nil, fmt.Errorf("after %d came %q: %v", last.Load(), answer, err)
			}
			if last.Store(now); now >= 40 {
				return nil, enough
			}
			return answer, nil
		})
	}()
	reach := func(n int64) {
		tip.Store(n)
		waitFor(t, "the subscriber", func() bool { return last.Load() == n })
	}
	reach(10)
	remove() // the role restarts
	tip.Store(15)
	remove = b.Handle("read", serve)
	reach(20)
	claim.Beat(registry.Failed, "")
	claim.Beat(registry.Running, "")
	reach(25)
	s.Close() // a cold start
	defer segment(t, dir, true).Close()
	reach(30)
	tip.Store(40)
	if err := <-over; !errors.Is(err, enough) {
		t.Error(err)
	}
	remove()
	b.Handle("read", func(context.Context, []byte) ([]byte, error) { return nil, &Error{Code: "event.bad", Text: "bad"} })
	if err := a.Subscribe(within(t, patience), "event", "read", nil, nil); !errors.Is(err, &Error{Code: "event.bad"}) {
		t.Errorf("an error of the handler: %v", err)
	}
}

// Garbage in the rings: nothing crashes, no call gets a wrong answer unless the garbage lies in the very bytes of the
// answer, which are spared here, and afterwards all is well.
func TestGarbageInTheRingsEndsCallsButNothingElse(t *testing.T) {
	dir := newDir(t)
	defer segment(t, dir, false).Close()
	a, b := join(t, dir), join(t, dir)
	b.take(t, "event")
	b.Handle("echo", echo)
	b.HandleInline("inline", echo)
	at, _ := a.reg.Hold()
	defer at.Release()
	all := at.Ctl.Bytes(shm.RegionBus)
	from, to := at.Member, 1-at.Member // the first two places
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		blows := rapid.IntRange(1, 40).Draw(t, "blows")
		ctx, stop := context.WithTimeout(context.Background(), 2*patience)
		defer stop()
		var callers sync.WaitGroup
		var hurting atomic.Bool
		hurting.Store(true)
		defer hurting.Store(false)
		for g := range 4 {
			callers.Go(func() {
				for i := 0; hurting.Load(); i++ {
					short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
					method := []string{"echo", "inline"}[i%2]
					_, _ = a.Call(short, "event", method, fmt.Append(nil, g, i))
					stop()
				}
			})
		}
		for range blows {
			c := channelOf(all, from, to)
			if random.IntN(2) == 0 {
				c = channelOf(all, to, from)
			}
			switch random.IntN(4) {
			case 0:
				atomic.StoreUint64(c.head(), random.Uint64()>>random.IntN(64))
			case 1:
				atomic.StoreUint64(c.tail(), random.Uint64()>>random.IntN(64))
			case 2:
				atomic.AddUint64(c.head(), random.Uint64N(100)-50)
			default:
				for range 20 {
					c[random.IntN(len(c))] = byte(random.Uint32())
				}
			}
			time.Sleep(time.Duration(random.IntN(200)) * time.Microsecond)
		}
		hurting.Store(false)
		callers.Wait()
		good := 0
		for good < 50 && ctx.Err() == nil {
			short, stop := context.WithTimeout(ctx, time.Second)
			want := fmt.Append(nil, "well ", good)
			got, err := a.Call(short, "event", "echo", want)
			stop()
			if good++; err != nil || !bytes.Equal(got, want) {
				good = 0
			}
		}
		if good < 50 {
			t.Fatalf("the bus does not recover: %+v and %+v", a.Stats(), b.Stats())
		}
	})
	if s := b.Stats(); s.Broken == 0 || s.Resets == 0 {
		t.Errorf("nothing was found broken: %+v", s)
	}
}
