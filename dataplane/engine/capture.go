package engine

import (
	"sync/atomic"
	"time"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/login"
)

// capturer is what the control goroutine knows of captures: it starts and stops them, follows the logins of the WWPNs
// that they are about, and ends those that nobody reads any more.
type capturer struct {
	e       *Engine
	page    *capture.Page // nil: this box makes no captures
	sets    []capture.Set
	left    []uint64 // by set: TSC at which another took its place, 0 before it was ever used
	active  int      // set in force, -1 none
	lease   *capture.Lease
	fabrics []uint8 // by port
	runs    [capture.MaxCaptures]captureRun
	last    uint32 // number given last
	beat    uint64 // of the reader, as seen last, and when that was
	beatAt  uint64
	stale   bool // the sets do not say what the runs want
}

// captureRun is a capture in a slot.
type captureRun struct {
	id    uint32 // 0: free
	spec  capture.Spec
	until uint64 // TSC
}

// makeCapturer gives each lcore its ring for captures.
func (e *Engine) makeCapturer() {
	c := &e.capturer
	c.e, c.active = e, -1
	if e.commands != nil {
		e.handleCaptures(e.commands)
	}
	c.page, c.sets, c.lease = capture.Control(e.seg)
	if c.page == nil {
		return
	}
	c.left = make([]uint64, len(c.sets))
	for _, p := range e.boot.Ports {
		c.fabrics = append(c.fabrics, p.Fabric)
	}
	for i, out := range capture.Writers(e.seg) {
		if e.workers[i] != nil {
			e.workers[i].Watch(out)
		}
	}
}

// handleCaptures makes the server of commands know them.
func (e *Engine) handleCaptures(s *command.Server) {
	var reply [64]byte
	s.Handle(capture.OpStart, func(t command.Ticket, request []byte) {
		var r capture.StartRequest
		if capture.Decode(request, &r) != nil {
			s.Refuse(t, command.Malformed, "not a request for a capture of this version")
			return
		}
		started, err := e.capturer.start(&r)
		if err != nil {
			s.Reply(t, err)
			return
		}
		s.Answer(t, reply[:capture.EncodeTo(reply[:], &started)])
	})
	s.Handle(capture.OpStop, func(t command.Ticket, request []byte) {
		var r capture.StopRequest
		if capture.Decode(request, &r) != nil {
			s.Refuse(t, command.Malformed, "not a request to end a capture of this version")
			return
		}
		stopped := e.capturer.stop(&r)
		s.Answer(t, reply[:capture.EncodeTo(reply[:], &stopped)])
	})
}

// start begins a capture.
func (c *capturer) start(r *capture.StartRequest) (reply capture.StartReply, refused *command.Error) {
	if c.page == nil {
		return reply, &command.Error{Code: command.Refused, Text: "this box makes no captures: its boot file has capture.ring 0"}
	}
	if r.Owner == 0 {
		return reply, &command.Error{Code: command.Malformed, Text: "a capture needs an owner"}
	}
	if err := r.Spec.Check(); err != nil {
		return reply, &command.Error{Code: command.Refused, Text: err.Error()}
	}
	if ports := len(c.fabrics); ports < 64 && r.Spec.Ports>>ports != 0 {
		return reply, &command.Error{Code: command.Refused, Text: "a port that this box does not have"}
	}
	now := c.e.tsc()
	if r.Owner != c.page.Owner {
		c.endAll(capture.StateReplaced)
		atomic.StoreUint64(&c.page.Owner, r.Owner)
	}
	slot := c.free()
	if slot < 0 {
		return reply, &command.Error{Code: command.Full, Text: "as many captures run as can"}
	}
	if c.take() < 0 {
		return reply, &command.Error{Code: command.Busy, Text: "an lcore has not taken up the captures of before: try again"}
	}
	c.last = max(c.last+1, 1)
	c.runs[slot] = captureRun{id: c.last, spec: r.Spec, until: now + ticks(c.e.hz(), r.Spec.Time)}
	c.beat, c.beatAt = atomic.LoadUint64(&c.lease.Beat), now
	s := &c.page.Slots[slot]
	atomic.StoreUint32(&s.Until, 0)
	atomic.StoreUint32(&s.From, c.page.Revision+1)
	atomic.StoreUint32(&s.State, capture.StateRunning)
	atomic.StoreUint32(&s.ID, c.last)
	c.page.Started++
	c.publish()
	c.e.log.Info("capture started", "capture", c.last, "patterns", s.Patterns, "time", r.Spec.Time)
	return capture.StartReply{ID: c.last, Slot: uint32(slot), Revision: s.From, Patterns: s.Patterns}, nil
}

