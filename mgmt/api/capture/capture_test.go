package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	record "fcredirect/dataplane/capture"
	"fcredirect/dataplane/command"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/capture"
	"fcredirect/mgmt/capture/capturetest"
	"fcredirect/mgmt/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate knows everybody by the name of the role that is the token.
type gate struct{}

func (gate) Authenticate(r *http.Request) (*auth.Actor, error) {
	role, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !auth.Role(role).Valid() {
		return nil, problem.New(problem.Unauthenticated, "")
	}
	return &auth.Actor{Name: "a-" + role, Role: auth.Role(role), Door: auth.DoorToken}, nil
}

type rig struct {
	t        *testing.T
	server   *httptest.Server
	plane    *capturetest.Plane
	captures *capture.Manager
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, plane: capturetest.New(t, 1)}
	var err error
	if r.captures, err = capture.New(capture.Options{Dir: t.TempDir(), Live: r.plane, Do: r.plane.Do}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.captures.Run(ctx) }()
	a := rest.New(rest.Options{Gate: gate{}, Version: "test"})
	Register(a, Deps{Captures: r.captures})
	r.server = httptest.NewServer(a)
	t.Cleanup(func() {
		cancel()
		<-done
		r.server.Close()
		r.server.Client().CloseIdleConnections()
	})
	return r
}

// ask sends a request and gives status and body.
func (r *rig) ask(method, path, role, body string) (int, []byte) {
	r.t.Helper()
	res := r.open(method, path, role, body)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, text
}

func (r *rig) open(method, path, role, body string) *http.Response {
	r.t.Helper()
	q, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+role)
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	res, err := r.server.Client().Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	return res
}

func (r *rig) start(body string) (c capture.Capture) {
	r.t.Helper()
	status, text := r.ask("POST", "/api/v1/captures", "operator", body)
	if err := json.Unmarshal(text, &c); status != http.StatusCreated || err != nil {
		r.t.Fatalf("%d: %s", status, text)
	}
	return c
}

func (r *rig) captured(n byte) {
	r.plane.Captured(0, record.Record{TSC: r.plane.Now(), Rule: -1}, bytes.Repeat([]byte{n}, 64))
}

func TestACaptureFromItsStartToItsEnd(t *testing.T) {
	r := newRig(t)
	c := r.start(`{"filter":{"ports":["edge0"],"types":["fcp"]},"note":"slow writes","snap_length":128,"limits":{"frames":1000,"seconds":30}}`)
	if c.Owner != "a-operator" || c.State != capture.Running || c.Note != "slow writes" || c.SnapLength != 128 || c.Limits.Seconds != 30 {
		t.Errorf("%+v", c)
	}
	if s := r.plane.Specs[0]; s.Ports != 1 || !s.Types.Has(8) || s.Snap != 128 || s.Frames != 1000 || s.Time != 30*time.Second {
		t.Errorf("%+v", s)
	}
	one := "/api/v1/captures/" + c.ID
	live := r.open("GET", one+"/pcapng", "operator", "")
	defer live.Body.Close()
	if live.StatusCode != 200 || live.Header.Get("Content-Type") != mediaType || live.ContentLength != -1 {
		t.Fatalf("%v", live)
	}
	r.captured(0xa1)
	var seen []byte
	for buf := make([]byte, 4096); !bytes.Contains(seen, bytes.Repeat([]byte{0xa1}, 64)); { // while it runs
		n, err := live.Body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, buf[:n]...)
	}
	if status, text := r.ask("POST", one+"/stop", "operator", ""); status != 200 || !strings.Contains(string(text), `"state":"complete"`) {
		t.Errorf("%d: %s", status, text)
	}
	rest, err := io.ReadAll(live.Body)
	if err != nil {
		t.Fatal(err)
	}
	whole := r.open("GET", one+"/pcapng", "admin", "")
	defer whole.Body.Close()
	file, err := io.ReadAll(whole.Body)
	if err != nil || !bytes.Equal(file, append(seen, rest...)) || whole.ContentLength != int64(len(file)) ||
		!strings.Contains(whole.Header.Get("Content-Disposition"), c.ID+".pcapng") {
		t.Errorf("%v: the file has %d bytes, followed were %d; %v", err, len(file), len(seen)+len(rest), whole.Header)
	}
	if status, text := r.ask("GET", one, "operator", ""); status != 200 || !strings.Contains(string(text), `"frames":1,`) {
		t.Errorf("%d: %s", status, text)
	}
	for range 2 { // the absent is removed
		if status, text := r.ask("DELETE", one, "operator", ""); status != 204 {
			t.Errorf("%d: %s", status, text)
		}
	}
	if status, _ := r.ask("GET", one, "operator", ""); status != 404 {
		t.Errorf("%d after it was removed", status)
	}
}

