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
	a, b := two(t, nil, func(ctx context.Context, _ string, q []byte) ([]byte, error) {
		if string(q) == "long" {
			return bytes.Repeat([]byte("x"), MaxBody+1), nil
		}
		select {
		case <-hold:
		case <-ctx.Done():
		}
		return nil, nil
	})
	if _, err := a.Call(t.Context(), "b", []byte("long")); err == nil || !strings.Contains(err.Error(), "the limit is") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range maxAnswering {
		all.Go(func() { _, _ = a.Call(ctx, "b", nil) })
	}
	b.full(t, "a")
	short, end := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer end()
	if _, err := a.Call(short, "b", nil); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "other questions") {
		t.Errorf("one more does not wait for its turn: %v", err)
	}
	cancel() // nobody waits for the answers any more, and they are still being made
	all.Wait()
	if _, err := a.Call(t.Context(), "b", nil); err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("one more is not refused: %v", err)
	}
	if len(a.lines) > 0 {
		t.Errorf("%d nodes are being asked", len(a.lines))
	}
	close(hold)
	a.Close()
	if _, err := a.Call(t.Context(), "b", nil); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("%v", err)
	}
}

func TestCloseEndsQuestionsThatWaitForTheirTurn(t *testing.T) {
	a, b := two(t, nil, func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	var all sync.WaitGroup
	for range 2 * maxAnswering {
		all.Go(func() {
			if _, err := a.Call(t.Context(), "b", nil); err == nil || !strings.Contains(err.Error(), "closed") {
				t.Errorf("%v", err)
			}
		})
	}
	b.full(t, "a")
	a.Close()
	all.Wait()
}

// full waits until an Asker answers no more questions of a node.
func (a *Asker) full(t *testing.T, node string) {
	t.Helper()
	for range 10_000 {
		a.mu.Lock()
		n := a.busy[node]
		a.mu.Unlock()
		if n == maxAnswering {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s is not asked as much as it answers", node)
}
