package database

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func place(t *testing.T) Options {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "fcrdb")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return Options{Node: "n1", DataDir: dir + "/pg", SocketDir: dir + "/run", Settings: map[string]string{"fsync": "off"}}
}

// running is a role in a goroutine.
type running struct {
	*Role
	ready chan struct{}
	ended chan error
	stop  context.CancelFunc
}

func run(t *testing.T, o Options) *running {
	t.Helper()
	role, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{Role: role, ready: make(chan struct{}), ended: make(chan error, 1), stop: stop}
	go func() { r.ended <- role.Run(ctx, func() { close(r.ready) }) }()
	t.Cleanup(stop)
	return r
}

func (r *running) waitReady(t *testing.T) {
	t.Helper()
	select {
	case <-r.ready:
	case err := <-r.ended:
		t.Fatalf("it ended before it was ready: %v", err)
	}
	if err := r.Healthy(); err != nil {
		t.Fatal(err)
	}
}

func (r *running) waitHealth(t *testing.T, healthy bool) error {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); (r.Healthy() == nil) != healthy; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("health is still: %v", r.Healthy())
		}
	}
	return r.Healthy()
}

func nodes(t *testing.T, dsn string) (n int, err error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	return n, conn.QueryRow(t.Context(), "SELECT count(*) FROM node").Scan(&n)
}

func TestThePrivateDatabaseRunsAsLongAsTheRole(t *testing.T) {
	o := place(t)
	r := run(t, o)
	if err := r.Healthy(); !errors.Is(err, errStarting) {
		t.Errorf("before it is ready: %v", err)
	}
	r.waitReady(t)
	if _, err := nodes(t, o.Database()); err != nil {
		t.Errorf("ready, and not migrated: %v", err)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
	if _, err := nodes(t, o.Database()); err == nil {
		t.Error("the server outlives its role")
	}
	if r.Healthy() == nil {
		t.Error("it has ended and is healthy")
	}
}

func TestTheRoleEndsWhenItsServerDiesAndTheNextRecovers(t *testing.T) {
	o := place(t)
	r := run(t, o)
	r.waitReady(t)
	b, err := os.ReadFile(o.DataDir + "/postmaster.pid")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("it ended with %v", err)
	}
	again := run(t, o)
	again.waitReady(t)
	again.stop()
	if err := <-again.ended; err != nil {
		t.Fatal(err)
	}
}

func TestARoleThatIsToldToEndWhileItStartsIsNoFailure(t *testing.T) {
	r := run(t, place(t))
	r.stop()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.ready:
		t.Error("it said that it was ready")
	default:
	}
}

func TestAConfiguredServerThatIsAwayIsWaitedFor(t *testing.T) {
	s := pgtest.New(t, pgtest.Options{})
	dsn := s.Empty(t)
	s.Stop(t)
	r := run(t, Options{Node: "n1", DSN: dsn})
	for end := time.Now().Add(30 * time.Second); errors.Is(r.Healthy(), errStarting); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not say that the server is away")
		}
	}
	if err := r.Healthy(); postgres.Kind(err) != postgres.Unavailable {
		t.Errorf("%v is %v", err, postgres.Kind(err))
	}
	s.Start(t)
	r.waitReady(t)
	s.Kill(t)
	if err := r.waitHealth(t, false); postgres.Kind(err) != postgres.Unavailable {
		t.Errorf("%v is %v", err, postgres.Kind(err))
	}
	s.Start(t)
	r.waitHealth(t, true)
	s.Pause(t)
	if err := r.waitHealth(t, false); !postgres.Kind(err).Retry() {
		t.Errorf("%v is %v", err, postgres.Kind(err))
	}
	s.Resume(t)
	r.waitHealth(t, true)
	r.stop()
	if err := <-r.ended; err != nil {
		t.Fatal(err)
	}
}

func TestANewerSchemaEndsTheRole(t *testing.T) {
	s := pgtest.Server(t)
	dsn := s.Database(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)"); err != nil {
		t.Fatal(err)
	}
	r := run(t, Options{Node: "n1", DSN: dsn})
	if err := <-r.ended; !errors.Is(err, postgres.ErrNewerSchema) {
		t.Fatal(err)
	}
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	if _, err := New(Options{Node: "n1", DataDir: "relative", SocketDir: "/tmp"}); err == nil {
		t.Error("a relative folder was taken")
	}
}
