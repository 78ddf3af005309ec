// Package pgtest gives tests a PostgreSQL of their own: a private server on a unix socket in a temporary folder, fresh
// migrated databases in it, a pair of servers to fail over, and a Querier that fails where it is told to.
//
// Who may import it: tests alone.
//
// Server is one per test binary, made on first use, and shared: what it serves must not be harmed. New makes one that a
// test may stop, kill and hang. Both end with the binary, however that ends, because a shell waits for the other end of a
// pipe that only the binary holds. No goroutine is left behind by any of it, so goleak may be used beside it.
package pgtest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/programs"
)

const (
	// bound is how long anything that a server is asked to do may take on a busy machine.
	bound = 60 * time.Second
	// role owns the databases; it is no superuser, as in production.
	role = "fcr"
	// template is the migrated database that others are copied from.
	template = "fcr_template"
)

// home is the folder of all servers of this binary, with the watchdog that removes it.
var home = struct {
	sync.Mutex
	dir     string
	alive   *os.File // the watchdog reads its other end
	set     programs.Set
	account programs.Account
	servers int
}{}

// watchdog ends and removes what is left when the binary has ended. A stale postmaster.pid may name somebody else's
// process, so the command line must name our folder.
const watchdog = `cat >/dev/null
ours() { tr '\0' ' ' <"/proc/$1/cmdline" | grep -q -F "$2"; }
for file in "$1"/*/data/postmaster.pid; do
	read -r pid <"$file" || continue
	ours "$pid" "$1" || continue
	for child in $(cat "/proc/$pid/task/$pid/children"); do kill -CONT "$child"; done
	kill -CONT "$pid"
	kill -QUIT "$pid"
	for i in 1 2 3 4 5 6 7 8 9 10; do ours "$pid" "$1" || break; sleep 0.3; done
	! ours "$pid" "$1" || kill -KILL "$pid"
done
rm -rf "$1"`

