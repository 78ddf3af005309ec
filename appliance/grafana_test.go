package appliance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is one, as far as it is looked at.
type dashboard struct {
	UID, Title string
	Templating struct {
		List []struct {
			Name, Type string
			Definition string
		}
	}
	Annotations struct {
		List []struct{ Name, Expr string }
	}
	Panels []struct {
		ID         int
		Type       string
		Title      string
		GridPos    struct{ H, W, X, Y int }
		Datasource struct{ UID string }
		Targets    []struct {
			Expr, LegendFormat string
			Datasource         struct{ UID string }
		}
	}
}

var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// filled is an expression with values for the dashboard's variables.
func filled(e string) string {
	e = strings.NewReplacer("$__rate_interval", "1m", "$__interval", "15s", "$instance", ".*", "$port", ".*").Replace(e)
	return e
}

func TestDashboardsAskOnlyForWhatIsTold(t *testing.T) {
	names, uids := known(t), map[string]bool{}
	legend := regexp.MustCompile(`\{\{(\w+)\}\}`)
	paths, err := filepath.Glob("grafana/*.json")
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d dashboards: %v", len(paths), err)
	}
	var all []expression
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if uids[d.UID] || d.UID == "" || d.Title == "" {
			t.Errorf("%s: uid %q, title %q", path, d.UID, d.Title)
		}
		uids[d.UID] = true
		if !slices.ContainsFunc(d.Templating.List, func(v struct{ Name, Type, Definition string }) bool {
			return v.Name == "datasource" && v.Type == "datasource"
		}) {
			t.Errorf("%s: no variable for the data source", path)
		}
		for _, v := range d.Templating.List {
			if m := labelValues.FindStringSubmatch(v.Definition); m != nil {
				all = append(all, expression{path + ": variable " + v.Name, "count by (" + m[2] + ") (" + m[1] + ")"})
			} else if v.Type == "query" {
				t.Errorf("%s: variable %s: %q", path, v.Name, v.Definition)
			}
		}
		for _, a := range d.Annotations.List {
			all = append(all, expression{path + ": annotation " + a.Name, a.Expr})
		}
		for i, p := range d.Panels {
			where := path + ": " + p.Title
			if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H < 1 || p.Title == "" || p.ID != i+1 {
				t.Errorf("%s: it has no place, title or number", where)
			}
			if p.Type != "row" && (len(p.Targets) == 0 || p.Datasource.UID != "${datasource}") {
				t.Errorf("%s: it asks nobody", where)
			}
			for _, q := range p.Targets {
				all = append(all, expression{where, q.Expr})
				if q.Datasource.UID != "${datasource}" || !strings.Contains(q.Expr, `instance=~"$instance"`) {
					t.Errorf("%s: it does not follow the variables: %s", where, q.Expr)
				}
				for _, m := range legend.FindAllStringSubmatch(q.LegendFormat, -1) {
					if !slices.Contains(ofTarget, m[1]) && !hasLabel(names, q.Expr, m[1]) {
						t.Errorf("%s: the legend names %s, which nothing in it has: %s", where, m[1], q.Expr)
					}
				}
			}
		}
	}
	for i := range all {
		all[i].text = filled(all[i].text)
		for _, wrong := range check(names, all[i].text) {
			t.Errorf("%s: %s", all[i].where, wrong)
		}
	}
	t.Logf("%d expressions", len(all))
	judge(t, all)
}
