package login

import (
	"fmt"
	"iter"
)

// Table is the writer's side of a login table: open addressing with linear probing in memory that somebody else owns.
// One goroutine at a time may use it; readers use Views. A login stays in its slot for as long as it lives.
//
// When a login goes, its slot becomes a tombstone if the run of occupied slots goes on behind it, and is free at once
// if not (together with the tombstones just before it). An insert takes the first tombstone on its way. So tombstones
// exist only inside runs, and churn does not fill the table with them; at half load runs are short.
type Table struct {
	View
	limit int
}

// Slots is how many items of SlotSize a table for that many logins needs, header included.
func Slots(logins int) int {
	n := minSlots
	for n < 2*logins {
		n *= 2
	}
	return n + 1
}

// Bytes is Slots in bytes.
func Bytes(logins int) int { return Slots(logins) * SlotSize }

// NewTable makes an empty table in mem, whatever was there. The seed makes it hard for a sender to choose FC_IDs that
// fall into one run; with the same seed the same logins lie in the same slots.
func NewTable(mem []byte, logins int, seed uint64) (*Table, error) {
	if logins < 1 || logins > MaxLogins {
		return nil, fmt.Errorf("make login table: %d logins; between 1 and %d are possible", logins, MaxLogins)
	}
	if len(mem) < Bytes(logins) {
		return nil, fmt.Errorf("make login table: %d logins need %d bytes, there are %d", logins, Bytes(logins), len(mem))
	}
	all, err := overlay(mem)
	if err != nil {
		return nil, fmt.Errorf("make login table: %w", err)
	}
	n := uint64(Slots(logins) - 1)
	h := &all[0]
	h[hMagic].Store(0) // readers of the old table find none until the new one is whole
	for i := range all[:n+1] {
		for w := range all[i] {
			all[i][w].Store(0)
		}
	}
	h[hShape].Store(tableShape)
	h[hSlots].Store(n)
	h[hLimit].Store(uint64(logins))
	h[hSeed].Store(seed)
	h[hMagic].Store(tableMagic)
	return &Table{View: view(all, n, seed), limit: logins}, nil
}

// Full says whether one more login would be refused.
func (t *Table) Full() bool { return t.Len() >= t.limit }

// Put writes a login: over the one at its address, else into a new slot, whose incarnation it raises and puts into l.
// It refuses (false) an address no N_Port can have and one login too many; what is there already stays.
// While a Learner uses the table only the Learner may call it.
func (t *Table) Put(l *Login) bool {
	if !l.Addr.learnable() {
		return false
	}
	if i := t.find(l.Addr); i >= 0 {
		t.write(i, l)
		return true
	}
	return t.insert(l) >= 0
}

// insert writes a login whose address is not in the table. It gives the slot, -1 when there is no place.
func (t *Table) insert(l *Login) int {
	if t.Full() {
		return -1
	}
	i := t.home(l.Addr)
	for range t.probes {
		was := t.slots[i][wAddr].Load()
		if was == addrEmpty || was == addrTombstone {
			if was == addrTombstone {
				t.add(hTombstones, -1)
			}
			l.Incarnation = t.slots[i].incarnation() + 1
			t.write(int(i), l)
			t.add(hLive, 1)
			return int(i)
		}
		i = (i + 1) & t.mask
	}
	return -1
}

// write stores l in slot i under l's incarnation.
func (t *Table) write(i int, l *Login) {
	var img wordImage
	img.encode(l)
	t.slots[i].store(&img, l.Incarnation)
	t.add(hGeneration, 1)
}

// read copies slot i. Only the writer may call it: its own slots are never in the middle of a write.
func (t *Table) read(i int) Login {
	var img wordImage
	for w := range img {
		img[w] = t.slots[i][w].Load()
	}
	return img.decode()
}

// seen moves LastSeen forward, and nothing else.
func (t *Table) seen(i int, now int64) {
	if w := &t.slots[i][wLastSeen]; int64(w.Load()) < now {
		w.Store(uint64(now))
	}
}

// eNodeSeen moves ENodeSeen forward.
func (t *Table) eNodeSeen(i int, now int64) {
	if w := &t.slots[i][wENodeSeen]; int64(w.Load()) < now {
		w.Store(uint64(now))
	}
}

// Remove takes the login at an address out. While a Learner uses the table only the Learner may call it.
func (t *Table) Remove(a Addr) bool {
	i := t.find(a)
	if i < 0 {
		return false
	}
	t.remove(i)
	return true
}

func (t *Table) remove(i int) {
	t.add(hLive, -1)
	t.bury(uint64(i))
}

// bury ends the life of slot i: a tombstone when the run goes on behind it, else free with all tombstones before it.
func (t *Table) bury(i uint64) {
	t.add(hGeneration, 1)
	if t.slots[(i+1)&t.mask][wAddr].Load() != addrEmpty {
		t.slots[i].clear(addrTombstone)
		t.add(hTombstones, 1)
		return
	}
	t.slots[i].clear(addrEmpty)
	for {
		i = (i - 1) & t.mask
		if t.slots[i][wAddr].Load() != addrTombstone {
			return
		}
		t.slots[i].clear(addrEmpty)
		t.add(hTombstones, -1)
	}
}

// each yields the slots that hold a login. The one that was yielded may be removed meanwhile.
func (t *Table) each() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range t.slots {
			if a := t.slots[i][wAddr].Load(); a != addrEmpty && a != addrTombstone && !yield(i) {
				return
			}
		}
	}
}

func (t *Table) add(word, n int) { t.header[word].Store(t.header[word].Load() + uint64(int64(n))) }
