package metrics

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

// What somebody's dashboard asks for must not go away unnoticed.
func TestTheCatalogueIsThatOfTheGoldenFile(t *testing.T) {
	var b strings.Builder
	for _, m := range Catalogue() {
		fmt.Fprintf(&b, "%s %s {%s}\n\t%s\n", m.Type, m.Name, strings.Join(m.Labels, ","), m.Help)
	}
	const path = "testdata/catalogue.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s differs (go test -update writes it anew); now it would be\n%s", path, &b)
	}
}

// labels are all that there may be: each is bounded by what stands beside it.
var labels = map[string]string{
	"port": "the boot file", "role": "the roles file; of a port, three", "fabric": "16", "pair": "the boot file", "driver": "DPDK's", "lcore": "the boot file",
	"cpu": "the machine", "fate": "a catalogue", "reason": "a catalogue", "kind": "a catalogue", "event": "a catalogue of the learner",
	"service": "255 of a policy", "consumer": "three", "shard": "eight", "producer": "lcores", "replica": "the roles file", "state": "a catalogue",
	"process": "the roles file", "version": "one", "goversion": "one", "node": "one", "abi": "one", "lane": "three", "code": "a catalogue",
	"severity": "three", "method": "HTTP's", "route": "the API's", "class": "six", "outcome": "three",
	"peer": "sixteen", "stream": "two", "stage": "four",
}

func TestEveryMetricIsDeclaredAsAllOthersAre(t *testing.T) {
	name := regexp.MustCompile(`^fcr_[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, m := range Catalogue() {
		switch {
		case !name.MatchString(m.Name) || seen[m.Name]:
			t.Errorf("%s: not a name of ours, or twice", m.Name)
		case (m.Type == Counter) != strings.HasSuffix(m.Name, "_total"):
			t.Errorf("%s is a %s: counters alone end in _total", m.Name, m.Type)
		case !strings.HasSuffix(m.Help, ".") || len(m.Help) < 8:
			t.Errorf("%s: HELP is no sentence: %q", m.Name, m.Help)
		}
		seen[m.Name] = true
		for _, l := range m.Labels {
			if labels[l] == "" {
				t.Errorf("%s: label %s: what bounds it?", m.Name, l)
			}
		}
	}
}

// What is declared is told, with the labels that are declared, and so everything that rules and dashboards find in the
// catalogue is there to be found.
func TestEverythingDeclaredIsTold(t *testing.T) {
	m := New(whole(t))
	serve(t, m, "GET", "/api/v1/aliases/host-1")
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, f := range families {
		told[f.GetName()] = true
	}
	for _, m := range Catalogue() {
		if !told[m.Name] {
			t.Errorf("%s is declared and never told", m.Name)
		}
	}
}
