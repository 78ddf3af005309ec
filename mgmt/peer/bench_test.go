package peer

import (
	"testing"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
)

// BenchmarkTotals is what an update of a flow's counters costs, from the ring's item to the engine's table.
func BenchmarkTotals(b *testing.B) {
	s := alone(b)
	items := make([]*feed.Item, 24000)
	for i := range items {
		items[i] = flowItem(flow.MakeKey(1, 100, uint32(i+1), 0x20000), nil)
		s.take(0, items[i])
	}
	s.own.flush()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		item := items[n%len(items)]
		item.Flow().Frames++
		s.take(0, item)
	}
}
