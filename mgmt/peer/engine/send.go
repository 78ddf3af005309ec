package engine

import (
	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/wire"
)

// What leaves over a connection, in the order in which it is preferred:
//
//  1. the last word, when the connection was given up
//  2. our hello; nothing else before the peer's has come
//  3. what was encoded together with a unit: digests, repairs
//  4. acknowledgements, heartbeats, wants, buckets: small, never held back by the pool
//  5. opaque messages
//  6. immediate changes that go ahead of a large unit (express.go)
//  7. units, while the pool has room: state before counts, our own before what is relayed
//
// Only the frame that is asked for is encoded: what waits is in the tables, where later changes replace earlier ones.

// Next gives the next frame to send, in buf's memory if it fits; none if there is nothing to send before wake, or before
// the engine calls Wake, whatever comes first.
func (c *Conn) Next(now int64, buf []byte) (frame []byte, wake int64) {
	c.e.mu.Lock()
	defer c.e.unlock()
	frame, err := c.next(now, buf[:0])
	if err != nil {
		c.end(now, reasonOf(err, wire.Unsaid), err)
		frame, _ = c.next(now, buf[:0])
	}
	if len(frame) == 0 {
		c.wakeAt = c.wakeTime(now)
		return nil, c.wakeAt
	}
	c.peer.sent.Frames++
	c.peer.sent.Bytes += uint64(len(frame))
	c.wakeAt = now
	return frame, now
}

func (c *Conn) next(now int64, buf []byte) ([]byte, error) {
	switch {
	case c.bye != nil:
		bye := c.bye
		c.bye = nil
		return c.frame(buf, wire.TypeBye, bye.Append)
	case c.err != nil:
		return nil, nil
	case !c.said:
		c.said = true
		return c.frame(buf, wire.TypeHello, c.e.hello(c.group).Append)
	case c.theirs == nil && now-c.started >= int64(c.e.cfg.Settings.SilentAfter):
		return nil, &ending{wire.Silent, errSilent}
	case c.theirs == nil:
		return nil, nil
	case len(c.queue) > 0:
		frame := append(buf, c.queue[0]...)
		c.queue = c.queue[1:]
		return frame, nil
	case c.ackAt <= now:
		return c.frame(buf, wire.TypeAck, c.ack().Append)
	case c.beatAt <= now:
		return c.frame(buf, wire.TypeHeartbeat, c.heartbeat(now).Append)
	case len(c.wants) > 0:
		w := wire.Want{Streams: c.wants}
		c.wants = nil
		return c.frame(buf, wire.TypeWant, w.Append)
	case c.buckets != nil:
		b := c.buckets
		c.buckets = nil
		return c.frame(buf, wire.TypeBuckets, b.Append)
	}
	if c.group == Urgent && len(c.peer.messages) > 0 && c.room(len(c.peer.messages[0])+wire.Overhead) {
		m := c.peer.messages[0]
		c.peer.messages = c.peer.messages[1:]
		return c.data(c.frame(buf, wire.TypeMessage, func(dst []byte) []byte { return append(dst, m...) }))
	}
	if c.group == Urgent && len(c.peer.express) > 0 && !c.full() {
		if frame, err := c.data(c.sendExpress(buf)); err != nil || len(frame) > 0 {
			return frame, err
		}
	}
	if o := c.relayedEarly(now); o != nil {
		return c.data(c.sendEarly(o, buf))
	}
	for f := c.pick(now); f != nil; f = c.pick(now) {
		if frame, err := c.data(c.send(now, f, buf)); err != nil || len(frame) > 0 {
			return frame, err
		}
		if len(c.queue) > 0 {
			return c.next(now, buf)
		}
	}
	return nil, nil
}

// frame makes a frame of what append appends.
func (c *Conn) frame(buf []byte, t wire.Type, append func([]byte) []byte) ([]byte, error) {
	start := len(buf)
	buf, err := wire.End(append(wire.Begin(buf, t)), start, c.out+1)
	if err == nil {
		c.out++
	}
	return buf, err
}

