package peer

import (
	"context"
	"fmt"
	"time"

	"fcredirect/dataplane/pair"
	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/peer/engine"
)

// Alarms takes what is wrong: a *report.Reporter.
type Alarms interface {
	Set(code alarm.Code, subject, detail string)
	Unset(code alarm.Code, subject string)
	Happened(code alarm.Code, subject, detail string)
	Run(ctx context.Context)
}

// silent is nobody to tell.
type silent struct{}

func (silent) Set(alarm.Code, string, string)      {}
func (silent) Unset(alarm.Code, string)            {}
func (silent) Happened(alarm.Code, string, string) {}
func (silent) Run(context.Context)                 {}

func subject(peer string) string { return "peer/" + peer }

// tell puts an event into the log. The role does not wait long for it: the state that it tells of is shown all the same.
func (c *cluster) tell(ctx context.Context, t event.Type, fields event.Fields) {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	if err := c.role.o.Events.Append(ctx, t, fields); err != nil && ctx.Err() == nil {
		c.role.o.Log.Warn("peer: an event is not told", "type", t, "error", err)
	}
}

// tellNews tells what is to be told, in its order.
func (c *cluster) tellNews(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case tell := <-c.news:
			tell(ctx)
		}
	}
}

// tellNotice makes events and alarms of what the engine has to say.
func (c *cluster) tellNotice(ctx context.Context, n engine.Notice) {
	log, alarms := c.role.o.Log, c.role.o.Alarms
	fields := event.Fields{"peer": n.Peer, "address": c.addresses[n.Peer], "why": n.Text}
	switch n.Kind {
	case engine.Connected:
		if n.Group == engine.Urgent {
			c.connected[n.Peer] = true
			c.tell(ctx, event.PeerConnected, fields)
		}
	case engine.Disconnected: // the link knows why
	case engine.Synced:
		c.tell(ctx, event.PeerSynced, fields)
	case engine.NewIncarnation:
		log.Info("peer: the peers know of a later start of this node", "incarnation", n.Number)
		if err := keepIncarnation(c.dir, n.Number); err != nil {
			log.Error("peer: the incarnation is not kept", "error", err)
		}
	case engine.PeerRestarted:
		c.tell(ctx, event.PeerRestarted, fields)
	case engine.DuplicateNode:
		log.Error("peer: two nodes have one name", "name", n.Peer, "why", n.Text)
		alarms.Happened(alarm.PeerDuplicate, subject(n.Peer), n.Text)
		c.tell(ctx, event.PeerDuplicate, fields)
	case engine.Diverged:
		fields["origin"], fields["why"] = n.Peer, fmt.Sprintf("the sums of its %v differ", n.Stream)
		log.Error("peer: what is known of a node is not what it says", "origin", n.Peer, "stream", n.Stream)
		alarms.Happened(alarm.PeerDiverged, subject(n.Peer), fmt.Sprint(fields["why"]))
		c.tell(ctx, event.PeerDiverged, fields)
	case engine.Repaired:
		fields["origin"], fields["why"] = n.Peer, fmt.Sprintf("%d records were put right", n.Number)
		c.tell(ctx, event.PeerRepaired, fields)
	case engine.Refused:
		c.tell(ctx, event.PeerRefused, fields)
	}
}

// judge raises and clears the alarms of what lasts.
func (c *cluster) judge(ctx context.Context) {
	tick := time.NewTicker(c.role.pace.judge)
	defer tick.Stop()
	was, inline := Readiness{Why: "not judged yet"}, (*PeerPair)(nil)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.judgePeers()
		c.judgeCertificate()
		if c.programmer != nil {
			was = c.judgeReadiness(ctx, was)
		}
		inline = c.judgePair(ctx, inline)
	}
}

func (c *cluster) judgePeers() {
	alarms := c.role.o.Alarms
	for _, s := range c.engine.Peers(c.now()) {
		if s.Connected[engine.Urgent] {
			alarms.Unset(alarm.PeerUnreachable, subject(s.Name))
		} else {
			detail := "no connection"
			if why := c.failure(s.Name); why != "" {
				detail = why
			}
			alarms.Set(alarm.PeerUnreachable, subject(s.Name), detail)
		}
		late := time.Duration(0)
		for i := range s.Streams {
			if s.Streams[i].Lag > 0 {
				late = max(late, time.Duration(s.Streams[i].LagTime))
			}
		}
		if s.Connected[engine.Urgent] && late > lagLimit {
			alarms.Set(alarm.PeerLagging, subject(s.Name), "it lacks changes that are seconds old")
		} else {
			alarms.Unset(alarm.PeerLagging, subject(s.Name))
		}
	}
}

func (c *cluster) judgeCertificate() {
	store := c.store.Load()
	if store == nil {
		return
	}
	if id := store.Identity(); time.Until(id.NotAfter) < certificateSoon {
		c.role.o.Alarms.Set(alarm.PeerCertificate, "", "it ends "+id.NotAfter.UTC().Format(time.RFC3339))
	} else {
		c.role.o.Alarms.Unset(alarm.PeerCertificate, "")
	}
}

// judgeReadiness tells when this node becomes or stops being able to take over. The active one of a pair has nothing to
// take over: what counts is whether its partner could.
func (c *cluster) judgeReadiness(ctx context.Context, was Readiness) Readiness {
	is := c.programmer.readiness()
	active := c.programmer.isActive()
	theirs, _ := c.fact(c.partner, FactReady)
	switch {
	case active && theirs == 1, is.Ready:
		c.role.o.Alarms.Unset(alarm.PairNotReady, "")
	case active:
		c.role.o.Alarms.Set(alarm.PairNotReady, "", c.partnerName+" is not ready")
	default:
		c.role.o.Alarms.Set(alarm.PairNotReady, "", "this node is not ready: "+is.Why)
	}
	fields := event.Fields{"peer": c.partnerName, "why": is.Why}
	switch {
	case is.Ready && !was.Ready:
		c.tell(ctx, event.PairReady, fields)
	case !is.Ready && was.Ready && !active:
		c.tell(ctx, event.PairNotReady, fields)
	}
	return is
}

// judgePair tells of takeovers, by what the data plane says of the pair.
func (c *cluster) judgePair(ctx context.Context, was *PeerPair) *PeerPair {
	is := c.pairNow()
	if is == nil || was == nil || is.Changes == was.Changes {
		return is
	}
	fields := event.Fields{"peer": is.With, "epoch": is.Epoch, "why": is.Why}
	switch {
	case is.tookOver() && !was.tookOver():
		c.role.o.Alarms.Happened(alarm.PairTakeover, "", fmt.Sprintf("from %s, epoch %d: %s", is.With, is.Epoch, is.Why))
		c.tell(ctx, event.PairTakeover, fields)
	case is.State == pair.Standby.String() && was.State != is.State:
		c.tell(ctx, event.PairStandby, fields)
	}
	return is
}
