package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

// A little of everything: flows that begin, count, change and end, logins that come and go, in several flushes.
func (p *plane) life() { p.lifeIn(2 * time.Millisecond) }

// lifeIn has a pause after each part, so that there are several flushes; how many does not matter.
func (p *plane) lifeIn(pause time.Duration) {
	for round := range 4 {
		p.mu.Lock()
		for _, l := range p.lcores {
			for slot := range 6 {
				switch {
				case !l.live[slot]:
					p.make(l, slot)
				case round == 3 && slot < 2:
					p.end(l, slot)
				case slot == 3:
					p.change(l, slot)
				default:
					p.count(l, slot, uint64(round+slot))
				}
			}
		}
		p.login(login.Addr(0x010203+round), frame.WWN(0x200002fc01000001+round))
		if round > 1 {
			p.login(login.Addr(0x010203+round-2), 0)
		}
		p.offer()
		p.mu.Unlock()
		time.Sleep(pause)
	}
	p.rest()
}

// Each operation of the store's transactions fails once, before and after its effect.
func TestNothingIsLostOrCountedTwiceWhenTheNthOperationFails(t *testing.T) {
	db, faults := database(t, pgtest.DB(t))
	for _, when := range []pgtest.When{pgtest.Before, pgtest.After} {
		for n, hit := 1, true; hit && !t.Failed(); n++ {
			t.Run(fmt.Sprintf("%v operation %d", when, n), func(t *testing.T) {
				// Taking the shard and two flushes are more than 15 operations. A store that gets no CPU may make one of all:
				// then it is given more time.
				for pause := 2 * time.Millisecond; ; pause *= 4 {
					faults.use(faults.Querier)
					if _, err := db.Q().Exec(t.Context(), "TRUNCATE flow, login, ring_cursor, flow_sample_1s"); err != nil {
						t.Fatal(err)
					}
					q := pgtest.Faulty(faults.Querier, n, when)
					faults.use(q)
					p := newPlane(t, 2, 8, 256, 1)
					r := run(t, Options{Place: p.place(), DB: db})
					p.lifeIn(pause)
					hit = q.Hit()
					p.same(faults.Querier)
					r.end()
					if hit || n >= 15 {
						break
					}
					if pause > 5*time.Second {
						t.Fatalf("the store did %d operations", n-1)
					}
				}
			})
			if n > 300 {
				t.Fatal("the store does not come to rest")
			}
		}
	}
}

func TestARoleThatCrashedGoesOnWhereItsLastCommitWas(t *testing.T) {
	db, faults := database(t, pgtest.DB(t))
	p := newPlane(t, 2, 8, 128, 1)
	r := run(t, Options{Place: p.place(), DB: db})
	p.life()
	eventually(t, "flows are settled", func() bool { return number(t, db.Q(), "SELECT boots FROM ring_cursor") > 0 })
	r.crash()
	for crash := range 12 {
		r = run(t, Options{Place: p.place(), DB: db})
		<-r.ready
		// It dies at some operation: with its transaction open, or committed and nothing released.
		q := pgtest.Faulty(faults.Querier, 1+rand.IntN(20), pgtest.When(crash%2))
		faults.use(q)
		p.mu.Lock()
		for _, l := range p.lcores {
			for slot := range 8 {
				if !l.live[slot] {
					p.make(l, slot)
				} else if slot == crash%8 {
					p.end(l, slot)
				} else {
					p.count(l, slot, 1)
				}
			}
		}
		p.offer()
		p.mu.Unlock()
		eventually(t, "the fault, or rest", func() bool { return q.Hit() || r.Stats().Depth == 0 })
		r.crash()
		faults.use(faults.Querier)
	}
	r = run(t, Options{Place: p.place(), DB: db})
	p.rest()
	p.same(db.Q())
	eventually(t, "what the dead left without a sample has one", func() bool {
		return number(t, db.Q(), "SELECT count(*) FROM flow WHERE (frames, bytes) <> (sampled_frames, sampled_bytes)") == 0
	})
	p.same(db.Q())
	r.end()
	if n := r.Stats().Resyncs; n > 0 {
		t.Errorf("the data plane was asked for everything %d times, and nothing was missing", n)
	}
}

// keep copies the tables as they are, restore brings them back: what a failover to a standby that is behind does.
var tables = []string{"flow", "login", "ring_cursor", "flow_sample_1s"}

