package feed

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"fcredirect/dataplane/shm"
)

// logins stands for the control goroutine with its table: logins by address, each with a number that goes up when it
// changes.
type logins struct {
	spec    Spec
	seg     *shm.Segment
	outlets *LoginOutlets
	table   map[uint64]uint32
	changes uint32
	limit   int
	now     uint64
}

func (l *logins) FillLogin(addr uint64, item *LoginItem) bool {
	n, live := l.table[addr]
	item.Incarnation = n
	return live
}

func (l *logins) Addresses(yield func(uint64) bool) {
	for addr := range l.table {
		if !yield(addr) {
			return
		}
	}
}

// newLogins gives the segment of some flows a control goroutine with a table of that many logins.
func newLogins(t rapid.TB, f *flows, limit int) *logins {
	l := &logins{spec: f.spec, seg: f.seg, table: map[uint64]uint32{}, limit: limit, now: f.now}
	l.attach(t)
	return l
}

func (l *logins) attach(t rapid.TB) {
	c := Config{Spec: l.spec, Producer: l.spec.Producers - 1, Report: period, Now: l.now}
	var err error
	if l.outlets, err = NewLoginOutlets(l.seg.State, l.seg.Ctl, c, l, l.limit); err != nil {
		t.Fatal(err)
	}
}

// change gives the login at an address another state.
func (l *logins) change(addr uint64) {
	l.changes++
	l.table[addr] = l.changes
	l.outlets.Mark(addr)
}

func (l *logins) remove(addr uint64) {
	if _, live := l.table[addr]; live {
		delete(l.table, addr)
		l.outlets.Mark(addr)
	}
}

// roll is what a consumer of logins knows. When the data plane began anew, or says that it could not tell of all, it
// wishes for everything, and takes for gone what does not come.
type roll struct {
	l          *logins
	reader     *Reader
	known      map[uint64]uint32
	seqs       map[uint64]uint64
	nonce      uint64
	upto       uint64
	unreported uint64
}

func (r *roll) open(t rapid.TB) {
	readers, err := Open(r.l.seg.State, r.l.seg.Ctl, Store, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.reader = readers[r.l.spec.Producers-1]
}

func (r *roll) wish() {
	r.nonce++
	r.upto, r.unreported = r.reader.Info().Offered, r.reader.Info().Unreported
	r.reader.Resync(r.nonce)
}

func (r *roll) read(t rapid.TB, n int) {
	for range n {
		item := r.reader.Next()
		if item == nil {
			break
		}
		switch h := item.Header(); {
		case h.Kind == KindSynced && item.Sync().Nonce == r.nonce:
			maps.DeleteFunc(r.seqs, func(_, seq uint64) bool { return seq <= r.upto })
			maps.DeleteFunc(r.known, func(addr uint64, _ uint32) bool { return r.seqs[addr] == 0 })
		case h.Kind == KindLogin && h.Flags&FlagEnded != 0:
			delete(r.known, item.Login().Addr)
			delete(r.seqs, item.Login().Addr)
		case h.Kind == KindLogin:
			r.known[item.Login().Addr], r.seqs[item.Login().Addr] = item.Login().Incarnation, h.Seq
		}
	}
	if err := r.reader.Err(); err != nil {
		t.Fatal(err)
	}
}

// settle lets everything come to rest.
func (r *roll) settle(t rapid.TB) {
	for range 1000 {
		r.l.now += period
		r.l.outlets.Offer(r.l.now, 16)
		r.read(t, 1000)
		if err := r.reader.Release(r.reader.Read()); err != nil {
			t.Fatal(err)
		}
		in := r.reader.Info()
		switch {
		case in.Pending > 0 || in.Synced != r.nonce || !r.reader.Empty():
		case in.Unreported != r.unreported:
			r.wish()
		default:
			return
		}
	}
	t.Fatal("it does not come to rest")
}

func TestAtRestTheConsumerKnowsEveryLogin(t *testing.T) {
	dir := memoryDir(t)
	rapid.Check(t, func(t *rapid.T) {
		f := newFlows(t, dir, Spec{Producers: 2, State: 64, Events: 64, Shards: 2}, 1)
		defer func() { f.seg.Remove(); f.seg.Close() }()
		l := newLogins(t, f, rapid.IntRange(1, 100).Draw(t, "logins"))
		r := &roll{l: l, known: map[uint64]uint32{}, seqs: map[uint64]uint64{}}
		r.open(t)
		addr := rapid.Uint64Range(1, uint64(2*l.limit))
		t.Repeat(map[string]func(*rapid.T){
			"logins come, change and go": func(t *rapid.T) {
				for range rapid.IntRange(1, 50).Draw(t, "n") {
					if a := addr.Draw(t, "address"); len(l.table) < l.limit && rapid.Bool().Draw(t, "here") {
						l.change(a)
					} else {
						l.remove(a)
					}
				}
			},
			"offer": func(t *rapid.T) {
				l.now += rapid.Uint64Range(0, 2*period).Draw(t, "later")
				l.outlets.Offer(l.now, rapid.IntRange(1, 32).Draw(t, "budget"))
			},
			"read": func(t *rapid.T) { r.read(t, 100) },
			"release": func(t *rapid.T) {
				if err := r.reader.Release(rapid.Uint64Range(r.reader.Released(), r.reader.Read()).Draw(t, "to")); err != nil {
					t.Fatal(err)
				}
			},
			"wish":              func(*rapid.T) { r.wish() },
			"the consumer dies": func(t *rapid.T) { r.open(t) },
			"the data plane restarts": func(t *rapid.T) {
				l.attach(t)
				l.outlets.Resync()
				r.wish()
			},
			"": func(t *rapid.T) {
				for _, out := range l.outlets.list {
					if len(out.queue) != len(out.waiting) || len(out.queue) > out.limit {
						t.Fatalf("%d wait, %d of them noted, of %d", len(out.queue), len(out.waiting), out.limit)
					}
				}
			},
		})
		r.settle(t)
		if !maps.Equal(r.known, l.table) {
			t.Fatalf("the consumer knows %v, the table has %v", r.known, l.table)
		}
	})
}

// The queue is full of logins that are gone when everything is asked for.
func TestAWishIsAnsweredInFullThoughTheQueueWasFull(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 2, State: 64, Events: 64, Shards: 1}, 1)
	defer f.seg.Close()
	l := newLogins(t, f, 4)
	r := &roll{l: l, known: map[uint64]uint32{}, seqs: map[uint64]uint64{}}
	r.open(t)
	for addr := range uint64(4) {
		l.change(1 + addr)
		l.remove(1 + addr)
	}
	for addr := range uint64(4) {
		l.table[101+addr] = 1 // known before the outlets were made, say
	}
	r.wish()
	for range 10 {
		l.now += period
		l.outlets.Offer(l.now, 16)
	}
	r.read(t, 100)
	if !maps.Equal(r.known, l.table) {
		t.Fatalf("the consumer knows %v, the table has %v", r.known, l.table)
	}
}

