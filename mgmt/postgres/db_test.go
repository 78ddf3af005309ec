package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, dsn string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n1", App: "fcr-test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func exec(t *testing.T, db *postgres.DB, sql string) {
	t.Helper()
	if _, err := db.Q().Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func str(t *testing.T, db *postgres.DB, sql string) string {
	t.Helper()
	var s string
	if err := db.Q().QueryRow(t.Context(), sql).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

// eventually tries until it works, as a role does.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if !postgres.Kind(err).Retry() || time.Now().After(end) {
			t.Fatalf("%s: %v (%v)", what, err, postgres.Kind(err))
		}
	}
}

// untilKind tries until it fails in that way: each connection that the pool still has to a dead server fails by itself first.
func untilKind(t *testing.T, kind postgres.Class, try func() error) error {
	t.Helper()
	for range 2 * postgres.DefaultConns {
		err := try()
		if postgres.Kind(err) == kind {
			return err
		}
		if !postgres.Kind(err).Retry() {
			t.Fatalf("%v is %v", err, postgres.Kind(err))
		}
	}
	t.Fatalf("it never was %v", kind)
	return nil
}

const insert = "INSERT INTO node (name) VALUES (gen_random_uuid()::text)"

func TestOpeningAnAbsentServerIsNoError(t *testing.T) {
	db := open(t, "host="+t.TempDir()+" user=fcr dbname=fcr")
	for range 2 {
		_, err := db.NodeID(t.Context())
		if postgres.Kind(err) != postgres.Unavailable {
			t.Errorf("%v is %v", err, postgres.Kind(err))
		}
	}
}

func TestEachConnectionIsBoundedAndSaysWhoItIs(t *testing.T) {
	db := open(t, pgtest.DB(t))
	for name, want := range map[string]string{"application_name": "fcr-test", "statement_timeout": "1min", "lock_timeout": "10s",
		"idle_in_transaction_session_timeout": "1min", "timezone": "UTC"} {
		if is := str(t, db, "SELECT current_setting('"+name+"')"); is != want {
			t.Errorf("%s is %s, want %s", name, is, want)
		}
	}
	db = open(t, pgtest.DB(t)+" statement_timeout=5000 application_name=mine")
	if is := str(t, db, "SELECT current_setting('statement_timeout') || current_setting('application_name')"); is != "5smine" {
		t.Errorf("what the DSN says does not count: %s", is)
	}
}

func TestANodeHasOneNumber(t *testing.T) {
	dsn := pgtest.DB(t)
	var wg sync.WaitGroup
	ids := make(chan int32, 8)
	for range cap(ids) {
		wg.Go(func() {
			db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n1"})
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			id, err := db.NodeID(t.Context())
			if err != nil {
				t.Error(err)
			}
			ids <- id
		})
	}
	wg.Wait()
	close(ids)
	first := <-ids
	for id := range ids {
		if id != first || id == 0 {
			t.Errorf("%d and %d", first, id)
		}
	}
	other, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n2"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if id, err := other.NodeID(t.Context()); err != nil || id == first {
		t.Errorf("n1 is %d, n2 is %d: %v", first, id, err)
	}
}

