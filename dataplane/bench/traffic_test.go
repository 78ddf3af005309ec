package bench

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
)

func newTraffic(t *testing.T, c Config) *Traffic {
	t.Helper()
	traffic, err := NewTraffic(c)
	if err != nil {
		t.Fatal(err)
	}
	return traffic
}

func capture(t *testing.T, traffic *Traffic, pair int, edge bool) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := traffic.WriteCapture(&b, pair, edge); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// eachFrame decodes a capture, and fails on any frame that is not perfect.
func eachFrame(t *testing.T, file []byte, visit func(n int, h *frame.Header, b []byte)) {
	t.Helper()
	in, err := pcap.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		rec, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var h frame.Header
		if reason := frame.Decode(rec.Data, &h); reason != frame.OK {
			t.Fatalf("frame %d: %v", n, reason)
		}
		if !h.CRCGood(rec.Data) {
			t.Fatalf("frame %d: bad CRC", n)
		}
		visit(n, &h, rec.Data)
	}
}

func TestTraffic(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
	}{
		{"minimal frames of 12,000 flows", Config{Directions: 24000, FrameBytes: MinimalFrame, Seed: 1}},
		{"full frames", Config{Directions: 600, FrameBytes: MaxFrame}},
		{"frames just longer than minimal", Config{Directions: 600, FrameBytes: 68}},
		{"tagged frames", Config{Directions: 600, VLAN: 100}},
		{"two lcores", Config{Directions: 1200, Lcores: 2}},
		{"the fewest directions", Config{Directions: MinDirections}},
		{"a number of flows that no fan-out divides", Config{Directions: 2 * 1013}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkTraffic(t, newTraffic(t, c.config))
		})
	}
}

// checkTraffic reads the captures and asks whether each direction is there once, as the plan has it.
func checkTraffic(t *testing.T, traffic *Traffic) {
	type direction struct {
		pair     int
		sid, did frame.FCID
	}
	plan := map[direction]Flow{}
	flows := map[Verdict]int{}
	for f := range traffic.AllFlows() {
		flows[f.Verdict]++
		for _, d := range []direction{{f.Pair, f.Initiator, f.Target}, {f.Pair, f.Target, f.Initiator}} {
			if _, twice := plan[d]; twice {
				t.Fatalf("direction %v is in the plan twice", d)
			}
			plan[d] = f
		}
	}
	if len(plan) != traffic.Flows()*2 {
		t.Fatalf("%d directions planned, want %d", len(plan), traffic.Flows()*2)
	}
	var commands, mirrored, ascending int
	for pair := range traffic.Lcores {
		for _, edge := range []bool{true, false} {
			var before frame.FCID
			eachFrame(t, capture(t, traffic, pair, edge), func(n int, h *frame.Header, b []byte) {
				d := direction{pair, h.SID, h.DID}
				f, planned := plan[d]
				if !planned || (f.Initiator == h.SID) != edge {
					t.Fatalf("frame %d: %v to %v on edge=%v: unplanned, twice, or on the wrong port", n, h.SID, h.DID, edge)
				}
				delete(plan, d)
				if h.SID > before {
					ascending++
				}
				before = h.SID
				isCommand := h.Type == frame.TypeFCP && h.RCtl == frame.RCtlUnsolicitedCmd
				if isCommand != (edge && f.Command) {
					t.Fatalf("frame %d: command=%v, flow %+v", n, isCommand, f)
				}
				if f.Verdict == MirrorCommands {
					mirrored++
				}
				if isCommand {
					commands++
				}
				checkFrame(t, traffic, n, h, b, isCommand, edge)
			})
		}
	}
	if len(plan) != 0 {
		t.Fatalf("%d directions have no frame", len(plan))
	}
	if traffic.Flows() < 100 {
		return
	}
	for v := range verdicts {
		if share := float64(flows[v]) / float64(traffic.Flows()); math.Abs(share-1./3) > 0.01 {
			t.Errorf("%.3f of the flows are %v, want a third", share, v)
		}
	}
	if share := float64(commands) / float64(mirrored); math.Abs(share-0.25) > 0.01 {
		t.Errorf("%.3f of the mirrored frames are commands, want a quarter", share)
	}
	if share := float64(ascending) / float64(2*traffic.Flows()); share < 0.4 || share > 0.6 {
		t.Errorf("%.2f of the frames have a higher source than the one before, want half: shuffled", share)
	}
}

func checkFrame(t *testing.T, traffic *Traffic, n int, h *frame.Header, b []byte, isCommand, edge bool) {
	t.Helper()
	length := traffic.FrameBytes
	if isCommand {
		length = commandFrame
	}
	if traffic.VLAN != 0 {
		length += 4
	}
	if len(b) != length || h.Tagged != (traffic.VLAN != 0) || h.VLAN != traffic.VLAN {
		t.Fatalf("frame %d: %d bytes, VLAN %d; want %d and %d", n, len(b), h.VLAN, length, traffic.VLAN)
	}
	if h.Dst != frame.FPMA(frame.VN2VNFCMap, h.DID) || h.Src != frame.FPMA(frame.VN2VNFCMap, h.SID) {
		t.Fatalf("frame %d: from %v to %v, not the MACs of %v and %v", n, h.Src, h.Dst, h.SID, h.DID)
	}
	if h.FromResponder() == edge || h.Type != frame.TypeFCP {
		t.Fatalf("frame %d: TYPE %#x, responder %v, on edge %v", n, h.Type, h.FromResponder(), edge)
	}
	if h.SID == 0 || h.SID > 0xFFFE || h.DID == 0 || h.DID > 0xFFFE {
		t.Fatalf("frame %d: %v to %v: not local N_Port_IDs of VN2VN", n, h.SID, h.DID)
	}
}

