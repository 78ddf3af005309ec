package draft

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/problem"
)

const example = `aliases: {host: 20:00:02:fc:01:00:00:01, array: 20:00:02:fc:0a:00:00:0a, spare: 200002fc01000009}
sets: {hosts: [host]}
services:
  - {name: inspect, mode: steer, port: svc0, mac: 02:fc:5e:00:00:01}
  - {name: audit, mode: mirror, port: svc1}
policies:
  - {name: one, match: {initiator: host, target: array, vsan: 100-199}, action: redirect, service: inspect}
  - {name: two, match: {initiator: hosts}, action: mirror, service: audit, frames: commands}
  - {name: three, match: {}, action: forward, disabled: true}
`

func parse(t testing.TB, text string) *Draft {
	t.Helper()
	d, err := Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEditsAreDoneOrRefusedWithAPlace(t *testing.T) {
	d := parse(t, example)
	redirect := func(service, initiator string) *Policy {
		return &Policy{Match: Match{Initiator: []string{initiator}}, Action: "redirect", Service: service}
	}
	for _, tt := range []struct {
		name string
		edit Edit
		code problem.Code
		want string // in the error, or in the text of the new draft
	}{
		{"an alias in another spelling is the same", Edit{Op: Put, Kind: KindAlias, Name: "host", Alias: &Alias{WWPN: "200002FC01000001"}}, "", "="},
		{"an alias is made", Edit{Op: Put, Kind: KindAlias, Name: "new", Alias: &Alias{WWPN: "2000-02fc-0100-0055"}}, "", "new: 20:00:02:fc:01:00:00:55"},
		{"an alias of no WWPN", Edit{Op: Put, Kind: KindAlias, Name: "new", Alias: &Alias{WWPN: "hunter2"}}, problem.Invalid, "body/wwpn"},
		{"an alias of a mask", Edit{Op: Put, Kind: KindAlias, Name: "new", Alias: &Alias{WWPN: "20:00:*"}}, problem.Invalid, "body/wwpn"},
		{"a second alias of a WWPN", Edit{Op: Put, Kind: KindAlias, Name: "new", Alias: &Alias{WWPN: "20:00:02:fc:01:00:00:01"}}, problem.Conflict, "alias host"},
		{"an alias called like a set", Edit{Op: Put, Kind: KindAlias, Name: "hosts", Alias: &Alias{WWPN: "20:00:02:fc:01:00:00:02"}}, problem.AlreadyExists, "set"},
		{"an alias called any", Edit{Op: Put, Kind: KindAlias, Name: "any", Alias: &Alias{WWPN: "20:00:02:fc:01:00:00:02"}}, problem.Invalid, "path/name"},
		{"an alias called like a path", Edit{Op: Put, Kind: KindAlias, Name: "../x\n", Alias: &Alias{WWPN: "20:00:02:fc:01:00:00:02"}}, problem.Invalid, "path/name"},
		{"a set of what is not there", Edit{Op: Put, Kind: KindSet, Name: "s", Set: &Set{Members: []string{"hunter2"}}}, problem.Invalid, "body/members"},
		{"a set of sets", Edit{Op: Put, Kind: KindSet, Name: "s", Set: &Set{Members: []string{"hosts"}}}, problem.Invalid, "body/members"},
		{"an empty set", Edit{Op: Put, Kind: KindSet, Name: "s", Set: &Set{}}, problem.Invalid, "body/members"},
		{"a set", Edit{Op: Put, Kind: KindSet, Name: "s", Set: &Set{Members: []string{"host", "200002fc01000077", "50:06:*"}}}, "", "- 20:00:02:fc:01:00:00:77"},
		{"a service without a MAC", Edit{Op: Put, Kind: KindService, Name: "s", Service: &Service{Mode: "steer", Port: "svc0"}}, problem.Invalid, "body"},
		{"a service whose mode is not that of its policies", Edit{Op: Put, Kind: KindService, Name: "inspect", Service: &Service{Mode: "mirror", Port: "svc0"}}, problem.Invalid, "body/mode: rule one redirects"},
		{"a policy to no service", Edit{Op: Put, Kind: KindPolicy, Name: "p", Policy: redirect("hunter2", "host")}, problem.Invalid, "body/service"},
		{"a policy for nobody", Edit{Op: Put, Kind: KindPolicy, Name: "p", Policy: redirect("inspect", "hunter2")}, problem.Invalid, "body/match"},
		{"a policy with an odd VSAN", Edit{Op: Put, Kind: KindPolicy, Name: "p", Policy: &Policy{Match: Match{VSAN: []string{"5000"}}, Action: "drop"}}, problem.Invalid, "body/match/vsan"},
		{"a policy redirecting to a mirror", Edit{Op: Put, Kind: KindPolicy, Name: "p", Policy: redirect("audit", "host")}, problem.Invalid, "body/service"},
		{"a policy in its place", Edit{Op: Put, Kind: KindPolicy, Name: "p", Policy: redirect("inspect", "any"), Place: &Place{Before: "two"}}, "", "p\n    match: {}\n    action: redirect\n    service: inspect\n  - name: two"},
		{"a place behind nothing", Edit{Op: Move, Name: "one", Place: &Place{After: "hunter2"}}, problem.Invalid, "body/place/after"},
		{"two places", Edit{Op: Move, Name: "one", Place: &Place{After: "two", Position: 2}}, problem.Invalid, "body/place"},
		{"moved behind itself", Edit{Op: Move, Name: "one", Place: &Place{After: "one"}}, problem.Invalid, "body/place/after"},
		{"moved to the end", Edit{Op: Move, Name: "one", Place: &Place{Position: 99}}, "", "disabled: true\n  - name: one"},
		{"moved to where it is", Edit{Op: Move, Name: "two", Place: &Place{Position: 2}}, "", "="},
		{"deleted though it is used", Edit{Op: Delete, Kind: KindAlias, Name: "host"}, problem.InUse, "set hosts, policy one"},
		{"a service deleted though it is used", Edit{Op: Delete, Kind: KindService, Name: "audit"}, problem.InUse, "policy two"},
		{"the absent is deleted", Edit{Op: Delete, Kind: KindPolicy, Name: "none"}, "", "="},
		{"a renamed alias is renamed where it is used", Edit{Op: Rename, Kind: KindAlias, Name: "host", To: "oracle"}, "", "hosts:\n    - oracle"},
		{"a renamed service too", Edit{Op: Rename, Kind: KindService, Name: "inspect", To: "look"}, "", "service: look"},
		{"renamed to what is there", Edit{Op: Rename, Kind: KindAlias, Name: "host", To: "hosts"}, problem.AlreadyExists, "body/to"},
		{"a service is drained", Edit{Op: Drain, Kind: KindService, Name: "inspect"}, "", "service: inspect\n    disabled: true"},
		{"no service is drained", Edit{Op: Drain, Kind: KindService, Name: "none"}, problem.NotFound, ""},
		{"what is not there is renamed", Edit{Op: Rename, Kind: KindPolicy, Name: "none", To: "some"}, problem.NotFound, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := string(d.YAML())
			next, err := d.Apply(&tt.edit)
			if string(d.YAML()) != before {
				t.Fatal("the draft that was edited is another now")
			}
			if tt.code != "" {
				if !problem.Is(err, tt.code) || !strings.Contains(fmt.Sprint(err), tt.want) || strings.Contains(fmt.Sprint(err), "hunter2") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "=" {
				if next != d {
					t.Error("a change that is none made another draft")
				}
			} else if !strings.Contains(string(next.YAML()), tt.want) {
				t.Errorf("no %q in\n%s", tt.want, next.YAML())
			}
			if _, _, err := policy.Compile(next.Document()); err != nil {
				t.Error(err)
			}
		})
	}
}

// someEdit is an edit among few names, so that edits meet.
func someEdit(t *rapid.T) *Edit {
	name := func(label string) string { return rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, label) }
	e := &Edit{
		Op: rapid.SampledFrom([]Op{Put, Put, Put, Delete, Rename, Move, Drain}).Draw(t, "op"), Name: name("name"), To: name("to"),
		Kind: rapid.SampledFrom([]Kind{KindAlias, KindSet, KindService, KindPolicy}).Draw(t, "kind"),
	}
	e.Alias = &Alias{WWPN: fmt.Sprintf("20:00:02:fc:01:00:00:0%d", rapid.IntRange(1, 4).Draw(t, "wwpn"))}
	e.Set = &Set{Members: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "20:00:*", "20:00:02:fc:01:00:00:07"}), 1, 3).Draw(t, "members")}
	e.Service = &Service{Mode: rapid.SampledFrom([]string{"steer", "mirror"}).Draw(t, "mode"), Port: "svc0", MAC: "02:fc:5e:00:00:01"}
	e.Policy = &Policy{
		Match:  Match{Initiator: rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "20:00:*"}), 0, 2).Draw(t, "initiator")},
		Action: rapid.SampledFrom([]string{"forward", "redirect", "mirror", "drop"}).Draw(t, "action"), Note: rapid.SampledFrom([]string{"", "x\ny"}).Draw(t, "note"),
	}
	if e.Policy.Action == "redirect" || e.Policy.Action == "mirror" {
		e.Policy.Service = name("service")
	}
	if rapid.Bool().Draw(t, "placed") || e.Op == Move {
		e.Place = &Place{Position: rapid.IntRange(1, 5).Draw(t, "position")}
	}
	return e
}

func TestWhateverIsEditedCompilesAndIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &Draft{}
		first := d
		for range rapid.IntRange(1, 25).Draw(t, "edits") {
			e := someEdit(t)
			before := d.YAML()
			next, err := d.Apply(e)
			if string(before) != string(d.YAML()) {
				t.Fatal("an edit changed the draft that it was made on")
			}
			if err != nil {
				if problem.Of(err).Code == problem.Internal {
					t.Fatal(err)
				}
				continue
			}
			d = next
		}
		text := d.YAML()
		if _, _, err := policy.Compile(d.Document()); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		read, err := Parse("pending", text)
		if err != nil {
			t.Fatal(err)
		}
		if string(read.YAML()) != string(text) || len(Diff(d, read)) != 0 {
			t.Fatalf("read back it is another:\n%s\n%s", text, read.YAML())
		}
		raw, err := json.Marshal(d.Objects())
		if err != nil {
			t.Fatal(err)
		}
		var o Objects
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		again, err := FromObjects(&o)
		if err != nil || string(again.YAML()) != string(text) {
			t.Fatalf("through JSON it is another: %v\n%s\n%s", err, text, again.YAML())
		}
		checkDiff(t, first, d)
	})
}

// checkDiff holds the structured difference against the documents.
func checkDiff(t *rapid.T, a, b *Draft) {
	for _, d := range Diff(a, b) {
		if d.Kind != KindPolicy {
			continue
		}
		pa, ia := a.Policy(d.Name)
		pb, ib := b.Policy(d.Name)
		if (pa == nil) != (d.What == "added") || (pb == nil) != (d.What == "removed") || pa != nil && d.From != ia+1 || pb != nil && d.To != ib+1 {
			t.Fatalf("%+v", d)
		}
	}
}

