package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fcredirect/mgmt/api/openapi"
)

// A description as the daemon's, with one of each kind of operation.
const miniature = `{"openapi":"3.1.0","info":{"version":"1"},"paths":{
 "/api/v1/aliases":{"get":{"operationId":"list-aliases","tags":["alias"],"summary":"Aliases of WWPNs",
   "parameters":[{"name":"limit","in":"query","schema":{"type":"integer"}},{"name":"cursor","in":"query","schema":{"type":"string"}},
     {"name":"sort","in":"query","schema":{"type":"string"},"description":"Order."}],
   "responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/AliasList"}}}}}}},
 "/api/v1/aliases/{name}":{
   "get":{"operationId":"get-alias","tags":["alias"],"summary":"One alias","parameters":[{"name":"name","in":"path","required":true,"schema":{"type":"string"}}],
     "responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Alias"}}}},"404":{}}},
   "put":{"operationId":"put-alias","tags":["alias"],"summary":"Create or replace an alias",
     "parameters":[{"name":"name","in":"path","required":true,"schema":{"type":"string"}},{"name":"If-Match","in":"header","schema":{"type":"string"}}],
     "requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/AliasBody"}}}},
     "responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Alias"}}}}}},
   "delete":{"operationId":"delete-alias","tags":["alias"],"summary":"Delete an alias",
     "parameters":[{"name":"name","in":"path","required":true,"schema":{"type":"string"}},{"name":"If-Match","in":"header","schema":{"type":"string"}}],"responses":{"204":{}}}},
 "/api/v1/alarms/mutes":{"get":{"operationId":"list-mutes","tags":["alarm"],"summary":"Mutes",
   "responses":{"200":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/AliasList"}}}}}}},
 "/api/v1/users/{name}":{"put":{"operationId":"put-user","tags":["user"],"summary":"Create or replace a user",
     "parameters":[{"name":"name","in":"path","required":true,"schema":{"type":"string"}}],
     "requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"object","required":["password"],"properties":{"password":{"type":"string"},"role":{"type":"string","enum":["viewer","admin"]}}}}}},
     "responses":{"204":{}}}},
 "/api/v1/backups":{"post":{"operationId":"create-backup","tags":["backup"],"summary":"Make a backup","responses":{"202":{"content":{"application/json":{"schema":{"type":"object"}}}}}}},
 "/api/v1/backups/{id}/content":{"get":{"operationId":"get-backup-content","tags":["backup"],"summary":"Its bytes",
     "parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],"responses":{"200":{"content":{"application/octet-stream":{}}}}}}
 },"components":{"schemas":{
  "Alias":{"type":"object","properties":{"name":{"type":"string"},"wwpn":{"type":"string"},"note":{"type":"string"},"used":{"type":"array","items":{"type":"string"}},"created":{"type":"string","format":"date-time"}}},
  "AliasBody":{"type":"object","required":["wwpn"],"additionalProperties":false,"properties":{"wwpn":{"type":"string","description":"Any spelling."},"note":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}},"ranges":{"type":"array","items":{"type":"object"}},"rank":{"type":"integer"}}},
  "AliasList":{"type":"object","properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Alias"}},"next_cursor":{"type":"string"},"total":{"type":"integer"}}}
 }}}`

// appliance answers as one would, and remembers what it was asked.
type appliance struct {
	socket string
	asked  []string
	looks  int
}

