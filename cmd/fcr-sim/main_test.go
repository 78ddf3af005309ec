package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fcredirect/dataplane/sim"
)

// TestMain makes the test binary the command itself when a test runs it as such.
func TestMain(m *testing.M) {
	if os.Getenv("FCR_SIM_TEST_RUN") != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// started is fcr-sim at work.
type started struct {
	t      *testing.T
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

func start(t *testing.T, args ...string) *started {
	t.Helper()
	s := &started{t: t, cmd: exec.Command(os.Args[0], args...)}
	s.cmd.Env = append(os.Environ(), "FCR_SIM_TEST_RUN=1")
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// wait expects an exit status and returns what was said.
func (s *started) wait(status int) string {
	s.t.Helper()
	_ = s.cmd.Wait()
	if got := s.cmd.ProcessState.ExitCode(); got != status {
		s.t.Fatalf("fcr-sim %v: exit status %d, want %d\n%s", s.cmd.Args[1:], got, status, s.stderr.String())
	}
	return s.stderr.String()
}

func report(t *testing.T, path string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r map[string]any
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheFabricOfTheReadmeIsValid(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```yaml\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the README has no fabric")
	}
	cfg, err := sim.ParseConfig([]byte(text))
	if err != nil || len(cfg.Nodes) != 3 {
		t.Errorf("%+v (%v)", cfg, err)
	}
}

func TestCapturesAreGoodAndRepeat(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	args := []string{"pcap", "--commands", "20", "--blocks", "256"}
	said := start(t, append(args, "--seed", "7", "--out", at("a"), "--json", at("r.json"))...).wait(0)
	if !strings.Contains(said, "4 initiator-target pairs") {
		t.Errorf("summary: %s", said)
	}
	if said := start(t, append(args, "--seed", "7", "--out", at("b"), "--quiet")...).wait(0); said != "" {
		t.Errorf("--quiet says %q", said)
	}
	start(t, append(args, "--seed", "8", "--out", at("c"), "--quiet")...).wait(0)
	for _, name := range []string{"edge0.pcap", "fabric0.pcap"} {
		a, _ := os.ReadFile(filepath.Join(at("a"), name))
		b, _ := os.ReadFile(filepath.Join(at("b"), name))
		c, _ := os.ReadFile(filepath.Join(at("c"), name))
		if len(a) < 1000 || !bytes.Equal(a, b) || bytes.Equal(a, c) {
			t.Errorf("%s: %d bytes, the same again: %v, the same with another seed: %v", name, len(a), bytes.Equal(a, b), bytes.Equal(a, c))
		}
	}
	r := report(t, at("r.json"))
	for _, key := range []string{
		"ok", "logins", "sessions", "commands", "reads", "writes", "bytes_read", "bytes_written", "verify_errors", "errors",
		"retries", "timeouts", "aborts", "unfinished", "frames_in", "frames_out", "fcp_frames_in", "fcp_frames_out", "bad_crc",
		"faults_injected", "faults", "service_frames", "service_fcp_frames", "service_fcp_unique", "service_fcp_duplicates",
		"pairs", "nodes", "services", "ports", "seconds", "seed",
	} {
		if _, there := r[key]; !there {
			t.Errorf("the report has no %s", key)
		}
	}
	if r["ok"] != true || r["sessions"] != 4.0 || r["verify_errors"] != 0.0 {
		t.Errorf("ok %v, sessions %v, verify errors %v", r["ok"], r["sessions"], r["verify_errors"])
	}
}

func TestWrongDataEndsInStatusOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	said := start(t, "pcap", "--out", dir, "--commands", "50", "--blocks", "256", "--corrupt", "0.02", "--json", path).wait(1)
	if !strings.Contains(said, "verify block") || !strings.Contains(said, "reads returned wrong data") {
		t.Errorf("said %s", said)
	}
	if r := report(t, path); r["ok"] != false || r["verify_errors"] == 0.0 {
		t.Errorf("ok %v, verify errors %v", r["ok"], r["verify_errors"])
	}
}

func TestMistakesAreNamed(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("nodes:\n  - kind: target\n    wpn: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"run"}, 2, `"config" not set`},
		{[]string{"run", "--config", bad + ".not"}, 2, "read fabric"},
		{[]string{"run", "--config", bad}, 2, "[3:"},
		{[]string{"initiator", "--iface", "lo"}, 2, `"wwpn" not set`},
		{[]string{"initiator", "--iface", "lo", "--wwpn", "20:00"}, 2, `parse WWN "20:00"`},
		{[]string{"initiator", "--iface", "lo", "--wwpn", "200002fc01000001", "--target", "x"}, 2, "--target"},
		{[]string{"service", "--iface", "lo", "--mac", "01:00:00:00:00:01"}, 2, "mac of a service"},
		{[]string{"target", "--iface", "nosuch0", "--wwpn", "200002fc0a00000a"}, 1, "open interface nosuch0"},
		{[]string{"load", "--iface", "nosuch0", "--flows", "0"}, 2, "flows is 0"},
		{[]string{"sink", "--iface", "nosuch0", "--frame-bytes", "61"}, 2, "frame bytes is 61"},
		{[]string{"pcap", "--out", "x", "--initiators", "1000"}, 2, "1000 initiators"},
		{[]string{"pcap", "--out", "x", "--loss", "2"}, 2, "loss is 2"},
		{[]string{"pcap", "--no-such-flag"}, 2, "unknown flag"},
		{[]string{"nonsense"}, 2, "unknown command"},
	} {
		if said := start(t, tc.args...).wait(tc.status); !strings.Contains(said, tc.want) {
			t.Errorf("%v: said %q, want %q in it", tc.args, said, tc.want)
		}
	}
}

// namespaces makes two network namespaces joined by a veth pair.
func namespaces(t *testing.T) (nsA, nsB string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	nsA, nsB = fmt.Sprintf("fcrsimcmd-a-%d", os.Getpid()), fmt.Sprintf("fcrsimcmd-b-%d", os.Getpid())
	for _, args := range []string{
		"netns add " + nsA, "netns add " + nsB,
		"-n " + nsA + " link add cmda type veth peer name cmdb netns " + nsB,
		"-n " + nsA + " link set cmda mtu 2500 up", "-n " + nsB + " link set cmdb mtu 2500 up",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	t.Cleanup(func() {
		_ = exec.Command("ip", "netns", "del", nsA).Run()
		_ = exec.Command("ip", "netns", "del", nsB).Run()
	})
	return nsA, nsB
}

func TestNodesInProcessesOfTheirOwn(t *testing.T) {
	nsA, nsB := namespaces(t)
	dir := t.TempDir()
	counts, result := filepath.Join(dir, "count.json"), filepath.Join(dir, "i.json")
	target := start(t, "target", "--iface", "cmdb", "--netns", nsB, "--wwpn", "20:00:02:fc:0a:00:00:0a", "--time-scale", "0.2")
	tap := start(t, "service", "--iface", "cmdb", "--netns", nsB, "--mac", "02:fc:5e:00:00:01", "--mode", "tap", "--count-file", counts)
	start(t, "initiator", "--iface", "cmda", "--netns", nsA, "--wwpn", "20:00:02:fc:01:00:00:01",
		"--target", "20:00:02:fc:0a:00:00:0a", "--time-scale", "0.2", "--commands", "100", "--json", result).wait(0)
	if err := tap.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(counts); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("SIGUSR1 wrote no counts")
		}
	}
	for _, s := range []*started{tap, target} {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		s.wait(0)
	}
	r := report(t, result)
	// The tap, in promiscuous mode beside the target, sees what the host sends.
	pair := r["pairs"].([]any)[0].(map[string]any)
	if fcp := report(t, counts)["fcp"].(map[string]any); fcp["unique"] != pair["fcp_frames_out"] || fcp["unique"] == 0.0 {
		t.Errorf("the tap saw %v frames, the host sent %v", fcp["unique"], pair["fcp_frames_out"])
	}
}

func TestLoadReachesTheSink(t *testing.T) {
	nsA, nsB := namespaces(t)
	dir := t.TempDir()
	sent, got := filepath.Join(dir, "load.json"), filepath.Join(dir, "sink.json")
	sink := start(t, "sink", "--iface", "cmdb", "--netns", nsB, "--flows", "64", "--idle", "2s", "--json", got)
	for range 3 { // the numbers are the same each time, so rounds before the sink listens cost nothing
		start(t, "load", "--iface", "cmda", "--netns", nsA, "--flows", "64", "--frames", "1280", "--rate", "20000", "--json", sent).wait(0)
	}
	sink.wait(0)
	if s := report(t, sent); s["sent"] != 1280.0 || s["frames_per_flow"] != 20.0 {
		t.Errorf("load: %v", s)
	}
	if r := report(t, got); r["received"].(float64) < 1280 || r["unique"] != 1280.0 || r["lost"] != 0.0 {
		t.Errorf("sink: %v", r)
	}
}

func TestNobodyToTalkToIsNotGood(t *testing.T) {
	nsA, _ := namespaces(t)
	said := start(t, "initiator", "--iface", "cmda", "--netns", nsA, "--wwpn", "20:00:02:fc:01:00:00:01",
		"--time-scale", "0.1", "--duration", "300ms").wait(1)
	if !strings.Contains(said, "no initiator has read anything") {
		t.Errorf("said %s", said)
	}
}