func TestADifferenceNamesFieldsAndTheFewestMoves(t *testing.T) {
	a := parse(t, example)
	b, err := a.Apply(&Edit{Op: Move, Name: "one", Place: &Place{Position: 3}})
	if err != nil {
		t.Fatal(err)
	}
	two, _ := b.Policy("two")
	changed := *two
	changed.Ticket, changed.Match = "CHG-1", Match{Initiator: []string{"hosts"}, VSAN: []string{"7"}}
	for _, e := range []*Edit{
		{Op: Put, Kind: KindPolicy, Name: "two", Policy: &changed}, {Op: Delete, Kind: KindAlias, Name: "spare"},
		{Op: Put, Kind: KindAlias, Name: "extra", Alias: &Alias{WWPN: "20:00:02:fc:01:00:00:33"}},
	} {
		if b, err = b.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	got := Diff(a, b)
	want := []ObjectChange{
		{Kind: KindAlias, Name: "extra", What: "added", Fields: []FieldChange{{"wwpn", "", "20:00:02:fc:01:00:00:33"}}},
		{Kind: KindAlias, Name: "spare", What: "removed", Fields: []FieldChange{{"wwpn", "20:00:02:fc:01:00:00:09", ""}}},
		{Kind: KindPolicy, Name: "two", What: "changed", From: 2, To: 1, Fields: []FieldChange{{"match.vsan", "", "7"}, {"ticket", "", "CHG-1"}}},
		{Kind: KindPolicy, Name: "one", What: "moved", From: 1, To: 3, Moved: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestPatchMakesTheSecondTextOfTheFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "d\n", "e\n"})
		a := strings.Join(rapid.SliceOfN(line, 0, 30).Draw(t, "a"), "")
		b := strings.Join(rapid.SliceOfN(line, 0, 30).Draw(t, "b"), "")
		text := Unified(a, b, "active", "pending")
		if got := patched(t, a, text); got != b {
			t.Fatalf("%q and\n%s make %q, want %q", a, text, got, b)
		}
		if (text == "") != (a == b) {
			t.Fatalf("equal texts differ: %s", text)
		}
	})
}

