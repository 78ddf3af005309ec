package faults

import (
	"strings"
	"testing"
	"time"
)

func TestOneRoleIsRestartedWhileTheOthersRunOn(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: time.Second, fresh: true})
	p.startDaemon("mgmtd", "")
	p.serving()
	p.complete()
	before, err := p.roles()
	must(t, err)
	for range 3 {
		_, err := p.ctl("role", "restart", "store")
		must(t, err)
		p.complete()
		time.Sleep(500 * time.Millisecond)
	}
	after, err := p.roles()
	must(t, err)
	for i, r := range after {
		if r.Role == "store" {
			if r.Restarts == before[i].Restarts {
				t.Error("the store was not restarted")
			}
		} else if r.Restarts != before[i].Restarts || r.PID != before[i].PID {
			t.Errorf("role %s did not run on: %+v, before %+v", r.Role, r, before[i])
		}
	}
	p.rest()
	p.settle()
	p.endLoad()
}

func TestTwoProcessesShareTheRolesOfANode(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: time.Second, fresh: true})
	rest := p.startDaemon("rest", "", "--roles", "event,telemetry,monitor,peer,database")
	store := p.startDaemon("store", "", "--roles", "store")
	p.serving()
	p.complete()
	second := p.startDaemon("second", "", "--roles", "store")
	select { // the configuration has one replica: a second is refused
	case <-second.ended:
		if err := contains(second.log, "role store cannot run here"); second.err == nil || err != nil {
			t.Errorf("the second store ended with %v: %s", second.err, tail(second.log))
		}
	case <-time.After(startLimit):
		t.Error("the second store was not refused")
	}
	p.daemons = p.daemons[:2]
	for want, d := range map[string]*program{"store": store, "event": rest} {
		if r, err := p.acting(want); err != nil || r.PID != d.pid() {
			t.Errorf("role %s is run by %d (%v), want %d", want, r.PID, err, d.pid())
		}
	}
	store.kill() // what it had read but not written comes again to its successor
	p.daemons = p.daemons[:1]
	p.startDaemon("store-again", "", "--roles", "store")
	p.complete()
	p.rest()
	p.settle()
	p.endLoad()
}

func TestAStandbyTakesOverFromAKilledStore(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: time.Second, fresh: true})
	args := p.configure(strings.Replace(together, "{name: store}", "{name: store, process: [store-a, store-b], replicas: 2}", 1))
	d := p.startDaemon("mgmtd", "", args...)
	p.serving()
	p.complete()
	for range 3 {
		old, err := p.acting("store")
		must(t, err)
		process := "store-a"
		if child(d, process) != old.PID {
			process = "store-b"
		}
		pid := child(d, process)
		if pid != old.PID {
			t.Fatalf("process %d acts as store and is no child of ours", old.PID)
		}
		must(t, kill(pid))
		must(t, waitFor(startLimit, func() error {
			r, err := p.acting("store")
			if err == nil && r.PID == old.PID {
				err = errStillActs
			}
			return err
		}))
		must(t, waitFor(startLimit, func() error { return p.standby("store") }))
	}
	p.rest()
	p.settle()
	p.endLoad()
}

func TestTheStoreIsSharedByShards(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, shards: 2, turn: time.Second, fresh: true})
	args := p.configure(strings.Replace(together, "{name: store}", "{name: store, process: [store-a, store-b], shards: 2}", 1))
	d := p.startDaemon("mgmtd", "", args...)
	p.serving()
	p.complete()
	must(t, kill(child(d, "store-a")))
	p.rest()
	p.settle()
	p.endLoad()
}
