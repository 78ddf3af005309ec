package rest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// gate knows everybody by the name of the role that is the token.
type gate struct{}

func (gate) Authenticate(r *http.Request) (*auth.Actor, error) {
	role, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, nil
	}
	if !auth.Role(role).Valid() {
		return nil, problem.New(problem.Unauthenticated, "The token is not one of ours.")
	}
	return &auth.Actor{Name: role, Role: auth.Role(role), Door: auth.DoorToken}, nil
}

// Thing is a noun.
type Thing struct {
	Name string `json:"name" maxLength:"8" pattern:"^[a-z]+$"`
	Size int    `json:"size,omitempty" minimum:"1" maximum:"9"`
}

type thingInput struct {
	Name string `path:"name" maxLength:"8" pattern:"^[a-z]+$"`
}

type putThing struct {
	Name string `path:"name" maxLength:"8" pattern:"^[a-z]+$"`
	Precondition
	DryRun
	Body Thing
}

// things is an API with one noun.
func things(t *testing.T) *API {
	a := New(Options{Gate: gate{}, Version: "test"})
	version := map[string]uint64{"one": 7}
	Register(a, Operation{ID: "list-things", Method: "GET", Path: "/api/v1/things", Tag: "thing", Summary: "All things", Permission: auth.AliasRead, Errors: []problem.Code{problem.BadCursor}},
		func(_ context.Context, in *struct{ Page }) (*List[Thing], error) {
			field, down, err := in.By("name")
			if err != nil {
				return nil, err
			}
			return Cut(a.Cursor, in.Page, field, []Thing{{Name: "a"}, {Name: "b"}, {Name: "c"}}, down, func(t *Thing) string { return t.Name })
		})
	Register(a, Operation{ID: "get-thing", Method: "GET", Path: "/api/v1/things/{name}", Tag: "thing", Summary: "One thing", Permission: auth.AliasRead, Errors: []problem.Code{problem.NotFound}},
		func(_ context.Context, in *thingInput) (*Item[Thing], error) {
			if version[in.Name] == 0 {
				return nil, problem.New(problem.NotFound, "")
			}
			return One(Thing{Name: in.Name, Size: 1}, version[in.Name]), nil
		})
	Register(a, Operation{ID: "put-thing", Method: "PUT", Path: "/api/v1/things/{name}", Tag: "thing", Summary: "Create or replace a thing", Permission: auth.AliasWrite, Audit: "thing.put"},
		func(_ context.Context, in *putThing) (*Item[Thing], error) {
			if err := in.Check(version[in.Name]); err != nil {
				return nil, err
			}
			old := version[in.Name]
			version[in.Name] = old + 1
			if i := One(in.Body, old+1); old == 0 {
				return i.Created("/api/v1/things/" + in.Name), nil
			}
			return One(in.Body, old+1), nil
		})
	return a
}

// ask sends a request: method, path, role, then headers as Name: value, then perhaps a body.
func ask(t *testing.T, h http.Handler, method, path, role, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if role != "" {
		r.Header.Set("Authorization", "Bearer "+role)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnOperationAnswersAndRefuses(t *testing.T) {
	a := things(t)
	for _, tt := range []struct {
		name, method, path, role, body, header string
		status                                 int
		want                                   string
	}{
		{"a list", "GET", "/api/v1/things?limit=2", "viewer", "", "", 200, `{"items":[{"name":"a"},{"name":"b"}],"next_cursor":`},
		{"one", "GET", "/api/v1/things/one", "viewer", "", "", 200, `"name":"one"`},
		{"none", "GET", "/api/v1/things/none", "viewer", "", "", 404, `"code":"not_found"`},
		{"nobody", "GET", "/api/v1/things", "", "", "", 401, `"code":"unauthenticated"`},
		{"a role that may not", "PUT", "/api/v1/things/one", "viewer", `{"name":"one"}`, "If-Match: \"7\"", 403, `"code":"forbidden"`},
		{"without a precondition", "PUT", "/api/v1/things/one", "admin", `{"name":"one"}`, "", 428, `"code":"precondition_required"`},
		{"a stale one", "PUT", "/api/v1/things/one", "admin", `{"name":"one"}`, `If-Match: "6"`, 412, `"code":"precondition_failed"`},
		{"replaced", "PUT", "/api/v1/things/one", "admin", `{"name":"one"}`, `If-Match: "7"`, 200, `"name":"one"`},
		{"created", "PUT", "/api/v1/things/two", "admin", `{"name":"two"}`, `If-None-Match: *`, 201, `"name":"two"`},
		{"an unknown field", "PUT", "/api/v1/things/two", "admin", `{"name":"two","secret":"hunter2"}`, `If-Match: *`, 422, `"location":"body/secret"`},
		{"an unknown parameter", "GET", "/api/v1/things?colour=red", "viewer", "", "", 422, `"location":"query/colour"`},
		{"a bad cursor", "GET", "/api/v1/things?cursor=abc", "viewer", "", "", 400, `"code":"bad_cursor"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var headers []string
			if tt.header != "" {
				headers = append(headers, tt.header)
			}
			w := ask(t, a, tt.method, tt.path, tt.role, tt.body, headers...)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("type %q", w.Header().Get("Content-Type"))
			}
			if strings.Contains(w.Body.String(), "hunter2") {
				t.Error("the answer holds what was rejected")
			}
		})
	}
}
