package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// place is a folder for clusters: short, and open to the account that runs them.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "fcrcl")
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
	return dir
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newCluster(t *testing.T, dir string) (*Cluster, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	c, err := NewCluster(ClusterConfig{DataDir: filepath.Join(dir, "data"), SocketDir: filepath.Join(dir, "run"),
		Log: slog.New(slog.NewTextHandler(log, nil)), Settings: map[string]string{"fsync": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(log)
		}
	})
	return c, log
}

func start(t *testing.T, c *Cluster) {
	t.Helper()
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func one(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var s string
	if err := conn.QueryRow(t.Context(), sql).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func do(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// orphan leaves the server running as kill -9 of its owner does: the lock is gone, and nobody watches.
func (c *Cluster) orphan(t *testing.T) (pid int) {
	t.Helper()
	pid = c.server.pid
	if err := c.lock.Close(); err != nil {
		t.Fatal(err)
	}
	c.lock, c.server = nil, nil
	return pid
}

func TestTheFirstStartMakesADatabaseAndTheSecondFindsIt(t *testing.T) {
	dir := place(t)
	c, _ := newCluster(t, dir)
	start(t, c)
	if err := Migrate(t.Context(), c.DSN()); err != nil {
		t.Fatal(err)
	}
	do(t, c.DSN(), "INSERT INTO node (name) VALUES ('kept')")
	for sql, want := range map[string]string{
		"SELECT current_user": "fcr",
		"SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user": "false",
		"SHOW data_checksums":     "on",
		"SHOW server_encoding":    "UTF8",
		"SHOW lc_collate":         "C",
		"SHOW listen_addresses":   "",
		"SHOW huge_pages":         "off",
		"SHOW max_connections":    fmt.Sprint(clusterConns),
		"SHOW synchronous_commit": "on",
	} {
		if is := one(t, c.DSN(), sql); is != want {
			t.Errorf("%s: %q, want %q", sql, is, want)
		}
	}
	st, err := os.Stat(fmt.Sprintf("/proc/%d", c.server.pid))
	if err != nil {
		t.Fatal(err)
	}
	if uid := st.Sys().(*syscall.Stat_t).Uid; uid == 0 || int(uid) != c.account.UID {
		t.Errorf("the server runs as uid %d", uid)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	start(t, c)
	if is := one(t, c.DSN(), "SELECT name FROM node"); is != "kept" {
		t.Errorf("after a restart: %q", is)
	}
}

func TestAKilledOwnersServerIsAdopted(t *testing.T) {
	dir := place(t)
	first, _ := newCluster(t, dir)
	start(t, first)
	do(t, first.DSN(), "CREATE TABLE t AS SELECT 1 AS x")
	pid := first.orphan(t)
	second, log := newCluster(t, dir)
	start(t, second)
	if second.server.pid != pid || !strings.Contains(log.String(), "adopted") {
		t.Errorf("pid %d, was %d: %s", second.server.pid, pid, log)
	}
	one(t, second.DSN(), "SELECT x::text FROM t")
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, there := second.pidFile(); there {
		t.Error("an adopted server was not stopped in order")
	}
}

func TestAnAdoptedServerThatDiesIsNoticed(t *testing.T) {
	dir := place(t)
	first, _ := newCluster(t, dir)
	start(t, first)
	pid := first.orphan(t)
	second, _ := newCluster(t, dir)
	start(t, second)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-second.Done()
	if err := second.Err(); !strings.Contains(err.Error(), fmt.Sprint(pid)) {
		t.Error(err)
	}
}

func TestAServerWhoseSocketIsGoneIsStartedAnew(t *testing.T) {
	dir := place(t)
	first, _ := newCluster(t, dir)
	start(t, first)
	pid := first.orphan(t)
	if err := os.RemoveAll(filepath.Join(dir, "run")); err != nil {
		t.Fatal(err)
	}
	second, _ := newCluster(t, dir)
	start(t, second)
	if second.server.pid == pid {
		t.Error("it was adopted")
	}
	one(t, second.DSN(), "SELECT ''")
}

func TestAKilledServerIsNoticedAndRecovers(t *testing.T) {
	c, _ := newCluster(t, place(t))
	start(t, c)
	do(t, c.DSN(), "CREATE TABLE t AS SELECT 1 AS x")
	if err := syscall.Kill(c.server.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if err := c.Err(); !strings.Contains(err.Error(), "killed") {
		t.Error(err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	start(t, c)
	one(t, c.DSN(), "SELECT x::text FROM t")
}

func TestABackendThatOutlivesItsServerDoesNotHoldUpTheNext(t *testing.T) {
	c, log := newCluster(t, place(t))
	start(t, c)
	conn, err := pgx.Connect(t.Context(), c.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	backend := int(conn.PgConn().PID())
	computes := make(chan error, 1)
	go func() { // it looks at nothing but its numbers
		_, err := conn.Exec(t.Context(), "SELECT sum(a * b) FROM generate_series(1, 100000) a, generate_series(1, 100000) b")
		computes <- err
	}()
	for i := 0; one(t, c.DSN(), fmt.Sprintf("SELECT count(*)::text FROM pg_stat_activity WHERE pid = %d AND state = 'active'", backend)) != "1"; i++ {
		if i == 1000 {
			t.Fatal("the backend does not compute")
		}
		time.Sleep(readyPoll)
	}
	if err := syscall.Kill(c.server.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	start(t, c)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the start took %v", took)
	}
	if !strings.Contains(log.String(), fmt.Sprintf("pid=%d", backend)) {
		t.Errorf("nothing was said of the backend %d", backend)
	}
	if err := <-computes; err == nil {
		t.Error("the statement came to its end")
	}
}

func TestTwoStartsNeverMakeTwoServers(t *testing.T) {
	dir := place(t)
	var clusters [3]*Cluster
	for i := range clusters {
		clusters[i], _ = newCluster(t, dir)
	}
	errs := make(chan error, len(clusters))
	for _, c := range clusters {
		go func() { errs <- c.Start(t.Context()) }()
	}
	won := 0
	for range clusters {
		if err := <-errs; err == nil {
			won++
		} else if !errors.Is(err, ErrTaken) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d have started it", won, len(clusters))
	}
}

func TestASecondStartOfTheSameClusterIsRefused(t *testing.T) {
	c, _ := newCluster(t, place(t))
	start(t, c)
	if err := c.Start(t.Context()); !errors.Is(err, ErrTaken) {
		t.Fatal(err)
	}
	one(t, c.DSN(), "SELECT ''")
}

func TestAStalePidFileIsNoObstacle(t *testing.T) {
	dir := place(t)
	c, _ := newCluster(t, dir)
	start(t, c)
	pid := c.server.pid
	for _, p := range append(childrenOf(pid), pid) {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	<-c.Done()
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	// Its number is now that of a process of the same user, and not a server.
	path := filepath.Join(dir, "data", "postmaster.pid")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := c.set.Command(t.Context(), c.account, "../../../../bin/sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Wait() }()
	defer func() { _ = other.Process.Kill() }()
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(path, []byte(fmt.Sprint(other.Process.Pid, "\n", rest)), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, c)
	one(t, c.DSN(), "SELECT ''")
}

func childrenOf(pid int) []int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var pids []int
	for _, f := range strings.Fields(string(b)) {
		var p int
		if _, err := fmt.Sscan(f, &p); err == nil {
			pids = append(pids, p)
		}
	}
	return pids
}

func TestATornInitdbIsRemoved(t *testing.T) {
	dir := place(t)
	torn := filepath.Join(dir, "data.new")
	if err := os.MkdirAll(filepath.Join(torn, "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(torn, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _ := newCluster(t, dir)
	start(t, c)
	if _, err := os.Stat(torn); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestAnInitdbThatIsInterruptedLeavesNothing(t *testing.T) {
	dir := place(t)
	c, _ := newCluster(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(filepath.Join(dir, "data.new", "PG_VERSION")); err == nil {
				cancel()
			}
		}
	}()
	if err := c.Start(ctx); err == nil {
		t.Fatal("it started")
	}
	cancel()
	for _, name := range []string{"data", "data.new"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	start(t, c)
}

func TestTheLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	writer, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	defer writer.Close()
	for i := range 100 {
		_, err := fmt.Fprintf(writer, "line %d\n", i)
		must(t, err)
		must(t, boundLog(path, 200))
	}
	now, err := os.ReadFile(path)
	must(t, err)
	before, err := os.ReadFile(path + ".1")
	must(t, err)
	if len(now) > 210 || len(before) != 200 || !strings.HasSuffix(string(now), "line 99\n") {
		t.Errorf("%q, %q", before, now)
	}
	if !strings.Contains(string(before)+string(now), "line 80\nline 81\n") {
		t.Errorf("lines are missing: %q, %q", before, now)
	}
}

func TestAServerThatHangsIsLeftToAHuman(t *testing.T) {
	dir := place(t)
	first, _ := newCluster(t, dir)
	start(t, first)
	pid := first.orphan(t)
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	second, _ := newCluster(t, dir)
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	err := second.Start(ctx)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("kill -QUIT %d", pid)) {
		t.Error(err)
	}
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	start(t, second)
	if second.server.pid != pid {
		t.Error("a second server was started")
	}
}
