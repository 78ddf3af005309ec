package faults

import (
	"cmp"
	"fmt"
	"slices"

	"fcredirect/dataplane/flow"
)

// complaints collects problems: the first few in words, the others by their number.
type complaints struct {
	shown []string
	more  int
}

func (c *complaints) add(format string, args ...any) {
	if len(c.shown) == problemsShown {
		c.more++
		return
	}
	c.shown = append(c.shown, fmt.Sprintf(format, args...))
}

func (c *complaints) list() []string {
	if c.more > 0 {
		return append(c.shown, fmt.Sprintf("and %d more", c.more))
	}
	return c.shown
}

func (id lifeID) in(l life) string {
	k := flow.Key(l.key)
	return fmt.Sprintf("direction %d of epoch %d (%06x to %06x)", id.serial, id.epoch, k.SID(), k.DID())
}

// compareFlows holds the flows of a database against those of a segment at rest, whose epoch is the one given. Lives of
// earlier segments, as they were at rest, may be among what is wanted.
func compareFlows(want, got map[lifeID]life, epoch uint64) []string {
	var c complaints
	for _, id := range order(want) {
		w := want[id]
		g, there := got[id]
		switch {
		case !there:
			c.add("%s is not in the database", id.in(w))
		case g.key != w.key || g.initiator != w.initiator || g.target != w.target:
			c.add("%s has the key %x and the WWPNs %x, %x in the database; %x and %x, %x in the segment",
				id.in(w), g.key, g.initiator, g.target, w.key, w.initiator, w.target)
		case g.frames != w.frames || g.bytes != w.bytes || g.errors != w.errors:
			c.add("%s has %d frames, %d bytes, %d errors in the database; %d, %d, %d in the segment",
				id.in(w), g.frames, g.bytes, g.errors, w.frames, w.bytes, w.errors)
		case g.ended && id.epoch == epoch:
			c.add("%s is ended in the database and lives in the segment", id.in(w))
		}
	}
	for _, id := range order(got) {
		g := got[id]
		if _, there := want[id]; !there && id.epoch == epoch && !g.ended {
			c.add("%s lives in the database and is not in the segment", id.in(g))
		}
	}
	return c.list()
}

// compareSamples holds the flows of a database at rest against the sums of their samples.
func compareSamples(got map[lifeID]life) []string {
	var c complaints
	for _, id := range order(got) {
		g := got[id]
		if g.samples != g.sampled {
			c.add("%s: its samples sum up to %d frames, %d bytes; sampled are %d, %d", id.in(g), g.samples.frames, g.samples.bytes, g.sampled.frames, g.sampled.bytes)
		}
		if all := (total{g.frames, g.bytes}); g.sampled != all {
			c.add("%s: %d frames, %d bytes of %d, %d are sampled", id.in(g), g.sampled.frames, g.sampled.bytes, all.frames, all.bytes)
		}
	}
	return c.list()
}

func order(m map[lifeID]life) []lifeID {
	ids := make([]lifeID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b lifeID) int { return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.serial, b.serial)) })
	return ids
}

// event is what of an event in the database the judge asks for.
type event struct {
	number uint64
	origin origin
	seq    uint64
	name   string
	lost   uint64 // of a gap record
}

// origin is who numbered an event: a producer of a segment, or below the node's own processes.
type origin struct {
	epoch    uint64
	producer uint32
}

// ownProducer is the first number of producers that are no lcore and no control goroutine (event.FromProcess).
const ownProducer = 1 << 10

// gapName is the type of a gap record.
const gapName = "log.gap"

// offered is how far a producer has numbered its events, and how many found its ring full.
type offered struct{ last, lost uint64 }

// compareEvents holds the log against what the producers numbered. Origins of earlier segments may be among what is wanted.
func compareEvents(log []event, want map[origin]offered) []string {
	var c complaints
	log = slices.SortedFunc(slices.Values(log), func(a, b event) int { return cmp.Compare(a.number, b.number) })
	next := map[origin]uint64{}
	lost := map[origin]uint64{}
	for i, e := range log {
		if e.number != uint64(i)+1 {
			c.add("event %d stands where number %d is due", e.number, i+1)
			break // all that follow are shifted
		}
	}
	for _, e := range log {
		last, ours := next[e.origin], e.origin.producer < ownProducer
		switch {
		case e.seq == last && last > 0:
			c.add("event %d: number %d of producer %d came twice", e.number, e.seq, e.origin.producer)
		case e.seq < last:
			c.add("event %d: number %d of producer %d came after its number %d", e.number, e.seq, e.origin.producer, last)
		case ours && e.seq != last+1:
			c.add("event %d: number %d of producer %d follows its number %d: %d are missing", e.number, e.seq, e.origin.producer, last, e.seq-last-1)
		}
		next[e.origin] = max(last, e.seq)
		if e.name == gapName {
			lost[e.origin] += e.lost
		}
	}
	for o, w := range want {
		if next[o] != w.last {
			c.add("producer %d of epoch %d offered %d events, the log has %d", o.producer, o.epoch, w.last, next[o])
		}
		if lost[o] != w.lost {
			c.add("producer %d of epoch %d lost %d events, gap records tell of %d", o.producer, o.epoch, w.lost, lost[o])
		}
	}
	return c.list()
}
