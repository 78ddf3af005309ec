package store

// known is what the store knows of the rows of its flows, so that most updates need to touch five columns instead of
// fifteen, and a sample costs a COPY instead of an update of its own. It is a cache: a flow that is not in it costs more,
// and what it says is checked by the number of rows that an update finds. 40 bytes a direction, open addressing.
type known struct {
	slots []entry
	n     int
	late  []uint64 // serials that wait for a sample, in the order in which they began to wait; from head on
	head  int
}

// entry is one direction. Times are tenths of a second since the start.
type entry struct {
	serial uint64 // + 1; 0: free
	facts  uint64 // hash of the columns that seldom change, as they stand in the row; 0: not known
	// What of the totals has been sampled, if base.
	frames, bytes uint64
	sampled       uint32 // when
	changed       uint32 // when the row was written last
	errors        uint16
	base          bool
	dirty         bool // the row has more than was sampled
	waits         bool // stands in late
	ended         bool // forgotten after its last sample
}

const leastSlots = 1 << 10

func (k *known) home(serial uint64) int {
	return int((serial + 1) * 0x9e3779b97f4a7c15 >> 20 & uint64(len(k.slots)-1))
}

// get finds a direction, nil when it is not known. The pointer is good until the next put or remove.
func (k *known) get(serial uint64) *entry {
	if k.n == 0 {
		return nil
	}
	for i := k.home(serial); ; i = (i + 1) & (len(k.slots) - 1) {
		switch k.slots[i].serial {
		case serial + 1:
			return &k.slots[i]
		case 0:
			return nil
		}
	}
}

// put finds a direction or makes it.
func (k *known) put(serial uint64) *entry {
	if e := k.get(serial); e != nil {
		return e
	}
	if 4*(k.n+1) > 3*len(k.slots) {
		k.grow()
	}
	k.n++
	e := k.place(serial)
	*e = entry{serial: serial + 1}
	return e
}

// place is the free slot for a direction that is not there.
func (k *known) place(serial uint64) *entry {
	i := k.home(serial)
	for k.slots[i].serial != 0 {
		i = (i + 1) & (len(k.slots) - 1)
	}
	return &k.slots[i]
}

func (k *known) grow() {
	old := k.slots
	k.slots = make([]entry, max(leastSlots, 2*len(old)))
	for i := range old {
		if old[i].serial != 0 {
			*k.place(old[i].serial - 1) = old[i]
		}
	}
}

// remove forgets a direction, and closes the gap.
func (k *known) remove(serial uint64) {
	e := k.get(serial)
	if e == nil {
		return
	}
	k.n--
	mask := len(k.slots) - 1
	hole := k.home(serial)
	for k.slots[hole].serial != serial+1 {
		hole = (hole + 1) & mask
	}
	for i := (hole + 1) & mask; k.slots[i].serial != 0; i = (i + 1) & mask {
		// What is at home behind the hole, on the way to where it stands, may not go before it.
		if home := k.home(k.slots[i].serial - 1); (i-home)&mask >= (i-hole)&mask {
			k.slots[hole], hole = k.slots[i], i
		}
	}
	k.slots[hole] = entry{}
}

// forget empties it: the database is not the one that it was.
func (k *known) forget() { *k = known{} }

// wait has a direction sampled when it has been quiet for a while, unless it is sampled before.
func (k *known) wait(e *entry) {
	e.dirty = true
	if !e.waits {
		e.waits = true
		k.late = append(k.late, e.serial-1)
	}
}

// waiting is how many stand in the list.
func (k *known) waiting() int { return len(k.late) - k.head }

// due takes up to limit serials out of the list whose flows have gone quiet with a change that is not sampled, or of which
// it is not known what was sampled: until it is, no update can carry a sample. It looks at each once at the most; the others
// go to the end of the list.
func (k *known) due(now uint32, limit int, list []uint64) []uint64 {
	for range min(k.waiting(), lookRows) {
		if len(list) == limit {
			break
		}
		serial := k.late[k.head]
		k.head++
		e := k.get(serial)
		switch {
		case e == nil:
		case !e.dirty:
			e.waits = false
		case e.ended, !e.base, int32(now-e.changed) >= tenths(sampleLate):
			e.waits = false
			list = append(list, serial)
		default:
			k.late = append(k.late, serial)
		}
	}
	if k.head > len(k.late)/2 {
		k.late, k.head = k.late[:copy(k.late, k.late[k.head:])], 0
	}
	return list
}

// again puts serials back that were taken but not sampled.
func (k *known) again(list []uint64) {
	for _, serial := range list {
		if e := k.get(serial); e != nil {
			k.wait(e)
		}
	}
}