// The queue is full of logins that are gone. Those that came meanwhile are told of by and by; that one which was known is
// gone as well only the count tells.
func TestWhatFindsNoPlaceInTheQueueIsToldOfOrCounted(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 2, State: 64, Events: 64, Shards: 1}, 1)
	defer f.seg.Close()
	l := newLogins(t, f, 4)
	r := &roll{l: l, known: map[uint64]uint32{}, seqs: map[uint64]uint64{}}
	r.open(t)
	offer := func() {
		for range 10 {
			l.now += period
			l.outlets.Offer(l.now, 16)
		}
		r.read(t, 100)
	}
	l.change(50)
	offer()
	for addr := range uint64(4) {
		l.change(1 + addr)
		l.remove(1 + addr)
	}
	for addr := range uint64(3) {
		l.change(101 + addr)
	}
	l.remove(50)
	if in := r.reader.Info(); in.Unreported != 4 {
		t.Fatalf("%d unreported", in.Unreported)
	}
	offer()
	l.table[50] = 1 // the consumer cannot know better
	if !maps.Equal(r.known, l.table) {
		t.Fatalf("the consumer knows %v, the table has %v", r.known, l.table)
	}
}

// The data plane's garbage collector is off: what control does again and again must not allocate, whatever stands in ctl.
func TestOffersOfLoginsAndEventsDoNotAllocate(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 2, State: 64, Events: 64, Shards: 2}, 1)
	defer f.seg.Close()
	l := newLogins(t, f, 64)
	var readers []*Reader
	for _, c := range []Consumer{Peer, Store} {
		of, err := Open(f.seg.State, f.seg.Ctl, c, 0)
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, of[1])
	}
	for addr := range uint64(40) {
		l.change(addr)
	}
	nonce := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		nonce++
		for _, r := range readers {
			r.Resync(nonce)
			for r.Next() != nil {
			}
			if r.Release(r.Read()) != nil {
				t.Fatal("fenced")
			}
		}
		l.change(nonce % 64)
		l.now += period
		l.outlets.Offer(l.now, 256)
		if f.events.Put(l.now, LoginUp, High) != nil {
			f.events.Commit()
		}
		f.events.Tick(l.now)
	}); n != 0 {
		t.Fatalf("%v allocations per round", n)
	}
	if readers[1].Info().Synced < nonce/2 {
		t.Fatalf("%d of %d wishes answered", readers[1].Info().Synced, nonce)
	}
}
