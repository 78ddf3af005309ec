package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/event/spool/spooltest"

	"pgregory.net/rapid"
)

// world is a spool on a test disk, and what should be in it.
type world struct {
	disk  *spooltest.Disk
	o     spool.Options
	s     *spool.Spool
	clock time.Time

	made  []spool.Record // by index from 1: all that was appended since the last crash, and all that was committed
	acked int            // so many of them were committed
	adds  []uint64       // beside made: number minus index
	maybe uint64         // a rebase from here on failed, and may show after a crash
	seqs  map[uint32]uint64
}

func newWorld() *world {
	w := &world{disk: spooltest.NewDisk(), clock: time.Unix(1_700_000_000, 0), seqs: map[uint32]uint64{}}
	w.o = spool.Options{
		Files: w.disk, SegmentBytes: 1 << 10, MaxBytes: 64 << 10, GroupBytes: 4 << 10, Keep: time.Minute, KeepRecords: 8,
		Now: func() time.Time { return w.clock },
	}
	return w
}

func (w *world) record(producer uint32, size int) spool.Record {
	w.seqs[producer]++
	seq := w.seqs[producer]
	return spool.Record{
		At: w.clock.UnixNano(), Type: event.Type(seq%7 + 1), Origin: event.Origin{Epoch: 5, Producer: producer, Seq: seq},
		Payload: bytes.Repeat([]byte{'{' + byte(seq%3)}, size),
	}
}

// append puts one record into the group.
func (w *world) append(t tester, producer uint32, size int) error {
	r := w.record(producer, size)
	index, err := w.s.Append(r)
	if err != nil {
		w.seqs[producer]--
		return err
	}
	if r.Index = index; index != uint64(len(w.made))+1 {
		t.Fatalf("append gave index %d, want %d", index, len(w.made)+1)
	}
	w.made = append(w.made, r)
	w.adds = append(w.adds, w.s.Number(index)-index)
	return nil
}

func (w *world) commit() error {
	err := w.s.Commit()
	if err == nil && w.acked < len(w.made) {
		w.acked, w.maybe = len(w.made), 0
	}
	return err
}

type tester interface {
	Helper()
	Fatalf(string, ...any)
}

// reopen opens the spool as the next process does and holds what it finds against what was made.
func (w *world) reopen(t tester) {
	t.Helper()
	var err error
	if w.s, err = spool.Open(w.o); err != nil {
		t.Fatalf("open: %v", err)
	}
	first, last := w.s.Range()
	if last < uint64(w.acked) || last > uint64(len(w.made)) {
		t.Fatalf("after a crash the last record is %d; %d were committed, %d appended", last, w.acked, len(w.made))
	}
	w.made, w.adds, w.acked = w.made[:last], w.adds[:last], int(last)
	if at := w.maybe; at != 0 && at <= last && w.s.Number(at) == at+w.adds[at-1]+rebaseBy {
		w.shift(at)
	}
	w.maybe = 0
	w.seqs = map[uint32]uint64{}
	for _, r := range w.made {
		w.seqs[r.Origin.Producer] = r.Origin.Seq
	}
	w.check(t, first)
}

// check reads everything and compares.
func (w *world) check(t tester, from uint64) {
	t.Helper()
	for next := from; next <= uint64(w.acked); {
		list, err := w.s.Read(next, 7)
		if err != nil || len(list) == 0 {
			t.Fatalf("read record %d: %d records, %v", next, len(list), err)
		}
		for _, r := range list {
			if want := w.made[next-1]; !equal(r, want) {
				t.Fatalf("record %d reads %+v, want %+v", next, r, want)
			}
			if got, want := w.s.Number(next), next+w.adds[next-1]; got != want {
				t.Fatalf("record %d has the number %d, want %d", next, got, want)
			}
			if index, ok := w.s.Index(w.s.Number(next)); !ok || index != next {
				t.Fatalf("number %d is record %d (%v), want %d", w.s.Number(next), index, ok, next)
			}
			if !w.s.Seen(r.Origin) {
				t.Fatalf("record %d: its origin would be taken again", next)
			}
			next++
		}
	}
	if list, err := w.s.Read(uint64(w.acked)+1, 7); err != nil || len(list) != 0 {
		t.Fatalf("read behind the last record: %d records, %v", len(list), err)
	}
}

