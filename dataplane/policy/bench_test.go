package policy

import (
	"fmt"
	"strings"
	"testing"

	"fcredirect/dataplane/frame"
)

const benchAliases, benchRules = 60000, 10000

func benchHost(i int) frame.WWN { return 0x2000_02fc_0100_0000 + frame.WWN(i) }

// benchText is a large but ordinary policy: pairs of hosts and a few hundred arrays.
func benchText() string {
	var b strings.Builder
	b.WriteString("aliases:\n")
	for i := range benchAliases {
		fmt.Fprintf(&b, "  host-%d: %v\n", i, benchHost(i))
	}
	b.WriteString("services:\n  - {name: s, mode: steer, port: svc0, mac: 02:fc:5e:00:00:01}\npolicies:\n")
	for i := range benchRules {
		fmt.Fprintf(&b, "  - name: rule-%d\n    match: {initiator: host-%d, target: host-%d, vsan: any}\n    action: redirect\n    service: s\n", i, i, 50000+i%300)
	}
	return b.String()
}

func benchFlat(b *testing.B) []byte {
	doc, err := Parse("p", []byte(benchText()))
	if err != nil {
		b.Fatal(err)
	}
	flat, _, err := Compile(doc)
	if err != nil {
		b.Fatal(err)
	}
	return flat
}

func BenchmarkParse10000Rules60000Aliases(b *testing.B) {
	text := []byte(benchText())
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse("p", text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile10000Rules60000Aliases(b *testing.B) {
	doc, err := Parse("p", []byte(benchText()))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := Compile(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen10000Rules60000Aliases(b *testing.B) {
	flat := benchFlat(b)
	b.ReportMetric(float64(len(flat)), "bytes")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(flat); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvaluate10000Rules(b *testing.B) {
	s, err := Open(benchFlat(b))
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name              string
		initiator, target frame.WWN
		rule              int32
	}{
		{"hit first", benchHost(0), benchHost(50000), 0},
		{"hit last", benchHost(benchRules - 1), benchHost(50000 + (benchRules-1)%300), benchRules - 1},
		{"miss", benchHost(7), benchHost(59999), none},
		{"miss of strangers", 1, 2, none},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v := s.Evaluate(bb.initiator, bb.target, 0); v.Rule != bb.rule {
					b.Fatalf("%+v", v)
				}
			}
		})
	}
}

// BenchmarkEvaluateWorstCase is a policy that the index cannot help: all rules have the
// same ends and differ in their VSAN.
func BenchmarkEvaluateWorstCase(b *testing.B) {
	var text strings.Builder
	text.WriteString("policies:\n")
	for i := range MaxRules {
		fmt.Fprintf(&text, "  - {name: r%d, match: {initiator: %v, vsan: %d}, action: drop}\n", i, benchHost(1), i%4000)
	}
	s, _ := compiled(b, text.String())
	for b.Loop() {
		if v := s.Evaluate(benchHost(1), 5, 4001); v.Rule != none {
			b.Fatalf("%+v", v)
		}
	}
}
