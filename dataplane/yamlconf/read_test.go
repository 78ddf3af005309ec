package yamlconf

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// plainValue turns a tree into what a generic decoder gives: nil, string, []any, map[string]any.
func plainValue(n *Node) any {
	switch n.Kind {
	case Mapping:
		m := make(map[string]any)
		for i := 0; i < len(n.Items); i += 2 {
			m[n.Items[i].Text] = plainValue(&n.Items[i+1])
		}
		return m
	case Sequence:
		s := make([]any, len(n.Items))
		for i := range n.Items {
			s[i] = plainValue(&n.Items[i])
		}
		return s
	}
	if n.Empty() {
		return nil
	}
	return n.Text
}

func TestTheSubsetOfYAMLIsReadAsYAMLMeansIt(t *testing.T) {
	type m = map[string]any
	type l = []any
	for _, tt := range []struct {
		name, text string
		want       any
	}{
		{"an empty file is nothing", "", nil},
		{"comments alone are nothing", "# a\n\n  # b", nil},
		{"a document may start with a marker", "---\na: b\n", m{"a": "b"}},
		{"a document may end with a marker", "a: b\n...\n", m{"a": "b"}},
		{"a byte order mark is skipped", "\uFEFFa: b", m{"a": "b"}},
		{"lines may end the DOS way", "a:\r\n  - b\r\n  - c\r\n", m{"a": l{"b", "c"}}},
		{"a WWN in block style is text", "a: 20:00:02:fc:01:00:00:01", m{"a": "20:00:02:fc:01:00:00:01"}},
		{"a WWN in a mapping's braces is text", "m: {a: 20:00:02:fc:01:00:00:01}", m{"m": m{"a": "20:00:02:fc:01:00:00:01"}}},
		{"WWNs in brackets inside braces are text", "m: {a: [20:00:02:fc:01:00:00:01, b], c: 20:00:*}", m{"m": m{"a": l{"20:00:02:fc:01:00:00:01", "b"}, "c": "20:00:*"}}},
		{"a list may be indented", "a:\n  - b\n  - c\nd: e", m{"a": l{"b", "c"}, "d": "e"}},
		{"a list may stand in its key's column", "a:\n- b\n- c\nd: e", m{"a": l{"b", "c"}, "d": "e"}},
		{"a list item may hold a mapping", "- a: b\n  c: d\n-   e: f\n    g: h", l{m{"a": "b", "c": "d"}, m{"e": "f", "g": "h"}}},
		{"a list item may hold a list", "- - a\n  - b\n- c", l{l{"a", "b"}, "c"}},
		{"a list item may stand on the next line", "-\n  a: b\n-\n- c", l{m{"a": "b"}, nil, "c"}},
		{"a mapping may hold a mapping", "a:\n  b:\n    c: d\n  e: f\n", m{"a": m{"b": m{"c": "d"}, "e": "f"}}},
		{"missing values are nothing", "a:\nb: # none\nc: ~\nd: null\n", m{"a": nil, "b": nil, "c": nil, "d": nil}},
		{"missing values in braces are nothing", "{a: , b: c, d:}", m{"a": nil, "b": "c", "d": nil}},
		{"comments end values", "a: b # c\nd: e#f\n", m{"a": "b", "d": "e#f"}},
		{"quotes keep what would be syntax", `a: "b: c # d"` + "\ne: 'f, [g'", m{"a": "b: c # d", "e": "f, [g"}},
		{"quotes may hold quotes", `a: "say \"x\""` + "\nb: 'it''s'", m{"a": `say "x"`, "b": "it's"}},
		{"escapes are resolved", `a: "\x41\u00e9\U0001F600\t\\\/"`, m{"a": "Aé😀\t\\/"}},
		{"keys may be quoted", `"a b": c` + "\n'd': e", m{"a b": "c", "d": "e"}},
		{"quoted keys in braces need no space", `{"a":b,"c":[d]}`, m{"a": "b", "c": l{"d"}}},
		{"brackets may span lines", "a: [b,\n  c, # note\n  d,\n]\ne: f", m{"a": l{"b", "c", "d"}, "e": "f"}},
		{"brackets may nest", "[[], {}, [a, {b: c}]]", l{l{}, m{}, l{"a", m{"b": "c"}}}},
		{"a colon without space is part of the text", "a: b:c\nd: e::f", m{"a": "b:c", "d": "e::f"}},
		{"a dash without space is part of the text", "a: -b\nc: --d", m{"a": "-b", "c": "--d"}},
		{"a literal block keeps its lines", "a: |\n  b\n   c\n\n  d\ne: f", m{"a": "b\n c\n\nd\n", "e": "f"}},
		{"a literal block may drop its last line end", "a: |-\n  b\n\ne: f", m{"a": "b", "e": "f"}},
		{"a literal block may keep all line ends", "a: |+\n  b\n\ne: f", m{"a": "b\n\n", "e": "f"}},
		{"a literal block may stand in a list", "- |\n  b\n- c", l{"b\n", "c"}},
		{"a literal block may be the last thing", "a: |\n  b", m{"a": "b\n"}},
		{"a literal block ends at a shallower line", "a:\n  b: |\n    c\n  d: e", m{"a": m{"b": "c\n", "d": "e"}}},
		{"tabs may separate on a line", "a:\tb\t# c\nd: [e,\tf]", m{"a": "b", "d": l{"e", "f"}}},
		{"blank lines may hold tabs", "a: b\n\t\nc: d", m{"a": "b", "c": "d"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, report := Read("t.yaml", []byte(tt.text))
			if err := report.Err(); err != nil {
				t.Fatal(err)
			}
			if got := plainValue(&root); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %#v\nwant %#v", got, tt.want)
			}
		})
	}
}

