package lcore

import (
	"encoding/binary"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// miss finds the entry when it is in neither of its first two slots, or makes it. Without a slot the frame is forwarded and has no
// flow; nil then says that it is done with.
func (w *Worker) miss(i int) *flow.Entry {
	key := flow.Key(w.parsed.Keys[i])
	if e := w.Shard.Find(key); e != nil {
		return e
	}
	e := w.Shard.Insert(key, uint8(w.in.port), w.now)
	if e == nil {
		w.Page.FlowsFull++
		if w.parsed.Classes[i].Is(frame.ClassControl) {
			w.copyToControl(w.in.port, w.Cycle.Data[i], w.Cycle.Len[i])
		}
		w.put(w.in.pairTx, w.Cycle.Rx[i])
		w.row.Fates[shm.FateUnflowed]++
		return nil
	}
	e.Verdict, e.LastSeen = w.forward(), 0 // never seen: it will be marked
	w.Page.FlowsLive = uint64(w.Shard.Live())
	return e
}

// evaluate asks the policy for the verdict of a direction: on its first storage frame, on the next after a new configuration
// (unless renew came before it), and after a change of one of its logins. Microseconds, at most once per frame of a burst.
func (w *Worker) evaluate(i int, e *flow.Entry) {
	key, info := flow.Key(w.parsed.Keys[i]), w.Shard.Info(e)
	// The frame itself says which end is the initiator: it began the exchange.
	orient := flow.FromInitiator
	if w.parsed.Classes[i].Is(frame.ClassResponder) {
		orient = flow.FromTarget
	}
	before := w.told(e, info)
	verdict := w.judge(key, info, orient)
	// The learner sees functions, and hosts that were there before us, from commands: this one, or the next.
	if !w.show(i) {
		verdict |= flow.Untold | flow.SpecialCommand
	}
	e.Verdict, e.Stamp = verdict|e.Verdict&flow.Steered, w.stamp()
	w.Page.Evaluations++
	w.tell(e, info, before)
}

// judge asks the logins for the names of both ends, and the policy for the verdict on frames from the port w.in.
func (w *Worker) judge(key flow.Key, info *flow.Info, orient flow.Orient) flow.Verdict {
	initiator, target := key.Source(), key.Destination()
	if orient == flow.FromTarget {
		initiator, target = target, initiator
	}
	a, _ := w.Logins.Resolve(login.Addr(initiator))
	b, _ := w.Logins.Resolve(login.Addr(target))
	info.Initiator, info.Target, info.Orient = uint64(a.WWPN), uint64(b.WWPN), orient
	return w.decide(key, info, a.WWPN, b.WWPN)
}

// decide asks the policy for the verdict on frames from the port w.in between two names.
func (w *Worker) decide(key flow.Key, info *flow.Info, initiator, target frame.WWN) flow.Verdict {
	info.Rule, info.Service = -1, -1
	if w.snap.Policy == nil {
		return w.forward()
	}
	v := w.snap.Policy.Evaluate(initiator, target, key.VF())
	info.Rule, info.Service = v.Rule, int16(v.Service)
	return w.compile(v, key.Fabric())
}

// show lets the learner see a command, and says whether it will. A new configuration has every flow show one again,
// thousands at once: they leave half of the ring to FIP and ELS, which come once, and wait for the next command.
func (w *Worker) show(i int) bool {
	const half = ControlItems / 2
	if !w.parsed.Classes[i].Is(frame.ClassCommand) || w.Control.Free(half+1) <= half {
		return false
	}
	w.copyToControl(w.in.port, w.Cycle.Data[i], w.Cycle.Len[i])
	return true
}

// forward is the verdict that sends a frame to the paired port.
func (w *Worker) forward() flow.Verdict {
	return flow.MakeVerdict(flow.Forward, uint8(w.in.pairTx), uint8(w.in.pair), 0, 0)
}

// compile turns the policy's verdict into the form kept in the entry. A service that is down, or that this box does not
// have, makes the verdict special: its on-failure answers for each frame. So does one on a port of another fabric: a
// frame that it returns could not be told from one of its own fabric with the same FC_IDs.
func (w *Worker) compile(v policy.Verdict, fabric uint8) flow.Verdict {
	if v.Service < 0 {
		return flow.MakeVerdict(uint8(v.Action), uint8(w.in.pairTx), uint8(w.in.pair), 0, 0)
	}
	var flags flow.Verdict
	if v.CommandsOnly {
		flags |= flow.CommandsOnly
	}
	if v.OnFailure == policy.Block {
		flags |= flow.Block
	}
	s := &w.snap.Services[v.Service]
	queue := w.in.pairTx
	if v.Action == policy.Redirect {
		if s.Up && w.Ports[s.Port].Fabric == fabric {
			queue = w.txOf[s.Port]
		} else {
			flags |= flow.Special
		}
	}
	return flow.MakeVerdict(uint8(v.Action), uint8(queue), uint8(w.in.pair), uint8(v.Service), flags)
}

// takeUp makes a snapshot the one in use.
func (w *Worker) takeUp(s *Snapshot) {
	w.snap = s
	w.marks = [256]mark{{keep: ^uint64(0)}}
	for i, service := range s.Services {
		var mac [8]byte
		copy(mac[:], service.MAC[:])
		// In memory order: the low six bytes are the destination MAC on a little-endian machine, and the rest is kept.
		w.marks[i+1] = mark{keep: binary.NativeEndian.Uint64([]byte{0, 0, 0, 0, 0, 0, 0xff, 0xff}), mac: binary.NativeEndian.Uint64(mac[:]), steers: 1}
	}
}
