package pair

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"fcredirect/dataplane/shm"
)

func TestOffsetsOfThePageStay(t *testing.T) {
	var r Record
	for name, got := range map[string][2]uintptr{
		"Record":          {unsafe.Sizeof(r), 1024},
		"Record.Counters": {unsafe.Offsetof(r.Counters), 128},
		"Record.Partner":  {unsafe.Offsetof(r.Partner), 256},
		"Record.HeardOn":  {unsafe.Offsetof(r.HeardOn), 512},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, pinned at %d: raise shm.ABI and the pin together", name, got[0], got[1])
		}
	}
}

func TestAReaderSeesWholeRecords(t *testing.T) {
	seg, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "n", TSCHz: 1e9, State: []shm.RegionSpec{Region()}, Ctl: []shm.RegionSpec{{Name: "c", Stride: 8, Count: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	file, err := shm.Open(filepath.Join(seg.Dir(), "state"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	page := PageOf(seg.State)
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := range uint64(20_000) {
			r := Record{Epoch: n, PartnerEpoch: n}
			r.HeardOn[MaxPaths-1] = int64(n)
			page.Put(&r)
		}
	})
	for range 20_000 {
		r, err := Read(file)
		if err == nil && (r.Epoch != r.PartnerEpoch || r.HeardOn[MaxPaths-1] != int64(r.Epoch)) {
			t.Fatalf("torn: %+v", r)
		}
	}
	writer.Wait()
	page.turn |= 1 // killed in the middle
	if _, err := Read(file); !errors.Is(err, ErrTorn) {
		t.Errorf("%v", err)
	}
	page.Put(&Record{Epoch: 7})
	if r, err := Read(file); err != nil || r.Epoch != 7 || page.Left().Epoch != 7 {
		t.Errorf("%+v %v", r, err)
	}
}
