package shm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var testRegions = []RegionSpec{
	{Name: RegionLogins, Stride: 64, Count: 100, Keep: true},
	{Name: RegionPorts, Stride: PortInfoBytes, Count: 3},
}

func testConfig(dir string) Config {
	return Config{Dir: dir, Node: "fcr-t", TSCHz: 1e9, TSCNow: 1000, State: testRegions, Ctl: []RegionSpec{{Name: "cursors", Stride: 64, Count: 4}}}
}

func mustCreate(t *testing.T, c Config) *Segment {
	t.Helper()
	s, err := Create(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAReaderSeesWhatTheWriterWrote(t *testing.T) {
	s := mustCreate(t, testConfig(t.TempDir()))
	defer s.Close()
	ports := Items[PortInfo](s.State, RegionPorts)
	copy(ports[1].Name[:], "edge0")
	r, err := Open(s.State.path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := Text(Items[PortInfo](r, RegionPorts)[1].Name[:]); got != "edge0" {
		t.Fatalf("reader sees port %q", got)
	}
	if Text(r.Header().Node[:]) != "fcr-t" || !r.Alive() {
		t.Fatalf("header: node %q alive %v", Text(r.Header().Node[:]), r.Alive())
	}
	if Items[Lcore](r, RegionPorts) != nil {
		t.Fatal("a region was handed out as items of another size")
	}
	if r.Bytes("nothing") != nil {
		t.Fatal("a region that does not exist has bytes")
	}
}

// The daemons of the management need no root: those of ctl's group write it, under whatever umask the data plane runs.
func TestTheGroupWritesCtlUnderAnyUmask(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	dir := t.TempDir()
	mode := func(name string) os.FileMode {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return st.Mode().Perm()
	}
	mustCreate(t, testConfig(dir)).Close()
	if mode("ctl") != 0o660 || mode("state") != 0o644 {
		t.Errorf("ctl has mode %o, state %o", mode("ctl"), mode("state"))
	}
	// What an admin has made of it stays at a warm start.
	if err := os.Chmod(filepath.Join(dir, "ctl"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustCreate(t, testConfig(dir))
	defer s.Close()
	if !s.CtlAdopted || mode("ctl") != 0o600 {
		t.Errorf("adopted %v, ctl has mode %o", s.CtlAdopted, mode("ctl"))
	}
}

func TestAWarmStartKeepsWhatItShallAndClearsTheRest(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, testConfig(dir))
	if s.Adopted {
		t.Fatal("adopted a file that was not there")
	}
	first := s.State.Header().BootID
	copy(s.State.Bytes(RegionLogins), "login")
	copy(s.State.Bytes(RegionPorts), "ports")
	copy(s.Ctl.Bytes("cursors"), "cursors")
	s.Close()

	s = mustCreate(t, testConfig(dir))
	defer s.Close()
	if !s.Adopted || s.State.Header().Boots != 2 || s.State.Header().BootID == first {
		t.Fatalf("adopted %v (%s), boots %d", s.Adopted, s.Why, s.State.Header().Boots)
	}
	if !bytes.HasPrefix(s.State.Bytes(RegionLogins), []byte("login")) {
		t.Fatal("a kept region lost its content")
	}
	if s.State.Bytes(RegionPorts)[0] != 0 || s.Ctl.Bytes("cursors")[0] != 0 {
		t.Fatal("a region not kept holds old content")
	}
}

func TestWhatCannotBeAdoptedIsMadeAnewAndSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(*Header, *Config)
		why  string
	}{
		"other ABI":      {func(h *Header, _ *Config) { h.ABI++ }, "ABI"},
		"never finished": {func(h *Header, _ *Config) { h.Magic = 0 }, "never completed"},
		"other geometry": {func(_ *Header, c *Config) {
			c.State = []RegionSpec{{Name: RegionLogins, Stride: 64, Count: 200, Keep: true}}
		}, "geometry"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t.TempDir())
			s := mustCreate(t, cfg)
			copy(s.State.Bytes(RegionLogins), "login")
			c.harm(s.State.Header(), &cfg)
			s.Close()
			s = mustCreate(t, cfg)
			defer s.Close()
			if s.Adopted || !strings.Contains(s.Why, c.why) {
				t.Fatalf("adopted %v, why %q", s.Adopted, s.Why)
			}
			if s.State.Bytes(RegionLogins)[0] != 0 {
				t.Fatal("old content in a new segment")
			}
		})
	}
}

