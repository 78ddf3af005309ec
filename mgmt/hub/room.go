package hub

import (
	"encoding/json"
	"sync"
	"time"
)

// Room is a topic with its parameters, as long as somebody follows it. Its goroutine publishes; clients' writers take.
type Room struct {
	key  string
	stop func()

	mu       sync.Mutex
	clients  map[*client]int // guarded by mu: how many of its subscriptions are here
	version  uint64          // guarded by mu: number of the last update; 0 before the first state
	updates  []update        // guarded by mu: the last ones; the last of them has number version
	bytes    int             // guarded by mu: of updates
	snapshot func() any      // guarded by mu: the state of now
	made     []byte          // guarded by mu: the snapshot, once somebody wanted it
	at       time.Time       // guarded by mu: of what snapshot gives
	mark     uint64          // guarded by mu: events up to this number are in the state of now
	base     uint64          // guarded by mu: the mark before the first of updates
	era      uint64          // guarded by mu: marks mean nothing in another one
	down     []byte          // guarded by mu: the problem that there is instead of a state
	downs    uint64          // guarded by mu: how often there was one
}

// update is what changed from one version to the next.
type update struct {
	data []byte
	at   time.Time
	mark uint64 // of the room, with it
}

func newRoom(key string, stop func()) *Room {
	return &Room{key: key, stop: stop, clients: map[*client]int{}}
}

// Publish has a new state of the room, made when somebody wants it, and what has changed since the last one. A nil change
// says that the new state does not follow from the last: everybody gets a snapshot.
func (r *Room) Publish(at time.Time, snapshot func() any, change []byte) {
	r.publish(at, snapshot, change, 0)
}

func (r *Room) publish(at time.Time, snapshot func() any, change []byte, mark uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version++
	r.snapshot, r.made, r.at, r.down = snapshot, nil, at, nil
	if change == nil || r.version == 1 {
		r.version++ // leaves a gap, which nobody can step over
		r.updates, r.bytes, r.base = nil, 0, mark
		r.era++
	} else {
		r.updates, r.bytes = append(r.updates, update{change, at, mark}), r.bytes+len(change)
	}
	r.mark = mark
	for len(r.updates) > keepUpdates || len(r.updates) > 1 && r.bytes > keepBytes {
		r.base, r.bytes = r.updates[0].mark, r.bytes-len(r.updates[0].data)
		r.updates = r.updates[1:]
	}
	r.wake()
}

// refresh has the state as it is now, which those who have the last update know by themselves.
func (r *Room) refresh(at time.Time, snapshot func() any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snapshot, r.made, r.at = snapshot, nil, at
}

// cover moves the mark on over events that nobody here is told of. A failure before it is over.
func (r *Room) cover(mark uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.updates); n > 0 {
		r.updates[n-1].mark = mark
	} else {
		r.base = mark
	}
	if r.mark = mark; r.down != nil {
		r.down = nil
		r.wake()
	}
}

// Fail says that there is no state for now, and why. Behind it everybody gets a snapshot.
func (r *Room) Fail(err error) {
	data := problemData(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if string(r.down) == string(data) {
		return
	}
	r.down, r.updates, r.bytes = data, nil, 0
	r.downs++
	r.wake()
}

// wake tells the writers of all clients. r.mu is locked.
func (r *Room) wake() {
	for c := range r.clients {
		c.poke()
	}
}

func (r *Room) enter(c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients[c]++
}

// leave says whether nobody is left.
func (r *Room) leave(c *client) (empty bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clients[c]--; r.clients[c] == 0 {
		delete(r.clients, c)
	}
	return len(r.clients) == 0
}

// place is where a subscription stands in its room.
type place struct {
	next  uint64 // the number of the update that it wants; 0: a snapshot first
	downs uint64 // of which it knows
	mark  uint64 // of what it got last
	era   uint64 // of mark; 0: it has none
}

// lagging is what take says instead of a kind when the next update is not kept any more, and the asker can do something
// about it.
const lagging = "lagging"

// take gives what comes next for a subscription, and moves it on; an empty kind when there is nothing. replays says that
// it would rather be told that it lags than get a resync.
func (r *Room) take(p *place, replays bool) (kind string, at time.Time, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch oldest := r.version + 1 - uint64(len(r.updates)); {
	case r.down != nil:
		if p.downs == r.downs {
			return "", at, nil
		}
		p.downs, p.next = r.downs, 0
		return "unavailable", time.Now(), r.down
	case r.version == 0 || p.next > r.version:
		return "", at, nil
	case p.next >= oldest:
		u := &r.updates[p.next-oldest]
		p.next, p.mark = p.next+1, u.mark
		return "update", u.at, u.data
	case replays && p.era == r.era && r.mark > p.mark:
		return lagging, at, nil
	}
	kind = "snapshot"
	if p.next > 0 {
		kind = "resync"
	}
	if r.made == nil {
		r.made = marshal(r.snapshot())
	}
	p.next, p.mark, p.era, p.downs = r.version+1, r.mark, r.era, r.downs
	return kind, r.at, r.made
}

// join looks where who has had all events up to a number goes on. Where that is between two updates or before those kept, it
// gives the number up to which to read first. ready is false while there is no state.
func (r *Room) join(after uint64) (p place, until uint64, ready bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.version == 0 || r.down != nil {
		return place{}, 0, false
	}
	p = place{mark: after, era: r.era, downs: r.downs, next: r.version + 1 - uint64(len(r.updates))}
	mark := r.base
	for i := 0; mark < after && i < len(r.updates); i++ {
		mark = r.updates[i].mark
		p.next++
	}
	if mark > after {
		return place{}, mark, true
	}
	return p, 0, true // or it is a number that there is not yet
}

// marshal writes JSON. What cannot be written is a mistake of ours, and says so.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(`null`)
	}
	return b
}
