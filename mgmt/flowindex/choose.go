package flowindex

import (
	"cmp"
	"slices"

	"fcredirect/dataplane/flow"
)

// candidate is a row with what it is sorted by.
type candidate struct {
	value uint64
	key   flow.Key
	row   uint32
}

func (c candidate) before(d candidate) bool {
	return c.value < d.value || c.value == d.value && c.key < d.key
}

// choice keeps the first so many of all that it is offered. What may be among them is gathered; when the room is full, the
// first are found without sorting, and their last one is the limit for what is offered later. So the work for a row is
// the same on average in whatever order they come; a heap took ten times as long for rows that come last first.
type choice struct {
	keep  int
	all   []candidate
	limit candidate
	full  bool // limit is set
}

const choiceRoom = 4096

func (h *choice) begin(keep int) {
	h.keep, h.full = keep, false
	if room := max(choiceRoom, 4*keep); cap(h.all) < room {
		h.all = make([]candidate, 0, room)
	}
	h.all = h.all[:0]
}

func (h *choice) offer(c candidate) {
	if h.full && !c.before(h.limit) {
		return
	}
	if h.all = append(h.all, c); len(h.all) == cap(h.all) {
		h.narrow()
	}
}

// narrow drops all but the first.
func (h *choice) narrow() {
	part(h.all, h.keep)
	h.all = h.all[:h.keep]
	h.limit, h.full = h.all[0], true
	for _, c := range h.all[1:] {
		if h.limit.before(c) {
			h.limit = c
		}
	}
}

// sorted gives those kept, in order.
func (h *choice) sorted() []candidate {
	if len(h.all) > h.keep {
		h.narrow()
	}
	slices.SortFunc(h.all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.key, b.key)) })
	return h.all
}

// part puts the k first of all in front, in any order: Hoare's selection, with the middle one of three as pivot. k is less
// than len(all).
func part(all []candidate, k int) {
	low, high := 0, len(all)-1
	for low < high {
		pivot := middle(all[low], all[(low+high)/2], all[high])
		i, j := low, high
		for i <= j {
			for all[i].before(pivot) {
				i++
			}
			for pivot.before(all[j]) {
				j--
			}
			if i <= j {
				all[i], all[j] = all[j], all[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			return
		}
	}
}

func middle(a, b, c candidate) candidate {
	if b.before(a) {
		a, b = b, a
	}
	if c.before(b) {
		b = c
	}
	if b.before(a) {
		b = a
	}
	return b
}
