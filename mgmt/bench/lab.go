package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"fcredirect/mgmt/postgres"
)

// lab is what all variants use: a database, a folder for files, the traffic, and the two processes that answer, which are
// started anew for each run.
type lab struct {
	o       Options
	dir     string // scratch, on the disk
	shm     string // scratch, in memory: the segment
	dsn     string
	cluster *postgres.Cluster
	stats   *pgx.Conn
	traffic *traffic
	log     io.Writer
	cores   *cores

	peer, monitoring *helper
	runs             int
}

// sharedLog is written by us and by what copies the words of helpers.
type sharedLog struct {
	mu sync.Mutex
	to io.Writer
}

func (s *sharedLog) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(b)
}

func openLab(ctx context.Context, o Options) (l *lab, err error) {
	l = &lab{o: o, traffic: newTraffic(o.Flows), log: &sharedLog{to: o.Log}}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
			l = nil
		}
	}()
	if l.cores, err = divide(); err != nil {
		return l, err
	}
	if l.dir, err = os.MkdirTemp(o.Dir, "fcr-bench-"); err != nil {
		return l, fmt.Errorf("bench: %w", err)
	}
	if l.shm, err = os.MkdirTemp("/dev/shm", "fcr-bench-"); err != nil {
		return l, fmt.Errorf("bench: %w", err)
	}
	if err = os.Chmod(l.dir, 0o755); err != nil { // the server runs as another user when we are root
		return l, fmt.Errorf("bench: %w", err)
	}
	l.cluster, err = postgres.NewCluster(postgres.ClusterConfig{
		DataDir: filepath.Join(l.dir, "pg"), SocketDir: filepath.Join(l.dir, "run"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return l, err
	}
	if err = l.cluster.Start(ctx); err != nil {
		return l, err
	}
	l.dsn = l.cluster.DSN()
	if err = postgres.Migrate(ctx, l.dsn); err != nil {
		return l, err
	}
	if l.stats, err = pgx.Connect(ctx, l.dsn); err != nil {
		return l, fmt.Errorf("bench: %w", err)
	}
	return l, nil
}

func (l *lab) close() (err error) {
	err = l.stopHelpers()
	if l.stats != nil {
		ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
		defer cancel()
		err = errors.Join(err, l.stats.Close(ctx))
	}
	if l.cluster != nil {
		err = errors.Join(err, l.cluster.Stop())
	}
	if l.cores != nil {
		err = errors.Join(err, l.cores.unite())
	}
	for _, dir := range []string{l.dir, l.shm} {
		if dir != "" {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}

// empty makes the database as new, so that every run finds the same.
func (l *lab) empty(ctx context.Context) error {
	const query = `SELECT format('TRUNCATE %s', string_agg(format('%I', c.relname), ', ')) FROM pg_class c
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'goose_db_version'`
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	var truncate string
	if err := l.stats.QueryRow(ctx, query).Scan(&truncate); err != nil {
		return fmt.Errorf("bench: empty the database: %w", err)
	}
	if _, err := l.stats.Exec(ctx, truncate); err != nil {
		return fmt.Errorf("bench: empty the database: %w", err)
	}
	return nil
}

// startHelpers makes the peer and the monitoring process of the next run.
func (l *lab) startHelpers() (err error) {
	l.runs++
	if l.peer, err = startHelper(l.o.Command, task{Kind: "peer", Network: "tcp", Address: "127.0.0.1:0"}, l.log); err != nil {
		return err
	}
	socket := filepath.Join(l.dir, fmt.Sprintf("monitoring-%d", l.runs))
	l.monitoring, err = startHelper(l.o.Command, task{Kind: "monitoring", Network: "unix", Address: socket}, l.log)
	return err
}

// stopHelpers ends them; peerKnows says afterwards what the peer had.
func (l *lab) stopHelpers() error {
	_, err := l.peerKnows()
	if l.monitoring != nil {
		_, e := l.monitoring.stop()
		err, l.monitoring = errors.Join(err, e), nil
	}
	return err
}

// peerKnows ends the peer and says what it has.
func (l *lab) peerKnows() (d did, err error) {
	if l.peer != nil {
		d, err = l.peer.stop()
		l.peer = nil
	}
	return d, err
}

func (l *lab) auditFile() string { return filepath.Join(l.dir, fmt.Sprintf("audit-%d", l.runs)) }
func (l *lab) segment() string   { return filepath.Join(l.shm, fmt.Sprintf("segment-%d", l.runs)) }

// served is what the database server counted since it was made.
type served struct {
	commits, syncs, walBytes uint64
	at                       time.Time
}

// served asks the server. A session's own figures are there when it has ended.
func (l *lab) served(ctx context.Context) (s served, err error) {
	const query = `SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()), wal_sync, wal_bytes::bigint FROM pg_stat_wal`
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	if err = l.stats.QueryRow(ctx, query).Scan(&s.commits, &s.syncs, &s.walBytes); err != nil {
		return s, fmt.Errorf("bench: figures of the server: %w", err)
	}
	s.at = time.Now()
	return s, nil
}

// cpu is the time of all processes that take part: this one, its helpers, the server with its sessions.
func (l *lab) cpu(more ...int) (time.Duration, error) {
	pids := append([]int{os.Getpid()}, more...)
	for _, h := range []*helper{l.peer, l.monitoring} {
		if h != nil {
			pids = append(pids, h.pid())
		}
	}
	text, err := os.ReadFile(filepath.Join(l.dir, "pg", "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("bench: cpu time of the server: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0, fmt.Errorf("bench: cpu time of the server: %w", err)
	}
	var sum time.Duration
	for _, pid := range append(pids, children(postmaster)...) {
		sum += cpuOf(pid, false)
	}
	return sum + cpuOf(postmaster, true), nil // with sessions that have ended
}

func children(pid int) (pids []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // none, when it has just ended
	for _, f := range strings.Fields(string(text)) {
		if n, err := strconv.Atoi(f); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// clockTick is the unit of times in /proc: USER_HZ, which is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuOf is the time that a process took, 0 when it is gone; with that of its children that have ended, if wanted.
func cpuOf(pid int, ended bool) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const utime, cutime, end = 11, 13, 15
	last := cutime
	if ended {
		last = end
	}
	var ticks int64
	for _, f := range fields[utime:min(last, len(fields))] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err == nil {
			ticks += n
		}
	}
	return time.Duration(ticks) * clockTick
}

// Machine says where it was measured.
type Machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	Kernel     string  `json:"kernel"`
	Go         string  `json:"go"`
	PostgreSQL string  `json:"postgresql"`
	Folder     string  `json:"folder"`    // of the database and the audit file
	InMemory   bool    `json:"in_memory"` // that folder is: its fsync costs nothing
	FsyncMS    float64 `json:"fsync_ms"`  // append and fdatasync there, the median
	Load       string  `json:"load"`      // average of the last minute when it began, other programs included
}

func (l *lab) machine() (Machine, error) {
	m := Machine{CPU: "unknown", Cores: runtime.NumCPU(), Go: runtime.Version(), Folder: filepath.Dir(l.dir)}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			m.CPU = strings.TrimSpace(strings.TrimLeft(line, "\t :"))
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	var st unix.Statfs_t
	if unix.Statfs(l.dir, &st) == nil {
		m.InMemory = st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC
	}
	if err := l.stats.QueryRow(context.Background(), "SHOW server_version").Scan(&m.PostgreSQL); err != nil {
		return m, fmt.Errorf("bench: %w", err)
	}
	a, err := openAudit(filepath.Join(l.dir, "fsync"))
	if err != nil {
		return m, err
	}
	defer a.close()
	var took []float64
	for range 21 {
		begun := time.Now()
		if err := a.write(make([]update, 1)); err != nil {
			return m, err
		}
		took = append(took, time.Since(begun).Seconds()*1e3)
	}
	m.FsyncMS = median(took)
	return m, nil
}

// OwnCommand runs this program, with arguments that make it call Helper.
func OwnCommand(arguments ...string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return append([]string{self}, arguments...), nil
}
