package registry

import (
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/shm"
)

// Process is a process that takes part, as listed.
type Process struct {
	Index     int
	Name      string
	Version   string
	PID       int
	Alive     bool
	ABI       int
	Claimed   time.Time
	Heartbeat time.Duration // ago
}

// join takes a place among the processes: one that is free, else one whose process is dead.
func (t *Table) join(p process, name, version string) (int, token, error) {
	for _, dead := range []bool{false, true} {
		for i := range t.members {
			m := &t.members[i]
			was := token(atomic.LoadUint64(&m.Owner))
			if !was.free() && (!dead || t.lives(was)) {
				continue
			}
			now := was.next(p)
			if !atomic.CompareAndSwapUint64(&m.Owner, uint64(was), uint64(now)) {
				continue
			}
			atomic.StoreUint32(&m.Door, 0)
			atomic.StoreUint64(&m.Start, p.start)
			atomic.StoreInt64(&m.Claimed, monotonic())
			atomic.StoreInt64(&m.Beat, monotonic())
			atomic.StoreUint32(&m.ABI, shm.ABI)
			setText(m.Name[:], name)
			setText(m.Version[:], version)
			return i, now, nil
		}
	}
	return -1, 0, fmt.Errorf("%w: %d processes take part already", ErrFull, len(t.members))
}

func (t *Table) leave(i int, owner token) {
	atomic.CompareAndSwapUint64(&t.members[i].Owner, uint64(owner), uint64(owner.released()))
}

// Members gives every process that takes part.
func (t *Table) Members() []Process {
	var list []Process
	for i := range t.members {
		m := &t.members[i]
		owner := token(atomic.LoadUint64(&m.Owner))
		if owner.free() {
			continue
		}
		list = append(list, Process{
			Index: i, Name: text(m.Name[:]), Version: text(m.Version[:]), PID: owner.pid(), Alive: t.lives(owner), ABI: int(atomic.LoadUint32(&m.ABI)),
			Claimed: wall(atomic.LoadInt64(&m.Claimed)), Heartbeat: age(atomic.LoadInt64(&m.Beat)),
		})
	}
	return list
}

// MemberClaim is the claim count of a process's place, by which the bus tells a process from its predecessor; false when
// nobody has the place. Alive is looked up apart, since it costs system calls.
func (t *Table) MemberClaim(i int) (claim uint16, ok bool) {
	owner := token(atomic.LoadUint64(&t.members[i].Owner))
	return owner.claim(), !owner.free()
}

// MemberAlive says whether the process of a place lives.
func (t *Table) MemberAlive(i int) bool {
	return t.lives(token(atomic.LoadUint64(&t.members[i].Owner)))
}

// Door is the word on which the receiver of a process sleeps.
func (t *Table) Door(i int) *uint32 { return &t.members[i].Door }