func (a *appliance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.URL.RequestURI()
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if v := r.Header.Get(name); v != "" {
			line += " " + name + ": " + v
		}
	}
	a.asked = append(a.asked, strings.TrimSpace(line+" "+string(body)))
	switch {
	case r.URL.Path == "/api/v1/aliases/none":
		if r.Method == "GET" {
			w.WriteHeader(404)
			fmt.Fprint(w, `{"status":404,"code":"not_found","title":"There is no such thing","request_id":"r"}`)
			return
		}
		fallthrough
	case strings.HasPrefix(r.URL.Path, "/api/v1/aliases/"):
		if r.Method == "DELETE" {
			w.WriteHeader(204)
			return
		}
		w.Header().Set("ETag", `"7"`)
		fmt.Fprint(w, `{"name":"host-1","wwpn":"20:00:02:fc:01:00:00:01","note":"old","created":"2026-01-01T00:00:00Z"}`)
	case r.URL.Path == "/api/v1/aliases", r.URL.Path == "/api/v1/alarms/mutes":
		fmt.Fprint(w, `{"items":[{"name":"host-1","wwpn":"20:00:02:fc:01:00:00:01","note":"a\u001b[31mb"},{"name":"host-2","wwpn":"20:00:02:fc:01:00:00:02"}],"total":9}`)
	case strings.Count(r.URL.Path, "/") == 3 && r.Method == "GET":
		fmt.Fprint(w, `{"items":[],"total":0}`)
	case r.URL.Path == "/api/v1/backups":
		w.Header().Set("Location", "/api/v1/jobs/1")
		w.WriteHeader(202)
		fmt.Fprint(w, `{"id":"1"}`)
	case r.URL.Path == "/api/v1/jobs/1":
		if a.looks++; a.looks < 3 {
			fmt.Fprint(w, `{"id":"1","state":"running","phase":"settings","progress":1,"total":2}`)
			return
		}
		fmt.Fprint(w, `{"id":"1","state":"done","phase":"","progress":2,"total":2}`)
	case strings.HasSuffix(r.URL.Path, "/content"):
		w.Header().Set("Content-Type", "application/octet-stream")
		fmt.Fprint(w, "bytes")
	default:
		w.WriteHeader(204)
	}
}

// ask runs a command line against the appliance.
func (a *appliance) ask(t *testing.T, args ...string) (out, complaints string, status int) {
	t.Helper()
	d, err := openapi.Parse([]byte(miniature))
	if err != nil {
		t.Fatal(err)
	}
	var o, e bytes.Buffer
	c := &cli{out: &o, complaints: &e}
	root := c.bare()
	c.addOperations(root, d, true)
	c.noteRunning(root)
	root.SetArgs(append([]string{"--server", "unix:" + a.socket}, args...))
	a.asked = nil
	if err = root.ExecuteContext(t.Context()); err != nil {
		fmt.Fprintln(&e, err)
	}
	return o.String(), e.String(), statusOf(err, c.running)
}

func newAppliance(t *testing.T) *appliance {
	a := &appliance{socket: filepath.Join(t.TempDir(), "s")}
	l, err := net.Listen("unix", a.socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: a}
	go server.Serve(l) //nolint:errcheck // it ends with Close
	t.Cleanup(func() { server.Close() })
	return a
}

func TestEveryOperationIsACommand(t *testing.T) {
	a := newAppliance(t)
	for _, c := range []struct {
		args  string
		asked []string // what reached the appliance
		out   string
	}{
		{"alias list --limit 2", []string{"GET /api/v1/aliases?limit=2"}, "NAME    WWPN\nhost-1  20:00:02:fc:01:00:00:01\nhost-2  20:00:02:fc:01:00:00:02\n"},
		{"alias list --sort name -o name", []string{"GET /api/v1/aliases?limit=1000&sort=name"}, "host-1\nhost-2\n"},
		{"alarm list-mutes -o name", []string{"GET /api/v1/alarms/mutes"}, "host-1\nhost-2\n"},
		{"alias get host-1 -o yaml", []string{"GET /api/v1/aliases/host-1"}, "name: host-1\nwwpn: 20:00:02:fc:01:00:00:01\nnote: old\ncreated: \"2026-01-01T00:00:00Z\"\n"},
		{"alias get a/b?c", []string{"GET /api/v1/aliases/a%2Fb%3Fc"}, ""},
		{"alias set host-1 --note new --tags x,y --rank 3 --ranges {a: 1}", []string{"GET /api/v1/aliases/host-1",
			`PUT /api/v1/aliases/host-1 If-Match: "7" {"note":"new","ranges":[{"a":1}],"rank":3,"tags":["x","y"],"wwpn":"20:00:02:fc:01:00:00:01"}`}, ""},
		{"alias set none --wwpn 1", []string{"GET /api/v1/aliases/none", `PUT /api/v1/aliases/none If-None-Match: * {"wwpn":"1"}`}, ""},
		{"alias set host-1 --wwpn 1 --if-match *", []string{`PUT /api/v1/aliases/host-1 If-Match: * {"wwpn":"1"}`}, ""},
		{"alias delete host-1", []string{"GET /api/v1/aliases/host-1", `DELETE /api/v1/aliases/host-1 If-Match: "7"`}, ""},
		{"backup content 1", []string{"GET /api/v1/backups/1/content"}, "bytes"},
		{"backup create -o name", []string{"POST /api/v1/backups", "GET /api/v1/jobs/1", "GET /api/v1/jobs/1", "GET /api/v1/jobs/1"}, "1\n"},
	} {
		t.Run(c.args, func(t *testing.T) {
			args := strings.Fields(c.args)
			if i := strings.Index(c.args, "{"); i >= 0 {
				args = append(strings.Fields(c.args[:i]), c.args[i:])
			}
			out, complaints, status := a.ask(t, args...)
			if status != 0 || strings.Join(a.asked, "\n") != strings.Join(c.asked, "\n") {
				t.Errorf("status %d, %s\nasked:\n%s", status, complaints, strings.Join(a.asked, "\n"))
			}
			if c.out != "" && out != c.out {
				t.Errorf("printed %q, want %q", out, c.out)
			}
		})
	}
}

