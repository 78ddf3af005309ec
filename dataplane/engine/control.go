package engine

import (
	"fmt"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// control is the state of the control goroutine.
type control struct {
	learner  *login.Learner
	logins   *login.Table
	view     login.View       // of the table, to look at it
	frames   []*ring.Consumer // from each lcore: copies to learn from
	commands []*ring.Producer // to each lcore, nil to one without ports

	generation uint32
	slot       uint32 // the policy region in use, shm.NoPolicy for none
	policy     *policy.Snapshot
	lapsed     bool // an invalidation found a ring full: the next step makes a new generation instead
	silent     []bool

	views []flow.View // of each lcore's flows
	walk  struct {    // over them, in parts: whose frames flow is alive
		lcore, slot int
		since, next uint64 // TSC at which the walk before, and this one, began
	}
}

// makeControl makes the login table, or adopts it, and the learner over it.
func (e *Engine) makeControl(known []login.Login) (login.View, error) {
	mem := e.seg.State.Bytes(shm.RegionLogins)
	c := &e.control
	c.slot = shm.NoPolicy
	c.silent = make([]bool, len(e.boot.Lcores))
	var err error
	if e.seg.Adopted {
		var adopted login.Adopted
		if c.logins, adopted, err = login.Adopt(mem, e.wall()); err != nil {
			e.log.Warn("logins of the data plane before could not be adopted", "why", err)
		} else {
			e.page.AdoptedLogins = uint64(adopted.Kept)
		}
	}
	if c.logins == nil {
		seed := uint64(1)
		if e.clock == nil {
			seed = e.tsc()
		}
		if c.logins, err = login.NewTable(mem, e.boot.Segment.Logins, seed); err != nil {
			return login.View{}, fmt.Errorf("login table: %w", err)
		}
	}
	for i := range known {
		if !c.logins.Put(&known[i]) {
			return login.View{}, fmt.Errorf("login table: no room for %d logins", len(known))
		}
	}
	c.learner = login.NewLearner(c.logins, login.Options{OnChange: e.loginChanged})
	return login.NewView(mem)
}

// loginChanged lets every lcore look again at the flows of an address. A frame that passes before it does still has
// the old verdict: as it would, had it been a microsecond earlier.
func (e *Engine) loginChanged(ch login.Change) {
	e.teller.login(ch, e.tsc())
	e.capturer.login(ch)
	if ch.Kind == login.Updated && ch.Old.WWPN == ch.New.WWPN {
		return // a function or a node name: no policy asks for it
	}
	for _, ring := range e.control.commands {
		if ring != nil && !tellLcore(ring, lcore.Command{Arg: uint64(ch.Addr)}) {
			e.control.lapsed = true
		}
	}
	if ch.Kind == login.Conflict || ch.Kind == login.Moved && ch.Cause == login.DuplicateName {
		e.log.Warn("security: a WWPN that is logged in is claimed from elsewhere", "address", ch.Addr.String(), "wwpn", ch.Old.WWPN.String())
	}
}

// learn takes what waits in the rings, lcore by lcore, and says how many frames that was.
func (e *Engine) learn() (frames int) {
	c := &e.control
	for _, r := range c.frames {
		for range controlBatch {
			slot := r.Next()
			if slot == nil {
				break
			}
			e.learnFrom((*lcore.ControlItem)(slot))
			frames++
		}
		r.Release()
	}
	if c.lapsed {
		c.lapsed = false
		e.renew()
	}
	e.capturer.renew()
	e.page.Frames += uint64(frames)
	return frames
}

func (e *Engine) learnFrom(item *lcore.ControlItem) {
	if e.pair.machine != nil && e.hearPartner(item) {
		return
	}
	p := e.boot.Ports[item.Port]
	port := login.Port{Index: uint8(item.Port), Role: login.Role(p.Role), Fabric: p.Fabric}
	e.control.learner.Frame(port, e.seg.State.Header().Wall(item.TSC), item.Frame[:item.Len])
}

// look does what is due every linkPeriod: timers of logins, links and services, the watchdog, the pages.
func (e *Engine) look() {
	e.lookAtFlows()
	e.control.learner.Tick(e.wall())
	e.lookAtLinks()
	e.lookAtServices()
	e.lookAtLcores()
	e.capturer.look()
	e.writePage()
}

// lookAtFlows tells the learner whose frames flow: a login whose ELS are rare is alive all the same. It looks at a part
// of the table at a time; the whole takes seconds at a million directions, and the shortest timer is 20.
func (e *Engine) lookAtFlows() {
	c := &e.control
	if len(c.views) == 0 {
		return
	}
	w, now := &c.walk, e.wall()
	v := c.views[w.lcore]
	for key := range v.Active(w.slot, walkSlots, w.since) {
		c.learner.Seen(login.Addr(key.Source()), now)
	}
	if w.slot += walkSlots; w.slot < v.Slots() {
		return
	}
	if w.slot, w.lcore = 0, w.lcore+1; w.lcore == len(c.views) {
		w.lcore, w.since, w.next = 0, w.next, e.tsc()
	}
}

func (e *Engine) lookAtLinks() {
	for i, p := range e.ports {
		in := &e.infos[i]
		if link, err := p.Link(); err == nil {
			up := uint32(0)
			if link.Up {
				up = 1
			}
			if up != in.Up {
				in.Up = up
				in.LinkChanges++
				e.log.Info("link changed", "port", e.boot.Ports[i].Name, "up", link.Up)
				e.teller.named(upOrDown(link.Up, feed.PortUp, feed.PortDown), i, e.boot.Ports[i].Name, e.tsc())
			}
			in.SpeedMb = link.Mbps
		}
		if s, err := p.Stats(); err == nil {
			in.Missed, in.RxErrors, in.TxErrors, in.NoMbuf = s.RxMissed, s.RxErrors, s.TxErrors, s.RxNoMbuf
		}
		if len(e.boot.Ports[i].PFC) > 0 {
			if rx, tx, err := p.Pauses(); err == nil {
				in.RxPauses, in.TxPauses = rx, tx
			}
		}
	}
}

// lookAtServices renews the configuration when a service came or went: a service is usable while its port is up.
func (e *Engine) lookAtServices() {
	changed := false
	for i, s := range e.shared.Snapshot().Services {
		if up := s.Port >= 0 && e.infos[s.Port].Up == 1; up != s.Up {
			e.log.Info("service changed", "service", e.control.policy.Service(i).Name, "usable", up)
			e.teller.named(upOrDown(up, feed.ServiceUp, feed.ServiceDown), i, e.control.policy.Service(i).Name, e.tsc())
			changed = true
		}
	}
	if changed {
		e.renew()
	}
}

// lookAtLcores is the watchdog: an lcore that does not come round is named, once, and once more when it is back.
func (e *Engine) lookAtLcores() {
	now, limit := e.tsc(), ticks(e.hz(), lcoreSilent)
	for i := range e.lcores {
		page := &e.lcores[i]
		if e.workers[i] == nil || page.Heartbeat == 0 {
			continue
		}
		silent := int64(now-page.Heartbeat) > int64(limit)
		if silent != e.control.silent[i] {
			e.control.silent[i] = silent
			if silent {
				e.log.Error("lcore stalled: it has not polled its ports", "lcore", i, "cpu", page.CPU, "for", lcoreSilent)
				e.teller.named(feed.LcoreStalled, i, "", now)
			} else {
				e.log.Warn("lcore polls again", "lcore", i, "cpu", page.CPU)
				e.teller.named(feed.LcoreResumed, i, "", now)
			}
		}
	}
}

func (e *Engine) writePage() {
	l, p := e.control.learner, e.page
	p.Heartbeat = e.wall()
	p.LoginsLive = uint64(e.control.logins.Len())
	p.LoginsFull = l.Count(login.CountTableFull)
	p.BadCRC = l.Count(login.CountBadCRC)
	p.Conflicts = l.Count(login.CountConflict)
	p.Expired = l.Count(login.CountExpired)
	counters := l.Counters()
	copy(shm.Items[uint64](e.seg.State, shm.RegionLearner), counters[:])
}

// wall is the time in ns since 1970, in a replay the capture's.
func (e *Engine) wall() int64 { return e.seg.State.Header().Wall(e.tsc()) }
