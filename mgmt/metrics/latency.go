package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"fcredirect/dataplane/shm"
)

// bucketsOf finds, for each bound in seconds, the bucket of a histogram of ticks in which it lies.
func bucketsOf(bounds []float64, hz float64) []int {
	at := make([]int, 0, len(bounds))
	for _, b := range bounds {
		var one shm.Histogram
		one.Add(uint64(b*hz), 1)
		for i, n := range one.Buckets {
			if n == 1 {
				at = append(at, i)
				break
			}
		}
	}
	return at
}

// tellLatency tells an lcore's histogram with our bounds. The lcore goes on counting meanwhile, so each bucket is read
// once and the count is their sum.
func tellLatency(out sink, h *shm.Histogram, at []int, hz float64, lcore string) {
	buckets := make(map[float64]uint64, len(at))
	var count uint64
	next := 0
	for i := range h.Buckets {
		count += atomic.LoadUint64(&h.Buckets[i])
		for ; next < len(at) && at[next] == i; next++ {
			buckets[latencyBounds[next]] = count
		}
	}
	sum := float64(atomic.LoadUint64(&h.Sum)) / hz
	told, err := prometheus.NewConstHistogram(lcoreLatency.desc, count, sum, buckets, lcore)
	if err != nil {
		told = prometheus.NewInvalidMetric(lcoreLatency.desc, err)
	}
	out <- told
}
