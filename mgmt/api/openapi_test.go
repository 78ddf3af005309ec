package api

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/config"
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
	c, _, err := config.Parse("default", config.DefaultText)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := c.Complete(config.Overrides{Node: "fcr-t", StateDir: dir + "/state", RunDir: dir + "/run"}); err != nil {
		t.Fatal(err)
	}
	r, err := New(Options{Config: c, Version: "test", Cost: auth.Cost{Memory: 64, Time: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(r.dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	a, err := r.assemble(nil)
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
