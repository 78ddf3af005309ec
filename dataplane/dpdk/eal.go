package dpdk

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// control serialises everything that is not the hot path, so that the messages found in the log
// after a call are those of that call.
var control struct {
	sync.Mutex
	started bool // Init was called; DPDK can start once per process
	running bool
	held    []Message // messages that a call set aside before it started, for TakeLog
	dropped uint64

	log  [logBytesMax]byte // what takeLog copies to: a look at a link must not make the heap grow
	lost C.uint64_t
}

// Init starts EAL with the given arguments (without a program name). It can be called once per
// process; after that, also after a failure or Cleanup, it returns an error.
//
// Unless the arguments choose cores themselves, EAL gets one core as its main lcore and starts no
// worker threads: the lcores of the dataplane are threads of Go (see RegisterThread). The calling
// thread keeps its CPU affinity. Without hugepages, pass --no-huge and -m MiB.
func Init(args []string) error {
	control.Lock()
	defer control.Unlock()
	const op = "rte_eal_init"
	for _, a := range args {
		if a == "-h" || a == "--help" || a == "-v" || a == "--version" {
			return refused(op, "", syscall.EINVAL, "argument %s would end the process", a)
		}
	}
	argv, err := ealArgv(args)
	if err != nil {
		return refused(op, "", syscall.EINVAL, "%v", err)
	}
	if control.started {
		return refused(op, "", syscall.EALREADY, "EAL starts once per process")
	}
	control.started = true

	// EAL keeps pointers into its arguments: they are never freed.
	c := (*[1 << 10]*C.char)(C.calloc(C.size_t(len(argv)+1), C.size_t(unsafe.Sizeof(uintptr(0)))))
	for i, a := range argv {
		c[i] = C.CString(a)
	}
	runtime.LockOSThread()
	rc := C.fcr_eal_init(C.int(len(argv)), &c[0])
	runtime.UnlockOSThread()
	if rc < 0 {
		e := failed(op, "", rc)
		e.Hint = initHint(e.Detail, e.Errno, argv)
		removeRuntimeDir()
		return e
	}
	control.running = true
	return nil
}

// argsMax bounds Init's arguments.
const argsMax = 256

// ealArgv completes the arguments: the program name, one core when args choose none, no telemetry.
func ealArgv(args []string) ([]string, error) {
	if len(args) > argsMax {
		return nil, fmt.Errorf("%d arguments, limit %d", len(args), argsMax)
	}
	argv := []string{"fcr"}
	if !choosesCores(args) {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(0, &set); err != nil {
			return nil, fmt.Errorf("sched_getaffinity: %w", err)
		}
		cpu := 0
		for !set.IsSet(cpu) {
			cpu++
		}
		argv = append(argv, fmt.Sprintf("--lcores=0@%d", cpu))
	}
	// The telemetry socket is a door that nobody here uses, and Go's exit would leave it behind.
	if !slices.Contains(args, "--telemetry") {
		argv = append(argv, "--no-telemetry")
	}
	return append(argv, args...), nil
}

func choosesCores(args []string) bool {
	for _, a := range args {
		switch {
		case strings.HasPrefix(a, "--lcores"), strings.HasPrefix(a, "--main-lcore"):
			return true
		case strings.HasPrefix(a, "--"):
		case strings.HasPrefix(a, "-l"), strings.HasPrefix(a, "-c"), strings.HasPrefix(a, "-s"), strings.HasPrefix(a, "-S"):
			return true
		}
	}
	return false
}

// initHint says what to do about a start that failed. detail is what EAL logged.
func initHint(detail string, errno syscall.Errno, argv []string) string {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(strings.ToLower(detail), p) {
				return true
			}
		}
		return false
	}
	noHuge := slices.Contains(argv, "--no-huge")
	switch {
	case noHuge && (errno == syscall.ENOMEM || has("memory")):
		return "not enough memory: ask for less with -m"
	case has("runtime dir", "/var/run/dpdk", "create lock on", "cannot create lock"):
		return "another process uses the same --file-prefix, or the runtime directory cannot be written: choose another prefix"
	case has("hugepage", "hugetlbfs") && os.Geteuid() != 0:
		return "hugepages are missing or belong to root: run as root, or start without them (--no-huge -m 512)"
	case has("hugepage", "hugetlbfs", "cannot init memory"):
		return "reserve hugepages (sysctl vm.nr_hugepages=256), mount hugetlbfs on /dev/hugepages, or start without them (--no-huge -m 512)"
	case errno == syscall.EACCES || errno == syscall.EPERM:
		return "permission denied: run as root, or with --no-huge and --no-pci as an ordinary user"
	}
	return ""
}

// Cleanup gives back what EAL holds, hugepages included. Ports, rings and mempools are closed first;
// nothing of this package may be used after it.
func Cleanup() error {
	control.Lock()
	defer control.Unlock()
	if !control.running {
		return refused("rte_eal_cleanup", "", syscall.EINVAL, "EAL is not running")
	}
	clearLog()
	control.running = false
	defer removeRuntimeDir()
	if rc := C.fcr_eal_cleanup(); rc != 0 {
		return failed("rte_eal_cleanup", "", rc)
	}
	return nil
}

// removeRuntimeDir takes away the directory of this --file-prefix, which EAL leaves behind. With
// --no-shconf it is empty; otherwise others may need what is in it, and Remove refuses.
func removeRuntimeDir() { _ = os.Remove(C.GoString(C.fcr_eal_runtime_dir())) }

// Version is that of the libdpdk in use, such as "DPDK 22.11.11".
func Version() string { return C.GoString(C.fcr_version()) }

// Level is the severity of a Message, as DPDK numbers it.
type Level uint8

// Levels of DPDK.
const (
	LevelEmergency Level = iota + 1
	LevelAlert
	LevelCritical
	LevelError
	LevelWarning
	LevelNotice
	LevelInfo
	LevelDebug
)

// Message is one line that DPDK logged.
type Message struct {
	Level Level
	Text  string
}

// TakeLog returns the messages that DPDK logged since the last call, oldest first, and how many were
// dropped because nobody took them in time (at most 16 KiB are kept). Messages that explain a
// returned error are in that error, not here.
func TakeLog() (messages []Message, dropped uint64) {
	control.Lock()
	defer control.Unlock()
	clearLog()
	messages, dropped = control.held, control.dropped
	control.held, control.dropped = nil, 0
	return messages, dropped
}

// clearLog sets aside what is in the log, so that a call that follows finds only its own.
func clearLog() {
	for _, m := range takeLog() {
		if len(control.held) < heldMax {
			control.held = append(control.held, m)
		} else {
			control.dropped++
		}
	}
}

func takeLog() []Message {
	n := C.fcr_log_take((*C.char)(unsafe.Pointer(&control.log[0])), C.size_t(len(control.log)), &control.lost)
	control.dropped += uint64(control.lost)
	if n == 0 {
		return nil
	}
	return parseLog(control.log[:n])
}

// parseLog reads records of one level byte and a zero-terminated line.
func parseLog(b []byte) []Message {
	var messages []Message
	for _, record := range strings.Split(string(b), "\x00") {
		if len(record) < 2 {
			continue
		}
		messages = append(messages, Message{Level: Level(record[0]), Text: strings.TrimSpace(record[1:])})
	}
	return messages
}
