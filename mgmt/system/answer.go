package system

import (
	"context"
	"encoding/json"
	"fmt"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/event/eventlog"
	"fcredirect/mgmt/event/spool"
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

// EventStats is what event.stats answers.
type EventStats struct {
	Events        uint64      `json:"events"`
	FromRings     uint64      `json:"from_rings"`
	FromProcesses uint64      `json:"from_processes"`
	Duplicates    uint64      `json:"duplicates"`
	Lost          uint64      `json:"lost"` // that the data plane counted as lost, in gap records
	Failures      uint64      `json:"failures"`
	Number        uint64      `json:"number"`
	Waiting       uint64      `json:"waiting"` // that the database does not have yet
	Drained       uint64      `json:"drained"`
	DrainErrors   uint64      `json:"drain_errors"`
	OfferedAgain  uint64      `json:"offered_again"`
	Deleted       uint64      `json:"deleted"`
	Spool         spool.Stats `json:"spool"`
	Commit        Latency     `json:"commit"`  // of a group to the spool
	Publish       Latency     `json:"publish"` // from an event's time to when subscribers may see it
	Drain         Latency     `json:"drain"`   // of a batch to the database
	Lag           Latency     `json:"lag"`     // from an event's time to when the database has it
}

func eventStatsOf(s eventlog.Stats) EventStats {
	return EventStats{
		Events: s.Events, FromRings: s.FromRings, FromProcesses: s.FromProcesses, Duplicates: s.Duplicates, Lost: s.Lost, Failures: s.Failures,
		Number: s.Number, Waiting: s.Waiting, Drained: s.Drained, DrainErrors: s.DrainErrors, OfferedAgain: s.OfferedAgain, Deleted: s.Deleted,
		Spool: s.Spool, Commit: latencyOf(s.Commit), Publish: latencyOf(s.Publish), Drain: latencyOf(s.Drain), Lag: latencyOf(s.Lag),
	}
}
