package traffic

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/problem"
)

// FlowFilter selects flows.
type FlowFilter struct {
	Fabric       Optional[uint8]  `query:"fabric" maximum:"15" doc:"0 to 15."`
	VSAN         Optional[uint16] `query:"vsan" maximum:"4095" doc:"0 to 4095; 0 is untagged."`
	Initiator    string           `query:"initiator" maxLength:"256" doc:"A WWPN in any spelling, an alias, a set, a mask (20:00:02:fc:*), or - while the WWPN is not known."`
	Target       string           `query:"target" maxLength:"256" doc:"Likewise."`
	End          string           `query:"end" maxLength:"256" doc:"Likewise, of either end."`
	Text         string           `query:"text" maxLength:"256" doc:"Part of an alias or a WWPN of either end."`
	Verdict      []string         `query:"verdict" maxItems:"4" enum:"forward,redirect,mirror,drop"`
	State        []string         `query:"state" maxItems:"3" enum:"active,bypassed,blocked"`
	Policy       string           `query:"policy" maxLength:"64" doc:"The policy that decided, - for none."`
	Service      string           `query:"service" maxLength:"64" doc:"The service that the flow goes to, - for none."`
	Port         string           `query:"port" maxLength:"64" doc:"A port on which one of its directions comes in."`
	Static       Optional[bool]   `query:"static" doc:"Whether it was created ahead."`
	MinFrames    uint64           `query:"min_frames"`
	MinBytes     uint64           `query:"min_bytes"`
	MinErrors    uint64           `query:"min_errors"`
	MinFrameRate float64          `query:"min_frames_per_second" minimum:"0"`
	MinByteRate  float64          `query:"min_bytes_per_second" minimum:"0"`
	SeenSince    time.Time        `query:"seen_since" doc:"Seen at or after this time."`
	SeenBefore   time.Time        `query:"seen_before" doc:"Not seen since this time."`
	CreatedSince time.Time        `query:"created_since"`
}

func (f *FlowFilter) filter() flowindex.Filter {
	return flowindex.Filter{
		Fabric: f.Fabric.pointer(), VSAN: f.VSAN.pointer(), Initiator: f.Initiator, Target: f.Target, End: f.End, Text: f.Text, Verdicts: f.Verdict,
		States: f.State, Policy: f.Policy, Service: f.Service, Port: f.Port, Static: f.Static.pointer(), MinFrames: f.MinFrames, MinBytes: f.MinBytes,
		MinErrors: f.MinErrors, MinFrameRate: f.MinFrameRate, MinByteRate: f.MinByteRate, SeenSince: f.SeenSince, SeenBefore: f.SeenBefore,
		CreatedSince: f.CreatedSince,
	}
}

type flowsInput struct {
	rest.Page
	FlowFilter
}

// FlowID names a flow.
type FlowID struct {
	ID string `path:"id" maxLength:"42" pattern:"^[0-9]+-[0-9]+-[0-9a-fA-F]{16}-[0-9a-fA-F]{16}$" doc:"The flow's id: fabric, VSAN, initiator and target." example:"0-100-200000255b000001-500a098000000001"`
}

func (in *FlowID) parse() (flowindex.ID, error) {
	id, err := flowindex.Parse(in.ID)
	if err != nil {
		return id, problem.New(problem.Invalid, "").At("path/id", "must be <fabric>-<vsan>-<initiator>-<target>, the names as 16 hexadecimal digits")
	}
	return id, nil
}

func (n *noun) flows(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-flows", Method: http.MethodGet, Path: "/api/v1/flows", Tag: "flow", Permission: auth.FlowRead, Summary: "Flows, filtered and sorted",
		Description: "As of the last second or two. Sorted by " + sentence(flowindex.Orders()) + "; `id` is by fabric, VSAN and FC_IDs. `total` is how many the filter selects. " +
			"A flow is two directions between one initiator and one target that has seen storage traffic, or that was created ahead and whose ends are logged in.",
		Errors: append(away, problem.BadCursor, problem.BadFilter),
	}, n.listFlows)
	rest.Register(a, rest.Operation{
		ID: "get-flow", Method: http.MethodGet, Path: "/api/v1/flows/{id}", Tag: "flow", Permission: auth.FlowRead, Summary: "One flow, as of now",
		Description: "A flow that was created ahead and is not there yet is shown as `waiting`.", Errors: append(away, problem.NotFound),
	}, n.getFlow)
	rest.Serve(a, rest.Operation{
		ID: "export-flows", Method: http.MethodGet, Path: "/api/v1/flows/export", Tag: "flow", Permission: auth.FlowRead, Summary: "Flows as a file",
		Description: fmt.Sprintf("JSON, a document a line, or a table (CSV); in no order; at most %d flows. A file that is not whole says so in its last line, as `incomplete`. "+
			"At most %d are written at a time.", exportMax, maxExports),
		Errors: append(away, problem.BadFilter, problem.Busy), Timeout: -1,
	}, "application/jsonl, text/csv", n.exportFlows)
}

func sentence(names []string) string {
	return "`" + strings.Join(names, "`, `") + "`"
}

func (n *noun) listFlows(ctx context.Context, in *flowsInput) (*rest.List[flowindex.Flow], error) {
	field, down, err := in.By(flowindex.Orders()...)
	if err != nil {
		return nil, err
	}
	if down {
		field = "-" + field
	}
	q := &flowindex.Query{Filter: in.filter(), Sort: field, Limit: in.Limit}
	list := field + q.Filter.Key()
	if in.Cursor != "" {
		q.After = &flowindex.Position{}
		if err := n.api.Cursor.Decode(in.Cursor, list, q.After); err != nil {
			return nil, err
		}
	}
	page, err := n.Index.List(ctx, q)
	if err != nil {
		return nil, err
	}
	next := ""
	if page.Next != nil {
		next = n.api.Cursor.Encode(page.Next, list)
	}
	return rest.Some(page.Flows, next).Of(page.Total), nil
}

func (n *noun) getFlow(ctx context.Context, in *FlowID) (*rest.Item[flowindex.Flow], error) {
	id, err := in.parse()
	if err != nil {
		return nil, err
	}
	f, err := n.flow(ctx, id)
	if err != nil {
		return nil, err
	}
	return rest.One(*f, 0), nil
}
