package monitor

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	plane "fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/attach"
)

var segmentCodes = []alarm.Code{
	alarm.DataplaneGone, alarm.ControlStalled, alarm.LcoreStalled, alarm.FlowTableFull,
	alarm.RingBlocked, alarm.RingConflated, alarm.RingBroken, alarm.StoreLag,
}

// linkCodes are told of only while the data plane runs. Else nothing is known of links, and their alarms stay as they are.
var linkCodes = []alarm.Code{alarm.PortDown, alarm.ServiceDown}

// baseline is from where the data plane's counters of what has happened are counted on. It is saved, so that what happens
// while no monitor runs is told by the next one.
type baseline struct {
	Boot      string `json:"boot"`  // the counters of a start begin at 0
	Epoch     uint64 `json:"epoch"` // those of the rings outlive a warm one
	Conflicts uint64 `json:"conflicts"`
	GCCycles  uint64 `json:"gc_cycles"`
	Lost      uint64 `json:"lost"`
}

// segmentLook reads the data plane's pages. It belongs to its check.
type segmentLook struct {
	place   attach.Place
	watched map[string]bool // roles whose rings should be read
	base    baseline

	seg      *attach.Segment
	boot     string
	training time.Time // until then links that have never been there may come yet
	control  pulse
	lcores   map[int]*pulse
	full     map[int]uint64 // FlowsFull when last seen
	rings    map[string]*ringPulse
}

// ringPulse is what is remembered of a ring.
type ringPulse struct {
	released pulse
	merged   pulse
	first    uint64 // conflated when first seen
}

// look maps the segment that is there now and reads it. The old one stays in view until there is another.
func (l *segmentLook) look(context.Context) report {
	now := time.Now()
	rep := report{about: segmentCodes, began: now}
	if l.seg == nil || l.seg.Replaced() {
		if err := l.open(); err != nil {
			rep.say(alarm.DataplaneGone, "", "no segment: %v", err)
			return rep
		}
	}
	h := l.seg.State.Header()
	if boot := h.Boot(); boot != l.boot {
		l.boot, l.control, l.lcores, l.full, l.rings = boot, pulse{}, map[int]*pulse{}, map[int]uint64{}, map[string]*ringPulse{}
		l.training = time.Time{}
		if boot != l.base.Boot { // else it is we who have started anew
			l.training = now.Add(linkGrace)
		}
	}
	switch {
	case !l.seg.State.Alive():
		rep.say(alarm.DataplaneGone, "", "process %d is gone", h.PID)
	case atomic.LoadUint32(&h.State) == shm.Drained:
		rep.say(alarm.DataplaneGone, "", "process %d has ended in good order", h.PID)
	case atomic.LoadUint32(&h.State) == shm.Starting && !l.training.IsZero():
		l.training = now.Add(linkGrace) // its ports are not open yet
	case atomic.LoadUint32(&h.State) == shm.Running:
		l.lookAtPages(now, &rep)
		l.lookAtLinks(now, &rep)
	}
	l.lookAtRings(now, &rep)
	l.count(&rep)
	return rep
}

func (l *segmentLook) open() error {
	seg, err := attach.Open(l.place)
	if err != nil {
		return err
	}
	if l.seg != nil {
		if err := l.seg.Close(); err != nil {
			return err
		}
	}
	l.seg, l.boot = seg, ""
	return nil
}

func (l *segmentLook) close() {
	if l.seg != nil {
		_ = l.seg.Close() // unmapping what was mapped: there is nobody to tell
		l.seg = nil
	}
}

// lookAtPages looks whether control and the lcores come round, and at the tables.
func (l *segmentLook) lookAtPages(now time.Time, rep *report) {
	if pages := shm.Items[shm.Control](l.seg.State, shm.RegionControl); len(pages) == 1 {
		beat := uint64(atomic.LoadInt64(&pages[0].Heartbeat))
		if still := l.control.still(beat, now); still >= controlSilent {
			rep.say(alarm.ControlStalled, "", "no heartbeat for %v", still.Round(100*time.Millisecond))
		}
	}
	lcores := shm.Items[shm.Lcore](l.seg.State, shm.RegionLcores)
	for i := range lcores {
		page, subject := &lcores[i], fmt.Sprintf("lcore/%d", i)
		if beat := atomic.LoadUint64(&page.Heartbeat); beat != 0 {
			if l.lcores[i] == nil {
				l.lcores[i] = &pulse{}
			}
			if still := l.lcores[i].still(beat, now); still >= lcoreSilent {
				rep.say(alarm.LcoreStalled, subject, "CPU %d: no pass for %v", page.CPU, still.Round(100*time.Millisecond))
			}
		}
		room := len(shm.Items[flow.Info](l.seg.State, fmt.Sprintf(shm.RegionInfos, i)))
		live, full := atomic.LoadUint64(&page.FlowsLive), atomic.LoadUint64(&page.FlowsFull)
		if before, seen := l.full[i]; room > 0 && (float64(live) >= tableFullShare*float64(room) || seen && full > before) {
			rep.say(alarm.FlowTableFull, subject, "%d of %d directions; %d frames found no room so far", live, room, full)
		}
		l.full[i] = full
	}
}

