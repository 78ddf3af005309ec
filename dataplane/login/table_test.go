package login

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"unsafe"

	"fcredirect/dataplane/frame"

	"pgregory.net/rapid"
)

// memory gives zeroed bytes on an 8-byte boundary.
func memory(n int) []byte {
	w := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), n)
}

func newTable(tb testing.TB, logins int) (*Table, []byte) {
	tb.Helper()
	mem := memory(Bytes(logins))
	t, err := NewTable(mem, logins, 1)
	if err != nil {
		tb.Fatal(err)
	}
	return t, mem
}

func plain(id frame.FCID, wwpn frame.WWN) Login {
	return Login{Addr: At(0, 0, id), WWPN: wwpn, State: Live, How: BySession, FirstSeen: 1, LastSeen: 1}
}

func TestAnAddrKeepsItsPartsApart(t *testing.T) {
	a := At(15, 4095, 0xFFFFFF)
	if a != 1<<40-1 || a.Fabric() != 15 || a.VF() != 4095 || a.ID() != 0xFFFFFF {
		t.Errorf("got %x = %v", uint64(a), a)
	}
	if a := At(16, 4096, 0x1000000); a != 0 {
		t.Errorf("bits beyond a field's width end up in its neighbour: %x", uint64(a))
	}
	if got := At(2, 100, 0x010203).String(); got != "2/100/0x010203" {
		t.Errorf("got %s", got)
	}
}

func TestATableIsRefusedWhere(t *testing.T) {
	odd := memory(Bytes(10) + 1)
	for name, c := range map[string]struct {
		mem    []byte
		logins int
	}{
		"the memory is too small":   {memory(Bytes(10) - 1), 10},
		"there is no memory":        {nil, 10},
		"it is not aligned":         {odd[1:], 10},
		"no login is asked for":     {memory(4096), 0},
		"too many are asked for":    {memory(4096), MaxLogins + 1},
		"a negative number of them": {memory(4096), -1},
	} {
		if _, err := NewTable(c.mem, c.logins, 0); err == nil {
			t.Errorf("a table was made where %s", name)
		}
	}
}

func TestAViewIsRefusedOverMemoryThatHoldsNoTable(t *testing.T) {
	_, good := newTable(t, 10)
	for name, spoil := range map[string]func(h *words){
		"another magic":         func(h *words) { h[hMagic].Store(1) },
		"another version":       func(h *words) { h[hShape].Store(tableShape + 1<<32) },
		"another slot size":     func(h *words) { h[hShape].Store(tableShape - 1) },
		"more slots than bytes": func(h *words) { h[hSlots].Store(1 << 30) },
		"slots no power of two": func(h *words) { h[hSlots].Store(12) },
		"no slots":              func(h *words) { h[hSlots].Store(0) },
		"too high a limit":      func(h *words) { h[hLimit].Store(17) },
		"no limit":              func(h *words) { h[hLimit].Store(0) },
	} {
		mem := memory(len(good))
		copy(mem, good)
		if _, err := NewView(mem); err != nil {
			t.Fatalf("the good one: %v", err)
		}
		spoil((*words)(unsafe.Pointer(&mem[0])))
		if _, err := NewView(mem); !errors.Is(err, ErrNoTable) {
			t.Errorf("%s: error %v, want ErrNoTable", name, err)
		}
	}
	if _, err := NewView(memory(4096)); !errors.Is(err, ErrNoTable) {
		t.Errorf("fresh memory: error %v, want ErrNoTable", err)
	}
}

func TestTheZeroViewHoldsNothing(t *testing.T) {
	var v View
	if _, ok := v.Resolve(At(0, 0, 1)); ok || v.Len() != 0 || v.Cap() != 0 || v.Generation() != 0 {
		t.Error("something was found in nothing")
	}
	for range v.All() {
		t.Error("something was listed from nothing")
	}
}

func TestAddressesThatNoNPortCanHaveAreRefused(t *testing.T) {
	tab, _ := newTable(t, 10)
	for _, a := range []Addr{0, At(1, 1, 0), At(0, 0, frame.NameServer), At(0, 0, 0xFFFC01), 1 << 40, ^Addr(0)} {
		l := Login{Addr: a, WWPN: 1, State: Live, How: BySession}
		if tab.Put(&l) {
			t.Errorf("%v was taken", a)
		}
		if _, ok := tab.Resolve(a); ok {
			t.Errorf("%v was found", a)
		}
		if tab.Remove(a) {
			t.Errorf("%v was removed", a)
		}
	}
	if tab.Len() != 0 {
		t.Errorf("%d logins", tab.Len())
	}
}

func TestAFullTableRefusesTheNextAndKeepsWhatItHas(t *testing.T) {
	const limit = 100
	tab, _ := newTable(t, limit)
	for i := range limit {
		l := plain(frame.FCID(i+1), frame.WWN(i+1))
		if !tab.Put(&l) {
			t.Fatalf("login %d of %d refused", i+1, limit)
		}
	}
	l := plain(limit+1, limit+1)
	if tab.Put(&l) {
		t.Fatal("one too many was taken")
	}
	l = plain(7, 77)
	if !tab.Put(&l) {
		t.Error("a login that is there already cannot be changed when the table is full")
	}
	for i := range limit {
		if _, ok := tab.Resolve(At(0, 0, frame.FCID(i+1))); !ok {
			t.Errorf("login %d is gone", i+1)
		}
	}
}