func keep(t testing.TB, q postgres.Querier) {
	t.Helper()
	inOne(t, q, func(exec func(string)) {
		exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
		for _, name := range tables {
			exec("DROP TABLE IF EXISTS kept_" + name)
			exec("CREATE TABLE kept_" + name + " AS SELECT * FROM " + name)
		}
	})
}

func restore(t testing.TB, q postgres.Querier) {
	t.Helper()
	inOne(t, q, func(exec func(string)) {
		exec("LOCK TABLE ring_cursor, flow, login, flow_sample_1s")
		for _, name := range tables {
			exec("DELETE FROM " + name)
			columns := "*"
			if name == "flow" {
				exec("ALTER TABLE kept_flow DROP COLUMN pair")
				columns = `node_id, epoch, serial, key, fabric, vsan, s_id, d_id, initiator, target, from_initiator, in_port, action, rule, service, state,
					generation, created, last_seen, frames, bytes, errors, shard, producer, seq, ended_at, sampled_frames, sampled_bytes, sampled_errors`
				exec("INSERT INTO flow (" + columns + ") SELECT " + columns + " FROM kept_flow")
				continue
			}
			exec("INSERT INTO " + name + " SELECT " + columns + " FROM kept_" + name)
		}
	})
}

func inOne(t testing.TB, q postgres.Querier, do func(exec func(string))) {
	t.Helper()
	for {
		err := transact(context.Background(), q, func(tx pgx.Tx) (err error) {
			do(func(sql string) {
				if err == nil {
					_, err = tx.Exec(context.Background(), sql)
				}
			})
			return err
		})
		if err == nil {
			return
		}
		if postgres.Kind(err) != postgres.Cancelled { // a deadlock with the role
			t.Fatal(err)
		}
	}
}

func TestCommitsThatTheDatabaseLostAreMadeUpFor(t *testing.T) {
	for _, running := range []bool{true, false} {
		t.Run(fmt.Sprintf("role runs meanwhile: %v", running), func(t *testing.T) {
			db, _ := database(t, pgtest.DB(t))
			p := newPlane(t, 2, 16, 128, 1)
			r := run(t, Options{Place: p.place(), DB: db})
			p.life()
			keep(t, db.Q())
			p.mu.Lock()
			for _, l := range p.lcores {
				p.make(l, 9)     // unknown to the table that comes back
				p.count(l, 4, 7) // counted further
				p.count(l, 5, 9)
				if running && !p.end(l, 5) { // its end must come from memory
					t.Error("no room for an end")
				}
			}
			p.login(0x010299, 0x200002fc01000099)
			p.login(0x010205, 0)
			p.mu.Unlock()
			p.rest()
			p.same(db.Q())
			if !running {
				r.end()
			}
			restore(t, db.Q())
			if err := p.differ(db.Q(), nil); err == nil {
				t.Fatal("nothing was lost")
			}
			if !running {
				r = run(t, Options{Place: p.place(), DB: db})
			}
			p.mu.Lock()
			p.count(p.lcores[0], 4, 1) // the running role notices with its next flush
			p.mu.Unlock()
			eventually(t, "the tables are right again", func() bool {
				p.rest()
				return p.differ(db.Q(), nil) == nil && r.Stats().Resyncs == 1
			})
			r.end()
		})
	}
}

func TestAFreshDatabaseGetsAllThatTheDataPlaneHas(t *testing.T) {
	db, _ := database(t, pgtest.DB(t))
	p := newPlane(t, 2, 16, 128, 1)
	r := run(t, Options{Place: p.place(), DB: db})
	p.life()
	r.end()
	// What ended is gone with the old database.
	p.ended = map[life]feed.FlowItem{}
	other, _ := database(t, pgtest.DB(t))
	r = run(t, Options{Place: p.place(), DB: other})
	eventually(t, "all is there", func() bool { p.rest(); return p.differ(other.Q(), nil) == nil })
	r.end()
}

