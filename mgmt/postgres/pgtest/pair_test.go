package pgtest

import (
	"testing"

	"fcredirect/mgmt/postgres"
)

// What was committed before the cut is there after the failover, what came after it is not.
func TestAStandbyHasWhatItGotBeforeTheCut(t *testing.T) {
	pair := Pair(t)
	db := open(t, pair.Database(t))
	write := func(name string) error {
		_, err := db.Q().Exec(t.Context(), "INSERT INTO node (name) VALUES ($1)", name)
		return err
	}
	must(t, write("before"))
	pair.CatchUp(t)
	pair.Cut(t)
	must(t, write("after"))
	pair.Kill(t)
	pair.Promote(t)
	for err := write("new"); err != nil; err = write("new") {
		if !postgres.Kind(err).Retry() {
			t.Fatal(err)
		}
	}
	var names string
	must(t, db.Q().QueryRow(t.Context(), "SELECT string_agg(name, ' ' ORDER BY name) FROM node").Scan(&names))
	if names != "before new" {
		t.Errorf("the standby has %s", names)
	}
}
