package settings

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

func open(t testing.TB, dir string, db *postgres.DB) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func write(kind, name, value string) func(*Tx) error {
	return func(t *Tx) error { t.Put(kind, name, value); return nil }
}

func contents(s *Store) map[string]string {
	all := map[string]string{}
	for _, r := range s.List("") {
		all[r.Kind+"/"+r.Name] = string(r.Body)
	}
	return all
}

func database(t testing.TB, node string, wrap func(postgres.Querier) postgres.Querier) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(postgres.Config{DSN: pgtest.DB(t), Node: node, MaxConns: 2, Wrap: wrap})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func TestChangesAreThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	for i := range 5 {
		if err := s.Update(t.Context(), write("user", fmt.Sprint("u", i), "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Update(t.Context(), func(t *Tx) error { t.Delete("user", "u3"); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil {
		t.Error("two stores have one file")
	}
	s.Close()
	again := open(t, dir, nil)
	if r, ok := again.Get("user", "u2"); !ok || r.Version != 3 || again.Revision() != 6 || len(again.List("user")) != 4 {
		t.Errorf("%+v, revision %d, %d users", r, again.Revision(), len(again.List("user")))
	}
}

func TestATornLineIsCutOffAndDamageIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	for _, name := range []string{"a", "b"} {
		if err := s.Update(t.Context(), write("user", name, "some text")); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	path := filepath.Join(dir, "settings.log")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := strings.LastIndex(strings.TrimSuffix(string(whole), "\n"), "\n") + 1
	for cut := last; cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, nil)
		if got := contents(s); len(got) != 1 || s.Revision() != 1 {
			t.Fatalf("cut at %d: %v at revision %d", cut, got, s.Revision())
		}
		s.Close()
	}
	damaged := []byte(strings.Replace(string(whole), "some text", "lame text", 1))
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("damage in the middle: %v", err)
	}
}

func TestTheFileStaysSmallWhenARecordIsWrittenOften(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	body := strings.Repeat("x", 64<<10)
	for i := range 200 {
		if err := s.Update(t.Context(), write("document", "pending", fmt.Sprint(i, body))); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "settings.log"))
	if err != nil || info.Size() > 2<<20 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	want := contents(s)
	s.Close()
	if got := open(t, dir, nil); !maps.Equal(contents(got), want) || got.Revision() != 200 {
		t.Errorf("revision %d", got.Revision())
	}
}

