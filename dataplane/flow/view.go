package flow

import (
	"iter"
	"sync/atomic"
	"unsafe"
)

// View reads a shard from outside: another goroutine, or another process that maps the segment.
type View struct {
	entries []Entry
	infos   []Info
}

// NewView makes a view over the two regions. It trusts nothing in them.
func NewView(entries []Entry, infos []Info) View { return View{entries, infos} }

// Direction is a copy of one direction.
type Direction struct {
	Entry
	Info Info
}

// All gives each direction that could be copied whole. One that changes hands during the copy is left out: it is
// being made or ended.
func (v View) All() iter.Seq[Direction] {
	return func(yield func(Direction) bool) {
		for i := range v.entries {
			if d, ok := v.copy(i); ok && !yield(d) {
				return
			}
		}
	}
}

// Slots is the number of slots, for whoever walks them in parts.
func (v View) Slots() int { return len(v.entries) }

// Part gives what All gives, of the n slots from a first one on.
func (v View) Part(first, n int) iter.Seq[Direction] {
	return func(yield func(Direction) bool) {
		for i := first; i < min(first+n, len(v.entries)); i++ {
			if d, ok := v.copy(i); ok && !yield(d) {
				return
			}
		}
	}
}

// Active gives, of the n slots from a first one on, the keys of directions seen since a TSC.
func (v View) Active(first, n int, since uint64) iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for i := first; i < min(first+n, len(v.entries)); i++ {
			if d, ok := v.copy(i); ok && int64(d.LastSeen-since) >= 0 && !yield(d.Key) {
				return
			}
		}
	}
}

// copy races with the writer by design and detects it by the incarnation, which the race detector cannot know.
//
//go:norace
func (v View) copy(i int) (d Direction, ok bool) {
	e := &v.entries[i]
	word := (*uint32)(unsafe.Pointer(&e.Inc))
	before := uint16(atomic.LoadUint32(word))
	if before&1 != 0 || e.Key == 0 || e.Key == tombstone {
		return d, false
	}
	d.Entry = *e
	if int(d.Entry.Info) >= len(v.infos) {
		return d, false
	}
	d.Info = v.infos[d.Entry.Info]
	after := uint16(atomic.LoadUint32(word))
	return d, before == after && d.Info.Slot == uint32(i) && d.Key != 0
}

// Flow is both directions put together, seen from the initiator.
type Flow struct {
	Key               Key // of the direction from the initiator
	Initiator, Target uint64
	ToTarget          Direction
	ToInitiator       Direction
	Verdict           Verdict // of the direction seen last
	Rule              int32
	Service           int16
	Evaluated         bool
	Static            bool // somebody wants it to stand, though it is silent
}

// Flows joins the directions of a set of views (one per lcore) to flows. Directions on which no FCP frame was seen
// are no flow yet. It needs memory for all of them.
func Flows(views ...View) []Flow {
	index := map[Key]int{}
	var flows []Flow
	for _, v := range views {
		for d := range v.All() {
			k := d.Key
			switch d.Info.Orient {
			case FromTarget:
				k = k.Reverse()
			case OrientUnknown:
				continue
			}
			i, ok := index[k]
			if !ok {
				i = len(flows)
				index[k] = i
				flows = append(flows, Flow{Key: k, Rule: -1, Service: -1})
			}
			flows[i].join(d)
		}
	}
	return flows
}

func (f *Flow) join(d Direction) {
	if d.Info.Initiator != 0 {
		f.Initiator = d.Info.Initiator
	}
	if d.Info.Target != 0 {
		f.Target = d.Info.Target
	}
	f.Static = f.Static || d.Info.Static != 0
	newer := int64(d.LastSeen-max(f.ToTarget.LastSeen, f.ToInitiator.LastSeen)) >= 0
	if d.Info.Orient == FromInitiator {
		f.ToTarget = d
	} else {
		f.ToInitiator = d
	}
	if newer || !f.Evaluated {
		f.Verdict, f.Rule, f.Service, f.Evaluated = d.Verdict, d.Info.Rule, d.Info.Service, d.Stamp != 0
	}
}
