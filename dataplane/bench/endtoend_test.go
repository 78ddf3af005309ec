package bench

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
)

// These tests start the rivals for two seconds each. They ask whether the frames flow and the counters mean what we
// think, never how fast: other tests may have the same cores.

const yardstick = "../../ci/bench"

// buildRefForTest returns the two programs, or skips.
func buildRefForTest(t *testing.T) (native, portable string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no rivals are started")
	}
	if err := exec.Command("pkg-config", "--exists", "libdpdk").Run(); err != nil {
		t.Skip("libdpdk-dev is not installed")
	}
	native, portable, err := BuildRef(t.Context(), yardstick, "../../build/bench")
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return native, portable
}

// measureForTest runs a contender once, or skips where it cannot run.
func measureForTest(t *testing.T, c Contender, config Config) Result {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no rivals are started")
	}
	if os.Geteuid() != 0 {
		t.Skip("DPDK with hugepages takes root")
	}
	s, err := Prepare(config, t.TempDir())
	if err != nil {
		t.Skip(err) // two cores are needed
	}
	if err := EnsureHugepages(s.Memory()); err != nil {
		t.Skip(err)
	}
	s.Warmup, s.Measure = 500*time.Millisecond, 2*time.Second
	r, err := c.Run(t.Context(), s)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %.2f Mpps, %.0f %% of the time without its core", c.Name(), r.Mpps, 100*r.Waited)
	if r.Frames == 0 || r.Mpps <= 0 || r.Waited < 0 || r.Waited > 1 {
		t.Errorf("%+v", r)
	}
	return r
}

func TestTestpmdForwards(t *testing.T) {
	r := measureForTest(t, &Testpmd{}, Config{Directions: 2400})
	if r.Sent.Edge == 0 || r.Sent.Fabric == 0 {
		t.Errorf("%+v", r.Sent)
	}
}

func TestOVSForwards(t *testing.T) {
	r := measureForTest(t, &OVS{}, Config{Directions: 2400})
	if r.Directions < 2400 || r.Sent.Service == 0 {
		t.Errorf("%+v", r)
	}
}

func TestRefForwards(t *testing.T) {
	native, _ := buildRefForTest(t)
	for _, c := range []struct {
		name   string
		config Config
	}{
		{"minimal frames", Config{Directions: 2400}},
		{"full tagged frames", Config{Directions: 2400, FrameBytes: MaxFrame, VLAN: 100}},
		{"two port pairs", Config{Directions: 4800, Lcores: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := measureForTest(t, &Ref{Program: native}, c.config)
			if r.Directions != uint64(c.config.Directions) || r.Burst == nil || r.Burst.P50 <= 0 || r.Burst.P50 > r.Burst.Max {
				t.Errorf("%+v, burst %+v", r, r.Burst)
			}
		})
	}
}

