package metrics

import (
	"strconv"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

var (
	ringItems      = gauge("fcr_ring_capacity_items", "Items for which a ring to the slow path has room.", "consumer", "shard", "producer")
	ringDepth      = gauge("fcr_ring_depth_items", "Items that wait to be made durable.", "consumer", "shard", "producer")
	ringOffered    = counter("fcr_ring_offered_items_total", "Items put into the ring.", "consumer", "shard", "producer")
	ringReleased   = counter("fcr_ring_released_items_total", "Items that the consumer has made durable.", "consumer", "shard", "producer")
	ringConflated  = counter("fcr_ring_conflated_updates_total", "Reports withheld: a flow that still waits when a report period is over counts once for each such period, a login each time that it changes meanwhile. Nothing is lost.", "consumer", "shard", "producer")
	ringFull       = counter("fcr_ring_full_total", "Times that the ring was found full.", "consumer", "shard", "producer")
	ringLost       = counter("fcr_ring_lost_events_total", "Events that found the ring full. A gap record says where.", "consumer", "shard", "producer")
	ringGaps       = counter("fcr_ring_gap_records_total", "Gap records.", "consumer", "shard", "producer")
	ringPending    = gauge("fcr_ring_pending_updates", "Flows or logins that wait for room.", "consumer", "shard", "producer")
	ringUnreported = counter("fcr_ring_unreported_total", "Ends that had to go untold because their table was full. The consumer asks for everything then.", "consumer", "shard", "producer")
	ringBroken     = counter("fcr_ring_broken_total", "Times that the consumer's cursor was nonsense.", "consumer", "shard", "producer")
)

func tellRings(out sink, seg *attach.Segment) {
	lcores := len(shm.Items[shm.Lcore](seg.State, shm.RegionLcores))
	for _, r := range feed.Rings(seg.State, seg.Ctl) {
		if r.Items == 0 {
			continue // the data plane has not made it yet
		}
		consumer, shard, producer := r.Consumer.String(), strconv.Itoa(r.Shard), producerOf(r.Producer, lcores)
		put := func(m *Metric, n uint64) { out.count(m, n, consumer, shard, producer) }
		put(ringItems, uint64(r.Items))
		put(ringDepth, r.Depth)
		put(ringOffered, r.Offered)
		put(ringReleased, r.Released)
		put(ringConflated, r.Conflated)
		put(ringFull, r.Full)
		put(ringLost, r.Lost)
		put(ringGaps, r.Gaps)
		put(ringPending, r.Pending)
		put(ringUnreported, r.Unreported)
		put(ringBroken, r.Broken)
	}
}

// producerOf names who fills a ring: an lcore, or behind the last of them the control goroutine.
func producerOf(n, lcores int) string {
	if n == lcores {
		return "control"
	}
	return "lcore" + strconv.Itoa(n)
}
