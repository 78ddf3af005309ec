package lcore

import (
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// miss finds the entry when it is not in its home slot, or makes it. Without a slot the frame is forwarded and has no
// flow; nil then says that it is done with.
func (w *Worker) miss(i int, home *flow.Entry) *flow.Entry {
	key := flow.Key(w.keys[i])
	if e := w.Shard.Find(home, key); e != nil {
		return e
	}
	e := w.Shard.Insert(key, uint8(w.in.port), w.now)
	if e == nil {
		w.Page.FlowsFull++
		if w.classes[i].Is(frame.ClassControl) {
			w.copyToControl(w.in.port, w.Cycle.Data[i], w.Cycle.Len[i])
		}
		w.put(w.in.pairTx, w.Cycle.Rx[i])
		w.row.Fates[shm.FateUnflowed]++
		return nil
	}
	e.Verdict = flow.MakeVerdict(flow.Forward, uint8(w.in.pair), 0, 0, 0)
	w.Page.FlowsLive = uint64(w.Shard.Live())
	return e
}

// evaluate asks the policy for the verdict of a direction: on its first storage frame, after a new configuration, and
// after a change of one of its logins. Microseconds, at most once per frame of a burst.
func (w *Worker) evaluate(i int, e *flow.Entry) {
	key, info := flow.Key(w.keys[i]), w.Shard.Info(e)
	// The frame itself says which end is the initiator: it began the exchange.
	initiator, target, orient := key.Source(), key.Destination(), flow.FromInitiator
	if w.classes[i].Is(frame.ClassResponder) {
		initiator, target, orient = target, initiator, flow.FromTarget
	}
	a, _ := w.Logins.Resolve(login.Addr(initiator))
	b, _ := w.Logins.Resolve(login.Addr(target))
	info.Initiator, info.Target = uint64(a.WWPN), uint64(b.WWPN)
	info.Rule, info.Service = -1, -1
	verdict := flow.MakeVerdict(flow.Forward, uint8(w.in.pair), 0, 0, 0)
	if w.snap.Policy != nil {
		v := w.snap.Policy.Evaluate(a.WWPN, b.WWPN, key.VF())
		info.Rule, info.Service = v.Rule, int16(v.Service)
		verdict = w.compile(v, key.Fabric())
	}
	if first := info.Orient == flow.OrientUnknown; first || w.classes[i].Is(frame.ClassCommand) {
		// The learner sees the roles from this frame, and the logins of hosts that were there before us.
		w.copyToControl(w.in.port, w.Cycle.Data[i], w.Cycle.Len[i])
	}
	info.Orient = orient
	e.Verdict, e.Gen = verdict, w.snap.Generation
	w.Page.Evaluations++
}

// compile turns the policy's verdict into the form kept in the entry. A service port serves one fabric, or a frame that
// it returns could not be told from one of another fabric with the same FC_IDs; a rule that crosses fabrics finds its
// service out of reach, which its on-failure answers.
func (w *Worker) compile(v policy.Verdict, fabric uint8) flow.Verdict {
	direct, action := uint8(w.in.pair), uint8(v.Action)
	if action == flow.Forward || action == flow.Drop {
		return flow.MakeVerdict(action, direct, 0, 0, 0)
	}
	var flags flow.Verdict
	if v.CommandsOnly {
		flags |= flow.CommandsOnly
	}
	if v.OnFailure == policy.Block {
		flags |= flow.Block
	}
	s := &w.snap.Services[v.Service]
	if s.Port < 0 || w.Ports[s.Port].Fabric != fabric {
		if action == flow.Redirect && flags.Is(flow.Block) {
			return flow.MakeVerdict(flow.Drop, direct, 0, 0, 0)
		}
		return flow.MakeVerdict(flow.Forward, direct, 0, 0, 0)
	}
	return flow.MakeVerdict(action, direct, uint16(v.Service), uint16(s.Port), flags)
}
