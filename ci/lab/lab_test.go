package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEveryScenarioFileIsValid(t *testing.T) {
	files, err := filepath.Glob("scenarios/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file, ".yaml") {
			t.Errorf("%s would never run: its name must end in .yaml", file)
		}
		if _, err := Load(file); err != nil {
			t.Error(err)
		}
	}
}

// good is a scenario that the table below spoils in one place each.
const good = `proves: a sentence
middle: dataplane
vlan: 100
hosts:
  - {name: oracle-1, role: initiator, port: edge0, mac: "02:fc:01:00:00:01"}
  - {name: array-a, role: target, port: fabric0, mac: "02:fc:0a:00:00:0a", luns: [1MiB, 64MiB]}
services:
  - {port: svc0, mac: "02:fc:5e:00:00:01"}
steps:
  - {on: oracle-1, do: find, target: array-a, lun: 1, within: 5s}
  - {on: oracle-1, do: write, target: array-a, lun: 1, size: 16MiB, seed: 7}
  - {on: array-a, do: stored, lun: 1, size: 16MiB, seed: 7}
expect:
  crossing: unchanged
  service: each-fcp-frame-once
  flows: [{initiator: oracle-1, target: array-a, verdict: redirect}]
`

func TestParseReadsAScenario(t *testing.T) {
	sc, err := Parse("good", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if sc.Limit != defaultScenarioLimit || sc.Steps[0].Within != 5*time.Second || sc.Steps[1].Within != defaultStepLimit {
		t.Errorf("limits are %v, %v, %v", sc.Limit, sc.Steps[0].Within, sc.Steps[1].Within)
	}
	if sc.Hosts[1].LUNs[1] != 64<<20 || sc.Steps[1].Size != 16<<20 {
		t.Errorf("sizes are %d and %d", sc.Hosts[1].LUNs[1], sc.Steps[1].Size)
	}
	if got := sc.Host("array-a").WWPN(); got != "20:00:02:fc:0a:00:00:0a" {
		t.Errorf("WWPN of array-a is %s", got)
	}
}

func TestParseRefusesWhatCannotRun(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"a scenario must say what it proves", "proves: a sentence", "proves: ''", "proves"},
		{"an unknown field is an error with its line", "vlan: 100", "vlam: 100", "[3:1] unknown field"},
		{"an unknown middle is named", "middle: dataplane", "middle: magic", `"magic": want wire, dataplane or pair`},
		{"a VLAN number has 12 bits", "vlan: 100", "vlan: 4095", "vlan 4095"},
		{"a wire has no service", "middle: dataplane", "middle: wire", "a wire has neither"},
		{"a service must be judged", "  service: each-fcp-frame-once\n", "", "expect service: say"},
		{"a judgement needs a service", "services:\n  - {port: svc0, mac: \"02:fc:5e:00:00:01\"}\n", "", "there is no service"},
		{"the appliance's report must be judged", "  flows: [{initiator: oracle-1, target: array-a, verdict: redirect}]\n", "", "expect flows: a dataplane"},
		{"a flow has a direction", "flows: [{initiator: oracle-1", "flows: [{initiator: array-a", "want an initiator"},
		{"a MAC is written as the kernel prints it", "02:fc:01", "02:FC:01", "lower case"},
		{"a globally administered MAC is somebody's", "02:fc:01", "00:fc:01", "locally administered"},
		{"two hosts cannot claim one FC_ID", "0a:00:00:0a", "0a:00:00:01", "FC_ID"},
		{"a target needs a disk", ", luns: [1MiB, 64MiB]", "", "luns belong to targets"},
		{"a port has a side and a number", "port: fabric0", "port: fabric", "edge0 to edge9"},
		{"an unknown step is named", "do: find", "do: grep", "want find, write"},
		{"only initiators have remote disks", "{on: oracle-1, do: find", "{on: array-a, do: find", "no initiator of that name"},
		{"a step on nobody is an error", "{on: array-a, do: stored", "{on: array-b, do: stored", "no target of that name"},
		{"a lun must exist", "do: find, target: array-a, lun: 1", "do: find, target: array-a, lun: 2", "with a lun 2"},
		{"data must fit the lun", "lun: 1, size: 16MiB, seed: 7}\nexpect", "lun: 0, size: 16MiB, seed: 7}\nexpect", "fits lun 0"},
		{"reading needs a size", "lun: 1, size: 16MiB, seed: 7}\nexpect", "lun: 1}\nexpect", "have a size"},
		{"a size has a known unit", "64MiB", "64MB", "KiB, MiB or GiB"},
		{"a LUN must fit the target's memory", "64MiB", "64GiB", "up to 128 MiB"},
		{"only a pair can lose a node", "{on: array-a, do: stored, lun: 1, size: 16MiB, seed: 7}", "{on: appliance-a, do: kill}", "want a pair"},
		{"a pulse is ended where it began", "{on: array-a, do: stored, lun: 1, size: 16MiB, seed: 7}", "{on: array-a, do: calm}", "no initiator of that name"},
		{"what is awaited has a name", "{on: array-a, do: stored, lun: 1, size: 16MiB, seed: 7}", "{on: oracle-1, do: await, state: tired}", "want a pair"},
		{"a step must end in time", "within: 5s", "within: 5h", "within 5h"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(good, c.old) == 0 {
				t.Fatalf("the good scenario has no %q to replace", c.old)
			}
			_, err := Parse("bad", []byte(strings.Replace(good, c.old, c.new, 1)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse said %v, want %q", err, c.want)
			}
		})
	}
}

