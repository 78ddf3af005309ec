package login

import "fmt"

// Adopted says what a warm start made of the slots it found.
type Adopted struct {
	Kept       int // logins taken over
	Torn       int // the writer died inside the slot, or its content fails its check
	Impossible int // whole, but not a login that this program could have written
	Misplaced  int // out of reach from its home slot, or a second one of its address
	Expired    int // its timer ran out while nobody looked
	Future     int // last seen later than now: the clock was set back. Taken over, as seen now
}

// Adopt takes over the table that an earlier process left in mem. Each slot is judged alone; a bad one is dropped and
// counted, its neighbours stay. Logins age by the wall clock: now is compared with when they were last seen, so the
// time that passed between the two processes counts. An error (ErrNoTable among them) means that there is nothing to
// adopt, and NewTable is to be called.
func Adopt(mem []byte, now int64) (*Table, Adopted, error) {
	var done Adopted
	v, err := NewView(mem)
	if err != nil {
		return nil, done, fmt.Errorf("adopt login table: %w", err)
	}
	t := &Table{View: v, limit: v.Cap()}
	for i := range t.slots {
		if t.slots[i][wAddr].Load() == addrEmpty && t.slots[i].incarnation() == 0 {
			continue // never used
		}
		t.judge(i, now, &done)
	}
	// Only now is every slot known to be a login, a tombstone or empty, so that walks from home mean something.
	for i := range t.each() {
		if t.find(Addr(t.slots[i][wAddr].Load())) != i {
			t.slots[i].clear(addrTombstone)
			done.Misplaced++
		}
	}
	t.recount(&done)
	return t, done, nil
}

// judge leaves slot i whole: with its login when that is good, else a tombstone. It must not become empty, because
// logins behind it may be reached through it.
func (t *Table) judge(i int, now int64, done *Adopted) {
	s := &t.slots[i]
	var img wordImage
	for w := range img {
		img[w] = s[w].Load()
	}
	torn := img[wSeq]&1 != 0
	switch a := img[wAddr]; {
	case !torn && (a == addrEmpty || a == addrTombstone):
		return
	case torn || img[wCheck] != img.check():
		done.Torn++
		s.clear(addrTombstone)
		return
	}
	l := img.decode()
	if !l.possible() {
		done.Impossible++
		s.clear(addrTombstone)
		return
	}
	if l.LastSeen > now || l.ENodeSeen > now {
		done.Future++
		l.LastSeen, l.ENodeSeen = min(l.LastSeen, now), min(l.ENodeSeen, now)
		l.FirstSeen, l.Marked = min(l.FirstSeen, now), min(l.Marked, now)
		img.encode(&l)
		s.store(&img, l.Incarnation)
	}
	if l.deadline() <= now && l.Flags&FromPeer == 0 {
		done.Expired++
		s.clear(addrTombstone)
	}
}

// possible says whether a writer of this package can have written l.
func (l *Login) possible() bool {
	return l.Addr.learnable() && l.WWPN != 0 && l.Incarnation != 0 &&
		l.State > None && l.State < numStates && l.How > ByNothing && l.How < numHows &&
		l.Claimed&^allFunctions == 0 && l.Observed&^allFunctions == 0 && l.Flags&^allFlags == 0 &&
		!l.MAC.IsGroup() && !l.ENode.IsGroup() && !l.FCF.IsGroup() &&
		l.FirstSeen >= 0 && l.FirstSeen <= l.LastSeen && l.ENodeSeen >= 0 && l.Marked >= 0 &&
		l.KeepAlive >= 0 && l.KeepAlive <= fkaMax
}

// recount sets the counts in the header from the slots, and frees the tombstones that no run needs.
func (t *Table) recount(done *Adopted) {
	for i := range t.slots { // backwards, so that one pass frees a whole tail
		i = len(t.slots) - 1 - i
		next := (i + 1) % len(t.slots)
		if t.slots[i][wAddr].Load() == addrTombstone && t.slots[next][wAddr].Load() == addrEmpty {
			t.slots[i].clear(addrEmpty)
		}
	}
	var tombstones uint64
	for i := range t.slots {
		switch t.slots[i][wAddr].Load() {
		case addrEmpty:
		case addrTombstone:
			tombstones++
		default:
			done.Kept++
		}
	}
	t.header[hLive].Store(uint64(done.Kept))
	t.header[hTombstones].Store(tombstones)
	t.add(hGeneration, 1)
}
