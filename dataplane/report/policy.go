package report

import (
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// Policy is the active policy, nil when there is none or it is being replaced.
func Policy(f *shm.File) *policy.Snapshot {
	pages := shm.Items[shm.Control](f, shm.RegionControl)
	if len(pages) != 1 {
		return nil
	}
	slot := atomic.LoadUint32(&pages[0].PolicySlot)
	if slot == shm.NoPolicy {
		return nil
	}
	s, err := policy.Open(shm.PolicyBytes(f.Bytes(fmt.Sprintf(shm.RegionPolicy, slot))))
	if err != nil {
		return nil
	}
	return s
}

func alias(p *policy.Snapshot, w frame.WWN) string {
	if p == nil || w == 0 {
		return ""
	}
	return p.AliasOf(w)
}

// stamp is a time as JSON has it, empty for none.
func stamp(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
}
