package ask

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// two makes two Askers with a wire between them; lost says which messages it loses.
func two(t *testing.T, lost func(payload []byte) bool, reply func(context.Context, string, []byte) ([]byte, error)) (a, b *Asker) {
	send := func(from string, to **Asker) func(string, []byte) error {
		return func(node string, payload []byte) error {
			if node == "nobody" {
				return errors.New("unknown")
			}
			if lost == nil || !lost(payload) {
				(*to).Message(from, payload)
			}
			return nil
		}
	}
	a = New(Options{Send: send("a", &b), Answer: reply})
	b = New(Options{Send: send("b", &a), Answer: reply})
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestManyQuestionsGetTheirOwnAnswers(t *testing.T) {
	a, b := two(t, nil, func(_ context.Context, from string, q []byte) ([]byte, error) {
		if string(q) == "fail" {
			return nil, errors.New("it does not want to")
		}
		return fmt.Appendf(nil, "%s said %s", from, q), nil
	})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			got, err := a.Call(t.Context(), "b", fmt.Append(nil, i))
			if err != nil || string(got) != fmt.Sprint("a said ", i) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	all.Wait()
	if _, err := b.Call(t.Context(), "a", []byte("fail")); err == nil || !strings.Contains(err.Error(), "does not want to") {
		t.Errorf("%v", err)
	}
	if _, err := b.Call(t.Context(), "nobody", nil); err == nil {
		t.Error("a question to nobody is answered")
	}
	if _, err := b.Call(t.Context(), "a", make([]byte, MaxBody+1)); err == nil {
		t.Error("a question has no limit")
	}
}

func TestWhatIsLostEndsWithItsContext(t *testing.T) {
	for _, kind := range []byte{question, answer} {
		a, _ := two(t, func(p []byte) bool { return p[0] == kind }, func(context.Context, string, []byte) ([]byte, error) { return nil, nil })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if _, err := a.Call(ctx, "b", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		cancel()
	}
}

func TestOnlyTheNodeThatWasAskedAnswers(t *testing.T) {
	a, _ := two(t, func(p []byte) bool { return true }, nil)
	done := make(chan []byte, 1)
	go func() {
		got, _ := a.Call(t.Context(), "b", []byte("q"))
		done <- got
	}()
	id := uint64(0)
	for id == 0 { // until the question waits
		a.mu.Lock()
		for id = range a.asked {
		}
		a.mu.Unlock()
	}
	a.Message("c", message(answer, id, []byte("forged")))
	a.Message("b", message(answer, id+1, []byte("of another")))
	a.Message("b", nil)
	a.Message("b", []byte{9, 0, 0, 0, 0, 0, 0, 0, 0})
	a.Message("b", message(answer, id, []byte("true")))
	if got := <-done; string(got) != "true" {
		t.Errorf("%q", got)
	}
}

func TestTooManyQuestionsAndTooLongAnswersAreRefused(t *testing.T) {
	hold := make(chan struct{})
	a, b := two(t, nil, func(_ context.Context, _ string, q []byte) ([]byte, error) {
		if string(q) == "long" {
			return bytes.Repeat([]byte("x"), MaxBody+1), nil
		}
		<-hold
		return nil, nil
	})
	if _, err := a.Call(t.Context(), "b", []byte("long")); err == nil || !strings.Contains(err.Error(), "the limit is") {
		t.Errorf("%v", err)
	}
	busy := func() int {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.busy["a"]
	}
	for busy() > 0 { // the answer came before its goroutine ended
		time.Sleep(time.Millisecond)
	}
	var all sync.WaitGroup
	for range maxAnswering {
		all.Go(func() { _, _ = a.Call(t.Context(), "b", nil) })
	}
	for busy() < maxAnswering {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := a.Call(ctx, "b", nil); err == nil {
		t.Error("one more is answered")
	}
	close(hold)
	all.Wait()
	a.Close()
	if _, err := a.Call(t.Context(), "b", nil); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("%v", err)
	}
}
