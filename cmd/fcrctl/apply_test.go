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
	"time"

	"fcredirect/mgmt/client"
)

// documents is an appliance that has a policy document, and takes another.
type documents struct {
	active, pending string
	applied         string
}

func (d *documents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body policyDocument
	raw, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(raw, &body) // what is none stays empty
	w.Header().Set("ETag", `"1"`)
	switch {
	case r.URL.Path == "/api/v1/change/apply":
		d.applied = d.pending
		fmt.Fprint(w, `{"revision":2}`)
	case r.URL.Path == "/api/v1/change/validate":
		fmt.Fprint(w, `{"findings":[{"severity":"warning","object":"o","message":"m\u001b[2J"}]}`)
	case r.Method == http.MethodPut:
		if r.URL.Query().Get("dry_run") != "true" {
			d.pending = body.YAML
		}
		json.NewEncoder(w).Encode(body) //nolint:errcheck // the test sees what is missing
	default:
		json.NewEncoder(w).Encode(policyDocument{d.active}) //nolint:errcheck // as above
	}
}

func TestWhatIsAppliedIsWhatWasShownAlsoFromStandardInput(t *testing.T) {
	d := &documents{active: "policies: []\n"}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: d, ReadHeaderTimeout: time.Minute}
	go server.Serve(l) //nolint:errcheck // it ends with Close
	defer server.Close()
	in, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = old }()
	const text = "policies:\n  - {name: one}\n"
	if _, err := feed.WriteString(text); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	cl, err := client.New(client.Context{Server: "unix:" + socket})
	if err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	c := &cli{out: &out, complaints: &complaints, output: "table"}
	if err := c.apply(t.Context(), cl, &applyOptions{file: "-", yes: true}); err != nil {
		t.Fatal(err)
	}
	if d.applied != text || !strings.Contains(complaints.String(), "+  - {name: one}") || strings.Contains(complaints.String(), "\x1b") {
		t.Errorf("applied %q\n%s", d.applied, &complaints)
	}
}

func TestNoFormOfAnAnswerSteersTheTerminal(t *testing.T) {
	const hostile = "a\x1b[2J\u009b31m\u202eb"
	body, err := json.Marshal(map[string]any{"name": hostile, "list": []string{hostile}, "of": map[string]string{"in": hostile}, "lines": "x\n" + hostile})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range outputs {
		var out bytes.Buffer
		o := &operation{cli: &cli{out: &out, output: form}}
		if err := o.renderOne(nil, body); err != nil {
			t.Fatal(form, err)
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && steers(r) }) {
			t.Errorf("%s: %q", form, &out)
		}
		if form == "json" || form == "yaml" {
			var back map[string]any
			if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["name"] != hostile {
				t.Errorf("%s: %v, %q", form, err, &out)
			}
		}
	}
}
