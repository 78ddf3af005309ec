package engine

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
)

// replayed is what a replay gave: the report and what left each port.
type replayed struct {
	*Report
	sent map[string][][]byte
	raw  map[string][]byte // files
}

func replayOf(t *testing.T, bootText, policyText string, inputs map[string]string) replayed {
	t.Helper()
	out := t.TempDir()
	r := Replay{Boot: bootOf(t, bootText), Policy: policyOf(t, policyText), Out: out, Log: quiet}
	for _, port := range slices.Sorted(maps.Keys(inputs)) {
		r.Inputs = append(r.Inputs, Input{port, inputs[port]})
	}
	report, err := r.Run()
	if err != nil {
		t.Fatal(err)
	}
	if err := report.WriteFile(filepath.Join(out, "report.json")); err != nil {
		t.Fatal(err)
	}
	result := replayed{report, map[string][][]byte{}, map[string][]byte{}}
	for _, p := range r.Boot.Ports {
		path := filepath.Join(out, p.Name+".pcap")
		result.sent[p.Name], _ = framesOf(t, path)
		result.raw[p.Name], _ = os.ReadFile(path)
	}
	result.raw["report"], _ = os.ReadFile(filepath.Join(out, "report.json"))
	return result
}

func framesOf(t *testing.T, path string) (frames [][]byte, times []int64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcap.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return frames, times
		}
		if err != nil {
			t.Fatal(err)
		}
		frames, times = append(frames, bytes.Clone(rec.Data)), append(times, rec.Time)
	}
}

// captures are the Linux ones: the thinned copies of the frame package, and the whole ones where they are at hand.
func captures(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"linux-vn2vn-login-io", "linux-vn2vn-three-nodes"} {
		packed, err := os.Open(filepath.Join("../frame/testdata", name+".pcap.gz"))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(packed)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		packed.Close()
		path := filepath.Join(t.TempDir(), name+".pcap")
		if err := os.WriteFile(path, plain, 0o644); err != nil {
			t.Fatal(err)
		}
		found[name+" (thinned)"] = path
		if whole := filepath.Join("../../../shared/captures", name+".pcap"); exists(whole) {
			found[name] = whole
		} else {
			t.Logf("%s is not at hand: only its thinned copy is replayed", whole)
		}
	}
	return found
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func TestReplayWithoutPolicyPassesEveryFrameBitForBit(t *testing.T) {
	for name, path := range captures(t) {
		t.Run(name, func(t *testing.T) {
			in, times := framesOf(t, path)
			r := replayOf(t, onePair, "", map[string]string{"edge0": path})
			if len(r.sent["svc0"])+len(r.sent["edge0"]) != 0 {
				t.Fatal("frames left by a port that they were not bound for")
			}
			_, sentAt := framesOf(t, writeFile(t, r.raw["fabric0"]))
			for i := range in {
				if i >= len(r.sent["fabric0"]) || !bytes.Equal(in[i], r.sent["fabric0"][i]) || times[i] != sentAt[i] {
					t.Fatalf("frame %d of %d did not pass as it was, when it was", i, len(in))
				}
			}
		})
	}
}

func TestReplayNamesHostsTargetsAndTheirFlows(t *testing.T) {
	const host, a, b = "20:00:02:fc:01:00:00:01", "20:00:02:fc:0a:00:00:0a", "20:00:02:fc:0b:00:00:0b"
	for name, path := range captures(t) {
		t.Run(name, func(t *testing.T) {
			r := replayOf(t, onePair, "", map[string]string{"edge0": path})
			roles, flows := map[string]string{}, map[string]int{}
			for _, l := range r.Logins {
				roles[l.WWPN] = l.Role
			}
			for _, f := range r.Flows {
				flows[f.Initiator+" "+f.Target]++
			}
			wantRoles := map[string]string{host: "initiator", a: "target"}
			wantFlows := map[string]int{host + " " + a: 1}
			if strings.Contains(name, "three") {
				wantRoles[b], wantFlows[host+" "+b] = "target", 1
			}
			if !maps.Equal(roles, wantRoles) || !maps.Equal(flows, wantFlows) {
				t.Fatalf("roles %v, flows %v", roles, flows)
			}
		})
	}
}

func TestReplayAppliesThePolicyToOnePairAlone(t *testing.T) {
	const host, a = "20:00:02:fc:01:00:00:01", "20:00:02:fc:0a:00:00:0a"
	for name, path := range captures(t) {
		in, _ := framesOf(t, path)
		pair, commands := 0, 0
		var rest [][]byte
		for _, f := range in {
			var h frame.Header
			if frame.Decode(f, &h) == frame.OK && h.Type == frame.TypeFCP && (h.SID == 0x0a || h.DID == 0x0a) {
				pair++
				if h.RCtl == frame.RCtlUnsolicitedCmd {
					commands++
				}
			} else {
				rest = append(rest, f)
			}
		}
		if pair == 0 || commands == 0 {
			t.Fatalf("%s: no FCP frames of the pair: the test would prove nothing", name)
		}
		for action, want := range map[string]struct{ service, fabric int }{
			"action: redirect, service: inspect":             {pair, len(rest)},
			"action: drop":                                   {0, len(rest)},
			"action: mirror, service: tap":                   {pair, len(in)},
			"action: mirror, frames: commands, service: tap": {commands, len(in)},
		} {
			t.Run(name+"/"+action, func(t *testing.T) {
				r := replayOf(t, onePair, rule(host, a, action), map[string]string{"edge0": path})
				if got := len(r.sent["svc0"]); got != want.service {
					t.Errorf("%d frames left the service port, want %d", got, want.service)
				}
				if got := len(r.sent["fabric0"]); got != want.fabric {
					t.Errorf("%d frames left the fabric port, want %d", got, want.fabric)
				}
				for _, f := range r.sent["svc0"] {
					var h frame.Header
					if reason := frame.Decode(f, &h); reason != frame.OK || !h.CRCGood(f) {
						t.Fatalf("the service got a frame that is %v, CRC good %v", reason, h.CRCGood(f))
					}
				}
			})
		}
	}
}

