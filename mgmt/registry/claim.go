package registry

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"fcredirect/dataplane/shm"
)

// Wanted is what an admin wants of a role. The zero value: that it runs.
type Wanted struct {
	Stop    bool
	Restart uint32 // another value than before: start anew
}

// Claim is one's own instance of a role. Any goroutine may use it. It goes along when a cold start of the data plane
// replaces the segment.
type Claim struct {
	registry *Registry
	asked    Instance
	promoted chan struct{}
	lost     chan struct{}

	mu       sync.Mutex
	table    *Table // nil while there is no segment, and after Release
	index    int    // of the slot
	head     int    // of the group
	owner    token
	word     uint64 // of the activity, 0 while a standby
	standby  bool   // it stands by rather than being refused
	state    State
	since    int64
	health   string
	failure  string
	restarts uint32
	done     uint32
	over     bool // lost or released
}

// hold takes the slot in a table. c.mu is held.
func (c *Claim) hold(t *Table, p process, member int) error {
	numbers := []int{c.asked.Number}
	if c.asked.Number == AnyNumber {
		numbers = numbers[:0]
		for n := range MaxNumber + 1 {
			numbers = append(numbers, n)
		}
	}
	var err error
	for _, n := range numbers {
		// Before a slot gets the name of an instance that cannot be: names stay.
		if err = c.served(t); err != nil {
			return err
		}
		if err = c.holdNumber(t, p, member, n); !errors.Is(err, ErrTaken) {
			break
		}
	}
	return err
}

// served says who has what is asked for, if it is not to be shared.
func (c *Claim) served(t *Table) error {
	if head := t.find(c.asked.Role, c.asked.Shard, 0); head >= 0 && !c.standby {
		if i := t.active(head); i >= 0 && t.lives(t.slots[i].owner()) {
			return t.taken(i)
		}
	}
	return nil
}

func (c *Claim) holdNumber(t *Table, p process, member, number int) error {
	head, err := t.place(c.asked.Role, c.asked.Shard, 0)
	if err != nil {
		return err
	}
	index, err := t.place(c.asked.Role, c.asked.Shard, number)
	if err != nil {
		return err
	}
	s := &t.slots[index]
	was := s.owner()
	if t.lives(was) {
		return t.taken(index)
	}
	now := was.next(p)
	if !atomic.CompareAndSwapUint64(&s.Owner, uint64(was), uint64(now)) {
		return t.taken(index)
	}
	before := atomic.LoadUint32(&s.Restarts)
	if c.failure == "" {
		c.failure = text(s.Error[:]) // its predecessor's
	}
	if !was.free() { // which died
		before++
		c.failure = fmt.Sprintf("process %d died", was.pid())
	}
	c.restarts = max(c.restarts, before)
	c.table, c.index, c.head, c.owner, c.word = t, index, head, now, 0
	c.done = atomic.LoadUint32(&t.slots[head].Restart) // a fresh start fulfils every wish for one
	c.introduce(p, member)
	word, err := t.elect(head, index)
	if err == nil {
		c.word = word
		return nil
	}
	if !c.standby {
		c.leave()
		return err
	}
	return nil
}

// introduce writes what the owner says of itself, State last.
func (c *Claim) introduce(p process, member int) {
	s, now := &c.table.slots[c.index], monotonic()
	atomic.StoreUint64(&s.Start, p.start)
	atomic.StoreInt64(&s.Claimed, now)
	atomic.StoreInt64(&s.Beat, now)
	atomic.StoreInt64(&s.Since, c.since)
	atomic.StoreUint32(&s.ABI, shm.ABI)
	atomic.StoreUint32(&s.Restarts, c.restarts)
	atomic.StoreUint32(&s.Done, c.done)
	setText(s.Version[:], c.asked.Version)
	setText(s.Endpoint[:], c.asked.Endpoint)
	setText(s.Error[:], c.failure)
	setText(s.Health[:], c.health)
	s.say(c.owner.claim(), member, c.state)
}

// leave gives slot and activity up. c.mu is held.
func (c *Claim) leave() {
	if c.table == nil {
		return
	}
	if h := &c.table.slots[c.head]; c.word != 0 {
		atomic.CompareAndSwapUint64(&h.Active, c.word, (c.word>>32+1)<<32)
	}
	atomic.CompareAndSwapUint64(&c.table.slots[c.index].Owner, uint64(c.owner), uint64(c.owner.released()))
	c.table, c.word = nil, 0
}

