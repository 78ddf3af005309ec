package dpdk

import (
	"runtime/cgo"
	"unsafe"
)

// Headroom is the room that DPDK leaves before a received frame: what Prepend can take.
const Headroom = 128

// Mbuf is one frame buffer, the first cache line of DPDK's struct rte_mbuf. It always lives in C
// memory (the Incomplete field makes Go refuse it on its heap, and spares stores of *Mbuf the write
// barrier), so it is handed around as *Mbuf and never copied. It belongs to whoever holds it: the
// lcore from receive until it stands in a transmit queue or in the free list.
//
// Its methods are plain Go: none of them crosses into C. The offsets are checked when cycle.c is
// compiled and by a test.
type Mbuf struct {
	_       cgo.Incomplete
	bufAddr unsafe.Pointer // start of the buffer
	_       uint64         // its IO address
	dataOff uint16         // where the frame starts in the buffer
	refcnt  uint16
	nbSegs  uint16
	port    uint16
	olFlags uint64
	_       uint32
	pktLen  uint32
	dataLen uint16
	_       [6]uint16
	bufLen  uint16
	pool    unsafe.Pointer
}

// Data is the first byte of the frame.
func (m *Mbuf) Data() unsafe.Pointer { return unsafe.Add(m.bufAddr, m.dataOff) }

// Len is the length of the frame, without FCS.
func (m *Mbuf) Len() int { return int(m.dataLen) }

// Bytes is the frame, in place: valid as long as the caller owns m and does not move its start.
func (m *Mbuf) Bytes() []byte { return unsafe.Slice((*byte)(m.Data()), int(m.dataLen)) }

// Prepend moves the start of the frame n bytes forward into the headroom, as when a tag is put in.
// It reports false, and changes nothing, when there is no room. The new bytes are not cleared.
func (m *Mbuf) Prepend(n int) bool {
	if n < 0 || n > int(m.dataOff) || n+int(m.dataLen) > 0xffff {
		return false
	}
	m.dataOff -= uint16(n)
	m.dataLen += uint16(n)
	m.pktLen += uint32(n)
	return true
}

// Adj takes n bytes off the start of the frame, as when a tag is taken out. It reports false, and
// changes nothing, when the frame is shorter.
func (m *Mbuf) Adj(n int) bool {
	if n < 0 || n > int(m.dataLen) {
		return false
	}
	m.dataOff += uint16(n)
	m.dataLen -= uint16(n)
	m.pktLen -= uint32(n)
	return true
}

// MbufBytes is the size of the header that FormatMbuf needs before the buffer.
const MbufBytes = 128

// FormatMbuf makes mem, which must lie outside the Go heap, an mbuf of no pool: the header, the
// headroom, then the frame. It is how a fake of the NICs (package dpdktest) makes frames without
// EAL; DPDK must never see such an mbuf. It returns nil when the frame does not fit.
func FormatMbuf(mem []byte, frame []byte) *Mbuf {
	if len(mem) < MbufBytes+Headroom+len(frame) || len(mem) > MbufBytes+0xffff {
		return nil
	}
	clear(mem[:MbufBytes])
	m := (*Mbuf)(unsafe.Pointer(unsafe.SliceData(mem)))
	m.bufAddr = unsafe.Pointer(&mem[MbufBytes])
	m.bufLen = uint16(len(mem) - MbufBytes)
	m.dataOff = Headroom
	m.refcnt, m.nbSegs = 1, 1
	m.dataLen = uint16(len(frame))
	m.pktLen = uint32(len(frame))
	copy(mem[MbufBytes+Headroom:], frame)
	return m
}
