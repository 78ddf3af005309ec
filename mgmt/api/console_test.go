package api

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"fcredirect/mgmt/api/rest"
)

// pages are those of a console.
var pages = fstest.MapFS{
	"index.html":           {Data: []byte("<!doctype html><title>console</title>")},
	"assets/main-1a2b.js":  {Data: []byte("main()")},
	"assets/main-3c4d.css": {Data: []byte("html{}")},
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// send asks as a browser does. Headers are given as name, value; Host is the host.
func send(t *testing.T, c *http.Client, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", browser)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(body)
}

func TestTheConsoleIsServedBehindTheGuardsOfEveryRequest(t *testing.T) {
	o := options(t)
	o.Pages = pages
	n := serving(t, o)
	c := n.client(t, true)
	for path, policy := range map[string]string{"/": "default-src 'none'; script-src 'self'", "/flows?sort=-frames": "default-src 'none'; script-src 'self'", "/assets/main-1a2b.js": "default-src 'none'; frame-ancestors 'none'"} {
		r, body := send(t, c, "GET", n.url(path))
		if r.StatusCode != 200 || body == "" || !strings.HasPrefix(r.Header.Get("Content-Security-Policy"), policy) {
			t.Errorf("%s: %s %v", path, r.Status, r.Header)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := r.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s %q", path, name, got)
			}
		}
		if len(r.Header.Values("Cache-Control")) != 1 || len(r.Header.Values("Content-Security-Policy")) != 1 || r.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", path, r.Header)
		}
		if again, body := send(t, c, "GET", n.url(path), "If-None-Match", r.Header.Get("ETag")); again.StatusCode != 304 || body != "" {
			t.Errorf("%s again: %s %q", path, again.Status, body)
		}
		if r, _ := send(t, c, "GET", n.url(path), "Host", "evil.example"); r.StatusCode != 403 {
			t.Errorf("%s for another host: %s", path, r.Status)
		}
	}
}

// TestWhatTheConsoleDoesNotHaveIsAProblem: paths of the interface and unknown files are answered as ever.
func TestWhatTheConsoleDoesNotHaveIsAProblem(t *testing.T) {
	o := options(t)
	o.Pages = pages
	n := serving(t, o)
	c := n.client(t, true)
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/api", 404, ""},
		{"GET", "/api/v1/nothing", 404, ""},
		{"GET", "/api/v2/flows", 404, ""},
		{"GET", "/metrics/x", 404, ""},
		{"GET", "/healthz/x", 404, ""},
		{"GET", "/readyz/x", 404, ""},
		{"GET", "/metrics", 409, ""}, // nobody has a password yet
		{"GET", "/assets/main-0000.js", 404, ""},
		{"GET", "/.git/config", 404, ""},
		{"GET", "/..%2f..%2fetc/passwd", 404, ""},
		{"GET", "/assets/%2e%2e/index.html", 404, ""},
		{"POST", "/api/nothing", 404, ""},
		{"POST", "/.git/config", 404, ""},
		{"POST", "/", 405, "GET, HEAD, OPTIONS"},
		{"DELETE", "/flows", 405, "GET, HEAD, OPTIONS"},
		{"PUT", "/assets/main-1a2b.js", 405, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/flows", 204, "GET, HEAD, OPTIONS"},
	} {
		r, body := send(t, c, tt.method, n.url(tt.path))
		var p rest.Problem
		if r.StatusCode != tt.status || r.Header.Get("Allow") != tt.allow || tt.status >= 400 && (json.Unmarshal([]byte(body), &p) != nil || p.Status != tt.status || r.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s %s: %s, Allow %q, %s", tt.method, tt.path, r.Status, r.Header.Get("Allow"), body)
		}
	}
	if r, body := send(t, c, "GET", n.url("/flows"), "Accept", "application/json"); r.StatusCode != 404 || r.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a program at a view: %s %s", r.Status, body)
	}
}

func TestLoadingTheConsoleCostsNothingOfTheRates(t *testing.T) {
	o := options(t)
	o.Pages = pages
	o.Rates = &rest.Rates{Window: rest.DefaultRates.Window, Reads: 1, Writes: 1, Strangers: 1, Parallel: 1}
	n := serving(t, o)
	c := n.client(t, true)
	for i := range 50 {
		for _, path := range []string{"/", "/assets/main-1a2b.js", "/assets/main-3c4d.css"} {
			if r, _ := send(t, c, "GET", n.url(path)); r.StatusCode != 200 || r.Header.Get("RateLimit-Limit") != "" {
				t.Fatalf("%s, the %d. time: %s %v", path, i+1, r.Status, r.Header)
			}
		}
	}
	if r, _ := send(t, c, "GET", n.url("/api/v1")); r.StatusCode != 200 {
		t.Errorf("the first request to the interface: %s", r.Status)
	}
	if r, _ := send(t, c, "GET", n.url("/api/v1")); r.StatusCode != 429 {
		t.Errorf("the second one: %s", r.Status)
	}
}

func TestTheConsoleIsCountedAsOneRouteAndLogged(t *testing.T) {
	o := options(t)
	o.Pages = pages
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n := serving(t, o)
	for _, path := range []string{"/", "/flows", "/assets/main-1a2b.js"} {
		send(t, n.client(t, false), "GET", n.url(path))
	}
	_, text := send(t, n.local(t), "GET", "http://local/metrics")
	if want := `fcr_api_requests_total{class="2xx",method="GET",route="/"} 3`; !strings.Contains(text, want) {
		t.Errorf("no %s", want)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`msg="serves the console" files=3`, "path=/flows status=200"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, &log)
		}
	}
}

// TestANodeMayHaveNoConsole: by its configuration, or because it was built without.
func TestANodeMayHaveNoConsole(t *testing.T) {
	for _, tt := range []struct {
		name, media, body, said string
		change                  func(*Options)
	}{
		{"by its configuration", "application/problem+json", "not_found", "serves no console", func(o *Options) { o.Config.API.Console = false }},
		{"by its build", "text/plain; charset=utf-8", "make build", "built without the console", func(o *Options) { o.Pages = fstest.MapFS{".keep": {}} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t)
			var log bytes.Buffer
			o.Log = slog.New(slog.NewTextHandler(&log, nil))
			tt.change(&o)
			n := serving(t, o)
			for _, path := range []string{"/", "/flows"} {
				r, body := send(t, n.client(t, false), "GET", n.url(path))
				if r.StatusCode != 404 || r.Header.Get("Content-Type") != tt.media || !strings.Contains(body, tt.body) || r.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: %s %v %s", path, r.Status, r.Header, body)
				}
			}
			if r, _ := send(t, n.client(t, false), "GET", n.url("/healthz")); r.StatusCode != 200 {
				t.Error(r.Status)
			}
			if err := n.stop(); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(log.String(), tt.said); got != 1 {
				t.Errorf("the log says %d times that it %s:\n%s", got, tt.said, &log)
			}
		})
	}
}
