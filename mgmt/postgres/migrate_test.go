package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"fcredirect/migrations"
)

// migrating is a cluster with fresh databases. (pgtest imports this package, so tests inside it cannot use that.)
func migrating(t *testing.T) (fresh func() string) {
	t.Helper()
	c, _ := newCluster(t, place(t))
	start(t, c)
	n := 0
	return func() string {
		n++
		name := fmt.Sprintf("m%d", n)
		conn, err := c.connect(t.Context(), "postgres")
		must(t, err)
		_, err = conn.Exec(t.Context(), "CREATE DATABASE "+name+" OWNER fcr")
		must(t, err)
		must(t, conn.Close(t.Context()))
		return strings.Replace(c.DSN(), "dbname=fcr", "dbname="+name, 1)
	}
}

func file(sql string) *fstest.MapFile { return &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql)} }

func TestMigrations(t *testing.T) {
	fresh := migrating(t)
	files := fstest.MapFS{"00001_a.sql": file("CREATE TABLE a (x int);"), "00002_b.sql": file("CREATE TABLE b (x int);")}

	t.Run("ours go up from nothing, and a second time nothing happens", func(t *testing.T) {
		dsn := fresh()
		must(t, Migrate(t.Context(), dsn))
		before := one(t, dsn, "SELECT count(*)::text FROM goose_db_version")
		must(t, Migrate(t.Context(), dsn))
		if after := one(t, dsn, "SELECT count(*)::text FROM goose_db_version"); after != before {
			t.Errorf("%s versions, then %s", before, after)
		}
	})
	t.Run("many at once migrate once", func(t *testing.T) {
		dsn := fresh()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := migrate(t.Context(), dsn, files); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if is := one(t, dsn, "SELECT string_agg(version_id::text, ' ' ORDER BY id) FROM goose_db_version"); is != "0 1 2" {
			t.Errorf("versions %s", is)
		}
	})
	t.Run("an older program refuses a newer schema and touches nothing", func(t *testing.T) {
		dsn := fresh()
		must(t, migrate(t.Context(), dsn, files))
		older := fstest.MapFS{"00001_a.sql": files["00001_a.sql"]}
		err := migrate(t.Context(), dsn, older)
		if !errors.Is(err, ErrNewerSchema) || Kind(err) != NewerSchema || !strings.Contains(err.Error(), "version 2, this program knows 1") {
			t.Errorf("%v is %v", err, Kind(err))
		}
		one(t, dsn, "SELECT count(*)::text FROM b")
	})
	t.Run("a migration that fails leaves nothing of itself and is done the next time", func(t *testing.T) {
		dsn := fresh()
		broken := fstest.MapFS{"00001_a.sql": files["00001_a.sql"], "00002_b.sql": file("CREATE TABLE b (x int);\nINSERT INTO nothing VALUES (1);")}
		err := migrate(t.Context(), dsn, broken)
		if Kind(err) != Other || !strings.Contains(err.Error(), "00002_b.sql") || !strings.Contains(err.Error(), "nothing") {
			t.Errorf("%v is %v", err, Kind(err))
		}
		must(t, migrate(t.Context(), dsn, files))
	})
	t.Run("a schema that is not ours is an error that waiting does not mend", func(t *testing.T) {
		dsn := fresh()
		do(t, dsn, "CREATE TABLE node (something int)")
		if err := Migrate(t.Context(), dsn); Kind(err) != Other || !strings.Contains(err.Error(), "00001_base.sql") {
			t.Errorf("%v is %v", err, Kind(err))
		}
	})
	t.Run("a database that is not there is waited for", func(t *testing.T) {
		if err := Migrate(t.Context(), strings.Replace(fresh(), "dbname=m", "dbname=x", 1)); Kind(err) != Unavailable {
			t.Errorf("%v is %v", err, Kind(err))
		}
	})
	t.Run("every primary key begins with node_id", func(t *testing.T) {
		dsn := fresh()
		must(t, Migrate(t.Context(), dsn))
		conn, err := pgx.Connect(t.Context(), dsn)
		must(t, err)
		defer func() { must(t, conn.Close(t.Context())) }()
		rows, err := conn.Query(t.Context(), `SELECT c.conrelid::regclass::text || '.' || a.attname FROM pg_constraint c
			JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
			WHERE c.contype = 'p' AND c.connamespace = 'public'::regnamespace AND c.conrelid <> 'goose_db_version'::regclass`)
		must(t, err)
		keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		if len(keys) == 0 {
			t.Error("no primary key was found")
		}
		for _, k := range keys {
			if !strings.HasSuffix(k, ".node_id") {
				t.Errorf("%s leads a primary key", k)
			}
		}
	})
}

// The number says the order, so none may stand for two files; and there is no way down.
func TestMigrationFilesAreNumberedAndGoUpOnly(t *testing.T) {
	named := regexp.MustCompile(`^(\d{5})_[a-z0-9_]+\.sql$`)
	numbers := map[string]string{}
	must(t, fs.WalkDir(migrations.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		m := named.FindStringSubmatch(path)
		if m == nil {
			t.Errorf("%s is not numbered", path)
			return nil
		}
		if other, twice := numbers[m[1]]; twice {
			t.Errorf("%s and %s have one number", path, other)
		}
		numbers[m[1]] = path
		b, err := fs.ReadFile(migrations.Files, path)
		if err == nil && (!strings.HasPrefix(string(b), "-- +goose Up\n") || strings.Contains(string(b), "+goose Down")) {
			t.Errorf("%s does not go up alone", path)
		}
		return err
	}))
	entries, err := os.ReadDir("../../migrations")
	must(t, err)
	inFolder := 0
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".sql") {
			inFolder++
		}
	}
	if len(numbers) != inFolder || inFolder == 0 {
		t.Errorf("%d files are built in, %d are there", len(numbers), inFolder)
	}
}
