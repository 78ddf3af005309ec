package dpdk

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"
)

// Errors of Ring.Enqueue: the frame was not taken.
var (
	ErrRingFull = errors.New("ring is full")
	ErrNoMbuf   = errors.New("mempool is empty")
)

// Ring is a queue of mbufs with one producer and one consumer. A port is made of rings with
// OpenRingPort; Enqueue and Dequeue are the other end, for replay and tests.
type Ring struct {
	name string
	pool *Mempool
	p    unsafe.Pointer
	// stage and lens gather the frames of a burst, so that one crossing takes all; the producer's.
	stage []byte
	lens  []uint32
}

// NewRing makes a ring for size-1 frames; size is a power of two. Enqueue takes its mbufs from
// pool, which may be nil when only ports feed the ring.
func NewRing(name string, size int, pool *Mempool, socket int) (*Ring, error) {
	const op = "rte_ring_create"
	control.Lock()
	defer control.Unlock()
	if err := needEAL(op, name); err != nil {
		return nil, err
	}
	if size < 2 || size > 1<<24 || size&(size-1) != 0 {
		return nil, refused(op, name, syscall.EINVAL, "size %d is not a power of two from 2 to 16777216", size)
	}
	clearLog()
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	var p C.uintptr_t
	if rc := C.fcr_ring_create(cname, C.unsigned(size), C.int(socket), &p); rc != 0 {
		return nil, failed(op, name, rc)
	}
	return &Ring{name: name, pool: pool, p: fromC(p)}, nil
}

func (r *Ring) c() C.uintptr_t { return C.uintptr_t(uintptr(r.p)) }

// Name is the name given to NewRing.
func (r *Ring) Name() string { return r.name }

// Len counts the frames in the ring.
func (r *Ring) Len() int { return int(C.fcr_ring_count(r.c())) }

// Enqueue copies one frame into an mbuf and puts it into the ring.
func (r *Ring) Enqueue(frame []byte) error {
	if err := r.fits(frame); err != nil {
		return err
	}
	length := C.uint32_t(len(frame))
	return r.shortfall(C.fcr_ring_enqueue(r.c(), r.pool.c(), (*C.uint8_t)(unsafe.SliceData(frame)), &length, 1), 1)
}

// EnqueueBurst does the same with many frames, in order, and returns how many it took; if not all,
// the error says why.
func (r *Ring) EnqueueBurst(frames [][]byte) (int, error) {
	done := 0
	for done < len(frames) {
		n := min(len(frames)-done, ringBurstMax)
		r.stage, r.lens = r.stage[:0], r.lens[:0]
		for _, f := range frames[done : done+n] {
			if err := r.fits(f); err != nil {
				return done, err
			}
			r.stage = append(r.stage, f...)
			r.lens = append(r.lens, uint32(len(f)))
		}
		took := C.fcr_ring_enqueue(r.c(), r.pool.c(), (*C.uint8_t)(unsafe.SliceData(r.stage)),
			(*C.uint32_t)(unsafe.SliceData(r.lens)), C.unsigned(n))
		if took > 0 {
			done += int(took)
		}
		if err := r.shortfall(took, n); err != nil {
			return done, err
		}
	}
	return done, nil
}

func (r *Ring) fits(frame []byte) error {
	if r.pool == nil {
		return refused("rte_ring_enqueue", r.name, syscall.EINVAL, "the ring has no mempool")
	}
	if len(frame) > r.pool.room || len(frame) > FrameMax {
		return refused("rte_ring_enqueue", r.name, syscall.EMSGSIZE, "frame of %d bytes, limit %d", len(frame), min(r.pool.room, FrameMax))
	}
	return nil
}

// shortfall explains why fewer frames were taken than offered.
func (r *Ring) shortfall(took C.int, offered int) error {
	switch {
	case int(took) == offered:
		return nil
	case took < 0:
		return &Error{Op: "rte_ring_enqueue", Device: r.name, Errno: syscall.Errno(-took)}
	case C.fcr_ring_room(r.c()) == 0:
		return fmt.Errorf("rte_ring_enqueue %s: %w", r.name, ErrRingFull)
	}
	return fmt.Errorf("rte_ring_enqueue %s: %w", r.name, ErrNoMbuf)
}

// Dequeue takes one frame out and copies it to buf. ok is false when the ring is empty. A frame
// longer than buf is cut to it.
func (r *Ring) Dequeue(buf []byte) (n int, ok bool) {
	var length C.uint32_t
	var cut C.unsigned
	got := C.fcr_ring_dequeue(r.c(), (*C.uint8_t)(unsafe.SliceData(buf)), C.size_t(len(buf)), &length, 1, &cut)
	return int(length), got == 1
}

// DequeueBurst takes out up to len(lens) frames, one behind the other in buf, their lengths in lens,
// and returns how many. It stops while buf has room for a frame of FrameMax, so none is cut when buf
// is at least that long.
func (r *Ring) DequeueBurst(buf []byte, lens []uint32) int {
	if len(lens) == 0 {
		return 0
	}
	var cut C.unsigned
	return int(C.fcr_ring_dequeue(r.c(), (*C.uint8_t)(unsafe.SliceData(buf)), C.size_t(len(buf)),
		(*C.uint32_t)(unsafe.SliceData(lens)), C.unsigned(len(lens)), &cut))
}

// Close gives the frames in the ring back and frees it. The ports made of it are closed first.
func (r *Ring) Close() error {
	control.Lock()
	defer control.Unlock()
	if r.p == nil {
		return refused("rte_ring_free", r.name, syscall.EINVAL, "already closed")
	}
	C.fcr_ring_free(r.c())
	r.p = nil
	return nil
}

// OpenRingPort makes a port whose receive queues are the rings rx and whose transmit queues are the
// rings tx. One ring in both makes a way from one lcore to another: one transmits to the port, the
// other receives from it.
func OpenRingPort(name string, rx, tx []*Ring, cfg PortConfig) (*Port, error) {
	const op = "rte_eth_from_rings"
	control.Lock()
	defer control.Unlock()
	if err := needEAL(op, name); err != nil {
		return nil, err
	}
	if len(rx) > ringQueuesMax || len(tx) == 0 || len(tx) > ringQueuesMax {
		return nil, refused(op, name, syscall.EINVAL, "%d receive and %d transmit rings, limit %d, and at least one to transmit to", len(rx), len(tx), ringQueuesMax)
	}
	var rings [2][ringQueuesMax]C.uintptr_t
	for i, r := range rx {
		rings[0][i] = r.c()
	}
	for i, r := range tx {
		rings[1][i] = r.c()
	}
	clearLog()
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	id := C.fcr_ring_port(cname, &rings[0][0], C.unsigned(len(rx)), &rings[1][0], C.unsigned(len(tx)), AnySocket)
	if id < 0 {
		return nil, failed(op, name, id)
	}
	p := &Port{id: uint16(id), device: name, name: name, probed: true}
	cfg.RxQueues, cfg.TxQueues, cfg.NoRx = uint16(len(rx)), uint16(len(tx)), len(rx) == 0
	if err := p.setUp(cfg); err != nil {
		p.discard()
		return nil, err
	}
	return p, nil
}
