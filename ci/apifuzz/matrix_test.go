package apifuzz

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"text/tabwriter"

	"fcredirect/mgmt/auth"
)

var update = flag.Bool("update", false, "write the golden files")

// matrix asks every operation once as each role and as nobody. What is refused for want of a
// right must be so before anything else is looked at, so that the requests need not be good ones: they have no body and
// name what is not there.
func (n *node) matrix(t *testing.T, d *description) {
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	everybody := append([]auth.Role{"nobody"}, auth.Roles()...)
	fmt.Fprint(w, "operation\tmethod\tpath\tpermission")
	for _, role := range everybody {
		fmt.Fprint(w, "\t", role)
	}
	fmt.Fprintln(w)
	for _, op := range d.operations {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s", op.ID, op.method, op.path, op.Permission)
		for _, role := range everybody {
			answer := n.tried(t, op, role)
			if want := may(string(role), op.Permission); (answer == "yes") != want {
				t.Errorf("%s as %s: %s, though the permission says %v", op.ID, role, answer, want)
			}
			fmt.Fprint(w, "\t", answer)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/permissions.golden"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, table.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, table.Bytes()) {
		t.Errorf("who may do what has changed; run with -update and look at the difference of %s", file)
	}
}

// tried is yes, no, or nobody: the role may, may not, or would have to sign in.
func (n *node) tried(t *testing.T, op *operation, role auth.Role) string {
	t.Helper()
	path := op.path
	for _, p := range op.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", "~") // fits no pattern: nothing is done
		}
	}
	r, err := http.NewRequest(op.method, n.base+path+"?no_such_parameter=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if role != "nobody" {
		r.Header.Set("Authorization", "Bearer "+n.token(who{role, 0}))
	}
	out, err := n.remote.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(io.LimitReader(out.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	switch out.StatusCode {
	case http.StatusUnauthorized:
		return "sign-in"
	case http.StatusForbidden:
		return "no"
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return "yes" // it came as far as the parameters
	}
	t.Errorf("%s as %s: %d %s", op.ID, role, out.StatusCode, body)
	return fmt.Sprint(out.StatusCode)
}
