package lcore

import (
	"testing"

	"fcredirect/dataplane/policy"
)

func compilePolicy(t testing.TB, text string) *policy.Snapshot {
	t.Helper()
	doc, err := policy.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := policy.Open(flat)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