func TestALoginKeepsItsSlotAndASlotCountsItsLogins(t *testing.T) {
	tab, _ := newTable(t, 50)
	stay := plain(0x10, 0x10)
	tab.Put(&stay)
	slot := tab.find(stay.Addr)
	last := make(map[int]uint32)
	for i := range 2000 {
		l := plain(frame.FCID(0x100+i%60), frame.WWN(i+1))
		tab.Put(&l)
		at := tab.find(l.Addr)
		if l.Incarnation <= last[at] {
			t.Fatalf("slot %d: incarnation %d after %d", at, l.Incarnation, last[at])
		}
		last[at] = l.Incarnation
		if got := tab.find(stay.Addr); got != slot {
			t.Fatalf("the login moved from slot %d to %d", slot, got)
		}
		tab.Remove(l.Addr)
	}
	if tab.Tombstones() != 0 && tab.Len() == 0 {
		t.Errorf("%d tombstones in a table without logins", tab.Tombstones())
	}
}

func TestTheGenerationMovesWithEveryChangeButNotWithASign(t *testing.T) {
	tab, _ := newTable(t, 10)
	l := plain(1, 1)
	g := tab.Generation()
	moved := func(what string, want bool) {
		t.Helper()
		if got := tab.Generation() != g; got != want {
			t.Errorf("%s: generation moved %v, want %v", what, got, want)
		}
		g = tab.Generation()
	}
	tab.Put(&l)
	moved("a new login", true)
	tab.Put(&l)
	moved("a change", true)
	tab.seen(tab.find(l.Addr), 99)
	moved("a sign of life", false)
	tab.seen(tab.find(l.Addr), 98)
	if l, _ := tab.Resolve(l.Addr); l.LastSeen != 99 {
		t.Errorf("last seen %d after signs at 99 and 98", l.LastSeen)
	}
	tab.Remove(l.Addr)
	moved("an end", true)
}

// The model: a map, beside a table that is small enough for long runs, many tombstones and a full table. After every
// step both must say the same, also through a View over the same bytes.
func TestATableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		mem := memory(Bytes(limit))
		tab, err := NewTable(mem, limit, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		view, err := NewView(mem)
		if err != nil {
			t.Fatal(err)
		}
		model := make(map[Addr]Login)
		id := rapid.Custom(func(t *rapid.T) Addr {
			return At(uint8(rapid.IntRange(0, 1).Draw(t, "fabric")), 0, frame.FCID(rapid.IntRange(1, 60).Draw(t, "id")))
		})
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				l := Login{Addr: id.Draw(t, "addr"), WWPN: frame.WWN(rapid.Uint64().Draw(t, "wwpn")), State: Live, How: ByClaim}
				old, had := model[l.Addr]
				if had {
					l.Incarnation = old.Incarnation
				}
				if got, want := tab.Put(&l), had || len(model) < limit; got != want {
					t.Fatalf("put %v: %v, want %v", l.Addr, got, want)
				} else if got {
					model[l.Addr] = l
				}
			},
			"remove": func(t *rapid.T) {
				a := id.Draw(t, "addr")
				_, had := model[a]
				if got := tab.Remove(a); got != had {
					t.Fatalf("remove %v: %v, want %v", a, got, had)
				}
				delete(model, a)
			},
			"": func(t *rapid.T) { agree(t, tab, view, model) },
		})
	})
}

func agree(t *rapid.T, tab *Table, view View, model map[Addr]Login) {
	if tab.Len() != len(model) || view.Len() != len(model) {
		t.Fatalf("%d logins, view %d, model %d", tab.Len(), view.Len(), len(model))
	}
	for fabric := range uint8(2) {
		for id := range frame.FCID(61) {
			a := At(fabric, 0, id)
			want, ok := model[a]
			got, found := view.Resolve(a)
			if found != ok || got != want {
				t.Fatalf("%v: %+v %v, want %+v %v", a, got, found, want, ok)
			}
		}
	}
	byAddr := func(a, b Login) int { return int(int64(a.Addr) - int64(b.Addr)) }
	listed := slices.SortedFunc(view.All(), byAddr)
	if want := slices.SortedFunc(maps.Values(model), byAddr); !slices.Equal(listed, want) {
		t.Fatalf("listed %v, want %v", listed, want)
	}
	var tombstones int
	for i := range tab.slots {
		next := (i + 1) % len(tab.slots)
		if tab.slots[i][wAddr].Load() != addrTombstone {
			continue
		}
		if tombstones++; tab.slots[next][wAddr].Load() == addrEmpty {
			t.Fatalf("slot %d is a tombstone at the end of a run", i)
		}
	}
	if tab.Tombstones() != tombstones {
		t.Fatalf("%d tombstones counted, there are %d", tab.Tombstones(), tombstones)
	}
}

func TestResolvingTakesNoMemory(t *testing.T) {
	tab, mem := newTable(t, 1000)
	for i := range 1000 {
		l := plain(frame.FCID(i+1), frame.WWN(i+1))
		tab.Put(&l)
	}
	v, _ := NewView(mem)
	var sum uint64
	if n := testing.AllocsPerRun(100, func() {
		for i := range 1100 {
			l, _ := v.Resolve(At(0, 0, frame.FCID(i+1)))
			sum += uint64(l.WWPN)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if sum == 0 {
		t.Error("nothing resolved")
	}
}

func BenchmarkResolve(b *testing.B) {
	const logins = 12_000
	tab, mem := newTable(b, logins)
	for i := range logins {
		l := plain(frame.FCID(i*7+1), frame.WWN(i+1))
		tab.Put(&l)
	}
	v, _ := NewView(mem)
	b.Run("found", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			v.Resolve(At(0, 0, frame.FCID(i*5%logins*7+1)))
		}
	})
	b.Run("absent", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			v.Resolve(At(0, 0, frame.FCID(i*5%logins*7+2)))
		}
	})
}
