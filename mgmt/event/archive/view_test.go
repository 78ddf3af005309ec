package archive

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/postgres/pgtest"
)

// The tables have the columns that the views are kept by, and those come from fields that the catalogue declares.
func TestViewsTablesAndCatalogueAgree(t *testing.T) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, pgtest.DB(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, v := range views {
		want := []string{"node_id integer", "number bigint"}
		for _, c := range append(slices.Clone(v.keys), v.columns...) {
			want = append(want, c.name+" "+strings.Replace(c.sql, "timestamptz", "timestamp with time zone", 1))
		}
		for _, n := range v.counts {
			want = append(want, n+" bigint")
		}
		slices.Sort(want)
		for _, suffix := range []string{"", "_base"} {
			rows, err := conn.Query(ctx, "SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE table_name = $1", v.table(suffix))
			if err != nil {
				t.Fatal(err)
			}
			got, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s has %v, want %v", v.table(suffix), got, want)
			}
		}
		for kind, eff := range v.effects {
			v.holdTo(t, event.Lookup(kind), &eff)
		}
	}
}

func (v *view) holdTo(t *testing.T, c *event.Entry, eff *effect) {
	t.Helper()
	kinds := map[string]event.Kind{}
	for _, f := range c.Fields {
		kinds[f.Name] = f.Kind
	}
	fits := func(col column) bool {
		kind, ok := kinds[col.name]
		return ok && slices.Contains(map[event.Kind][]string{
			event.Text: {"text"}, event.Number: {"bigint", "integer"}, event.Truth: {"boolean"}, event.Time: {"timestamptz"},
		}[kind], col.sql)
	}
	for _, k := range v.keys {
		if k.name != "epoch" && !fits(k) {
			t.Errorf("%s: %s has no field %s of type %s", v.name, c.Name, k.name, k.sql)
		}
	}
	for _, name := range eff.fields {
		if i := slices.IndexFunc(v.columns, func(col column) bool { return col.name == name }); i < 0 || !fits(v.columns[i]) {
			t.Errorf("%s: %s has no field for column %s", v.name, c.Name, name)
		}
	}
	for _, col := range v.columns {
		taken := eff.fields == nil || slices.Contains(eff.fields, col.name)
		if _, set := eff.set[col.name]; taken && !set && !slices.Contains(eff.at, col.name) && kinds[col.name] != 0 && !fits(col) {
			t.Errorf("%s: column %s is %s, the field of %s is not", v.name, col.name, col.sql, c.Name)
		}
	}
	for _, name := range append(slices.Clone(eff.add), eff.at...) {
		if !slices.Contains(v.counts, name) && !slices.ContainsFunc(v.columns, func(col column) bool { return col.name == name && col.sql == "timestamptz" }) {
			t.Errorf("%s: an effect has %s, which is no column", v.name, name)
		}
	}
}
