package event

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// Translator makes events of the data plane's items: it gives names to what they have as indexes. It trusts nothing in
// them.
type Translator struct {
	state    *shm.File
	policies []generation // the newest last
}

// generation is a policy that was in force. nil: none, or it could not be read in time.
type generation struct {
	number uint32
	policy *policy.Snapshot
}

// NewTranslator makes one for the items of a segment.
func NewTranslator(state *shm.File) *Translator { return &Translator{state: state} }

// Event translates an item, which may lie in the ring. It has no number yet. False: the item is no event.
func (t *Translator) Event(epoch uint64, item *feed.Item) (e Event, ok bool) {
	h := item.Header()
	e = Event{
		At: time.Unix(0, t.state.Header().Wall(h.TSC)), Type: Type(h.Type),
		Origin: Origin{Epoch: epoch, Producer: uint32(h.Producer), Seq: h.Seq},
	}
	o := &object{b: make([]byte, 0, 640)}
	switch {
	case h.Kind == feed.KindGap:
		e.Type = LogGap
		g := item.Gap()
		o.number("producer", uint64(h.Producer))
		o.number("lost", g.Lost)
		o.wall("since", t.state.Header().Wall(g.First))
	case h.Kind != feed.KindEvent:
		return e, false
	default:
		e.Type = t.fields(o, item)
	}
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	}
	e.Fields = json.RawMessage(append(o.b, '}'))
	return e, true
}

// fields writes the fields of an event and gives its type, which for what became of a flow's verdict is our own.
func (t *Translator) fields(o *object, item *feed.Item) Type {
	switch h := item.Header(); h.Type {
	case feed.FlowCreated, feed.FlowEnded:
		t.flow(o, item.Flow())
	case feed.FlowVerdict:
		f := item.Flow()
		t.flow(o, f)
		t.oldVerdict(o, f)
		return verdictType(f)
	case feed.LoginUp, feed.LoginChanged, feed.LoginDown, feed.LoginConflict:
		t.login(o, item.Login())
		if old := item.Login().OldWWPN; h.Type == feed.LoginConflict && old != 0 {
			o.text("old_wwpn", frame.WWN(old).String())
		}
	case feed.PolicyApplied:
		n := item.Name()
		o.text("name", shm.Text(n.Name[:]))
		o.text("policy", policyID(n.Hash))
		o.number("generation", uint64(n.Generation))
		t.policy(n.Generation)
	case feed.PolicyInstalled, feed.PolicyConfirmed, feed.PolicyReverted, feed.PolicyExpired:
		revision(o, item.Change())
	case feed.PortUp, feed.PortDown, feed.ServiceUp, feed.ServiceDown, feed.DataplaneStarted, feed.DataplaneStopped, feed.LcoreStalled,
		feed.LcoreResumed:
		n := item.Name()
		o.text("name", shm.Text(n.Name[:]))
		if n.Index >= 0 {
			o.number("index", uint64(n.Index))
		}
		if h.Type == feed.LcoreResumed {
			o.signed("away_ms", n.Nanos/int64(time.Millisecond))
		}
	default:
		o.number("type", uint64(h.Type))
		o.text("raw", hex.EncodeToString(item[feedHeader:]))
		return LogUnknown
	}
	return Type(item.Header().Type)
}

// revision writes what the data plane tells of a revision of the policy.
func revision(o *object, c *feed.ChangeItem) {
	o.number("revision", c.Revision)
	o.number("confirmed", c.Confirmed)
	o.text("policy", policyID(c.Hash))
	if c.Document != [32]byte{} {
		o.text("document", hex.EncodeToString(c.Document[:]))
	}
	o.number("generation", uint64(c.Generation))
	if c.Window > 0 {
		o.number("window_ms", uint64(c.Window/int64(time.Millisecond)))
	}
}

// feedHeader is the size of what all items begin with.
const feedHeader = 24

func policyID(hash uint64) string {
	if hash == 0 {
		return "none"
	}
	return fmt.Sprintf("%016x", hash)
}

func verdictType(f *feed.FlowItem) Type {
	lost := func(s feed.State) bool { return s == feed.Bypassed || s == feed.Blocked }
	switch {
	case lost(f.State) && !lost(f.OldState):
		return FlowFailed
	case lost(f.OldState) && f.State == feed.Active:
		return FlowRecovered
	}
	return FlowVerdict
}

func (t *Translator) flow(o *object, f *feed.FlowItem) {
	k, wall := flow.Key(f.Key), t.state.Header().Wall
	o.number("serial", f.Serial)
	if f.Orient != uint8(flow.OrientUnknown) {
		o.truth("from_initiator", f.Orient == uint8(flow.FromInitiator))
	}
	o.number("fabric", uint64(k.Fabric()))
	o.number("vsan", uint64(k.VF()))
	o.text("s_id", frame.FCID(k.SID()).String())
	o.text("d_id", frame.FCID(k.DID()).String())
	o.wwn("initiator", f.Initiator)
	o.wwn("target", f.Target)
	o.text("in_port", t.port(f.InPort))
	o.text("verdict", policy.Action(f.Action).String())
	p := t.policy(f.Generation)
	o.text("rule", ruleName(p, f.Rule))
	o.text("service", serviceName(p, f.Service))
	o.text("state", f.State.String())
	o.number("generation", uint64(f.Generation))
	o.number("frames", f.Frames)
	o.number("bytes", f.Bytes)
	o.number("errors", uint64(f.Errors))
	o.wall("created", wall(f.Created))
	o.wall("last_seen", wall(f.LastSeen))
}

