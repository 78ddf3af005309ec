package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/peer/pki"
)

// Programs rely on the keys: each that there is stands in the README, under the command that prints it.
func TestTheREADMENamesEveryKeyOfTheJSON(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	paragraphs := strings.Split(string(b), "\n\n")
	for command, values := range map[string][]any{
		"port list": {report.Port{}}, "lcore list": {report.Lcore{}}, "service list": {report.Service{}}, "login list": {report.Login{}},
		"flow list": {report.Flow{}, comparedFlow{}}, "segment show": {report.Segment{}, report.Learner{}}, "policy explain": {explanation{}, ruleAnswer{}},
		"pair show": {report.Pair{}, report.Partner{}, report.Path{}}, "role list": {role{}}, "ring list": {feedRing{}},
		"peer certificate": {pki.Identity{}}, "peer invite": {pki.Invited{}}, "peer revoke": {pki.Revocation{}},
	} {
		text := ""
		for _, p := range paragraphs {
			if strings.HasPrefix(p, "**"+command+"**") {
				text = p
			}
		}
		for _, v := range values {
			for i := range reflect.TypeOf(v).NumField() {
				key, _, _ := strings.Cut(reflect.TypeOf(v).Field(i).Tag.Get("json"), ",")
				if key != "-" && !strings.Contains(text, "`"+key+"`") {
					t.Errorf("%s: the key %s is not there", command, key)
				}
			}
		}
	}
	for fate := range shm.NumFates {
		if !strings.Contains(string(b), "`"+fate.String()+"`") {
			t.Errorf("the fate %s is not there", fate)
		}
	}
}
