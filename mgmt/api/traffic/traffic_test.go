package traffic

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/stats"
	"fcredirect/mgmt/telemetry"
)

// listed are the names on a page.
func listed[T any](w *world, path string, name func(*T) string) string {
	w.t.Helper()
	var page rest.ListBody[T]
	w.get(path, &page)
	names := []string{}
	for i := range page.Items {
		names = append(names, name(&page.Items[i]))
	}
	return fmt.Sprintf("%s of %d", strings.Join(names, " "), *page.Total)
}

func TestListsAreFilteredAndSorted(t *testing.T) {
	w := newWorld(t)
	port := func(p *Port) string { return p.Name }
	login := func(l *Login) string { return l.FCID[7:] }
	flows := func(f *flowindex.Flow) string { return f.InitiatorID[7:] }
	for path, want := range map[string]string{
		"ports": "edge0 fabric0 svc0 of 3", "ports?sort=-name": "svc0 fabric0 edge0 of 3", "ports?role=fabric": "fabric0 of 1", "ports?up=false": "svc0 of 1",
		"ports?up=true&sort=-frames_in": "edge0 fabric0 of 2", "ports?fabric=1": " of 0", "ports?limit=2": "edge0 fabric0 of 3", "ports?sort=-dropped&limit=1": "edge0 of 3",
	} {
		if got := listed(w, "/api/v1/"+path, port); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"logins": "1 2 3 of 3", "logins?sort=name": "2 3 1 of 3", "logins?sort=-last_seen": "3 2 1 of 3", "logins?role=target": "3 of 1", "logins?wwpn=host-1": "1 of 1",
		"logins?wwpn=200002fc01000002": "2 of 1", "logins?port=edge0": "1 2 of 2", "logins?text=HOST": "1 of 1", "logins?text=50:0a": "3 of 1", "logins?vsan=0": " of 0",
		"logins?vsan=100&fabric=0": "1 2 3 of 3", "logins?state=removed": " of 0",
	} {
		if got := listed(w, "/api/v1/"+path, login); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"flows": "1 2 of 2", "flows?sort=-frames": "2 1 of 2", "flows?verdict=redirect": "1 of 1", "flows?verdict=redirect,forward": "1 2 of 2", "flows?initiator=host-1": "1 of 1",
		"flows?target=50:0a:*": "1 2 of 2", "flows?policy=watch": "1 of 1", "flows?policy=-": "2 of 1", "flows?service=inspect": "1 of 1", "flows?static=true": " of 0",
		"flows?static=false": "1 2 of 2", "flows?vsan=0": " of 0", "flows?vsan=100": "1 2 of 2", "flows?min_frames=30": "2 of 1", "flows?seen_since=2026-01-01T00:00:00Z": "1 2 of 2",
		"flows?seen_since=2026-01-02T00:00:00Z": " of 0", "flows?port=edge0&text=array": "1 2 of 2", "flows?state=blocked,bypassed": " of 0",
	} {
		if got := listed(w, "/api/v1/"+path, flows); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := listed(w, "/api/v1/lcores", func(l *report.Lcore) string { return fmt.Sprint(l.Index) }); got != "0 of 1" {
		t.Errorf("lcores: %s", got)
	}
	ring := func(r *Ring) string { return fmt.Sprint(r.Name, "/", r.Depth, "/", r.Lost) }
	for path, want := range map[string]string{
		"rings": "event-0-0/15/1 store-0-0/5/0 of 2", "rings?sort=depth": "store-0-0/5/0 event-0-0/15/1 of 2", "rings?consumer=store": "store-0-0/5/0 of 1",
	} {
		if got := listed(w, "/api/v1/"+path, ring); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	w.refuses("GET", "/api/v1/rings/workers", "", problem.RoleUnavailable, "")
	w.roles = func(string, []byte) ([]byte, error) {
		return []byte(`{"more":1,"workers":[{"cpu":-1,"depth":3,"latency":{"p50_ns":1500}},{"cpu":2}]}`), nil
	}
	if got := listed(w, "/api/v1/rings/workers", func(k *Worker) string { return fmt.Sprint(k.Name, "/", k.CPU, "/", k.Depth, "/", k.P50) }); got != "store-0-0/-1/3/1.5 store-0-1/2/0/0 of 2" {
		t.Errorf("workers: %s", got)
	}
}

func TestWhatCannotBeAskedForIsRefusedWithItsPlace(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		path  string
		code  problem.Code
		place string
	}{
		{"ports?sort=colour", problem.Invalid, "query/sort"}, {"ports?colour=1", problem.Invalid, "colour"}, {"ports?up=perhaps", problem.Invalid, "query/up"},
		{"ports?fabric=300", problem.Invalid, "query/fabric"}, {"ports?cursor=xyz", problem.BadCursor, "query/cursor"}, {"ports/nothing", problem.NotFound, ""},
		{"ports/%2e%2e", problem.Invalid, "path/name"}, {"logins?wwpn=nobody", problem.BadFilter, "query/wwpn"}, {"flows?initiator=nobody", problem.BadFilter, "query/initiator"},
		{"flows?verdict=explode", problem.Invalid, "query/verdict"}, {"flows?limit=1001", problem.Invalid, "query/limit"}, {"flows?sort=colour", problem.Invalid, "query/sort"},
		{"flows?cursor=abc", problem.BadCursor, "query/cursor"}, {"flows?seen_since=yesterday", problem.Invalid, "query/seen_since"}, {"flows/hunter2", problem.Invalid, "path/id"},
		{"flows/99-100-200002fc01000001-500a098000000001", problem.Invalid, "path/id"}, {"flows/" + unknownFlow, problem.NotFound, ""},
		{"flows/export?policy=nothing", problem.BadFilter, "query/policy"}, {"statistics?of=flow", problem.Invalid, "query/of"},
		{"statistics?of=initiator&initiator=nobody", problem.BadFilter, "query/initiator"}, {"statistics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", problem.Invalid, "query/from"},
		{"statistics", problem.RoleUnavailable, ""}, {"samples?limit=0", problem.Invalid, "query/limit"}, {"statistics/top?by=colour", problem.Invalid, "query/by"},
	} {
		w.refuses("GET", "/api/v1/"+tc.path, "", tc.code, tc.place)
	}
	w.lose(true)
	for _, path := range []string{"ports", "ports/edge0", "logins", "lcores", "rings", "flows", "flows/" + redirectedID, "flows/export"} {
		if path == "flows" || path == "flows/export" {
			continue // the index may still have an image
		}
		w.refuses("GET", "/api/v1/"+path, "", problem.DataplaneUnavailable, "")
	}
}

func TestACursorLeadsThroughAllFlowsAndBelongsToItsFilter(t *testing.T) {
	w := newWorld(t)
	var seen []string
	next := ""
	for {
		var page rest.ListBody[flowindex.Flow]
		w.get("/api/v1/flows?limit=1&sort=-frames&cursor="+next, &page)
		seen = append(seen, page.Items[0].ID)
		if next = page.NextCursor; next == "" {
			break
		}
		w.refuses("GET", "/api/v1/flows?limit=1&sort=frames&cursor="+next, "", problem.BadCursor, "")
		w.refuses("GET", "/api/v1/flows?limit=1&sort=-frames&text=x&cursor="+next, "", problem.BadCursor, "")
	}
	if !slices.Equal(seen, []string{forwardedID, redirectedID}) {
		t.Errorf("%v", seen)
	}
}

func TestClearingAPortCountsFromNowOnAndResetsNothing(t *testing.T) {
	w := newWorld(t)
	counters := &shm.Items[shm.Counters](w.seg.State, shm.RegionCounters)[0]
	var p Port
	if w.get("/api/v1/ports/edge0", &p); p.Counters.FramesIn != 100 || p.Counters.Drops["bad_sof"] != 5 || p.CountsSince.UnixNano() != epoch {
		t.Fatalf("%+v", p)
	}
	status, body, _ := w.do("POST", "/api/v1/ports/edge0/clear?dry_run=true", "")
	if p = (Port{}); status != 200 || json.Unmarshal([]byte(body), &p) != nil || p.Counters.FramesIn != 0 || p.ClearedBy != "alice" {
		t.Errorf("a dry run: %d %s", status, body)
	}
	if p = (Port{}); true {
		w.get("/api/v1/ports/edge0", &p)
	}
	if p.Counters.FramesIn != 100 {
		t.Error("a dry run cleared")
	}
	if status, body, _ := w.do("POST", "/api/v1/ports/edge0/clear", ""); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	counters.RxFrames, counters.Fates[shm.FateSteered] = 130, 45
	p = Port{}
	if w.get("/api/v1/ports/edge0", &p); p.Counters.FramesIn != 30 || p.Counters.Fates["steered"] != 30 || len(p.Counters.Fates) != 1 || len(p.Counters.Drops) != 0 ||
		p.ClearedBy != "alice" || p.CountsSince.UnixNano() == epoch || counters.RxFrames != 130 {
		t.Errorf("%+v", p)
	}
	w.seg.State.Header().BootID[3]++ // it starts anew, and counts from zero by itself
	p = Port{}
	if w.get("/api/v1/ports/edge0", &p); p.Counters.FramesIn != 130 || p.ClearedBy != "" || p.CountsSince.UnixNano() != epoch {
		t.Errorf("after a start: %+v", p)
	}
	w.refuses("POST", "/api/v1/ports/nothing/clear", "", problem.NotFound, "")
	w.role = auth.Viewer
	w.refuses("POST", "/api/v1/ports/edge0/clear", "", problem.Forbidden, "")
}

func TestAFlowIsShownAsItIsNow(t *testing.T) {
	w := newWorld(t)
	var f flowindex.Flow
	if w.get("/api/v1/flows/"+redirectedID, &f); f.FramesOut != 10 || f.Verdict != "redirect" || f.Policy != "watch" || f.InitiatorAlias != "host-1" || f.Static {
		t.Errorf("%+v", f)
	}
	w.shard.Find(flow.MakeKey(0, 100, 1, 3)).Frames = 77
	if w.get("/api/v1/flows/"+strings.ToUpper(redirectedID), &f); f.FramesOut != 77 {
		t.Errorf("%+v", f)
	}
}

func TestAnExportHasEveryFlowInEitherForm(t *testing.T) {
	w := newWorld(t)
	status, body, header := w.do("GET", "/api/v1/flows/export", "")
	lines := strings.Split(strings.TrimSpace(body), "\n")
	if status != 200 || len(lines) != 2 || !strings.Contains(body, redirectedID) || !json.Valid([]byte(lines[0])) || header.Get("Content-Type") != "application/jsonl" {
		t.Errorf("%d %s", status, body)
	}
	status, body, header = w.do("GET", "/api/v1/flows/export?format=csv&initiator=host-1", "")
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if status != 200 || err != nil || len(rows) != 2 || rows[1][0] != redirectedID || len(rows[0]) != 25 || !strings.Contains(header.Get("Content-Disposition"), "flows.csv") {
		t.Errorf("%d %s %v", status, body, err)
	}
	if got := harmless("=SUM(A1)"); got != "'=SUM(A1)" {
		t.Errorf("a formula stays %s", got)
	}
}

func TestStatisticsAreAskedOfRoleTelemetry(t *testing.T) {
	w := newWorld(t)
	var asked []stats.Request
	w.roles = func(method string, request []byte) ([]byte, error) {
		var r stats.Request
		switch method {
		case "stats.total":
			asked = append(asked, r)
			if err := json.Unmarshal(request, &asked[len(asked)-1]); err != nil {
				return nil, err
			}
			return json.Marshal(stats.Total{Counts: stats.Counts{Frames: 5}})
		case "stats.series":
			return json.Marshal(stats.Series{Step: 1, Level: "1s", Points: []stats.Point{{}}})
		case "stats.top":
			if err := json.Unmarshal(request, &r); err != nil || r.N != 3 || r.By != stats.Errors {
				return nil, fmt.Errorf("%+v: %w", r, err)
			}
			return json.Marshal(stats.Top{By: stats.Errors, Rows: []stats.TopRow{}})
		case "telemetry.history":
			return json.Marshal([]telemetry.Look{{Boot: "b", Ports: []telemetry.Port{}, Lcores: []telemetry.Lcore{}, Services: []telemetry.Service{}, Rings: []telemetry.Ring{}}})
		}
		return nil, errNoRole
	}
	var s Statistics
	if w.get("/api/v1/statistics?of=initiator&initiator=host-1&policy=-&step_seconds=60", &s); s.Total.Counts.Frames != 5 || len(s.Series.Points) != 1 {
		t.Errorf("%+v", s)
	}
	if w.get("/api/v1/flows/"+unknownFlow+"/history", &s); *asked[1].Initiator != 0x200002fc010000ff || *asked[1].VSAN != 100 || asked[1].Of != stats.OfFlow || asked[1].To.IsZero() {
		t.Errorf("%+v", asked[1])
	}
	if *asked[0].Initiator != host1 || *asked[0].Policy != "" || asked[0].Step != 60 {
		t.Errorf("%+v", asked[0])
	}
	var top stats.Top
	w.get("/api/v1/statistics/top?of=flow&by=errors&limit=3", &top)
	var samples rest.ListBody[Sample]
	if w.get("/api/v1/samples?limit=5", &samples); len(samples.Items) != 1 {
		t.Errorf("%+v", samples)
	}
	for code, err := range map[problem.Code]error{
		problem.Invalid: &bus.Error{Code: "stats.bad_request", Text: "hunter2"}, problem.Timeout: &bus.Error{Code: "stats.too_much"},
		problem.DatabaseUnavailable: &bus.Error{Code: "internal"}, problem.RoleUnavailable: bus.ErrNoRole,
	} {
		w.roles = func(string, []byte) ([]byte, error) { return nil, err }
		w.refuses("GET", "/api/v1/statistics", "", code, "")
	}
}

func TestTheStreamIsDescribedAndWantsAHandshake(t *testing.T) {
	w := newWorld(t)
	w.refuses("GET", "/api/v1/stream", "", problem.BadRequest, "header/Upgrade")
	text, err := w.api.Describe()
	if err != nil || !strings.Contains(string(text), `"/api/v1/stream"`) || !strings.Contains(string(text), "period_ms") {
		t.Errorf("%v", err)
	}
	for _, o := range w.api.Operations() {
		if o.Method == http.MethodGet && !strings.HasSuffix(string(o.Permission), ".read") {
			t.Errorf("%s needs %s", o.ID, o.Permission)
		}
	}
}
