package traffic

import (
	"context"
	"net/http"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/telemetry"
)

// Sample is what the pages said at a moment: a look of role telemetry. Counters are totals since the data plane started.
type Sample struct {
	At       time.Time       `json:"at"`
	Boot     string          `json:"boot" doc:"Of the data plane: another one counts from zero."`
	Started  time.Time       `json:"started"`
	Alive    bool            `json:"alive"`
	Ports    []SamplePort    `json:"ports"`
	Lcores   []SampleLcore   `json:"lcores"`
	Services []SampleService `json:"services"`
	Rings    []SampleRing    `json:"rings"`
}

// The parts of a sample.
type (
	SamplePort    telemetry.Port
	SampleLcore   telemetry.Lcore
	SampleService telemetry.Service
	SampleRing    telemetry.Ring
)

type samplesInput struct {
	Since time.Time `query:"since" doc:"Samples after this time; usually the last 15 minutes."`
	Limit int       `query:"limit" minimum:"1" maximum:"900" default:"900" doc:"The last so many."`
}

func (n *noun) samples(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-samples", Method: http.MethodGet, Path: "/api/v1/samples", Tag: "sample", Permission: auth.StatisticsRead, Timeout: askTime,
		Summary: "What the pages said, second by second", Errors: []problem.Code{problem.RoleUnavailable},
		Description: "Ports, lcores, services and rings of the last 15 minutes, the oldest first. Counters are totals since the data plane started (`boot`); rates are differences.",
	}, n.listSamples)
}

func (n *noun) listSamples(ctx context.Context, in *samplesInput) (*rest.List[Sample], error) {
	all, err := ask[[]Sample](ctx, n, "telemetry.history", telemetry.HistoryRequest{Since: in.Since, Most: min(in.Limit, sampleMost)})
	if err != nil {
		return nil, err
	}
	return rest.Some(all, "").Of(len(all)), nil
}
