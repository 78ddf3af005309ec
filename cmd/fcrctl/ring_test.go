package main

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
)

// makeRingsMain is the command mkrings FOLDER: a segment with the rings of two lcores and of control, two shards of the
// store, and figures in them that tell one from the other.
func makeRingsMain() {
	if err := makeRings(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "mkrings:", err)
		os.Exit(1)
	}
}

func makeRings(dir string) error {
	spec := feed.Spec{Producers: 3, State: 64, Events: 128, Shards: 2}
	seg, err := shm.Create(shm.Config{Dir: dir, Node: "fcr-a", TSCHz: 1e9, TSCNow: 1, State: spec.StateRegions(), Ctl: spec.CtlRegions()})
	if err != nil {
		return err
	}
	infos, cursors := shm.Items[feed.Info](seg.State, shm.RegionRings), shm.Items[feed.Cursor](seg.Ctl, shm.RegionCursors)
	at := 0
	for consumer, shards := range []int{1, 2, 1} {
		for shard := range shards {
			for producer := range 3 {
				n := uint64(at+1) * 100
				infos[at] = feed.Info{Consumer: uint8(consumer), Shard: uint8(shard), Producer: uint8(producer), Items: 64, Offered: n + 7, Conflated: n + 1, Full: n + 2,
					Lost: n + 3, Gaps: n + 4, Pending: n + 5, Unreported: n + 6, Broken: n + 8}
				cursors[at].Tail = n
				at++
			}
		}
	}
	if at != len(infos) {
		err = fmt.Errorf("%d rings, %d were made", len(infos), at)
	}
	return errors.Join(err, seg.Close())
}

func TestRingsThatWereNeverMadeAreNotListed(t *testing.T) {
	got := ringsOf([]feed.Ring{{Consumer: feed.Store, Producer: 0, Items: 64}, {Consumer: feed.Store, Producer: 1, Items: 64}, {}})
	if len(got) != 2 || got[0].Producer != "lcore-0" || got[1].Producer != "control" {
		t.Errorf("%+v", got)
	}
	if got := ringsOf(nil); got == nil || len(got) != 0 {
		t.Errorf("of none: %+v, want an empty list", got)
	}
}