// A consumer that has mapped the segment goes on with it over a warm start, and has times to turn into wall time.
func TestAWarmStartNeverShowsItsReadersAnotherTime(t *testing.T) {
	cfg := testConfig(t.TempDir())
	s := mustCreate(t, cfg)
	r, err := Open(s.State.path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	started, epoch := r.Header().StartNS, r.Header().Epoch
	stop, wrong := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(wrong)
		for {
			select {
			case <-stop:
				return
			default:
			}
			h := r.Header()
			// The clock of this test stands still: whatever the start, TSC 1000 is some time after the first one.
			if at := h.Wall(1000); at < started || at > started+int64(time.Minute) {
				wrong <- fmt.Sprintf("TSC 1000 is %d ns off", at-started)
				return
			}
			if got := atomic.LoadUint64(&h.Epoch); got != epoch {
				wrong <- fmt.Sprintf("epoch %d became %d", epoch, got)
				return
			}
		}
	}()
	for range 50 {
		s.Close()
		s = mustCreate(t, cfg)
	}
	s.Close()
	close(stop)
	if what, bad := <-wrong; bad {
		t.Fatal(what)
	}
}

// Killed between the two files, a cold start leaves a state of its own beside the ctl of the one before, whose consumers
// still have that mapped.
func TestACtlOfAnotherEpochIsNotAdopted(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Ctl[0].Keep = true
	s := mustCreate(t, cfg)
	s.Ctl.Bytes("cursors")[0] = 77
	s.State.Header().Epoch++ // as if the state were a newer one
	s.Close()
	s = mustCreate(t, cfg)
	defer s.Close()
	if !s.Adopted || s.CtlAdopted || s.Ctl.Bytes("cursors")[0] != 0 {
		t.Fatalf("state adopted %v, ctl adopted %v", s.Adopted, s.CtlAdopted)
	}
	if s.Ctl.Header().Epoch != s.State.Header().Epoch {
		t.Fatal("the files have two epochs")
	}
}

