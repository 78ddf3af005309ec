package dpdk

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"strings"
	"syscall"
)

// Error is the failure of one DPDK call. It unwraps to its Errno, so errors.Is(err, syscall.ENODEV)
// works.
type Error struct {
	Op     string        // the DPDK function, or what was attempted
	Device string        // the port, mempool or ring; empty for EAL
	Errno  syscall.Errno // DPDK's own codes start at 1001
	Detail string        // what DPDK logged about it, if anything
	Hint   string        // what the admin can do about it, if we know
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Device != "" {
		b.WriteString(" " + e.Device)
	}
	b.WriteString(": " + errnoText(e.Errno))
	if e.Detail != "" {
		b.WriteString(" (" + e.Detail + ")")
	}
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Errno }

// errnoText covers the codes that DPDK adds to errno's.
func errnoText(errno syscall.Errno) string {
	if errno < 1001 {
		return errno.Error()
	}
	return strings.ToLower(C.GoString(C.fcr_strerror(C.int(errno))))
}

// failed makes the error of a call that returned rc = -errno and takes along what DPDK logged. The
// caller holds control, and cleared the log before the call.
func failed(op, device string, rc C.int) *Error {
	return &Error{Op: op, Device: device, Errno: syscall.Errno(-rc), Detail: detail(takeLog())}
}

// detailLines bounds what an error quotes: the first lines are the cause, later ones the fallout.
const detailLines = 2

// detail is what an error quotes of the log: the first errors or, when there were none, warnings.
func detail(messages []Message) string {
	for _, level := range []Level{LevelError, LevelWarning} {
		var lines []string
		for _, m := range messages {
			if m.Level <= level && len(lines) < detailLines {
				lines = append(lines, strings.TrimPrefix(m.Text, "EAL: "))
			}
		}
		if len(lines) > 0 {
			return strings.Join(lines, "; ")
		}
	}
	return ""
}

func refused(op, device string, errno syscall.Errno, format string, args ...any) *Error {
	return &Error{Op: op, Device: device, Errno: errno, Detail: fmt.Sprintf(format, args...)}
}
