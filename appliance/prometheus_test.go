package appliance

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"fcredirect/mgmt/alarm"
)

// rules is the file of rules, as far as it is looked at.
type rules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr string
			For         string
			Labels      map[string]string
			Annotations map[string]string
		}
	}
}

func read[T any](t *testing.T, path string) (v T) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

func TestRulesAskOnlyForWhatIsTold(t *testing.T) {
	names, seen := known(t), map[string]bool{}
	label := regexp.MustCompile(`\$labels\.(\w+)`)
	for _, g := range read[rules](t, "prometheus/rules.yaml").Groups {
		for _, r := range g.Rules {
			for _, wrong := range check(names, r.Expr) {
				t.Errorf("%s: %s", r.Alert, wrong)
			}
			if seen[r.Alert] || !strings.HasPrefix(r.Alert, "Fcr") {
				t.Errorf("%s: a name of ours, once", r.Alert)
			}
			seen[r.Alert] = true
			if !slices.Contains([]string{"critical", "major", "warning"}, r.Labels["severity"]) {
				t.Errorf("%s: severity %q", r.Alert, r.Labels["severity"])
			}
			for _, a := range []string{"summary", "description", "action"} {
				if r.Annotations[a] == "" {
					t.Errorf("%s: no %s", r.Alert, a)
				}
				for _, m := range label.FindAllStringSubmatch(r.Annotations[a], -1) {
					if !slices.Contains(ofTarget, m[1]) && !strings.Contains(r.Expr, m[1]) && !hasLabel(names, r.Expr, m[1]) {
						t.Errorf("%s: %s names the label %s, which its expression does not have", r.Alert, a, m[1])
					}
				}
			}
		}
	}
	if len(seen) < 40 {
		t.Errorf("%d rules", len(seen))
	}
}

// A rule that tells of what the node raises an alarm for has its severity, and the rules for all alarms leave that one out:
// one fault is one alert.
func TestARuleForAnAlarmOfTheNodeHasItsSeverityAndTakesItsPlace(t *testing.T) {
	exprs, severities := map[string]string{}, map[string]string{}
	for _, g := range read[rules](t, "prometheus/rules.yaml").Groups {
		for _, r := range g.Rules {
			exprs[r.Alert], severities[r.Alert] = r.Expr, r.Labels["severity"]
		}
	}
	own := map[alarm.Code]string{
		alarm.DataplaneGone: "FcrDataplaneDown", alarm.PortDown: "FcrPortDown", alarm.ServiceDown: "FcrServiceDown", alarm.AuditDown: "FcrAuditUnavailable",
	}
	for _, e := range alarm.Catalogue {
		rule, is := own[e.Code]
		if is && severities[rule] != e.Severity.String() {
			t.Errorf("%s is %q, and %s of the node %v", rule, severities[rule], e.Code, e.Severity)
		}
		for alert, severity := range map[string]alarm.Severity{"FcrAlarmCritical": alarm.Critical, "FcrAlarmMajor": alarm.Major} {
			if severity == e.Severity && is != strings.Contains(exprs[alert], string(e.Code)) {
				t.Errorf("%s: %s: %s", alert, e.Code, exprs[alert])
			}
		}
	}
}

// hasLabel says whether a metric in the expression has a label.
func hasLabel(names map[string][]string, expr, label string) bool {
	for _, w := range word.FindAllString(expr, -1) {
		if slices.Contains(names[w], label) {
			return true
		}
	}
	return false
}

// Each alert is made to fire by a case of the unit tests, and promtool runs them.
func TestEveryRuleFiresInATest(t *testing.T) {
	tests := read[struct {
		Tests []struct {
			Name string
			Expr []struct {
				Samples []struct{ Labels string } `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}](t, "prometheus/rules_test.yaml")
	fires := map[string]bool{}
	for _, c := range tests.Tests {
		for _, e := range c.Expr {
			for _, s := range e.Samples {
				fires[strings.TrimSuffix(strings.TrimPrefix(s.Labels, `{alertname="`), `"}`)] = true
			}
		}
	}
	for _, g := range read[rules](t, "prometheus/rules.yaml").Groups {
		for _, r := range g.Rules {
			if !fires[r.Alert] {
				t.Errorf("%s: no case of rules_test.yaml makes it fire", r.Alert)
			}
		}
	}
	if out, err := promtool(t, "prometheus", "check", "rules", "rules.yaml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := promtool(t, "prometheus", "check", "config", "--syntax-only", "scrape.yaml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if testing.Short() {
		t.Skip("the cases take seconds: not once more under -race")
	}
	if out, err := promtool(t, "prometheus", "test", "rules", "rules_test.yaml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The series of the cases are ones that there are: a rule must not fire on a metric that only the test has.
func TestCasesOfRulesAreMadeOfWhatIsTold(t *testing.T) {
	names := known(t)
	tests := read[struct {
		Tests []struct {
			Name   string
			Series []struct{ Series string } `yaml:"input_series"`
		}
	}](t, "prometheus/rules_test.yaml")
	for _, c := range tests.Tests {
		for _, s := range c.Series {
			for _, wrong := range check(names, s.Series) {
				t.Errorf("%s: %s", c.Name, wrong)
			}
		}
	}
}