// lookAtLinks looks who has none. A service port is told of by the services on it, for nothing else needs it; and a service
// only where a rule uses it, for nothing follows from its absence else. A link that has never been there since a start of
// the data plane may still be in training, for NICs take seconds: what was known of it before that start holds on.
func (l *segmentLook) lookAtLinks(now time.Time, rep *report) {
	rep.about = slices.Concat(rep.about, linkCodes)
	training := map[string]bool{}
	ports := shm.Items[shm.PortInfo](l.seg.State, shm.RegionPorts)
	for i := range ports {
		p, name := &ports[i], shm.Text(ports[i].Name[:])
		if name == "" || atomic.LoadUint32(&p.Up) == 1 {
			continue
		}
		changes := atomic.LoadUint64(&p.LinkChanges)
		training[name] = changes == 0 && now.Before(l.training)
		switch {
		case p.Role == shm.RoleService:
		case training[name]:
			rep.unknown(alarm.PortDown, "port/"+name)
		default:
			rep.say(alarm.PortDown, "port/"+name, "its link has changed %d times since the data plane started", changes)
		}
	}
	for _, s := range plane.Services(l.seg.State) {
		switch {
		case s.Up || s.Unused:
		case s.Port == "":
			rep.say(alarm.ServiceDown, "service/"+s.Name, "the boot file of this node has no port for it")
		case training[s.Port]:
			rep.unknown(alarm.ServiceDown, "service/"+s.Name)
		default:
			rep.say(alarm.ServiceDown, "service/"+s.Name, "port %s has no link", s.Port)
		}
	}
}

// lookAtRings looks whether the rings are read, and fast enough.
func (l *segmentLook) lookAtRings(now time.Time, rep *report) {
	before := feed.Rings(l.seg.State, l.seg.Ctl)
	for i, r := range feed.Rings(l.seg.State, l.seg.Ctl) {
		role := r.Consumer.String()
		if !l.watched[role] {
			continue
		}
		subject := fmt.Sprintf("%s/%d/lcore%d", role, r.Shard, r.Producer)
		p := l.rings[subject]
		if p == nil {
			p = &ringPulse{first: r.Conflated}
			l.rings[subject] = p
		}
		// What was released was offered before, and a ring holds no more than it has room for: the first figure of each
		// comparison was read before the second could move.
		if before[i].Released > r.Offered || before[i].Offered > r.Released+uint64(r.Items) {
			rep.say(alarm.RingBroken, subject, "%d items were offered and %d released, of %d", r.Offered, r.Released, r.Items)
			continue
		}
		still := p.released.still(r.Released, now)
		if r.Depth == 0 {
			p.released.moved = now
		} else if still >= ringSilent {
			rep.say(alarm.RingBlocked, subject, "%d of %d items wait, none was taken for %v", r.Depth, r.Items, still.Round(100*time.Millisecond))
		}
		// Not every look finds more of them.
		if still := p.merged.still(r.Conflated, now); r.Conflated > p.first && still < conflatedHold {
			rep.say(alarm.RingConflated, subject, "%d updates were merged so far", r.Conflated)
		}
		if r.Consumer == feed.Store && float64(r.Depth) >= ringLagShare*float64(r.Items) {
			rep.say(alarm.StoreLag, subject, "%d of %d items wait to be written", r.Depth, r.Items)
		}
	}
}

// count tells what has happened since the baseline, and moves it.
func (l *segmentLook) count(rep *report) {
	was, now := l.base, baseline{Boot: l.boot, Epoch: l.seg.Epoch}
	if pages := shm.Items[shm.Control](l.seg.State, shm.RegionControl); len(pages) == 1 {
		now.Conflicts, now.GCCycles = atomic.LoadUint64(&pages[0].Conflicts), atomic.LoadUint64(&pages[0].GCCycles)
	}
	for _, r := range feed.Rings(l.seg.State, l.seg.Ctl) {
		now.Lost += r.Lost
	}
	if was.Boot != now.Boot {
		was.Conflicts, was.GCCycles = 0, now.GCCycles // the runtime collects a few times before it is told not to
	}
	if was.Epoch != now.Epoch {
		was.Lost = 0
	}
	tell := func(code alarm.Code, before, after uint64, what string) {
		if after > before {
			rep.found = append(rep.found, finding{code: code, times: after - before, detail: fmt.Sprintf("%d %s since the data plane started", after, what)})
		}
	}
	tell(alarm.LoginConflict, was.Conflicts, now.Conflicts, "claims")
	tell(alarm.HeapFuse, was.GCCycles, now.GCCycles, "collections")
	tell(alarm.EventGap, was.Lost, now.Lost, "events lost")
	l.base = now
	rep.baseline = &now
}
