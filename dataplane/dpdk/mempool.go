package dpdk

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"syscall"
	"unsafe"
)

// AnySocket lets DPDK choose the NUMA node.
const AnySocket = -1

// Mempool is a pool of equal mbufs.
type Mempool struct {
	name string
	size int
	room int
	p    unsafe.Pointer
}

// NewMempool makes a pool of n mbufs (best a power of two less one) of dataRoom bytes each, the
// headroom of 128 included; a port that receives frames of F bytes needs F+128 or more. cacheSize
// is what each registered lcore thread keeps for itself: 0 to 512, and n must be at least 1.5 times
// as much. Names are unique in the process.
func NewMempool(name string, n, cacheSize, dataRoom, socket int) (*Mempool, error) {
	const op = "rte_pktmbuf_pool_create"
	if n <= 0 || cacheSize < 0 || dataRoom < Headroom || dataRoom > 0xffff {
		return nil, refused(op, name, syscall.EINVAL, "%d mbufs of %d bytes, cache %d", n, dataRoom, cacheSize)
	}
	control.Lock()
	defer control.Unlock()
	if err := needEAL(op, name); err != nil {
		return nil, err
	}
	clearLog()
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	var p C.uintptr_t
	rc := C.fcr_mempool_create(cname, C.unsigned(n), C.unsigned(cacheSize), C.uint16_t(dataRoom), C.int(socket), &p)
	if rc != 0 {
		e := failed(op, name, rc)
		if e.Errno == syscall.ENOMEM {
			e.Hint = fmt.Sprintf("%d MiB for mbufs: give EAL more memory (-m, or more hugepages) or ask for fewer", n*(dataRoom+192)>>20+1)
		}
		return nil, e
	}
	return &Mempool{name: name, size: n, room: dataRoom - Headroom, p: fromC(p)}, nil
}

// fromC makes an address that C returned a pointer; it is not Go's memory.
func fromC(p C.uintptr_t) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), uintptr(p)) }

func (p *Mempool) c() C.uintptr_t { return C.uintptr_t(uintptr(p.p)) }

// needEAL is the error of a call that came before Init or after Cleanup.
func needEAL(op, device string) error {
	if !control.running {
		return refused(op, device, syscall.EINVAL, "EAL is not running")
	}
	return nil
}

// Name is the name given to NewMempool.
func (p *Mempool) Name() string { return p.name }

// Size is the number of mbufs of the pool.
func (p *Mempool) Size() int { return p.size }

// FrameMax is the longest frame that fits one mbuf.
func (p *Mempool) FrameMax() int { return p.room }

// Available counts the mbufs that nobody holds, those in lcores' caches included. It walks all
// caches, and is exact only while no lcore runs.
func (p *Mempool) Available() int { return int(C.fcr_mempool_available(p.c())) }

// InUse counts the mbufs that somebody holds; see Available.
func (p *Mempool) InUse() int { return int(C.fcr_mempool_in_use(p.c())) }

// Mbuf makes an mbuf of a frame: for the slow path and tests, one crossing each. It returns nil when
// the pool is empty or the frame too long.
func (p *Mempool) Mbuf(frame []byte) *Mbuf {
	if len(frame) > p.room {
		return nil
	}
	m := C.fcr_mbuf_make(p.c(), (*C.uint8_t)(unsafe.SliceData(frame)), C.uint32_t(len(frame)))
	return (*Mbuf)(fromC(m))
}

// Release gives one mbuf back to its pool: for the slow path and tests. Lcores use Cycle.Free.
func (m *Mbuf) Release() {
	if m.pool != nil {
		C.fcr_mbuf_free(C.uintptr_t(uintptr(unsafe.Pointer(m))))
	}
}

// Close frees the pool. While mbufs are in use it refuses, because their holders would write into
// freed memory.
func (p *Mempool) Close() error {
	control.Lock()
	defer control.Unlock()
	const op = "rte_mempool_free"
	if p.p == nil {
		return refused(op, p.name, syscall.EINVAL, "already closed")
	}
	if n := p.InUse(); n != 0 {
		return refused(op, p.name, syscall.EBUSY, "%d mbufs still in use", n)
	}
	C.fcr_mempool_free(p.c())
	p.p = nil
	return nil
}