func base(t testing.TB) (string, int) {
	t.Helper()
	home.Lock()
	defer home.Unlock()
	home.servers++
	if home.dir != "" {
		return home.dir, home.servers
	}
	sets, err := programs.All()
	if err != nil {
		t.Fatalf("pgtest: %v; or: ci/deps store", err)
	}
	if home.account, err = programs.AccountFor(""); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	home.set = sets[0]
	// Not t.TempDir: the path of a socket has 107 bytes at most, and another user must get there.
	dir, err := os.MkdirTemp("/tmp", "fcrpg")
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	dog := exec.Command("/bin/sh", "-c", watchdog, "sh", dir)
	dog.Stdin, dog.SysProcAttr = read, &syscall.SysProcAttr{Setsid: true}
	if err := dog.Start(); err != nil {
		t.Fatalf("pgtest: watchdog: %v", err)
	}
	if err := read.Close(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	home.dir, home.alive = dir, write
	return home.dir, home.servers
}

// Options of a server.
type Options struct {
	// Fsync makes commits durable as in production; without it a commit is written, but not forced to the disk.
	Fsync bool
	// Settings are lines of postgresql.conf.
	Settings map[string]string
	// TCP lets it listen on a free port of 127.0.0.1, with a password; see TCPDSN.
	TCP bool
}

// Instance is a running server.
type Instance struct {
	dir, data string
	port      int // of TCP, 0 without
	cmd       *exec.Cmd
	migrated  sync.Once
	failure   error // of the template; written in migrated
	databases atomic.Int64
}

var shared struct {
	sync.Mutex
	instance *Instance
}

// Server is the one that all tests of this binary share. Don't stop it.
func Server(t testing.TB) *Instance {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.instance == nil {
		i := initdb(t, Options{})
		i.Start(t)
		shared.instance = i
	}
	return shared.instance
}

// New is a server for this test alone, stopped at its end.
func New(t testing.TB, o Options) *Instance {
	t.Helper()
	i := initdb(t, o)
	i.Start(t)
	t.Cleanup(func() { i.remove(t) })
	return i
}

// DB is the DSN of a fresh migrated database in the shared server, dropped at the end of the test.
func DB(t testing.TB) string {
	t.Helper()
	return Server(t).Database(t)
}

func newInstance(t testing.TB) *Instance {
	t.Helper()
	home, n := base(t)
	i := &Instance{dir: filepath.Join(home, strconv.Itoa(n))}
	i.data = filepath.Join(i.dir, "data")
	must(t, os.Mkdir(i.dir, 0o755))
	must(t, account().Own(i.dir))
	return i
}

func account() programs.Account { return home.account }

func initdb(t testing.TB, o Options) *Instance {
	t.Helper()
	i := newInstance(t)
	ctx, stop := context.WithTimeout(context.Background(), bound)
	defer stop()
	must(t, home.set.Run(ctx, account(), "/", "initdb", "-D", i.data, "--no-sync", "--data-checksums", "--username=postgres",
		"--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"))
	settings := map[string]string{"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_wal_size": "512MB",
		"log_min_messages": "warning", "timezone": "UTC", "log_timezone": "UTC"}
	if o.Fsync {
		settings["fsync"], settings["full_page_writes"] = "on", "on"
	}
	for k, v := range o.Settings {
		settings[k] = v
	}
	if o.TCP {
		i.port = freePort(t)
	}
	i.configure(t, settings)
	return i
}

// configure appends to postgresql.conf: the last line of a name counts.
func (i *Instance) configure(t testing.TB, settings map[string]string) {
	t.Helper()
	settings["unix_socket_directories"], settings["listen_addresses"], settings["port"] = i.dir, "", "5432"
	if i.port != 0 {
		settings["listen_addresses"], settings["port"] = "127.0.0.1", strconv.Itoa(i.port)
	}
	var text strings.Builder
	for k, v := range settings {
		fmt.Fprintf(&text, "%s = '%s'\n", k, strings.ReplaceAll(v, "'", "''"))
	}
	f, err := os.OpenFile(filepath.Join(i.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString(text.String())
	must(t, err)
	must(t, f.Close())
}

// AdminDSN is for the superuser, who may also see to other sessions and settings, on a server that was made read-only too.
func (i *Instance) AdminDSN(database string) string {
	return i.dsn("postgres", database) + " default_transaction_read_only=off"
}

// DSN is for the role that owns the databases made by Database.
func (i *Instance) DSN(database string) string { return i.dsn(role, database) }

func (i *Instance) dsn(user, database string) string {
	// The port is said, because PGPORT counts else.
	return fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", i.dir, cmp.Or(i.port, 5432), user, database)
}

// Password is that of the role, for TCP.
const Password = "not;so secret'1"

// TCPDSN is a URL with a password.
func (i *Instance) TCPDSN(database string) string {
	return fmt.Sprintf("postgres://%s:not%%3Bso%%20secret%%271@127.0.0.1:%d/%s?sslmode=disable", role, i.port, database)
}

// Database makes a fresh migrated database, dropped at the end of the test, and gives its DSN.
func (i *Instance) Database(t testing.TB) string {
	t.Helper()
	i.prepare(t)
	return i.DSN(i.create(t, template))
}

// prepare makes role and template, once.
func (i *Instance) prepare(t testing.TB) {
	t.Helper()
	i.migrated.Do(func() { i.failure = i.makeTemplate() })
	must(t, i.failure)
}

// Empty makes a database without our schema.
func (i *Instance) Empty(t testing.TB) string {
	t.Helper()
	i.prepare(t)
	return i.DSN(i.create(t, "template0"))
}

func (i *Instance) create(t testing.TB, from string) string {
	t.Helper()
	name := fmt.Sprintf("fcr_%d", i.databases.Add(1))
	must(t, i.admin(fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s", name, from, role)))
	t.Cleanup(func() {
		// A server that the test has killed takes its databases along.
		if i.running() {
			if err := i.admin(fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
				t.Logf("pgtest: %v", err)
			}
		}
	})
	return name
}

func (i *Instance) makeTemplate() error {
	err := i.admin(fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", role, strings.ReplaceAll(Password, "'", "''")),
		fmt.Sprintf("CREATE DATABASE %s OWNER %s", template, role))
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), bound)
	defer stop()
	return postgres.Migrate(ctx, i.DSN(template))
}

// Admin runs statements as the superuser in database postgres.
func (i *Instance) Admin(t testing.TB, statements ...string) {
	t.Helper()
	must(t, i.admin(statements...))
}

func (i *Instance) admin(statements ...string) error {
	ctx, stop := context.WithTimeout(context.Background(), bound)
	defer stop()
	conn, err := pgx.Connect(ctx, i.AdminDSN("postgres"))
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			conn.Close(ctx)
			return fmt.Errorf("pgtest: %s: %w", s, err)
		}
	}
	return conn.Close(ctx)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
}
