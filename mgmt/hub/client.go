package hub

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// client is a connection. Three goroutines have it: one reads what it asks for, one writes, one pings.
type client struct {
	hub   *Hub
	actor *auth.Actor
	ctx   context.Context // ends with the connection
	stop  context.CancelCauseFunc
	wake  chan struct{}
	said  chan message // answers to requests

	mu    sync.Mutex
	subs  []*subscription // guarded by mu; in the order in which they came
	since time.Time       // guarded by mu: that there are none
}

// subscription is what a client follows under a name.
type subscription struct {
	id       string
	offer    *Offer
	room     *Room
	place    place        // the writer's, but during a replay
	n        uint64       // the writer's: of messages sent
	replayed chan message // what a replay sends; nil: there is none under way
	ctx      context.Context
	stop     func()
}

// message is what the writer is to write.
type message struct {
	id   string
	kind string
	at   time.Time
	data []byte
	over *place // it is the end of a replay, and not to be written: where the subscription stands in its room
}

func newClient(h *Hub, actor *auth.Actor) *client {
	ctx, stop := context.WithCancelCause(context.Background()) // who is ended still says why
	return &client{hub: h, actor: actor, ctx: ctx, stop: stop, wake: make(chan struct{}, 1), said: make(chan message, controlQueue), since: time.Now()}
}

// Error is for context.Cause.
func (e *ending) Error() string { return e.reason }

// end closes the connection soon. The first reason counts.
func (c *client) end(why *ending) { c.stop(why) }

// poke tells the writer that there may be something.
func (c *client) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// serve follows the connection to its end.
func (c *client) serve(conn *websocket.Conn) {
	conn.SetReadLimit(maxRequest)
	var running sync.WaitGroup
	running.Go(func() { c.read(conn) })
	running.Go(func() { c.write(conn) })
	running.Go(func() { c.ping(conn) })
	<-c.ctx.Done()
	force := time.AfterFunc(c.hub.patience.close, func() { _ = conn.CloseNow() }) // it may be closed already
	if why := (*ending)(nil); errors.As(context.Cause(c.ctx), &why) && why != dead {
		_ = conn.Close(why.code, why.reason) // the client may be gone, or not listen
	}
	_ = conn.CloseNow()
	force.Stop()
	running.Wait()
}

// read takes what the client asks for.
func (c *client) read(conn *websocket.Conn) {
	defer c.stop(nil)
	allowed := rate.NewLimiter(requestRate, requestBurst)
	for {
		kind, text, err := conn.Read(context.Background()) // serve closes the connection
		switch {
		case err != nil:
			return
		case kind != websocket.MessageText:
			c.end(notText)
			return
		case !allowed.Allow():
			c.end(tooMuch)
			return
		}
		c.answer(text)
	}
}

// answer does what was asked for.
func (c *client) answer(text []byte) {
	r, err := parseRequest(text)
	if err == nil {
		if r.Op == "unsubscribe" {
			err = c.unsubscribe(r.ID)
		} else {
			err = c.subscribe(&r)
		}
	}
	if err != nil {
		c.say(message{id: r.ID, kind: "refused", at: time.Now(), data: problemData(err)})
	}
}

func (c *client) say(m message) {
	select {
	case c.said <- m:
		c.poke()
	case <-c.ctx.Done():
	}
}

func (c *client) subscribe(r *Request) error {
	c.mu.Lock()
	taken, full := c.find(r.ID) != nil, len(c.subs) >= MaxSubscriptions
	c.mu.Unlock() // the reader alone adds
	switch {
	case taken:
		return problem.New(problem.AlreadyExists, "").At("id", "is that of another subscription")
	case full:
		return problem.New(problem.LimitReached, "A stream may have %d subscriptions.", MaxSubscriptions)
	}
	offer, err := c.hub.open(c.actor, r)
	if err != nil {
		return err
	}
	room, err := c.hub.enter(c, offer)
	if err != nil {
		return err
	}
	s := &subscription{id: r.ID, offer: offer, room: room}
	s.ctx, s.stop = context.WithCancel(c.ctx)
	if offer.Replay != nil && offer.After != nil {
		s.place.mark = *offer.After
		c.replay(s)
	}
	c.mu.Lock()
	c.subs = append(c.subs, s)
	c.mu.Unlock()
	c.poke()
	return nil
}

func (c *client) unsubscribe(id string) error {
	c.mu.Lock()
	s := c.find(id)
	if s != nil {
		c.subs = slices.DeleteFunc(slices.Clone(c.subs), func(o *subscription) bool { return o == s })
		c.since = time.Now()
	}
	c.mu.Unlock()
	if s == nil {
		return problem.New(problem.NotFound, "").At("id", "is that of no subscription")
	}
	s.stop()
	c.hub.leave(c, s.room)
	c.say(message{id: id, kind: "end", at: time.Now()})
	return nil
}

