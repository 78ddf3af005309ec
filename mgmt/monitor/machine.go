package monitor

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/alarm"
)

// lookAtMachine looks at what all of the management side stands on: the disk with the state folder, and the clock.
func (r *Role) lookAtMachine(context.Context) report {
	rep := report{about: []alarm.Code{alarm.DiskLow, alarm.ClockUnsynchronised}, began: time.Now()}
	if low := diskLow(r.o.Dir); low != "" {
		rep.found = append(rep.found, finding{code: alarm.DiskLow, detail: low})
	}
	if off := r.o.Clock(); off != "" {
		rep.found = append(rep.found, finding{code: alarm.ClockUnsynchronised, detail: off})
	}
	return rep
}

// diskLow says that a disk has little room left: a twentieth, or 1 GiB where that is less.
func diskLow(dir string) string {
	var st unix.Statfs_t
	if dir == "" || unix.Statfs(dir, &st) != nil {
		return ""
	}
	free, all := st.Bavail*uint64(st.Bsize), st.Blocks*uint64(st.Bsize)
	if least := min(uint64(float64(all)*stateShare), stateLeast); free < least {
		return fmt.Sprintf("%d MiB of %d are free at %s", free>>20, all>>20, dir)
	}
	return ""
}

// unsynchronised asks the kernel whether somebody keeps its clock. Where it may not be asked nothing is said.
func unsynchronised() string {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil || state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0 {
		return ""
	}
	return fmt.Sprintf("the kernel's estimate of the error is %d ms", t.Maxerror/1000)
}
