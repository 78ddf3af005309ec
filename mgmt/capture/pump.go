package capture

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/event"
)

// The pump. Each round, in this order: is it still the same data plane; what the lanes hold goes into the files; which
// captures are over; the lease.

// Run reads for the captures until ctx ends, which interrupts them.
func (m *Manager) Run(ctx context.Context) {
	defer m.telling.Wait()
	sweep := time.NewTicker(sweepPeriod)
	defer sweep.Stop()
	round := time.NewTicker(period)
	defer round.Stop()
	for {
		var next <-chan time.Time // no round while nothing runs
		if m.round(ctx.Err() != nil) {
			next = round.C
		} else if ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
			m.finish(round.C)
			return
		case now := <-sweep.C:
			m.sweep(now)
		case <-m.wake:
		case <-next:
		}
	}
}

// finish ends all captures and waits until their files are whole.
func (m *Manager) finish(round <-chan time.Time) {
	m.lanes.Lock()
	m.over = true
	m.lanes.Unlock()
	for m.round(true) {
		<-round
	}
}

// round is one turn; it says whether there will be anything to do in the next.
func (m *Manager) round(ending bool) (more bool) {
	m.lanes.Lock()
	defer m.lanes.Unlock()
	if len(m.active) == 0 {
		return false
	}
	err := m.o.Live.Use(func(seg *attach.Segment) error {
		if seg != m.seg || seg.State.Header().BootID != m.boot {
			return errAnew
		}
		now := time.Now()
		m.drain(seg, m.horizon(seg))
		m.judge(seg, now, ending)
		return m.keep(seg, now)
	})
	switch {
	case errors.Is(err, errAnew):
		m.interrupt("the data plane started anew")
	case err != nil:
		m.interrupt("the data plane is gone")
	}
	return len(m.active) > 0
}

var (
	errAnew = errors.New("capture: another data plane")
	errGone = errors.New("capture: the data plane ended")
)

// follow makes seg the segment that is read. The lanes are locked.
func (m *Manager) follow(seg *attach.Segment) error {
	if boot := seg.State.Header().BootID; seg != m.seg || boot != m.boot {
		m.interrupt("the data plane started anew")
		reader, err := capture.NewReader(seg.State, seg.Ctl)
		if err != nil {
			return err
		}
		m.seg, m.boot, m.reader, m.words, m.torn = seg, boot, reader, words{}, 0
	}
	if len(m.active) == 0 { // what nobody wanted is out of the way
		for i := range m.reader.Lanes() {
			m.reader.Begin(i)
		}
	}
	return nil
}

// horizon is the TSC up to which all lcores have committed what they copied: that of the pass which the last of them has
// ended. Whoever is far behind the others does not run, or not now, and is not waited for. 0 is no horizon.
func (m *Manager) horizon(seg *attach.Segment) uint64 {
	lcores := shm.Items[shm.Lcore](seg.State, shm.RegionLcores)
	newest := uint64(0)
	for i := range lcores {
		newest = max(newest, atomic.LoadUint64(&lcores[i].Heartbeat))
	}
	behind := seg.State.Header().TSCHz / uint64(time.Second/slack)
	least := newest
	for i := range lcores {
		if beat := atomic.LoadUint64(&lcores[i].Heartbeat); beat != 0 && beat <= newest && newest-beat <= behind {
			least = min(least, beat)
		}
	}
	return least
}

