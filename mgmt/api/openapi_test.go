package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"fcredirect/mgmt/api/docs"
	"fcredirect/mgmt/auth"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file, or writes it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say; run the test with -update and look at the difference", file)
	}
}

// whole is the assembly of a node that has nothing beside: no data plane, no database.
func whole(t *testing.T) *assembly {
	t.Helper()
	r, err := New(options(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(r.dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	own, err := newCertificates(r.dir(), r.o.Config, r.o.Log)
	if err != nil {
		t.Fatal(err)
	}
	a, err := r.assemble(own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestTheDescriptionIsTheGoldenOne(t *testing.T) {
	text, err := whole(t).rest.Describe()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "openapi/openapi.json", text)
}

// description is what the tests below read of it.
type description struct {
	Paths map[string]map[string]struct {
		ID          string          `json:"operationId"`
		Tags        []string        `json:"tags"`
		Summary     string          `json:"summary"`
		Permission  auth.Permission `json:"x-permission"`
		RequestBody *struct {
			Content map[string]struct{ Schema json.RawMessage }
		}
		Responses map[string]struct {
			Content map[string]struct{ Schema json.RawMessage }
		}
	}
	Components struct{ Schemas map[string]json.RawMessage }
}

func described(t *testing.T, a *assembly) *description {
	t.Helper()
	text, err := a.rest.Describe()
	if err != nil {
		t.Fatal(err)
	}
	d := &description{}
	if err := json.Unmarshal(text, d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryRouteIsDescribedAndNothingElse(t *testing.T) {
	a := whole(t)
	d := described(t, a)
	is := map[string]bool{}
	for _, route := range a.rest.Routes() {
		method, path, _ := strings.Cut(route, " ")
		if _, page := docs.Files()[path]; method != "HEAD" && !page { // HEAD is as GET
			is[route] = true
		}
	}
	said := map[string]bool{}
	for path, methods := range d.Paths {
		for method := range methods {
			said[strings.ToUpper(method)+" "+path] = true
		}
	}
	for route := range is {
		if !said[route] {
			t.Errorf("%s is served and not described", route)
		}
	}
	for route := range said {
		if !is[route] {
			t.Errorf("%s is described and not served", route)
		}
	}
}

func TestEveryOperationSaysWhoMayDoItAndWhatMayGoWrong(t *testing.T) {
	for path, methods := range described(t, whole(t)).Paths {
		for method, op := range methods {
			name := strings.ToUpper(method) + " " + path
			if op.ID == "" || op.Summary == "" || len(op.Tags) != 1 || op.Permission == "" {
				t.Errorf("%s: %+v", name, op)
			}
			success := false
			for status, r := range op.Responses {
				success = success || status < "400"
				if status >= "400" && r.Content["application/problem+json"].Schema == nil {
					t.Errorf("%s: %s is no problem", name, status)
				}
			}
			for _, status := range []string{"400", "401", "403", "422", "429", "500", "503", "504"} {
				if _, ok := op.Responses[status]; !ok {
					t.Errorf("%s does not say that it may answer %s", name, status)
				}
			}
			if !success {
				t.Errorf("%s never succeeds", name)
			}
		}
	}
}

func TestEverySchemaIsClosed(t *testing.T) {
	d := described(t, whole(t))
	for name, text := range d.Components.Schemas {
		closed(t, name, text)
	}
	for path, methods := range d.Paths {
		for method, op := range methods {
			for status, r := range op.Responses {
				for media, c := range r.Content {
					closed(t, fmt.Sprint(method, " ", path, " ", status, " ", media), c.Schema)
				}
			}
		}
	}
}

// closed looks for objects that do not say what else may be in them, and for values that may be anything.
func closed(t *testing.T, where string, text json.RawMessage) {
	t.Helper()
	var s struct {
		Ref        string `json:"$ref"`
		Type       any
		Properties map[string]json.RawMessage
		Items      json.RawMessage
		Additional json.RawMessage `json:"additionalProperties"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	if s.Ref != "" {
		return
	}
	if fmt.Sprint(s.Type) == "object" && s.Additional == nil {
		t.Errorf("%s may have any further members", where)
	}
	for name, p := range s.Properties {
		closed(t, where+"."+name, p)
	}
	if s.Items != nil {
		closed(t, where+"[]", s.Items)
	}
	if len(s.Additional) > 0 && s.Additional[0] == '{' {
		closed(t, where+".*", s.Additional)
	}
}