// What a reader may open has its name: two contents without one could not be told apart.
func TestAFileHasItsEpochWhenItIsComplete(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	f, _, _, err := create(path, stateMagic, testRegions, plan{epoch: 7, mode: 0o644})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := Open(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Header().Epoch != 7 {
		t.Fatalf("epoch %d", r.Header().Epoch)
	}
}

func TestASecondDataPlaneIsRefused(t *testing.T) {
	c := testConfig(t.TempDir())
	s := mustCreate(t, c)
	defer s.Close()
	if _, err := Create(c); err == nil || !strings.Contains(err.Error(), "running data plane") {
		t.Fatalf("second start: %v", err)
	}
}

func TestAReaderSurvivesThatItsFileIsReplaced(t *testing.T) {
	c := testConfig(t.TempDir())
	s := mustCreate(t, c)
	r, err := Open(s.State.path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.Close()
	c.Fresh = true
	s = mustCreate(t, c)
	defer s.Close()
	if r.Bytes(RegionLogins)[0] != 0 { // would be SIGBUS, had the file been truncated in place
		t.Fatal("content changed")
	}
}

func TestHostileFilesAreErrorsNotCrashes(t *testing.T) {
	dir := t.TempDir()
	s := mustCreate(t, testConfig(dir))
	good := bytes.Clone(s.State.mem)
	s.Close()
	region := func(b []byte, i int) *Region {
		return (*Region)(unsafe.Pointer(&b[headerBytes+i*regionBytes]))
	}
	for name, harm := range map[string]func([]byte) []byte{
		"truncated":            func(b []byte) []byte { return b[:len(b)/2] },
		"empty":                func([]byte) []byte { return nil },
		"no magic":             func(b []byte) []byte { b[0]++; return b },
		"a million regions":    func(b []byte) []byte { (*Header)(unsafe.Pointer(&b[0])).Regions = 1e6; return b },
		"another size":         func(b []byte) []byte { (*Header)(unsafe.Pointer(&b[0])).Size *= 2; return b },
		"a region beyond":      func(b []byte) []byte { region(b, 1).Offset = uint64(len(b)); return b },
		"a region that wraps":  func(b []byte) []byte { region(b, 1).Offset = ^uint64(7); return b },
		"more items than fits": func(b []byte) []byte { region(b, 0).Count = 1 << 30; return b },
		"an odd offset":        func(b []byte) []byte { region(b, 0).Offset++; return b },
	} {
		path := filepath.Join(dir, "bad")
		if err := os.WriteFile(path, harm(bytes.Clone(good)), 0o644); err != nil {
			t.Fatal(err)
		}
		if f, err := Open(path, false); err == nil {
			f.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

// The layout is an ABI between processes: moving a field needs a new ABI number, and this test says so.
func TestOffsetsOfSharedStructsStay(t *testing.T) {
	for name, got := range map[string][2]uintptr{
		"Header":               {unsafe.Sizeof(Header{}), 256},
		"Header.TSCStart":      {unsafe.Offsetof(Header{}.TSCStart), 80},
		"Header.Epoch":         {unsafe.Offsetof(Header{}.Epoch), 160},
		"Header.Clock":         {unsafe.Offsetof(Header{}.Clock), 168},
		"Region":               {unsafe.Sizeof(Region{}), 96},
		"PortInfo":             {unsafe.Sizeof(PortInfo{}), 384},
		"PortInfo.MTU":         {unsafe.Offsetof(PortInfo{}.MTU), 268},
		"Counters":             {unsafe.Sizeof(Counters{}), 1024},
		"Counters.Fates":       {unsafe.Offsetof(Counters{}.Fates), 80},
		"Lcore.Latency":        {unsafe.Offsetof(Lcore{}.Latency), 192},
		"Lcore":                {unsafe.Sizeof(Lcore{}), 8064},
		"Histogram":            {unsafe.Sizeof(Histogram{}), 7824},
		"Control":              {unsafe.Sizeof(Control{}), 128},
		"ServiceInfo":          {unsafe.Sizeof(ServiceInfo{}), 128},
		"ServiceInfo.Use":      {unsafe.Offsetof(ServiceInfo{}.Use), 72},
		"Fates":                {uintptr(NumFates), 26},
		"Fates.drop_begins_at": {uintptr(lastSent), 9},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, pinned at %d: raise ABI and the pin together", name, got[0], got[1])
		}
	}
}

func TestQuantilesOfAHistogramAreTrueToABucket(t *testing.T) {
	var h Histogram
	for v := uint64(1); v <= 100_000; v++ {
		h.Add(v, 1)
	}
	for _, q := range []float64{0.5, 0.99, 0.9999} {
		got, want := float64(h.Quantile(q)), q*100_000
		if got < want || got > want*1.07 {
			t.Errorf("quantile %v: %v, want %v to %v", q, got, want, want*1.07)
		}
	}
	if h.Max != 100_000 || h.Count() != 100_000 || h.Quantile(1) != 100_000 {
		t.Errorf("max %d count %d", h.Max, h.Count())
	}
	var edge Histogram
	edge.Add(^uint64(0), 3)
	if edge.Quantile(0.5) != ^uint64(0) {
		t.Error("the largest value does not fit")
	}
	if d := h.Minus(&h); d.Count() != 0 || d.Sum != 0 {
		t.Error("h minus h is not empty")
	}
}

func TestAFullFileSystemIsAnErrorNotACrash(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount: %v: only root may", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	s, err := Create(testConfig(dir))
	if err == nil {
		defer s.Close()
		t.Fatal("a segment of 2 MiB was made on 1 MiB; the first store into it will be a SIGBUS")
	}
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("%v: want no space, and where", err)
	}
}
