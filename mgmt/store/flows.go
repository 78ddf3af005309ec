package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/report"
)

// FlowsMethod is the method of the bus that lists flows as they stand in the database. The first shard answers for all.
const FlowsMethod = "store.flows"

// FlowsRequest asks for a page of flows.
type FlowsRequest struct {
	After     *int64  `json:"after,omitempty"` // Next of the page before
	Limit     int     `json:"limit,omitempty"` // 0: as the role thinks best
	Initiator string  `json:"initiator,omitempty"`
	Target    string  `json:"target,omitempty"` // WWPNs with colons
	Verdict   string  `json:"verdict,omitempty"`
	VSAN      *uint16 `json:"vsan,omitempty"`
}

// FlowsPage is an answer.
type FlowsPage struct {
	Flows []report.Flow `json:"flows"` // without aliases: those are the policy's
	Next  *int64        `json:"next"`  // null: these were the last
}

const selectFlows = `SELECT pair, fabric, vsan, initiator, initiator_id, target, target_id, verdict, rule, service, frames_to_target,
	frames_to_initiator, bytes_to_target, bytes_to_initiator, errors, created, last_seen
FROM flow_total WHERE node_id = $1 AND epoch = $2 AND pair > $3 AND ($5 = '' OR initiator = $5) AND ($6 = '' OR target = $6)
	AND ($7 = '' OR verdict = $7) AND ($8::integer IS NULL OR vsan = $8) ORDER BY pair LIMIT $4`

// Flows gives a page of the flows of the segment that is served, in the order of their keys.
func (r *Role) Flows(ctx context.Context, q FlowsRequest) (*FlowsPage, error) {
	epoch := r.epoch.Load()
	if epoch == 0 {
		return nil, errors.New("store: flows: no data plane is served")
	}
	node, err := r.db.NodeID(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: flows: %w", err)
	}
	after, limit := int64(math.MinInt64), defaultPage
	if q.After != nil {
		after = *q.After
	}
	if q.Limit > 0 {
		limit = min(q.Limit, maxPage)
	}
	var vsan *int32
	if q.VSAN != nil {
		vsan = new(int32(*q.VSAN))
	}
	rows, err := r.db.Q().Query(ctx, selectFlows, node, int64(epoch), after, limit, q.Initiator, q.Target, q.Verdict, vsan)
	if err != nil {
		return nil, fmt.Errorf("store: flows: %w", err)
	}
	page := &FlowsPage{Flows: []report.Flow{}}
	var pair int64
	var f report.Flow
	var created, seen time.Time
	if _, err := pgx.ForEachRow(rows, []any{
		&pair, &f.Fabric, &f.VSAN, &f.Initiator, &f.InitiatorID, &f.Target, &f.TargetID, &f.Verdict, &f.Rule, &f.Service, &f.FramesOut,
		&f.FramesIn, &f.BytesOut, &f.BytesIn, &f.Errors, &created, &seen,
	}, func() error {
		f.Created, f.LastSeen = created.UTC().Format(time.RFC3339Nano), seen.UTC().Format(time.RFC3339Nano)
		page.Flows = append(page.Flows, f)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("store: flows: %w", err)
	}
	if len(page.Flows) == limit {
		page.Next = &pair
	}
	return page, nil
}

// answerFlows is Flows over the bus.
func (r *Role) answerFlows(ctx context.Context, request []byte) ([]byte, error) {
	var q FlowsRequest
	if len(request) > 0 {
		if err := json.Unmarshal(request, &q); err != nil {
			return nil, fmt.Errorf("store: flows: read the request: %w", err)
		}
	}
	page, err := r.Flows(ctx, q)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(page)
	if err != nil {
		return nil, fmt.Errorf("store: flows: %w", err)
	}
	return b, nil
}
