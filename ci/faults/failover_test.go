package faults

import (
	"testing"
	"time"

	"fcredirect/mgmt/postgres/pgtest"
)

func TestAfterAFailoverNothingIsMissing(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: 500 * time.Millisecond, fresh: true})
	couple := pgtest.Pair(t)
	dsn := couple.Database(t)
	t.Cleanup(p.stopDaemons)
	p.startDaemon("mgmtd", dsn)
	p.serving()
	p.complete()
	time.Sleep(2 * time.Second)
	couple.CatchUp(t)
	couple.Cut(t) // what is acknowledged from here on the standby will never have
	time.Sleep(3 * time.Second)
	acknowledged, err := p.number("SELECT max(number) FROM event")
	must(t, err)
	couple.Kill(t)
	p.raised("database.read-only") // who answers is a standby
	couple.Promote(t)
	p.cleared("database.read-only")
	must(t, waitFor(settleLimit, func() error {
		return p.holds("event that the old primary had acknowledged", "SELECT count(*) FROM event WHERE number = $1", acknowledged)
	}))
	must(t, waitFor(settleLimit, func() error {
		return p.holds("event of the failover", "SELECT count(*) FROM event WHERE name = 'database.failed_over'")
	}))
	p.rest()
	p.settle()
	p.endLoad()
}
