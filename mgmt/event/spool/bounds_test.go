package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"testing"
	"time"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/event/spool/spooltest"
)

// fill makes a spool of some files and groups, closed.
func fill(t *testing.T, groups int) *world {
	t.Helper()
	w := newWorld()
	w.reopen(t)
	for range groups {
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
	return w
}

func (w *world) on(d *spooltest.Disk) {
	w.disk, w.o.Files = d, d
}

func TestAnyPrefixOfTheNewestFileIsOpenedAndLosesOnlyWhatItLacks(t *testing.T) {
	w := fill(t, 9)
	whole, names := w.disk, w.disk.Names()
	newest := names[len(names)-1]
	content, made := whole.Content(newest), w.made
	for cut := range content {
		w.on(whole.Clone())
		w.disk.Put(newest, content[:cut])
		w.made, w.adds, w.acked = made, make([]uint64, len(made)), 0
		w.reopen(tell{t, fmt.Sprintf("%d of %d bytes", cut, len(content))})
		if lost := len(made) - w.acked; lost > len(content)-cut {
			t.Fatalf("%d bytes of %s are missing, %d records are lost", len(content)-cut, newest, lost)
		}
		w.s.Close()
	}
}

func TestAMissingFileIsSeenAsDamagedRecords(t *testing.T) {
	w := fill(t, 30)
	names := w.disk.Names()
	if len(names) < 4 {
		t.Fatalf("%d files: too few", len(names))
	}
	if err := w.disk.Remove(names[1]); err != nil {
		t.Fatal(err)
	}
	s, err := spool.Open(w.o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	damaged := uint64(0)
	for i, r := range readAll(t, s, 1) {
		if r.Damaged {
			damaged++
		} else if !equal(r, w.made[i]) {
			t.Fatalf("record %d reads %+v", i+1, r)
		}
	}
	if _, last := s.Range(); damaged == 0 || damaged != s.Stats().Damaged || int(last) != w.acked {
		t.Fatalf("%d records read as damaged, %d are counted; the last is %d, want %d", damaged, s.Stats().Damaged, last, w.acked)
	}
}

func TestDamageThatComesWhileTheSpoolIsOpenIsReadAsDamage(t *testing.T) {
	w := fill(t, 9)
	w.disk.Restart()
	w.reopen(t)
	defer w.s.Close()
	names := w.disk.Names()
	name := names[len(names)-3]
	w.disk.Flip(name, len(w.disk.Content(name))-8, 1)
	damaged := 0
	for i, r := range readAll(t, w.s, 1) {
		if r.Damaged {
			damaged++
		} else if !equal(r, w.made[i]) {
			t.Fatalf("record %d reads %+v", i+1, r)
		}
	}
	if damaged != 1 {
		t.Fatalf("%d records are damaged, want 1", damaged)
	}
}

func TestAFullSpoolTakesNothingUntilItIsDrained(t *testing.T) {
	w := newWorld()
	w.o.MaxBytes = 24 << 10
	w.reopen(t)
	full := func() (err error) {
		for err == nil {
			if err = w.append(t, 1, 200); err == nil {
				err = w.commit()
			}
		}
		return err
	}
	if err := full(); !errors.Is(err, spool.ErrFull) {
		t.Fatal(err)
	}
	if got := w.s.Stats().Bytes; got > w.o.MaxBytes || got < w.o.MaxBytes/2 {
		t.Fatalf("full with %d bytes, the bound is %d", got, w.o.MaxBytes)
	}
	onDisk := int64(0)
	for _, name := range w.disk.Names() {
		onDisk += int64(len(w.disk.Content(name)))
	}
	if got := w.s.Stats().Bytes; got != onDisk {
		t.Fatalf("it counts %d bytes, the files have %d", got, onDisk)
	}
	w.check(t, 1)
	// What is drained goes as soon as the room is needed, although it is not old.
	half := uint64(w.acked / 2)
	if err := w.s.Drained(half); err != nil {
		t.Fatal(err)
	}
	before := w.acked
	if err := full(); !errors.Is(err, spool.ErrFull) || w.acked < before+10 {
		t.Fatalf("%d records after half was drained, %d before: %v", w.acked, before, err)
	}
	first, _ := w.s.Range()
	if first == 1 || first > half+1 {
		t.Fatalf("the oldest record is %d, up to %d were drained", first, half)
	}
	if _, err := w.s.Read(first-1, 1); !errors.Is(err, spool.ErrGone) {
		t.Fatalf("reading what is gone: %v", err)
	}
	w.s.Close()
	w.reopen(t)
}

// A disk that is smaller than the bound of the spool: what is drained makes room, although it is not old.
func TestADiskThatIsFullTakesEventsAgainWhenTheyAreDrained(t *testing.T) {
	w := newWorld()
	w.reopen(t)
	const size = 16 << 10
	w.disk.Reset(func(o spooltest.Op) spooltest.Fault {
		if used := w.disk.Used(); o.Kind == "write" && used+1<<10 > size {
			return spooltest.NoRoom
		}
		return spooltest.None
	})
	var err error
	for err == nil {
		if err = w.append(t, 1, 200); err == nil {
			err = w.commit()
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	half := uint64(w.acked / 2)
	if err := w.s.Drained(half); err != nil {
		t.Fatal(err)
	}
	if err := w.commit(); err != nil {
		t.Fatalf("half is drained: %v", err)
	}
	w.disk.Reset(nil)
	first, last := w.s.Range()
	if first == 1 || first > half+1 || last != uint64(len(w.made)) {
		t.Fatalf("records %d to %d of %d are there, up to %d were drained", first, last, len(w.made), half)
	}
	w.check(t, first)
	w.s.Close()
	w.reopen(t)
}

// The spool may have a GiB, the process not.
func TestOpeningKeepsNoFileInMemory(t *testing.T) {
	dir := t.TempDir()
	o := spool.Options{Dir: dir, SegmentBytes: 4 << 20, KeepRecords: -1}
	s, err := spool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	payload := bytes.Repeat([]byte{'x'}, 8<<10)
	for i := range 64 << 20 >> 13 {
		if _, err := s.Append(spool.Record{Type: 1, Origin: event.Origin{Epoch: 1, Seq: uint64(i + 1)}, Payload: payload}); err != nil {
			t.Fatal(err)
		}
		if s.Waiting() == 64 {
			if err := s.Commit(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(s.Commit(), s.Close()); err != nil {
		t.Fatal(err)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	live := uint64(0)
	o.Files = spool.Watch(dir, func() {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		live = max(live, m.HeapAlloc)
	})
	if s, err = spool.Open(o); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if live > 24<<20 {
		t.Errorf("%d MiB are in memory while a spool of 64 MiB is opened in files of 4", live>>20)
	}
}

func TestDrainedRecordsStayForAWhileAndLongerWhenTheDatabaseForgetsThem(t *testing.T) {
	w := newWorld()
	w.reopen(t)
	for range 60 {
		if err := errors.Join(w.append(t, 1, 100), w.commit()); err != nil {
			t.Fatal(err)
		}
	}
	oldest := func() uint64 { first, _ := w.s.Range(); return first }
	drain := func(to uint64) {
		t.Helper()
		if err := w.s.Drained(to); err != nil {
			t.Fatal(err)
		}
	}
	drain(60)
	w.clock = w.clock.Add(w.o.Keep - time.Second)
	if drain(60); oldest() != 1 {
		t.Fatalf("the oldest is %d before the time is over", oldest())
	}
	drain(0) // a standby took over that has nothing
	w.clock = w.clock.Add(time.Hour)
	if drain(60); oldest() != 1 {
		t.Fatalf("the oldest is %d, although the database has it only now", oldest())
	}
	w.clock = w.clock.Add(w.o.Keep)
	if drain(60); oldest() == 1 || oldest() > 60-uint64(w.o.KeepRecords)+1 {
		t.Fatalf("the oldest is %d of 60, at least %d stay", oldest(), w.o.KeepRecords)
	}
}

func TestOneProcessHasTheSpool(t *testing.T) {
	o := spool.Options{Dir: filepath.Join(t.TempDir(), "a", "spool")}
	s, err := spool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Open(o); !errors.Is(err, spool.ErrLocked) {
		t.Fatalf("a second time: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = spool.Open(o); err != nil {
		t.Fatalf("after it was closed: %v", err)
	}
	s.Close()
	if _, err := s.Append(spool.Record{}); !errors.Is(err, spool.ErrClosed) {
		t.Fatalf("append after close: %v", err)
	}
}

func TestASpoolOfALaterFormatIsLeftAlone(t *testing.T) {
	w := fill(t, 2)
	names := w.disk.Names()
	later := bytes.Clone(w.disk.Content(names[0]))
	spool.SetVersion(later, 2)
	w.disk.Put(names[0], later)
	if _, err := spool.Open(w.o); err == nil {
		t.Fatal("it was opened")
	}
	if !bytes.Equal(w.disk.Content(names[0]), later) {
		t.Fatal("it was changed")
	}
}

func TestSilentProducersAreForgottenBeforeBusyOnes(t *testing.T) {
	w := newWorld()
	w.o.MaxBytes = 1 << 30
	w.reopen(t)
	for p := range uint32(3 * spool.MaxMarks) {
		if err := errors.Join(w.append(t, 0, 0), w.append(t, p+1, 0), w.commit()); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for index, seen := range map[int]bool{len(w.made): true, len(w.made) - spool.MaxMarks: true, 2: false} {
			if r := w.made[index-1]; w.s.Seen(r.Origin) != seen {
				t.Errorf("record %d of producer %d: seen is %v", r.Index, r.Origin.Producer, !seen)
			}
		}
		if !w.s.Seen(w.made[0].Origin) {
			t.Error("the busy producer is forgotten")
		}
		w.s.Close()
		var err error
		if w.s, err = spool.Open(w.o); err != nil {
			t.Fatal(err)
		}
	}
}

// Numbers: a spool that was lost begins at 1, meets a database that is at 500, loses its disk again…
func TestNumbersAreFoundAcrossRenumberings(t *testing.T) {
	w := newWorld()
	w.reopen(t)
	add := func(n int) {
		for range n {
			if err := errors.Join(w.append(t, 1, 10), w.commit()); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(5)
	first := w.s.Lineage()
	if err := w.s.Rebase(1, 501); err != nil {
		t.Fatal(err)
	}
	second := w.s.Lineage()
	add(5)
	if err := w.s.Rebase(8, 1001); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for index, number := range map[uint64]uint64{1: 501, 7: 507, 8: 1001, 10: 1003} {
			if got := w.s.Number(index); got != number {
				t.Errorf("record %d has number %d, want %d", index, got, number)
			}
			if got, ok := w.s.Index(number); !ok || got != index {
				t.Errorf("number %d is record %d, %v, want %d", number, got, ok, index)
			}
		}
		for _, number := range []uint64{0, 1, 500, 508, 1000} {
			if index, ok := w.s.Index(number); ok {
				t.Errorf("number %d is record %d, want none", number, index)
			}
		}
		for _, c := range []struct{ lineage, number, want uint64 }{
			{first, 1, 501}, {first, 8, 1001}, {first, 0, 0}, {second, 507, 507}, {second, 508, 1001}, {w.s.Lineage(), 1002, 1002}, {12345, 77, 77},
		} {
			if got := w.s.Renumber(c.number, c.lineage); got != c.want {
				t.Errorf("number %d of lineage %d is %d now, want %d", c.number, c.lineage, got, c.want)
			}
		}
		w.s.Close()
		var err error
		if w.s, err = spool.Open(w.o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.s.Rebase(10, 900); err != nil || w.s.Number(10) != 1003 {
		t.Errorf("record 10 has number %d, %v", w.s.Number(10), err)
	}
	for n := range uint64(100) {
		if err := w.s.Rebase(9, 2000+n); err != nil {
			t.Fatalf("renumbering %d: %v", n, err)
		}
	}
	if w.s.Number(8) != 1001 || w.s.Number(9) != 2099 || w.s.Number(3) != 503 {
		t.Errorf("numbers are %d, %d, %d", w.s.Number(8), w.s.Number(9), w.s.Number(3))
	}
}

// Whatever lies in the folder: the spool opens or says why not, gives only records with the right checksum, and works.
func FuzzFilesAreOpenedOrRefused(f *testing.F) {
	w := newWorld()
	w.work(f)
	for _, name := range w.disk.Names() {
		f.Add(w.disk.Content(name), []byte{})
	}
	f.Add([]byte{}, []byte("FRSPOOL1"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		w := newWorld()
		w.o.MaxBytes = 1 << 30
		w.disk.Put("000000000003.seg", a)
		w.disk.Put("000000000007.seg", b)
		w.disk.Put("notes.txt", b)
		s, err := spool.Open(w.o)
		if err != nil {
			return
		}
		first, last := s.Range()
		if last-first > 1<<10 {
			return // a header may say that much is missing
		}
		before := readAll(t, s, first)
		r := spool.Record{Type: 9, Origin: event.Origin{Epoch: rand.Uint64(), Producer: 99, Seq: 1}, Payload: []byte("x")}
		if index, err := s.Append(r); err != nil || index != last+1 {
			t.Fatalf("append gave %d after %d, %v", index, last, err)
		}
		if err := errors.Join(s.Commit(), s.Close()); err != nil {
			t.Fatal(err)
		}
		if s, err = spool.Open(w.o); err != nil {
			t.Fatal(err)
		}
		after := readAll(t, s, first)
		if len(after) != len(before)+1 {
			t.Fatalf("%d records, then %d", len(before), len(after))
		}
		for i := range before {
			if !equal(before[i], after[i]) {
				t.Fatalf("record %d was %+v and is %+v", first+uint64(i), before[i], after[i])
			}
		}
	})
}

// The figures of the README.
func BenchmarkAppendAndCommit(b *testing.B) {
	for _, group := range []int{1, 32, 1024} {
		b.Run(fmt.Sprintf("groups of %d", group), func(b *testing.B) {
			s, err := spool.Open(spool.Options{Dir: filepath.Join(b.TempDir(), "spool"), MaxBytes: 1 << 40})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			payload := bytes.Repeat([]byte("x"), 300)
			for i := 0; b.Loop(); i++ {
				r := spool.Record{At: 1, Type: 1, Origin: event.Origin{Epoch: 1, Producer: 1, Seq: uint64(i) + 1}, Payload: payload}
				if _, err := s.Append(r); err != nil {
					b.Fatal(err)
				}
				if i%group == group-1 {
					if err := s.Commit(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(s.Stats().Commits)/b.Elapsed().Seconds(), "fsyncs/s")
		})
	}
}

func TestTheDiskUnderTestsIsLikeARealOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	w := newWorld()
	w.o.Files, w.o.Dir = nil, dir
	w.reopen(t)
	for range 40 {
		if err := errors.Join(w.append(t, 1, 100), w.commit()); err != nil {
			t.Fatal(err)
		}
	}
	w.clock = w.clock.Add(time.Hour)
	if err := errors.Join(w.s.Drained(20), w.s.Drained(20)); err != nil {
		t.Fatal(err)
	}
	w.clock = w.clock.Add(time.Hour)
	if err := errors.Join(w.s.Drained(20), w.s.Close()); err != nil {
		t.Fatal(err)
	}
	if w.reopen(t); w.s.Stats().First == 1 {
		t.Error("nothing was deleted")
	}
	w.s.Close()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 3 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
}