func TestGuestsAreToldWhoTheyAre(t *testing.T) {
	sc, err := Parse("good", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		host string
		want []string
	}{
		{"oracle-1", []string{"fcr.role=initiator", "fcr.wwpn=20:00:02:fc:01:00:00:01", "fcr.vlan=100"}},
		{"array-a", []string{"fcr.role=target", "fcr.luns=1048576,67108864", "fcr.acl=20:00:02:fc:01:00:00:01"}},
	} {
		words := strings.Fields(kernelArguments(sc, sc.Host(c.host)))
		for _, want := range c.want {
			found := false
			for _, w := range words {
				found = found || w == want
			}
			if !found {
				t.Errorf("%s boots with %q, without %q", c.host, words, want)
			}
		}
	}
}

func TestAnswersOfGuests(t *testing.T) {
	for _, c := range []struct{ name, line, want, err string }{
		{"pairs are read", "ok disk=sda sectors=8", "sda", ""},
		{"no pairs are fine", "ok", "", ""},
		{"a failure is the guest's own words", "fail no disk of 0x1 lun 0", "", "no disk of 0x1 lun 0"},
		{"another word is out of step", "up seconds=3", "", `said "up seconds=3", want "ok"`},
		{"noise is not taken for a value", "ok disk", "", "no key=value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := parseAnswer("ok", c.line)
			if c.err == "" && (err != nil || a["disk"] != c.want) {
				t.Errorf("parseAnswer gave %v, %v", a, err)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("parseAnswer said %v, want %q", err, c.err)
			}
		})
	}
}

// TestEveryVerbOfAScenarioIsKnownToTheGuest compares the two places that must agree.
func TestEveryVerbOfAScenarioIsKnownToTheGuest(t *testing.T) {
	script, err := os.ReadFile("guest/init.sh")
	if err != nil {
		t.Fatal(err)
	}
	for verb := range verbs {
		if !strings.Contains(string(script), "do_"+verb+"()") || !strings.Contains(string(script), " "+verb+" |") {
			t.Errorf("guest/init.sh does not take %q", verb)
		}
	}
}

func TestFormatWWN(t *testing.T) {
	if got := formatWWN(0x200002fc0a00000a); got != "20:00:02:fc:0a:00:00:0a" {
		t.Error(got)
	}
}
