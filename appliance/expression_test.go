package appliance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"fcredirect/mgmt/metrics"
)

// expression is a piece of PromQL, and where it stands.
type expression struct {
	where string
	text  string
}

// known is every name that may be asked for, with its labels: ours, those of Go and of the process, and what Prometheus adds.
func known(t *testing.T) map[string][]string {
	t.Helper()
	names := map[string][]string{"up": {}}
	for _, m := range metrics.Catalogue() {
		names[m.Name] = m.Labels
		if m.Type == metrics.Histogram {
			delete(names, m.Name)
			names[m.Name+"_bucket"] = append(slices.Clone(m.Labels), "le")
			names[m.Name+"_sum"], names[m.Name+"_count"] = m.Labels, m.Labels
		}
	}
	beside := prometheus.NewRegistry()
	beside.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := beside.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		names[f.GetName()] = []string{}
	}
	return names
}

// ofTarget are the labels that Prometheus gives to everything that it scrapes, and ofRules those of its own series.
var ofTarget = []string{"instance", "job"}

var (
	quoted   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	word     = regexp.MustCompile(`[A-Za-z_:][A-Za-z0-9_:]*`)
	matcher  = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_]*)\s*(?:=~|!~|!=|=)`)
	grouping = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	selector = regexp.MustCompile(`([A-Za-z_:][A-Za-z0-9_:]*)\s*\{([^}]*)\}`)
	span     = regexp.MustCompile(`\[[^\]]*\]`)
	keywords = []string{"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "inf", "nan"}
)

// check says what an expression asks for that is not there. What a piece of text means is promtool's to judge: here it is
// enough to tell names of metrics from functions, labels and keywords.
func check(names map[string][]string, e string) (wrong []string) {
	e = quoted.ReplaceAllString(e, `""`)
	var labels []string // of all metrics in it: what it may be grouped by
	for _, m := range selector.FindAllStringSubmatch(e, -1) {
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			if of, ok := names[m[1]]; ok && !slices.Contains(of, l[1]) && !slices.Contains(ofTarget, l[1]) {
				wrong = append(wrong, fmt.Sprintf("%s has no label %s", m[1], l[1]))
			}
		}
	}
	e = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(e, "")
	groups := grouping.FindAllStringSubmatch(e, -1)
	e = span.ReplaceAllString(grouping.ReplaceAllString(e, " "), "")
	for _, at := range word.FindAllStringIndex(e, -1) {
		w, rest := e[at[0]:at[1]], strings.TrimSpace(e[at[1]:])
		if at[0] > 0 && strings.ContainsAny(e[at[0]-1:at[0]], "0123456789.") || strings.HasPrefix(rest, "(") || slices.Contains(keywords, w) {
			continue // a unit behind a number, a function, a keyword
		}
		of, ok := names[w]
		if !ok {
			wrong = append(wrong, "there is no metric "+w)
		}
		labels = append(labels, of...)
	}
	for _, g := range groups {
		for _, l := range word.FindAllString(g[2], -1) {
			if !slices.Contains(labels, l) && !slices.Contains(ofTarget, l) {
				wrong = append(wrong, fmt.Sprintf("%s (%s): none of its metrics has that label", g[1], l))
			}
		}
	}
	return wrong
}

func TestAnExpressionIsHeldAgainstTheCatalogue(t *testing.T) {
	names := map[string][]string{"fcr_a": {"port"}, "fcr_b_bucket": {"lcore", "le"}, "up": {}}
	for _, tt := range []struct {
		text string
		want string // empty: nothing is wrong
	}{
		{`sum by (instance, port) (rate(fcr_a{port=~"x|fcr_z",instance="n"}[5m])) > 1e9`, ""},
		{`histogram_quantile(0.99, sum by (le) (rate(fcr_b_bucket[5m]))) > 0.5`, ""},
		{`fcr_a > 1e9 and fcr_a > 1.5 * (fcr_a offset 6h)`, ""},
		{`fcr_a == on (instance) group_left () up`, ""},
		{`rate(fcr_missing[5m])`, "there is no metric fcr_missing"},
		{`fcr_a{lcore="1"}`, "fcr_a has no label lcore"},
		{`sum by (lcore) (fcr_a)`, "by (lcore): none of its metrics has that label"},
		{`fcr_b`, "there is no metric fcr_b"},
	} {
		if got := strings.Join(check(names, tt.text), "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// judge has promtool parse all expressions, as rules of a file of their own.
func judge(t *testing.T, all []expression) {
	t.Helper()
	var b strings.Builder
	b.WriteString("groups:\n- name: dashboards\n  rules:\n")
	for i, e := range all {
		fmt.Fprintf(&b, "  - record: panel:%d\n    expr: %q\n", i, e.text)
	}
	path := filepath.Join(t.TempDir(), "expressions.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := promtool(t, ".", "check", "rules", path); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, &b)
	}
}

// promtool runs it in a folder.
func promtool(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: ci/deps metrics")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
