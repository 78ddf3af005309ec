package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"fcredirect/mgmt/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, dsn string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n1", App: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func TestEveryDatabaseIsFreshAndMigrated(t *testing.T) {
	ctx := t.Context()
	for range 2 {
		db := open(t, DB(t))
		var nodes int
		if err := db.Q().QueryRow(ctx, "SELECT count(*) FROM node").Scan(&nodes); err != nil || nodes != 0 {
			t.Fatalf("%d nodes, %v", nodes, err)
		}
		if id, err := db.NodeID(ctx); err != nil || id != 1 {
			t.Fatalf("node id %d, %v", id, err)
		}
	}
}

func TestAServerOfOnesOwnCanBeStoppedKilledAndPaused(t *testing.T) {
	ctx := t.Context()
	s := New(t, Options{})
	db := open(t, s.Database(t))
	write := func() error {
		_, err := db.Q().Exec(ctx, "INSERT INTO node (name) VALUES (gen_random_uuid()::text)")
		return err
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	for name, gone := range map[string]func(testing.TB){"stopped": s.Stop, "killed": s.Kill} {
		gone(t)
		if err := write(); postgres.Kind(err) != postgres.Unavailable {
			t.Errorf("%s: %v is %v", name, err, postgres.Kind(err))
		}
		s.Start(t)
		if err := write(); err != nil {
			// The pool may have had more connections to the dead server than one.
			if err := write(); err != nil {
				t.Errorf("%s and started: %v", name, err)
			}
		}
	}
	s.Pause(t)
	short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	if _, err := db.Q().Exec(short, "SELECT 1"); postgres.Kind(err) != postgres.Cancelled {
		t.Errorf("paused: %v is %v", err, postgres.Kind(err))
	}
	s.Resume(t)
	var nodes int
	if err := db.Q().QueryRow(ctx, "SELECT count(*) FROM node").Scan(&nodes); err != nil || nodes != 3 {
		t.Errorf("%d nodes, %v", nodes, err)
	}
}

const child = "FCR_PGTEST_CHILD"

// Run by the next test in a process of its own: it starts a server, says which, and waits to be killed.
func TestChild(t *testing.T) {
	if os.Getenv(child) == "" {
		return
	}
	s := Server(t)
	fmt.Fprintln(os.Stderr, s.PID(), s.dir)
	select {}
}

func TestTheServerEndsWithABinaryThatWasKilled(t *testing.T) {
	self := exec.Command("/proc/self/exe", "-test.run=^TestChild$")
	self.Env = append(os.Environ(), child+"=1")
	out, err := self.StderrPipe()
	must(t, err)
	must(t, self.Start())
	buf := make([]byte, 200)
	n, err := out.Read(buf)
	must(t, err)
	fields := strings.Fields(string(buf[:n]))
	pid, err := strconv.Atoi(fields[0])
	if err != nil || len(fields) != 2 {
		t.Fatalf("the child says %q", buf[:n])
	}
	fd, err := unix.PidfdOpen(pid, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, self.Process.Kill())
	_ = self.Wait()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(bound.Milliseconds())); n != 1 {
		t.Fatalf("postmaster %d lives on: %v", pid, err)
	}
	for end := time.Now().Add(bound); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(fields[1]); os.IsNotExist(err) {
			break
		} else if time.Now().After(end) {
			t.Fatalf("%s is still there: %v", fields[1], err)
		}
	}
}

// Every operation of a transaction is lost once, on both sides of its effect.
func TestTheNthOperationFails(t *testing.T) {
	ctx := t.Context()
	work := func(q postgres.Querier) error {
		tx, err := q.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(ctx) }()
		if _, err := tx.Exec(ctx, "INSERT INTO node (name) VALUES ('a')"); err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"node"}, []string{"name"}, pgx.CopyFromRows([][]any{{"b"}})); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM node").Scan(&n); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT name FROM node")
		if err != nil {
			return err
		}
		if _, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		b := &pgx.Batch{}
		b.Queue("UPDATE node SET created = now()")
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		return tx.Commit(ctx)
	}
	const ops = 7
	for _, when := range []When{Before, After} {
		for n := 1; n <= ops+1; n++ {
			db := open(t, DB(t))
			q := Faulty(db.Q(), n, when)
			err := work(q)
			var fault *Fault
			if failed := errors.As(err, &fault); failed != (n <= ops) || q.Hit() != failed {
				t.Fatalf("%v operation %d: %v, hit %v", when, n, err, q.Hit())
			}
			if n <= ops && (fault.N != n || postgres.Kind(err) != postgres.Unavailable || q.Ops() != n) {
				t.Errorf("%v operation %d: %v (%v) after %d operations", when, n, err, postgres.Kind(err), q.Ops())
			}
			var rows, want int
			if n > ops || n == ops && when == After {
				want = 2
			}
			if err := db.Q().QueryRow(ctx, "SELECT count(*) FROM node").Scan(&rows); err != nil || rows != want {
				t.Errorf("%v operation %d: %d rows, want %d, %v", when, n, rows, want, err)
			}
			db.Close()
		}
	}
}