func equal(a, b spool.Record) bool {
	return a.Index == b.Index && a.At == b.At && a.Type == b.Type && a.Origin == b.Origin && a.Damaged == b.Damaged && bytes.Equal(a.Payload, b.Payload)
}

// work is a life of a spool with a bit of everything. An error of the disk is answered as the log does: once more. It
// ends early when the process is killed.
func (w *world) work(t tester) {
	if w.s, _ = w.open(); w.s == nil {
		return
	}
	for i := range 40 {
		for j := range 3 {
			if err := w.append(t, uint32(j), 40*(i%4)); err != nil && !errors.Is(err, spool.ErrFull) {
				t.Fatalf("append: %v", err)
			}
		}
		for tries := 0; w.commit() != nil && !w.disk.Dead(); tries++ {
			if tries == 3 {
				t.Fatalf("a commit fails again and again")
			}
		}
		if i == 15 {
			w.rebase()
		}
		w.clock = w.clock.Add(15 * time.Second)
		_ = w.s.Drained(uint64(max(0, len(w.made)-6)))
	}
	w.s.Close()
}

func (w *world) open() (*spool.Spool, error) {
	for range 3 {
		if s, err := spool.Open(w.o); err == nil || w.disk.Dead() {
			return s, err
		}
	}
	return nil, errors.New("the spool does not open")
}

const rebaseBy = 1000

// rebase gives the last two records and all after them higher numbers.
func (w *world) rebase() {
	index := uint64(max(1, len(w.made)-1))
	if w.s.Rebase(index, w.s.Number(index)+rebaseBy) == nil {
		w.shift(index)
		w.acked, w.maybe = len(w.made), 0
	} else {
		w.maybe = index
	}
}

func (w *world) shift(from uint64) {
	for i := from; i <= uint64(len(w.adds)); i++ {
		w.adds[i-1] += rebaseBy
	}
}

func TestACrashOrAFaultAtAnyFileOperationLosesNothingCommitted(t *testing.T) {
	w := newWorld()
	w.work(t)
	ops := w.disk.Ops()
	if ops < 100 {
		t.Fatalf("%d operations: the test does little", ops)
	}
	faults := map[string]spooltest.Fault{
		"error": spooltest.Error, "no room": spooltest.NoRoom, "late error": spooltest.Late, "killed before": spooltest.Kill, "killed after": spooltest.KillLate,
	}
	for name, fault := range faults {
		for _, end := range []string{"killed", "power cut"} {
			t.Run(name+", then "+end, func(t *testing.T) {
				for n := 1; n <= ops+5; n++ {
					seed := uint64(n)
					w := newWorld()
					w.disk.Reset(spooltest.Nth(n, fault))
					w.work(tell{t, fmt.Sprintf("operation %d", n)})
					w.disk.Reset(nil)
					if end == "killed" {
						w.disk.Restart()
					} else {
						w.disk.PowerCut(rand.New(rand.NewPCG(seed, 0)).IntN)
					}
					w.life(tell{t, fmt.Sprintf("operation %d", n)})
				}
			})
		}
	}
}

// life is what a process does that finds the spool after a crash.
func (w *world) life(t tester) {
	t.Helper()
	w.reopen(t)
	for range 5 {
		if err := w.append(t, 1, 100); err != nil {
			t.Fatalf("append after a crash: %v", err)
		}
		if err := w.commit(); err != nil {
			t.Fatalf("commit after a crash: %v", err)
		}
	}
	w.s.Close()
	w.reopen(t)
}

// tell adds to a failure where it happened.
type tell struct {
	*testing.T
	where string
}

func (t tell) Fatalf(format string, args ...any) {
	t.Helper()
	t.T.Fatalf(t.where+": "+format, args...)
}

