package ask

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
)

// The kinds of message. Append only; what is not known is dropped, and its question ends with its context.
const (
	question byte = 1 + iota
	answer
	failure // the body says why
)

// Options of an Asker.
type Options struct {
	Send   func(node string, payload []byte) error // the engine's
	Answer func(ctx context.Context, from string, request []byte) ([]byte, error)
}

// Asker is one node's side of all its conversations.
type Asker struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	last   uint64
	asked  map[uint64]*call
	lines  map[string]*line // of nodes that are being asked
	busy   map[string]int   // questions that are being answered, by node
}

// line is where the questions to one node stand until it is their turn.
type line struct {
	turns chan struct{} // one in it for each question under way
	calls int           // which stand here or are under way
}

// call is a question that waits.
type call struct {
	node string
	line *line
	done chan result // has room for the one answer
}

type result struct {
	body []byte
	err  error
}

func (r result) of(node string) ([]byte, error) {
	if r.err != nil {
		return nil, fmt.Errorf("ask %s: %w", node, r.err)
	}
	return r.body, nil
}

// New makes an Asker. Close ends what it has begun.
func New(o Options) *Asker {
	// A late answer to a question of the process before must not be taken for one to ours.
	a := &Asker{o: o, last: rand.Uint64(), asked: map[uint64]*call{}, lines: map[string]*line{}, busy: map[string]int{}}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}

// Close ends the answers under way, and waits for them. Questions that wait fail.
func (a *Asker) Close() {
	a.mu.Lock()
	a.closed = true
	for id, c := range a.asked {
		delete(a.asked, id)
		c.done <- result{err: errors.New("ask: closed")}
	}
	a.mu.Unlock()
	a.cancel()
	a.all.Wait()
}

// Call puts a question to a node, and waits for the answer until the context ends. No more questions are under way than the node
// answers at a time; those beyond wait here for their turn.
func (a *Asker) Call(ctx context.Context, node string, request []byte) ([]byte, error) {
	if len(request) > MaxBody {
		return nil, fmt.Errorf("ask %s: a question of %d bytes, the limit is %d", node, len(request), MaxBody)
	}
	c := &call{node: node, done: make(chan result, 1)}
	id, err := a.begin(c)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", node, err)
	}
	defer a.end(id, c)
	select {
	case c.line.turns <- struct{}{}:
		defer func() { <-c.line.turns }()
	case r := <-c.done: // closed
		return r.of(node)
	case <-ctx.Done():
		return nil, fmt.Errorf("ask %s: %d other questions wait for their answers: %w", node, maxAnswering, context.Cause(ctx))
	}
	if err := a.o.Send(node, message(question, id, request)); err != nil {
		return nil, fmt.Errorf("ask %s: %w", node, err)
	}
	select {
	case r := <-c.done:
		return r.of(node)
	case <-ctx.Done():
		return nil, fmt.Errorf("ask %s: no answer: %w", node, context.Cause(ctx))
	}
}

func (a *Asker) begin(c *call) (id uint64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		return 0, errors.New("closed")
	case len(a.asked) >= maxAsked:
		return 0, fmt.Errorf("%d questions wait already", maxAsked)
	}
	a.last++
	a.asked[a.last] = c
	if c.line = a.lines[c.node]; c.line == nil {
		c.line = &line{turns: make(chan struct{}, maxAnswering)}
		a.lines[c.node] = c.line
	}
	c.line.calls++
	return a.last, nil
}

func (a *Asker) end(id uint64, c *call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.asked, id)
	if c.line.calls--; c.line.calls == 0 {
		delete(a.lines, c.node)
	}
}

// Message takes a message of a node. It does not wait, for a connection does, and keeps nothing of payload.
func (a *Asker) Message(from string, payload []byte) {
	if len(payload) < headerBytes {
		return
	}
	kind, id, body := payload[0], binary.LittleEndian.Uint64(payload[1:]), append([]byte(nil), payload[headerBytes:]...)
	switch kind {
	case question:
		a.begun(from, id, body)
	case answer:
		a.answered(from, id, result{body: body})
	case failure:
		a.answered(from, id, result{err: errors.New(string(body))})
	}
}

func (a *Asker) answered(from string, id uint64, r result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.asked[id]; c != nil && c.node == from {
		delete(a.asked, id)
		c.done <- r
	}
}

// begun answers a question in its own time. The connection that the question came by goes on meanwhile.
func (a *Asker) begun(from string, id uint64, body []byte) {
	a.mu.Lock()
	full := a.busy[from] >= maxAnswering
	if !full && !a.closed {
		a.busy[from]++
		a.all.Go(func() { a.reply(from, id, body) })
	}
	a.mu.Unlock()
	if full {
		a.send(from, failure, id, fmt.Appendf(nil, "busy: %d questions of this node are being answered", maxAnswering))
	}
}

func (a *Asker) reply(from string, id uint64, body []byte) {
	kind := answer
	b, err := a.o.Answer(a.ctx, from, body)
	if err == nil && len(b) > MaxBody {
		err = fmt.Errorf("an answer of %d bytes, the limit is %d", len(b), MaxBody)
	}
	if err != nil {
		kind, b = failure, []byte(err.Error())
		b = b[:min(len(b), MaxBody)]
	}
	a.free(from) // before the answer is out: who has it may put the next question
	a.send(from, kind, id, b)
}

func (a *Asker) free(node string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[node]--; a.busy[node] == 0 {
		delete(a.busy, node)
	}
}

// send answers a question. Who cannot be reached has a limit of its own.
func (a *Asker) send(node string, kind byte, id uint64, body []byte) {
	_ = a.o.Send(node, message(kind, id, body))
}

func message(kind byte, id uint64, body []byte) []byte {
	b := binary.LittleEndian.AppendUint64(append(make([]byte, 0, headerBytes+len(body)), kind), id)
	return append(b, body...)
}
