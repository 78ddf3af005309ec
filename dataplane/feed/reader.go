package feed

import (
	"errors"
	"fmt"
	"sync/atomic"

	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// ErrFenced says that somebody else reads the ring now.
var ErrFenced = ring.ErrFenced

// Reader is the consumer's side of one ring. It belongs to one goroutine.
//
// What is read is not released: a consumer releases what it has made durable, so that its death loses nothing. Items
// that a dead consumer had read but not released come once more, with the same numbers.
type Reader struct {
	info   *Info
	cursor *Cursor
	ring   *ring.Consumer
	last   uint64 // Seq of the item read last
	err    error
}

// Open attaches to the rings of a consumer: one reader per producer, in their order, each at the first item not
// released. A shard beyond those that the segment has is an error.
func Open(state, ctl *shm.File, c Consumer, shard int) ([]*Reader, error) {
	infos, cursors := shm.Items[Info](state, shm.RegionRings), shm.Items[Cursor](ctl, shm.RegionCursors)
	if len(infos) == 0 || len(infos) != len(cursors) {
		return nil, errors.New("feed: the segment has no rings")
	}
	var readers []*Reader
	nth := 0 // of the rings of this consumer
	for i := range infos {
		if infos[i].Consumer != uint8(c) {
			continue
		}
		at := nth
		nth++
		if int(infos[i].Shard) != shard {
			continue
		}
		r, err := open(state, &infos[i], cursors, i, at)
		if err != nil {
			return nil, fmt.Errorf("feed: ring %d of %v: %w", i, c, err)
		}
		readers = append(readers, r)
	}
	if len(readers) == 0 {
		return nil, fmt.Errorf("feed: the segment has no rings of shard %d for %v", shard, c)
	}
	return readers, nil
}

func open(state *shm.File, info *Info, cursors []Cursor, index, at int) (*Reader, error) {
	spec := ring.Spec{Items: int(info.Items), Stride: ItemBytes}
	if spec.Items < MinItems || spec.Items > MaxItems {
		return nil, fmt.Errorf("%d items: not a ring", spec.Items)
	}
	stride := (spec.ProducerBytes() + 4095) / 4096 * 4096
	mem := memory(state, Consumer(info.Consumer), at, stride)
	if mem == nil {
		return nil, errors.New("it lies outside its region")
	}
	r := &Reader{info: info, cursor: &cursors[index]}
	err := mend(r.cursor, mem, spec.Items, func() (err error) {
		if r.ring, err = ring.NewConsumer(spec, mem, tailOf(cursors, index)); err != nil {
			return err
		}
		if first := (*Item)(r.ring.Peek()); first != nil && first.Header().Seq != r.ring.Cursor()+1 {
			return ring.ErrBroken // the cursor could be right, but what it points to was overwritten
		}
		return nil
	}, func() {
		// The producer has stopped, and goes on when the wish for everything is new.
		r.Resync(atomic.LoadUint64(&r.cursor.Nonce) + 1)
	})
	if err != nil {
		return nil, err
	}
	r.last = r.ring.Cursor()
	return r, nil
}

// mend attaches to a ring. Where somebody wrote nonsense into the cursor, a plausible one takes its place, and mended is
// called. But nonsense it is only if it is still there: else another consumer released items, and the producer used the
// room, while we looked.
func mend(cursor *Cursor, mem []byte, items int, attach func() error, mended func()) (err error) {
	for range mendTries {
		tail := atomic.LoadUint64(&cursor.Tail)
		if err = attach(); !errors.Is(err, ring.ErrBroken) {
			return err
		}
		if atomic.CompareAndSwapUint64(&cursor.Tail, tail, plausible(mem, items)) {
			mended()
		}
	}
	return err
}

// Producer is the index of the ring's producer: an lcore, or after the last of them the control goroutine.
func (r *Reader) Producer() int { return int(r.info.Producer) }

// Next is the next item, nil when none waits or the ring is of no use any more (Err). It lies in the ring, read-only,
// and stays until it is released.
func (r *Reader) Next() *Item {
	if r.err != nil {
		return nil
	}
	slot := r.ring.Next()
	if slot == nil {
		if r.ring.Broken() {
			r.err = ring.ErrBroken
		}
		return nil
	}
	item := (*Item)(slot)
	if seq := item.Header().Seq; seq != r.last+1 {
		r.err = fmt.Errorf("feed: item %d where %d was due: the ring is torn", seq, r.last+1)
		return nil
	}
	r.last++
	return item
}

// Read is the number of the item read last, Released that of the last one released.
func (r *Reader) Read() uint64     { return r.last }
func (r *Reader) Released() uint64 { return r.ring.Released() }

// Release gives all items up to and including number seq back. ErrFenced: another reader has released meanwhile.
func (r *Reader) Release(seq uint64) error { return r.ring.ReleaseTo(seq) }

// Err is why the ring cannot be read any further.
func (r *Reader) Err() error { return r.err }

// Depth is how many items are committed and not released.
func (r *Reader) Depth() int { return r.ring.Depth() }

// Empty says whether nothing waits to be read.
func (r *Reader) Empty() bool { return r.ring.Empty() }

// Info is the producer's page.
func (r *Reader) Info() *Info { return r.info }

// Resync asks the producer to offer everything that it has once more; a KindSynced item with the nonce ends the answer.
func (r *Reader) Resync(nonce uint64) { atomic.StoreUint64(&r.cursor.Nonce, nonce) }

// Ring is a ring as a list of rings shows it.
type Ring struct {
	Consumer   Consumer
	Shard      int
	Producer   int
	Items      int
	Depth      uint64
	Offered    uint64
	Released   uint64
	Conflated  uint64
	Full       uint64
	Lost       uint64
	Gaps       uint64
	Pending    uint64
	Unreported uint64
	Broken     uint64
}

// Rings lists all rings of a segment. It may be called from anywhere; the figures may differ by one batch.
//
//go:norace
func Rings(state, ctl *shm.File) []Ring {
	infos, cursors := shm.Items[Info](state, shm.RegionRings), shm.Items[Cursor](ctl, shm.RegionCursors)
	list := make([]Ring, 0, len(infos))
	for i := range min(len(infos), len(cursors)) {
		in := infos[i]
		tail := atomic.LoadUint64(&cursors[i].Tail)
		l := Ring{
			Consumer: Consumer(in.Consumer), Shard: int(in.Shard), Producer: int(in.Producer), Items: int(in.Items), Offered: in.Offered,
			Released: tail, Conflated: in.Conflated, Full: in.Full, Lost: in.Lost, Gaps: in.Gaps, Pending: in.Pending,
			Unreported: in.Unreported, Broken: in.Broken,
		}
		if in.Offered > tail {
			l.Depth = min(in.Offered-tail, uint64(in.Items))
		}
		list = append(list, l)
	}
	return list
}