// patched does what patch does, strictly.
func patched(t *rapid.T, a, diff string) string {
	in, out, at := lines(a), []string{}, 0
	for _, l := range lines(diff) {
		switch {
		case strings.HasPrefix(l, "---") || strings.HasPrefix(l, "+++"):
		case strings.HasPrefix(l, "@@"):
			var from, n int
			if _, err := fmt.Sscanf(l, "@@ -%d,%d ", &from, &n); err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				from--
			}
			out = append(out, in[at:from]...)
			at = from
		case l[0] == '+':
			out = append(out, l[1:])
		default:
			if at >= len(in) || in[at] != l[1:] {
				t.Fatalf("the difference has %q where the text has something else", l)
			}
			if l[0] == ' ' {
				out = append(out, l[1:])
			}
			at++
		}
	}
	return strings.Join(append(out, in[min(at, len(in)):]...), "")
}

func TestTheSystemsPatchTakesIt(t *testing.T) {
	program, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("no patch on this machine")
	}
	a := parse(t, example)
	b, err := a.Apply(&Edit{Op: Move, Name: "three", Place: &Place{Position: 1}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, a.YAML(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, path)
	cmd.Stdin = strings.NewReader(Unified(string(a.YAML()), string(b.YAML()), "active", "pending"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(b.YAML()) {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestVersionsTellStatesApart(t *testing.T) {
	a := Alias{Name: "a", WWPN: "20:00:02:fc:01:00:00:01"}
	b := a
	b.WWPN = "20:00:02:fc:01:00:00:02"
	if Version(a) == Version(b) || Version(a) != Version(&a) || Version(a) == 0 || Version(a) >= 1<<53 {
		t.Error(Version(a), Version(b))
	}
}

// large is a draft of n policies with two aliases each.
func large(t testing.TB, n int) *Draft {
	t.Helper()
	d := &Draft{Services: []*Service{{Name: "inspect", Mode: "steer", Port: "svc0", MAC: "02:fc:5e:00:00:01"}}}
	for i := range n {
		host := &Alias{fmt.Sprintf("host-%05d", i), fmt.Sprintf("20:00:02:fc:01:%02x:%02x:01", i>>8, i&255)}
		d.Aliases = append(d.Aliases, host)
		d.Policies = append(d.Policies, &Policy{
			Name: fmt.Sprintf("policy-%05d", i), Match: Match{Initiator: []string{host.Name}, Target: []string{"array"}}, Action: "redirect", Service: "inspect",
		})
	}
	d.Aliases = append(d.Aliases, &Alias{"array", "20:00:02:fc:0a:00:00:0a"})
	return d.sorted()
}

func BenchmarkEdit10000(b *testing.B) {
	d := large(b, 10000)
	p, _ := d.Policy("policy-07777")
	i := 0
	for b.Loop() {
		i++
		next := *p
		next.Note = fmt.Sprint("note ", i)
		if _, err := d.Apply(&Edit{Op: Put, Kind: KindPolicy, Name: p.Name, Policy: &next, Place: &Place{Position: 1 + i%10000}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiff10000(b *testing.B) {
	d := large(b, 10000)
	next := *d
	next.Policies = slices.Clone(d.Policies)
	slices.Reverse(next.Policies[100:200])
	for b.Loop() {
		Diff(d, &next)
		Unified(string(d.YAML()), string(next.YAML()), "a", "b")
	}
}