// oldVerdict names what was before. The item does not say of which generation that was: the one before, or, when a login
// changed, the same. A policy whose rule does not give that verdict is not the one. Where both fit and differ, the index
// stands for the name.
func (t *Translator) oldVerdict(o *object, f *feed.FlowItem) {
	var fits []*policy.Snapshot
	for i := len(t.policies) - 1; i >= 0 && len(fits) < 2; i-- {
		g := t.policies[i]
		if p := g.policy; g.number <= f.Generation && p != nil && hasVerdict(p, f) {
			fits = append(fits, p)
		}
	}
	rule, service := ruleName(nil, f.OldRule), serviceName(nil, f.OldService)
	names := func(i int) (string, string) { return ruleName(fits[i], f.OldRule), serviceName(fits[i], f.OldService) }
	if len(fits) > 0 {
		if r, s := names(0); len(fits) == 1 {
			rule, service = r, s
		} else if r2, s2 := names(1); r == r2 && s == s2 {
			rule, service = r, s
		}
	}
	o.text("old_verdict", policy.Action(f.OldAction).String())
	o.text("old_rule", rule)
	o.text("old_service", service)
	o.text("old_state", f.OldState.String())
}

func hasVerdict(p *policy.Snapshot, f *feed.FlowItem) bool {
	if f.OldRule < 0 {
		return f.OldAction == uint8(policy.Forward)
	}
	if int(f.OldRule) >= p.Rules() || int(f.OldService) >= p.Services() {
		return false
	}
	r := p.Rule(int(f.OldRule))
	return uint8(r.Action) == f.OldAction && r.Service == int(f.OldService)
}

func ruleName(p *policy.Snapshot, i int32) string {
	switch {
	case i < 0:
		return ""
	case p == nil || int(i) >= p.Rules():
		return fmt.Sprintf("#%d", i)
	}
	return p.Rule(int(i)).Name
}

func serviceName(p *policy.Snapshot, i int16) string {
	switch {
	case i < 0:
		return ""
	case p == nil || int(i) >= p.Services():
		return fmt.Sprintf("#%d", i)
	}
	return p.Service(int(i)).Name
}

// policy is the policy of a generation: the one in force if it is that, or one seen before. Nil: not known, or none.
func (t *Translator) policy(number uint32) *policy.Snapshot {
	for _, g := range t.policies {
		if g.number == number {
			return g.policy
		}
	}
	pages := shm.Items[shm.Control](t.state, shm.RegionControl)
	if len(pages) != 1 || atomic.LoadUint32(&pages[0].Generation) != number {
		return nil
	}
	p, err := report.ReadPolicy(t.state)
	if err != nil || atomic.LoadUint32(&pages[0].Generation) != number {
		return nil // it is being replaced: the next item asks again
	}
	t.policies = append(t.policies, generation{number, p})
	slices.SortFunc(t.policies, func(a, b generation) int { return int(int64(a.number) - int64(b.number)) })
	if len(t.policies) > keptPolicies {
		t.policies = slices.Delete(t.policies, 0, 1)
	}
	return p
}

func (t *Translator) port(i uint8) string {
	ports := shm.Items[shm.PortInfo](t.state, shm.RegionPorts)
	if int(i) >= len(ports) {
		return ""
	}
	return shm.Text(ports[i].Name[:])
}

func (t *Translator) login(o *object, l *feed.LoginItem) {
	a := login.Addr(l.Addr)
	role := login.Login{Claimed: login.Functions(l.Claimed), Observed: login.Functions(l.Observed)}
	o.number("fabric", uint64(a.Fabric()))
	o.number("vsan", uint64(a.VF()))
	o.text("fc_id", a.ID().String())
	o.wwn("wwpn", l.WWPN)
	o.wwn("wwnn", l.WWNN)
	if mac := frame.MAC(l.MAC); !mac.IsZero() {
		o.text("mac", mac.String())
	}
	o.text("port", t.port(l.Port))
	o.text("state", login.State(l.Status).String())
	o.text("role", role.Role())
	o.text("how", login.How(l.How).String())
	o.text("cause", login.Cause(l.Cause).String())
	o.truth("contested", login.Flags(l.Flags2)&login.Contested != 0)
	o.wall("first_seen", l.FirstSeen)
	o.wall("last_seen", l.LastSeen)
	o.number("generation", l.Generation)
	o.number("incarnation", uint64(l.Incarnation))
}

// wwn leaves out one that is not known.
func (o *object) wwn(name string, w uint64) {
	if w != 0 {
		o.text(name, frame.WWN(w).String())
	}
}
