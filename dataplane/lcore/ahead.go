package lcore

import (
	"fcredirect/dataplane/flow"
)

// Command is what the control goroutine tells an lcore through its ring.
type Command struct {
	Arg  uint64 // the address of a login, or a flow.Key
	Port uint8  // Pin: index of the port on which the direction enters
	What What
	From flow.Orient // Pin: which end of the direction is the initiator
	_    [5]byte
}

// What a Command says.
type What uint8

// The commands.
const (
	Invalidate What = iota // look again at the flows of a login
	Pin                    // make a direction, if it is not there, and keep it though it is silent
	Unpin                  // keep it no longer than others
	End                    // end it
	Hint                   // make a direction, if it is not there, because another node has it
	Unhint                 // that node has it no longer: end it, if no frame came
)

// obey does a command, or begins what takes more than a pass.
func (w *Worker) obey(c *Command) {
	switch c.What {
	case Invalidate:
		w.Shard.Invalidate(c.Arg)
		w.Page.Invalidated++
		w.walking = true
	case Pin:
		if e, info := w.ahead(c); e != nil {
			info.Static = 1
			if info.Hinted != 0 && e.Frames == 0 {
				info.Hinted = 0
				w.touch(e)
			}
		}
	case Unpin:
		if e := w.Shard.Find(flow.Key(c.Arg)); e != nil {
			w.Shard.Info(e).Static = 0
		}
	case End:
		if e := w.Shard.Find(flow.Key(c.Arg)); e != nil {
			w.end(e)
		}
	case Hint:
		if e, info := w.ahead(c); e != nil && e.Frames == 0 && info.Static == 0 { // one that is pinned was told of
			info.Hinted = flow.Hinted
		}
	case Unhint:
		if e := w.Shard.Find(flow.Key(c.Arg)); e != nil && e.Frames == 0 && w.Shard.Info(e).Hinted != 0 && w.Shard.Info(e).Static == 0 {
			w.remove(e)
		}
	}
}

// ahead makes a direction ahead of its first frame. One that is there, with whatever it has counted, stays. A direction
// that was pinned is told of at once; one that another node has is told of by its first frame.
func (w *Worker) ahead(c *Command) (*flow.Entry, *flow.Info) {
	in := w.rxOf(int(c.Port))
	if in == nil || in.pairTx < 0 {
		return nil, nil
	}
	key := flow.Key(c.Arg)
	e := w.Shard.Find(key)
	if e == nil {
		if e = w.Shard.Insert(key, c.Port, w.now); e == nil {
			return nil, nil // the table is full; the first frame will say so too
		}
		e.LastSeen = 0 // never seen: it will be marked
		w.Page.FlowsLive = uint64(w.Shard.Live())
	}
	info := w.Shard.Info(e)
	if info.Orient != flow.OrientUnknown {
		return e, info
	}
	was := w.in
	w.in = in
	before := w.told(e, info)
	verdict := w.judge(key, info, c.From)
	e.Verdict, e.Stamp = verdict|flow.Untold|flow.SpecialCommand, w.stamp()
	w.Page.Evaluations++
	if c.What == Pin {
		w.touch(e)
		w.tell(e, info, before)
	}
	w.in = was
	return e, info
}

func (w *Worker) rxOf(port int) *rx {
	for i := range w.own {
		if w.own[i].port == port {
			return &w.own[i]
		}
	}
	return nil
}

// end ends a direction with its final totals told. While a consumer has no room for them it counts as silent for long
// instead: it ends as soon as there is room, if no frame comes before.
func (w *Worker) end(e *flow.Entry) {
	w.Shard.Info(e).Static = 0
	if !w.ended(e) {
		e.LastSeen = w.now - w.FlowIdle - 1
		return
	}
	w.remove(e)
}

func (w *Worker) remove(e *flow.Entry) {
	w.Shard.Remove(e)
	w.Page.FlowsEnded++
	w.Page.FlowsLive = uint64(w.Shard.Live())
}
