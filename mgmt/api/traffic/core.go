package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/report"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Ring is a ring from the data plane to the slow path.
type Ring struct {
	Name       string `json:"name" doc:"Consumer, shard and producer." example:"store-0-1"`
	Consumer   string `json:"consumer" enum:"peer,store,event,unknown"`
	Shard      int    `json:"shard" doc:"Which of the consumer's workers reads it."`
	Producer   int    `json:"producer" doc:"Index of the lcore that fills it; the number of lcores is the control goroutine."`
	Items      int    `json:"items" doc:"Its room."`
	Depth      uint64 `json:"depth" doc:"Items that wait in it."`
	Offered    uint64 `json:"offered" doc:"Items put into it, ever."`
	Released   uint64 `json:"released" doc:"Items that its consumer is done with."`
	Pending    uint64 `json:"pending" doc:"Flows or logins that wait for room."`
	Conflated  uint64 `json:"conflated" doc:"Updates that found no room or time and went out merged with a later one."`
	Full       uint64 `json:"full" doc:"Times that it was found full."`
	Lost       uint64 `json:"lost" doc:"Events that found it full; a gap record says where."`
	Gaps       uint64 `json:"gaps"`
	Unreported uint64 `json:"unreported" doc:"Flows that ended, or logins that changed, untold, because their table needed the room."`
	Broken     uint64 `json:"broken" doc:"Times that the consumer's cursor made no sense."`
}

type lcoresInput struct{ rest.Page }

type ringsInput struct {
	rest.Page
	Consumer string `query:"consumer" enum:"peer,store,event" doc:"Only those of this consumer."`
}

func (n *noun) cores(a *rest.API) {
	n.logins(a)
	rest.Register(a, rest.Operation{
		ID: "list-lcores", Method: http.MethodGet, Path: "/api/v1/lcores", Tag: "lcore", Permission: auth.LcoreRead, Summary: "The poll-mode cores",
		Description: "What each has done since the data plane started, in the order of their index.", Errors: append(away, problem.BadCursor),
	}, n.listLcores)
	rest.Register(a, rest.Operation{
		ID: "list-rings", Method: http.MethodGet, Path: "/api/v1/rings", Tag: "ring", Permission: auth.RingRead, Summary: "The rings from the data plane to the slow path",
		Description: "Sorted by `name` or `depth`.", Errors: append(away, problem.BadCursor),
	}, n.listRings)
	rest.Register(a, rest.Operation{
		ID: "list-workers", Method: http.MethodGet, Path: "/api/v1/rings/workers", Tag: "ring", Permission: auth.RingRead, Timeout: workersTime,
		Summary:     "The workers behind the rings",
		Description: "Those of the store, which bring what the rings hold to the database. Those of a shard whose role does not answer are left out.",
		Errors:      append(away, problem.BadCursor, problem.RoleUnavailable),
	}, n.listWorkers)
}

func (n *noun) listLcores(_ context.Context, in *lcoresInput) (*rest.List[report.Lcore], error) {
	_, down, err := in.By("index")
	if err != nil {
		return nil, err
	}
	all, err := look(n.Live, func(s *attach.Segment) ([]report.Lcore, error) { return report.Lcores(s.State), nil })
	if err != nil {
		return nil, err
	}
	key := func(l *report.Lcore) string { return number(uint64(l.Index)) }
	sortBy(all, down, key)
	return rest.Cut(n.api.Cursor, in.Page, fmt.Sprint("lcores", down), all, down, key)
}

func (n *noun) listRings(_ context.Context, in *ringsInput) (*rest.List[Ring], error) {
	field, down, err := in.By("name", "depth")
	if err != nil {
		return nil, err
	}
	rings, err := look(n.Live, func(s *attach.Segment) ([]feed.Ring, error) { return feed.Rings(s.State, s.Ctl), nil })
	if err != nil {
		return nil, err
	}
	var all []Ring
	for _, r := range rings {
		one := Ring{
			Name: fmt.Sprintf("%v-%d-%d", r.Consumer, r.Shard, r.Producer), Consumer: r.Consumer.String(), Shard: r.Shard, Producer: r.Producer, Items: r.Items,
			Depth: r.Depth, Offered: r.Offered, Released: r.Released, Pending: r.Pending, Conflated: r.Conflated, Full: r.Full, Lost: r.Lost, Gaps: r.Gaps,
			Unreported: r.Unreported, Broken: r.Broken,
		}
		if in.Consumer == "" || one.Consumer == in.Consumer {
			all = append(all, one)
		}
	}
	key := func(r *Ring) string {
		name := fmt.Sprintf("%s %03d %03d", r.Consumer, r.Shard, r.Producer)
		if field == "depth" {
			return number(r.Depth) + name
		}
		return name
	}
	sortBy(all, down, key)
	return rest.Cut(n.api.Cursor, in.Page, fmt.Sprint(field, down, in.Consumer), all, down, key)
}

