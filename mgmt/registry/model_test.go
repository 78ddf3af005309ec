package registry

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"fcredirect/dataplane/shm"
)

// world is a table that processes share which live and die as the test says.
type world struct {
	table Table
	alive map[process]bool
	next  int
}

func newWorld() *world {
	w := &world{alive: map[process]bool{}, next: 100}
	w.table = Table{make([]Slot, shm.MaxRoles), make([]Member, shm.MaxMembers), func(t token) bool {
		return w.alive[process{t.pid(), t.start()}]
	}}
	return w
}

// spawn is a process with its registry, without the goroutine that watches: the test is its clock.
func (w *world) spawn() *Registry {
	// A pid in two is used again, by a process that began later.
	w.next++
	p := process{100 + w.next/2%2, uint64(w.next)}
	if w.next%2 == 0 {
		p.pid = w.next
	}
	w.alive[p] = true
	t := w.table
	r := &Registry{self: p, at: &Attachment{Table: &t}, o: Options{Log: slog.New(slog.DiscardHandler)}}
	r.claims.all = map[*Claim]struct{}{}
	return r
}

type seat struct {
	role   string
	number int
}

// model is what the registry should say.
type model struct {
	*world
	procs  []*Registry
	owner  map[seat]*Claim
	active map[string]*Claim // nil: nobody, or a dead process
	claims []*Claim          // of living processes, not lost and not released
	seats  map[*Claim]seat
}

func (m *model) drop(c *Claim) {
	for i := range m.claims {
		if m.claims[i] == c {
			m.claims = append(m.claims[:i:i], m.claims[i+1:]...)
			break
		}
	}
	s := m.seats[c]
	delete(m.owner, s)
	if m.active[s.role] == c {
		m.active[s.role] = nil
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// check is a round of the watch of one claim.
func (m *model) check(t *rapid.T, c *Claim) {
	s := m.seats[c]
	was := m.active[s.role]
	deposed := c.word != 0 && was != c
	holds := c.Holds()
	switch {
	case deposed:
		if holds || !closed(c.Lost()) {
			t.Fatalf("%v was deposed: holds %v", s, holds)
		}
		m.drop(c)
	case was == nil || was == c:
		if !holds || !closed(c.Promoted()) {
			t.Fatalf("%v is due, but does not hold", s)
		}
		m.active[s.role] = c
	case holds:
		t.Fatalf("%v holds beside %v", s, m.seats[was])
	}
}

func (m *model) claim(t *rapid.T) {
	r := rapid.SampledFrom(m.procs).Draw(t, "process")
	s := seat{rapid.SampledFrom([]string{"store", "event"}).Draw(t, "role"), rapid.IntRange(0, 2).Draw(t, "number")}
	standby := rapid.Bool().Draw(t, "standby")
	c, err := r.claim(Instance{Role: s.role, Number: s.number}, standby)
	taken := m.owner[s] != nil || !standby && m.active[s.role] != nil
	if taken != errors.Is(err, ErrTaken) || (err == nil) == taken {
		t.Fatalf("claim of %v, standby %v: %v; owner %v, active %v", s, standby, err, m.owner[s], m.active[s.role])
	}
	if err != nil {
		return
	}
	if c.Number() != s.number {
		t.Fatalf("claim of %v has number %d", s, c.Number())
	}
	m.owner[s], m.seats[c] = c, s
	m.claims = append(m.claims, c)
	if m.active[s.role] == nil {
		m.active[s.role] = c
	}
	m.check(t, c)
}

func TestClaimsBehaveLikeTheModelWhateverDies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{world: newWorld(), owner: map[seat]*Claim{}, active: map[string]*Claim{}, seats: map[*Claim]seat{}}
		for range 3 {
			m.procs = append(m.procs, m.spawn())
		}
		one := func(t *rapid.T) *Claim {
			if len(m.claims) == 0 {
				t.Skip("no claims")
			}
			return rapid.SampledFrom(m.claims).Draw(t, "claim")
		}
		t.Repeat(map[string]func(*rapid.T){
			"claim": m.claim,
			"check": func(t *rapid.T) { m.check(t, one(t)) },
			"release": func(t *rapid.T) {
				c := one(t)
				c.Release()
				m.drop(c)
			},
			"beat": func(t *rapid.T) {
				c := one(t)
				m.check(t, c)
				c.Beat(Running, "")
			},
			"die": func(t *rapid.T) {
				i := rapid.IntRange(0, len(m.procs)-1).Draw(t, "process")
				dead := m.procs[i]
				m.alive[dead.self] = false
				for _, c := range append([]*Claim(nil), m.claims...) {
					if c.registry == dead {
						m.drop(c)
					}
				}
				m.procs[i] = m.spawn()
			},
			"depose": func(t *rapid.T) {
				role := rapid.SampledFrom([]string{"store", "event"}).Draw(t, "role")
				c, hangs := m.active[role], rapid.Bool().Draw(t, "hangs")
				if c != nil && hangs {
					atomic.StoreInt64(&c.table.slots[c.index].Beat, monotonic()-int64(time.Hour))
				}
				err := m.procs[0].Depose(role, 0, time.Minute)
				if c != nil && hangs {
					m.active[role] = nil
				} else if c != nil && !errors.Is(err, ErrTaken) {
					t.Fatalf("depose of one that beats: %v", err)
				}
			},
			"": func(t *rapid.T) {
				for role, c := range m.active {
					in, ok := m.procs[0].Find(role, 0)
					if c != nil && c.state == Running && c.word != 0 && (!ok || in.Number != m.seats[c].number || in.PID != c.registry.self.pid) {
						t.Fatalf("%s: found %+v, %v, want %v", role, in, ok, m.seats[c])
					}
					if c == nil && ok {
						t.Fatalf("%s: found %+v, but nobody has it", role, in)
					}
				}
			},
		})
	})
}