func TestASecretStandsInNoArgument(t *testing.T) {
	a := newAppliance(t)
	if _, complaints, status := a.ask(t, "user", "set", "eve", "--password", "x"); status != exitUsage || len(a.asked) != 0 {
		t.Errorf("--password is taken: %d, %s", status, complaints)
	}
	file := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(file, []byte("correct horse battery\nsecond line"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, complaints, status := a.ask(t, "user", "set", "eve", "--role", "viewer", "--password-file", file); status != 0 {
		t.Errorf("%d, %s", status, complaints)
	}
	if len(a.asked) != 1 || !strings.HasSuffix(a.asked[0], `{"password":"correct horse battery","role":"viewer"}`) {
		t.Errorf("%q", a.asked)
	}
}

func TestABodyCanStandInAFile(t *testing.T) {
	a := newAppliance(t)
	file := filepath.Join(t.TempDir(), "alias.yaml")
	if err := os.WriteFile(file, []byte("wwpn: 20:00:02:fc:01:00:00:09\nnote: from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, complaints, status := a.ask(t, "alias", "set", "none", "-f", file, "--note", "and a flag"); status != 0 {
		t.Fatalf("%d, %s", status, complaints)
	}
	var body map[string]string
	_, text, _ := strings.Cut(a.asked[1], "* ")
	if err := json.Unmarshal([]byte(text), &body); err != nil || body["note"] != "and a flag" || body["wwpn"] != "20:00:02:fc:01:00:00:09" {
		t.Errorf("%q, %v", a.asked, err)
	}
}

func TestExitCodesTellWhatKindOfRefusalItWas(t *testing.T) {
	a := newAppliance(t)
	if _, _, status := a.ask(t, "alias", "get", "none"); status != exitAbsent {
		t.Errorf("status %d", status)
	}
	if _, _, status := a.ask(t, "alias", "get"); status != exitUsage {
		t.Errorf("status %d", status)
	}
	if _, _, status := a.ask(t, "alias", "set", "none", "--rank", "many"); status != exitUsage {
		t.Errorf("status %d", status)
	}
	a.socket = filepath.Join(t.TempDir(), "nobody")
	if _, complaints, status := a.ask(t, "alias", "list"); status != exitFailed || !strings.Contains(complaints, "is fcr-mgmtd running?") {
		t.Errorf("status %d, %s", status, complaints)
	}
}

func TestColumnsAreThoseOfTheInterface(t *testing.T) {
	d, err := openapi.Golden()
	if err != nil {
		t.Fatal(err)
	}
	for id, names := range columns {
		op := d.Find(id)
		if op == nil || d.Items(op) == nil {
			t.Errorf("%s is no list of the interface", id)
			continue
		}
		for _, name := range names {
			if d.Items(op).Properties[name] == nil {
				t.Errorf("what %s lists has no %s", id, name)
			}
		}
	}
}

func TestEveryCommandHasANameOfItsOwn(t *testing.T) {
	c := &cli{out: io.Discard, complaints: io.Discard}
	d, err := openapi.Golden()
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Operations) < 100 {
		t.Errorf("only %d operations", len(d.Operations))
	}
	seen := map[string]string{}
	for i := range d.Operations {
		op := &d.Operations[i]
		name := op.Noun + " " + verbOf(op)
		if other, taken := seen[name]; taken || strings.HasSuffix(name, " ") {
			t.Errorf("%s and %s are both %q", op.ID, other, name)
		}
		seen[name] = op.ID
	}
	root := c.bare()
	c.addOperations(root, d, true) // a flag that is defined twice panics
}

func TestWhatATerminalWouldObeyIsNotShown(t *testing.T) {
	if got := plainText(json.RawMessage(`"a\u001b[31m\u009bb\r\n"`)); got != "a?[31m?b??" {
		t.Errorf("%q", got)
	}
}