func TestTheSameReplayGivesTheSameBytes(t *testing.T) {
	path := captures(t)["linux-vn2vn-three-nodes (thinned)"]
	policy := rule("any", "20:00:02:fc:0a:00:00:0a", "action: redirect, service: inspect")
	first := replayOf(t, onePair, policy, map[string]string{"edge0": path})
	for range 3 {
		again := replayOf(t, onePair, policy, map[string]string{"edge0": path})
		for name, b := range first.raw {
			if !bytes.Equal(b, again.raw[name]) {
				t.Fatalf("%s differs", name)
			}
		}
	}
}

func TestACaptureThatWasCutIsReadUpToThere(t *testing.T) {
	whole, err := os.ReadFile(captures(t)["linux-vn2vn-three-nodes (thinned)"])
	if err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, whole[:len(whole)-10])
	in, _ := framesOf(t, path)
	r := replayOf(t, onePair, "", map[string]string{"edge0": path})
	if len(r.sent["fabric0"]) != len(in) || len(r.Warnings) != 1 {
		t.Fatalf("%d of %d frames, warnings %v", len(r.sent["fabric0"]), len(in), r.Warnings)
	}
}

func TestReplayMixesItsInputsByTime(t *testing.T) {
	odd, even := fcp(1, 2, frame.RCtlUnsolicitedCmd, 0x290000, 0, make([]byte, 32)), fcp(2, 1, frame.RCtlCommandStatus, 0x980000, 0, make([]byte, 24))
	r := replayOf(t, onePair, "", map[string]string{
		"edge0":   captureOf(t, map[int64][]byte{10: odd, 30: odd}),
		"fabric0": captureOf(t, map[int64][]byte{20: even, 40: even}),
	})
	if len(r.sent["fabric0"]) != 2 || len(r.sent["edge0"]) != 2 || len(r.Flows) != 1 {
		t.Fatalf("%d and %d frames, %d flows", len(r.sent["fabric0"]), len(r.sent["edge0"]), len(r.Flows))
	}
	if f := r.Flows[0]; f.FramesOut != 2 || f.FramesIn != 2 || f.Created != "1970-01-01T00:00:00.00000001Z" {
		t.Fatalf("%+v", f)
	}
}

// Lcore 1 owns the flow, lcore 0 the service port: frames are carried there and back.
func TestLcoresShareAServicePort(t *testing.T) {
	policy := services + "policies:\n  - {name: all, match: {initiator: any, target: any, vsan: any}, action: redirect, service: inspect}\n"
	cmd := fcp(1, 2, frame.RCtlUnsolicitedCmd, 0x290000, 0, make([]byte, 32))
	returned := bytes.Clone(cmd)
	copy(returned, []byte{2, 0xfc, 0x5e, 0, 0, 1})
	r := replayOf(t, twoPairs, policy, map[string]string{
		"edge1": captureOf(t, map[int64][]byte{10: cmd, 30: cmd}),
		"svc0":  captureOf(t, map[int64][]byte{20: returned, 40: returned}),
	})
	if len(r.sent["svc0"]) != 2 || !bytes.Equal(r.sent["svc0"][0], returned) {
		t.Fatalf("the service got %d frames; drops %v", len(r.sent["svc0"]), r.Drops)
	}
	if len(r.sent["fabric1"]) != 2 || !bytes.Equal(r.sent["fabric1"][1], cmd) || len(r.sent["fabric0"]) != 0 {
		t.Fatalf("fabric1 sent %d, fabric0 %d; drops %v", len(r.sent["fabric1"]), len(r.sent["fabric0"]), r.Drops)
	}
}

func TestReplayErrorsSayWhatToDo(t *testing.T) {
	good := captures(t)["linux-vn2vn-three-nodes (thinned)"]
	for want, in := range map[string]Input{
		"no port nowhere": {"nowhere", good},
		"no such file":    {"edge0", "/nonexistent.pcap"},
		"not a pcap":      {"edge0", "replay_test.go"},
	} {
		_, err := Replay{Boot: bootOf(t, onePair), Inputs: []Input{in}, Out: t.TempDir(), Log: quiet}.Run()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q in it", in, err, want)
		}
	}
}

func captureOf(t *testing.T, frames map[int64][]byte) string {
	t.Helper()
	var b bytes.Buffer
	w, err := pcap.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range slices.Sorted(maps.Keys(frames)) {
		if err := w.Write(at, frames[at]); err != nil {
			t.Fatal(err)
		}
	}
	return writeFile(t, b.Bytes())
}

func writeFile(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.pcap", len(b)))
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