func TestTheSpoolBehavesLikeAnAppendOnlyLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.reopen(t)
		fault := func(spooltest.Op) spooltest.Fault { return spooltest.None }
		w.disk.Reset(func(o spooltest.Op) spooltest.Fault { return fault(o) })
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				err := w.append(t, rapid.Uint32Range(0, 3).Draw(t, "producer"), rapid.IntRange(0, 300).Draw(t, "size"))
				if err != nil && !errors.Is(err, spool.ErrFull) {
					t.Fatalf("append: %v", err)
				}
			},
			"again": func(t *rapid.T) {
				if len(w.made) == 0 {
					t.Skip("nothing there")
				}
				r := w.made[rapid.IntRange(0, len(w.made)-1).Draw(t, "which")]
				if index, err := w.s.Append(r); err != nil || index != 0 {
					t.Fatalf("a record that the log has was taken again as %d, %v", index, err)
				}
			},
			"commit": func(t *rapid.T) { _ = w.commit() },
			"drain": func(t *rapid.T) {
				w.clock = w.clock.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
				_ = w.s.Drained(uint64(rapid.IntRange(0, w.acked).Draw(t, "drained")))
			},
			"rebase": func(t *rapid.T) {
				if len(w.made) == 0 || w.maybe != 0 {
					t.Skip("not now")
				}
				w.rebase()
			},
			"faults": func(t *rapid.T) {
				kinds := rapid.SliceOfN(rapid.SampledFrom([]spooltest.Fault{0, 0, 0, spooltest.Error, spooltest.NoRoom, spooltest.Late}), 1, 12).Draw(t, "faults")
				fault = func(o spooltest.Op) spooltest.Fault { return kinds[o.Nth%len(kinds)] }
			},
			"no faults": func(*rapid.T) { fault = func(spooltest.Op) spooltest.Fault { return spooltest.None } },
			"crash": func(t *rapid.T) {
				fault = func(spooltest.Op) spooltest.Fault { return spooltest.None }
				if rapid.Bool().Draw(t, "power") {
					w.disk.PowerCut(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "blocks"), 0)).IntN)
				} else {
					w.disk.Restart()
				}
				if n := rapid.IntRange(0, 40).Draw(t, "killed while it opens, at operation"); n > 0 {
					w.disk.Reset(spooltest.Nth(n, spooltest.KillLate))
					_, _ = spool.Open(w.o)
					w.disk.Reset(func(o spooltest.Op) spooltest.Fault { return fault(o) })
					w.disk.PowerCut(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "blocks again"), 0)).IntN)
				}
				w.reopen(t)
			},
			"": func(t *rapid.T) {
				if first, last := w.s.Range(); last != uint64(w.acked) {
					t.Fatalf("the spool has %d to %d, %d were committed", first, last, w.acked)
				}
			},
		})
	})
}

func TestAnyFlippedByteOfADurableRecordCostsThatRecordAlone(t *testing.T) {
	w := newWorld()
	w.reopen(t)
	for range 9 {
		for range 3 {
			if err := w.append(t, 1, 33); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.commit(); err != nil {
			t.Fatal(err)
		}
	}
	w.s.Close()
	tail := w.acked - 3 // the last group cannot be told from a torn one
	whole := w.disk
	for _, name := range whole.Names() {
		for at := range whole.Content(name) {
			w.disk = whole.Clone()
			w.o.Files = w.disk
			w.disk.Flip(name, at, 1<<(at%8))
			s, err := spool.Open(w.o)
			if err != nil {
				t.Fatalf("%s, byte %d: open: %v", name, at, err)
			}
			_, last := s.Range()
			damaged := uint64(0)
			for i, r := range readAll(t, s, 1) {
				if r.Damaged {
					damaged++
				} else if !equal(r, w.made[i]) {
					t.Fatalf("%s, byte %d: record %d reads %+v", name, at, i+1, r)
				}
			}
			if int(last) < tail || damaged > 1 || damaged != s.Stats().Damaged {
				t.Fatalf("%s, byte %d: the last record is %d, %d are damaged (%d counted)", name, at, last, damaged, s.Stats().Damaged)
			}
			s.Close()
		}
	}
}

func readAll(t tester, s *spool.Spool, from uint64) (all []spool.Record) {
	t.Helper()
	for {
		list, err := s.Read(from+uint64(len(all)), 5)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
	}
}