func TestAFormerOwnerWritesNothingMore(t *testing.T) {
	dsn := pgtest.DB(t)
	db, _ := database(t, dsn)
	p := newPlane(t, 1, 8, 128, 1)
	first := run(t, Options{Place: p.place(), DB: db})
	p.life()
	p.same(db.Q())
	db2, _ := database(t, dsn)
	second := run(t, Options{Place: p.place(), DB: db2})
	<-second.ready
	p.mu.Lock()
	p.count(p.lcores[0], 4, 5)
	p.offer()
	p.mu.Unlock()
	if err := first.wait(); !errors.Is(err, ErrFenced) {
		t.Errorf("the former owner ended with %v", err)
	}
	// The second may have found the ring released behind its back; then it begins again, as the system would have it.
	for begun, over := time.Now(), false; !over || time.Since(begun) < 100*time.Millisecond; time.Sleep(time.Millisecond) {
		select {
		case err := <-second.ended:
			if !errors.Is(err, ErrFenced) {
				t.Fatal(err)
			}
			second.ended <- err
			second = run(t, Options{Place: p.place(), DB: db2})
			over = false
		default:
			over = p.quiet()
		}
		if time.Since(begun) > p.patience {
			t.Fatalf("the store does not come to rest: %v", second)
		}
	}
	p.same(db.Q())
	second.end()
}

// A stalled owner wakes up between its read and its write, when another one has the shard.
func TestAStalledTransactionOfAFormerOwnerChangesNothing(t *testing.T) {
	dsn := pgtest.DB(t)
	db, faults := database(t, dsn)
	p := newPlane(t, 1, 8, 128, 1)
	hang := &stall{Querier: faults.Querier, begun: make(chan struct{}), goOn: make(chan struct{})}
	first := run(t, Options{Place: p.place(), DB: db})
	p.life()
	faults.use(hang)
	p.mu.Lock()
	p.count(p.lcores[0], 4, 5)
	p.offer()
	p.mu.Unlock()
	<-hang.begun
	db2, _ := database(t, dsn)
	second := run(t, Options{Place: p.place(), DB: db2})
	p.rest()
	p.mu.Lock()
	p.count(p.lcores[0], 4, 5)
	p.mu.Unlock()
	p.rest()
	close(hang.goOn)
	if err := first.wait(); !errors.Is(err, ErrFenced) {
		t.Errorf("the former owner ended with %v", err)
	}
	p.same(db2.Q())
	second.end()
}

// stall holds a transaction up before it begins.
type stall struct {
	postgres.Querier
	begun, goOn chan struct{}
}

func (s *stall) Begin(ctx context.Context) (pgx.Tx, error) {
	select {
	case <-s.begun:
	default:
		close(s.begun)
	}
	<-s.goOn
	return s.Querier.Begin(ctx)
}

// chaos lets operations fail by chance, as if the connection were lost before or after their effect.
type chaos struct {
	postgres.Querier
	rnd  *rand.Rand
	rate int // one in so many
}

func (c *chaos) Begin(ctx context.Context) (pgx.Tx, error) {
	if c.rnd.IntN(c.rate) == 0 {
		return pgtest.Faulty(c.Querier, 1+c.rnd.IntN(6), pgtest.When(c.rnd.IntN(2))).Begin(ctx)
	}
	return c.Querier.Begin(ctx)
}

