package dpdk_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/dpdk"
)

// childMain starts EAL with the given arguments, says on file 3 how that went, waits for its
// standard input to be closed, and stops. Standard output is EAL's: it prints its usage there.
func childMain(args string) int {
	report := os.NewFile(3, "report")
	if err := dpdk.Init(strings.Split(args, " ")); err != nil {
		fmt.Fprintf(report, "init: %v\n", err)
		return 0
	}
	_, err := dpdk.NewMempool("child", 255, 0, 2176, dpdk.AnySocket)
	first, _ := dpdk.TakeLog()
	second, dropped := dpdk.TakeLog()
	fmt.Fprintf(report, "started, mempool %v, begins with %q, then %d messages, %d dropped\n", err, first[0].Text, len(second), dropped)
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := dpdk.Cleanup(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// startChild runs childMain in another process and returns its report; stop ends it.
func startChild(t *testing.T, uid uint32, args string) (report string, stop func()) {
	t.Helper()
	binary := os.Args[0]
	if uid != 0 {
		binary = copyForAll(t)
	}
	cmd := exec.Command(binary)
	// An ordinary user must not be sent to root's runtime directory.
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "XDG_RUNTIME_DIR=") }), childArgs+"="+args)
	cmd.Dir = "/"
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	report, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Errorf("child says nothing: %v", err)
	}
	return report, func() {
		_ = in.Close()
		_ = out.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("child: %v", err)
		}
	}
}

// copyForAll puts the test binary where an ordinary user can run it.
func copyForAll(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fcr-dpdk-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "dpdk.test")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, binary, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

const nobody = 65534

func TestInitInAnotherProcess(t *testing.T) {
	prefix := func(name string) string { return fmt.Sprintf("--file-prefix=fcr-test-%d-%s", os.Getpid(), name) }
	quiet := "--no-huge --no-pci --no-shconf -m 64 "
	tests := []struct {
		name string
		uid  uint32
		args string
		want []string // parts of the report
	}{
		{"starts without hugepages", 0, quiet + prefix("a"), []string{"started, mempool <nil>", `begins with "EAL: Detected CPU lcores: `, "then 0 messages, 0 dropped"}},
		{"starts without hugepages as an ordinary user", nobody, quiet + prefix("b"), []string{"started, mempool <nil>"}},
		{"starts with the cores that its arguments choose", 0, quiet + "-l 0 " + prefix("c"), []string{"started, mempool <nil>"}},
		{"says that hugepages are missing", 0, "--no-pci --no-shconf --huge-dir=/nowhere " + prefix("d"),
			[]string{"init: rte_eal_init: ", "reserve hugepages (sysctl vm.nr_hugepages"}},
		{"tells an ordinary user about --no-huge", nobody, "--no-pci --no-shconf --huge-dir=/nowhere " + prefix("e"),
			[]string{"init: rte_eal_init: ", "start without them (--no-huge"}},
		{"quotes what EAL says about an argument", 0, quiet + "--iova-mode=sideways " + prefix("f"),
			[]string{"init: rte_eal_init: invalid argument", "iova"}},
		{"refuses an argument that would end the process", 0, "--help", []string{"argument --help would end the process"}},
		{"says that there is not so much memory", 0, "--no-huge --no-pci --no-shconf -m 100000000 " + prefix("h"),
			[]string{"init: rte_eal_init: ", "ask for less with -m"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if os.Geteuid() != 0 && (test.uid != 0 || strings.Contains(test.name, "hugepages are missing")) {
				t.Skip("only root can become another user, or use hugepages")
			}
			report, stop := startChild(t, test.uid, test.args)
			stop()
			for _, want := range test.want {
				if !strings.Contains(report, want) {
					t.Errorf("report %q, want %q in it", report, want)
				}
			}
		})
	}
}

func TestTwoProcessesWithOnePrefixSaySo(t *testing.T) {
	args := fmt.Sprintf("--no-huge --no-pci -m 64 --file-prefix=fcr-test-%d-twice", os.Getpid())
	first, stopFirst := startChild(t, 0, args)
	second, stopSecond := startChild(t, 0, args)
	stopSecond()
	stopFirst()
	// With a shared configuration DPDK leaves it behind for the next process.
	dir := "/var/run/dpdk"
	if os.Geteuid() != 0 {
		dir = "/tmp/dpdk"
	}
	if err := os.RemoveAll(fmt.Sprintf("%s/fcr-test-%d-twice", dir, os.Getpid())); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(first, "started") || !strings.Contains(second, "choose another prefix") {
		t.Errorf("first: %q; second: %q", first, second)
	}
}

func TestInitTwiceIsAnError(t *testing.T) {
	err := dpdk.Init([]string{"--no-huge"})
	if !errors.Is(err, syscall.EALREADY) || !strings.Contains(err.Error(), "once per process") {
		t.Errorf("error %v", err)
	}
}

func TestInitLeavesThreadsAlone(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	// On a machine of one CPU this says nothing; on any other a thread pinned by EAL has one.
	if set.Count() < runtime.NumCPU() {
		t.Errorf("a thread of Go may run on %d of %d CPUs", set.Count(), runtime.NumCPU())
	}
	if id := dpdk.LcoreID(); id != -1 {
		t.Errorf("a thread of Go that nobody registered is lcore %d", id)
	}
}

func TestEALArguments(t *testing.T) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	first := 0
	for !set.IsSet(first) {
		first++
	}
	one := fmt.Sprintf("--lcores=0@%d", first)
	tests := []struct {
		name       string
		args, want []string
	}{
		{"get one core and no telemetry", []string{"--no-huge"}, []string{"fcr", one, "--no-telemetry", "--no-huge"}},
		{"keep a core list", []string{"-l", "1"}, []string{"fcr", "--no-telemetry", "-l", "1"}},
		{"keep a core list without space", []string{"-l1"}, []string{"fcr", "--no-telemetry", "-l1"}},
		{"keep a core mask", []string{"-c3"}, []string{"fcr", "--no-telemetry", "-c3"}},
		{"keep a core map", []string{"--lcores=1@2"}, []string{"fcr", "--no-telemetry", "--lcores=1@2"}},
		{"do not take --log-level for a core list", []string{"--log-level=8"}, []string{"fcr", one, "--no-telemetry", "--log-level=8"}},
		{"keep telemetry when asked for", []string{"-l1", "--telemetry"}, []string{"fcr", "-l1", "--telemetry"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := dpdk.EALArgv(test.args)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
		})
	}
	if _, err := dpdk.EALArgv(make([]string, 257)); err == nil {
		t.Error("257 arguments are accepted")
	}
}

func TestLogRecords(t *testing.T) {
	got := dpdk.ParseLog([]byte("\x04EAL: no luck\x00\x05EAL: careful \x00\x07x\x00\x00"))
	want := []dpdk.Message{{Level: dpdk.LevelError, Text: "EAL: no luck"}, {Level: dpdk.LevelWarning, Text: "EAL: careful"}, {Level: dpdk.LevelInfo, Text: "x"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := dpdk.Detail(got); got != "no luck" {
		t.Errorf("detail %q", got)
	}
	if got := dpdk.Detail(want[1:]); got != "careful" {
		t.Errorf("detail without errors %q", got)
	}
}

func TestVersionNamesDPDK(t *testing.T) {
	if v := dpdk.Version(); !strings.HasPrefix(v, "DPDK ") {
		t.Errorf("version %q", v)
	}
}