// check looks whether the claim still holds and promotes a standby that is due. c.mu is held; Registry's goroutine and
// Beat call it.
func (c *Claim) check() {
	if c.over || c.table == nil {
		return
	}
	if c.table.slots[c.index].owner() != c.owner || c.word != 0 && atomic.LoadUint64(&c.table.slots[c.head].Active) != c.word {
		c.lose()
		return
	}
	if c.word == 0 {
		if word, err := c.table.elect(c.head, c.index); err == nil {
			c.word = word
			c.promote()
		}
	}
}

func (c *Claim) promote() {
	select {
	case <-c.promoted:
	default:
		close(c.promoted)
	}
}

func (c *Claim) lose() {
	c.over = true
	close(c.lost)
	c.leave()
}

// Promoted is closed when the instance acts for its (role, shard): at once after Claim, for a standby when it is due.
func (c *Claim) Promoted() <-chan struct{} { return c.promoted }

// Lost is closed when somebody else acts in its place: it was deposed because its heartbeat was old, or a segment that
// the data plane made anew was quicker taken by another. It must stop at once; nothing of the claim holds any more, and
// to come back it is claimed anew.
func (c *Claim) Lost() <-chan struct{} { return c.lost }

// Holds looks now whether the instance is active and not deposed.
func (c *Claim) Holds() bool {
	c.registry.mu.RLock()
	defer c.registry.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.check()
	return !c.over && c.word != 0
}

// Beat says that the instance lives, in which state, and why it is not well (empty when it is).
func (c *Claim) Beat(state State, health string) {
	c.registry.mu.RLock()
	defer c.registry.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := monotonic()
	if state != c.state {
		c.state, c.since = state, now
	}
	c.health = health
	if c.check(); c.table == nil {
		return
	}
	s := &c.table.slots[c.index]
	atomic.StoreInt64(&s.Since, c.since)
	setText(s.Health[:], health)
	s.say(c.owner.claim(), c.registry.member(), state)
	atomic.StoreInt64(&s.Beat, now)
}

// Restarted counts a restart of the role in this process, and why it was needed (nil: it was asked for).
func (c *Claim) Restarted(why error) {
	c.registry.mu.RLock()
	defer c.registry.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restarts++
	if why != nil {
		c.failure = why.Error()
	}
	if c.table == nil {
		return
	}
	s := &c.table.slots[c.index]
	setText(s.Error[:], c.failure)
	atomic.StoreUint32(&s.Restarts, c.restarts)
}

// Wanted is what an admin wants. What it says of Restart is the same until the next wish.
func (c *Claim) Wanted() Wanted {
	c.registry.mu.RLock()
	defer c.registry.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.table == nil {
		return Wanted{Restart: c.done}
	}
	h := &c.table.slots[c.head]
	return Wanted{Stop: atomic.LoadUint32(&h.Wanted) == uint32(Stop), Restart: atomic.LoadUint32(&h.Restart)}
}

// Done says that the restarts wanted up to w have happened: to be called when the role has been started anew.
func (c *Claim) Done(w Wanted) {
	c.registry.mu.RLock()
	defer c.registry.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = w.Restart
	if c.table != nil {
		atomic.StoreUint32(&c.table.slots[c.index].Done, c.done)
	}
}

// Number is that of the instance; AnyNumber while there is no segment.
func (c *Claim) Number() int {
	c.registry.mu.RLock()
	defer c.registry.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.table == nil {
		return c.asked.Number
	}
	return int(atomic.LoadUint32(&c.table.slots[c.index].Number))
}

// Release gives the instance up, in good order: a standby may take over at once.
func (c *Claim) Release() {
	c.registry.forget(c)
	c.registry.mu.RLock()
	defer c.registry.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.leave()
}

func (i *Instance) check() error {
	switch {
	case i.Role == "" || len(i.Role) > MaxRoleName:
		return fmt.Errorf("registry: role %q: want a name of 1 to %d bytes", i.Role, MaxRoleName)
	case i.Shard < 0 || i.Shard > MaxShard:
		return fmt.Errorf("registry: role %s, shard %d: want 0 to %d", i.Role, i.Shard, MaxShard)
	case i.Number != AnyNumber && (i.Number < 0 || i.Number > MaxNumber):
		return fmt.Errorf("registry: role %s, instance %d: want 0 to %d", i.Role, i.Number, MaxNumber)
	}
	return nil
}
