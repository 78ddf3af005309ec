package engine

import (
	"errors"
	"fmt"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
	"fcredirect/mgmt/peer/wire"
)

// What comes in, in the order in which it happens:
//
//  1. the frame is checked: length, checksum, sequence without a gap, a hello first
//  2. a message is taken apart by its type; whatever does not fit ends the connection
//  3. records are staged (stage); a unit that is whole goes on to hold.go, which applies it when it may
//  4. an acknowledgement becomes due

// Receive takes a whole frame that came in. After an error the connection must be closed; a last frame from Next may
// tell the peer why.
func (c *Conn) Receive(now int64, frame []byte) error {
	c.e.mu.Lock()
	defer c.e.unlock()
	if c.err != nil {
		return ErrClosed
	}
	err := c.receive(now, frame)
	if err == nil {
		return nil
	}
	reason := reasonOf(err, wire.Protocol)
	if reason == wire.Protocol {
		c.e.stats.Protocol++
	}
	c.end(now, reason, err)
	return err
}

// reasonOf is what an error tells the peer.
func reasonOf(err error, otherwise wire.Reason) wire.Reason {
	if end := (*ending)(nil); errors.As(err, &end) {
		return end.reason
	}
	return otherwise
}

func (c *Conn) receive(now int64, frame []byte) error {
	f, err := wire.Parse(frame)
	if err != nil {
		return err
	}
	if f.Sequence != c.in+1 {
		return fmt.Errorf("frame %d follows %d", f.Sequence, c.in)
	}
	c.in, c.heard = f.Sequence, now
	c.peer.received.Frames++
	c.peer.received.Bytes += uint64(len(frame))
	if c.theirs == nil && f.Type != wire.TypeHello && f.Type != wire.TypeBye {
		return fmt.Errorf("%v before hello", f.Type)
	}
	switch f.Type {
	case wire.TypeHello:
		return c.greet(now, f.Payload)
	case wire.TypeUnit:
		c.owe(now, len(frame))
		return c.unit(now, f.Payload)
	case wire.TypeRepair:
		c.owe(now, len(frame))
		return c.takeRepair(now, f.Payload)
	case wire.TypeMessage:
		c.owe(now, len(frame))
		c.e.messages = append(c.e.messages, message{c.peer.name, append([]byte(nil), f.Payload...)})
		return nil
	case wire.TypeAck:
		return c.takeAck(now, f.Payload)
	case wire.TypeHeartbeat:
		return c.takeHeartbeat(now, f.Payload)
	case wire.TypeWant:
		return c.takeWant(now, f.Payload)
	case wire.TypeDigest:
		return c.takeDigest(now, f.Payload)
	case wire.TypeBuckets:
		return c.takeBuckets(now, f.Payload)
	case wire.TypeBye:
		return c.takeBye(f.Payload)
	}
	return fmt.Errorf("frame of type %v", f.Type)
}

// owe makes an acknowledgement due: soon, so that others share it, or at once when much has come.
func (c *Conn) owe(now int64, bytes int) {
	s := &c.e.cfg.Settings
	c.unacked += bytes
	at := now + int64(s.AckDelay)
	if c.unacked >= s.BufferBytes || c.in-c.acked >= uint64(s.BuffersPerConnection/4+1) {
		at = now
	}
	if at < c.ackAt {
		c.ackAt = at
		c.e.wake(c, at)
	}
}

// unit takes a frame of records.
func (c *Conn) unit(now int64, payload []byte) error {
	e := c.e
	if err := c.dec.Unit(payload, &e.taken); err != nil {
		return err
	}
	u := &e.taken
	if int(u.Origin) >= len(e.origins) || u.Origin == e.self || u.Incarnation == 0 || u.Incarnation > MaxIncarnation {
		return fmt.Errorf("a unit of node %d, incarnation %d", u.Origin, u.Incarnation)
	}
	for _, d := range u.Deps {
		if int(d.Slot) >= len(e.origins) {
			return fmt.Errorf("a unit that depends on node %d", d.Slot)
		}
	}
	c.peer.received.Records += uint64(len(u.Records))
	if e.cfg.Defect == HalfBatch && len(u.Records) > 1 {
		u.Records = u.Records[:len(u.Records)/2]
	}
	if u.Express {
		c.peer.received.Express++
		return c.takeExpress(now, u)
	}
	e.origins[u.Origin].progress[u.Stream] = now
	return c.stage(now, u)
}

