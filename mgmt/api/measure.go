package api

import (
	"net/http"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/metrics"
)

// measure makes the metrics of the node, and registers where they are scraped.
func (a *assembly) measure() error {
	o := metrics.Options{
		Segment: a.live, Settings: a.settings, Version: a.Version, Log: a.Log,
		Sessions: func() int { return len(a.auth.Sessions("")) }, Streams: a.streams,
		Certificate: func() (end time.Time) {
			if a.certificate != nil {
				end = a.certificate()
			}
			return end
		},
	}
	if a.Registry != nil {
		o.Registry = a.Registry
	}
	if a.Bus != nil {
		o.Bus = a.Bus
	}
	if a.DB != nil {
		o.Database = a.DB
	}
	a.metrics = metrics.New(o)
	rest.Serve(a.rest, rest.Operation{
		ID: "get-metrics", Method: http.MethodGet, Path: "/metrics", Tag: "metrics", Summary: "Metrics for Prometheus", Permission: auth.MetricsRead,
		Description: "In Prometheus' text format. What is away is left out; the fcr_*_up gauges are always there. No label has a WWPN, a flow or a user.",
	}, "text/plain", func(w http.ResponseWriter, r *http.Request, _ *nothing) error { return a.metrics.Serve(w, r) })
	return nil
}

// streams is what the hub says of itself.
func (a *assembly) streams() (s metrics.Streams) {
	if a.hub != nil {
		h := a.hub.Stats()
		s = metrics.Streams{
			Clients: h.Clients, Subscriptions: h.Subscriptions, Messages: h.Messages, Resyncs: h.Resyncs, Refused: h.Refused, Slow: h.Slow,
		}
	}
	return s
}

// ends is when the certificate that is shown ends to be valid.
func (s *certificates) ends() time.Time { return s.current.Load().Leaf.NotAfter }