func TestANodeNeedsAName(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("n", 64)} {
		if _, err := postgres.Open(postgres.Config{Node: name}); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestAServerErrorSaysWhatToDoAboutIt(t *testing.T) {
	dsn := pgtest.DB(t)
	db := open(t, dsn)
	admin := open(t, pgtest.Server(t).AdminDSN("postgres"))
	short := open(t, dsn+" statement_timeout=50 lock_timeout=50")
	exec(t, db, "CREATE TABLE locked (x int)")
	holder, err := db.Q().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(t.Context()) }()
	if _, err := holder.Exec(t.Context(), "LOCK TABLE locked"); err != nil {
		t.Fatal(err)
	}
	run := func(db *postgres.DB, ctx context.Context, sql string) error {
		_, err := db.Q().Exec(ctx, sql)
		return err
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name string
		err  error
		kind postgres.Class
	}{
		{"no error", run(db, t.Context(), "SELECT 1"), postgres.None},
		{"a statement that takes too long", run(short, t.Context(), "SELECT pg_sleep(30)"), postgres.Cancelled},
		{"a lock that is not given", run(short, t.Context(), "SELECT * FROM locked"), postgres.Cancelled},
		{"a caller who gave up", run(db, over, "SELECT 1"), postgres.Cancelled},
		{"a statement that an administrator cancelled", cancelled(t, db, admin, "pg_cancel_backend"), postgres.Cancelled},
		{"a session that an administrator ended", cancelled(t, db, admin, "pg_terminate_backend"), postgres.Unavailable},
		{"a table that is not there", run(db, t.Context(), "SELECT * FROM nothing"), postgres.Other},
		{"wrong SQL", run(db, t.Context(), "SELEKT"), postgres.Other},
		{"a duplicate", run(db, t.Context(), "INSERT INTO node (name) VALUES ('a'), ('a')"), postgres.Other},
		{"a database that is not there", run(open(t, pgtest.Server(t).DSN("nothing")), t.Context(), "SELECT 1"), postgres.Unavailable},
		{"a role that is not there", run(open(t, dsn+" user=nobody"), t.Context(), "SELECT 1"), postgres.Unavailable},
		{"a full disk, as the server says it", raise(db, t, "53100"), postgres.DiskFull},
		{"a deadlock", raise(db, t, "40P01"), postgres.Cancelled},
		{"no more memory", raise(db, t, "53200"), postgres.Unavailable},
		{"a read-only transaction", run(db, t.Context(), "BEGIN READ ONLY; "+insert), postgres.ReadOnly},
	} {
		if kind := postgres.Kind(test.err); kind != test.kind {
			t.Errorf("%s: %v is %v, want %v", test.name, test.err, kind, test.kind)
		}
	}
}

func raise(db *postgres.DB, t *testing.T, state string) error {
	_, err := db.Q().Exec(t.Context(), "DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '"+state+"'; END $$")
	return err
}

// cancelled lets the administrator end a statement that sleeps.
func cancelled(t *testing.T, db, admin *postgres.DB, how string) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := db.Q().Exec(t.Context(), "SELECT pg_sleep(60)")
		ended <- err
	}()
	for {
		select {
		case err := <-ended:
			return err
		default:
			exec(t, admin, "SELECT "+how+"(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'")
		}
	}
}

func TestThePoolComesBackAfterTheServerDid(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{})
	db := open(t, s.Database(t))
	exec(t, db, insert)
	before, err := db.Identity(t.Context())
	if err != nil || before.System == 0 || before.Timeline != 1 {
		t.Fatalf("%v, %v", before, err)
	}
	for _, gone := range []func(testing.TB){s.Stop, s.Kill} {
		gone(t)
		_, err := db.Q().Exec(t.Context(), insert)
		if postgres.Kind(err) != postgres.Unavailable {
			t.Errorf("%v is %v", err, postgres.Kind(err))
		}
		s.Start(t)
		eventually(t, "insert", func() error { _, err := db.Q().Exec(t.Context(), insert); return err })
	}
	if n := str(t, db, "SELECT count(*)::text FROM node"); n != "3" {
		t.Errorf("%s rows", n)
	}
	// A restart is no failover.
	if after, err := db.Identity(t.Context()); err != nil || after != before {
		t.Errorf("%v, then %v, %v", before, after, err)
	}
}

func TestAKilledBackendRestartsTheOthersAndThePoolBearsIt(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{})
	db := open(t, s.Database(t))
	var pid int
	if err := db.Q().QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "insert", func() error { _, err := db.Q().Exec(t.Context(), insert); return err })
}

func TestAServerThatTakesNoMoreConnectionsIsUnavailable(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{Settings: map[string]string{"max_connections": "5", "superuser_reserved_connections": "2", "max_wal_senders": "0"}})
	dsn := s.Database(t)
	db := open(t, dsn)
	var held []pgx.Tx
	for range 3 {
		tx, err := db.Q().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, tx)
	}
	_, err := db.Q().Exec(t.Context(), "SELECT 1")
	if postgres.Kind(err) != postgres.Unavailable || !strings.Contains(err.Error(), "53300") {
		t.Errorf("%v is %v", err, postgres.Kind(err))
	}
	for _, tx := range held {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
	exec(t, db, "SELECT 1")
}

