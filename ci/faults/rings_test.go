package faults

import (
	"testing"
	"time"

	"fcredirect/dataplane/feed"
)

func TestRingsOfTheSmallestSizeLoseNoState(t *testing.T) {
	p := newPlace(t)
	p.startLoad(shape{directions: few, state: feed.MinItems, events: feed.MinItems, turn: time.Second, fresh: true})
	p.startDaemon("mgmtd", "")
	p.serving()
	p.complete()
	t.Log(p.watch(outage(t)))
	p.rest()
	p.settle() // it also compares what was lost with what the gap records tell
	conflated, lost, gaps := uint64(0), uint64(0), uint64(0)
	for _, r := range feed.Rings(p.seg.state, p.seg.ctl) {
		if r.Consumer == feed.Event {
			lost, gaps = lost+r.Lost, gaps+r.Gaps
			continue
		}
		conflated += r.Conflated
	}
	if conflated == 0 || lost == 0 || gaps == 0 {
		t.Errorf("conflated %d, lost %d events in %d gaps: these rings were not too small", conflated, lost, gaps)
	}
	t.Logf("%d updates were conflated; %d events were lost, in %d gaps that are recorded", conflated, lost, gaps)
	p.endLoad()
}
