package bench

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startForTest(t *testing.T, argv ...string) *process {
	t.Helper()
	p, err := start(argv, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p
}

func TestProcessAnswersAndEnds(t *testing.T) {
	p := startForTest(t, "sh", "-c", `echo ready; read line; echo "got $line"; echo "got $line"`)
	if err := p.expect(t.Context(), "ready", 1); err != nil {
		t.Fatal(err)
	}
	if err := p.say("hello"); err != nil {
		t.Fatal(err)
	}
	if err := p.expect(t.Context(), "got hello", 2); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestProcessThatIsNotThere(t *testing.T) {
	_, err := start([]string{"fcr-no-such-program"}, nil, 0)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("%v", err)
	}
}

func TestProcessThatFailsIsQuoted(t *testing.T) {
	p := startForTest(t, "sh", "-c", "echo no hugepages >&2; exit 3")
	err := p.expect(t.Context(), "ready", 1)
	if err == nil || !strings.Contains(err.Error(), "no hugepages") {
		t.Errorf("expect: %v", err)
	}
	if _, err := run(t.Context(), []string{"sh", "-c", "echo no core >&2; exit 3"}, nil); err == nil || !strings.Contains(err.Error(), "no core") {
		t.Errorf("run: %v", err)
	}
}

func TestStopEndsAProgramThatWouldRunForEver(t *testing.T) {
	p := startForTest(t, "sh", "-c", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
	if err := p.expect(t.Context(), "ready", 1); err != nil {
		t.Fatal(err)
	}
	pid := p.cmd.Process.Pid
	p.stop()
	if !strings.Contains(p.stdout.String(), "bye") {
		t.Error("it was killed without being asked")
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d after stop: %v", pid, err)
	}
	p.stop() // once more does nothing
}

func TestWaitEndsWithTheContext(t *testing.T) {
	p := startForTest(t, "sleep", "1000")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestOutputKeepsTheLastPart(t *testing.T) {
	var o output
	for range 3 {
		if n, err := o.Write([]byte(strings.Repeat("x", maxOutput/2))); n != maxOutput/2 || err != nil {
			t.Fatal(n, err)
		}
	}
	o.Write([]byte("\nthe end\n\n"))
	if len(o.String()) != maxOutput || o.last(1) != "the end" {
		t.Errorf("%d bytes, last %q", len(o.String()), o.last(1))
	}
}

func TestScenarioFiles(t *testing.T) {
	s, err := Prepare(Config{Directions: 600, Seed: 3}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.Pairs[0].EdgeCapture, s.Pairs[0].FabricCapture, s.Path(BootFile), s.Path(PolicyFile), s.Path(DirectionsFile), s.Path(OpenFlowFile)} {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(s.Dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := Prepare(Config{Directions: 600}, "/tmp/a,b"); err == nil || !strings.Contains(err.Error(), "commas") {
		t.Errorf("a directory that breaks vdev arguments: %v", err)
	}
	if _, err := Prepare(Config{Directions: 600}, "/nonexistent"); err == nil {
		t.Error("a directory that is not there: no error")
	}
}

func TestMemoryGrowsWithWhatIsMeasured(t *testing.T) {
	small := scenarioForTest(t, Config{Directions: 24000})
	million := scenarioForTest(t, Config{Directions: 1_000_000})
	long := scenarioForTest(t, Config{Directions: 24000, FrameBytes: MaxFrame})
	if small.MbufBytes != 256 || long.MbufBytes != 2304 {
		t.Errorf("mbufs of %d and %d bytes", small.MbufBytes, long.MbufBytes)
	}
	if m := million.Memory(); m < 600<<20 || m > 1024<<20 {
		t.Errorf("a million directions: %d MiB", m>>20)
	}
	if small.Memory() >= long.Memory() {
		t.Errorf("%d MiB for 60-byte frames, %d for 2,172", small.Memory()>>20, long.Memory()>>20)
	}
}