func TestCallgrindCountsTheYardstick(t *testing.T) {
	_, portable := buildRefForTest(t)
	s, err := Prepare(Config{Directions: 2400}, t.TempDir())
	if err != nil {
		t.Skip(err)
	}
	count := func() float64 {
		ref := Ref{Program: portable}
		n, err := CallgrindPerFrame(t.Context(), func(frames uint64) []string { return ref.Command(s, frames) }, 6400, 64000)
		if errors.Is(err, ErrUnavailable) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first, second := count(), count()
	t.Logf("%.1f and %.1f instructions per frame", first, second)
	if first < 50 || first > 2000 {
		t.Errorf("%.1f instructions per frame: not what receiving, forwarding and sending can take", first)
	}
	if diff := first/second - 1; diff > 0.02 || diff < -0.02 {
		t.Errorf("%.1f, then %.1f instructions per frame: a count should repeat", first, second)
	}
}

// TestRefParsesAsDecode gives the yardstick frames with every fault there is, and compares what it counted with what
// dataplane/frame says: it must do the same checks, or it is no yardstick.
func TestRefParsesAsDecode(t *testing.T) {
	_, portable := buildRefForTest(t)
	dir := t.TempDir()
	s, err := Prepare(Config{Directions: 2400}, dir)
	if err != nil {
		t.Skip(err)
	}
	const perPort = 64 * Burst
	want := map[string]uint64{}
	var dropped uint64
	random := rand.New(rand.NewPCG(11, 11))
	for _, edge := range []bool{true, false} {
		path := s.Pairs[0].FabricCapture
		if edge {
			path = s.Pairs[0].EdgeCapture
		}
		frames := damagedFrames(s.Traffic, random, perPort)
		for _, b := range frames {
			var h frame.Header
			reason := frame.Decode(b, &h)
			switch {
			case reason == frame.OK && (h.SID.WellKnown() || h.DID.WellKnown() || h.SID == 0 && h.DID == 0):
				want["unkeyed"]++
			case reason != frame.OK:
				want[reason.String()]++
			}
			if reason.Malformed() {
				dropped++
			}
		}
		writeFrames(t, path, frames)
	}
	s.MbufBytes = 2560
	out, err := run(t.Context(), (&Ref{Program: portable}).Command(s, 2*perPort), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Frames, Dropped uint64
		Reasons         map[string]uint64
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Frames != 2*perPort || got.Dropped != dropped {
		t.Errorf("%d frames, %d dropped; want %d and %d", got.Frames, got.Dropped, 2*perPort, dropped)
	}
	for reason, n := range want {
		if got.Reasons[reason] != n {
			t.Errorf("%s: %d, want %d", reason, got.Reasons[reason], n)
		}
	}
	for reason, n := range got.Reasons {
		if want[reason] == 0 {
			t.Errorf("%s: %d, want none", reason, n)
		}
	}
	for reason := frame.Runt; reason < frame.NumReasons; reason++ {
		if want[reason.String()] == 0 {
			t.Errorf("no frame of the test is %v", reason)
		}
	}
}

// damagedFrames makes frames that are good, good but rare, or bad in one or several ways.
func damagedFrames(traffic *Traffic, random *rand.Rand, n int) [][]byte {
	fcids := []frame.FCID{0, 0, 0x010203, 0x010203, 0x00FFFE, 0xFFFBFF, 0xFFFC01, 0xFFFFEF, frame.FabricController, frame.NameServer}
	var out [][]byte
	for len(out) < n {
		h := frame.Header{
			SOF: frame.SOFi3, EOF: frame.EOFt, RCtl: frame.RCtlSolicitedData, Type: frame.TypeFCP,
			SID: fcids[random.IntN(len(fcids))], DID: fcids[random.IntN(len(fcids))],
			Tagged: random.IntN(3) == 0, VLAN: uint16(random.IntN(4095)), VFT: random.IntN(4) == 0, VFID: uint16(random.IntN(4095)),
		}
		payload := make([]byte, []int{0, 0, 4, 32, 2112, 2116, 2120, 2124, 30}[random.IntN(9)])
		b := frame.AppendFCoE(nil, &h, payload)
		l2 := frame.EthHeaderLen
		if h.Tagged {
			l2 += frame.TagLen
		}
		switch random.IntN(12) {
		case 0: // any byte of the headers
			b[random.IntN(l2+frame.FCoEHeaderLen+12)] = byte(random.Uint32())
		case 1: // the delimiters
			b[l2+frame.FCoEHeaderLen-1] = byte(0x20 + random.IntN(0x20))
		case 2:
			b[len(b)-4] = byte(0x40 + random.IntN(0x14))
		case 3: // the length
			b = b[:random.IntN(len(b)-14)+14]
		case 4:
			b[l2+1] = byte(random.IntN(2)) // the old format
		case 5:
			b[l2] = byte(random.Uint32()) // the version
		case 6: // EtherTypes
			types := []uint16{frame.EtherTypeFIP, frame.EtherTypeVLAN, frame.EtherTypeSTag, 0x9100, 0x0800}
			b[12], b[13] = byte(types[random.IntN(5)]>>8), byte(types[random.IntN(5)])
		case 7:
			b[16], b[17] = 0x81, 0x00
		}
		out = append(out, b)
	}
	return out
}

func writeFrames(t *testing.T, path string, frames [][]byte) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := pcap.NewWriter(f)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range frames {
		if err := w.Write(int64(i), b); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBuildRefLeavesFreshProgramsAlone(t *testing.T) {
	native, _ := buildRefForTest(t)
	before, err := os.Stat(native)
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := BuildRef(t.Context(), yardstick, filepath.Dir(native)); err != nil || again != native {
		t.Fatalf("%s, %v", again, err)
	}
	after, err := os.Stat(native)
	if err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("it was compiled again: %v", err)
	}
}

func TestRefThatIsNotBuilt(t *testing.T) {
	s := scenarioForTest(t, Config{Directions: 600})
	_, err := (&Ref{Program: filepath.Join(t.TempDir(), "ref")}).Run(t.Context(), s)
	if err == nil {
		t.Fatal("no error")
	}
	if !errors.Is(err, ErrUnavailable) && !strings.Contains(err.Error(), "hugepages") { // an ordinary user gets no further
		t.Errorf("%v", err)
	}
}
