package yamlconf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var fruit = Schema{
	What:    "a fruit",
	Keys:    []string{"name", "weight", "ripe", "age", "size", "kind", "seeds"},
	Refused: map[string]Refusal{"genome": {"genomes are not supported yet", "Remove the key."}},
}

// decodeFruit reads every key of a fruit with the accessor made for it.
func decodeFruit(text string) (out string, err error) {
	root, report := Read("fruit.yaml", []byte(text))
	if report.Failed() {
		return "", report.Err()
	}
	f, _ := report.Fields(&root, &fruit)
	if n := f.Get("name"); n != nil {
		v, _ := report.Text(n, "name")
		out += "name=" + v
	}
	if n := f.Get("weight"); n != nil {
		v, _ := report.Int(n, "weight", 1, 1000)
		out += fmt.Sprint(" weight=", v)
	}
	if n := f.Get("ripe"); n != nil {
		v, _ := report.Bool(n, "ripe")
		out += fmt.Sprint(" ripe=", v)
	}
	if n := f.Get("age"); n != nil {
		v, _ := report.Duration(n, "age", time.Millisecond, time.Hour)
		out += fmt.Sprint(" age=", v)
	}
	if n := f.Get("size"); n != nil {
		v, _ := report.Size(n, "size", 1, 1<<30)
		out += fmt.Sprint(" size=", v)
	}
	if n := f.Get("kind"); n != nil {
		v, _ := report.Choice(n, "kind", "apple", "pear", "plum")
		out += fmt.Sprint(" kind=", v)
	}
	if n := f.Get("seeds"); n != nil {
		items, _ := report.List(n, "seeds")
		for i := range items {
			v, _ := report.Word(&items[i], "a seed")
			out += " seed=" + v
		}
	}
	return out, report.Err()
}

func TestTypedAccessReadsValuesWithTheirUnits(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"text", "name: conference", "name=conference"},
		{"quoted text may look like anything", `name: "5"`, "name=5"},
		{"numbers", "weight: 200", " weight=200"},
		{"true and false", "ripe: false", " ripe=false"},
		{"times", "age: 1.5s", " age=1.5s"},
		{"bytes", "size: 4352", " size=4352"},
		{"bytes with their unit", "size: 4352B", " size=4352"},
		{"sizes", "size: 1.5MiB", " size=1572864"},
		{"keywords", "kind: pear", " kind=1"},
		{"lists of whatever was written", "seeds: [0x10, true, 1e5, 20:00]", " seed=0x10 seed=true seed=1e5 seed=20:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decodeFruit(tt.text)
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestWrongTypesAndKeysAreErrors(t *testing.T) {
	var b strings.Builder
	for _, text := range []string{
		"- name", "name", "nmae: x", "colour: red", "genome: x", "name: x\nname: y", "name:", "name: ''", "name: 5", "name: true", "name: [a]", "name: {a: b}",
		"weight: 0", "weight: 1001", "weight: 1.5", "weight: \"5\"", "weight: 99999999999999999999", "weight: heavy",
		"ripe: yes", "ripe: \"true\"", "age: 5", "age: 5 days", "age: 2h", "age: 1us", "size: 4k", "size: 1.5", "size: big", "size: 2GiB", "size: -1", "size: 1..5KiB",
		"kind: cherry", "seeds: x", "seeds: [a, [b], ]", "seeds: [a, ]\nseeds: [b]\ncolour: red\nweight: x",
	} {
		got, err := decodeFruit(text)
		if err == nil {
			t.Errorf("%q was read as %q", text, got)
			continue
		}
		fmt.Fprintf(&b, "%v\n\n", err)
	}
	compareGolden(t, "testdata/types.golden", b.String())
}

func TestErrorsAreShownInFileOrderUpToALimit(t *testing.T) {
	report := NewReport("f.yaml", strings.Repeat("x\n", 100))
	for i := 99; i >= 0; i-- {
		report.Errorf(Span{uint32(2 * i), uint32(2*i + 1)}, "", "error %d", i)
	}
	report.Errorf(Span{}, "", "nowhere")
	var e *Errors
	if err := report.Err(); !errors.As(err, &e) {
		t.Fatalf("got %T", err)
	}
	if len(e.List) != MaxReported || e.More != 101-MaxReported {
		t.Errorf("shows %d, counts %d more", len(e.List), e.More)
	}
	// Before it come error 0, at byte 0, and the one that is nowhere.
	if got := e.List[2]; got.Line != 2 || got.Column != 1 || got.Message != "error 1" {
		t.Errorf("third error is %+v", got)
	}
	var d *Diagnostic
	if !errors.As(error(e), &d) || d != e.List[0] {
		t.Error("errors.As does not find the first diagnostic")
	}
}

func TestThousandsOfErrorsInOneLongLineAreCheap(t *testing.T) {
	// Rendering each would count the characters of 8 MiB 4,000 times.
	report := NewReport("f.yaml", strings.Repeat("é", 4<<20))
	for i := range 4000 {
		report.Errorf(Span{uint32(8<<20 - 2*i - 2), 8 << 20}, "", "error %d", i)
	}
	e := report.Err().(*Errors)
	if len(e.List) != MaxReported || e.More != 4000-MaxReported {
		t.Errorf("shows %d, counts %d more", len(e.List), e.More)
	}
}

func TestNearestFindsTheNameThatWasMeant(t *testing.T) {
	names := []string{"oracle-1", "oracle-2", "array-a", "backup"}
	for _, tt := range []struct{ typed, want string }{
		{"orcale-1", "oracle-1"}, {"oracel-2", "oracle-2"}, {"aray-a", "array-a"}, {"bakcup", "backup"},
		{"oracle-1", "oracle-1"}, {"sapphire", ""}, {"", ""}, {"x", ""}, {strings.Repeat("a", 100), ""},
	} {
		if got := Nearest(tt.typed, slices.Values(names)); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.typed, got, tt.want)
		}
	}
}

func TestNumbersAreToldFromText(t *testing.T) {
	for s, want := range map[string]bool{
		"1": true, "-1": true, "+1.5": true, ".5": true, "5.": true, "1e5": true, "2000000000000e01": true, "0x1F": true, "0o17": true,
		"": false, "-": false, ".": false, "1e": false, "1e+": false, "0x": false, "0xg": false, "0o8": false, "1:2": false, "1a": false, "e5": false,
	} {
		if got := isNumber(s); got != want {
			t.Errorf("isNumber(%q) = %v", s, got)
		}
	}
}
