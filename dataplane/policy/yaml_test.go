package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"fcredirect/dataplane/yamlconf"
)

// texts are values that are easy to write wrongly.
var texts = rapid.OneOf(
	rapid.SampledFrom([]string{
		"oracle-1", "any", "null", "true", "on", "~", "1e5", "0x10", "1.5", "-", "- a", "a: b", "a:", "a #b", "#a", "'", `"`, `\`, "a, b", "[a]", "{a}",
		"20:00:02:fc:*", "20:00:02:fc:00:00:00:00/32", "20:00:00:11:22:33:44:55", "2000020e01000001", " a", "a ", "été", "日本", "a\nb", "a\tb", "\u0085", "\u2028x",
		"\ufeff", "|", ">", "&a", "*a", "!a", "%a", "@a", "`a", "?", "? a", ": a", "=", "---", "...", "\x01\x7f", "no comment (yet); see 1.2",
	}),
	rapid.StringMatching(`[a-z][a-z0-9_.-]{0,12}`),
	rapid.StringN(1, 20, 60).Filter(func(s string) bool { return s != "\x00" }),
)

// documents are documents that Parse could have read: whether they mean something is not asked.
func documents(t *rapid.T) *Document {
	d := &Document{}
	terms := rapid.Custom(func(t *rapid.T) Term { return Term{Text: texts.Draw(t, "term")} })
	for i := range rapid.IntRange(0, 3).Draw(t, "aliases") {
		d.Aliases = append(d.Aliases, Alias{Name: fmt.Sprint(texts.Draw(t, "alias"), i), WWN: texts.Draw(t, "wwn")})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "sets") {
		d.Sets = append(d.Sets, Set{Name: fmt.Sprint(i, texts.Draw(t, "set")), Members: rapid.SliceOfN(terms, 0, 3).Draw(t, "members")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "services") {
		d.Services = append(d.Services, Service{
			Name: texts.Draw(t, "service"), Mode: Mode(rapid.IntRange(0, 2).Draw(t, "mode")), Port: texts.Draw(t, "port"),
			MAC: rapid.OneOf(rapid.Just(""), texts).Draw(t, "mac"), VLAN: uint16(rapid.IntRange(0, MaxVSAN).Draw(t, "vlan")),
			OnFailure: OnFailure(rapid.IntRange(0, 2).Draw(t, "on-failure")), Note: rapid.OneOf(rapid.Just(""), texts).Draw(t, "note"),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		r := Rule{
			Name: texts.Draw(t, "rule"), Initiator: rapid.SliceOfN(terms, 0, 3).Draw(t, "initiator"), Target: rapid.SliceOfN(terms, 0, 2).Draw(t, "target"),
			Action: Action(rapid.IntRange(0, 3).Draw(t, "action")), Service: rapid.OneOf(rapid.Just(""), texts).Draw(t, "service"),
			CommandsOnly: rapid.Bool().Draw(t, "commands"), OnFailure: OnFailure(rapid.IntRange(0, 2).Draw(t, "on-failure")),
			Disabled: rapid.Bool().Draw(t, "disabled"), Note: rapid.OneOf(rapid.Just(""), texts).Draw(t, "note"),
			Ticket: rapid.OneOf(rapid.Just(""), texts).Draw(t, "ticket"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "vsans") {
			from := rapid.IntRange(0, MaxVSAN).Draw(t, "from")
			r.VSAN = append(r.VSAN, VSANRange{From: uint16(from), To: uint16(rapid.IntRange(from, MaxVSAN).Draw(t, "to"))})
		}
		d.Rules = append(d.Rules, r)
	}
	return d
}

// same compares documents; no list and an empty one are equal.
func same(a, b *Document) bool { return reflect.DeepEqual(tidy(a), tidy(b)) }

func tidy(d *Document) string { return strings.ReplaceAll(fmt.Sprintf("%#v", *d), "(nil)", "{}") }

func TestADocumentIsReadBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := documents(t)
		text, written := doc.Written("policy.yaml")
		if yaml := doc.YAML(); string(yaml) != string(text) {
			t.Fatalf("two ways to write it:\n%s\n%s", yaml, text)
		}
		read, err := Parse("policy.yaml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		// Every place is compared too: what Compile says has its line without reading the text.
		if !same(read, written) {
			t.Fatalf("\n%s\nread    %s\nwritten %s", text, tidy(read), tidy(written))
		}
		if again := read.YAML(); string(again) != string(text) {
			t.Fatalf("written again:\n%s\nnot\n%s", again, text)
		}
		var other any
		if err := yaml.Unmarshal(text, &other); err != nil {
			t.Fatalf("another reader: %v\n%s", err, text)
		}
	})
}

func TestWhatIsWrittenOfTheExamplesCompilesToTheSameBytes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := Parse(path, text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(path, doc.YAML())
		if err != nil {
			t.Fatalf("%s: %v\n%s", path, err, doc.YAML())
		}
		// Lines of rules are part of the bytes, so both are compiled without places.
		if a, b := flatOf(t, doc), flatOf(t, again); string(a) != string(b) {
			t.Errorf("%s: written and read again it is another policy:\n%s", path, doc.YAML())
		}
	}
}

func flatOf(t *testing.T, d *Document) []byte {
	t.Helper()
	d = &Document{Aliases: d.Aliases, Sets: d.Sets, Services: d.Services, Rules: d.Rules}
	flat, _, err := Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return flat
}

func TestADiagnosticLeadsToItsPart(t *testing.T) {
	doc := &Document{
		Aliases:  []Alias{{Name: "host/1", WWN: "20:00:02:fc:01:00:00:01"}, {Name: "bad", WWN: "20:00"}},
		Sets:     []Set{{Name: "hosts", Members: []Term{{Text: "host/1"}, {Text: "nobody"}}}},
		Services: []Service{{Name: "inspect", Mode: ModeSteer, Port: "svc0", MAC: "01:00:00:00:00:01"}},
		Rules: []Rule{
			{Name: "one", Initiator: []Term{{Text: "host/1"}, {Text: "nowhere"}}, Action: Redirect, Service: "inspct"},
			{Name: "two", Action: Redirect},
		},
	}
	_, written := doc.Written("pending")
	_, _, err := Compile(written)
	failed, ok := err.(*yamlconf.Errors)
	if !ok {
		t.Fatal(err)
	}
	lines := written.Lines()
	var got []string
	for _, d := range failed.List {
		p, ok := lines.Part(d.Line)
		if !ok || p.Pointer() == "" {
			t.Errorf("no part has line %d: %s", d.Line, d.Message)
		}
		got = append(got, p.Pointer())
	}
	want := "aliases/bad sets/hosts services/inspect/mac policies/one/match policies/one/service policies/two/action"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s\n%v", got, want, err)
	}
	if _, ok := lines.Part(0); ok {
		t.Error("a diagnostic without a line has a part")
	}
	if p := (Part{"aliases", 0, "host/1", ""}).Pointer(); p != "aliases/host~11" {
		t.Error(p)
	}
}

func BenchmarkWrite10000(b *testing.B) {
	doc := &Document{}
	for i := range 10000 {
		doc.Aliases = append(doc.Aliases, Alias{Name: fmt.Sprint("host-", i), WWN: fmt.Sprintf("20:00:02:fc:%02x:%02x:00:01", i>>8, i&255)})
		doc.Rules = append(doc.Rules, Rule{Name: fmt.Sprint("rule-", i), Initiator: []Term{{Text: fmt.Sprint("host-", i)}}, Action: Forward, Note: "written by a test"})
	}
	b.ReportAllocs()
	for b.Loop() {
		doc.Written("pending")
	}
}