// exercise does everything that can be done with a table whose content means nothing.
func exercise(t *Table) {
	w := newWorld()
	r := w.spawn()
	t.lives = func(k token) bool { return k%3 == 0 || w.alive[process{k.pid(), k.start()}] }
	r.at.Table = t
	for i, in := range t.List() {
		t.Find(in.Role, in.Shard)
		t.Locate(in.Role, in.Shard)
		_ = t.Depose(in.Role, in.Shard, time.Hour)
		if i%16 == 0 { // it looks at all of them
			orders, _ := t.Command(in.Role, in.Shard, Command(i%3))
			for _, o := range orders {
				t.Fulfilled(o)
			}
		}
		in.Number = i%2 - 1
		if c, err := r.claim(in, i%3 == 0); err == nil {
			c.Beat(Running, "fine")
			c.Restarted(errors.New("it broke"))
			c.Done(c.Wanted())
			c.Holds()
			c.Number()
			if i%5 > 0 {
				c.Release()
			}
		}
	}
	t.Members()
	for i := range t.members {
		t.MemberClaim(i)
		t.MemberAlive(i)
	}
	if i, owner, err := t.join(r.self, "x", "y"); err == nil {
		t.leave(i, owner)
	}
}

func FuzzGarbageInTheTableIsAnsweredNeverACrash(f *testing.F) {
	f.Add(uint64(1), []byte{0, 1, 255})
	f.Add(uint64(2), []byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, seed uint64, b []byte) {
		w := newWorld()
		mem := unsafe.Slice((*byte)(unsafe.Pointer(&w.table.slots[0])), len(w.table.slots)*shm.RoleBytes)
		members := unsafe.Slice((*byte)(unsafe.Pointer(&w.table.members[0])), len(w.table.members)*shm.MemberBytes)
		random := rand.New(rand.NewPCG(seed, 0))
		// Real claims first, so that keys are right and what hangs on them is wrong.
		r := w.spawn()
		for i := range 8 {
			if _, err := r.claim(Instance{Role: fmt.Sprint("role", i/2), Number: i % 2}, true); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 1 + 20*len(b) {
			v := byte(random.Uint32())
			if len(b) > 0 {
				v = b[i%len(b)]
			}
			mem[random.IntN(len(mem))] = v
			members[random.IntN(len(members))] = v
		}
		exercise(&w.table)
		for i := range mem {
			mem[i] = byte(random.Uint32())
		}
		exercise(&w.table)
	})
}

func TestTextsAreCutAtACharacterAndGarbageBecomesPrintable(t *testing.T) {
	var room [1]uint64
	for in, want := range map[string]string{
		"":           "",
		"12345678":   "12345678",
		"123456789":  "12345678",
		"1234567é":   "1234567", // its second byte has no room
		"a\x1b[2Jb":  "a?[2Jb",
		"a\xff\xfeb": "a??b",
		"\u202eabc":  "?abc",
	} {
		setText(room[:], in)
		if got := text(room[:]); got != want {
			t.Errorf("%q reads back as %q, want %q", in, got, want)
		}
	}
}

func TestATokenNamesOneProcessInItsTime(t *testing.T) {
	p, err := self()
	if err != nil {
		t.Fatal(err)
	}
	k := token(0).next(p)
	if !k.alive() || k.claim() != 1 || k.pid() != p.pid || k.next(p).claim() != 2 || k.free() || !k.released().free() || k.released().claim() != 1 {
		t.Errorf("token %x of %+v", k, p)
	}
	if token(0).next(process{p.pid, p.start + 1}).alive() {
		t.Error("a process of the same pid that began at another time is taken for this one")
	}
	if token(0).next(process{pidMask, p.start}).alive() || token(0).alive() {
		t.Error("a process that is not there lives")
	}
	if last := token(0xffff) << (pidBits + startBits); last.next(p).claim() != 0 {
		t.Error("the count does not begin anew")
	}
}
