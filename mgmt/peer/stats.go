package peer

import (
	"sync/atomic"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

// Stats is what came out of the rings since Run began, and what was done with it. Counters only go up.
type Stats struct {
	Lanes    map[string]Lane `json:"lanes"`    // immediate, high, normal
	Synced   uint64          `json:"synced"`   // ends of answers to a wish for everything
	Unknown  uint64          `json:"unknown"`  // items of a kind that this version does not know
	Batches  uint64          `json:"batches"`  // reads of the rings that found something
	Segments uint64          `json:"segments"` // of the data plane: more than one means cold starts
	Cluster  *Totals         `json:"cluster"`  // null: this node stands alone
}

// Lane is the items of one lane.
type Lane struct {
	Flows  uint64 `json:"flows"`
	Logins uint64 `json:"logins"`
	Ended  uint64 `json:"ended"` // of both, the last of their life
	Bytes  uint64 `json:"bytes"` // as they lie in the ring: one message each would carry as much
}

// Totals are those of peer sync.
type Totals struct {
	Sync    SyncTotals       `json:"sync"`
	Peers   []Peer           `json:"peers"`
	Ready   Readiness        `json:"readiness"` // false where there is no partner
	Program ProgrammedTotals `json:"programmed"`
	Full    uint64           `json:"full"`   // records of this node that found no room
	Untold  uint64           `json:"untold"` // news that were not made events, because too many came
}

// SyncTotals are those of the protocol.
type SyncTotals struct {
	Changes   map[string]uint64 `json:"changes"`   // of this node, by lane
	Bursts    uint64            `json:"bursts"`    // times that nothing was gathered because much came
	Exhausted uint64            `json:"exhausted"` // times that all buffers of a connection were used, and changes were merged
	Express   uint64            `json:"express"`   // immediate changes that went ahead
	Barriers  uint64            `json:"barriers"`  // and those that took everything along
	Held      uint64            `json:"held"`      // units that had to wait for what they depend on
	Wants     uint64            `json:"wants"`     // questions for changes of a node that cannot be reached
	Diverged  uint64            `json:"diverged"`
	Repaired  uint64            `json:"repaired"`  // records
	Collected uint64            `json:"collected"` // deletions that everybody knows
	Resets    uint64            `json:"resets"`    // streams that were replaced as a whole
	Protocol  uint64            `json:"protocol"`  // connections that were ended because of what came over them
	Memory    int               `json:"memory"`    // bytes of all tables
}

func syncTotals(s engine.Stats) SyncTotals {
	t := SyncTotals{
		Changes: map[string]uint64{}, Bursts: s.Bursts, Exhausted: s.Exhausted, Express: s.Expresses, Barriers: s.Barriers, Held: s.Held, Wants: s.Wants,
		Diverged: s.Diverged, Repaired: s.Repaired, Collected: s.Collected, Resets: s.Resets, Protocol: s.Protocol, Memory: s.Memory,
	}
	for lane := range record.NumLanes {
		t.Changes[lane.String()] = s.Changes[lane]
	}
	return t
}

// ProgrammedTotals is what the data plane made of what the partner knows.
type ProgrammedTotals struct {
	Done    uint64 `json:"done"`
	Better  uint64 `json:"better"`  // this node had seen them itself
	Refused uint64 `json:"refused"` // they found no place
}

var laneNames = [...]string{feed.Immediate: "immediate", feed.High: "high", feed.Normal: "normal"}

type counts struct {
	lanes [len(laneNames)]struct{ flows, logins, ended atomic.Uint64 }

	synced, unknown, batches, segments atomic.Uint64
}

// count takes one item. A lane beyond those that there are would be a newer data plane's: it counts as the least urgent.
func (c *counts) count(item *feed.Item) {
	h := item.Header()
	lane := &c.lanes[min(int(h.Lane), len(c.lanes)-1)]
	switch h.Kind {
	case feed.KindFlow:
		lane.flows.Add(1)
	case feed.KindLogin:
		lane.logins.Add(1)
	case feed.KindSynced:
		c.synced.Add(1)
		return
	default:
		c.unknown.Add(1)
		return
	}
	if h.Flags&feed.FlagEnded != 0 {
		lane.ended.Add(1)
	}
}

// Stats may be called from any goroutine.
func (r *Role) Stats() Stats {
	c := &r.counts
	s := Stats{Lanes: map[string]Lane{}, Synced: c.synced.Load(), Unknown: c.unknown.Load(), Batches: c.batches.Load(), Segments: c.segments.Load()}
	for n := range c.lanes {
		l := Lane{Flows: c.lanes[n].flows.Load(), Logins: c.lanes[n].logins.Load(), Ended: c.lanes[n].ended.Load()}
		l.Bytes = (l.Flows + l.Logins) * feed.ItemBytes
		s.Lanes[laneNames[n]] = l
	}
	if c := r.cluster.Load(); c != nil {
		s.Cluster = c.totals(r)
	}
	return s
}

func (c *cluster) totals(r *Role) *Totals {
	t := &Totals{Sync: syncTotals(c.engine.Stats()), Peers: c.list(r), Untold: c.dropped.Load(), Full: c.own.full.Load()}
	if p := c.programmer; p != nil {
		t.Ready, t.Program = p.readiness(), p.totals()
	}
	return t
}
