package checker

import (
	"slices"

	"fcredirect/mgmt/peer/record"
)

// Stored judges what a node has in store of another (or of itself), against what it told and what was made. The records
// are those that stand; deleted ones are left out.
func (c *Checker) Stored(observer, origin uint8, incarnation uint64, records map[record.Key]record.Record) {
	if observer == origin {
		c.own(origin, records)
		return
	}
	v := &c.nodes[observer].views[origin]
	if v.incarnation != incarnation && (incarnation != 0 && len(records) > 0 || v.incarnation != 0) {
		c.Object("told", "node %d has incarnation %d of node %d in store, and told of %d", observer, incarnation, origin, v.incarnation)
		return
	}
	stand := 0
	for key, s := range v.seen {
		if s.gone {
			continue
		}
		stand++
		if r, is := records[key]; !is || r.Version != s.version {
			c.Object("told", "node %d told of %v of node %d at version %d, and has version %d in store", observer, key, origin, s.version, r.Version)
		}
	}
	if stand != len(records) {
		c.Object("told", "node %d told of %d records of node %d, and has %d in store", observer, stand, origin, len(records))
	}
	for key, r := range records {
		if !c.made(origin, incarnation, r) {
			c.Object("genuine", "node %d has %v of node %d in store, which its origin never made: %v", observer, key, origin, r)
		}
	}
}

// made says whether the origin made this record, in any life of that incarnation.
func (c *Checker) made(origin uint8, incarnation uint64, r record.Record) bool {
	for _, l := range c.nodes[origin].numbers[incarnation] {
		if made := l.at(r.Version); made != nil && made.Record == r {
			return true
		}
	}
	return false
}

// own judges what a node has of itself.
func (c *Checker) own(origin uint8, records map[record.Key]record.Record) {
	latest := c.nodes[origin].life().latest()
	for key, made := range latest {
		if r := records[key]; r != made.Record {
			c.Object("genuine", "node %d made %v, and has %v", origin, made.Record, r)
		}
	}
	if len(latest) != len(records) {
		c.Object("genuine", "node %d made %d records, and has %d", origin, len(latest), len(records))
	}
}

// Converged judges the end of a run: every living node shows what each living one has, and of the dead what all the
// others show.
func (c *Checker) Converged() {
	for origin := range c.nodes {
		n := &c.nodes[origin]
		if len(n.lives) == 0 {
			continue
		}
		first := -1
		for observer := range c.nodes {
			switch {
			case !c.nodes[observer].up || observer == origin:
			case n.up:
				c.shows(uint8(observer), uint8(origin))
			case first < 0:
				first = observer
			default:
				c.same(uint8(first), uint8(observer), uint8(origin))
			}
		}
	}
}

// shows objects when a node does not show exactly what a living one made.
func (c *Checker) shows(observer, origin uint8) {
	n := &c.nodes[origin]
	latest := n.life().latest()
	v := &c.nodes[observer].views[origin]
	its := slices.Contains(n.numbers[v.incarnation], n.life())
	stand := 0
	for key, s := range v.seen {
		if s.gone {
			continue
		}
		stand++
		if made := latest[key]; made == nil || !its {
			c.Object("converged", "node %d still shows %v version %d of node %d, which is gone", observer, key, s.version, origin)
		}
	}
	for key, made := range latest {
		if s := v.seen[key]; s.gone || s.version != made.Version {
			c.Object("converged", "node %d shows %v of node %d at version %d instead of %d", observer, key, origin, s.version, made.Version)
		}
	}
	if stand != len(latest) {
		c.Object("converged", "node %d shows %d records of node %d, which has %d", observer, stand, origin, len(latest))
	}
}

// same objects when two nodes do not show the same of a dead one.
func (c *Checker) same(a, b, origin uint8) {
	one, other := &c.nodes[a].views[origin], &c.nodes[b].views[origin]
	if one.incarnation != other.incarnation {
		c.Object("converged", "of node %d, which is dead, node %d shows incarnation %d and node %d shows %d", origin, a, one.incarnation, b, other.incarnation)
		return
	}
	for _, pair := range [2][2]*view{{one, other}, {other, one}} {
		for key, s := range pair[0].seen {
			if got := pair[1].seen[key]; !s.gone && got != s {
				c.Object("converged", "of node %d, which is dead, %v stands at version %d with node %d or %d, and at %d with the other",
					origin, key, s.version, a, b, got.version)
			}
		}
	}
}

// Keys is how many keys of a stream a node ever had, in any life.
func (c *Checker) Keys(origin uint8, stream record.Stream) int {
	return len(c.nodes[origin].keys[stream])
}
