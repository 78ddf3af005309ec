package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/problem"
)

// Index is where flows are found: a *flowindex.Index.
type Index interface {
	List(context.Context, *flowindex.Query) (*flowindex.Page, error)
	Wait(ctx context.Context, after time.Time) (time.Time, error)
}

// Flows is the topic of flows: the first so many that a filter selects, in an order. There is something new as often as the
// index makes an image.
func Flows(index Index) Topic {
	turn := make(chan struct{}, 1)
	return Topic{
		Name: "flows", Permission: auth.FlowRead,
		Text: fmt.Sprintf("The first `limit` (to %d, usually 100) flows that `filter` selects (fields as in the list of flows), in the order `sort`. "+
			"An update has added, changed and removed, and total if that changed.", MaxFlows),
		Open: func(_ *auth.Actor, text json.RawMessage) (*Offer, error) {
			var q struct {
				Filter flowindex.Filter `json:"filter"`
				Sort   string           `json:"sort"`
				Limit  int              `json:"limit"`
			}
			if err := params(text, &q); err != nil {
				return nil, err
			}
			q.Limit, q.Sort = cmp.Or(q.Limit, 100), cmp.Or(q.Sort, flowindex.Orders()[0])
			if q.Limit < 1 || q.Limit > MaxFlows {
				return nil, problem.New(problem.Invalid, "").At("params/limit", "must be from 1 to %d", MaxFlows)
			}
			if !slices.Contains(flowindex.Orders(), strings.TrimPrefix(q.Sort, "-")) {
				return nil, problem.New(problem.Invalid, "").At("params/sort", "must be one of %s", strings.Join(flowindex.Orders(), ", "))
			}
			query := &flowindex.Query{Filter: q.Filter, Sort: q.Sort, Limit: q.Limit}
			key := fmt.Sprintf("flows %d %s %s", q.Limit, q.Sort, q.Filter.Key())
			return &Offer{Key: key, Run: func(ctx context.Context, r *Room) { follow(ctx, r, index, query, turn) }}, nil
		},
	}
}

// share asks in turn with all other rooms, and as long as the answer took lets nobody else: all streams of flows together
// take half a core, however many different filters are followed, and with many of them each is told less often.
func share(ctx context.Context, index Index, q *flowindex.Query, turn chan struct{}) (*flowindex.Page, error) {
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-turn }()
	began := time.Now()
	page, err := index.List(ctx, q)
	sleep(ctx, time.Since(began))
	return page, err
}

// follow publishes what a query gives, image by image.
func follow(ctx context.Context, r *Room, index Index, q *flowindex.Query, turn chan struct{}) {
	l := &lister{room: r}
	var seen time.Time
	for ctx.Err() == nil {
		at, err := index.Wait(ctx, seen)
		var page *flowindex.Page
		if err == nil {
			page, err = share(ctx, index, q, turn)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			l.fail(err)
			sleep(ctx, retryAfter)
			continue
		}
		seen = at
		items := make([]Item, len(page.Flows))
		for i := range page.Flows {
			items[i] = Item{page.Flows[i].ID, &page.Flows[i]}
		}
		l.take(page.At, items, page.Total)
	}
}