// refusals are texts that are not read, each with the name of what is wrong.
var refusals = []struct{ name, text string }{
	{"anchor", "a: &x b\nc: d"},
	{"alias", "a: *x"},
	{"alias as a mask", "match: {initiator: *, target: x}"},
	{"merge key", "a:\n  <<: *x"},
	{"tag", "a: !!str b"},
	{"directive", "%YAML 1.2\n---\na: b"},
	{"second document", "a: b\n---\nc: d"},
	{"complex key", "? a\n: b"},
	{"folded block", "a: >\n  b\n  c"},
	{"block with indentation number", "a: |2\n  b"},
	{"tab indentation", "a:\n\tb: c"},
	{"tab after dash", "-\ta: b"},
	{"text over two lines", "note: one\n  two"},
	{"quote over two lines", "note: \"one\n  two\""},
	{"unclosed single quote", "note: 'one"},
	{"unknown escape", `note: "\q"`},
	{"escape of no character", `note: "\ud800"`},
	{"text after quotes", `note: "a" b`},
	{"unclosed list", "a: [b, c\nd: e"},
	{"unclosed list at the end", "a: [b, c"},
	{"unclosed mapping", "a: {b: c"},
	{"missing comma", "a: [\"b\" c]"},
	{"missing comma in braces", "a: {b: \"c\" d: e}"},
	{"lone comma", "a: [, b]"},
	{"closing bracket too many", "a: ]"},
	{"pair in a list", "a: [b: c]"},
	{"key without value in braces", "a: {b, c: d}"},
	{"key without space in braces", "a: {b:c}"},
	{"key without space", "a:b\nc: d"},
	{"no mapping", "just a text\nc: d"},
	{"second colon", "a: b: c"},
	{"list on the line of its key", "a: - b"},
	{"list where a key is expected", "a: b\n- c"},
	{"key where an item is expected", "- a\nb: c"},
	{"indentation of no level", "a:\n    b: c\n  d: e"},
	{"deeper than its neighbour", "a: b\n  c: d"},
	{"deeper list item", "- a\n  - b"},
	{"list as a key", "[a]: b"},
	{"missing key", ": b"},
	{"reserved character", "a: @b"},
	{"percent value", "a: %b"},
	{"comment without space", "a: [b,#c\n]"},
	{"comment on quotes", "a: \"b\"#c"},
	{"block in brackets", "a: [|\n  b]"},
	{"not UTF-8", "a: \xff"},
	{"control character", "a: b\x07c"},
	{"lone carriage return", "a: b\rc: d"},
	{"next line character", "a: b\u0085c"},
	{"deep brackets", "a: " + strings.Repeat("[", 1000)},
	{"deep lists", strings.Repeat("- ", 1000) + "a"},
	{"deep mappings", deepMapping(40)},
	{"a long line", "a: [" + strings.Repeat("some-name, ", 100) + "*, " + strings.Repeat("some-name, ", 100) + "]"},
	{"wide characters before the place", "\"é→中\": [\"ж\" b]"},
}

