package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fcredirect/dataplane/feed"
)

// place is where one scenario happens.
type place struct {
	t       *testing.T
	dir     string // all that it writes, but the segment
	node    string
	segment string
	state   string
	run     string
	dsn     string // of the database that the judge reads; set when a daemon is started

	load    *load
	daemons []*program
	seg     *segment
	old     map[lifeID]life    // of segments that a cold start replaced, as they were at rest
	events  map[origin]offered // of the same
}

var affinity = sync.OnceValue(keepOffLcores)

// newPlace makes the place of a scenario, and takes it down at the end: no process, folder or segment stays. What the
// programs said is kept in build/faults after a failure.
func newPlace(t *testing.T) *place {
	t.Helper()
	if os.Getenv("FCR_FAULTS") == "" {
		t.Skip("takes minutes: make faults, or FCR_FAULTS=1 go test -v ./ci/faults -run " + t.Name())
	}
	if os.Getuid() != 0 {
		t.Fatal("needs root, for a data plane before all others and a database under another account")
	}
	must(t, affinity())
	// Short, for sockets; and the database server, another account, must get there.
	dir, err := os.MkdirTemp("/tmp", "fcr-faults-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	p := &place{t: t, dir: dir, node: filepath.Base(dir), old: map[lifeID]life{}, events: map[origin]offered{}}
	p.segment = filepath.Join("/dev/shm", p.node)
	p.state, p.run = filepath.Join(dir, "state"), filepath.Join(dir, "run")
	t.Cleanup(p.takeDown)
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *place) takeDown() {
	p.stopDaemons()
	if pid := p.postmaster(); pid > 0 { // its daemon was killed
		_ = syscall.Kill(pid, syscall.SIGCONT)
		_ = syscall.Kill(pid, syscall.SIGQUIT)
		if err := waitFor(stopLimit, func() error { return gone(pid) }); err != nil {
			p.t.Errorf("the database server: %v", err)
		}
	}
	if p.load != nil {
		p.load.kill()
	}
	if p.seg != nil {
		p.seg.close()
	}
	if p.t.Failed() {
		p.keep()
	}
	if err := errors.Join(os.RemoveAll(p.segment), os.RemoveAll(filepath.Join("/var/run/dpdk", "fcr-"+p.node)), os.RemoveAll(p.dir)); err != nil {
		p.t.Error(err)
	}
}

// keep copies the logs to where they outlive the place.
func (p *place) keep() {
	kept := filepath.Join("../../build/faults", strings.ReplaceAll(p.t.Name(), "/", "-"))
	if err := errors.Join(os.RemoveAll(kept), os.MkdirAll(kept, 0o755)); err != nil {
		p.t.Log(err)
		return
	}
	logs, _ := filepath.Glob(filepath.Join(p.dir, "*.log"))
	more, _ := filepath.Glob(filepath.Join(p.state, "*.log"))
	for _, from := range append(logs, more...) {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(kept, filepath.Base(from)), b, 0o644)
		}
		if err != nil {
			p.t.Log(err)
		}
	}
	p.t.Logf("what the programs said is in build/faults/%s", filepath.Base(kept))
}

// tail is the end of a log, for an error.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n\t")
}

func gone(pid int) error {
	if commandLine(pid) == nil {
		return nil
	}
	return fmt.Errorf("process %d lives", pid)
}

// postmaster is the process of the private cluster, 0 when there is none. A stale file may name somebody else's.
func (p *place) postmaster() int {
	data := filepath.Join(p.state, "pg")
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || !strings.Contains(strings.Join(commandLine(pid), " "), data) {
		return 0
	}
	return pid
}

// reopen maps the segment that is there now.
func (p *place) reopen() {
	p.t.Helper()
	if p.seg != nil {
		p.seg.close()
		p.seg = nil
	}
	seg, err := openSegment(p.segment)
	must(p.t, err)
	p.seg = seg
}

// retire remembers what stands in a segment at rest that is about to be replaced.
func (p *place) retire() {
	for id, l := range p.seg.lives() {
		p.old[id] = l
	}
	for o, w := range p.offered() {
		p.events[o] = w
	}
}

// offered is how far the producers of the segment have numbered their events.
func (p *place) offered() map[origin]offered {
	all := map[origin]offered{}
	for _, r := range p.seg.rings(feed.Event) {
		all[origin{p.seg.epoch(), uint32(r.Producer)}] = offered{r.Offered, r.Lost}
	}
	return all
}

// undrained are the rings that hold something back although all is at rest.
func (p *place) undrained() []string {
	var c complaints
	for _, r := range feed.Rings(p.seg.state, p.seg.ctl) {
		if r.Depth > 0 || r.Pending > 0 || r.Unreported > 0 || r.Broken > 0 {
			c.add("ring %v of producer %d: %d items, %d flows or logins wait, %d ended unreported, %d times broken", r.Consumer, r.Producer, r.Depth, r.Pending,
				r.Unreported, r.Broken)
		}
	}
	return c.list()
}

// problems holds the database against the segment once: what is read fast first, and the rest only when that is right.
func (p *place) problems() (found []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), compareLimit)
	defer cancel()
	if found = p.undrained(); len(found) > 0 {
		return found, nil
	}
	db, err := openDatabase(ctx, p.dsn, p.node)
	if err != nil {
		return nil, err
	}
	defer db.close(ctx)
	got, err := db.lives(ctx)
	if err != nil {
		return nil, err
	}
	want := p.seg.lives()
	for id, l := range p.old {
		want[id] = l
	}
	if found = compareFlows(want, got, p.seg.epoch()); len(found) > 0 {
		return found, nil
	}
	if found, err = p.compareView(ctx, db); err != nil || len(found) > 0 {
		return found, err
	}
	log, err := db.events(ctx)
	if err != nil {
		return nil, err
	}
	told := p.offered()
	for o, w := range p.events {
		told[o] = w
	}
	if found = compareEvents(log, told); len(found) > 0 {
		return found, nil
	}
	if err := db.sums(ctx, got); err != nil {
		return nil, err
	}
	return compareSamples(got), nil
}

// settle waits until the database equals the segment, which is at rest, and says how long that took.
func (p *place) settle() {
	p.t.Helper()
	began := time.Now()
	err := waitFor(settleLimit, func() error {
		found, err := p.problems()
		if err == nil && len(found) > 0 {
			err = errors.New(strings.Join(found, "\n\t"))
		}
		return err
	})
	if err != nil {
		p.t.Errorf("the database does not equal the segment %v", err)
		return
	}
	took := time.Since(began)
	lives, events := len(p.seg.lives()), uint64(0)
	for _, w := range p.offered() {
		events += w.last
	}
	if out, err := command(compareLimit, binary("fcrctl"), "--segment", p.segment, "event", "replay", "--check"); err != nil {
		p.t.Errorf("the views do not follow from the log: %v: %s", err, out)
	}
	p.t.Logf("settled within %v: %d directions and %d events of the data plane are in the database, exactly",
		took.Round(time.Millisecond), lives, events)
}