// drain hands out the frames of all lanes up to a TSC, in the order of time.
func (m *Manager) drain(seg *attach.Segment, until uint64) {
	type head struct {
		record capture.Record
		frame  []byte
		ok     bool
	}
	header, n := seg.State.Header(), m.reader.Lanes()
	heads := make([]head, n)
	look := func(i int) {
		h := &heads[i]
		var err error
		if h.frame, h.ok, err = m.reader.Peek(i, &h.record); err != nil {
			m.torn++
			m.reader.Begin(i)
		}
	}
	for i := range n {
		look(i)
	}
	for {
		first := -1
		for i := range heads {
			if heads[i].ok && (first < 0 || int64(heads[i].record.TSC-heads[first].record.TSC) < 0) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		h := &heads[first]
		if n > 1 && until != 0 && int64(h.record.TSC-until) > 0 {
			break // another lcore may still have an older one
		}
		m.deliver(seg, &h.record, h.frame, header.Wall(h.record.TSC))
		m.reader.Take(first)
		m.torn = 0
		look(first)
	}
	for i := range n {
		m.reader.Release(i)
	}
	for _, s := range m.active {
		if err := s.file.flush(); err != nil {
			m.o.Log.Error("capture not written", "capture", s.shown.ID, "why", err)
			m.end(s, Interrupted, "its file could not be written")
		}
	}
}

// deliver writes a frame into the files of those that want it.
func (m *Manager) deliver(seg *attach.Segment, r *capture.Record, frame []byte, ns int64) {
	for _, s := range m.active {
		if !s.wants(r) || int(r.Port) >= len(s.written) || s.full() != "" {
			continue
		}
		if err := s.write(r, frame, ns, m.words.of(seg.State, r)); err != nil {
			if !errors.Is(err, errFull) {
				m.o.Log.Warn("a captured frame cannot be written", "capture", s.shown.ID, "why", err)
			}
			continue
		}
		m.mu.Lock()
		s.shown.Frames++
		m.mu.Unlock()
	}
}

// judge ends what is over and closes what has ended.
func (m *Manager) judge(seg *attach.Segment, now time.Time, ending bool) {
	for _, s := range slices.Clone(m.active) {
		count := m.reader.Count(s.slot, s.id)
		slot, _ := m.reader.Slot(s.slot)
		m.mu.Lock()
		s.shown.Matched, s.shown.Missed, s.shown.MissedFull = count.Matched, count.Missed(), count.Full
		s.shown.Bytes = s.writer.Written()
		if slot.ID == s.id && slot.State == capture.StateRunning {
			s.shown.Patterns = int(slot.Patterns)
		}
		m.mu.Unlock()
		why := s.full()
		switch {
		case !s.closing.IsZero():
			if !now.Before(s.closing) {
				m.conclude(s, received(seg.State, len(s.written)), count)
			}
		case ending:
			m.end(s, Interrupted, "the management daemon ended")
		case why != "":
			m.end(s, Complete, why)
		case slot.ID != s.id || slot.State != capture.StateRunning:
			m.ended(s, slot)
		case now.After(s.deadline):
			m.end(s, Complete, "its time is over")
		}
	}
}

// ended takes over that the data plane has ended a capture.
func (m *Manager) ended(s *session, slot capture.Slot) {
	state, why := Interrupted, "the data plane gave its place to another"
	if slot.ID == s.id {
		why = capture.StateName(slot.State)
		if s.until = slot.Until; slot.State == capture.StateTimeOver {
			state = Complete
		}
	}
	m.closing(s, state, why)
}

// end has the data plane end a capture. That it does not answer changes nothing: the capture ends there by itself.
func (m *Manager) end(s *session, state State, why string) {
	if !s.closing.IsZero() {
		return
	}
	m.closing(s, state, why)
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	var reply capture.StopReply
	err := m.o.Live.Use(func(seg *attach.Segment) error {
		answer, err := m.o.Do(ctx, seg, capture.OpStop, capture.Encode(&capture.StopRequest{Owner: m.owner, ID: s.id}))
		if err != nil {
			return err
		}
		return capture.Decode(answer, &reply)
	})
	if err != nil {
		m.o.Log.Warn("the data plane did not end a capture", "capture", s.shown.ID, "why", err)
		return
	}
	s.until = reply.Revision
	s.closing = time.Now().Add(settle)
}

func (m *Manager) closing(s *session, state State, why string) {
	s.state, s.why, s.closing = state, why, time.Now().Add(settle)
	m.mu.Lock()
	s.shown.State = Stopping
	m.mu.Unlock()
}

// conclude closes the file of a capture that has ended.
func (m *Manager) conclude(s *session, now []uint64, count capture.Count) {
	if err := errors.Join(s.conclude(now, count), s.file.finish()); err != nil {
		m.o.Log.Error("the end of a capture not written", "capture", s.shown.ID, "why", err)
	}
	m.active = slices.DeleteFunc(m.active, func(a *session) bool { return a == s })
	ended := time.Now().UTC()
	size, _, _ := s.file.look() // what has reached the disk
	m.mu.Lock()
	s.shown.State, s.shown.Why, s.shown.Ended, s.shown.Bytes = s.state, s.why, &ended, size
	if err := m.save(&s.shown); err != nil {
		m.o.Log.Error("the end of a capture not written", "capture", s.shown.ID, "why", err)
	}
	shown := s.shown
	m.mu.Unlock()
	close(s.done)
	m.tell(event.CaptureEnded, shown)
}

// interrupt closes all captures at once: there is nothing more to read.
func (m *Manager) interrupt(why string) {
	for _, s := range slices.Clone(m.active) {
		if s.closing.IsZero() {
			s.state, s.why = Interrupted, why
		}
		m.conclude(s, nil, capture.Count{Matched: s.shown.Matched, Budget: s.shown.Missed - s.shown.MissedFull, Full: s.shown.MissedFull})
	}
	m.seg, m.reader = nil, nil
}

// keep renews the lease, and looks whether there is anybody to renew it with.
func (m *Manager) keep(seg *attach.Segment, now time.Time) error {
	if m.torn > tornMax {
		return errAnew
	}
	if now.Before(m.renews) {
		return nil
	}
	m.renews = now.Add(renewPeriod)
	if !seg.State.Alive() {
		return errGone
	}
	m.reader.Renew(m.owner)
	return nil
}
