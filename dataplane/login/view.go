package login

import (
	"errors"
	"fmt"
	"iter"
	"unsafe"
)

// View reads a table that somebody else may be writing: an lcore beside the control goroutine, or another process that
// maps the segment read-only. It never writes, waits or allocates. The zero View holds no login.
type View struct {
	header *words
	slots  []words
	mask   uint64
	seed   uint64
	probes int
}

// The header fills the place of one slot in front of them all. It is written once, but for the last three.
const (
	hMagic = iota
	hShape // slotVersion<<32 | SlotSize
	hSlots
	hLimit
	hSeed
	hLive
	hTombstones
	hGeneration
)

const (
	slotVersion = 1
	tableMagic  = 0x31_6e_69_67_6f_4c_52_46 // "FRLogin1" in memory order
	tableShape  = slotVersion<<32 | SlotSize
)

// ErrNoTable says that the memory holds no login table of this version: it is fresh, or from another program.
var ErrNoTable = errors.New("no login table in this memory")

// NewView opens a table for reading. mem must stay mapped for as long as the View is used, and be 8-byte aligned.
func NewView(mem []byte) (View, error) {
	all, err := overlay(mem)
	if err != nil {
		return View{}, fmt.Errorf("open login table: %w", err)
	}
	h := &all[0]
	if h[hMagic].Load() != tableMagic || h[hShape].Load() != tableShape {
		return View{}, fmt.Errorf("open login table: %w", ErrNoTable)
	}
	n := h[hSlots].Load()
	limit := h[hLimit].Load()
	if n < minSlots || n&(n-1) != 0 || n > uint64(len(all)-1) || limit == 0 || limit > n/2 {
		return View{}, fmt.Errorf("open login table: %d slots for %d logins in %d bytes: %w", n, limit, len(mem), ErrNoTable)
	}
	return view(all, n, h[hSeed].Load()), nil
}

func view(all []words, n, seed uint64) View {
	return View{header: &all[0], slots: all[1 : 1+n], mask: n - 1, seed: seed, probes: int(min(n, maxProbe))}
}

// overlay lays slots over mem.
func overlay(mem []byte) ([]words, error) {
	n := len(mem) / SlotSize
	if n < 1+minSlots {
		return nil, fmt.Errorf("%d bytes are too few, the least is %d", len(mem), (1+minSlots)*SlotSize)
	}
	p := unsafe.Pointer(unsafe.SliceData(mem))
	if uintptr(p)%8 != 0 {
		return nil, errors.New("memory is not 8-byte aligned")
	}
	return unsafe.Slice((*words)(p), n), nil
}

// home is where the probe for an address begins.
func (v View) home(a Addr) uint64 { return mix(uint64(a)^v.seed) & v.mask }

// find gives the slot of an address, -1 when there is none. The run of occupied slots from home to a living login has
// no gap while the login lives (clear leaves tombstones), so a reader cannot miss it.
func (v View) find(a Addr) int {
	if !a.learnable() {
		return -1
	}
	i := v.home(a)
	for range v.probes {
		switch v.slots[i][wAddr].Load() {
		case uint64(a):
			return int(i)
		case addrEmpty:
			return -1
		}
		i = (i + 1) & v.mask
	}
	return -1
}

// Resolve gives the login at an address. It costs one or two cache misses, and about 2 µs at the worst: when a write
// to this very slot does not end, it gives up and says false, as if the address were unknown. Every write is followed
// by a Change of that address, so what was decided without a name is decided anew.
func (v View) Resolve(a Addr) (Login, bool) {
	if v.header == nil {
		return Login{}, false
	}
	i := v.find(a)
	if i < 0 {
		return Login{}, false
	}
	return v.at(i, a)
}

// at reads slot i, which must hold address a.
func (v View) at(i int, a Addr) (Login, bool) {
	var img wordImage
	if !v.slots[i].load(&img) || img[wAddr] != uint64(a) {
		return Login{}, false
	}
	return img.decode(), true
}

// All yields every login once, in the order of the slots (sort by Addr what is shown). Logins that come, go or change
// meanwhile may or may not be among them, but each one that is yielded was whole at some moment.
func (v View) All() iter.Seq[Login] {
	return v.Part(0, len(v.slots))
}

// Len is the number of logins.
func (v View) Len() int { return int(v.word(hLive)) }

// Cap is how many logins the table takes.
func (v View) Cap() int { return int(v.word(hLimit)) }

// Tombstones is the number of slots that wait for reuse. They lengthen probes.
func (v View) Tombstones() int { return int(v.word(hTombstones)) }

// Generation goes up with each change of any login (but not of LastSeen and ENodeSeen). Whoever has seen generation g
// of the table has seen all that led to it.
func (v View) Generation() uint64 { return v.word(hGeneration) }

func (v View) word(i int) uint64 {
	if v.header == nil {
		return 0
	}
	return v.header[i].Load()
}

// Slots is the number of slots, for whoever walks them in parts.
func (v View) Slots() int { return len(v.slots) }

// Part gives what All gives, of the n slots from a first one on.
func (v View) Part(first, n int) iter.Seq[Login] {
	return func(yield func(Login) bool) {
		for i := first; i < min(first+n, len(v.slots)); i++ {
			a := v.slots[i][wAddr].Load()
			if a == addrEmpty || a == addrTombstone {
				continue
			}
			if l, ok := v.at(i, Addr(a)); ok && !yield(l) {
				return
			}
		}
	}
}
