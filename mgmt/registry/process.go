package registry

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A token names the process that owns a slot, and which claim of the slot it is, in one word that can be swapped:
// claim (16 bits) | start time of the process (26) | pid (22, Linux' limit). The start time is cut to a week of clock
// ticks: that a pid is used again by a process which began just so many weeks later, to a tick, is taken for impossible.
type token uint64

const (
	pidBits   = 22
	startBits = 26
	pidMask   = 1<<pidBits - 1
	startMask = 1<<startBits - 1
)

func (t token) pid() int      { return int(t & pidMask) }
func (t token) start() uint64 { return uint64(t>>pidBits) & startMask }
func (t token) claim() uint16 { return uint16(t >> (pidBits + startBits)) }
func (t token) free() bool    { return t.pid() == 0 }

// next is the token of the claim after t by process p.
func (t token) next(p process) token {
	return token(t.claim()+1)<<(pidBits+startBits) | token(p.start&startMask)<<pidBits | token(p.pid&pidMask)
}

// released is t without an owner: the count stays.
func (t token) released() token { return t >> (pidBits + startBits) << (pidBits + startBits) }

// process is a process in its time.
type process struct {
	pid   int
	start uint64 // clock ticks since the machine's start
}

func self() (process, error) {
	start, _, err := startOf(os.Getpid())
	if err != nil {
		return process{}, fmt.Errorf("registry: start time of this process: %w", err)
	}
	return process{os.Getpid(), start}, nil
}

// startOf reads when a process began and whether it only waits for its parent to take note of its death.
func startOf(pid int) (start uint64, zombie bool, err error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false, err
	}
	// The name, field 2, is in brackets and may hold anything, brackets and blanks too.
	at := bytes.LastIndexByte(b, ')')
	if at < 0 {
		return 0, false, errors.New("not a stat file")
	}
	fields := bytes.Fields(b[at+1:])
	if len(fields) < 20 {
		return 0, false, errors.New("not a stat file")
	}
	start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return start, fields[0][0] == 'Z' || fields[0][0] == 'X', err
}

// alive says whether the process that the token names still runs. In doubt it does: to take a role from a living
// process is worse than to leave it with a dead one until its heartbeat is old.
func (t token) alive() bool {
	if t.free() {
		return false
	}
	if errors.Is(syscall.Kill(t.pid(), 0), syscall.ESRCH) {
		return false
	}
	start, zombie, err := startOf(t.pid())
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		// Gone since the line before, or hidden from us by a mount option of /proc.
		return !errors.Is(syscall.Kill(t.pid(), 0), syscall.ESRCH)
	}
	return err != nil || !zombie && start&startMask == t.start()
}

// monotonic is the time that all processes of the machine share.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("registry: the kernel has no CLOCK_MONOTONIC: " + err.Error())
	}
	return ts.Nano()
}

// wall turns a monotonic time of some process into wall clock time as of now, to the millisecond; the zero time where it
// cannot be right.
func wall(mono int64) time.Time {
	ago := monotonic() - mono
	if mono <= 0 || ago < 0 {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(ago)).Round(time.Millisecond)
}
