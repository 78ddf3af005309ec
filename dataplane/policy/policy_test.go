package policy

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fcredirect/dataplane/frame"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update after looking at it); got:\n%s", path, got)
	}
}

// compiled parses, compiles and opens a policy that has to be right.
func compiled(t testing.TB, text string) (*Snapshot, []Warning) {
	t.Helper()
	doc, err := Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	flat, warnings, err := Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(flat)
	if err != nil {
		t.Fatal(err)
	}
	return s, warnings
}

func example(t testing.TB) *Snapshot {
	t.Helper()
	text, err := os.ReadFile("testdata/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := compiled(t, string(text))
	return s
}

func wwn(t testing.TB, s string) frame.WWN {
	t.Helper()
	w, err := frame.ParseWWN(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestTheIssuesExampleRedirectsItsPair uses the document as the project's plan shows it.
func TestTheIssuesExampleRedirectsItsPair(t *testing.T) {
	s, warnings := compiled(t, `
aliases:
  oracle-1: 20:00:02:fc:01:00:00:01
  array-a:  20:00:02:fc:0a:00:00:0a
services:
  - name: inspect
    mode: steer      # steer | mirror | virtual-target
    port: svc0
    mac: 02:fc:5e:00:00:01
    on-failure: bypass   # or block
policies:
  - name: watch-oracle
    match: {initiator: oracle-1, target: array-a, vsan: any}
    action: redirect     # forward | redirect | mirror | drop
    service: inspect
`)
	if len(warnings) != 0 {
		t.Errorf("warnings: %v", warnings)
	}
	host, array := wwn(t, "20:00:02:fc:01:00:00:01"), wwn(t, "20:00:02:fc:0a:00:00:0a")
	redirect := Verdict{Action: Redirect, OnFailure: Bypass, Service: 0, Rule: 0}
	for _, tt := range []struct {
		name              string
		initiator, target frame.WWN
		vsan              uint16
		want              Verdict
	}{
		{"the pair is redirected", host, array, 0, redirect},
		{"in any VSAN", host, array, 4095, redirect},
		{"not the other way round", array, host, 0, noMatch},
		{"not another host", host + 1, array, 0, noMatch},
		{"not while the host is unknown", 0, array, 0, noMatch},
		{"not while the array is unknown", host, 0, 0, noMatch},
	} {
		if got := s.Evaluate(tt.initiator, tt.target, tt.vsan); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
	want := ServiceInfo{Name: "inspect", Mode: ModeSteer, Port: "svc0", MAC: frame.MAC{2, 0xfc, 0x5e, 0, 0, 1}, HasMAC: true, OnFailure: Bypass}
	if got := s.Service(0); s.Services() != 1 || got != want {
		t.Errorf("service %+v, want %+v", got, want)
	}
}

func TestTheExampleFileDecidesAsItSays(t *testing.T) {
	s := example(t)
	const backup, tenant, oracle1, oracle2, stranger = "200002fc02000001", "200002fc03000007", "200002fc01000001", "200002fc01000002", "2000112233445566"
	const arrayA, arrayB, clariion, pure = "200002fc0a00000a", "200002fc0b00000b", "5006016012345678", "524a93700f000001"
	for _, tt := range []struct {
		name, initiator, target string
		vsan                    uint16
		want                    string
	}{
		{"the backup host is left alone", backup, arrayA, 150, "forward leave-backup-alone"},
		{"a tenant in its VSANs is encrypted", tenant, arrayA, 150, "redirect encrypt-tenant encrypt block"},
		{"also in the single VSAN", tenant, arrayB, 300, "redirect encrypt-tenant encrypt block"},
		{"also towards an array of the mask by digits", tenant, clariion, 100, "redirect encrypt-tenant encrypt block"},
		{"also towards an array of the mask by bits", tenant, pure, 199, "redirect encrypt-tenant encrypt block"},
		{"not outside of its VSANs", tenant, arrayA, 200, "forward"},
		{"not towards a stranger", tenant, stranger, 150, "forward"},
		{"the pair is watched, and blocks against its service's word", oracle1, arrayA, 0, "redirect watch-oracle inspect block"},
		{"its other pairs are mirrored", oracle1, arrayB, 0, "mirror audit-oracle audit unsaid commands"},
		{"so is the rest of the set", oracle2, arrayA, 0, "mirror audit-oracle audit unsaid commands"},
		{"so is the WWN beside the set", "200002fc04000001", clariion, 0, "mirror audit-oracle audit unsaid commands"},
		{"a disabled rule does nothing", stranger, arrayB, 0, "forward"},
		{"an unknown host matches no name", "0000000000000000", arrayA, 150, "forward"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := s.Evaluate(wwn(t, tt.initiator), wwn(t, tt.target), tt.vsan)
			got := v.Action.String()
			if v.Rule != none {
				got += " " + s.Rule(int(v.Rule)).Name
			}
			if v.Service != none {
				got += " " + s.Service(int(v.Service)).Name + " " + v.OnFailure.String()
			}
			if v.CommandsOnly {
				got += " commands"
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestASnapshotTellsWhatItHolds(t *testing.T) {
	s := example(t)
	if s.Rules() != 5 || s.Services() != 3 || s.Aliases() != 5 {
		t.Errorf("%d rules, %d services, %d aliases", s.Rules(), s.Services(), s.Aliases())
	}
	wantRule := RuleInfo{Name: "encrypt-tenant", Initiator: "20:00:02:fc:03:*", Target: "arrays", VSAN: "100-199, 300",
		Action: Redirect, Service: 1, OnFailure: Block, Line: 36}
	if got := s.Rule(1); got != wantRule {
		t.Errorf("rule 1: %+v\nwant %+v", got, wantRule)
	}
	if got := s.Rule(2); got.Note != "asked for by the database team\n" || got.Disabled {
		t.Errorf("rule 2: %+v", got)
	}
	if got := s.Rule(4); !got.Disabled || got.Service != none {
		t.Errorf("rule 4: %+v", got)
	}
	if got := s.Rule(0); got.Ticket != "CHG-1042" || got.Target != "any" {
		t.Errorf("rule 0: %+v", got)
	}
	want := ServiceInfo{Name: "audit", Mode: ModeMirror, Port: "svc1", OnFailure: Bypass}
	if got := s.Service(2); got != want {
		t.Errorf("service 2: %+v", got)
	}
	if got := s.Service(1); got.VLAN != 100 || got.OnFailure != Block {
		t.Errorf("service 1: %+v", got)
	}
	w := wwn(t, "200002fc0b00000b")
	if got := s.AliasOf(w); got != "array-b" {
		t.Errorf("AliasOf(%v) = %q", w, got)
	}
	if got := s.AliasOf(w + 1); got != "" {
		t.Errorf("AliasOf(%v) = %q", w+1, got)
	}
	for name, want := range map[string]frame.WWN{"array-b": w, "oracle-1": wwn(t, "200002fc01000001"), "20:00:02:fc:0b:00:00:0b": w, "array-c": 0, "": 0, "0000000000000000": 0} {
		if got, ok := s.Lookup(name); got != want && ok || ok != (want != 0) {
			t.Errorf("Lookup(%q) = %v, %v", name, got, ok)
		}
	}
}

func TestEqualDocumentsGiveEqualBytes(t *testing.T) {
	a, b := example(t), example(t)
	if a.Hash() != b.Hash() || len(a.ID()) != 16 {
		t.Errorf("hashes %x and %x", a.Hash(), b.Hash())
	}
	c, _ := compiled(t, "policies: []")
	if c.Hash() == a.Hash() {
		t.Error("different documents have one hash")
	}
}

func TestThePolicyWithoutRulesForwards(t *testing.T) {
	for _, text := range []string{"policies: []", "policies:", "aliases:\nsets:\nservices:\npolicies: []"} {
		s, warnings := compiled(t, text)
		if v := s.Evaluate(1, 2, 3); v != noMatch || len(warnings) != 0 {
			t.Errorf("%q: %+v, warnings %v", text, v, warnings)
		}
	}
}

// TestBadPoliciesSayWhereAndWhatToDo compares what each file in testdata/bad is told with
// the golden file beside it.
func TestBadPoliciesSayWhereAndWhatToDo(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := Parse("policy.yaml", text)
			if err == nil {
				_, _, err = Compile(doc)
			}
			if err == nil {
				t.Fatal("was accepted")
			}
			compareGolden(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

func TestAMissingFileSaysWhatToDo(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--policy") {
		t.Errorf("got %v", err)
	}
	if _, err := Load("testdata/policy.yaml"); err != nil {
		t.Error(err)
	}
}

func TestADocumentNeedsNoFile(t *testing.T) {
	doc := &Document{
		Aliases:  []Alias{{Name: "h", WWN: "20:00:02:fc:01:00:00:01"}},
		Services: []Service{{Name: "s", Mode: ModeSteer, Port: "svc0", MAC: "02:fc:5e:00:00:01"}},
		Rules:    []Rule{{Name: "r", Initiator: []Term{{Text: "h"}}, VSAN: []VSANRange{{From: 1, To: 2}}, Action: Redirect, Service: "s", OnFailure: Block}},
	}
	flat, _, err := Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(flat)
	if err != nil {
		t.Fatal(err)
	}
	if v := s.Evaluate(wwn(t, "200002fc01000001"), 7, 2); v.Action != Redirect || v.OnFailure != Block {
		t.Errorf("%+v", v)
	}
	for name, spoil := range map[string]func(*Document){
		"an action that is none":         func(d *Document) { d.Rules[0].Action = 9 },
		"a mode that is none":            func(d *Document) { d.Services[0].Mode = 9 },
		"virtual-target":                 func(d *Document) { d.Services[0].Mode = ModeVirtualTarget },
		"an answer that is none":         func(d *Document) { d.Services[0].OnFailure = 9 },
		"a rule's answer that is none":   func(d *Document) { d.Rules[0].OnFailure = 9 },
		"a range the wrong way round":    func(d *Document) { d.Rules[0].VSAN[0] = VSANRange{From: 3, To: 2} },
		"a range too high":               func(d *Document) { d.Rules[0].VSAN[0] = VSANRange{From: 3, To: 4095} },
		"a VLAN too high":                func(d *Document) { d.Services[0].VLAN = 4095 },
		"a note too long":                func(d *Document) { d.Rules[0].Note = strings.Repeat("x", MaxNote+1) },
		"a note that is no text":         func(d *Document) { d.Services[0].Note = "\xff" },
		"a name that is no text":         func(d *Document) { d.Rules[0].Name = "\xff" },
		"an empty name":                  func(d *Document) { d.Rules[0].Name = "" },
		"an empty port":                  func(d *Document) { d.Services[0].Port = "" },
		"the parser's mark of no action": func(d *Document) { d.Rules[0].Action = unread },
		"the parser's mark of a gap":     func(d *Document) { d.Rules[0].Initiator[0].Text = skipped },
	} {
		t.Run(name, func(t *testing.T) {
			d := &Document{Aliases: append([]Alias(nil), doc.Aliases...), Services: append([]Service(nil), doc.Services...), Rules: append([]Rule(nil), doc.Rules...)}
			d.Rules[0].VSAN = append([]VSANRange(nil), doc.Rules[0].VSAN...)
			d.Rules[0].Initiator = append([]Term(nil), doc.Rules[0].Initiator...)
			spoil(d)
			if _, _, err := Compile(d); err == nil {
				t.Error("was compiled")
			}
		})
	}
}

func TestServicesAreHeldAgainstTheBootFilesPorts(t *testing.T) {
	const text = "services:\n  - {name: a, mode: mirror, port: svc0}\n  - {name: b, mode: mirror, port: edge0}\n  - {name: c, mode: mirror, port: svc1}\npolicies: []\n"
	roles := map[string]string{"svc0": "service", "edge0": "edge"}
	role := func(port string) (string, bool) { r, ok := roles[port]; return r, ok }
	doc, err := Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := compiled(t, text)
	compareGolden(t, "testdata/ports.golden", doc.CheckPorts(role).Error()+"\n--\n"+s.CheckPorts(role).Error()+"\n")
	roles["svc1"], roles["edge0"] = "service", "service"
	if err := errors.Join(doc.CheckPorts(role), s.CheckPorts(role)); err != nil {
		t.Error(err)
	}
}

func TestLimitsOfADocumentAreErrors(t *testing.T) {
	name := func(i int) string { return fmt.Sprintf("n%d", i) }
	terms := func(from, n int) []Term {
		out := make([]Term, n)
		for i := range out {
			out[i].Text = fmt.Sprintf("%016x", from+i)
		}
		return out
	}
	for _, tt := range []struct {
		name string
		fill func(*Document)
		want string
	}{
		{"too many aliases", func(d *Document) { d.Aliases = make([]Alias, MaxAliases+1) }, "65537 aliases, more than 65536"},
		{"too many sets", func(d *Document) { d.Sets = make([]Set, MaxSets+1) }, "16385 sets, more than 16384"},
		{"too many services", func(d *Document) { d.Services = make([]Service, MaxServices+1) }, "256 services, more than 255"},
		{"too many rules", func(d *Document) { d.Rules = make([]Rule, MaxRules+1) }, "16385 rules, more than 16384"},
		{"too many members", func(d *Document) { d.Sets = []Set{{Name: "s", Members: terms(1, MaxMembers+1)}} }, "more than 262144 members"},
		{"too many members in different sets", func(d *Document) {
			for i := range 5 {
				d.Sets = append(d.Sets, Set{Name: name(i), Members: terms(1+i, MaxMembers/5+1)})
			}
		}, "more than 262144 members"},
		{"large sets joined in many rules", func(d *Document) {
			d.Sets = []Set{{Name: "s", Members: terms(1, 2000)}}
			for i := range maxExpanded/2000 + 1 {
				d.Rules = append(d.Rules, Rule{Name: name(i), Initiator: []Term{{Text: "s"}, {Text: "20*"}}, Action: Drop})
			}
		}, "more than 4194304 members in all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := &Document{}
			tt.fill(doc)
			if _, _, err := Compile(doc); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
		})
	}
}

// TestTheReferenceNamesEveryKey reads the tables of README.md.
func TestTheReferenceNamesEveryKey(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for prefix, keys := range map[string][]string{"": fileSchema.Keys, "services[].": serviceSchema.Keys, "policies[].": ruleSchema.Keys, "match.": matchSchema.Keys} {
		for _, key := range keys {
			if !strings.Contains(string(readme), "| `"+prefix+key+"` |") {
				t.Errorf("README.md does not describe %s%s", prefix, key)
			}
		}
	}
	for _, code := range []WarningCode{RuleDisabled, RuleShadowed, ShadowUndecided, DropsEverything, ServiceUnused, AliasUnused, SetUnused, MemberRedundant} {
		if !strings.Contains(string(readme), "`"+string(code)+"`") {
			t.Errorf("README.md does not describe %s", code)
		}
	}
}