func TestWhatIsRefused(t *testing.T) {
	r := newRig(t)
	c := r.start(`{}`)
	for _, test := range []struct {
		name, method, path, role, body string
		status                         int
		want                           string
	}{
		{"a viewer lists", "GET", "", "viewer", "", 403, "forbidden"},
		{"a viewer starts", "POST", "", "viewer", "{}", 403, "forbidden"},
		{"a viewer downloads", "GET", "/" + c.ID + "/pcapng", "viewer", "", 403, "forbidden"},
		{"nobody", "GET", "", "nobody", "", 401, "unauthenticated"},
		{"a port that there is not", "POST", "", "operator", `{"filter":{"ports":["hunter2"]}}`, 422, "body/filter/ports"},
		{"a flow that is none", "POST", "", "operator", `{"filter":{"flow":"hunter2"}}`, 422, "body/filter/flow"},
		{"an unknown field", "POST", "", "operator", `{"filtre":{}}`, 422, "body/filtre"},
		{"a snap length", "POST", "", "operator", `{"snap_length":1}`, 422, "body/snap_length"},
		{"a path as an id", "GET", "/..%2f..%2fetc%2fpasswd/pcapng", "operator", "", 422, "path/id"},
		{"an id that there is not", "GET", "/0123456789abcdef/pcapng", "operator", "", 404, "not_found"},
		{"to stop what there is not", "POST", "/0123456789abcdef/stop", "operator", "", 404, "not_found"},
		{"an order that there is not", "GET", "?sort=size", "operator", "", 422, "query/sort"},
		{"a cursor that is none", "GET", "?cursor=abc", "operator", "", 400, "bad_cursor"},
	} {
		status, text := r.ask(test.method, "/api/v1/captures"+test.path, test.role, test.body)
		if status != test.status || !strings.Contains(string(text), test.want) || strings.Contains(string(text), "hunter2") {
			t.Errorf("%s: %d %s", test.name, status, text)
		}
	}
	r.plane.Refuse = &command.Error{Code: command.Full}
	if status, text := r.ask("POST", "/api/v1/captures", "operator", "{}"); status != 422 || !strings.Contains(string(text), "limit_reached") {
		t.Errorf("%d %s", status, text)
	}
}

func TestADryRunStartsNothing(t *testing.T) {
	r := newRig(t)
	status, text := r.ask("POST", "/api/v1/captures?dry_run=true", "operator", `{"filter":{"verdicts":["dropped"]}}`)
	if status != 200 || len(r.plane.Specs) != 0 || len(r.captures.List()) != 0 {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := r.ask("POST", "/api/v1/captures?dry_run=true", "operator", `{"filter":{"verdicts":["?"]}}`); status != 422 {
		t.Errorf("%d", status)
	}
}

func TestTheListIsInOrderAndInPages(t *testing.T) {
	r := newRig(t)
	var ids []string
	for range 5 {
		ids = append([]string{r.start(`{}`).ID}, ids...)
	}
	r.ask("POST", "/api/v1/captures/"+ids[0]+"/stop", "operator", "")
	var got []string
	for query := "?limit=2"; query != ""; {
		var page struct {
			Items []capture.Capture `json:"items"`
			Next  string            `json:"next_cursor"`
			Total int               `json:"total"`
		}
		status, text := r.ask("GET", "/api/v1/captures"+query, "operator", "")
		if err := json.Unmarshal(text, &page); err != nil || status != 200 || page.Total != 5 {
			t.Fatalf("%d %s", status, text)
		}
		for _, c := range page.Items {
			got = append(got, c.ID)
		}
		if query = ""; page.Next != "" {
			query = "?limit=2&cursor=" + page.Next
		}
	}
	if strings.Join(got, " ") != strings.Join(ids, " ") {
		t.Errorf("%v, want %v", got, ids)
	}
	if _, text := r.ask("GET", "/api/v1/captures?state=complete", "operator", ""); !strings.Contains(string(text), ids[0]) || strings.Contains(string(text), ids[1]) {
		t.Errorf("complete: %s", text)
	}
}