// stop ends one capture of an owner, or all.
func (c *capturer) stop(r *capture.StopRequest) (reply capture.StopReply) {
	if c.page == nil {
		return reply
	}
	if r.Owner == c.page.Owner {
		for i := range c.runs {
			if r.ID == 0 || r.ID == c.runs[i].id {
				c.end(i, capture.StateStopped)
			}
		}
		c.renew()
	}
	if reply.Revision = c.page.Revision; c.stale {
		reply.Revision++
	}
	return reply
}

// free is a slot without a capture, -1 for none. They are used in turn, so that what became of the captures before can
// be seen for a while.
func (c *capturer) free() int {
	for n := range c.runs {
		if i := (int(c.last) + n) % len(c.runs); c.runs[i].id == 0 {
			return i
		}
	}
	return -1
}

// end marks one capture as ended; renew then tells the lcores.
func (c *capturer) end(slot int, state uint32) {
	run := &c.runs[slot]
	if run.id == 0 {
		return
	}
	c.e.log.Info("capture ended", "capture", run.id, "why", capture.StateName(state))
	*run = captureRun{}
	s := &c.page.Slots[slot]
	atomic.StoreUint32(&s.Until, c.page.Revision+1)
	atomic.StoreUint32(&s.State, state)
	c.stale = true
}

func (c *capturer) endAll(state uint32) {
	for i := range c.runs {
		c.end(i, state)
	}
	c.renew()
}

// renew publishes what the runs want, as soon as there is a set that no lcore holds.
func (c *capturer) renew() {
	if c.stale && (!c.running() || c.take() >= 0) {
		c.publish()
	}
}

func (c *capturer) running() bool {
	for i := range c.runs {
		if c.runs[i].id != 0 {
			return true
		}
	}
	return false
}

// take is a set that no lcore holds any more: each has begun a pass since another took its place. -1 when there is none.
func (c *capturer) take() int {
	for i := range c.sets {
		if i == c.active {
			continue
		}
		free := true
		for k, w := range c.e.workers {
			free = free && (c.left[i] == 0 || w == nil || !w.Running() || int64(c.e.lcores[k].Heartbeat-c.left[i]) > 0)
		}
		if free {
			return i
		}
	}
	return -1
}

// publish hands the lcores the captures that run. take has said that there is a set for it.
func (c *capturer) publish() {
	next, count := -1, uint32(0)
	atomic.AddUint32(&c.page.Revision, 1)
	if c.running() {
		next = c.take()
		set := &c.sets[next]
		set.Revision, set.N, set.Frames, set.Rate = c.page.Revision, 0, capture.PassFrames, capture.Rate
		for slot := range c.runs {
			if run := &c.runs[slot]; run.id != 0 {
				a := &set.Armed[set.N]
				a.ID, a.Slot, a.Until = run.id, uint8(slot), run.until
				a.Arm(&run.spec, c.fabrics, c.e.addresses)
				atomic.StoreUint32(&c.page.Slots[slot].Patterns, uint32(a.Patterns()))
				set.N++
			}
		}
		count = uint32(set.N)
		c.e.shared.Capture(set)
	} else {
		c.e.shared.Capture(nil)
	}
	if c.active >= 0 {
		c.left[c.active] = c.e.tsc() // after it was replaced
	}
	c.active, c.stale = next, false
	atomic.StoreUint32(&c.page.Running, count)
}

// addresses gives the places at which a WWPN is logged in.
func (e *Engine) addresses(wwpn uint64, found func(addr uint64) bool) {
	for l := range e.control.view.All() {
		if uint64(l.WWPN) == wwpn && !found(uint64(l.Addr)) {
			return
		}
	}
}

// login has the sets made anew when a login of one of their WWPNs comes, goes or moves.
func (c *capturer) login(ch login.Change) {
	for i := range c.runs {
		if run := &c.runs[i]; run.id != 0 && (run.spec.Names(uint64(ch.Old.WWPN)) || run.spec.Names(uint64(ch.New.WWPN))) {
			c.stale = true
		}
	}
}

// look ends what is over, each linkPeriod.
func (c *capturer) look() {
	if c.page == nil || !c.running() {
		return
	}
	now := c.e.tsc()
	if beat := atomic.LoadUint64(&c.lease.Beat); beat != c.beat && atomic.LoadUint64(&c.lease.Owner) == c.page.Owner {
		c.beat, c.beatAt = beat, now
	}
	if now-c.beatAt > ticks(c.e.hz(), capture.LeaseTime) {
		c.page.Expired += uint64(c.page.Running)
		c.e.log.Warn("captures ended: their reader is silent", "captures", c.page.Running, "for", time.Duration(capture.LeaseTime))
		c.endAll(capture.StateLeaseOver)
		return
	}
	for i := range c.runs {
		if run := &c.runs[i]; run.id != 0 && int64(now-run.until) >= 0 {
			c.end(i, capture.StateTimeOver)
		}
	}
	c.renew()
}
