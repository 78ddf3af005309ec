package event

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// role is an event role that may be away. It holds requests to their order.
type role struct {
	t        *testing.T
	mu       sync.Mutex
	away     bool
	silent   bool // takes the events, and its answer is lost
	last     uint64
	got      []Incoming
	calls    int
	instance uint64
}

func (r *role) Call(_ context.Context, name, method string, request []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.away {
		return nil, errors.New("nobody runs the role")
	}
	var q AppendRequest
	if err := json.Unmarshal(request, &q); err != nil || name != RoleName || method != MethodAppend {
		r.t.Errorf("%s of %s: %v", method, name, err)
	}
	if r.instance != 0 && q.Instance != r.instance || len(q.Events) == 0 || len(q.Events) > SendEvents {
		r.t.Errorf("%d events of %x", len(q.Events), q.Instance)
	}
	r.instance = q.Instance
	for _, e := range q.Events {
		switch {
		case e.Seq <= r.last: // it came before
		case e.Seq == r.last+1:
			r.last = e.Seq
			r.got = append(r.got, e)
		default:
			r.t.Errorf("event %d after %d", e.Seq, r.last)
		}
	}
	if r.silent {
		return nil, errors.New("the answer is lost")
	}
	return nil, nil
}

func (r *role) set(away, silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away, r.silent = away, silent
}

func TestEventsWaitInOrderWhileTheRoleIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &role{t: t, away: true}
		c := NewClient(r, slog.New(slog.DiscardHandler))
		ctx := t.Context()
		for i := range 1000 {
			if err := c.Append(ctx, ProcessStarted, Fields{"pid": i}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		r.mu.Lock()
		calls := r.calls
		r.mu.Unlock()
		if calls < 20 || calls > 60 {
			t.Errorf("asked %d times in a minute", calls)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		if err := c.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flushed without a role: %v", err)
		}
		cancel()
		r.set(false, true)
		time.Sleep(10 * time.Second)
		r.set(false, false)
		if err := c.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.got) != 1000 || string(r.got[999].Fields) != `{"pid":999}` {
			t.Errorf("%d events came", len(r.got))
		}
		if err := c.Close(ctx); err != nil { // nothing is left to send
			t.Error(err)
		}
		if err := c.Append(ctx, ProcessStarted, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("append after close: %v", err)
		}
	})
}

func TestAFullQueueWaitsForItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &role{t: t, away: true}
		c := NewClient(r, slog.New(slog.DiscardHandler))
		ctx := t.Context()
		for range QueueEvents {
			if err := c.Append(ctx, ProcessStarted, nil); err != nil {
				t.Fatal(err)
			}
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		began := time.Now()
		if err := c.Append(short, ProcessStarted, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		done := make(chan error)
		go func() { done <- c.Append(ctx, ProcessStarted, nil) }()
		synctest.Wait()
		r.set(false, false)
		if err := <-done; err != nil {
			t.Error(err)
		}
		err := c.Close(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil || len(r.got) != QueueEvents+1 {
			t.Errorf("%d events, %v", len(r.got), err)
		}
	})
}

func TestAClientThatIsClosedWithoutARoleEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClient(&role{t: t, away: true}, slog.New(slog.DiscardHandler))
		if err := c.Append(t.Context(), ProcessStarted, nil); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closed with %v", err)
		}
	})
}

func TestWrongFieldsAreRefusedAtOnce(t *testing.T) {
	c := NewClient(&role{t: t}, slog.New(slog.DiscardHandler))
	defer c.Close(t.Context())
	for _, a := range []Appender{c, Nowhere{}} {
		if err := a.Append(t.Context(), ProcessStarted, Fields{"pib": 1}); err == nil {
			t.Errorf("%T took a field that is none", a)
		}
		if err := a.Append(t.Context(), ProcessStarted, Fields{"pid": 1}); err != nil {
			t.Errorf("%T: %v", a, err)
		}
	}
}

// The log refuses fields beyond MaxFields, and the client would send them again for ever.
func TestFieldsReachTheLogAsTheyWereEncoded(t *testing.T) {
	r := &role{t: t}
	c := NewClient(r, slog.New(slog.DiscardHandler))
	defer c.Close(t.Context())
	f := Fields{"title": strings.Repeat("<&>", MaxText), "detail": strings.Repeat("<\u2028>", MaxText), "code": "x"}
	want, err := Encode(AlarmRaised, f)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Append(t.Context(), AlarmRaised, f); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.got) != 1 || string(r.got[0].Fields) != string(want) {
		t.Errorf("%d bytes came of %d", len(r.got[0].Fields), len(want))
	}
}

func TestWhoWaitsForRoomLearnsThatTheClientWasClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClient(&role{t: t, away: true}, slog.New(slog.DiscardHandler))
		for range QueueEvents {
			if err := c.Append(t.Context(), ProcessStarted, nil); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan error)
		go func() { done <- c.Append(t.Context(), ProcessStarted, nil) }()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closed with %v", err)
		}
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("append: %v", err)
		}
	})
}
