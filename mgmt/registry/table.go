package registry

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/shm"
)

// What can be in the way.
var (
	ErrTaken     = errors.New("registry: taken by a living process")
	ErrFull      = errors.New("registry: no slot is free")
	ErrNoSegment = errors.New("registry: no segment: the data plane has not made one yet")
	ErrNoRole    = errors.New("registry: no such role")
)

// TakenError is an ErrTaken that says who.
type TakenError struct {
	Role   string
	Shard  int
	Number int
	PID    int
	Since  time.Time // of the claim
	Beat   time.Duration
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("registry: role %s, shard %d: instance %d runs in process %d since %s, last heartbeat %s ago",
		e.Role, e.Shard, e.Number, e.PID, e.Since.Format(time.RFC3339), e.Beat.Round(time.Millisecond))
}

// Is makes it an ErrTaken.
func (e *TakenError) Is(target error) bool { return target == ErrTaken }

// State of an instance.
type State uint8

// The states. Append only: the values cross processes of different versions.
const (
	New State = iota
	Starting
	Running
	Stopping
	Failed
	Stopped
	Standby
	numStates
)

var stateNames = [numStates]string{"new", "starting", "running", "stopping", "failed", "stopped", "standby"}

// String is the state as commands and events spell it.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return "unknown"
}

// Table is the view of one mapped `ctl` file. Any goroutine may use it while the file is mapped.
type Table struct {
	slots   []Slot
	members []Member
	lives   func(token) bool // whether the process of a token does
}

// NewTable finds the registry in a mapped `ctl`. To list, a read-only mapping is enough.
func NewTable(ctl *shm.File) (*Table, error) {
	t := &Table{shm.Items[Slot](ctl, shm.RegionRoles), shm.Items[Member](ctl, shm.RegionMembers), token.alive}
	if len(t.slots) == 0 || len(t.slots) > shm.MaxRoles || len(t.members) == 0 || len(t.members) > shm.MaxMembers {
		return nil, errors.New("registry: the segment has none")
	}
	return t, nil
}

// keyOf is never 0. Two roles of one key are as good as impossible; place refuses the second.
func keyOf(role string, shard, number int) uint64 {
	h := fnv.New64a()
	h.Write([]byte(role))
	h.Write([]byte{0, byte(shard), byte(number)})
	return h.Sum64() | 1
}

// find gives the index of an instance's slot, -1 when there is none.
func (t *Table) find(role string, shard, number int) int {
	key, n := keyOf(role, shard, number), len(t.slots)
	for probe := range n {
		i := (int(key>>32) + probe) % n
		switch atomic.LoadUint64(&t.slots[i].Key) {
		case key:
			return i
		case 0:
			return -1
		}
	}
	return -1
}

// place finds the slot of an instance or makes it. Keys are never removed, so that two processes which look at the same
// time end in the same slot.
func (t *Table) place(role string, shard, number int) (int, error) {
	key, n := keyOf(role, shard, number), len(t.slots)
	for probe := range n {
		i := (int(key>>32) + probe) % n
		s := &t.slots[i]
		had := atomic.LoadUint64(&s.Key)
		if had == 0 && atomic.CompareAndSwapUint64(&s.Key, 0, key) {
			had = key
		} else if had == 0 {
			had = atomic.LoadUint64(&s.Key)
		}
		if had != key {
			continue
		}
		// Also when the slot was there: who made it may have died before this.
		setText(s.Role[:], role)
		atomic.StoreUint32(&s.Shard, uint32(shard))
		atomic.StoreUint32(&s.Number, uint32(number))
		return i, nil
	}
	return -1, fmt.Errorf("%w: all %d slots of roles have names", ErrFull, n)
}

func (s *Slot) owner() token { return token(atomic.LoadUint64(&s.Owner)) }

// said is what the present owner says of itself: New where it has not said anything.
func (s *Slot) said() (member int, state State) {
	v, owner := atomic.LoadUint64(&s.Said), s.owner()
	if uint16(v>>48) != owner.claim() || State(v) >= numStates {
		return -1, New
	}
	return int(v>>32&0xffff) - 1, State(v)
}

// say publishes state and place of the claim's owner.
func (s *Slot) say(claim uint16, member int, state State) {
	atomic.StoreUint64(&s.Said, uint64(claim)<<48|uint64(uint16(member+1))<<32|uint64(state))
}

// active is the index of the slot that acts for the group of which head is number 0; -1 for none.
func (t *Table) active(head int) int {
	i := int(atomic.LoadUint64(&t.slots[head].Active)&0xffff) - 1
	if i < 0 || i >= len(t.slots) || !t.sameGroup(head, i) {
		return -1
	}
	return i
}

func (t *Table) sameGroup(a, b int) bool {
	x, y := &t.slots[a], &t.slots[b]
	if atomic.LoadUint32(&x.Shard) != atomic.LoadUint32(&y.Shard) {
		return false
	}
	for i := range x.Role {
		if atomic.LoadUint64(&x.Role[i]) != atomic.LoadUint64(&y.Role[i]) {
			return false
		}
	}
	return true
}