// stage puts the frame to what has come of its unit, and hands the unit on when that is all.
func (c *Conn) stage(now int64, u *wire.Unit) error {
	at := &c.staging[u.Origin][u.Stream]
	if u.First {
		if *at != nil {
			c.unstage(*at)
			(*at).drop()
		}
		*at = c.e.open(now, c, u)
	}
	unit := *at
	if unit == nil {
		return errors.New("a part of a unit that has not begun")
	}
	if unit.incarnation != u.Incarnation || unit.from != u.From || unit.to != u.To || unit.reset != u.Reset {
		return errors.New("a part of another unit than the one that has begun")
	}
	if unit.staging != nil {
		for i := range u.Records {
			before := unit.staging.Len()
			err := unit.staging.Add(&u.Records[i])
			if err == nil {
				unit.rows += unit.staging.Len() - before
				c.staged += unit.staging.Len() - before
				if c.staged > c.e.stagedMax() {
					err = replica.ErrFull
				} else if unit.rows > unit.most { // nobody has asked for so much
					c.unstage(unit)
					unit.drop()
					break
				}
			}
			if errors.Is(err, replica.ErrFull) {
				c.unstage(unit)
				c.e.refuse(now, unit, err)
				break
			}
			if err != nil {
				return fmt.Errorf("unit of %s: %w", c.e.names[u.Origin], err)
			}
		}
	}
	if !u.Last {
		return nil
	}
	*at = nil
	c.unstage(unit)
	c.peer.received.Units++
	c.e.hold(now, unit)
	return nil
}

// stagedMax bounds the records that are staged for one connection: a node may send both of its streams, and relay as much.
func (e *Engine) stagedMax() int {
	return 2 * (e.cfg.Settings.RecordsMax + e.cfg.Settings.TombstonesMax)
}

// unstage counts a unit's records no more.
func (c *Conn) unstage(u *unit) {
	c.staged -= u.rows
	u.rows = 0
}

func (c *Conn) takeAck(now int64, payload []byte) error {
	var a wire.Ack
	if err := a.Parse(payload); err != nil {
		return err
	}
	if a.Sequence > c.out {
		return fmt.Errorf("frame %d is acknowledged, %d was the last", a.Sequence, c.out)
	}
	c.peer.received.Acks++
	taken := 0
	for taken < len(c.pool) && c.pool[taken].sequence <= a.Sequence {
		c.inFlight -= c.pool[taken].bytes
		taken++
	}
	c.pool = append(c.pool[:0], c.pool[taken:]...)
	for _, p := range a.Positions {
		c.e.heard(c.peer, p)
	}
	c.exhausted = c.exhausted && c.full()
	c.e.wake(c, c.wakeTime(now))
	for s := range record.NumStreams { // what waited for an acknowledgement may go on over the other connection
		f := &c.peer.flows[c.e.self][s]
		if f.repairing() {
			f.due = min(f.due, now)
		}
		c.e.wake(c.peer.carrier(f), max(f.due, now))
	}
	return nil
}

func (c *Conn) takeHeartbeat(now int64, payload []byte) error {
	var h wire.Heartbeat
	if err := h.Parse(payload); err != nil {
		return err
	}
	c.stamp, c.stampAt = h.Stamp, now
	if h.Echo != 0 {
		rtt := now - int64(h.Echo) - int64(h.Held)
		if rtt >= 0 {
			c.peer.rtt = rtt
		}
	}
	if h.Wall != 0 {
		c.peer.skew = h.Wall + c.peer.rtt/2 - c.e.wall()
	}
	for _, p := range h.Positions {
		c.e.heard(c.peer, p)
		if p.Slot == c.peer.slot {
			if err := c.e.refute(now, int64(h.Echo), p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Conn) takeBye(payload []byte) error {
	var b wire.Bye
	if err := b.Parse(payload); err != nil {
		return err
	}
	if b.Reason == wire.DuplicateNode {
		c.e.tell(Notice{Kind: DuplicateNode, Peer: c.peer.name, Text: "the peer knows another node by our name"})
	}
	c.bye = nil
	return &ending{b.Reason, fmt.Errorf("the peer ends the connection: %v: %s", b.Reason, b.Text)}
}