func TestAReadOnlyServerIsLeftAndComesBack(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{})
	db := open(t, s.Database(t))
	exec(t, db, insert)
	s.Admin(t, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
	// The connection that is there fails in the statement, those after it when they are made.
	for end := time.Now().Add(30 * time.Second); ; {
		_, err := db.Q().Exec(t.Context(), insert)
		if err != nil && postgres.Kind(err) != postgres.ReadOnly {
			t.Fatalf("%v is %v", err, postgres.Kind(err))
		}
		if err != nil && !strings.Contains(err.Error(), "25006") {
			break // a new connection was refused: the pool was emptied
		}
		if time.Now().After(end) {
			t.Fatalf("it still has the connection: %v", err)
		}
	}
	s.Admin(t, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
	eventually(t, "insert", func() error { _, err := db.Q().Exec(t.Context(), insert); return err })
}

func TestWritesGoOnToThePromotedStandby(t *testing.T) {
	pair := pgtest.Pair(t)
	dsn := pair.Database(t)
	log := &strings.Builder{}
	db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n1", Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec(t, db, "INSERT INTO node (name) VALUES ('kept')")
	pair.CatchUp(t)
	pair.Cut(t)
	// These two are acknowledged, and lost.
	exec(t, db, "INSERT INTO node (name) VALUES ('lost')")
	lost, err := db.NodeID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, err := db.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pair.Kill(t)
	// A standby alone takes no writes.
	untilKind(t, postgres.ReadOnly, func() error { _, err := db.Q().Exec(t.Context(), insert); return err })
	pair.Promote(t)
	eventually(t, "insert", func() error { _, err := db.Q().Exec(t.Context(), "INSERT INTO node (name) VALUES ('new')"); return err })
	after, err := db.Identity(t.Context())
	if err != nil || after.System != before.System || after.Timeline != before.Timeline+1 {
		t.Errorf("%v, then %v, %v", before, after, err)
	}
	if !strings.Contains(log.String(), "another server or timeline") {
		t.Errorf("the failover is not in the log: %s", log)
	}
	found, err := db.NodeID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if names := str(t, db, "SELECT string_agg(name, ' ' ORDER BY name) FROM node"); names != "kept n1 new" {
		t.Errorf("the new primary has %s", names)
	}
	if row := str(t, db, fmt.Sprintf("SELECT name FROM node WHERE node_id = %d", found)); row != "n1" {
		t.Errorf("the cached number %d (was %d) is that of %s", found, lost, row)
	}
	tx, err := db.Q().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if inside, err := postgres.IdentityOf(t.Context(), tx); err != nil || inside != after {
		t.Errorf("inside a transaction: %v, %v", inside, err)
	}
}

// It still takes writes, and it is the first of the DSN.
func TestAnOldPrimaryThatComesBackIsPassedOver(t *testing.T) {
	pair := pgtest.Pair(t)
	dsn := pair.Database(t)
	db := open(t, dsn)
	exec(t, db, insert)
	pair.Kill(t)
	pair.Promote(t)
	eventually(t, "insert", func() error { _, err := db.Q().Exec(t.Context(), insert); return err })
	pair.Primary.Start(t)
	// Every connection anew: more at once than the pool has.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			tx, err := db.Q().Begin(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = tx.Rollback(t.Context()) }()
			if id, err := postgres.IdentityOf(t.Context(), tx); err != nil || id.Timeline != 2 {
				t.Errorf("%v, %v", id, err)
			}
			if _, err := tx.Exec(t.Context(), "SELECT pg_sleep(0.1)"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	pair.Standby.Stop(t)
	err := untilKind(t, postgres.ReadOnly, func() error { _, err := db.Q().Exec(t.Context(), insert); return err })
	if !strings.Contains(err.Error(), "old primary") {
		t.Error(err)
	}
}

func TestAStandbyIsPassedOver(t *testing.T) {
	pair := pgtest.Pair(t)
	dsn := pair.Database(t)
	cc, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if len(cc.Fallbacks) != 1 {
		t.Fatalf("%d more hosts", len(cc.Fallbacks))
	}
	turned := fmt.Sprintf("host=%s,%s port=5432 user=fcr dbname=%s sslmode=disable target_session_attrs=any", cc.Fallbacks[0].Host, cc.Host, cc.Database)
	exec(t, open(t, turned), insert)
	alone := open(t, fmt.Sprintf("host=%s port=5432 user=fcr dbname=%s sslmode=disable", cc.Fallbacks[0].Host, cc.Database))
	if _, err := alone.Q().Exec(t.Context(), insert); postgres.Kind(err) != postgres.ReadOnly {
		t.Errorf("a standby alone: %v is %v", err, postgres.Kind(err))
	}
	if err := postgres.Migrate(t.Context(), fmt.Sprintf("host=%s port=5432 user=fcr dbname=%s sslmode=disable", cc.Fallbacks[0].Host, cc.Database)); postgres.Kind(err) != postgres.ReadOnly {
		t.Errorf("migrate a standby: %v is %v", err, postgres.Kind(err))
	}
}

func TestNoErrorShowsAPassword(t *testing.T) {
	const secret = "s3cr:et"
	silent, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := silent.Addr().(*net.TCPAddr).Port
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	refuses := func(user string) string { return fmt.Sprintf("postgres://%s@127.0.0.1:%d/fcr", user, port) }
	server := pgtest.New(t, pgtest.Options{TCP: true})
	server.Database(t)
	for _, dsn := range []string{
		refuses("fcr:s3cr%3Aet"),
		fmt.Sprintf("host=127.0.0.1 port=%d user=fcr password='%s' dbname=fcr", port, secret),
		strings.Replace(server.TCPDSN("fcr"), "not%3Bso%20secret%271", "s3cr%3Aet", 1),
		"postgres://fcr:" + secret + "@127.0.0.1:port/fcr",
		"postgres://fcr:" + secret + "/x@127.0.0.1/fcr",
		"postgres://fcr:%zz" + secret + "@127.0.0.1/fcr",
		"postgres://127.0.0.1/fcr?password=" + secret + "&connect_timeout=x",
		"host=127.0.0.1 password=" + secret + " port=x",
		"host=127.0.0.1 password='" + secret,
		"host=127.0.0.1 PASSWORD=" + secret + " port=x",
		"//fcr:" + secret + "@127.0.0.1",
		secret + "@",
	} {
		log := &strings.Builder{}
		db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n1", Log: slog.New(slog.NewTextHandler(log, nil))})
		var texts []string
		if err == nil {
			_, err = db.NodeID(t.Context())
			db.Close()
		}
		if err == nil {
			t.Errorf("%s works", dsn)
			continue
		}
		texts = append(texts, err.Error(), fmt.Sprintf("%+v", err), log.String())
		if err = postgres.Migrate(t.Context(), dsn); err == nil {
			t.Errorf("%s works", dsn)
			continue
		}
		texts = append(texts, err.Error())
		for _, text := range texts {
			if strings.Contains(text, "s3cr") || strings.Contains(text, "et@") {
				t.Errorf("%s: %s", dsn, text)
			}
		}
	}
	if _, err := postgres.Open(postgres.Config{DSN: "host=a port=x", Node: "n1"}); err == nil || !strings.Contains(err.Error(), "port") {
		t.Errorf("where no password can be, the error says what is wrong: %v", err)
	}
	dsn := server.TCPDSN("fcr_1")
	if err := ping(t, dsn); err != nil {
		t.Errorf("with the right password: %v", err)
	}
	if err := ping(t, strings.Replace(dsn, "secret", "sacred", 1)); postgres.Kind(err) != postgres.Unavailable || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("with a wrong password: %v is %v", err, postgres.Kind(err))
	}
}

func ping(t *testing.T, dsn string) error {
	_, err := open(t, dsn).Identity(t.Context())
	return err
}

func TestThePoolIsBounded(t *testing.T) {
	db, err := postgres.Open(postgres.Config{DSN: pgtest.DB(t), Node: "n1", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Q().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := db.Q().Exec(ctx, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) || postgres.Kind(err) != postgres.Cancelled {
		t.Errorf("a second connection: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	exec(t, db, "SELECT 1")
}

func TestFaultsCanStandBetween(t *testing.T) {
	var faults *pgtest.Faults
	db, err := postgres.Open(postgres.Config{DSN: pgtest.DB(t), Node: "n1", Wrap: func(q postgres.Querier) postgres.Querier {
		faults = pgtest.Faulty(q, 2, pgtest.After)
		return faults
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.NodeID(t.Context()); postgres.Kind(err) != postgres.Unavailable {
		t.Errorf("the lost answer to the insert: %v is %v", err, postgres.Kind(err))
	}
	if id, err := db.NodeID(t.Context()); err != nil || id != 1 || faults.Ops() != 3 {
		t.Errorf("the second try: %d, %v, %d operations", id, err, faults.Ops())
	}
}
