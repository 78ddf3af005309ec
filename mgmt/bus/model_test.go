package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

// node is a node whose processes come, go and hand a role about, while everybody calls it.
type node struct {
	t       *rapid.T
	dir     string
	segment *shm.Segment
	sides   []*side // nil: not there
	claim   *registry.Claim
	owner   *side
}

func (n *node) open(i int) {
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: n.dir}, Name: fmt.Sprint("side", i)})
	if err != nil {
		n.t.Fatal(err)
	}
	b, err := Open(reg, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	b.Handle("echo", echo)
	b.HandleInline("inline", echo)
	b.Handle("slow", func(ctx context.Context, r []byte) ([]byte, error) {
		<-ctx.Done()
		return r, ctx.Err()
	})
	n.sides[i] = &side{b, reg}
}

func (n *node) close(i int) {
	if s := n.sides[i]; s != nil {
		s.leave()
		n.sides[i] = nil
		if n.owner == s {
			n.owner = nil
		}
	}
}

// call calls from one side with some goroutines at once; each call ends in time, with its own answer or an error that
// says to try again. must: the role is there and stays.
func (n *node) call(s *side, sizes []int, method string, must bool) {
	var wg sync.WaitGroup
	for g, size := range sizes {
		wg.Go(func() {
			want := bytes.Repeat(fmt.Appendf(nil, "%d.%p ", g, &wg), size/10+1)[:size]
			long := patience
			if method == "slow" {
				long = time.Duration(1+g) * time.Millisecond
			}
			ctx, stop := context.WithTimeout(context.Background(), long)
			defer stop()
			for {
				got, err := s.Call(ctx, "r", method, want)
				switch {
				case method == "slow" && errors.Is(err, ErrTimeout):
					return
				case err == nil && method != "slow" && bytes.Equal(got, want):
					return
				case err != nil && Retryable(err) && must:
					time.Sleep(time.Millisecond)
					continue
				case err != nil && Retryable(err):
					return
				}
				n.t.Errorf("%s of %d bytes: %d bytes, %v", method, size, len(got), err)
				return
			}
		})
	}
	wg.Wait()
}

func (n *node) some() *side {
	var there []int
	for i, s := range n.sides {
		if s != nil {
			there = append(there, i)
		}
	}
	if len(there) == 0 {
		n.t.Skip("nobody is there")
	}
	return n.sides[rapid.SampledFrom(there).Draw(n.t, "side")]
}

func TestEveryCallEndsWithItsOwnAnswerWhoeverComesAndGoes(t *testing.T) {
	parent, nr := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		nr++
		n := &node{t: rt, dir: filepath.Join(parent, fmt.Sprint(nr)), sides: make([]*side, 3)}
		n.segment = segment(t, n.dir, false)
		defer func() {
			for i := range n.sides {
				n.close(i)
			}
			n.segment.Close()
		}()
		for i := range n.sides {
			n.open(i)
		}
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 500), rapid.IntRange(0, 100_000)), 1, 12)
		rt.Repeat(map[string]func(*rapid.T){
			"come": func(t *rapid.T) {
				if i := rapid.IntRange(0, len(n.sides)-1).Draw(t, "side"); n.sides[i] == nil {
					n.open(i)
				}
			},
			"go": func(t *rapid.T) { n.close(rapid.IntRange(0, len(n.sides)-1).Draw(t, "side")) },
			"take": func(t *rapid.T) {
				s := n.some()
				if n.claim != nil {
					n.claim.Release()
				}
				var err error
				if n.claim, err = s.reg.Claim(registry.Instance{Role: "r"}); err != nil {
					t.Fatal(err)
				}
				n.claim.Beat(registry.Running, "")
				n.owner = s
			},
			"call": func(t *rapid.T) {
				n.call(n.some(), sizes.Draw(t, "sizes"), rapid.SampledFrom([]string{"echo", "inline", "slow"}).Draw(t, "method"), n.owner != nil)
			},
			"goes while called": func(t *rapid.T) {
				i, s := rapid.IntRange(0, len(n.sides)-1).Draw(t, "who goes"), n.some()
				these := sizes.Draw(t, "sizes")
				var wg sync.WaitGroup
				wg.Go(func() { n.call(s, these, "echo", false) })
				if n.sides[i] != s {
					n.close(i)
				}
				wg.Wait()
			},
		})
	})
}
