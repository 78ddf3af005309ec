package store

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

// down is a database that refuses every transaction with one error, until it is up.
type down struct {
	postgres.Querier
	err     error
	up      atomic.Bool
	refused atomic.Int64
}

func (d *down) Begin(ctx context.Context) (pgx.Tx, error) {
	if d.up.Load() {
		return d.Querier.Begin(ctx)
	}
	d.refused.Add(1)
	return nil, d.err
}

func sqlState(code, text string) error {
	return &pgconn.PgError{Severity: "ERROR", Code: code, Message: text}
}

func TestWhatADatabaseRefusesIsWrittenWhenItTakesItAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
	}{
		{"out of disk", sqlState("53100", "could not extend file")},
		{"read-only", sqlState("25006", "cannot execute UPDATE in a read-only transaction")},
		{"cancelling statements", sqlState("57014", "canceling statement due to statement timeout")},
		{"failing over", sqlState("57P01", "terminating connection due to administrator command")},
		{"refusing connections", sqlState("53300", "sorry, too many clients already")},
		{"deadlocked", sqlState("40P01", "deadlock detected")},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, faults := database(t, pgtest.DB(t))
			p := newPlane(t, 2, 32, feed.MinItems, 1)
			r := run(t, Options{Place: p.place(), DB: db})
			p.life()
			d := &down{Querier: faults.Querier, err: c.err}
			faults.use(d)
			// Far more updates than the rings hold: what finds no room is conflated.
			for range 50 {
				p.mu.Lock()
				for _, l := range p.lcores {
					for slot := range l.live {
						if !l.live[slot] {
							p.make(l, slot)
						}
						p.count(l, slot, 1)
					}
				}
				p.offer()
				p.mu.Unlock()
			}
			r.mu.Lock()
			r.since = r.since.Add(-patience) // it has lasted
			r.mu.Unlock()
			eventually(t, "the role says why", func() bool {
				r.mu.Lock()
				if r.err != nil {
					r.since = time.Now().Add(-2 * patience)
				}
				r.mu.Unlock()
				err := r.Healthy()
				return errors.Is(err, ErrDatabase) && errors.Is(err, c.err) && d.refused.Load() > 2
			})
			if s := r.Stats(); s.Depth == 0 || s.Depth > feed.MinItems*3 || s.Lag == 0 {
				t.Errorf("depth %d, lag %v", s.Depth, s.Lag)
			}
			d.up.Store(true)
			p.rest()
			p.same(faults.Querier)
			eventually(t, "it is well", func() bool { return r.Healthy() == nil })
			r.end()
		})
	}
}

func TestADatabaseThatIsNotOursIsAFailureAndNotARetry(t *testing.T) {
	for name, spoil := range map[string]string{
		"a table is missing":  "DROP TABLE flow CASCADE",
		"a column is missing": "ALTER TABLE ring_cursor DROP COLUMN boots",
		"a column is another": "ALTER TABLE login RENAME wwpn TO name",
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := database(t, pgtest.DB(t))
			p := newPlane(t, 1, 8, 128, 1)
			if _, err := db.Q().Exec(t.Context(), spoil); err != nil {
				t.Fatal(err)
			}
			r := run(t, Options{Place: p.place(), DB: db})
			p.mu.Lock()
			p.make(p.lcores[0], 0)
			p.login(0x010203, 5)
			p.offer()
			p.mu.Unlock()
			if err := r.wait(); err == nil || postgres.Kind(err).Retry() || !strings.Contains(err.Error(), "store: ") || !strings.Contains(err.Error(), "does not exist") {
				t.Errorf("the role ended with %v", err)
			}
		})
	}
}

func TestARealServerMayBeAbsentKilledAndHung(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	dsn := server.Database(t)
	server.Stop(t)
	db, _ := database(t, dsn)
	p := newPlane(t, 2, 16, 128, 1)
	r := run(t, Options{Place: p.place(), DB: db})
	busy := func(rounds int) {
		for range rounds {
			p.mu.Lock()
			for _, l := range p.lcores {
				for slot := range l.live {
					if !l.live[slot] {
						p.make(l, slot)
					}
					p.count(l, slot, 1)
				}
			}
			p.offer()
			p.mu.Unlock()
			time.Sleep(time.Millisecond) // the load has to last while the server goes
		}
	}
	busy(20)
	eventually(t, "the role says that there is no server", func() bool { return errors.Is(r.Healthy(), ErrDatabase) })
	server.Start(t)
	p.rest()
	p.same(db.Q())
	for range 3 {
		gone := make(chan struct{})
		go func() { busy(100); close(gone) }()
		server.Kill(t)
		<-gone
		server.Start(t)
		p.rest()
		p.same(db.Q())
	}
	server.Pause(t)
	busy(50)
	server.Resume(t)
	p.rest()
	p.same(db.Q())
	r.end()
}

func TestWhatLiesInTheRingsOfAReplacedDataPlaneIsWritten(t *testing.T) {
	db, faults := database(t, pgtest.DB(t))
	p := newPlane(t, 2, 16, 256, 1)
	r := run(t, Options{Place: p.place(), DB: db})
	p.life()
	d := &down{Querier: faults.Querier, err: sqlState("57P03", "the database system is starting up")}
	faults.use(d)
	p.mu.Lock()
	l := p.lcores[0]
	p.make(l, 10)
	p.count(l, 10, 77)
	p.offer() // in its first period nothing is offered
	p.count(l, 4, 3)
	p.end(l, 5)
	p.offer()
	p.offer()
	p.mu.Unlock()
	eventually(t, "all is read", func() bool { return d.refused.Load() > 0 && r.Stats().Depth > 0 })
	want := p.truth()
	p.start(true)
	p.touch()
	d.up.Store(true)
	p.rest()
	eventually(t, "what lived has ended, with its last totals", func() bool {
		for l, is := range want {
			var frames int64
			var ended bool
			err := faults.Querier.QueryRow(t.Context(), "SELECT frames, ended_at IS NOT NULL FROM flow WHERE epoch = $1 AND serial = $2",
				int64(l.epoch), int64(l.serial)).Scan(&frames, &ended)
			if err != nil || frames != is.frames || !ended {
				return false
			}
		}
		return true
	})
	r.end()
}

func TestASegmentWithoutRingsForTheShardIsSaidSo(t *testing.T) {
	db, _ := database(t, pgtest.DB(t))
	p := newPlane(t, 1, 8, 128, 1)
	r := run(t, Options{Place: p.place(), DB: db, Shard: 1})
	if err := r.wait(); err == nil || !strings.Contains(err.Error(), "no rings for shard 1") {
		t.Errorf("the role ended with %v", err)
	}
}

func TestARoleWithoutASegmentWaits(t *testing.T) {
	db, _ := database(t, pgtest.DB(t))
	p := newPlane(t, 1, 8, 128, 1)
	p.remove()
	r := run(t, Options{Place: p.place(), DB: db})
	select {
	case <-r.ready:
		t.Error("it is ready")
	case err := <-r.ended:
		t.Errorf("it ended with %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := r.Healthy(); err != nil {
		t.Error(err)
	}
	p.seg.Close()
	p.seg = nil
	p.start(true)
	<-r.ready
	p.touch()
	p.rest()
	p.same(db.Q())
	r.end()
}
