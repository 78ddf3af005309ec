package faults

import (
	"testing"
	"time"
)

func TestAWarmRestartOfTheDataPlaneIsNotNoticed(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: 500 * time.Millisecond, fresh: true})
	p.startDaemon("mgmtd", "")
	p.serving()
	p.complete()
	epoch := p.seg.epoch()
	for range 3 {
		p.load.kill() // at full load, with updates in its hands
		p.startLoad(shape{directions: few, turn: 500 * time.Millisecond})
		if p.seg.epoch() != epoch {
			t.Fatal("it was a cold start")
		}
		time.Sleep(2 * time.Second)
	}
	p.rest()
	p.settle()
	p.endLoad()
}

func TestAColdRestartOfTheDataPlaneKeepsWhatWas(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, turn: 500 * time.Millisecond, fresh: true})
	d := p.startDaemon("mgmtd", "")
	p.serving()
	p.complete()
	for range 2 {
		p.rest()
		p.settle()
		p.retire()
		p.load.kill()
		p.startLoad(shape{directions: few, turn: 500 * time.Millisecond, fresh: true})
		p.serving()
	}
	// And once with a full ring that nobody reads meanwhile: what lies in the old segment is written before the new one is
	// read, if the daemon still maps it.
	d.kill()
	p.daemons = nil
	p.startDaemon("again", "")
	p.serving()
	p.rest()
	p.settle()
	p.endLoad()
}

func TestAnOrderlyStopOfTheDataPlaneTellsTheLastFrames(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few / 5, fresh: true}) // so few that the store keeps up: the stop does not wait for it for long
	p.startDaemon("mgmtd", "")
	p.serving()
	p.complete()
	p.endLoad() // at full load: nobody else will tell what was in its hands
	p.settle()
}