func TestWithoutADatabaseOnlyLocalChangesAreMade(t *testing.T) {
	db, err := postgres.Open(postgres.Config{DSN: "host=" + t.TempDir() + " user=nobody", Node: "n"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := open(t, t.TempDir(), db)
	if err := s.Update(t.Context(), write("user", "a", "x")); !errors.Is(err, ErrNoDatabase) || len(contents(s)) != 0 {
		t.Errorf("%v, %v", err, contents(s))
	}
	if err := s.UpdateLocal(t.Context(), write("change", "active", "x")); err != nil || len(contents(s)) != 1 || s.Mirrored() {
		t.Errorf("%v, %v", err, contents(s))
	}
}

func TestAHangingDatabaseDoesNotHoldUpLocalChanges(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	db, err := postgres.Open(postgres.Config{DSN: server.Database(t), Node: "hang"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := open(t, t.TempDir(), db)
	if err := s.Update(t.Context(), write("user", "a", "1")); err != nil {
		t.Fatal(err)
	}
	server.Pause(t)
	defer server.Resume(t)
	ended := make(chan error, 1)
	go func() { ended <- s.Update(t.Context(), write("user", "a", "2")) }()
	for i := range 10 { // one of them at least falls into the time in which Update waits
		if err := s.UpdateLocal(t.Context(), write("local.session", fmt.Sprint(i), "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; !errors.Is(err, ErrNoDatabase) {
		t.Errorf("an update with a hanging database: %v", err)
	}
	if r, _ := s.Get("user", "a"); string(r.Body) != `"1"` {
		t.Errorf("%s", r.Body)
	}
}

func TestANewMachineTakesWhatTheDatabaseHas(t *testing.T) {
	db := database(t, "n", nil)
	first := open(t, t.TempDir(), db)
	if err := first.Update(t.Context(), func(t *Tx) error {
		t.Put("user", "a", "x")
		t.Put("local.session", "s", "secret")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := open(t, t.TempDir(), db)
	if err := second.mirror(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := contents(second); len(got) != 1 || got["user/a"] != `"x"` || second.Lineage() != first.Lineage() {
		t.Errorf("%v", got)
	}
	var secrets int
	if err := db.Q().QueryRow(t.Context(), `SELECT count(*) FROM setting WHERE body::text LIKE '%secret%'`).Scan(&secrets); err != nil || secrets != 0 {
		t.Errorf("%d local records in the database, %v", secrets, err)
	}
}

func TestANewMachineThatNotedSomethingItselfTakesWhatTheDatabaseHas(t *testing.T) {
	db := database(t, "n", nil)
	first := open(t, t.TempDir(), db)
	if err := first.Update(t.Context(), write("user", "a", "x")); err != nil {
		t.Fatal(err)
	}
	first.Close()
	dir := t.TempDir()
	second := open(t, dir, db)
	if err := second.UpdateLocal(t.Context(), write("change", "state", "found at the data plane")); err != nil {
		t.Fatal(err)
	}
	if err := second.Update(t.Context(), write("user", "b", "x")); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("somebody got in between: %v", err)
	}
	second.Close()
	second = open(t, dir, db)
	if err := second.mirror(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := contents(second); len(got) != 1 || got["user/a"] != `"x"` {
		t.Errorf("%v", got)
	}
	second.Close()

	third := open(t, t.TempDir(), nil) // has its own, that somebody asked for
	if err := third.Update(t.Context(), write("user", "c", "x")); err != nil {
		t.Fatal(err)
	}
	third.o.DB = db
	if err := third.mirror(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := contents(third); len(got) != 1 || got["user/c"] == "" {
		t.Errorf("%v", got)
	}
}

// What was deleted while the database did not know stays deleted, be it the last record that the database has.
func TestTheLastRecordDeletedWithoutTheDatabaseStaysDeleted(t *testing.T) {
	db := database(t, "n", nil)
	s := open(t, t.TempDir(), db)
	if err := s.Update(t.Context(), write("user", "a", "x")); err != nil {
		t.Fatal(err)
	}
	if err := s.UpdateLocal(t.Context(), func(t *Tx) error { t.Delete("user", "a"); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.mirror(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := contents(s); len(got) != 0 {
		t.Errorf("%v", got)
	}
	var left int
	if err := db.Q().QueryRow(t.Context(), `SELECT count(*) FROM setting`).Scan(&left); err != nil || left != 0 {
		t.Errorf("the database has %d (%v)", left, err)
	}
}

// detour leads to the pool, or to faults.
type detour struct {
	postgres.Querier
	pool postgres.Querier
}

// Whatever fails and whenever the process dies: what was acknowledged is in the file, what was refused is not, and the
// database becomes what the file is.
func TestFileAndDatabaseAgreeInTheEnd(t *testing.T) {
	dsn := pgtest.DB(t)
	node := 0
	rapid.Check(t, func(r *rapid.T) {
		node++
		name, dir := fmt.Sprint("node", node), t.TempDir()
		way := &detour{}
		db, err := postgres.Open(postgres.Config{DSN: dsn, Node: name, MaxConns: 2, Wrap: func(q postgres.Querier) postgres.Querier {
			way.pool, way.Querier = q, q
			return way
		}})
		if err != nil {
			r.Fatal(err)
		}
		defer db.Close()
		s := open(t, dir, db)
		model := map[string]string{}
		for i := range rapid.IntRange(1, 12).Draw(r, "steps") {
			kind, key := rapid.SampledFrom([]string{"user", "local.session"}).Draw(r, "kind"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "name")
			change := func(t *Tx) error { t.Put(kind, key, i); return nil }
			if rapid.Bool().Draw(r, "delete") {
				change = func(t *Tx) error { t.Delete(kind, key); return nil }
			}
			way.Querier = way.pool
			switch rapid.SampledFrom([]string{"update", "faulty", "local", "restart", "mirror", "fresh database"}).Draw(r, "step") {
			case "update":
				if err := s.Update(context.Background(), change); err != nil {
					r.Fatal(err)
				}
				model = contents(s)
			case "faulty":
				way.Querier = pgtest.Faulty(way.pool, rapid.IntRange(1, 6).Draw(r, "operation"), rapid.SampledFrom([]pgtest.When{pgtest.Before, pgtest.After}).Draw(r, "when"))
				if err := s.Update(context.Background(), change); err != nil && !maps.Equal(contents(s), model) {
					r.Fatalf("refused (%v), and yet %v, not %v", err, contents(s), model)
				}
				model = contents(s)
			case "local":
				if err := s.UpdateLocal(context.Background(), change); err != nil {
					r.Fatal(err)
				}
				model = contents(s)
			case "restart":
				s.Close()
				s = open(t, dir, db)
			case "mirror":
				if err := s.mirror(context.Background()); err != nil {
					r.Fatal(err)
				}
			case "fresh database":
				if _, err := db.Q().Exec(context.Background(), `DELETE FROM setting WHERE node_id = (SELECT node_id FROM node WHERE name = $1)`, name); err != nil {
					r.Fatal(err)
				}
				if _, err := db.Q().Exec(context.Background(), `DELETE FROM setting_head WHERE node_id = (SELECT node_id FROM node WHERE name = $1)`, name); err != nil {
					r.Fatal(err)
				}
			}
			if got := contents(s); !maps.Equal(got, model) {
				r.Fatalf("%v, not %v", got, model)
			}
		}
		way.Querier = way.pool
		if err := s.mirror(context.Background()); err != nil {
			r.Fatal(err)
		}
		expectMirror(r, db, name, s)
	})
}

func expectMirror(r *rapid.T, db *postgres.DB, node string, s *Store) {
	rows, err := db.Q().Query(context.Background(), `SELECT setting.kind || '/' || setting.name, body::text, version FROM setting JOIN node USING (node_id) WHERE node.name = $1`, node)
	if err != nil {
		r.Fatal(err)
	}
	defer rows.Close()
	got := map[string]string{}
	for rows.Next() {
		var key, body string
		var version uint64
		if err := rows.Scan(&key, &body, &version); err != nil {
			r.Fatal(err)
		}
		got[key] = body
	}
	want := map[string]string{}
	for key, body := range contents(s) {
		if !strings.HasPrefix(key, "local.") {
			want[key] = body
		}
	}
	if !maps.Equal(got, want) {
		r.Fatalf("the database has %v, the file %v", got, want)
	}
}

func TestRunFollowsADatabaseThatForgot(t *testing.T) {
	db := database(t, "n", nil)
	s := open(t, t.TempDir(), db)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	if err := s.UpdateLocal(ctx, write("user", "a", "x")); err != nil {
		t.Fatal(err)
	}
	for !s.Mirrored() {
		select {
		case <-ctx.Done():
			t.Fatal("the database did not follow")
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	<-ended
}
