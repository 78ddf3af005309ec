package login

import (
	"iter"

	"fcredirect/dataplane/frame"
)

// index finds slots by something that is not the address: chains in fixed arrays, so that it takes no memory after it
// is made. Equal keys share a chain with others of the same hash; whoever walks it compares.
type index struct {
	heads      []int32 // first slot of a chain, -1 none
	next, prev []int32 // by slot; prev of the first is -1
	where      []int32 // by slot: its chain, -1 not in any
}

func newIndex(slots int) index {
	x := index{
		heads: make([]int32, slots), next: make([]int32, slots), prev: make([]int32, slots), where: make([]int32, slots),
	}
	for i := range slots {
		x.heads[i], x.where[i] = -1, -1
	}
	return x
}

func (x *index) chain(hash uint64) int32 { return int32(hash & uint64(len(x.heads)-1)) }

func (x *index) add(slot int, hash uint64) {
	c, s := x.chain(hash), int32(slot)
	x.next[s], x.prev[s], x.where[s] = x.heads[c], -1, c
	if n := x.heads[c]; n >= 0 {
		x.prev[n] = s
	}
	x.heads[c] = s
}

// drop takes a slot out of its chain, if it is in one.
func (x *index) drop(slot int) {
	s := int32(slot)
	if x.where[s] < 0 {
		return
	}
	n, p := x.next[s], x.prev[s]
	if p >= 0 {
		x.next[p] = n
	} else {
		x.heads[x.where[s]] = n
	}
	if n >= 0 {
		x.prev[n] = p
	}
	x.where[s] = -1
}

// walk yields the slots of a chain. The one that was yielded may be dropped meanwhile.
func (x *index) walk(hash uint64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for s := x.heads[x.chain(hash)]; s >= 0; {
			n := x.next[s]
			if !yield(int(s)) {
				return
			}
			s = n
		}
	}
}

func (l *Learner) nameHash(space uint64, w frame.WWN) uint64 {
	return mix(mix(uint64(w)^l.t.seed) ^ space)
}

func (l *Learner) eNodeHash(space uint64, m frame.MAC) uint64 {
	return mix(mix(packMAC(m)^l.t.seed) ^ space)
}

// enter puts slot i into the indexes.
func (l *Learner) enter(i int, n *Login) {
	l.byName.add(i, l.nameHash(n.Addr.space(), n.WWPN))
	if !n.ENode.IsZero() {
		l.byENode.add(i, l.eNodeHash(n.Addr.space(), n.ENode))
	}
}

func (l *Learner) leave(i int) {
	l.byName.drop(i)
	l.byENode.drop(i)
}

// named yields the slots that hold a WWPN in one space.
func (l *Learner) named(space uint64, w frame.WWN) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range l.byName.walk(l.nameHash(space, w)) {
			s := &l.t.slots[i]
			if s[wWWPN].Load() == uint64(w) && Addr(s[wAddr].Load()).space() == space && !yield(i) {
				return
			}
		}
	}
}

// behind yields the slots of the logins that live on an ENode.
func (l *Learner) behind(space uint64, m frame.MAC) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range l.byENode.walk(l.eNodeHash(space, m)) {
			s := &l.t.slots[i]
			if s[wENode].Load() == packMAC(m) && Addr(s[wAddr].Load()).space() == space && !yield(i) {
				return
			}
		}
	}
}