// elect makes slot me act for its group, unless another does that lives. It gives the word that stands for this.
func (t *Table) elect(head, me int) (uint64, error) {
	h := &t.slots[head]
	for {
		was := atomic.LoadUint64(&h.Active)
		if i := t.active(head); i >= 0 && i != me && t.lives(t.slots[i].owner()) {
			return 0, t.taken(i)
		}
		now := (was>>32+1)<<32 | uint64(me+1)
		if atomic.CompareAndSwapUint64(&h.Active, was, now) {
			return now, nil
		}
	}
}

// taken is the error that names the owner of slot i.
func (t *Table) taken(i int) error {
	s := &t.slots[i]
	return &TakenError{
		Role: text(s.Role[:]), Shard: int(atomic.LoadUint32(&s.Shard)), Number: int(atomic.LoadUint32(&s.Number)),
		PID: s.owner().pid(), Since: wall(atomic.LoadInt64(&s.Claimed)), Beat: age(atomic.LoadInt64(&s.Beat)),
	}
}

// age is how long ago a monotonic time was; 0 where it lies ahead.
func age(mono int64) time.Duration { return time.Duration(max(0, monotonic()-mono)) }

// Instance is a role instance: as asked for in a claim (the first fields), and as listed.
type Instance struct {
	Role     string
	Shard    int
	Number   int    // of the instance among those of its (role, shard); AnyNumber in a claim
	Version  string // empty in a claim: that of the process
	Endpoint string // where else it can be reached

	State     State
	Active    bool // it acts for its (role, shard)
	Alive     bool // its process lives
	PID       int  // 0: nobody has it
	Member    int  // index of its process, -1
	ABI       int
	Since     time.Time     // of the state
	Claimed   time.Time     // of the claim
	Heartbeat time.Duration // ago
	Restarts  int
	Error     string // the last one
	Health    string // why it is not well, empty when it is
	Stop      bool   // it shall not run
}

// AnyNumber asks for the first instance number that is free.
const AnyNumber = -1

func (t *Table) instance(i int) Instance {
	s := &t.slots[i]
	owner := s.owner()
	in := Instance{
		Role: text(s.Role[:]), Shard: int(atomic.LoadUint32(&s.Shard)), Number: int(atomic.LoadUint32(&s.Number)),
		PID: owner.pid(), Alive: t.lives(owner), ABI: int(atomic.LoadUint32(&s.ABI)), Version: text(s.Version[:]), Endpoint: text(s.Endpoint[:]),
		Since: wall(atomic.LoadInt64(&s.Since)), Claimed: wall(atomic.LoadInt64(&s.Claimed)), Heartbeat: age(atomic.LoadInt64(&s.Beat)),
		Restarts: int(atomic.LoadUint32(&s.Restarts)), Error: text(s.Error[:]), Health: text(s.Health[:]),
	}
	in.Member, in.State = s.said()
	if owner.free() {
		in.State, in.Member = Stopped, -1
	}
	if in.Member >= len(t.members) {
		in.Member = -1
	}
	if head := t.find(in.Role, in.Shard, 0); head >= 0 {
		in.Active = t.active(head) == i
		in.Stop = atomic.LoadUint32(&t.slots[head].Wanted) == uint32(Stop)
	}
	return in
}

// List gives every instance that somebody has or had since the data plane's last cold start.
func (t *Table) List() []Instance {
	var list []Instance
	for i := range t.slots {
		if atomic.LoadUint64(&t.slots[i].Key) == 0 || t.slots[i].owner() == 0 {
			continue
		}
		list = append(list, t.instance(i))
	}
	slices.SortFunc(list, func(a, b Instance) int {
		if c := strings.Compare(a.Role, b.Role); c != 0 {
			return c
		}
		return (a.Shard-b.Shard)<<8 + a.Number - b.Number
	})
	return list
}

// Find gives the instance that acts for (role, shard), if its process lives and it runs.
func (t *Table) Find(role string, shard int) (Instance, bool) {
	head := t.find(role, shard, 0)
	if head < 0 {
		return Instance{}, false
	}
	i := t.active(head)
	if i < 0 {
		return Instance{}, false
	}
	in := t.instance(i)
	return in, in.Alive && in.State == Running
}

// Locate is Find for the bus, at the price of a few loads: the member whose process runs (role, shard). It does not
// look whether the process lives.
func (t *Table) Locate(role string, shard int) (member int, ok bool) {
	head := t.find(role, shard, 0)
	if head < 0 {
		return -1, false
	}
	i := t.active(head)
	if i < 0 || t.slots[i].owner().free() {
		return -1, false
	}
	member, state := t.slots[i].said()
	return member, state == Running && member >= 0 && member < len(t.members)
}

// Depose ends the activity of an instance whose last heartbeat is older than limit, so that a standby takes over. The
// instance learns of it by Claim.Lost. A living, beating one is left in place: ErrTaken.
func (t *Table) Depose(role string, shard int, limit time.Duration) error {
	head := t.find(role, shard, 0)
	if head < 0 {
		return fmt.Errorf("%w: %s, shard %d", ErrNoRole, role, shard)
	}
	h := &t.slots[head]
	was := atomic.LoadUint64(&h.Active)
	i := t.active(head)
	if i < 0 {
		return nil
	}
	if s := &t.slots[i]; t.lives(s.owner()) && age(atomic.LoadInt64(&s.Beat)) <= limit {
		return t.taken(i)
	}
	// If it fails, somebody else has taken over in this instant, which is what was wanted.
	atomic.CompareAndSwapUint64(&h.Active, was, (was>>32+1)<<32)
	return nil
}
