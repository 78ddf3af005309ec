package replication

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"fcredirect/mgmt/peer/record"
)

// A message of the rivals: its length (4 bytes), kind and lane (4), its number (8), the node's name and incarnation (16), then
// the update: the key's identity (8), kind and whether it is gone (8), six words of its fields. An answer is framing alone.
const eachWords = (updateBytes - 16) / 8

// eachUpdate is what the receiver keeps of a key.
type eachUpdate struct {
	gone  bool
	words [eachWords]uint64
}

// each sends every change as a message of its own.
type each struct {
	r       *run
	waits   bool // for the answer before it sends the next
	conn    *counted
	far     net.Conn
	running sync.WaitGroup
	batch   []byte // the player's

	mu     sync.Mutex
	more   sync.Cond
	queue  []byte // whole messages; bounded by the trace
	closed bool
	failed error

	answered chan uint64
	messages atomic.Uint64
	answers  atomic.Uint64
	shown    map[record.Key]*eachUpdate
}

func openEach(r *run, waits bool) (variant, error) {
	e := &each{r: r, waits: waits, answered: make(chan uint64, 1), shown: map[record.Key]*eachUpdate{}}
	e.more.L = &e.mu
	near, far, err := r.connect()
	if err != nil {
		return nil, err
	}
	e.conn, e.far = near, far
	e.running.Go(func() { e.fail(e.write()) })
	e.running.Go(func() { e.fail(e.hear()) })
	e.running.Go(func() { e.fail(e.receive()) })
	return e, nil
}

// fail remembers the first error and ends everything.
func (e *each) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil && !e.closed && e.failed == nil {
		e.failed = err
	}
	if err != nil {
		e.closed = true
		e.more.Broadcast()
		e.conn.Close()
		e.far.Close()
	}
}

func (e *each) send(from, to int32) error {
	w, t := e.r.world, e.r.trace
	e.batch = e.batch[:0]
	for i := from; i < to; i++ {
		ev := &t.events[i]
		e.batch = appendMessage(e.batch, uint64(i)+1, ev.lane, w.keys[ev.key], w.change(int(ev.key), ev.at, ev.gone))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, e.batch...)
	e.more.Signal()
	return e.failed
}

func appendMessage(b []byte, number uint64, lane record.Lane, k record.Key, fields []uint64) []byte {
	b = binary.LittleEndian.AppendUint32(b, messageBytes)
	b = append(b, 1, byte(lane), 0, 0)
	for _, v := range [...]uint64{number, 1, 1, k.ID} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	gone := uint64(0)
	if fields == nil {
		gone = 1 << 8
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(k.Kind)|gone)
	var words [eachWords]uint64
	copy(words[:], fields)
	for _, v := range words {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// write sends the queue, one message in one write.
func (e *each) write() error {
	var work []byte
	for {
		e.mu.Lock()
		for len(e.queue) == 0 && !e.closed {
			e.more.Wait()
		}
		work, e.queue = e.queue, work[:0]
		closed := e.closed
		e.mu.Unlock()
		if closed {
			return nil
		}
		for at := 0; at < len(work); at += messageBytes {
			sent := e.messages.Add(1) // before it can be seen
			if _, err := e.conn.Write(work[at : at+messageBytes]); err != nil {
				return fmt.Errorf("bench: send: %w", err)
			}
			if !e.waits {
				continue
			}
			if number, ok := <-e.answered; !ok || number != sent {
				return fmt.Errorf("bench: answer %d to message %d", number, sent)
			}
		}
	}
}

// hear takes answers.
func (e *each) hear() error {
	defer close(e.answered)
	in := bufio.NewReaderSize(e.conn, receiveBuffer)
	var b [answerBytes]byte
	for {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return fmt.Errorf("bench: answers: %w", err)
		}
		e.answers.Add(1)
		if e.waits {
			e.answered <- binary.LittleEndian.Uint64(b[8:])
		}
	}
}

// receive is the other node: it keeps what comes and answers. Pipelined it answers for all that has come.
func (e *each) receive() error {
	in := bufio.NewReaderSize(e.far, receiveBuffer)
	var b [messageBytes]byte
	var answer [answerBytes]byte
	for {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return fmt.Errorf("bench: receive: %w", err)
		}
		if binary.LittleEndian.Uint32(b[:]) != messageBytes {
			return errors.New("bench: receive: a message of another length")
		}
		number := e.keep(b[:])
		e.r.meter.shown(int32(number) - 1)
		if !e.waits && in.Buffered() >= messageBytes {
			continue
		}
		binary.LittleEndian.PutUint32(answer[:], answerBytes)
		binary.LittleEndian.PutUint64(answer[8:], number)
		if _, err := e.far.Write(answer[:]); err != nil {
			return fmt.Errorf("bench: answer: %w", err)
		}
	}
}

func (e *each) keep(b []byte) (number uint64) {
	what := binary.LittleEndian.Uint64(b[40:])
	k := record.Key{Kind: record.Kind(what), ID: binary.LittleEndian.Uint64(b[32:])}
	u := e.shown[k]
	if u == nil {
		u = &eachUpdate{}
		e.shown[k] = u
	}
	u.gone = what>>8 != 0
	for n := range u.words {
		u.words[n] = binary.LittleEndian.Uint64(b[48+8*n:])
	}
	return binary.LittleEndian.Uint64(b[8:])
}

func (e *each) look() tally {
	t := e.conn.tally()
	t.messages, t.answers = e.messages.Load(), e.answers.Load()
	return t
}

func (e *each) close() error {
	e.mu.Lock()
	e.closed = true
	e.more.Broadcast()
	e.mu.Unlock()
	e.conn.Close()
	e.far.Close()
	e.running.Wait()
	return e.failed
}

// exact compares what has been changed: nothing else was sent.
func (e *each) exact() error {
	w := e.r.world
	return w.differs(eachWords, func(key int) ([]uint64, bool) {
		u := e.shown[w.keys[key]]
		if u == nil {
			return w.fields[key], w.fields[key] != nil
		}
		return u.words[:], !u.gone
	})
}