// find finds a subscription. c.mu is locked.
func (c *client) find(id string) *subscription {
	for _, s := range c.subs {
		if s.id == id {
			return s
		}
	}
	return nil
}

// leaveAll ends all subscriptions, when the connection has ended.
func (c *client) leaveAll() {
	c.stop(nil)
	c.mu.Lock()
	subs := c.subs
	c.subs = nil
	c.mu.Unlock()
	for _, s := range subs {
		s.stop()
		c.hub.leave(c, s.room)
	}
}

// replay sends what was before, beside everything else.
func (c *client) replay(s *subscription) {
	replayed, after := make(chan message, 1), s.place.mark
	s.replayed = replayed
	hand := func(m message) error {
		select {
		case replayed <- m:
			c.poke()
			return nil
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	c.hub.making.Go(func() {
		for told := false; s.ctx.Err() == nil; {
			stands, err := s.offer.Replay(s.ctx, s.room, after, func(mark uint64, data []byte) error {
				after, told = mark, false
				return hand(message{kind: "update", at: time.Now(), data: data})
			})
			if err == nil {
				_ = hand(message{over: &stands}) // or the subscription has ended, as below
				return
			}
			if !told && s.ctx.Err() == nil {
				told = true
				_ = hand(message{kind: "unavailable", at: time.Now(), data: problemData(err)})
			}
			sleep(s.ctx, retryAfter)
		}
	})
}

// write writes what there is, one message of each subscription in turn, and then waits.
func (c *client) write(conn *websocket.Conn) {
	defer c.stop(nil)
	hello := marshal(struct {
		Topics        []string `json:"topics"`
		Subscriptions int      `json:"max_subscriptions"`
	}{c.hub.offered(c.actor), MaxSubscriptions})
	buffer := make([]byte, 0, 4<<10)
	send := func(m message, n uint64) bool {
		buffer = appendMessage(buffer[:0], m.id, n, m.kind, m.at, m.data)
		ok := c.send(conn, buffer)
		if cap(buffer) > 64<<10 {
			buffer = make([]byte, 0, 4<<10) // a large one is not kept for the small ones that follow
		}
		return ok
	}
	if !send(message{kind: "hello", at: time.Now(), data: hello}, 0) {
		return
	}
	for c.ctx.Err() == nil {
		any := false
		for _, s := range c.list() {
			m, ok := c.next(s)
			if !ok {
				continue
			}
			any = true
			s.n++
			if m.id = s.id; !send(m, s.n) {
				return
			}
		}
		select {
		case m := <-c.said: // behind what was sent of a subscription that has ended
			if any = true; !send(m, 0) {
				return
			}
		default:
		}
		if any {
			continue
		}
		select {
		case <-c.wake:
		case <-c.ctx.Done():
		}
	}
}

func (c *client) list() []*subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subs[:len(c.subs):len(c.subs)] // it is copied before anything is taken out
}

// next is what comes next of a subscription.
func (c *client) next(s *subscription) (message, bool) {
	if s.replayed != nil {
		select {
		case m := <-s.replayed:
			if m.over == nil {
				return m, true
			}
			s.place, s.replayed = *m.over, nil
		default:
			return message{}, false
		}
	}
	if s.ctx.Err() != nil {
		return message{}, false
	}
	kind, at, data := s.room.take(&s.place, s.offer.Replay != nil)
	switch kind {
	case "":
		return message{}, false
	case lagging:
		c.replay(s)
		return message{}, false
	case "resync":
		c.hub.count(func(h *Stats) { h.Resyncs++ })
	}
	return message{kind: kind, at: at, data: data}, true
}

// send writes a message; false when the connection has ended, which it does when the client does not accept it in time.
func (c *client) send(conn *websocket.Conn, text []byte) bool {
	ctx, cancel := context.WithTimeout(context.Background(), c.hub.patience.write)
	defer cancel()
	err := conn.Write(ctx, websocket.MessageText, text)
	c.hub.count(func(s *Stats) {
		if s.Messages++; err != nil && ctx.Err() != nil {
			s.Slow++
		}
	})
	return err == nil
}

// ping looks whether the client is there, and whether it wants anything.
func (c *client) ping(conn *websocket.Conn) {
	tick := time.NewTicker(c.hub.patience.ping)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(c.ctx, c.hub.patience.pong)
		err := conn.Ping(ctx)
		cancel()
		if err != nil {
			c.end(dead)
			return
		}
		c.mu.Lock()
		unused := len(c.subs) == 0 && time.Since(c.since) > c.hub.patience.idle
		c.mu.Unlock()
		if unused {
			c.end(idle)
			return
		}
	}
}
