package bus

import (
	"errors"
	"sync/atomic"
	"unsafe"

	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// A channel is what two processes share in one direction: the consumer's line, the producer's line, then the ring.
//
//	0    tail of the ring
//	64   unused
//	128  door state of the producer (channel.waiting)
//	192  head of the ring, then its messages
const (
	messages     = 64
	messageBytes = 256
	waitingAt    = 128
	headAt       = 192
)

var (
	ringSpec = ring.Spec{Items: messages, Stride: messageBytes}

	_ [shm.ChannelBytes - (headAt + 64 + messages*messageBytes)]struct{} = [0]struct{}{}
	_ [messageBytes - unsafe.Sizeof(message{})]struct{}                  = [0]struct{}{}
)

// kind says what a message is. The values cross processes of different versions: append only.
type kind uint8

const (
	_        kind = iota
	request       // the caller's
	answer        // the handler's
	failure       // an error instead of an answer
	cancel        // the caller gave up
	reset         // messages were lost: no call between the two processes holds any more
	numKinds      // end
)

// Flags of a message.
const (
	first uint8 = 1 << iota // of a stream
	last
)

// header begins a message.
type header struct {
	Kind   kind
	Flags  uint8
	Len    uint16 // bytes of the payload used
	Seq    uint32 // of the message in its ring, cut to 32 bits
	From   uint16 // claims of the places of both processes
	To     uint16
	Total  uint32 // first of a stream: its length, without the name of the method
	ID     uint64 // of the call
	Budget uint32 // first of a request: ms until the caller gives up, 0: it does not say
	Shard  uint16 // first of a request
	_      uint16
}

const payloadBytes = messageBytes - int(unsafe.Sizeof(header{}))

type message struct {
	header
	payload [payloadBytes]byte
}

// channel is one direction between two processes.
type channel []byte

// channelOf gives the channel from one place to another; nil where the segment has none.
func channelOf(all []byte, from, to int) channel {
	at := (from*shm.MaxMembers + to) * shm.ChannelBytes
	if from < 0 || to < 0 || from >= shm.MaxMembers || to >= shm.MaxMembers || at+shm.ChannelBytes > len(all) {
		return nil
	}
	return channel(all[at : at+shm.ChannelBytes : at+shm.ChannelBytes])
}

func (c channel) tail() *uint64 { return (*uint64)(unsafe.Pointer(&c[0])) }
func (c channel) head() *uint64 { return (*uint64)(unsafe.Pointer(&c[headAt])) }

// waiting is 1 while the producer has streams but no room, and wants to be woken when there is some.
func (c channel) waiting() *uint32 { return (*uint32)(unsafe.Pointer(&c[waitingAt])) }

// consumer attaches the reading side where it was left. Cursors that cannot be right are put right by dropping all that
// is in the ring: the consumer follows the producer.
func (c channel) consumer() (*ring.Consumer, error) {
	r, err := ring.NewConsumer(ringSpec, c[headAt:], c)
	if errors.Is(err, ring.ErrBroken) {
		atomic.StoreUint64(c.tail(), atomic.LoadUint64(c.head()))
		r, err = ring.NewConsumer(ringSpec, c[headAt:], c)
	}
	return r, err
}

// producer attaches the writing side where it was left. Cursors that cannot be right: it begins where the consumer says
// that it stands.
func (c channel) producer() (*ring.Producer, error) {
	p, err := ring.NewProducer(ringSpec, c[headAt:], c)
	if errors.Is(err, ring.ErrBroken) {
		atomic.StoreUint64(c.head(), atomic.LoadUint64(c.tail()))
		p, err = ring.NewProducer(ringSpec, c[headAt:], c)
	}
	return p, err
}
