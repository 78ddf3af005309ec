package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"
)

// parse reads the DSN and puts in what we force or add. Its errors never show the DSN.
func parse(dsn, app string) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, parseError(dsn, err)
	}
	cc := c.ConnConfig
	if cc.ConnectTimeout == 0 {
		cc.ConnectTimeout = connectTimeout
	}
	cc.DialFunc = dial
	set := func(name, value string) {
		if _, there := cc.RuntimeParams[name]; !there {
			cc.RuntimeParams[name] = value
		}
	}
	if app != "" {
		set("application_name", app)
	}
	set("statement_timeout", milliseconds(statementTimeout))
	set("lock_timeout", milliseconds(lockTimeout))
	set("idle_in_transaction_session_timeout", milliseconds(idleInTransaction))
	// Times are written and shown in UTC, whatever the server's zone.
	set("timezone", "UTC")
	return c, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// parseError says what is wrong with a DSN. The library masks passwords as well as it can, and says itself that it cannot
// be sure in a DSN that makes no sense; so its text is passed on only when there is no place where one could stand.
func parseError(dsn string, err error) error {
	const wrong = "postgres: the DSN cannot be read"
	if !strings.Contains(dsn, "@") && !strings.Contains(strings.ToLower(dsn), "pass") {
		return fmt.Errorf("%s: %w", wrong, errors.New(err.Error()))
	}
	return errors.New(wrong + ": want postgres://user:password@host:5432/database, percent-encoded, or host=... user=... dbname=...; " +
		"its text is not shown, because it may hold a password")
}

// dial connects so that a host that vanished without a word is noticed within netTimeout, also while we wait for
// acknowledgements of what we sent: the kernel alone takes 15 minutes.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: netTimeout / 2, Interval: netTimeout / 4, Count: 2}}
	d.Control = func(network, _ string, raw syscall.RawConn) error {
		if !strings.HasPrefix(network, "tcp") {
			return nil
		}
		var err error
		if e := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(netTimeout.Milliseconds()))
		}); e != nil {
			return e
		}
		return err
	}
	return d.DialContext(ctx, network, address)
}

// quote makes a value of a keyword DSN.
func quote(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}