// data books a frame against the pool.
func (c *Conn) data(frame []byte, err error) ([]byte, error) {
	if err == nil && len(frame) > 0 {
		c.pool = append(c.pool, sized{c.out, len(frame)})
		c.inFlight += len(frame)
	}
	return frame, err
}

// full says whether the pool is used up: then nothing more is encoded before the peer has taken something in, and changes
// replace each other in the tables.
func (c *Conn) full() bool {
	return !c.room(c.e.cfg.Settings.BufferBytes)
}

// room says whether the pool has room for a frame of so many bytes. A frame that is larger than all of it goes alone.
func (c *Conn) room(bytes int) bool {
	s := &c.e.cfg.Settings
	return c.inFlight == 0 || c.inFlight+bytes <= s.BuffersPerConnection*s.BufferBytes
}

// ack says what we have taken in and applied.
func (c *Conn) ack() *wire.Ack {
	a := &wire.Ack{Sequence: c.in}
	for slot, o := range c.e.origins {
		if uint8(slot) == c.peer.slot || o.asked() {
			a.Positions = append(a.Positions, o.position())
		}
	}
	c.acked, c.unacked, c.ackAt = c.in, 0, never
	c.peer.sent.Acks++
	return a
}

func (c *Conn) heartbeat(now int64) *wire.Heartbeat {
	e := c.e
	c.beatAt = now + int64(e.cfg.Settings.HeartbeatEvery)
	h := &wire.Heartbeat{Stamp: uint64(max(now, 1)), Echo: c.stamp, Wall: e.wall()}
	if c.stamp != 0 {
		h.Held = uint64(now - c.stampAt)
	}
	for _, o := range e.origins {
		h.Positions = append(h.Positions, o.position())
	}
	return h
}

// pick finds the flow that is to be sent next over the connection.
func (c *Conn) pick(now int64) *flow {
	due := func(slot int, s record.Stream) *flow {
		f := &c.peer.flows[slot][s]
		if f.cut == nil && (f.due > now || now >= f.until) {
			return nil
		}
		carrier := c.peer.carrier(f)
		if carrier != c { // it may have become too large for this connection since it became due
			c.e.wake(carrier, now)
			return nil
		}
		return f
	}
	var found *flow
	for s := range record.NumStreams {
		if found = due(int(c.e.self), s); found != nil {
			break
		}
		for slot := range c.e.origins {
			if found = due(slot, s); found != nil {
				break
			}
		}
		if found != nil {
			break
		}
	}
	if found != nil && c.full() {
		if !c.exhausted {
			c.exhausted = true
			c.e.stats.Exhausted++
		}
		return nil
	}
	return found
}