func deepMapping(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestWhatIsNotReadIsRefusedWithPlaceAndCure(t *testing.T) {
	var b strings.Builder
	for _, tt := range refusals {
		_, report := Read("t.yaml", []byte(tt.text))
		err := report.Err()
		if err == nil {
			t.Errorf("%s: was read", tt.name)
			continue
		}
		fmt.Fprintf(&b, "-- %s --\n%v\n", tt.name, err)
	}
	compareGolden(t, "testdata/refusals.golden", b.String())
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
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

func TestLimitsAreErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a file too large", strings.Repeat("#", MaxBytes+1), "the file has more than"},
		{"too many values", "[" + strings.Repeat("a,", MaxNodes+1) + "]", "too many values"},
		{"too many missing values", strings.Repeat("-\n", MaxNodes+1), "too many values"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, report := Read("t.yaml", []byte(tt.text))
			if err := report.Err(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
		})
	}
}

// drawNode makes a random tree and its text in a random mix of styles.
func drawNode(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 || kind < 3 {
		return rapid.OneOf(
			rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9:*/._-]{0,8}[a-zA-Z0-9*]`),
			rapid.StringMatching(`[a-z][ -~]{0,10}`),
			rapid.StringMatching(`[éж中][ -~é]{0,6}`),
		).Draw(t, "text")
	}
	n := rapid.IntRange(1, 4).Draw(t, "items")
	if kind == 3 {
		s := make([]any, n)
		for i := range s {
			s[i] = drawNode(t, depth-1)
		}
		return s
	}
	m := make(map[string]any, n)
	for range n {
		m[rapid.StringMatching(`[a-z][a-z0-9-]{0,5}`).Draw(t, "key")] = drawNode(t, depth-1)
	}
	return m
}

func writeFlow(t *rapid.T, b *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		// The scanner that judges us takes a colon inside braces for a key's end.
		b.WriteString(quoteFor(t, v, strings.ContainsAny(v, ",[]{}:")))
	case []any:
		b.WriteString("[")
		for i, x := range v {
			if i > 0 {
				b.WriteString(rapid.SampledFrom([]string{", ", ",\n      ", ",  # c\n      "}).Draw(t, "comma"))
			}
			writeFlow(t, b, x)
		}
		b.WriteString("]")
	case map[string]any:
		b.WriteString("{")
		first := true
		for k, x := range v {
			if !first {
				b.WriteString(", ")
			}
			first = false
			b.WriteString(k + ": ")
			writeFlow(t, b, x)
		}
		b.WriteString("}")
	}
}

func quoteFor(t *rapid.T, s string, must bool) string {
	plain := !must && strings.TrimSpace(s) == s && !strings.Contains(s, ": ") && !strings.Contains(s, " #") &&
		!strings.HasSuffix(s, ":") && (&Node{Text: s}).typed() == "" && !(&Node{Text: s}).Empty()
	switch style := rapid.IntRange(0, 2).Draw(t, "style"); {
	case style == 0 && plain:
		return s
	case style == 1:
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return `"` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`) + `"`
}

func writeBlock(t *rapid.T, b *strings.Builder, v any, indent int) {
	pad := strings.Repeat(" ", indent)
	if rapid.IntRange(0, 4).Draw(t, "blank") == 0 {
		b.WriteString(rapid.SampledFrom([]string{"", "\n", pad + "# c\n"}).Draw(t, "filler"))
	}
	entry := func(x any) {
		if _, scalar := x.(string); scalar || rapid.IntRange(0, 2).Draw(t, "flow") == 0 {
			b.WriteString(" ")
			if s, ok := x.(string); ok {
				b.WriteString(quoteFor(t, s, false))
			} else {
				writeFlow(t, b, x)
			}
			b.WriteString(rapid.SampledFrom([]string{"\n", " # c\n", "  \n"}).Draw(t, "end"))
			return
		}
		b.WriteString("\n")
		writeBlock(t, b, x, indent+rapid.IntRange(1, 3).Draw(t, "indent"))
	}
	switch v := v.(type) {
	case string:
		b.WriteString(pad + quoteFor(t, v, true) + "\n")
	case []any:
		for _, x := range v {
			b.WriteString(pad + "-")
			entry(x)
		}
	case map[string]any:
		for k, x := range v {
			b.WriteString(pad + k + ":")
			entry(x)
		}
	}
}

// TestGoccyReadsTheSame lets a full YAML implementation judge the subset: a random tree is
// written in random styles; both readers must give it back.
func TestGoccyReadsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]any{"root": drawNode(t, 3)}
		var b strings.Builder
		writeBlock(t, &b, want, 0)
		text := b.String()
		root, report := Read("t.yaml", []byte(text))
		if err := report.Err(); err != nil {
			t.Fatalf("%v\nin:\n%s", err, text)
		}
		if got := plainValue(&root); !reflect.DeepEqual(got, any(want)) {
			t.Fatalf("ours: %#v\nwant: %#v\nin:\n%s", got, want, text)
		}
		var judge any
		if err := yaml.Unmarshal([]byte(text), &judge); err != nil {
			t.Fatalf("goccy: %v\nin:\n%s", err, text)
		}
		if !reflect.DeepEqual(judge, any(want)) {
			t.Fatalf("goccy: %#v\nwant:  %#v\nin:\n%s", judge, want, text)
		}
	})
}

// FuzzRead: any bytes give a tree whose spans lie in the text, in order, or an error that
// renders.
func FuzzRead(f *testing.F) {
	for _, r := range refusals {
		if len(r.text) < 1000 {
			f.Add([]byte(r.text))
		}
	}
	f.Add([]byte("a: |\n  b\nc: [d, {e: 'f'}]\n- g"))
	f.Fuzz(func(t *testing.T, text []byte) {
		root, report := Read("t.yaml", text)
		if err := report.Err(); err != nil {
			_ = err.Error()
			return
		}
		var walk func(n *Node)
		walk = func(n *Node) {
			if n.Span.Start > n.Span.End || int(n.Span.End) > len(text) {
				t.Fatalf("span %v outside of %d bytes", n.Span, len(text))
			}
			if n.Kind == Mapping && len(n.Items)%2 != 0 {
				t.Fatal("a key without value")
			}
			last := uint32(0)
			for i := range n.Items {
				if n.Items[i].Span.Start < last {
					t.Fatalf("item %d starts at %d, before %d", i, n.Items[i].Span.Start, last)
				}
				last = n.Items[i].Span.Start
				walk(&n.Items[i])
			}
		}
		walk(&root)
	})
}

func BenchmarkRead60000Names(b *testing.B) {
	var text strings.Builder
	text.WriteString("aliases:\n")
	for i := range 60000 {
		fmt.Fprintf(&text, "  host-%d: 20:00:02:fc:01:%02x:%02x:%02x\n", i, i>>16, i>>8&255, i&255)
	}
	src := []byte(text.String())
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, report := Read("t.yaml", src); report.Failed() {
			b.Fatal(report.Err())
		}
	}
}
