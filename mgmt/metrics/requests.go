package metrics

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
)

var (
	requestsTotal    = counter("fcr_api_requests_total", "Requests that were answered, by the class of their status.", "method", "route", "class")
	requestDuration  = histogram("fcr_api_request_duration_seconds", "From a request's head to the end of its answer. The stream is not among them.", "method", "route")
	requestsInFlight = gauge("fcr_api_requests_in_flight", "Requests that are being answered. The stream is not among them.")
)

func countedByRequests(m *Metric) bool {
	return m == requestsTotal || m == requestDuration || m == requestsInFlight
}

// requests counts those to the API.
type requests struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge

	mu     sync.RWMutex
	routes map[string]bool // guarded by mu
}

func newRequests() *requests {
	return &requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: requestsTotal.Name, Help: requestsTotal.Help}, requestsTotal.Labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: requestDuration.Name, Help: requestDuration.Help, Buckets: requestBounds,
		}, requestDuration.Labels),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: requestsInFlight.Name, Help: requestsInFlight.Help}),
		routes:   map[string]bool{},
	}
}

// Describe and Collect make it one collector of three.
func (r *requests) Describe(to chan<- *prometheus.Desc) {
	r.total.Describe(to)
	r.duration.Describe(to)
	r.inFlight.Describe(to)
}

// Collect gives what was counted.
func (r *requests) Collect(to chan<- prometheus.Metric) {
	r.total.Collect(to)
	r.duration.Collect(to)
	r.inFlight.Collect(to)
}

// Count stands before a chi router, or is a middleware of it, and counts its requests by route, not by path: paths have
// names in them.
func (m *Metrics) Count(next http.Handler) http.Handler {
	r := m.requests
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		began := time.Now()
		if chi.RouteContext(req.Context()) == nil { // a router that finds one notes its route there
			req = req.WithContext(context.WithValue(req.Context(), chi.RouteCtxKey, chi.NewRouteContext()))
		}
		stream := strings.EqualFold(req.Header.Get("Upgrade"), "websocket")
		if !stream {
			r.inFlight.Inc()
			defer r.inFlight.Dec()
		}
		answer := middleware.NewWrapResponseWriter(w, req.ProtoMajor)
		defer func() {
			method, route := methodOf(req), r.routeOf(req)
			r.total.WithLabelValues(method, route, classOf(answer.Status(), stream)).Inc()
			if !stream {
				r.duration.WithLabelValues(method, route).Observe(time.Since(began).Seconds())
			}
		}()
		next.ServeHTTP(answer, req)
	})
}

func methodOf(req *http.Request) string {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return req.Method
	}
	return "other"
}

// routeOf is the pattern of the route that answered, "none" when there is none.
func (r *requests) routeOf(req *http.Request) string {
	route := ""
	if c := chi.RouteContext(req.Context()); c != nil {
		route = c.RoutePattern()
	}
	if route == "" || strings.HasSuffix(route, "*") {
		return "none"
	}
	r.mu.RLock()
	known := r.routes[route]
	r.mu.RUnlock()
	if known {
		return route
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.routes) >= maxRoutes {
		return "other"
	}
	r.routes[route] = true
	return route
}

// classOf is the class of a status. Who took the connection over, as the stream does, has none of its own.
func classOf(status int, stream bool) string {
	switch {
	case status == 0 && stream:
		return "1xx"
	case status == 0:
		return "2xx" // nothing was written: the server says 200
	case status < 100 || status > 599:
		return "other"
	}
	return strconv.Itoa(status/100) + "xx"
}