// Random interleavings of flows, crashes of the role, restarts of the data plane, faults of the database and losses of
// commits: at rest the tables are what the data plane has.
//
// A check takes a second, so there are few unless -rapid.checks asks for more; 250 of them have passed in a row.
func TestAtRestTheTablesAreTheDataPlanesWhateverHappened(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		defer func() { _ = f.Value.Set(f.DefValue) }()
		if err := f.Value.Set("12"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		rnd := rand.New(rand.NewPCG(seed, 1))
		shards := 1 << rnd.IntN(2)
		dsn := pgtest.DB(t)
		p := newPlane(t, 2, 12, feed.MinItems<<rnd.IntN(3), shards)
		lost := map[life]bool{}
		roles := make([]*running, shards)
		dbs, faults := make([]*postgres.DB, shards), make([]*swap, shards)
		start := func(i int) {
			role, err := New(Options{Place: p.place(), DB: dbs[i], Shard: i, Linger: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			role.leave = time.Second
			roles[i] = runRole(t, role)
		}
		for i := range shards {
			dbs[i], faults[i] = database(t, dsn)
			defer dbs[i].Close()
			faults[i].use(&chaos{faults[i].Querier, rand.New(rand.NewPCG(seed, uint64(i))), 4})
			start(i)
		}
		defer func() {
			if t.Failed() {
				for _, r := range roles {
					t.Logf("seed %d, alive %v, healthy %v: %s", seed, alive(roles), r.Healthy(), r)
				}
				var line string
				rows, _ := faults[0].Querier.Query(context.Background(), "SELECT shard || ' ' || owner || ' ' || flush || ' ' || epoch || ' ' || seq::text || ' ' || boots FROM ring_cursor")
				_, _ = pgx.ForEachRow(rows, []any{&line}, func() error { t.Log(line); return nil })
			}
		}()
		kept := false
		var story []string
		tell := func(format string, args ...any) { story = append(story, fmt.Sprintf(format, args...)) }
		defer func() {
			if t.Failed() {
				t.Logf("seed %d: %s", seed, strings.Join(story, "; "))
			}
		}()
		for step := range 60 {
			p.mu.Lock()
			for range 1 + rnd.IntN(20) {
				l := p.lcores[rnd.IntN(len(p.lcores))]
				switch slot := rnd.IntN(p.slots); {
				case !l.live[slot]:
					p.make(l, slot)
				case rnd.IntN(10) == 0:
					p.end(l, slot)
				case rnd.IntN(10) == 0:
					p.change(l, slot)
				default:
					p.count(l, slot, rnd.Uint64N(100))
				}
			}
			if addr := login.Addr(1 + rnd.IntN(5)); rnd.IntN(3) > 0 {
				p.login(addr, frame.WWN(rnd.Uint64N(3)))
			}
			p.offer()
			p.mu.Unlock()
			switch rnd.IntN(16) {
			case 0, 1:
				i := rnd.IntN(shards)
				roles[i].crash()
				start(i)
				kept = false // ends are told from memory
				tell("%d: role %d crashed", step, i)
			case 2:
				cold := rnd.IntN(3) == 0
				if cold { // what lies in the rings of before may be lost: see the test of that
					if !alive(roles) {
						break
					}
					p.rest()
					kept = false // the shard is taken anew, which a standby would not know; that its identity differs cannot be played
				}
				p.crash(rnd, lost, cold)
				tell("%d: data plane crashed, cold %v", step, cold)
			case 3:
				if shards == 1 { // a standby that is behind: what ends meanwhile is told from memory, if the role lives
					eventually(t, "the role has the shard", func() bool { return roles[0].epoch.Load() == p.epoch() || !alive(roles) })
					keep(t, faults[0].Querier)
					tell("%d: kept, %v", step, roles[0])
					kept = number(t, faults[0].Querier, "SELECT count(*) FROM kept_ring_cursor") > 0
				}
			case 4:
				if kept && alive(roles) {
					restore(t, faults[0].Querier)
					tell("%d: restored, %v", step, roles[0])
					kept = false
					// What ended is told from the memory of a role that lives to see the loss: it has when it writes again.
					before := roles[0].Stats().Commits
					eventually(t, "the role writes again", func() bool {
						p.mu.Lock()
						p.touch()
						p.mu.Unlock()
						return roles[0].Stats().Commits > before+1 || !alive(roles)
					})
					tell("%d: went on, %v", step, roles[0])
				}
			case 5, 6:
				time.Sleep(time.Duration(rnd.IntN(int(20 * time.Millisecond))))
			}
			for i, r := range roles { // as the system does
				select {
				case err := <-r.ended:
					r.ended <- err
					if err != nil && !errors.Is(err, ErrFenced) {
						rt.Fatalf("seed %d: the role ended with %v", seed, err)
					}
					tell("%d: role %d ended with %v", step, i, err)
					start(i)
					kept = false
				default:
				}
			}
		}
		for i := range shards {
			faults[i].use(faults[i].Querier)
		}
		wrong := errors.New("not compared")
		defer func() {
			if wrong != nil {
				t.Logf("seed %d, epoch %d, lost %v: %v", seed, p.epoch(), lost, wrong)
			}
		}()
		eventually(t, "rest", func() bool {
			p.mu.Lock()
			p.touch() // a role that is not asked to write does not see that commits were lost
			p.mu.Unlock()
			p.rest()
			wrong = p.differ(faults[0].Querier, lost)
			return wrong == nil
		})
		for _, r := range roles {
			r.end()
		}
	})
}

func alive(roles []*running) bool {
	for _, r := range roles {
		if len(r.ended) > 0 {
			return false
		}
	}
	return true
}
