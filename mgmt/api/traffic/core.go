package traffic

import (
	"context"
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
