package spool_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/event/spool/spooltest"
)

// noMore is a disk without room: what is there may be written over.
func noMore() func(spooltest.Op) spooltest.Fault {
	fresh := map[string]bool{}
	return func(o spooltest.Op) spooltest.Fault {
		if o.Kind == "create" {
			fresh[o.Name] = true
		}
		if o.Kind == "write" && fresh[o.Name] {
			return spooltest.NoRoom
		}
		return spooltest.None
	}
}

func TestASpoolOnAFullDiskOpensAndTakesRecordsWhenThereIsRoom(t *testing.T) {
	for groups := range 12 {
		w := newWorld()
		if groups > 0 {
			w = fill(t, groups)
		}
		before := len(w.disk.Names())
		w.disk.Reset(noMore())
		w.reopen(t)
		if last := w.acked; last != len(w.made) || (groups > 0) != (last > 0) {
			t.Fatalf("%d groups: %d of %d records are there", groups, last, len(w.made))
		}
		if err := w.s.Unwritable(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%d groups: unwritable: %v", groups, err)
		}
		if after := len(w.disk.Names()); after != before {
			t.Fatalf("%d groups: %d files, %d before", groups, after, before)
		}
		if err := w.append(t, 1, 100); err != nil {
			t.Fatal(err)
		}
		if err := w.commit(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("%d groups: commit without room: %v", groups, err)
		}
		w.disk.Reset(nil)
		if err := w.commit(); err != nil || w.s.Unwritable() != nil {
			t.Fatalf("%d groups: commit with room: %v, unwritable: %v", groups, err, w.s.Unwritable())
		}
		w.check(t, 1)
		if got := w.s.Stats(); got.Damaged != 0 || got.Cut != 0 {
			t.Fatalf("%d groups: %+v", groups, got)
		}
		w.s.Close()
		w.reopen(t)
	}
}

func TestASpoolThatIsUnwritableBeginsAFileWithoutARecord(t *testing.T) {
	w := fill(t, 3)
	w.disk.Reset(noMore())
	w.reopen(t)
	if err := w.commit(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("commit without room: %v", err)
	}
	w.disk.Reset(nil)
	if err := w.commit(); err != nil || w.s.Unwritable() != nil {
		t.Fatalf("commit with room: %v, unwritable: %v", err, w.s.Unwritable())
	}
}

// What was given on a full disk was durable: a loss of power right then takes nothing of it.
func TestWhatIsReadFromAFullDiskSurvivesALossOfPower(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := fill(t, 1+r.IntN(9))
		w.reopen(t)
		// The process ends before its last group is synced, or its sync has failed and the page cache takes it for clean.
		fault := []spooltest.Fault{spooltest.Kill, spooltest.Error}[r.IntN(2)]
		w.disk.Reset(func(o spooltest.Op) spooltest.Fault {
			if o.Kind == "sync" || o.Kind == "remove" { // and the file stays
				return fault
			}
			return spooltest.None
		})
		if err := w.append(t, 1, 200); err != nil {
			t.Fatal(err)
		}
		if err := w.commit(); err == nil {
			t.Fatal("it was committed")
		}
		w.disk.Restart()
		w.disk.Reset(noMore())
		w.reopen(tell{t, fmt.Sprint("seed ", seed)})
		w.disk.PowerCut(r.IntN)
		w.disk.Reset(nil)
		had := w.acked
		w.reopen(tell{t, fmt.Sprint("seed ", seed, ", after the loss of power")})
		if w.acked != had {
			t.Fatalf("seed %d: %d records, %d before the loss of power", seed, w.acked, had)
		}
		w.s.Close()
	}
}

// What is drained makes room, also when the spool could not be written at its start.
func TestASpoolThatFillsItsDiskFreesItWhenItIsDrained(t *testing.T) {
	w := fill(t, 9)
	used, none := w.disk.Used(), noMore()
	w.disk.Reset(func(o spooltest.Op) spooltest.Fault {
		if w.disk.Used() < used {
			return spooltest.None
		}
		return none(o)
	})
	w.reopen(t)
	if err := w.append(t, 1, 10); err != nil {
		t.Fatal(err)
	}
	if err := w.commit(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("commit without room: %v", err)
	}
	if err := w.s.Drained(uint64(w.acked)); err != nil {
		t.Fatal(err)
	}
	if err := w.commit(); err != nil {
		t.Fatalf("all is drained: %v", err)
	}
}

func TestABoundWithoutRoomForAFileAndAGroupIsRefused(t *testing.T) {
	for _, c := range []struct {
		segment, most int64
		ok            bool
	}{
		{1 << 20, 1 << 20, false}, {2 << 20, 1 << 20, false}, {1 << 20, 1<<20 + 4<<10 - 1, false}, {1 << 20, 1<<20 + 4<<10, true}, {0, 1 << 20, false},
	} {
		w := newWorld()
		w.o.SegmentBytes, w.o.MaxBytes = c.segment, c.most
		s, err := spool.Open(w.o)
		if (err == nil) != c.ok {
			t.Errorf("files of %d bytes, %d together: %v", c.segment, c.most, err)
		}
		if err == nil {
			s.Close()
		} else if w.disk.Ops() > 0 {
			t.Errorf("files of %d bytes, %d together: the folder was touched", c.segment, c.most)
		}
	}
}
