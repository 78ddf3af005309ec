package flowindex

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// The sides of a flow.
const (
	toTarget = iota
	toInitiator
)

// chunk is rows side by side, a column each. A key of 0 is an empty row.
type chunk struct {
	key       [rowsPerChunk]flow.Key // of the direction to the target
	frames    [rowsPerChunk][2]uint64
	bytes     [rowsPerChunk][2]uint64
	lastSeen  [rowsPerChunk]uint64 // TSC
	created   [rowsPerChunk]uint64 // TSC
	initiator [rowsPerChunk]uint32 // number of the name, 0 while unknown
	target    [rowsPerChunk]uint32
	at        [rowsPerChunk][2]place
	frameRate [rowsPerChunk]float32
	byteRate  [rowsPerChunk]float32
	errors    [rowsPerChunk]uint32
	rule      [rowsPerChunk]int16 // of the policy, -1 the default
	service   [rowsPerChunk]int16 // of the policy, -1 none
	ports     [rowsPerChunk][2]uint8
	action    [rowsPerChunk]uint8
	state     [rowsPerChunk]uint8
	flags     [rowsPerChunk]uint8
}

// place is where a direction's Info stands: the shard, and its number in it plus 1; 0 is nowhere.
type place uint32

const placeBits = 24 // flow.MaxDirections is below

func placeOf(shard int, info uint32) place { return place(shard)<<placeBits | place(info+1) }
func (p place) shard() int                 { return int(p >> placeBits) }
func (p place) info() uint32               { return uint32(p&(1<<placeBits-1)) - 1 }

// Flags of a row.
const (
	flagEvaluated uint8 = 1 << iota // the policy has been asked
	flagStatic                      // created ahead: it does not end when it is idle
	flagRated                       // it has rates
)

// image is all flows at one moment.
type image struct {
	chunks []*chunk
	rows   int // all rows in use are below
	flows  int
	began  time.Time // of the scan
	rated  bool      // there was an image before

	era    uint64 // rows and numbers of names mean nothing in another one
	wall   clock
	policy *policy.Snapshot // nil: none, or it cannot be read
	wwpns  []uint64         // by number; wwpns[0] is 0
	ports  []string

	readers int // guarded by Index.mu
}

// clock turns TSCs into times.
type clock struct {
	tsc, hz uint64
	ns      int64 // since 1970, at tsc
}

func clockOf(h *shm.Header) clock {
	tsc := max(atomic.LoadUint64(&h.TSCStart), 1)
	return clock{tsc, max(atomic.LoadUint64(&h.TSCHz), 1), h.Wall(tsc)}
}

func (c clock) time(tsc uint64) time.Time {
	if tsc == 0 || c.ns == 0 {
		return time.Time{}
	}
	ahead := tsc - c.tsc
	negative := int64(ahead) < 0
	if negative {
		ahead = -ahead
	}
	hi, lo := bits.Mul64(ahead, uint64(time.Second))
	if hi >= c.hz {
		return time.Time{}
	}
	n, _ := bits.Div64(hi, lo, c.hz)
	if negative {
		return time.Unix(0, c.ns-int64(n)).UTC()
	}
	return time.Unix(0, c.ns+int64(n)).UTC()
}

// ticks is the TSC at a time, bounded to those that there are.
func (c clock) ticks(t time.Time) uint64 {
	d := float64(t.Sub(time.Unix(0, c.ns))) / float64(time.Second) * float64(c.hz)
	switch {
	case d <= -float64(c.tsc):
		return 0
	case d > 1<<62:
		return 1 << 62
	case d < 0:
		return c.tsc - uint64(-d)
	}
	return c.tsc + uint64(d)
}

// memory gives and takes chunks. They lie outside the heap: the collector lets its heap grow in proportion to what lives
// in it, and so a million flows would cost twice what they take.
type memory struct {
	heap bool // for tests under the race detector, which sees the heap alone
	free []*chunk
}

const chunkBytes = int(unsafe.Sizeof(chunk{}))

func (m *memory) take() (*chunk, error) {
	if n := len(m.free); n > 0 {
		c := m.free[n-1]
		m.free = m.free[:n-1]
		return c, nil
	}
	if m.heap {
		return new(chunk), nil
	}
	b, err := unix.Mmap(-1, 0, chunkBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("flow index: %d bytes of memory: %w", chunkBytes, err)
	}
	return (*chunk)(unsafe.Pointer(unsafe.SliceData(b))), nil
}

// give back the chunks of images that nobody reads any more.
func (m *memory) give(images ...*image) {
	for _, i := range images {
		if i != nil {
			m.free = append(m.free, i.chunks...)
			i.chunks = nil
		}
	}
	if !m.heap {
		for _, c := range m.free {
			_ = unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(c)), chunkBytes)) // it is a mapping of take, whole
		}
	}
	m.free = nil
}
