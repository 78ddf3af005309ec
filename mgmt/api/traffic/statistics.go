package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/stats"
)

// Statistics is how much was counted, and when.
type Statistics struct {
	Total  stats.Total  `json:"total"`
	Series stats.Series `json:"series"`
}

// Span is from when to when.
type Span struct {
	From time.Time `query:"from" doc:"Usually ten minutes before to."`
	To   time.Time `query:"to" doc:"Usually now."`
}

// Step is how far points are apart.
type Step struct {
	Step int `query:"step_seconds" minimum:"0" maximum:"3153600000" doc:"Time between two points; usually what gives some 300."`
}

// CountsOf selects what was counted.
type CountsOf struct {
	Of        string           `query:"of" enum:"flow,initiator,target,port,policy,service,vsan,all" default:"all" doc:"What counts are told apart by."`
	Initiator string           `query:"initiator" maxLength:"64" doc:"A WWPN in any spelling, or an alias; - while it was not known."`
	Target    string           `query:"target" maxLength:"64" doc:"Likewise."`
	VSAN      Optional[uint16] `query:"vsan" maximum:"4095" doc:"0 to 4095; 0 is untagged."`
	Policy    string           `query:"policy" maxLength:"64" doc:"What this policy decided, - for what none did."`
	Service   string           `query:"service" maxLength:"64" doc:"What went to this service, - for none."`
	Port      string           `query:"port" maxLength:"64" doc:"Of flows: what came in on this port."`
}

type statisticsInput struct {
	CountsOf
	Span
	Step
}

type topInput struct {
	CountsOf
	Span
	By    string `query:"by" enum:"bytes,frames,errors,rate" default:"bytes" doc:"rate is the highest bytes per second of any second, minute or hour, whichever suits the range."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"10" doc:"How many at most."`
}

type historyInput struct {
	FlowID
	Span
	Step
}

func (n *noun) statistics(a *rest.API) {
	errs := []problem.Code{problem.NotFound, problem.BadFilter, problem.RoleUnavailable, problem.DatabaseUnavailable}
	rest.Register(a, rest.Operation{
		ID: "get-statistics", Method: http.MethodGet, Path: "/api/v1/statistics", Tag: "statistics", Permission: auth.StatisticsRead, Timeout: askTime,
		Summary: "How much was counted, and when", Errors: errs,
		Description: "Of one flow, initiator, target, port, policy, service or VSAN, which must be named, or of all. A point without counts is a gap: nobody measured. " +
			"Counts are kept by the second, the minute and the hour, for as long as retention says.",
	}, n.getStatistics)
	rest.Register(a, rest.Operation{
		ID: "get-statistics-top", Method: http.MethodGet, Path: "/api/v1/statistics/top", Tag: "statistics", Permission: auth.StatisticsRead, Timeout: askTime,
		Summary: "Who had most", Errors: errs,
	}, n.getTop)
	rest.Register(a, rest.Operation{
		ID: "get-flow-history", Method: http.MethodGet, Path: "/api/v1/flows/{id}/history", Tag: "flow", Permission: auth.FlowRead, Timeout: askTime,
		Summary: "What a flow did over time", Errors: errs, Description: "It need not be there any more. Flows of different fabrics with the same ends and VSAN are counted together.",
	}, n.getHistory)
	n.samples(a)
}

// request makes a request of what was asked for.
func (n *noun) request(c *CountsOf, s *Span) (*stats.Request, error) {
	r := &stats.Request{Of: stats.Kind(c.Of), From: s.From, To: s.To}
	wrong := problem.New(problem.BadFilter, "")
	var names namer
	_ = n.Live.Use(func(seg *attach.Segment) error { // without a data plane there are no aliases; the past is there all the same
		names = n.names(seg.State)
		return nil
	})
	for _, end := range []struct {
		place, text string
		wwpn        **frame.WWN
	}{{"query/initiator", c.Initiator, &r.Initiator}, {"query/target", c.Target, &r.Target}} {
		if end.text == "" {
			continue
		}
		w, ok := names.wwpn(end.text)
		if !ok && end.text != "-" {
			wrong.At(end.place, "names no alias of the active configuration, and is no WWPN")
		}
		*end.wwpn = &w
	}
	for _, name := range []struct {
		text string
		key  **string
	}{{c.Policy, &r.Policy}, {c.Service, &r.Service}, {c.Port, &r.Port}} {
		if name.text == "" {
			continue
		}
		text := name.text
		if text == "-" {
			text = ""
		}
		*name.key = &text
	}
	if c.VSAN.Set {
		vsan := int(c.VSAN.Value)
		r.VSAN = &vsan
	}
	if len(wrong.Fields) > 0 {
		return nil, wrong
	}
	return r, nil
}

