// Package ring is a single-producer, single-consumer ring of fixed-size items over memory that the caller gives:
// the heap, or two regions of the hugepage segment (the producer's in `state`, the consumer's in `ctl`).
//
// Who may import it: anything under dataplane and mgmt. It imports nothing of ours.
//
// Ownership: exactly one goroutine uses the Producer and exactly one the Consumer, possibly in different processes.
// Each keeps a private cursor and publishes it once per batch (Commit, Release), because a published store costs
// about 20 ns on amd64 (XCHG) and a plain increment 1.
//
// Invariants: 0 <= head-tail <= capacity, checked by both sides whenever the other side's cursor is read. The other
// side may be a foreign process, so a cursor that cannot be right makes the ring unusable (ErrBroken for ever)
// rather than guessed at. Items are never moved; a batch is visible as a whole or not at all.
package ring

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// Line is the size of a cache line: head and tail each have one of their own.
const Line = 64

// ErrFenced says that another consumer has released items of the ring since we did.
var ErrFenced = errors.New("ring: another consumer reads it now")

// ErrBroken says that the other side published a cursor that cannot be right.
var ErrBroken = errors.New("ring: the peer's cursor is out of bounds")

// Spec is the inert description of a ring.
type Spec struct {
	Items  int // capacity, a power of two, 2 to 1<<24
	Stride int // bytes per item, a multiple of 8
}

// ProducerBytes is the memory of the producer's side: one line for the head, then the items.
func (s Spec) ProducerBytes() int { return Line + s.Items*s.Stride }

// ConsumerBytes is the memory of the consumer's side: one line for the tail.
func (s Spec) ConsumerBytes() int { return Line }

func (s Spec) check(items, tail []byte) error {
	switch {
	case s.Items < 2 || s.Items > 1<<24 || s.Items&(s.Items-1) != 0:
		return fmt.Errorf("ring: %d items: want a power of two from 2 to %d", s.Items, 1<<24)
	case s.Stride <= 0 || s.Stride%8 != 0:
		return fmt.Errorf("ring: stride %d: want a positive multiple of 8", s.Stride)
	case len(items) < s.ProducerBytes() || len(tail) < s.ConsumerBytes():
		return fmt.Errorf("ring: memory of %d+%d bytes is too small, want %d+%d", len(items), len(tail), s.ProducerBytes(), s.ConsumerBytes())
	case uintptr(unsafe.Pointer(&items[0]))%8 != 0 || uintptr(unsafe.Pointer(&tail[0]))%8 != 0:
		return errors.New("ring: memory is not aligned to 8 bytes")
	}
	return nil
}

// shared is what both sides see.
type shared struct {
	head   *uint64 // written by the producer
	tail   *uint64 // written by the consumer
	items  unsafe.Pointer
	mask   uint64
	stride uintptr
}

func (s Spec) shared(items, tail []byte) shared {
	return shared{
		head:   (*uint64)(unsafe.Pointer(&items[0])),
		tail:   (*uint64)(unsafe.Pointer(&tail[0])),
		items:  unsafe.Pointer(&items[Line]),
		mask:   uint64(s.Items - 1),
		stride: uintptr(s.Stride),
	}
}

func (s *shared) slot(cursor uint64) unsafe.Pointer {
	return unsafe.Add(s.items, uintptr(cursor&s.mask)*s.stride)
}

// Producer is the writing side.
type Producer struct {
	shared
	next   uint64 // private cursor: items filled but not yet committed end here
	done   uint64 // what head says: items committed end here
	seen   uint64 // the consumer's cursor when last read
	broken bool
}

// Consumer is the reading side.
type Consumer struct {
	shared
	next   uint64 // private cursor: items read but not yet released end here
	done   uint64 // what tail says: items released end here
	seen   uint64 // the producer's cursor when last read
	broken bool
}

// NewProducer attaches the writing side. It takes up where the published head stands, so a restarted producer
// loses nothing that was committed. With ErrBroken comes a producer that is of use when it was mended.
func NewProducer(s Spec, items, tail []byte) (*Producer, error) {
	if err := s.check(items, tail); err != nil {
		return nil, err
	}
	p := &Producer{shared: s.shared(items, tail)}
	p.next = atomic.LoadUint64(p.head)
	p.done = p.next
	if p.refresh(); p.broken {
		return p, ErrBroken
	}
	return p, nil
}

// NewConsumer attaches the reading side at the published tail.
func NewConsumer(s Spec, items, tail []byte) (*Consumer, error) {
	if err := s.check(items, tail); err != nil {
		return nil, err
	}
	c := &Consumer{shared: s.shared(items, tail)}
	c.next = atomic.LoadUint64(c.tail)
	c.done = c.next
	c.refresh()
	if c.broken {
		return nil, ErrBroken
	}
	return c, nil
}

