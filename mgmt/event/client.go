package event

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Appender takes an event into the log. It returns when the event is queued, not when it is durable: Client.Flush waits
// for that. An error means that the event will not come to the log: its fields contradict the catalogue, or the queue
// was full until the context ended.
type Appender interface {
	Append(ctx context.Context, t Type, fields Fields) error
}

// Nowhere drops events. It is for programs and tests without a log.
type Nowhere struct{}

// Append checks the fields and forgets them.
func (Nowhere) Append(_ context.Context, t Type, f Fields) error {
	_, err := Encode(t, f)
	return err
}

// Caller sends a request to a role, in this process or another one: a *bus.Bus.
type Caller interface {
	Call(ctx context.Context, role, method string, request []byte) ([]byte, error)
}

// The role that keeps the log, and what it answers.
const (
	RoleName     = "event"
	MethodAppend = "event.append" // AppendRequest; the answer is empty, and says that all of it is durable
	MethodRead   = "event.read"   // ReadRequest → ReadAnswer
	MethodList   = "event.list"   // ListRequest → ReadAnswer
	MethodCheck  = "event.check"  // nothing → CheckAnswer
	// MethodRebuild makes the views anew: nothing → CheckAnswer.
	MethodRebuild = "event.rebuild"
)

// AppendRequest brings events of a process to the log. What came before is known by instance and sequence.
type AppendRequest struct {
	Instance uint64     `json:"instance"`
	Events   []Incoming `json:"events"`
}

// Incoming is an event without a number.
type Incoming struct {
	Seq    uint64          `json:"seq"`
	At     int64           `json:"at"` // ns since 1970
	Type   Type            `json:"type"`
	Fields json.RawMessage `json:"fields"`
}

// ErrClosed says that the client was closed.
var ErrClosed = errors.New("event: the client is closed")

// Client is a process's way into the log: a queue, and a goroutine that sends it on. While the event role is away the
// queue waits. What is queued when the process dies is lost: who must know that an event is safe uses Flush.
type Client struct {
	caller   Caller
	log      *slog.Logger
	instance uint64
	stop     context.CancelFunc
	ended    chan struct{}
	work     chan struct{} // there is something to send

	mu     sync.Mutex
	queue  []Incoming
	seq    uint64        // of the event queued last
	sent   uint64        // of the last durable one
	news   chan struct{} // closed when sent changes
	closed bool
}

// NewClient makes one. It ends with Close.
func NewClient(caller Caller, log *slog.Logger) *Client {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: the program would end
	ctx, stop := context.WithCancel(context.Background())
	c := &Client{
		caller: caller, log: log, instance: binary.LittleEndian.Uint64(b[:])>>1 | 1, stop: stop, ended: make(chan struct{}),
		work: make(chan struct{}, 1), news: make(chan struct{}),
	}
	go c.send(ctx)
	return c
}

// Append queues an event, and waits for room if there is none.
func (c *Client) Append(ctx context.Context, t Type, fields Fields) error {
	encoded, err := Encode(t, fields)
	if err != nil {
		return err
	}
	at := time.Now().UnixNano()
	for {
		news, err := c.put(t, at, encoded)
		if news == nil {
			return err
		}
		select {
		case <-news:
		case <-c.ended:
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("event: append %v: %d events wait for the event role: %w", t, QueueEvents, ctx.Err())
		}
	}
}

// put queues an event, or gives what to wait for.
func (c *Client) put(t Type, at int64, fields json.RawMessage) (news chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, ErrClosed
	case len(c.queue) >= QueueEvents:
		return c.news, nil
	}
	c.seq++
	c.queue = append(c.queue, Incoming{Seq: c.seq, At: at, Type: t, Fields: fields})
	select {
	case c.work <- struct{}{}:
	default:
	}
	return nil, nil
}

// Flush waits until all that was queued is durable.
func (c *Client) Flush(ctx context.Context) error {
	c.mu.Lock()
	until := c.seq
	c.mu.Unlock()
	for {
		c.mu.Lock()
		sent, news := c.sent, c.news
		c.mu.Unlock()
		if sent >= until {
			return nil
		}
		select {
		case <-news:
		case <-c.ended:
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("event: %d events are not durable yet: %w", until-sent, ctx.Err())
		}
	}
}

// Close sends what is queued, for as long as ctx allows, and ends the client.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	err := c.Flush(ctx)
	c.stop()
	<-c.ended
	return err
}

// send sends what is queued, in order, and again until the log has it.
func (c *Client) send(ctx context.Context) {
	defer close(c.ended)
	pause, failures := RetryMin, 0
	for {
		batch := c.batch()
		if len(batch) == 0 {
			select {
			case <-c.work:
				continue
			case <-ctx.Done():
				return
			}
		}
		err := c.call(ctx, batch)
		if err == nil {
			if failures > 0 {
				c.log.Info("events reach the log again", "failures", failures)
			}
			pause, failures = RetryMin, 0
			c.done(len(batch))
			continue
		}
		if failures++; failures == 1 {
			c.log.Warn("events wait for the event role", "err", err)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, RetryMax)
		case <-ctx.Done():
			return
		}
	}
}

// batch is the beginning of the queue. It stays there until the log has it.
func (c *Client) batch() []Incoming {
	c.mu.Lock()
	defer c.mu.Unlock()
	bytes := 0
	for i, e := range c.queue {
		if bytes += len(e.Fields); i == SendEvents || i > 0 && bytes > SendBytes {
			return c.queue[:i:i]
		}
	}
	return c.queue[:len(c.queue):len(c.queue)]
}

func (c *Client) call(ctx context.Context, batch []Incoming) error {
	var request bytes.Buffer
	e := json.NewEncoder(&request)
	e.SetEscapeHTML(false) // it makes six bytes of a <, so that fields might come out longer than the log takes
	if err := e.Encode(AppendRequest{Instance: c.instance, Events: batch}); err != nil {
		return fmt.Errorf("event: encode a request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, SendTimeout)
	defer cancel()
	_, err := c.caller.Call(ctx, RoleName, MethodAppend, request.Bytes())
	return err
}

func (c *Client) done(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = c.queue[n-1].Seq
	c.queue = append([]Incoming(nil), c.queue[n:]...)
	close(c.news)
	c.news = make(chan struct{})
}
