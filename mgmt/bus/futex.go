package bus

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The words are shared by processes, so the private forms of these operations would not do.
const (
	futexWait = 0
	futexWake = 1
)

// A door is the word on which a process's receiver goroutine sleeps, and by which others know whether to wake it.
type door struct{ word *uint32 }

// What a door says. Only asleep matters to others.
const (
	awake  uint32 = iota // the receiver goroutine looks at the rings, or has been woken to
	asleep               // nobody looks: ring
	polled               // a caller looks; the receiver goroutine sleeps nevertheless, until somebody rings
)

func (d door) set(state uint32) { atomic.StoreUint32(d.word, state) }

// wait sleeps until somebody rings, at most for the given time; not at all when the word is not as expected.
func (d door) wait(expected uint32, most time.Duration) {
	ts := unix.NsecToTimespec(int64(most))
	// Whatever it returns (woken, rung already, time over, a signal), the caller looks at its rings.
	_, _, _ = syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(d.word)), futexWait, uintptr(expected), uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// ring wakes the process if it said that it sleeps; nothing is written otherwise.
func (d door) ring() bool {
	if atomic.LoadUint32(d.word) != asleep || !atomic.CompareAndSwapUint32(d.word, asleep, awake) {
		return false
	}
	_, _, _ = syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(d.word)), futexWake, 1, 0, 0, 0)
	return true
}