// check says what is wrong with a request, without repeating it.
func check(r *stats.Request, one bool) error {
	to := r.To
	if to.IsZero() {
		to = time.Now()
	}
	if !r.From.IsZero() && !r.From.Before(to) {
		return problem.New(problem.Invalid, "").At("query/from", "must be before to")
	}
	whole := *r
	if err := whole.Check(time.Now(), one); err != nil {
		p := problem.New(problem.Invalid, "The names, the times and the step do not make a question together.")
		if one && r.Of != stats.OfAll {
			p.At("query/of", "wants one of its kind to be named, and no name that it is not counted by")
		}
		return p
	}
	return nil
}

// ask asks role telemetry.
func ask[A any](ctx context.Context, n *noun, method string, request any) (answer A, err error) {
	if n.Bus == nil {
		return answer, problem.New(problem.RoleUnavailable, "Role telemetry does not run, which keeps samples.")
	}
	text, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	reply, err := n.Bus.Call(ctx, "telemetry", method, text)
	var refused *bus.Error
	switch {
	case err == nil:
		return answer, json.Unmarshal(reply, &answer)
	case errors.As(err, &refused) && refused.Code == "stats.bad_request":
		return answer, problem.Wrap(problem.Invalid, err, "The names, the times and the step do not make a question together.")
	case errors.As(err, &refused) && refused.Code == "stats.too_much":
		return answer, problem.Wrap(problem.Timeout, err, "That is too much to read: ask for a shorter range, a larger step, or a name.")
	case errors.As(err, &refused):
		return answer, problem.Wrap(problem.DatabaseUnavailable, err, "Role telemetry cannot read its samples.")
	case ctx.Err() != nil:
		return answer, problem.Wrap(problem.Timeout, err, "Role telemetry did not answer in time.")
	}
	return answer, problem.Wrap(problem.RoleUnavailable, err, "Role telemetry does not answer, which keeps samples.")
}

// counted asks for total and series.
func (n *noun) counted(ctx context.Context, r *stats.Request) (*rest.Item[Statistics], error) {
	if err := check(r, true); err != nil {
		return nil, err
	}
	if r.To.IsZero() { // both answers are about the same time
		r.To = time.Now().UTC()
	}
	var s Statistics
	var err error
	if s.Total, err = ask[stats.Total](ctx, n, "stats.total", r); err != nil {
		return nil, err
	}
	if s.Series, err = ask[stats.Series](ctx, n, "stats.series", r); err != nil {
		return nil, err
	}
	return rest.One(s, 0), nil
}

func (n *noun) getStatistics(ctx context.Context, in *statisticsInput) (*rest.Item[Statistics], error) {
	r, err := n.request(&in.CountsOf, &in.Span)
	if err != nil {
		return nil, err
	}
	r.Step = in.Step.Step
	return n.counted(ctx, r)
}

func (n *noun) getHistory(ctx context.Context, in *historyInput) (*rest.Item[Statistics], error) {
	id, err := in.parse()
	if err != nil {
		return nil, err
	}
	vsan := int(id.VSAN)
	return n.counted(ctx, &stats.Request{
		Of: stats.OfFlow, Key: stats.Key{Initiator: known(id.Initiator), Target: known(id.Target), VSAN: &vsan}, From: in.From, To: in.To, Step: in.Step.Step,
	})
}

// known is a WWPN as samples have it: 0 while it is not known.
func known(w frame.WWN) *frame.WWN {
	if w < 1<<24 {
		w = 0
	}
	return &w
}

func (n *noun) getTop(ctx context.Context, in *topInput) (*rest.Item[stats.Top], error) {
	r, err := n.request(&in.CountsOf, &in.Span)
	if err != nil {
		return nil, err
	}
	r.By, r.N = stats.Counter(in.By), in.Limit
	if err := check(r, false); err != nil {
		return nil, err
	}
	top, err := ask[stats.Top](ctx, n, "stats.top", r)
	if err != nil {
		return nil, err
	}
	return rest.One(top, 0), nil
}
