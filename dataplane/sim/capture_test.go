package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fcredirect/dataplane/pcap"
)

func smallScript() Script {
	return Script{Initiators: 3, Targets: 2, HostIface: "edge0", TargetIface: "fabric0", Seed: 4,
		IO: IOConfig{Commands: 60, Blocks: 512, MaxBytes: 16 << 10}}
}

func writeCaptures(t *testing.T, s Script) (dir string, r *Report) {
	t.Helper()
	cfg, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if r, err = Capture(cfg, dir); err != nil {
		t.Fatal(err)
	}
	return dir, r
}

func TestCapturesAreTheSameByteForByte(t *testing.T) {
	one, _ := writeCaptures(t, smallScript())
	two, _ := writeCaptures(t, smallScript())
	for _, name := range []string{"edge0.pcap", "fabric0.pcap"} {
		a, err := os.ReadFile(filepath.Join(one, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(two, name))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs (%v)", name, err)
		}
	}
}

func TestCapturesHoldEveryFrameInTheOrderOfTime(t *testing.T) {
	dir, r := writeCaptures(t, smallScript())
	for _, p := range r.Ports {
		f, err := os.Open(filepath.Join(dir, p.Name+".pcap"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		in, err := pcap.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		last, n := captureEpoch, uint64(0)
		for {
			rec, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if rec.Time <= last {
				t.Fatalf("%s: record %d is not later than the one before", p.Name, n+1)
			}
			last = rec.Time
			n++
		}
		if n != p.FramesOut {
			t.Errorf("%s holds %d frames, %d were sent", p.Name, n, p.FramesOut)
		}
	}
}

// tshark reads the captures, merged, and prints the fields of every frame.
func tshark(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	for _, tool := range []string{"tshark", "mergecap"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: apt install wireshark-common tshark", tool)
		}
	}
	all := filepath.Join(dir, "all.pcap")
	if out, err := exec.Command("mergecap", "-w", all, filepath.Join(dir, "edge0.pcap"), filepath.Join(dir, "fabric0.pcap")).CombinedOutput(); err != nil {
		t.Fatalf("mergecap: %v: %s", err, out)
	}
	out, err := exec.Command("tshark", append([]string{"-n", "-r", all}, args...)...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	text := strings.TrimSuffix(string(out), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func TestTsharkFindsNothingWrong(t *testing.T) {
	for _, vlan := range []uint16{0, 100} {
		t.Run(fmt.Sprintf("VLAN %d", vlan), func(t *testing.T) {
			s := smallScript()
			s.VLAN = vlan
			dir, r := writeCaptures(t, s)
			if !r.OK {
				t.Fatal(r.Why)
			}
			if bad := tshark(t, dir, "-Y", "_ws.malformed || _ws.expert"); len(bad) > 0 {
				t.Errorf("%d frames with problems, the first: %s", len(bad), bad[0])
			}
			judgeCRCs(t, tshark(t, dir, "-Y", "fcoe", "-T", "fields", "-e", "fcoe.crc.status", "-e", "vlan.id"), vlan)
			judgeExchanges(t, tshark(t, dir, "-Y", "fc.type == 8", "-T", "fields", "-e", "fc.r_ctl", "-e", "fc.s_id",
				"-e", "fc.d_id", "-e", "fc.ox_id", "-e", "fc.f_ctl"))
			names := tshark(t, dir, "-Y", "fcels.npname", "-T", "fields", "-e", "fcels.npname")
			for i := range s.Initiators {
				if !strings.Contains(strings.Join(names, " "), InitiatorName(i).String()) {
					t.Errorf("no login with %v", InitiatorName(i))
				}
			}
		})
	}
}

func judgeCRCs(t *testing.T, lines []string, vlan uint16) {
	t.Helper()
	want := "1\t"
	if vlan != 0 {
		want = fmt.Sprintf("1\t%d", vlan)
	}
	for i, l := range lines {
		if l != want {
			t.Fatalf("FCoE frame %d: CRC status and VLAN are %q, want %q", i+1, l, want)
		}
	}
	if len(lines) < 1000 {
		t.Errorf("tshark saw only %d FCoE frames", len(lines))
	}
}

// judgeExchanges follows the FCP exchanges as tshark shows them: each begins with a
// command, ends with one response, and nothing comes outside.
func judgeExchanges(t *testing.T, lines []string) {
	t.Helper()
	open := make(map[string]bool)
	ended := 0
	for i, l := range lines {
		f := strings.Split(l, "\t")
		if len(f) != 5 {
			t.Fatalf("line %q", l)
		}
		key := f[1] + f[2] + f[3]
		if strings.HasPrefix(f[4], "0x8") || strings.HasPrefix(f[4], "0x9") { // EX_CTX
			key = f[2] + f[1] + f[3]
		}
		switch f[0] {
		case "0x06":
			if open[key] {
				t.Fatalf("FCP frame %d: a command in an open exchange", i+1)
			}
			open[key] = true
		case "0x07":
			if !open[key] {
				t.Fatalf("FCP frame %d: a response without a command", i+1)
			}
			delete(open, key)
			ended++
		default:
			if !open[key] {
				t.Fatalf("FCP frame %d: R_CTL %s outside an exchange", i+1, f[0])
			}
		}
	}
	if len(open) > 0 || ended < 360 {
		t.Errorf("%d exchanges have no end, %d have", len(open), ended)
	}
}

func TestTsharkFindsTheFaults(t *testing.T) {
	s := smallScript()
	s.Faults = Faults{BadCRC: 0.02, WrongEOF: 0.01}
	dir, r := writeCaptures(t, s)
	if !r.OK {
		t.Fatal(r.Why)
	}
	bad := tshark(t, dir, "-Y", "fcoe.crc.status == 0")
	if uint64(len(bad)) != r.Faults.BadCRC || len(bad) == 0 {
		t.Errorf("tshark sees %d bad CRCs, %d were made", len(bad), r.Faults.BadCRC)
	}
}

func TestScriptsHaveBoundsAndDistinctNames(t *testing.T) {
	for _, s := range []Script{{Initiators: 0, Targets: 1}, {Initiators: 1, Targets: MaxScriptTargets + 1}} {
		if _, err := s.Config(); err == nil {
			t.Errorf("%d × %d was accepted", s.Initiators, s.Targets)
		}
	}
	seen := make(map[uint16]bool)
	for i := range MaxScriptInitiators {
		seen[uint16(InitiatorName(i))] = true
	}
	for i := range MaxScriptTargets {
		seen[uint16(TargetName(i))] = true
	}
	if len(seen) != MaxScriptInitiators+MaxScriptTargets {
		t.Errorf("%d different addresses for %d nodes", len(seen), MaxScriptInitiators+MaxScriptTargets)
	}
}
