package faults

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// outage is how long a database is away: a sixth of the loop of kills, so 10 s, and a minute when that lasts longer.
func outage(t *testing.T) time.Duration {
	if all := seconds(t); all > time.Minute {
		return time.Minute
	}
	return 10 * time.Second
}

// away takes the database from a place at full load and gives it back, and judges what happened meanwhile.
func (p *place) away(alarm string, take, give func()) {
	p.t.Helper()
	last, err := p.number("SELECT coalesce(max(number), 0) FROM event")
	must(p.t, err)
	calm := p.watch(4 * time.Second)
	end, began := p.observe(), time.Now()
	take()
	p.raised(alarm)
	time.Sleep(outage(p.t) - time.Since(began))
	fault := end()
	give()
	p.cleared(alarm)
	calm = calm.and(p.watch(4 * time.Second))
	asCalm(p.t, calm, fault)
	for _, name := range []string{"alarm.raised", "alarm.cleared"} {
		must(p.t, p.logged(name, alarm, last))
	}
}

// logged waits until the log has an event of a type about an alarm after a number: behind all that waited in the spool.
func (p *place) logged(name, code string, since int64) error {
	return waitFor(settleLimit, func() error {
		return p.holds("event "+name+" of "+code, "SELECT count(*) FROM event WHERE name = $1 AND fields ->> 'code' = $2 AND number > $3", name, code, since)
	})
}

func TestADatabaseThatIsAwayIsNoConcernOfTheFastPath(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: full, turn: 5 * time.Second, fresh: true})
	p.startDaemon("mgmtd", "")
	p.serving()
	p.complete()
	t.Log("it hangs")
	p.away("database.unavailable", func() { must(t, p.signalDatabase(syscall.SIGSTOP)) }, func() {
		// A server that hangs for long is replaced by role monitor, and then there is none, or one that runs.
		if err := p.signalDatabase(syscall.SIGCONT); err != nil {
			t.Log("on its way back by itself:", err)
		}
	})
	t.Log("it is stopped")
	order := func(verb string) func() {
		return func() {
			_, err := p.ctl("role", verb, "database")
			must(t, err)
		}
	}
	p.away("database.unavailable", order("stop"), order("start"))
	p.rest()
	p.settle()
	p.endLoad()
}

func TestADatabaseThatIsNotThereAtTheStartIsAwaited(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: time.Second, fresh: true})
	server := external(t, p)
	server.Stop(t)
	p.startDaemon("mgmtd", server.dsn)
	p.raised("database.unavailable")
	server.Start(t)
	p.cleared("database.unavailable")
	p.serving()
	p.rest()
	p.settle()
	p.endLoad()
}

func TestAReadOnlyDatabaseIsAwaited(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: time.Second, fresh: true})
	server := external(t, p)
	p.startDaemon("mgmtd", server.dsn)
	p.serving()
	const kick = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'fcr'"
	server.Admin(t, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()", kick)
	p.raised("database.read-only")
	server.Admin(t, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
	p.cleared("database.read-only")
	p.rest()
	p.settle()
	p.endLoad()
}

func TestANewerSchemaIsNotTouched(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: time.Second, fresh: true})
	server := external(t, p)
	d := p.startDaemon("mgmtd", server.dsn)
	p.serving()
	must(t, d.stop())
	const newer = 900000
	server.in(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES ("+strconv.Itoa(newer)+", true)")
	before, err := p.number("SELECT max(flush) FROM ring_cursor")
	must(t, err)
	p.startDaemon("newer", server.dsn)
	p.raised("database.newer-schema")
	after, err := p.number("SELECT max(flush) FROM ring_cursor")
	must(t, err)
	if before != after {
		t.Errorf("flush %d became %d: somebody wrote to a newer schema", before, after)
	}
	server.in(t, "DELETE FROM goose_db_version WHERE version_id = "+strconv.Itoa(newer))
	p.cleared("database.newer-schema")
	p.rest()
	p.settle()
	p.endLoad()
}

// tmpfs mounts a small file system of its own, for a disk that can be filled.
func (p *place) tmpfs(dir, size string) {
	p.t.Helper()
	must(p.t, os.MkdirAll(dir, 0o755))
	must(p.t, syscall.Mount("fcr-faults", dir, "tmpfs", 0, "size="+size+",mode=755"))
	p.t.Cleanup(func() { // before the place is taken down
		p.stopDaemons()
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			p.t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// fill writes until there is no room left, and gives the file.
func fill(t *testing.T, dir string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "filler")
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	return path
}

func TestAFullDiskOfTheDatabaseIsAwaited(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: time.Second, fresh: true})
	disk := filepath.Join(p.dir, "disk")
	p.tmpfs(disk, "512m")
	args := p.configure("database: {data-dir: " + filepath.Join(disk, "pg") + "}\n" + together)
	p.startDaemon("mgmtd", "", args...)
	p.serving()
	filler := fill(t, disk)
	p.raised("database.disk-full")
	time.Sleep(5 * time.Second) // of a server that cannot write
	must(t, os.Remove(filler))
	p.cleared("database.disk-full")
	p.rest()
	p.settle()
	p.endLoad()
}

func TestAFullSpoolLosesEventsByNumberAndNothingElse(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, events: 1024, turn: 200 * time.Millisecond, fresh: true})
	p.tmpfs(p.state, "64m")
	server := external(t, p)
	p.startDaemon("mgmtd", server.dsn)
	p.serving()
	filler := fill(t, p.state)
	p.raised("event.spool-full")
	lost := func() (n uint64) {
		for _, o := range p.offered() {
			n += o.lost
		}
		return n
	}
	must(t, waitFor(alarmLimit, func() error {
		if lost() == 0 {
			return errNothingLost
		}
		return nil
	}))
	must(t, os.Remove(filler))
	p.cleared("event.spool-full")
	p.rest()
	p.settle()
	t.Logf("%d events were lost, and gap records say so", lost())
	p.endLoad()
}
