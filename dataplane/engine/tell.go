package engine

import (
	"encoding/binary"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/revision"
)

// teller is what the control goroutine tells the slow path: logins as state, and what happens to logins, ports, services,
// lcores and the policy as events. A replay has none.
type teller struct {
	logins *feed.LoginOutlets
	events *feed.Events
	view   login.View
	unused []*feed.Outlets // of lcores without ports
}

// noFlows is the table of an lcore without ports.
type noFlows struct{}

func (noFlows) Slots() int                   { return 0 }
func (noFlows) Fill(uint32, *feed.Item) bool { return false }

// feedConfig is a producer's side of the rings; the control goroutine is the last producer.
func (e *Engine) feedConfig(producer int) feed.Config {
	return feed.Config{Spec: feedSpec(e.boot), Producer: producer, Report: ticks(e.hz(), e.boot.Report), Now: e.tsc()}
}

// feedLcore gives a worker its rings to the slow path. After a warm start it tells of everything that it adopted: what
// the data plane before had marked died with it.
func (e *Engine) feedLcore(i int, w *lcore.Worker) error {
	if e.clock != nil {
		return nil
	}
	c := e.feedConfig(i)
	c.Source = w
	outlets, err := feed.NewOutlets(e.seg.State, e.seg.Ctl, c)
	if err != nil {
		return err
	}
	events, err := feed.NewEvents(e.seg.State, e.seg.Ctl, c)
	if err != nil {
		return err
	}
	if e.seg.Adopted {
		outlets.Resync()
	}
	w.Feed(outlets, events)
	return nil
}

// feedUnused answers in place of an lcore without ports: who asks for everything waits for all producers.
func (e *Engine) feedUnused(i int) error {
	if e.clock != nil {
		return nil
	}
	c := e.feedConfig(i)
	c.Source = noFlows{}
	outlets, err := feed.NewOutlets(e.seg.State, e.seg.Ctl, c)
	if err != nil {
		return err
	}
	e.teller.unused = append(e.teller.unused, outlets)
	return nil
}

func (e *Engine) makeTeller() (err error) {
	if e.clock != nil {
		return nil
	}
	t, c := &e.teller, e.feedConfig(len(e.boot.Lcores))
	t.view = e.control.view
	if t.logins, err = feed.NewLoginOutlets(e.seg.State, e.seg.Ctl, c, t, e.boot.Segment.Logins); err != nil {
		return err
	}
	if t.events, err = feed.NewEvents(e.seg.State, e.seg.Ctl, c); err != nil {
		return err
	}
	t.logins.Resync()
	return nil
}

// offer fills the rings as far as there is room.
func (t *teller) offer(now uint64) {
	for _, o := range t.unused {
		o.Offer(now, 1)
	}
	if t.logins != nil {
		t.logins.Offer(now, loginBatch)
		t.events.Tick(now)
	}
}

// login tells of a change: the login as it is now goes out as state, and what happened as an event.
func (t *teller) login(ch login.Change, now uint64) {
	if t.logins == nil {
		return
	}
	t.logins.Mark(uint64(ch.Addr))
	if ch.Cause == login.Told {
		return // nothing happened here: the node that saw it tells of it
	}
	kind, lane := feed.LoginChanged, feed.High
	subject := &ch.New
	switch ch.Kind {
	case login.Started:
		kind = feed.LoginUp
	case login.Ended:
		kind, lane, subject = feed.LoginDown, feed.Immediate, &ch.Old
	case login.Conflict:
		kind, lane = feed.LoginConflict, feed.Immediate
	case login.Replaced: // two facts: one N_Port is gone, and another has its address
		t.loginEvent(feed.LoginDown, feed.Immediate, &ch.Old, &ch, now)
		kind = feed.LoginUp
	case login.Suspected:
		subject = &ch.Old
	}
	if ch.Kind == login.Moved && ch.Cause == login.DuplicateName { // it moved, and somebody should look
		t.loginEvent(feed.LoginConflict, feed.Immediate, subject, &ch, now)
	}
	t.loginEvent(kind, lane, subject, &ch, now)
}

