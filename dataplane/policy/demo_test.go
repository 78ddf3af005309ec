package policy_test

import (
	"testing"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/policy"
)

// TestTheDemonstrationsFilesFitTogether takes the files of make run the way the data plane
// does: boot file, policy, and the one held against the other.
func TestTheDemonstrationsFilesFitTogether(t *testing.T) {
	config, warnings, err := boot.Load("../../ci/demo/boot.yaml")
	if err != nil || len(warnings) != 0 {
		t.Fatalf("%v, warnings %v", err, warnings)
	}
	doc, err := policy.Load("../../ci/demo/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.CheckPorts(config.RoleOf); err != nil {
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
	host, _ := s.Lookup("host-1")
	array, ok := s.Lookup("array-a")
	if v := s.Evaluate(host, array, 0); !ok || v.Action != policy.Redirect {
		t.Errorf("host-1 to array-a: %+v", v)
	}
}
