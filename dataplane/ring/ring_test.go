package ring

import (
	"runtime"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func put(p *Producer, v uint64) bool {
	slot := p.Reserve()
	if slot == nil {
		return false
	}
	*(*uint64)(slot) = v
	return true
}

func TestRingBehavesLikeABoundedQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := 1 << rapid.IntRange(1, 5).Draw(t, "log2 items")
		p, c, err := New(Spec{Items: size, Stride: 8 * rapid.IntRange(1, 4).Draw(t, "words")})
		if err != nil {
			t.Fatal(err)
		}
		var reserved, committed, read []uint64 // the model: three stretches of one queue
		next := uint64(1)
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(t *rapid.T) {
				full := len(reserved)+len(committed)+len(read) == size
				if ok := put(p, next); ok == full {
					t.Fatalf("reserve gave %v with %d of %d taken", ok, len(reserved)+len(committed)+len(read), size)
				} else if ok {
					reserved = append(reserved, next)
					next++
				}
			},
			"commit": func(*rapid.T) { p.Commit(); committed = append(committed, reserved...); reserved = nil },
			"next": func(t *rapid.T) {
				peeked := c.Peek()
				slot := c.Next()
				if slot != peeked {
					t.Fatalf("peeked at %v, next gave %v", peeked, slot)
				}
				if (slot == nil) != (len(committed) == 0) {
					t.Fatalf("next gave %v with %d committed", slot, len(committed))
				}
				if slot != nil {
					if got := *(*uint64)(slot); got != committed[0] {
						t.Fatalf("next gave item %d, want %d", got, committed[0])
					}
					read, committed = append(read, committed[0]), committed[1:]
				}
			},
			"release": func(*rapid.T) { c.Release(); read = nil },
			"release a part": func(t *rapid.T) {
				n := rapid.IntRange(0, len(read)).Draw(t, "n")
				if err := c.ReleaseTo(c.Released() + uint64(n)); err != nil {
					t.Fatal(err)
				}
				read = read[n:]
			},
			"undo": func(*rapid.T) {
				if len(reserved) > 0 {
					p.Undo()
					next--
					reserved = reserved[:len(reserved)-1]
				}
			},
			"": func(t *rapid.T) {
				lies := append(append([]uint64(nil), read...), committed...)
				for n := range lies {
					want := lies[len(lies)-1-n]
					if slot := p.Last(uint64(n + 1)); n+1 < size && (slot == nil || *(*uint64)(slot) != want) {
						t.Fatalf("the item %d before the next is not %d", n+1, want)
					}
				}
			},
		})
	})
}

func TestItemsCrossBetweenGoroutinesInOrder(t *testing.T) {
	p, c, err := New(Spec{Items: 64, Stride: 16})
	if err != nil {
		t.Fatal(err)
	}
	const total = 100_000
	go func() {
		for v := uint64(1); v <= total; {
			done := put(p, v)
			p.Commit()
			if done {
				v++
			} else {
				runtime.Gosched() // the consumer may have the same CPU
			}
		}
	}()
	for want := uint64(1); want <= total; {
		slot := c.Next()
		if slot == nil {
			c.Release()
			runtime.Gosched() // the producer may have the same CPU
			continue
		}
		if got := *(*uint64)(slot); got != want {
			t.Fatalf("item %d, want %d", got, want)
		}
		want++
	}
}

func TestALyingPeerMakesTheRingUnusable(t *testing.T) {
	spec := Spec{Items: 8, Stride: 8}
	items, tail := words(spec.ProducerBytes()), words(spec.ConsumerBytes())
	p, err := NewProducer(spec, items, tail)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewConsumer(spec, items, tail)
	if err != nil {
		t.Fatal(err)
	}
	*p.tail = 5 // a consumer that claims to have read what was never written
	for range 8 {
		p.Reserve()
	}
	if p.Reserve() != nil || !p.Broken() {
		t.Fatal("producer went on past an impossible tail")
	}
	*c.head = 1 << 40
	if c.Next() != nil || !c.Broken() {
		t.Fatal("consumer read past an impossible head")
	}
}

// two attaches a producer and two consumers to the same ring.
func two(t *testing.T) (p *Producer, a, b *Consumer, tail *uint64) {
	t.Helper()
	spec := Spec{Items: 4, Stride: 8}
	words := make([]uint64, (spec.ProducerBytes()+spec.ConsumerBytes())/8)
	mem := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)
	items, cursor := mem[:spec.ProducerBytes()], mem[spec.ProducerBytes():]
	var err error
	if p, err = NewProducer(spec, items, cursor); err != nil {
		t.Fatal(err)
	}
	if a, err = NewConsumer(spec, items, cursor); err != nil {
		t.Fatal(err)
	}
	if b, err = NewConsumer(spec, items, cursor); err != nil {
		t.Fatal(err)
	}
	return p, a, b, (*uint64)(unsafe.Pointer(&cursor[0]))
}

func TestWhoIsNoLongerTheConsumerReleasesNothing(t *testing.T) {
	p, a, b, tail := two(t)
	for v := range uint64(4) {
		put(p, v)
	}
	p.Commit()
	for range 3 {
		a.Next()
		b.Next()
	}
	if err := a.ReleaseTo(2); err != nil {
		t.Fatal(err)
	}
	if err := b.ReleaseTo(3); err != ErrFenced || *tail != 2 || b.Released() != 0 {
		t.Fatalf("the other released: %v, tail %d", err, *tail)
	}
	for _, wrong := range []uint64{1, 4, 1 << 63} { // released already, not read yet, nonsense
		if err := a.ReleaseTo(wrong); err == nil || *tail != 2 {
			t.Errorf("released up to %d: %v, tail %d", wrong, err, *tail)
		}
	}
}

func TestABrokenRingIsMendedWhenItsCursorIsRightAgain(t *testing.T) {
	p, _, _, tail := two(t)
	for v := range uint64(4) {
		put(p, v)
	}
	p.Commit()
	*tail = 9
	if p.Free(1) != 0 || !p.Broken() || p.Mend() || p.Free(1) != 0 {
		t.Fatal("used with a cursor that cannot be right")
	}
	*tail = 3
	if p.Free(1) != 0 {
		t.Fatal("mended by itself")
	}
	if !p.Mend() || p.Free(4) != 3 {
		t.Fatalf("not mended: %d free", p.Free(4))
	}
}

func TestSpecsThatCannotWorkAreRefused(t *testing.T) {
	for name, s := range map[string]Spec{
		"not a power of two": {Items: 12, Stride: 8},
		"one item":           {Items: 1, Stride: 8},
		"odd stride":         {Items: 8, Stride: 12},
		"no stride":          {Items: 8},
		"negative":           {Items: -8, Stride: 8},
	} {
		if _, _, err := New(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := NewProducer(Spec{Items: 8, Stride: 8}, words(64), words(64)); err == nil {
		t.Error("short memory: accepted")
	}
}

func words(n int) []byte {
	w := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), n)
}

func BenchmarkItem128InBatchesOf32(b *testing.B) {
	p, c, err := New(Spec{Items: 1024, Stride: 128})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < b.N; {
			for i := 0; i < 32; i++ {
				slot := c.Next()
				if slot == nil {
					break
				}
				_ = *(*[128]byte)(slot)
				n++
			}
			c.Release()
		}
	}()
	var item [128]byte
	b.ReportAllocs()
	for n := 0; n < b.N; {
		batch := min(32, b.N-n, p.Free(32))
		for range batch {
			*(*[128]byte)(p.Reserve()) = item
		}
		p.Commit()
		n += batch
	}
	<-done
}