// send makes the next frame of a flow's unit, and begins one if there is none.
func (c *Conn) send(now int64, f *flow, buf []byte) ([]byte, error) {
	e := c.e
	if f.cut == nil {
		if !f.behind() {
			f.due = never
			c.sayRepairs(f)
			return nil, nil
		}
		if g := c.lacking(f); g != nil {
			return c.send(now, g, buf)
		}
		if o := c.untold(f); o != nil {
			return c.sendEarly(o, buf)
		}
		e.begin(now, c, f)
	}
	n, done := f.cut.Next(e.records)
	records := e.records[:n]
	if e.cfg.Defect == ForgetTombstone {
		records = withoutGone(records)
	}
	e.given = wire.Unit{
		Origin: f.origin.slot, Stream: f.stream, Incarnation: f.origin.incarnation, From: f.cut.From(), To: f.cut.To(),
		First: f.first, Last: done, Reset: f.reset, Bulk: c.group == Bulk && f.stream == record.State, Records: records,
	}
	if f.first {
		e.given.Deps = f.deps
	}
	buf, err := c.encode(buf)
	if err != nil && f.origin.slot != e.self { // what another says cannot be said: the connection is none the worse
		c.peer.rewind(f, now)
		f.due, f.until, f.unsaid = never, 0, true
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f.first = false
	if f.gotten -= min(f.gotten, uint64(len(records))); done {
		c.finish(now, f)
	}
	return buf, nil
}

// encode makes a frame of e.given.
func (c *Conn) encode(buf []byte) ([]byte, error) {
	start := len(buf)
	c.peer.sent.Records += uint64(len(c.e.given.Records))
	buf, err := c.enc.Append(wire.Begin(buf, wire.TypeUnit), &c.e.given)
	if err != nil {
		return nil, err
	}
	if buf, err = wire.End(buf, start, c.out+1); err == nil {
		c.out++
	}
	return buf, err
}

func withoutGone(records []record.Record) []record.Record {
	kept := records[:0]
	for _, r := range records {
		if !r.Gone {
			kept = append(kept, r)
		}
	}
	return kept
}

// begin cuts what the peer lacks: as it is now, so that it is causally closed, however long its frames take.
func (e *Engine) begin(now int64, c *Conn, f *flow) {
	o := f.origin
	f.reset = f.incarnation != o.incarnation || f.sent < o.table.Floor(f.stream)
	after := f.sent
	if f.reset {
		after = 0
		e.stats.Resets++
	}
	f.cut, f.conn, f.first, f.due = o.table.Cut(f.stream, after), c, true, never
	f.deps = o.needs[f.stream].deps(f.deps[:0])
	if f.stream != record.State {
		c.peer.hurry(now, e, o)
	}
	f.gotten, f.changes = f.changes, 0
	oldest := uint64(now)
	for lane, since := range f.since {
		if since != 0 {
			if since >= c.started { // what was done while nobody was there says nothing of lanes
				c.peer.waits[lane].add(now - since)
			}
			oldest = min(oldest, uint64(since))
		}
	}
	f.since = [record.NumLanes]int64{}
	if len(f.flight) < maxFlight {
		f.flight = append(f.flight, flight{f.cut.To(), oldest})
	} else {
		f.flight[maxFlight-1].to = f.cut.To()
	}
	f.sum = nil
	if o.slot == e.self && now >= f.digest {
		f.sum = e.digestOf(o, f.stream)
		f.digest = now + int64(e.cfg.Settings.DigestEvery)
	}
}

// hurry makes the state of an origin due together with its counts that depend on it: else these would wait at the peer for
// the window of another lane.
func (p *peer) hurry(now int64, e *Engine, o *origin) {
	f := &p.flows[o.slot][record.State]
	sent := mark{f.incarnation, f.sent}
	if f.cut != nil {
		sent = mark{o.incarnation, f.cut.To()}
	}
	if sent.before(o.needs[record.Counts][o.slot][record.State]) {
		f.due = min(f.due, now)
		e.wake(p.carrier(f), now)
	}
}

// finish is after the last frame of a unit.
func (c *Conn) finish(now int64, f *flow) {
	f.incarnation, f.sent, f.last, f.conn = f.origin.incarnation, f.cut.To(), c, nil
	f.cut = nil
	c.peer.sent.Units++
	c.peer.savings.Merged(f.gotten)
	f.gotten = 0
	if f.behind() && f.due == never && f.origin.slot != c.e.self {
		f.due = now
	}
	c.sayDigest(f)
	c.sayRepairs(f)
}

// wakeTime is when there may be something to send, if nothing happens before.
func (c *Conn) wakeTime(now int64) int64 {
	switch {
	case c.err != nil:
		return never
	case c.theirs == nil:
		return c.started + int64(c.e.cfg.Settings.SilentAfter)
	}
	at := min(c.ackAt, c.beatAt)
	if m := c.peer.messages; c.group == Urgent && len(m) > 0 && c.room(len(m[0])+wire.Overhead) {
		return now
	}
	if c.full() {
		return at // an acknowledgement wakes us
	}
	if c.group == Urgent && len(c.peer.express) > 0 {
		return now
	}
	for slot := range c.e.origins {
		for s := range record.NumStreams {
			f := &c.peer.flows[slot][s]
			if f.conn == c {
				return now
			}
			if now >= f.until || f.due >= at {
				continue
			}
			if carrier := c.peer.carrier(f); carrier == c {
				at = f.due
			} else { // it has become large or small since we were asked to come back for it
				c.e.wake(carrier, f.due)
			}
		}
	}
	return max(at, now)
}