func (t *teller) loginEvent(kind feed.Type, lane feed.Lane, l *login.Login, ch *login.Change, now uint64) {
	item := t.events.Put(now, kind, lane)
	if item == nil {
		return
	}
	to := item.Login()
	h := to.Header
	*to = feed.LoginItem{Header: h, Addr: uint64(ch.Addr), Cause: uint8(ch.Cause), OldWWPN: uint64(ch.Old.WWPN), Generation: t.view.Generation()}
	describeLogin(to, l)
	t.events.Commit()
}

func describeLogin(to *feed.LoginItem, l *login.Login) {
	to.WWPN, to.WWNN, to.FirstSeen, to.LastSeen = uint64(l.WWPN), uint64(l.WWNN), l.FirstSeen, l.LastSeen
	to.Incarnation, to.MAC, to.Port, to.Status = l.Incarnation, l.MAC, l.Port, uint8(l.State)
	to.Claimed, to.Observed, to.How, to.Flags2 = uint8(l.Claimed), uint8(l.Observed), uint8(l.How), uint8(l.Flags)
}

// FillLogin and Addresses make the login table the source of the outlets.
func (t *teller) FillLogin(addr uint64, to *feed.LoginItem) (live bool) {
	to.Generation = t.view.Generation()
	l, live := t.view.Resolve(login.Addr(addr))
	if live {
		describeLogin(to, &l)
	}
	return live
}

func (t *teller) Addresses(yield func(addr uint64) bool) {
	for l := range t.view.All() {
		if !yield(uint64(l.Addr)) {
			return
		}
	}
}

// named tells of something that has a name.
func (t *teller) named(kind feed.Type, index int, name string, now uint64) {
	if t.events == nil {
		return
	}
	lane := feed.High
	if kind == feed.ServiceDown || kind == feed.PortDown || kind == feed.LcoreStalled {
		lane = feed.Immediate
	}
	if item := t.events.Put(now, kind, lane); item != nil {
		to := item.Name()
		*to = feed.NameItem{Header: to.Header, Index: int32(index)}
		copy(to.Name[:len(to.Name)-1], name)
		t.events.Commit()
	}
}

// policy tells of a configuration that the lcores are to take up.
func (t *teller) policy(generation uint32, hash uint64, now uint64) {
	if t.events == nil {
		return
	}
	if item := t.events.Put(now, feed.PolicyApplied, feed.High); item != nil {
		to := item.Name()
		*to = feed.NameItem{Header: to.Header, Index: -1, Generation: generation, Hash: hash}
		t.events.Commit()
	}
}

var changeTypes = [...]feed.Type{
	revision.Installed: feed.PolicyInstalled, revision.Confirmed: feed.PolicyConfirmed, revision.Reverted: feed.PolicyReverted,
	revision.Expired: feed.PolicyExpired,
}

// tellChange tells what happened to a revision: the log has it though nobody of the slow path lives.
func (e *Engine) tellChange(what revision.What, r *command.Record) {
	e.log.Info("policy "+what.String(), "revision", r.Revision, "confirmed", r.Confirmed, "window", time.Duration(r.Window))
	t := &e.teller
	if t.events == nil {
		return
	}
	lane := feed.High
	if what == revision.Expired {
		lane = feed.Immediate
	}
	if item := t.events.Put(e.tsc(), changeTypes[what], lane); item != nil {
		to := item.Change()
		*to = feed.ChangeItem{
			Header: to.Header, Revision: r.Revision, Confirmed: r.Confirmed, Window: r.Window, Document: r.Document,
			Hash: binary.BigEndian.Uint64(r.Hash[:]), Generation: e.control.generation,
		}
		t.events.Commit()
	}
}

func upOrDown(up bool, ifUp, ifDown feed.Type) feed.Type {
	if up {
		return ifUp
	}
	return ifDown
}
