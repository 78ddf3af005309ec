package report

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// Policy is the active policy, nil when there is none or it cannot be read: good enough to give names their aliases.
func Policy(f *shm.File) *policy.Snapshot {
	s, err := ReadPolicy(f)
	if err != nil {
		return nil
	}
	return s
}

// ReadPolicy is the active policy, nil without an error when there is none. It reads a copy: the data plane may write
// another policy into the place while the snapshot is in use, and the hash of the copy tells whether it did so before.
func ReadPolicy(f *shm.File) (*policy.Snapshot, error) {
	pages := shm.Items[shm.Control](f, shm.RegionControl)
	if len(pages) != 1 {
		return nil, errors.New("policy: the segment has no control page")
	}
	var err error
	for range policyTries {
		slot := atomic.LoadUint32(&pages[0].PolicySlot)
		if slot == shm.NoPolicy {
			return nil, nil
		}
		var s *policy.Snapshot
		flat := shm.PolicyBytes(f.Bytes(fmt.Sprintf(shm.RegionPolicy, slot)))
		if s, err = policy.Open(bytes.Clone(flat)); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("policy in the segment: %w", err)
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
