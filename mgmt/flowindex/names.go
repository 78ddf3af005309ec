package flowindex

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
)

// nameTable is what the ends of flows are called, by number. It does not change.
type nameTable struct {
	era    uint64
	policy *policy.Snapshot
	shown  []string // alias, else WWPN; empty for number 0
	order  []uint32 // numbers by what is shown
	rank   []uint32 // place in order, by number
}

// names keeps the last table: it is made again only when there are new names, or another policy.
type names struct {
	mu   sync.Mutex
	last *nameTable // guarded by mu
}

func (n *names) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = nil
}

// of gives the table for an image.
func (n *names) of(i *image) *nameTable {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t := n.last; t != nil && t.era == i.era && t.policy == i.policy && len(t.shown) >= len(i.wwpns) {
		return t
	}
	t := &nameTable{era: i.era, policy: i.policy, shown: make([]string, len(i.wwpns)), order: make([]uint32, len(i.wwpns)), rank: make([]uint32, len(i.wwpns))}
	for number, wwpn := range i.wwpns {
		t.shown[number] = i.shown(wwpn)
		t.order[number] = uint32(number)
	}
	slices.SortFunc(t.order, func(a, b uint32) int { return cmp.Or(strings.Compare(t.shown[a], t.shown[b]), cmp.Compare(a, b)) })
	for place, number := range t.order {
		t.rank[number] = uint32(place)
	}
	n.last = t
	return t
}

// shown is an alias, else the WWPN; empty for 0.
func (i *image) shown(wwpn uint64) string {
	if wwpn == 0 {
		return ""
	}
	if alias := i.alias(wwpn); alias != "" {
		return alias
	}
	return frame.WWN(wwpn).String()
}

func (i *image) alias(wwpn uint64) string {
	if i.policy == nil || wwpn == 0 {
		return ""
	}
	return i.policy.AliasOf(frame.WWN(wwpn))
}

// place is where a name stands in the order, doubled, so that one that is not there (any more) has a place between two.
func (t *nameTable) place(name string) uint64 {
	at, found := slices.BinarySearchFunc(t.order, name, func(number uint32, name string) int { return strings.Compare(t.shown[number], name) })
	if found {
		return 2*uint64(at) + 1
	}
	return 2 * uint64(at)
}

// of a number, its place.
func (t *nameTable) placeOf(number uint32) uint64 { return 2*uint64(t.rank[number]) + 1 }