// New makes both sides over fresh heap memory: for rings inside one process.
func New(s Spec) (*Producer, *Consumer, error) {
	if s.Items < 0 || s.Stride < 0 || s.Items > 1<<24 || s.Stride > 1<<20 {
		return nil, nil, fmt.Errorf("ring: %d items of %d bytes: out of range", s.Items, s.Stride)
	}
	// Allocated as words, so that items are aligned to 8 bytes.
	words := make([]uint64, (s.ProducerBytes()+s.ConsumerBytes()+2*Line)/8)
	mem := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)
	if skew := int(uintptr(unsafe.Pointer(&mem[0])) % Line); skew != 0 {
		mem = mem[Line-skew:]
	}
	items, tail := mem[Line:Line+s.ProducerBytes()], mem[:Line]
	p, err := NewProducer(s, items, tail)
	if err != nil {
		return nil, nil, err
	}
	c, err := NewConsumer(s, items, tail)
	return p, c, err
}

// Free says how many items can be filled now, reading the consumer's cursor only when fewer than want are known
// to be free. A broken ring has none.
func (p *Producer) Free(want int) int {
	free := int(p.mask + 1 - (p.next - p.seen))
	if p.broken {
		return 0
	}
	if free < want {
		if p.refresh(); p.broken {
			return 0
		}
		free = int(p.mask + 1 - (p.next - p.seen))
	}
	return free
}

// Items is how many the ring holds.
func (p *Producer) Items() int { return int(p.mask + 1) }

// Released is how far the consumer had released when its cursor was last read.
func (p *Producer) Released() uint64 { return p.seen }

func (p *Producer) refresh() {
	tail := atomic.LoadUint64(p.tail)
	if p.done-tail > p.mask+1 { // also when tail is ahead of what was ever committed
		p.broken = true
		return
	}
	p.seen = tail
}

// Reserve returns the next free item to fill, or nil when the ring is full. It stays invisible until Commit.
func (p *Producer) Reserve() unsafe.Pointer {
	if p.Free(1) == 0 {
		return nil
	}
	slot := p.slot(p.next)
	p.next++
	return slot
}

// Undo takes back the item reserved last, which must not be committed yet.
func (p *Producer) Undo() { p.next-- }

// Commit publishes all reserved items.
func (p *Producer) Commit() {
	p.done = p.next
	atomic.StoreUint64(p.head, p.next)
}

// Last is the item committed n before the next one, from 1: where it lies, nil when there was none. It is whole as long as
// fewer items than the ring has less n are reserved.
func (p *Producer) Last(n uint64) unsafe.Pointer {
	if n == 0 || n > p.done || n > p.mask {
		return nil
	}
	return p.slot(p.done - n)
}

// Broken says that the consumer's side published nonsense.
func (p *Producer) Broken() bool { return p.broken }

// Mend looks again whether the consumer's cursor can be right, and takes the ring into use if so.
func (p *Producer) Mend() bool {
	p.broken = false
	p.refresh()
	return !p.broken
}

// Head is what the producer's memory of a ring says to be committed.
func Head(items []byte) uint64 { return atomic.LoadUint64((*uint64)(unsafe.Pointer(&items[0]))) }

// Written is the number of items reserved since the ring was made.
func (p *Producer) Written() uint64 { return p.next }

// Depth is the number of committed items not yet released, as last seen by this side.
func (p *Producer) Depth() int { p.refresh(); return int(p.next - p.seen) }

// Next returns the next committed item, or nil when there is none. The item stays valid until Release.
func (c *Consumer) Next() unsafe.Pointer {
	if c.next == c.seen {
		c.refresh()
		if c.broken || c.next == c.seen {
			return nil
		}
	}
	slot := c.slot(c.next)
	c.next++
	return slot
}

// Peek is what Next would give, and leaves it there.
func (c *Consumer) Peek() unsafe.Pointer {
	slot := c.Next()
	if slot != nil {
		c.next--
	}
	return slot
}

func (c *Consumer) refresh() {
	head := atomic.LoadUint64(c.head)
	if head-c.next > c.mask+1 {
		c.broken = true
		return
	}
	c.seen = head
}

// Release gives all items read so far back to the producer.
func (c *Consumer) Release() {
	c.done = c.next
	atomic.StoreUint64(c.tail, c.next)
}

// ReleaseTo gives back the items before cursor, which must have been read: for a consumer that releases only what it
// has made durable. ErrFenced says that somebody else released items since we last did; nothing is changed then.
func (c *Consumer) ReleaseTo(cursor uint64) error {
	if cursor-c.done > c.next-c.done {
		return fmt.Errorf("ring: release up to %d of items %d to %d", cursor, c.done, c.next)
	}
	if !atomic.CompareAndSwapUint64(c.tail, c.done, cursor) {
		return ErrFenced
	}
	c.done = cursor
	return nil
}

// Cursor is the number of items read since the ring was made, Released that of items released by us.
func (c *Consumer) Cursor() uint64   { return c.next }
func (c *Consumer) Released() uint64 { return c.done }

// Depth is the number of committed items not yet released.
func (c *Consumer) Depth() int { return int(atomic.LoadUint64(c.head) - c.done) }

// Broken says that the producer's side published nonsense.
func (c *Consumer) Broken() bool { return c.broken }

// Empty says whether nothing is waiting now.
func (c *Consumer) Empty() bool { return atomic.LoadUint64(c.head) == c.next }
