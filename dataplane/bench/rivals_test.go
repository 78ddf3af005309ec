package bench

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func testdata(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Max(math.Abs(a), math.Abs(b)) }

func TestTestpmdOutput(t *testing.T) {
	r, err := parseTestpmd(testdata(t, "testpmd.txt"), 2)
	if err != nil {
		t.Fatal(err)
	}
	// Port 0: 22288160-17294592, port 1: 22178976-17185344; 976244 + 976260 frames/s.
	if r.Frames != 4993568+4993632 || !near(r.Mpps, 1.952504) || math.Abs(r.Seconds-5.115) > 0.001 {
		t.Errorf("%+v", r)
	}
	if r.Sent.Edge != 4993600 || r.Sent.Fabric != 4993632 {
		t.Errorf("%+v", r.Sent)
	}
}

func TestTestpmdOutputThatDoesNotCount(t *testing.T) {
	good := testdata(t, "testpmd.txt")
	for _, c := range []struct {
		name, from, to, want string
	}{
		{"nothing was printed", good, "", "statistics of 0 ports"},
		{"the second statistics are missing", "NIC statistics for port 1", "NIC", "statistics of 2 ports"},
		{"frames were missed", "RX-missed: 0", "RX-missed: 5", "RX-missed 5"},
		{"there were no mbufs", "RX-nombuf:  0", "RX-nombuf:  9", "RX-nombuf 9"},
		{"frames could not be sent", "TX-dropped: 0", "TX-dropped: 3", "3 dropped"},
		{"it stood still", "Rx-pps:       9", "Rx-pps:        0 ", "rate is 0"},
		{"it did not stop", "Accumulated", "Other", "no accumulated statistics"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.ReplaceAll(good, c.from, c.to)
			if text == good {
				t.Fatal("the sample has no such text")
			}
			if _, err := parseTestpmd(text, 2); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestOVSOutput(t *testing.T) {
	at := time.Unix(1000, 0)
	before, err := parseOVS(testdata(t, "ovs-show.txt"), at)
	if err != nil {
		t.Fatal(err)
	}
	if before.flows != 24000 || before.ports["edge0"] != (ovsPort{rx: 286858496, tx: 15710831}) || before.ports["fabric0"].lost != 7 {
		t.Fatalf("%+v", before)
	}
	later := strings.NewReplacer("RX packets:286858496", "RX packets:292858496", "TX packets:15710792", "TX packets:17710792").
		Replace(testdata(t, "ovs-show.txt"))
	after, err := parseOVS(later, at.Add(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ovsResult(before, after, 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.Frames != 6_000_000 || !near(r.Mpps, 3) || r.Sent.Service != 2_000_000 || r.Dropped != 0 || r.Directions != 24000 {
		t.Errorf("%+v", r)
	}
}

func TestOVSOutputThatDoesNotCount(t *testing.T) {
	if _, err := parseOVS("ovs-appctl: cannot connect", time.Time{}); err == nil {
		t.Error("no error without a number of flows")
	}
	m, err := parseOVS(testdata(t, "ovs-show.txt"), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ovsResult(m, m, 2); err == nil || !strings.Contains(err.Error(), "edge1") {
		t.Errorf("%v, want an error about the missing edge1", err)
	}
}

func TestOVSCannotMeasureEverything(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		want   string
	}{
		{"a million directions", Config{Directions: 1_000_000}, "mempool"},
		{"full frames", Config{Directions: 60, FrameBytes: MaxFrame}, "up to 1518 bytes"},
	} {
		s := &Scenario{Traffic: newTraffic(t, c.config)}
		if err := ovsCan(s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
}

func TestRefOutput(t *testing.T) {
	want := Share{Direct: 2. / 3, Service: 1. / 3, Copies: 1. / 12}
	const good = `{"frames": 1200, "bytes": 72000, "seconds": 0.5, "mpps": 0.0024, "waited": 0.25,
 "sent": {"edge": 400, "fabric": 400, "service": 500}, "copies": 100, "dropped": 0, "stalled": 0, "copies_failed": 0,
 "burst_ns": {"p50": 700, "p90": 800, "p99": 900, "p999": 1000, "p9999": 1100, "max": 1200},
 "bursts": 38, "directions": 24000, "longest_probe": 13, "table_bytes": 4194304, "reasons": {}}`
	r, err := parseRef(good, want)
	if err != nil {
		t.Fatal(err)
	}
	if r.Frames != 1200 || r.Burst.P999 != 1000 || r.Directions != 24000 || r.TableBytes != 4194304 || !near(r.OnCore(), 0.0032) {
		t.Errorf("%+v", r)
	}
	for name, bad := range map[string]string{
		"frames were dropped":            strings.Replace(good, `"dropped": 0`, `"dropped": 9`, 1),
		"frames vanished":                strings.Replace(good, `"fabric": 400`, `"fabric": 100`, 1),
		"nothing was steered":            strings.Replace(good, `"fabric": 400, "service": 500`, `"fabric": 800, "service": 100`, 1),
		"nothing was mirrored":           strings.Replace(good, `"service": 500}, "copies": 100`, `"service": 400}, "copies": 0`, 1),
		"no frames":                      strings.Replace(good, `"frames": 1200`, `"frames": 0`, 1),
		"it printed something else":      "ref: port net_pcap0: there is no such device",
		"the program ended in the midst": good[:100],
	} {
		if _, err := parseRef(bad, want); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCallgrindOutput(t *testing.T) {
	n, err := parseCallgrind("==12== Events    : Ir\n==12== Collected : 330125134\n==12== \n==12== I   refs:      330,125,134\n")
	if err != nil || n != 330125134 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := parseCallgrind("==12== Callgrind, a call-graph generating cache profiler\n"); err == nil {
		t.Error("no error without a total")
	}
}

func TestCommandLinesGiveEachRivalTheSame(t *testing.T) {
	s := scenarioForTest(t, Config{Directions: 24000, Lcores: 2})
	s.MainCore, s.PollCores = 0, []int{1, 0}
	ref := strings.Join((&Ref{Program: "ref"}).Command(s, 640), " ")
	testpmd := strings.Join(testpmdCommand("dpdk-testpmd", s), " ")
	for _, device := range s.PairDevices() {
		if !strings.Contains(ref, "--vdev "+device) || !strings.Contains(testpmd, "--vdev "+device) {
			t.Errorf("%s is missing in\n%s\n%s", device, ref, testpmd)
		}
	}
	for _, want := range []string{"--lcores 0@0,1@1,2@0", "--no-huge", "--frames 640", "--pair net_pcap2,net_pcap3,net_null1", "--vdev net_null1,no-rx=1"} {
		if !strings.Contains(ref, want) {
			t.Errorf("ref: no %s in %s", want, ref)
		}
	}
	for _, want := range []string{"--burst=32", "--mbcache=512", "--mbuf-size=256", "--nb-cores=2", "--in-memory"} {
		if !strings.Contains(testpmd, want) {
			t.Errorf("testpmd: no %s in %s", want, testpmd)
		}
	}
	if strings.Contains(testpmd, "net_null") {
		t.Errorf("testpmd was given service ports: %s", testpmd)
	}
}

// scenarioForTest lays out a scenario without writing its files.
func scenarioForTest(t *testing.T, c Config) *Scenario {
	t.Helper()
	traffic := newTraffic(t, c)
	s := &Scenario{
		Traffic: traffic, Dir: "/bench", Burst: Burst, MbufCache: MbufCache, MbufBytes: mbufBytes(traffic),
		Mbufs: 2*traffic.Flows() + spareMbufs, Warmup: time.Second, Measure: time.Second,
		PollCores: slices.Repeat([]int{1}, traffic.Lcores),
	}
	for i := range traffic.Lcores {
		s.Pairs = append(s.Pairs, Pair{Index: i, EdgeCapture: s.Path(EdgePort(i) + ".pcap"), FabricCapture: s.Path(FabricPort(i) + ".pcap")})
	}
	return s
}

func TestARivalThatIsNotInstalledIsUnavailable(t *testing.T) {
	if _, err := (&Testpmd{Program: "/nowhere/dpdk-testpmd"}).Run(t.Context(), &Scenario{}); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}
