package configuration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/change"
	"fcredirect/mgmt/change/changetest"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate knows who asks by a token of role and name.
type gate struct{}

func (gate) Authenticate(r *http.Request) (*auth.Actor, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, nil
	}
	role, name, _ := strings.Cut(token, "/")
	if !auth.Role(role).Valid() {
		return nil, problem.New(problem.Unauthenticated, "")
	}
	return &auth.Actor{Name: name, Role: auth.Role(role), Door: auth.DoorToken}, nil
}

// desk is the API with change control over a data plane.
type desk struct {
	t      testing.TB
	api    *rest.API
	plane  *changetest.Plane
	change *change.Service
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	store, err := settings.Open(settings.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d := &desk{t: t, plane: changetest.New(nil)}
	if d.change, err = change.New(change.Options{Settings: store, Plane: d.plane}); err != nil {
		t.Fatal(err)
	}
	if err := d.change.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.api = rest.New(rest.Options{Gate: gate{}, Version: "test"})
	Register(d.api, Deps{Change: d.change})
	return d
}

// ask sends a request as alice, or as who the headers say.
func (d *desk) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer policy-admin/alice")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	d.api.ServeHTTP(w, r)
	return w
}

func (d *desk) must(status int, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	w := d.ask(method, path, body, headers...)
	if w.Code != status {
		d.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w
}

const (
	create  = "If-None-Match: *"
	replace = "If-Match: *"
	admin   = "Authorization: Bearer admin/root"
	bob     = "Authorization: Bearer policy-admin/bob"
	viewer  = "Authorization: Bearer viewer/vera"
)

// fill makes the example of the README.
func (d *desk) fill() {
	d.t.Helper()
	d.must(201, "PUT", "/aliases/oracle-1", `{"wwpn":"200002FC01000001"}`, create)
	d.must(201, "PUT", "/aliases/array-a", `{"wwpn":"20-00-02-fc-0a-00-00-0a"}`, create)
	d.must(201, "PUT", "/services/inspect", `{"mode":"steer","port":"svc0","mac":"02:fc:5e:00:00:01"}`, create)
	d.must(201, "PUT", "/policies/watch-oracle", `{"match":{"initiator":["oracle-1"],"target":["array-a"]},"action":"redirect","service":"inspect","ticket":"CHG-7"}`, create)
}

func TestFromNothingToAConfirmedPolicy(t *testing.T) {
	d := newDesk(t)
	d.fill()
	if w := d.must(200, "POST", "/change/validate", ""); !strings.Contains(w.Body.String(), `"valid":true`) {
		t.Errorf("%s", w.Body)
	}
	if w := d.must(200, "POST", "/change/diff", ""); !strings.Contains(w.Body.String(), `"name":"watch-oracle"`) || !strings.Contains(w.Body.String(), "+  - name: watch-oracle") {
		t.Errorf("%s", w.Body)
	}
	w := d.must(200, "POST", "/change/apply", `{"window_s":30,"note":"the first"}`)
	var done change.Applied
	if err := json.Unmarshal(w.Body.Bytes(), &done); err != nil || done.Revision != 1 || done.SecondsLeft < 20 || len(done.Document) != 64 {
		t.Fatalf("%v %s", err, w.Body)
	}
	if w := d.must(200, "GET", "/change", "", viewer); !strings.Contains(w.Body.String(), `"phase":"window"`) || !strings.Contains(w.Body.String(), `"seconds_left":`) {
		t.Errorf("%s", w.Body)
	}
	d.must(409, "PUT", "/aliases/x", `{"wwpn":"200002FC01000009"}`, create)
	d.must(200, "POST", "/change/confirm", `{"revision":1}`, bob)
	if _, text := d.plane.Active(); !strings.Contains(text, "watch-oracle") || d.plane.Confirmed() != text {
		t.Errorf("it runs\n%s", text)
	}
	if w := d.must(200, "GET", "/change/history", ""); !strings.Contains(w.Body.String(), `"outcome":"confirmed"`) || !strings.Contains(w.Body.String(), `"settled_by":"bob"`) {
		t.Errorf("%s", w.Body)
	}
	if w := d.must(200, "GET", "/change/history/1/document?form=yaml", ""); !strings.Contains(w.Body.String(), "CHG-7") {
		t.Errorf("%s", w.Body)
	}
	w = d.must(200, "POST", "/policies/evaluate", `{"initiator":"oracle-1","target":"200002fc0a00000a"}`)
	if !strings.Contains(w.Body.String(), `"policy":"watch-oracle"`) || !strings.Contains(w.Body.String(), `"decides":true`) {
		t.Errorf("%s", w.Body)
	}
	d.must(200, "POST", "/services/inspect/drain", "")
	if w := d.must(200, "GET", "/services/inspect", ""); !strings.Contains(w.Body.String(), `"drained":true`) {
		t.Errorf("%s", w.Body)
	}
	d.must(200, "POST", "/change/discard", "")
}

func TestAnswersAndRefusals(t *testing.T) {
	d := newDesk(t)
	d.fill()
	etag := d.must(200, "GET", "/aliases/oracle-1", "").Header().Get("ETag")
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string
	}{
		{"a list", "GET", "/aliases?limit=1", "", nil, 200, `"next_cursor"`},
		{"a list in another order", "GET", "/aliases?sort=-name", "", nil, 200, `{"items":[{"name":"oracle-1"`},
		{"a search", "GET", "/aliases?search=ORA", "", nil, 200, `"total":1`},
		{"of what decides", "GET", "/aliases?on=active", "", nil, 200, `{"items":[],"total":0}`},
		{"policies by service", "GET", "/policies?service=inspect&action=redirect&disabled=false", "", nil, 200, `"position":1`},
		{"a node that stands alone leaves nobody out", "POST", "/change/apply", `{"without":["fcr-b"]}`, nil, 422, "body/without"},
		{"a node that stands alone is its own cluster", "GET", "/cluster", "", nil, 200, `"self":true`},
		{"a cursor of another list", "GET", "/sets?cursor=abcdef", "", nil, 400, "bad_cursor"},
		{"none", "GET", "/policies/none", "", nil, 404, "not_found"},
		{"a viewer edits", "PUT", "/aliases/x", `{"wwpn":"200002FC01000009"}`, []string{create, viewer}, 403, "forbidden"},
		{"somebody else edits", "PUT", "/aliases/x", `{"wwpn":"200002FC01000009"}`, []string{create, bob}, 409, "alice edits since"},
		{"without a precondition", "PUT", "/aliases/x", `{"wwpn":"200002FC01000009"}`, nil, 428, "precondition_required"},
		{"a stale one", "PUT", "/aliases/oracle-1", `{"wwpn":"200002FC01000009"}`, []string{`If-Match: "4711"`}, 412, "precondition_failed"},
		{"it is there already", "PUT", "/aliases/oracle-1", `{"wwpn":"200002FC01000009"}`, []string{create}, 412, "precondition_failed"},
		{"a dry run", "PUT", "/aliases/oracle-1?dry_run=true", `{"wwpn":"200002FC01000009"}`, []string{"If-Match: " + etag}, 200, "01:00:00:09"},
		{"the dry run changed nothing", "GET", "/aliases/oracle-1", "", nil, 200, "01:00:00:01"},
		{"what was answered is taken back", "PUT", "/aliases/oracle-1", `{"name":"oracle-1","wwpn":"20:00:02:fc:01:00:00:01","version":1}`, []string{"If-Match: " + etag}, 200, "01:00:00:01"},
		{"another name in the body", "PUT", "/aliases/oracle-1", `{"name":"hunter2","wwpn":"20:00:02:fc:01:00:00:01"}`, []string{replace}, 422, "body/name"},
		{"an unknown field", "PUT", "/aliases/x", `{"wwpn":"200002FC01000009","colour":"hunter2"}`, []string{create}, 422, "body/colour"},
		{"no WWPN", "PUT", "/aliases/x", `{"wwpn":"hunter2"}`, []string{create}, 422, "body/wwpn"},
		{"a name with a control character", "PUT", "/aliases/a%0d%0aX-Evil:%201", `{"wwpn":"200002FC01000009"}`, []string{create}, 400, "path"},
		{"a path as a name", "PUT", "/aliases/..%2f..%2fetc", `{"wwpn":"200002FC01000009"}`, []string{create}, 201, `"name":"../../etc"`},
		{"it can be asked for", "GET", "/aliases/..%2f..%2fetc", "", nil, 200, `"name":"../../etc"`},
		{"and deleted", "DELETE", "/aliases/..%2f..%2fetc", "", []string{replace}, 204, ""},
		{"the absent is deleted", "DELETE", "/aliases/none", "", []string{replace}, 204, ""},
		{"what is used is not", "DELETE", "/aliases/oracle-1", "", []string{replace}, 409, "policy watch-oracle"},
		{"renamed", "POST", "/aliases/oracle-1/rename", `{"to":"oracle"}`, nil, 200, `"name":"oracle"`},
		{"where it is used too", "GET", "/policies/watch-oracle", "", nil, 200, `"initiator":["oracle"]`},
		{"cloned", "POST", "/policies/watch-oracle/clone", `{"to":"second","place":{"position":1}}`, nil, 201, `"position":1`},
		{"cloned twice", "POST", "/policies/watch-oracle/clone", `{"to":"second"}`, nil, 409, "already_exists"},
		{"moved", "POST", "/policies/second/move", `{"after":"watch-oracle"}`, nil, 200, `"position":2`},
		{"its shadow is told", "GET", "/policies", "", nil, 200, "never decides"},
		{"also of one, now that it is known", "GET", "/policies/second", "", nil, 200, "never decides"},
		{"disabled", "POST", "/policies/second/disable", "", nil, 200, `"disabled":true`},
		{"enabled", "POST", "/policies/second/enable", "", nil, 200, `"position":2`},
		{"put in a place", "PUT", "/policies/third", `{"match":{},"action":"forward","place":{"before":"second"}}`, []string{create}, 201, `"position":2`},
		{"not immediately", "POST", "/change/apply", `{"immediate":true}`, nil, 403, "admin"},
		{"a window too long", "POST", "/change/apply", `{"window_s":100000}`, nil, 422, "body/window_s"},
		{"what applying would do", "POST", "/change/apply?dry_run=true", "", nil, 200, `"revision":1`},
		{"nothing to confirm", "POST", "/change/confirm", "", nil, 409, "nothing_to_confirm"},
		{"nothing to confirm, dry", "POST", "/change/confirm?dry_run=true", "", nil, 409, "nothing_to_confirm"},
		{"what discarding would do", "POST", "/change/discard?dry_run=true", "", nil, 200, `"pending":{`},
		{"nothing was discarded", "GET", "/change", "", nil, 200, `"pending":{`},
		{"unlocking by another one", "POST", "/change/unlock?dry_run=true", "", []string{bob}, 409, "alice edits"},
		{"nothing to accept", "POST", "/change/accept?dry_run=true", "", nil, 409, "was confirmed"},
		{"no such revision", "GET", "/change/history/7", "", nil, 404, "not_found"},
		{"taken over", "POST", "/change/takeover", "", []string{bob}, 200, `"taken_from":"alice"`},
		{"the former owner", "DELETE", "/policies/third", "", []string{replace}, 409, "bob edits"},
		{"an admin at once", "POST", "/change/takeover", "", []string{admin}, 200, `"owner":"root"`},
		{"without a window", "POST", "/change/apply", `{"immediate":true}`, []string{admin}, 200, `"revision":1`},
		{"nothing pending", "POST", "/change/apply", "", nil, 409, "nothing_pending"},
		{"restored", "POST", "/change/history/1/restore", "", nil, 200, `"phase":"idle"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := d.ask(tt.method, tt.path, tt.body, tt.headers...)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "hunter2") || w.Header().Get("X-Evil") != "" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestAWholeDocumentIsReadAndReplaced(t *testing.T) {
	d := newDesk(t)
	d.fill()
	w := d.must(200, "GET", "/change/document?form=yaml", "")
	etag := w.Header().Get("ETag")
	var doc PolicyDocument
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || !strings.Contains(doc.YAML, "watch-oracle") {
		t.Fatalf("%v %s", err, w.Body)
	}
	put := func(yaml string) string { b, _ := json.Marshal(PolicyDocument{YAML: yaml}); return string(b) }
	d.must(428, "PUT", "/change/document", put(doc.YAML))
	if again := d.must(200, "PUT", "/change/document?form=yaml", put(doc.YAML), "If-Match: "+etag).Header().Get("ETag"); again != etag {
		t.Error("the same is another")
	}
	d.must(412, "PUT", "/change/document", put("policies: []\n"), `If-Match: "1"`)
	for _, bad := range []string{"policies: [", "policies: [{name: p, match: {}, action: redirect, service: hunter2}]", "hunter2: 1\npolicies: []"} {
		if w := d.must(422, "PUT", "/change/document", put(bad), replace); strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(w.Body.String(), "body/") {
			t.Errorf("%s", w.Body)
		}
	}
	d.must(422, "PUT", "/change/document", `{}`, replace)
	w = d.must(200, "GET", "/change/document", "")
	body := strings.Replace(w.Body.String(), `"ticket":"CHG-7"`, `"ticket":"CHG-8"`, 1)
	if w := d.must(200, "PUT", "/change/document", body, replace); !strings.Contains(w.Body.String(), "CHG-8") {
		t.Errorf("%s", w.Body)
	}
	if w := d.must(200, "GET", "/policies/watch-oracle", ""); !strings.Contains(w.Body.String(), "CHG-8") {
		t.Errorf("%s", w.Body)
	}
}

// BenchmarkPut10000 is a PUT of a policy among 10,000, with its GET before, as a tool does.
func BenchmarkPut10000(b *testing.B) {
	d := newDesk(b)
	var doc draft.Objects
	for i := range 10000 {
		name := fmt.Sprintf("host-%05d", i)
		doc.Aliases = append(doc.Aliases, draft.Alias{Name: name, WWPN: fmt.Sprintf("20:00:02:fc:01:%02x:%02x:01", i>>8, i&255)})
		doc.Policies = append(doc.Policies, draft.Policy{Name: "watch-" + name, Match: draft.Match{Initiator: []string{name}}, Action: "drop"})
	}
	body, err := json.Marshal(PolicyDocument{Objects: &doc})
	if err != nil {
		b.Fatal(err)
	}
	d.must(200, "PUT", "/change/document", string(body), replace)
	n := 0
	for b.Loop() {
		path := fmt.Sprintf("/policies/watch-host-%05d", n%10000)
		n++
		etag := d.must(200, "GET", path, "").Header().Get("ETag")
		d.must(200, "PUT", path, fmt.Sprintf(`{"match":{"initiator":["host-00001"]},"action":"drop","note":"number %d"}`, n), "If-Match: "+etag)
	}
}
