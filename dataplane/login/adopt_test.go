package login

import (
	"errors"
	"testing"
	"time"
	"unsafe"

	"fcredirect/dataplane/frame"

	"pgregory.net/rapid"
)

const second = int64(time.Second)

func TestAWarmStartTakesOverEveryLogin(t *testing.T) {
	tab, mem := newTable(t, 100)
	for i := range 100 {
		l := plain(frame.FCID(i+1), frame.WWN(i+1))
		tab.Put(&l)
		if i%3 == 0 {
			tab.Remove(l.Addr)
		}
	}
	before := make(map[Addr]Login)
	for l := range tab.All() {
		before[l.Addr] = l
	}
	again, done, err := Adopt(mem, 2)
	if err != nil || done != (Adopted{Kept: len(before)}) {
		t.Fatalf("%+v %v, want %d live and nothing else", done, err, len(before))
	}
	for a, want := range before {
		if got, ok := again.Resolve(a); !ok || got != want {
			t.Errorf("%v: %+v %v, want %+v", a, got, ok, want)
		}
	}
	l := plain(0x500, 0x500)
	if !again.Put(&l) || again.Len() != len(before)+1 {
		t.Error("the adopted table takes no new login")
	}
}

func TestAWarmStartDropsWhatItCannotTrust(t *testing.T) {
	const now = 1000 * second
	at := func(id frame.FCID) Login {
		l := fullLogin()
		l.Addr, l.Flags, l.State = At(0, 0, id), 0, Live
		l.FirstSeen, l.LastSeen, l.ENodeSeen, l.Marked = now-60*second, now-second, now-second, 0
		return l
	}
	for name, c := range map[string]struct {
		spoil func(tab *Table, i int)
		want  Adopted
	}{
		"a writer that died inside the slot": {func(tab *Table, i int) {
			tab.slots[i][wSeq].Add(1)
		}, Adopted{Kept: 2, Torn: 1}},
		"a name with a flipped bit": {func(tab *Table, i int) {
			tab.slots[i][wWWPN].Store(1)
		}, Adopted{Kept: 2, Torn: 1}},
		"an address with a flipped bit": {func(tab *Table, i int) {
			tab.slots[i][wAddr].Store(uint64(At(0, 0, 9)))
		}, Adopted{Kept: 2, Torn: 1}},
		"a login without a name": {func(tab *Table, i int) {
			rewrite(tab, i, func(l *Login) { l.WWPN = 0 })
		}, Adopted{Kept: 2, Impossible: 1}},
		"a state that does not exist": {func(tab *Table, i int) {
			rewrite(tab, i, func(l *Login) { l.State = numStates })
		}, Adopted{Kept: 2, Impossible: 1}},
		"a well-known address": {func(tab *Table, i int) {
			rewrite(tab, i, func(l *Login) { l.Addr = At(0, 0, frame.NameServer) })
		}, Adopted{Kept: 2, Impossible: 1}},
		"a group address as MAC": {func(tab *Table, i int) {
			rewrite(tab, i, func(l *Login) { l.MAC = frame.AllENodeMACs })
		}, Adopted{Kept: 2, Impossible: 1}},
		"a second login of one address": {func(tab *Table, i int) {
			rewrite(tab, i, func(l *Login) { l.Addr = At(0, 0, 1) })
		}, Adopted{Kept: 2, Misplaced: 1}},
		"a beacon that was due long ago": {func(tab *Table, i int) {
			rewrite(tab, i, func(l *Login) { l.Flags = Beacons; l.LastSeen = now - 21*second })
		}, Adopted{Kept: 2, Expired: 1}},
		"nothing: the beacon is not due yet": {func(tab *Table, i int) {
			rewrite(tab, i, func(l *Login) { l.Flags = Beacons; l.LastSeen = now - 19*second })
		}, Adopted{Kept: 3}},
		"nothing: the clock went back": {func(tab *Table, i int) {
			rewrite(tab, i, func(l *Login) { l.FirstSeen, l.LastSeen = now+3600*second, now+3600*second })
		}, Adopted{Kept: 3, Future: 1}},
	} {
		tab, mem := newTable(t, 10)
		for id := range frame.FCID(3) {
			l := at(id + 1)
			tab.Put(&l)
		}
		c.spoil(tab, tab.find(At(0, 0, 2)))
		again, done, err := Adopt(mem, now)
		if err != nil || done != c.want {
			t.Errorf("%s: %+v %v, want %+v", name, done, err, c.want)
			continue
		}
		var n int
		for l := range again.All() {
			n++
			if l.LastSeen > now || !l.possible() {
				t.Errorf("%s: %+v", name, l)
			}
		}
		if n != again.Len() || n != c.want.Kept {
			t.Errorf("%s: %d logins listed, %d counted, want %d", name, n, again.Len(), c.want.Kept)
		}
	}
}

// rewrite changes the login in slot i behind the table's back, with a good check.
func rewrite(tab *Table, i int, change func(*Login)) {
	l := tab.read(i)
	change(&l)
	tab.write(i, &l)
}

func TestFreshMemoryIsNotAdopted(t *testing.T) {
	if _, _, err := Adopt(memory(Bytes(10)), 0); !errors.Is(err, ErrNoTable) {
		t.Errorf("error %v, want ErrNoTable", err)
	}
}

// Whatever the words of the slots say, a warm start gives a table that works: what it lists it also finds, its counts
// are right, and it takes logins up to its limit.
func TestAWarmStartSurvivesAnyContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 8
		mem := memory(Bytes(limit))
		tab, err := NewTable(mem, limit, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rapid.IntRange(0, limit).Draw(t, "logins") {
			l := plain(frame.FCID(i+1), frame.WWN(i+1))
			tab.Put(&l)
		}
		all := unsafe.Slice((*words)(unsafe.Pointer(&mem[0])), len(mem)/SlotSize)
		for range rapid.IntRange(1, 12).Draw(t, "spots") {
			s := &all[rapid.IntRange(1, len(all)-1).Draw(t, "slot")]
			w := rapid.IntRange(0, slotWords-1).Draw(t, "word")
			s[w].Store(rapid.OneOf(rapid.Just(uint64(0)), rapid.Just(^uint64(0)), rapid.Uint64Range(0, 20), rapid.Uint64()).Draw(t, "value"))
			if rapid.Bool().Draw(t, "good check") {
				var img wordImage
				for i := range img {
					img[i] = s[i].Load()
				}
				s[wCheck].Store(img.check())
			}
		}
		again, _, err := Adopt(mem, rapid.Int64Min(1).Draw(t, "now"))
		if err != nil {
			t.Fatal(err)
		}
		var n int
		for l := range again.All() {
			if got, ok := again.Resolve(l.Addr); !ok || got != l || !l.possible() {
				t.Fatalf("listed %+v, found %+v %v", l, got, ok)
			}
			n++
		}
		if n != again.Len() {
			t.Fatalf("%d logins listed, %d counted", n, again.Len())
		}
		for i := range 2 * limit {
			l := plain(frame.FCID(0x100+i), frame.WWN(i+1))
			if was := again.Full(); again.Put(&l) == was {
				t.Fatalf("full %v, login %d taken %v", was, i, !was)
			}
		}
	})
}
