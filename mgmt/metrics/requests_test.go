package metrics

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"
)

// serve asks a small API that counts with m.
func serve(t *testing.T, m *Metrics, method, path string, headers ...string) int {
	t.Helper()
	r := chi.NewRouter()
	r.Get("/api/v1/aliases/{name}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") })
	r.Put("/api/v1/aliases/{name}", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusPreconditionFailed) })
	r.Get("/api/v1/stream", func(w http.ResponseWriter, r *http.Request) {})
	req := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	m.Count(r).ServeHTTP(w, req)
	return w.Code
}

func TestRequestsAreCountedByRouteAndNotByPath(t *testing.T) {
	m := New(Options{})
	for i := range 10 {
		serve(t, m, "GET", fmt.Sprintf("/api/v1/aliases/host-%d", i))
		serve(t, m, "GET", fmt.Sprintf("/api/v1/nothing-%d", i))
	}
	serve(t, m, "PUT", "/api/v1/aliases/host-1")
	serve(t, m, "BREW", "/api/v1/aliases/host-1")
	serve(t, m, "GET", "/api/v1/stream", "Upgrade", "WebSocket")
	lines, _ := scrape(t, m)
	expect(t, lines, map[string]string{
		`fcr_api_requests_total{class="2xx",method="GET",route="/api/v1/aliases/{name}"}`:     "10",
		`fcr_api_requests_total{class="4xx",method="PUT",route="/api/v1/aliases/{name}"}`:     "1",
		`fcr_api_requests_total{class="4xx",method="GET",route="none"}`:                       "10",
		`fcr_api_requests_total{class="1xx",method="GET",route="/api/v1/stream"}`:             "1",
		`fcr_api_request_duration_seconds_count{method="GET",route="/api/v1/aliases/{name}"}`: "10",
		`fcr_api_request_duration_seconds_count{method="GET",route="/api/v1/stream"}`:         "",
		`fcr_api_requests_total{class="4xx",method="other",route="none"}`:                     "1",
		`fcr_api_requests_in_flight`: "0",
	})
}

func TestRoutesBeyondTheLimitAreCountedAsOther(t *testing.T) {
	r := newRequests()
	for i := range maxRoutes + 5 {
		c := chi.NewRouteContext()
		c.RoutePatterns = []string{fmt.Sprintf("/%d", i)}
		req := httptest.NewRequest("GET", "/", nil)
		route := r.routeOf(req.WithContext(context.WithValue(req.Context(), chi.RouteCtxKey, c)))
		if (route == "other") != (i >= maxRoutes) {
			t.Fatalf("route %d is %q", i, route)
		}
	}
}
