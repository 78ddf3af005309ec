package system

import (
	"context"
	"encoding/json"
	"fmt"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/store"
	"fcredirect/mgmt/worker"
)

// answering is a role whose figures can be asked for over the bus while it runs.
type answering struct {
	Role
	bus    *bus.Bus
	method string
	shard  int
	stats  func() any
}

func (a *assembly) answering(r Role, method string, shard int, stats func() any) Role {
	return answering{r, a.bus, method, shard, stats}
}

func (a answering) Run(ctx context.Context, ready func()) error {
	defer a.bus.HandleShard(a.method, a.shard, func(context.Context, []byte) ([]byte, error) {
		b, err := json.Marshal(a.stats())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.method, err)
		}
		return b, nil
	})()
	return a.Role.Run(ctx, ready)
}

// StoreStats is what store.stats answers, for one shard.
type StoreStats struct {
	store.Stats
	Flush   Latency       `json:"flush"` // of transactions
	Workers []WorkerStats `json:"workers"`
}

// WorkerStats is one of its workers.
type WorkerStats struct {
	CPU       int     `json:"cpu"` // -1: not pinned
	Depth     uint64  `json:"depth"`
	Enqueued  uint64  `json:"enqueued"`
	Processed uint64  `json:"processed"`
	Conflated uint64  `json:"conflated"`
	Stale     uint64  `json:"stale"`
	Dropped   uint64  `json:"dropped"`
	Latency   Latency `json:"latency"`
}

// Latency is a histogram in short, in nanoseconds.
type Latency struct {
	Count uint64 `json:"count"`
	P50   uint64 `json:"p50_ns"`
	P99   uint64 `json:"p99_ns"`
	P9999 uint64 `json:"p9999_ns"`
	Max   uint64 `json:"max_ns"`
}

func latencyOf(h *shm.Histogram) Latency {
	return Latency{Count: h.Count(), P50: h.Quantile(0.5), P99: h.Quantile(0.99), P9999: h.Quantile(0.9999), Max: h.Max}
}

func storeStatsOf(s store.Stats) StoreStats {
	out := StoreStats{Stats: s, Flush: latencyOf(&s.Flush)}
	for i := range s.Workers {
		out.Workers = append(out.Workers, workerOf(&s.Workers[i]))
	}
	return out
}

func workerOf(w *worker.Worker) WorkerStats {
	return WorkerStats{
		CPU: w.CPU, Depth: w.Depth, Enqueued: w.Enqueued, Processed: w.Processed, Conflated: w.Conflated, Stale: w.Stale, Dropped: w.Dropped,
		Latency: latencyOf(&w.Latency),
	}
}
