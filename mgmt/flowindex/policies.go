package flowindex

import (
	"sync"
	"sync/atomic"

	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// Policies keeps the active policy as it was read last: to read one means to check all of it, which takes milliseconds for
// ten thousand rules. The zero value has none yet.
type Policies struct {
	mu    sync.Mutex
	id    [3]uint64        // guarded by mu: of epoch and control page
	known bool             // guarded by mu
	last  *policy.Snapshot // guarded by mu
}

// of gives the active policy; nil when there is none, or it cannot be read for the moment.
func (p *Policies) of(f *shm.File) *policy.Snapshot {
	pages := shm.Items[shm.Control](f, shm.RegionControl)
	if len(pages) != 1 {
		return nil
	}
	id := [3]uint64{
		f.Header().Epoch, uint64(atomic.LoadUint32(&pages[0].Generation))<<32 | uint64(atomic.LoadUint32(&pages[0].PolicySlot)),
		atomic.LoadUint64(&pages[0].PolicyHash),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known && p.id == id {
		return p.last
	}
	s, err := report.ReadPolicy(f)
	if err != nil {
		return nil
	}
	p.id, p.known, p.last = id, true, s
	return s
}

// Policy is the active policy of a segment, which gives names; nil for none.
func (x *Index) Policy(f *shm.File) *policy.Snapshot { return x.policies.of(f) }