// Worker is one of the store's workers. It has the flows of a hash, so that each flow's updates stay in order.
type Worker struct {
	Name      string  `json:"name" example:"store-0-1"`
	Shard     int     `json:"shard"`
	Index     int     `json:"index"`
	CPU       int     `json:"cpu" doc:"-1: not pinned."`
	Depth     uint64  `json:"depth" doc:"Items that wait for it."`
	Enqueued  uint64  `json:"enqueued"`
	Processed uint64  `json:"processed"`
	Conflated uint64  `json:"conflated" doc:"Items that a later one of the same flow replaced."`
	Stale     uint64  `json:"stale" doc:"Items that were older than what it had."`
	Dropped   uint64  `json:"dropped"`
	P50       float64 `json:"latency_p50_us" doc:"From the ring to the end of the work."`
	P99       float64 `json:"latency_p99_us"`
	P9999     float64 `json:"latency_p9999_us"`
	Worst     float64 `json:"latency_worst_us"`
}

// storeStats is what is read of an answer of role store.
type storeStats struct {
	Workers []struct {
		CPU                                                   int
		Depth, Enqueued, Processed, Conflated, Stale, Dropped uint64
		Latency                                               struct {
			P50   float64 `json:"p50_ns"`
			P99   float64 `json:"p99_ns"`
			P9999 float64 `json:"p9999_ns"`
			Max   float64 `json:"max_ns"`
		}
	}
}

type workersInput struct{ rest.Page }

func (n *noun) listWorkers(ctx context.Context, in *workersInput) (*rest.List[Worker], error) {
	_, down, err := in.By("name")
	if err != nil {
		return nil, err
	}
	rings, err := look(n.Live, func(s *attach.Segment) ([]feed.Ring, error) { return feed.Rings(s.State, s.Ctl), nil })
	if err != nil {
		return nil, err
	}
	shards := map[int]bool{}
	for _, r := range rings {
		if r.Consumer == feed.Store {
			shards[r.Shard] = true
		}
	}
	var all []Worker
	var failed error
	for shard := range shards {
		workers, err := n.workers(ctx, shard)
		all, failed = append(all, workers...), errors.Join(failed, err)
	}
	if len(all) == 0 && failed != nil {
		return nil, problem.Wrap(problem.RoleUnavailable, failed, "Role store does not answer.")
	}
	key := func(w *Worker) string { return fmt.Sprintf("%03d %03d", w.Shard, w.Index) }
	sortBy(all, down, key)
	return rest.Cut(n.api.Cursor, in.Page, fmt.Sprint("workers", down), all, down, key)
}

// workers are those of a shard of the store.
func (n *noun) workers(ctx context.Context, shard int) (all []Worker, err error) {
	if n.Bus == nil {
		return nil, errors.New("there is no bus")
	}
	answer, err := n.Bus.CallShard(ctx, "store", shard, "store.stats", nil)
	var s storeStats
	if err == nil {
		err = json.Unmarshal(answer, &s)
	}
	for i, w := range s.Workers {
		all = append(all, Worker{
			Name: fmt.Sprintf("store-%d-%d", shard, i), Shard: shard, Index: i, CPU: w.CPU, Depth: w.Depth, Enqueued: w.Enqueued, Processed: w.Processed,
			Conflated: w.Conflated, Stale: w.Stale, Dropped: w.Dropped, P50: w.Latency.P50 / 1e3, P99: w.Latency.P99 / 1e3, P9999: w.Latency.P9999 / 1e3,
			Worst: w.Latency.Max / 1e3,
		})
	}
	return all, err
}
