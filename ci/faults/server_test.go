package faults

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres/pgtest"
)

var errNothingLost = errors.New("no event was lost yet")

// server is a database server beside the node, with an empty database.
type server struct {
	*pgtest.Instance
	dsn string
}

// external makes one. The daemons are stopped before it is taken down.
func external(t *testing.T, p *place) *server {
	t.Helper()
	i := pgtest.New(t, pgtest.Options{})
	s := &server{i, i.Empty(t)}
	t.Cleanup(p.stopDaemons)
	return s
}

// in runs a statement in the database.
func (s *server) in(t *testing.T, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.dsn)
	must(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	must(t, err)
}

// stopDaemons ends them in order.
func (p *place) stopDaemons() {
	for _, d := range p.daemons {
		if err := d.stop(); err != nil {
			p.t.Errorf("%s did not end well: %v: %s", d.name, err, tail(d.log))
		}
	}
	p.daemons = nil
}

// number runs a query that gives one number.
func (p *place) number(query string, args ...any) (n int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.dsn)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

// holds gives an error while a query counts nothing.
func (p *place) holds(what, query string, args ...any) error {
	n, err := p.number(query, args...)
	if err == nil && n == 0 {
		err = fmt.Errorf("there is no %s", what)
	}
	return err
}

var errStillActs = errors.New("who was killed still acts")

// kill ends a process of ours at once.
func kill(pid int) error {
	if pid == 0 {
		return errors.New("kill: it does not run")
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// standby says with nil that somebody stands by for a role.
func (p *place) standby(name string) error {
	list, err := p.roles()
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Role == name && r.Alive && r.State == "standby" {
			return nil
		}
	}
	return fmt.Errorf("nobody stands by for %s: %+v", name, list)
}
