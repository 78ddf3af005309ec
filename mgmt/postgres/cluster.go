package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fcredirect/mgmt/postgres/programs"
)

// The stages of a start, each a function below or in the file named:
//
//	take       the lock on the data folder: one owner per cluster
//	tidy       what an interrupted initdb or upgrade left (make.go, upgrade.go)
//	running    a postmaster that outlived its owner is adopted, and the start ends here (adopt.go)
//	prepare    the data folder: made if there is none, judged if there is one (make.go)
//	upgrade    the data folder of an older major version, if both versions are installed (upgrade.go)
//	configure  postgresql.conf, pg_hba.conf, pg_ident.conf (settings.go)
//	spawn      the postmaster (server.go)
//	ready      until it answers (server.go), then role and database (settings.go)

const (
	superuser = "postgres" // made by initdb
	role      = "fcr"      // owns the database
	database  = "fcr"
	port      = "5432" // a part of the socket's name; said everywhere, because PGPORT counts else
	socket    = ".s.PGSQL." + port
)

// ErrTaken is a cluster that another process, or another Cluster in this one, runs.
var ErrTaken = errors.New("the cluster is run by another process")

// ClusterConfig says where the private cluster lives.
type ClusterConfig struct {
	// DataDir is PostgreSQL's data folder. Beside it stand DataDir.lock, .log, .log.1, and while it is made or upgraded
	// .new and .upgrade.
	DataDir string
	// SocketDir gets the unix socket. Its path is at most 93 bytes long.
	SocketDir string
	// User runs the server when we are root; empty is postgres. Else it runs as ourselves.
	User string
	Log  *slog.Logger
	// Settings are added to postgresql.conf.
	Settings map[string]string
}

// Cluster is the private cluster. Its methods are for one goroutine, except Done, Err and DSN.
type Cluster struct {
	c       ClusterConfig    // constant
	sets    []programs.Set   // constant: the newest first
	account programs.Account // constant

	lock     *os.File // held from Start to Stop
	set      programs.Set
	server   *server
	upgraded bool // by this start
}

// NewCluster checks what can be checked without touching anything.
func NewCluster(c ClusterConfig) (*Cluster, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for what, dir := range map[string]string{"data": c.DataDir, "socket": c.SocketDir} {
		if !filepath.IsAbs(dir) || strings.ContainsAny(dir, "\n\r,") {
			return nil, fmt.Errorf("private database: the %s folder must be an absolute path without commas: %q", what, dir)
		}
	}
	c.DataDir, c.SocketDir = filepath.Clean(c.DataDir), filepath.Clean(c.SocketDir)
	if n := len(filepath.Join(c.SocketDir, socket)); n > socketPathMax {
		return nil, fmt.Errorf("private database: the socket's path %s would have %d bytes, and %d is the most: choose a run folder with a shorter path",
			filepath.Join(c.SocketDir, socket), n, socketPathMax)
	}
	sets, err := programs.All()
	if err != nil {
		return nil, fmt.Errorf("private database: %w", err)
	}
	account, err := programs.AccountFor(c.User)
	if err != nil {
		return nil, fmt.Errorf("private database: %w", err)
	}
	return &Cluster{c: c, sets: sets, set: sets[0], account: account}, nil
}

// SocketDSN is the DSN of a private cluster for any process that may connect: root, and the users that mgmtd and the
// server run as.
func SocketDSN(socketDir string) string {
	return fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable", quote(socketDir), port, role, database)
}

// DSN is that of the database of role fcr.
func (c *Cluster) DSN() string { return SocketDSN(c.c.SocketDir) }

// Start starts the server, or adopts the one that runs, and returns when it answers and has role and database. ErrTaken:
// somebody else does. After an error nothing of ours runs.
func (c *Cluster) Start(ctx context.Context) (err error) {
	if c.lock != nil {
		return fmt.Errorf("private database: %w: this one", ErrTaken)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("private database: %w", errors.Join(err, c.Stop()))
		}
	}()
	if err := c.take(); err != nil {
		return err
	}
	if err := c.tidy(); err != nil {
		return err
	}
	if err := c.socketDir(); err != nil {
		return err
	}
	adopted, err := c.adopt(ctx)
	if err != nil {
		return err
	}
	if !adopted {
		if err := c.prepare(ctx); err != nil {
			return err
		}
		if err := c.run(ctx); err != nil {
			return err
		}
	}
	go c.keepLog(c.server.done)
	return c.settle(ctx)
}

// run configures, spawns and waits.
func (c *Cluster) run(ctx context.Context) error {
	if err := c.configure(c.c.DataDir); err != nil {
		return err
	}
	start := time.Now()
	if err := c.spawn(ctx); err != nil {
		return err
	}
	c.c.Log.Info("the private database runs", "pid", c.server.pid, "version", c.set.Major, "data", c.c.DataDir,
		"started_ms", time.Since(start).Milliseconds())
	return nil
}

// Done is closed when the server has ended, by Stop or by itself; Err says how. It is nil before Start.
func (c *Cluster) Done() <-chan struct{} {
	if c.server == nil {
		return nil
	}
	return c.server.done
}

// Err is how the server ended, after Done.
func (c *Cluster) Err() error {
	<-c.server.done
	return c.server.err
}

// Stop ends the server in order, within stopFast, or by force after it, and gives the lock back. Then Start may be called
// again. The error says that force was needed: the next start recovers.
func (c *Cluster) Stop() error {
	var err error
	if c.server != nil {
		err = c.server.stop()
		c.server = nil
	}
	if c.lock != nil {
		// Closing gives it up. The file stays: to remove it would give two owners two files.
		err = errors.Join(err, c.lock.Close())
		c.lock = nil
	}
	return err
}

// take locks the folder's name, until Stop or our end, however we end.
func (c *Cluster) take() error {
	if err := os.MkdirAll(filepath.Dir(c.c.DataDir), 0o755); err != nil {
		return fmt.Errorf("folder of the data folder: %w", err)
	}
	f, err := os.OpenFile(c.c.DataDir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 20)
		n, _ := f.Read(holder)
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%s: %w: pid %s", c.c.DataDir, ErrTaken, strings.TrimSpace(string(holder[:n])))
		}
		return fmt.Errorf("lock %s.lock: %w", c.c.DataDir, err)
	}
	c.lock = f
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
