package login

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"fcredirect/dataplane/frame"
)

// Readers run beside a writer that changes, removes and re-inserts. Every copy they get must be whole: all its parts
// are made from one number, so a mixture of two writes shows. A login that is never removed must always be found,
// however its neighbours come and go. Run with -race it also shows that no plain access is left.
func TestReadersSeeWholeLoginsWhileTheWriterWorks(t *testing.T) {
	const ids, steady = 60, frame.FCID(7)
	tab, mem := newTable(t, ids)
	made := func(id frame.FCID, n uint64) Login {
		l := plain(id, frame.WWN(n))
		l.WWNN, l.MAC, l.ENode = frame.WWN(n), frame.FPMA(uint32(n)&0xFFFFFE, id), frame.FPMA(uint32(n)&0xFFFFFE, id)
		l.FirstSeen = int64(n)
		return l
	}
	whole := func(l Login) bool {
		return uint64(l.WWNN) == uint64(l.WWPN) && uint64(l.FirstSeen) == uint64(l.WWPN) && l.MAC == l.ENode &&
			l.MAC == frame.FPMA(uint32(l.WWPN)&0xFFFFFE, l.Addr.ID())
	}
	first := made(steady, 1)
	tab.Put(&first)

	var stop atomic.Bool
	var reads, misses atomic.Int64
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			v, err := NewView(mem)
			if err != nil {
				t.Error(err)
				return
			}
			for !stop.Load() {
				for id := range frame.FCID(ids + 1) {
					l, ok := v.Resolve(At(0, 0, id))
					if ok && (!whole(l) || l.Addr != At(0, 0, id)) {
						t.Errorf("a mixture: %+v", l)
						return
					}
					if id == steady && !ok {
						misses.Add(1)
					}
				}
				for l := range v.All() {
					if !whole(l) {
						t.Errorf("a mixture in the list: %+v", l)
						return
					}
				}
				reads.Add(1)
			}
		})
	}
	for n := uint64(2); n < 40_000 || reads.Load() < 3; n++ {
		id := frame.FCID(n%ids + 1)
		if id == steady {
			continue
		}
		l := made(id, n)
		if old, ok := tab.Resolve(l.Addr); ok {
			l.Incarnation = old.Incarnation
		}
		if n%3 == 0 {
			tab.Remove(l.Addr)
		} else {
			tab.Put(&l)
		}
		if n%512 == 0 {
			runtime.Gosched()
		}
	}
	stop.Store(true)
	readers.Wait()
	if n := misses.Load(); n != 0 {
		t.Errorf("a login that was there all the time was missed %d times in %d rounds", n, reads.Load())
	}
}