func TestTrafficRefusesWhatItCannotMake(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		want   string
	}{
		{"no directions", Config{}, "0 directions"},
		{"too few for three verdicts", Config{Directions: 4}, "4 directions"},
		{"too many", Config{Directions: MaxDirections + 2}, "directions: want"},
		{"a frame that is too short", Config{Directions: 24, FrameBytes: 56}, "want 60 to 2172"},
		{"a frame that is too long", Config{Directions: 24, FrameBytes: 2176}, "want 60 to 2172"},
		{"a payload that is no multiple of 4", Config{Directions: 24, FrameBytes: 1001}, "1000 or 1004"},
		{"a reserved VLAN", Config{Directions: 24, VLAN: 4095}, "VLAN 4095"},
		{"too many lcores", Config{Directions: 2400, Lcores: MaxLcores + 1}, "lcores: want"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewTraffic(c.config)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestEveryScaleHasEnoughAddresses(t *testing.T) {
	for directions := MinDirections; directions <= MaxDirections; directions = directions*3/2 + 1 {
		traffic := newTraffic(t, Config{Directions: directions})
		if lowest := targetID(traffic.targets - 1); initiatorID(traffic.hosts-1) >= lowest {
			t.Fatalf("%d directions: initiators up to %v, targets down to %v", directions, initiatorID(traffic.hosts-1), lowest)
		}
	}
}

func TestAMillionDirectionsAreReproducible(t *testing.T) {
	sum := func(seed uint64) string {
		h := sha256.New()
		traffic := newTraffic(t, Config{Directions: 1_000_000, Seed: seed})
		if err := traffic.WriteCapture(h, 0, true); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	first := sum(1)
	if again := sum(1); again != first {
		t.Error("the same seed gave another capture")
	}
	if other := sum(2); other == first {
		t.Error("another seed gave the same capture")
	}
}

func TestLogins(t *testing.T) {
	traffic := newTraffic(t, Config{Directions: 4800, Lcores: 2, VLAN: 5})
	type station struct {
		fabric uint8
		id     frame.FCID
	}
	logins := map[station]Login{}
	names := map[frame.WWN]bool{}
	for l := range traffic.Logins() {
		at := station{l.Fabric, l.ID}
		if _, twice := logins[at]; twice || names[l.WWPN] || l.WWNN == l.WWPN {
			t.Fatalf("%+v: address or name twice", l)
		}
		if l.VLAN != 5 || l.MAC != frame.FPMA(frame.VN2VNFCMap, l.ID) {
			t.Fatalf("%+v", l)
		}
		logins[at], names[l.WWPN] = l, true
	}
	if len(logins) != traffic.Stations() {
		t.Errorf("%d logins, Stations says %d", len(logins), traffic.Stations())
	}
	used := map[station]bool{}
	for f := range traffic.AllFlows() {
		i, t1 := station{uint8(f.Pair), f.Initiator}, station{uint8(f.Pair), f.Target}
		used[i], used[t1] = true, true
		if l := logins[i]; l.Target || l.Port != EdgePort(f.Pair) {
			t.Fatalf("initiator %v has the login %+v", i, l)
		}
		if l := logins[t1]; !l.Target || l.Port != FabricPort(f.Pair) {
			t.Fatalf("target %v has the login %+v", t1, l)
		}
	}
	if len(used) != len(logins) {
		t.Errorf("%d stations of %d have flows", len(used), len(logins))
	}
}

func TestShareCountsWhatThePolicyDoes(t *testing.T) {
	s := newTraffic(t, Config{Directions: 24000}).Share()
	want := Share{Direct: 2. / 3, Service: 1. / 3, Copies: 1. / 12}
	if math.Abs(s.Direct-want.Direct) > 1e-3 || math.Abs(s.Service-want.Service) > 1e-3 || math.Abs(s.Copies-want.Copies) > 1e-3 {
		t.Errorf("%+v, want %+v", s, want)
	}
}

func TestTsharkFindsNoFault(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	for _, c := range []Config{
		{Directions: 240, FrameBytes: MinimalFrame}, {Directions: 240, FrameBytes: 1000, VLAN: 100}, {Directions: 60, FrameBytes: MaxFrame},
	} {
		traffic := newTraffic(t, c)
		for _, edge := range []bool{true, false} {
			path := filepath.Join(t.TempDir(), "sample.pcap")
			if err := os.WriteFile(path, capture(t, traffic, 0, edge), 0o644); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("tshark", "-r", path, "-T", "fields", "-e", "fcoe.crc.status", "-e", "fcoe.sof", "-e", "fcoe.eof",
				"-e", "_ws.malformed", "-e", "_ws.expert.message", "-e", "frame.len").Output()
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if len(lines) != traffic.Flows() {
				t.Fatalf("%+v: tshark shows %d frames of %d", c, len(lines), traffic.Flows())
			}
			for _, line := range lines {
				if f := strings.Split(line, "\t"); f[0] != "1" || f[3] != "" || f[4] != "" {
					t.Fatalf("%+v: tshark says %q (CRC status 1 is good)", c, line)
				}
			}
		}
	}
}
