package pgtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Couple is a primary and its standby, which follows it asynchronously: what the primary has acknowledged may not have
// reached the standby when it dies.
type Couple struct {
	Primary, Standby *Instance
}

// Pair makes a couple for this test, stopped at its end. Its template is migrated before the standby is made.
func Pair(t testing.TB) *Couple {
	t.Helper()
	primary := New(t, Options{})
	primary.prepare(t)
	standby := newInstance(t)
	ctx, stop := context.WithTimeout(context.Background(), bound)
	defer stop()
	must(t, home.set.Run(ctx, account(), "/", "pg_basebackup", "-D", standby.data, "-d", primary.dsn("postgres", "postgres"), "--no-sync",
		"--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf"))
	standby.configure(t, map[string]string{"wal_retrieve_retry_interval": "100ms"})
	standby.Start(t)
	t.Cleanup(func() { standby.remove(t) })
	c := &Couple{Primary: primary, Standby: standby}
	c.CatchUp(t)
	return c
}

// Database makes a fresh migrated database and gives a DSN that names both servers, the primary first.
func (c *Couple) Database(t testing.TB) string {
	t.Helper()
	c.Primary.prepare(t)
	name := c.Primary.create(t, template)
	c.CatchUp(t)
	return fmt.Sprintf("host=%s,%s port=5432 user=%s dbname=%s sslmode=disable", c.Primary.dir, c.Standby.dir, role, name)
}

// CatchUp waits until the standby shows all that the primary has committed.
func (c *Couple) CatchUp(t testing.TB) {
	t.Helper()
	var lsn string
	must(t, c.Primary.scan("SELECT pg_current_wal_flush_lsn()::text", &lsn))
	c.Standby.await(t, "pg_last_wal_replay_lsn() >= '"+lsn+"'")
}

// Cut ends the replication: from now on the primary acknowledges commits that the standby will never have.
func (c *Couple) Cut(t testing.TB) {
	t.Helper()
	c.Standby.Admin(t, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
	c.Standby.await(t, "NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")
}

// Kill kills the primary with SIGKILL, and its children.
func (c *Couple) Kill(t testing.TB) {
	t.Helper()
	c.Primary.Kill(t)
}

// Promote makes the standby a primary on a new timeline, and returns when it takes writes.
func (c *Couple) Promote(t testing.TB) {
	t.Helper()
	c.Standby.Admin(t, "SELECT pg_promote()")
	c.Standby.await(t, "NOT pg_is_in_recovery()")
}

// await waits until a condition in SQL holds.
func (i *Instance) await(t testing.TB, condition string) {
	t.Helper()
	for end := time.Now().Add(bound); ; time.Sleep(10 * time.Millisecond) {
		var holds bool
		must(t, i.scan("SELECT COALESCE("+condition+", false)", &holds))
		if holds {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("pgtest: after %v it does not hold: %s", bound, condition)
		}
	}
}

func (i *Instance) scan(query string, into any) error {
	ctx, stop := context.WithTimeout(context.Background(), bound)
	defer stop()
	conn, err := pgx.Connect(ctx, i.AdminDSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, query).Scan(into); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}
