package flowindex

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/shm"
)

// scanner makes images. It belongs to the goroutine of Run.
type scanner struct {
	memory   memory
	policies *Policies
	epoch    uint64 // of the segment that all below is about
	era      uint64 // goes up with each reset

	keys    []flow.Key // by row: whose it is, 0 nobody's
	free    []uint32   // rows that are nobody's, below len(keys)
	byKey   rowMap
	rowOf   [][]uint32 // by shard and info: the row it was put into last
	numbers map[uint64]uint32
	wwpns   []uint64 // by number; only ever appended to
	omitted uint64   // flows that found no row, in the last scan
	touched uint64   // of no meaning

	generation uint32 // of the active configuration
}

const noRow = ^uint32(0)

// direction is what is copied of one.
type direction struct {
	key                     flow.Key
	frames, bytes, lastSeen uint64
	created                 uint64
	initiator, target       uint64
	verdict                 flow.Verdict
	rule                    int32
	stamp                   uint32
	service                 int16
	errors                  uint16
	orient                  flow.Orient
	inPort                  uint8
	static                  bool
}

// reset forgets everything: the next image is a first one.
func (s *scanner) reset(epoch uint64) {
	*s = scanner{memory: s.memory, policies: s.policies, epoch: epoch, era: s.era + 1, numbers: map[uint64]uint32{0: 0}, wwpns: []uint64{0}}
}

// scan fills img, which nobody reads, from the segment. before is the image before, nil for none; it may be read meanwhile.
func (s *scanner) scan(f *shm.File, img, before *image, now time.Time) error {
	lcores := len(shm.Items[shm.Lcore](f, shm.RegionLcores))
	img.begin(now, before, s.era)
	s.generation = generationOf(f)
	s.name(f, img)
	for len(s.rowOf) < lcores {
		s.rowOf = append(s.rowOf, nil)
	}
	s.omitted = 0
	for shard := range lcores {
		entries, infos := tables(f, shard)
		if len(infos) > 1<<placeBits-1 {
			return fmt.Errorf("flow index: shard %d has %d directions", shard, len(infos))
		}
		if len(s.rowOf[shard]) != len(infos) {
			s.rowOf[shard] = make([]uint32, len(infos))
			for i := range s.rowOf[shard] {
				s.rowOf[shard][i] = noRow
			}
		}
		if err := s.shard(img, shard, entries, infos); err != nil {
			return err
		}
	}
	s.settle(img, before)
	return nil
}

func tables(f *shm.File, shard int) ([]flow.Entry, []flow.Info) {
	return shm.Items[flow.Entry](f, fmt.Sprintf(shm.RegionFlows, shard)), shm.Items[flow.Info](f, fmt.Sprintf(shm.RegionInfos, shard))
}

// begin empties an image.
func (i *image) begin(now time.Time, before *image, era uint64) {
	for _, c := range i.chunks {
		clear(c.key[:])
	}
	i.began, i.era, i.flows, i.rows, i.rated = now, era, 0, 0, before != nil
}

// name reads what gives names.
func (s *scanner) name(f *shm.File, img *image) {
	img.wall = clockOf(f.Header())
	img.ports = img.ports[:0]
	for _, p := range shm.Items[shm.PortInfo](f, shm.RegionPorts) {
		img.ports = append(img.ports, shm.Text(p.Name[:]))
	}
	img.policy = s.policies.of(f)
}

// shard reads the directions of a shard, in the order of their infos: these are read one after another, and the entries, a
// line each, wherever they are.
func (s *scanner) shard(img *image, shard int, entries []flow.Entry, infos []flow.Info) error {
	rowOf := s.rowOf[shard]
	var d direction
	for n := range infos {
		if n%ahead == 0 {
			s.touched += touch(entries, infos[n:min(n+ahead, len(infos))])
		}
		if !look(entries, &infos[n], uint32(n), &d) || d.orient == flow.OrientUnknown {
			continue
		}
		side, key := toTarget, d.key
		if d.orient == flow.FromTarget {
			side, key = toInitiator, key.Reverse()
		}
		row := rowOf[n]
		if row == noRow || s.keys[row] != key {
			var ok bool
			if row, ok = s.rowFor(key); !ok {
				s.omitted++
				continue
			}
			rowOf[n] = row
		}
		for int(row>>chunkBits) >= len(img.chunks) {
			c, err := s.memory.take()
			if err != nil {
				return err
			}
			img.chunks = append(img.chunks, c)
		}
		img.rows = max(img.rows, int(row)+1)
		s.put(img.chunks[row>>chunkBits], row&(rowsPerChunk-1), key, side, &d, placeOf(shard, uint32(n)))
	}
	return nil
}

// touch asks for the entries of some infos, whatever stands in them: their cache misses overlap, where look would wait for
// one after the other. It gives a number so that the compiler leaves the loads in.
//
//go:norace
func touch(entries []flow.Entry, infos []flow.Info) (sum uint64) {
	for n := range infos {
		if slot := infos[n].Slot; int(slot) < len(entries) {
			sum += uint64(entries[slot].Key)
		}
	}
	return sum
}

// look copies a direction. It races with the lcore by design and detects it by the incarnation, which the race detector
// cannot know.
//
//go:norace
func look(entries []flow.Entry, info *flow.Info, n uint32, d *direction) bool {
	slot := info.Slot
	if int(slot) >= len(entries) {
		return false
	}
	e := &entries[slot]
	word := (*uint32)(unsafe.Pointer(&e.Inc)) // Inc and Errors: the smallest that can be loaded at once
	before := atomic.LoadUint32(word)
	d.key, d.frames, d.bytes, d.lastSeen, d.verdict, d.stamp = e.Key, e.Frames, e.Bytes, e.LastSeen, e.Verdict, e.Stamp
	d.errors = uint16(before >> 16)
	d.created, d.initiator, d.target = info.Created, info.Initiator, info.Target
	d.rule, d.service, d.orient, d.inPort, d.static = info.Rule, info.Service, info.Orient, info.InPort, info.Static != 0
	whole := e.Info == n && info.Slot == slot && d.key != 0 && d.key.SID() != d.key.DID() // equal ones mark a slot whose direction ended
	return whole && before&1 == 0 && uint16(atomic.LoadUint32(word)) == uint16(before)
}

// rowFor finds the row of a flow, or gives it one.
func (s *scanner) rowFor(key flow.Key) (uint32, bool) {
	if row, ok := s.byKey.find(s.keys, key); ok {
		return row, true
	}
	var row uint32
	switch {
	case len(s.free) > 0:
		row = s.free[len(s.free)-1]
		s.free = s.free[:len(s.free)-1]
	case len(s.keys) < MaxFlows:
		row = uint32(len(s.keys))
		s.keys = append(s.keys, 0)
	default:
		return 0, false
	}
	s.keys[row] = key
	s.byKey.insert(s.keys, row)
	return row, true
}

// put puts a direction into its row.
func (s *scanner) put(c *chunk, i uint32, key flow.Key, side int, d *direction, at place) {
	first := c.key[i] == 0
	if first {
		c.key[i] = key
		c.frames[i], c.bytes[i], c.at[i], c.ports[i] = [2]uint64{}, [2]uint64{}, [2]place{}, [2]uint8{noPort, noPort}
		c.initiator[i], c.target[i], c.errors[i], c.created[i], c.flags[i] = 0, 0, 0, d.created, 0
	}
	c.frames[i][side], c.bytes[i][side], c.at[i][side], c.ports[i][side] = d.frames, d.bytes, at, d.inPort
	c.errors[i] += uint32(d.errors)
	c.created[i] = min(c.created[i], d.created)
	if d.static {
		c.flags[i] |= flagStatic
	}
	if d.initiator != 0 {
		c.initiator[i] = s.number(d.initiator, c.initiator[i])
	}
	if d.target != 0 {
		c.target[i] = s.number(d.target, c.target[i])
	}
	// What the direction that was seen last says counts.
	if first || c.flags[i]&flagEvaluated == 0 || int64(d.lastSeen-c.lastSeen[i]) >= 0 {
		c.action[i], c.state[i] = d.verdict.Action(), uint8(stateOf(d.verdict))
		c.rule[i], c.service[i] = narrow(d.rule), d.service
		c.flags[i] &^= flagEvaluated
		if s.evaluated(d.stamp) {
			c.flags[i] |= flagEvaluated
		}
	}
	if first || int64(d.lastSeen-c.lastSeen[i]) > 0 {
		c.lastSeen[i] = d.lastSeen
	}
}

const noPort = 0xff

// generationOf is that of the active configuration.
func generationOf(f *shm.File) uint32 {
	pages := shm.Items[shm.Control](f, shm.RegionControl)
	if len(pages) != 1 {
		return 0
	}
	return atomic.LoadUint32(&pages[0].Generation)
}

// evaluated says whether a verdict was made under the active configuration, or a newer one, which the segment names later. Stamps
// hold 24 bits of its number above the port's.
func (s *scanner) evaluated(stamp uint32) bool {
	return stamp != 0 && int32(s.generation<<8-stamp&^0xff) <= 0
}

// narrow keeps a rule's number in 16 bits, which hold policy.MaxRules.
func narrow(rule int32) int16 {
	if rule < 0 || rule > math.MaxInt16 {
		return -1
	}
	return int16(rule)
}

// stateOf is the state that the lcore's reports give a flow.
func stateOf(v flow.Verdict) feed.State {
	switch {
	case v.Action() != flow.Redirect || !v.Is(flow.Special):
		return feed.Active
	case v.Is(flow.Block):
		return feed.Blocked
	}
	return feed.Bypassed
}

// number is that of a name. last is a guess.
func (s *scanner) number(wwpn uint64, last uint32) uint32 {
	if s.wwpns[last] == wwpn {
		return last
	}
	n, ok := s.numbers[wwpn]
	if !ok {
		n = uint32(len(s.wwpns))
		s.wwpns = append(s.wwpns, wwpn)
		s.numbers[wwpn] = n
	}
	return n
}

// crowded says that most names are those of flows long gone.
func (s *scanner) crowded() bool { return len(s.wwpns) > namesPerRow*len(s.keys)+namesFree }

// settle takes the rows of flows that ended, and makes rates.
func (s *scanner) settle(img, before *image) {
	img.wwpns = s.wwpns
	seconds := 0.0
	if before != nil {
		seconds = img.began.Sub(before.began).Seconds()
	}
	for n := range (len(s.keys) + rowsPerChunk - 1) >> chunkBits {
		if n >= len(img.chunks) {
			s.leave(n<<chunkBits, nil)
			continue
		}
		c := img.chunks[n]
		s.leave(n<<chunkBits, c)
		var old *chunk
		if before != nil && n < len(before.chunks) {
			old = before.chunks[n]
		}
		for i := range c.key {
			if c.key[i] == 0 {
				continue
			}
			img.flows++
			if c.frameRate[i], c.byteRate[i] = 0, 0; seconds <= 0 {
				continue
			}
			c.flags[i] |= flagRated
			frames, bytes := c.frames[i][0]+c.frames[i][1], c.bytes[i][0]+c.bytes[i][1]
			if old != nil && old.key[i] == c.key[i] && old.created[i] == c.created[i] {
				frames -= min(frames, old.frames[i][0]+old.frames[i][1])
				bytes -= min(bytes, old.bytes[i][0]+old.bytes[i][1])
			}
			c.frameRate[i], c.byteRate[i] = float32(float64(frames)/seconds), float32(float64(bytes)/seconds)
		}
	}
}

// leave frees the rows of a chunk that hold nothing any more. They are given away at the next scan, so what questions read
// of a row is always one flow's.
func (s *scanner) leave(first int, c *chunk) {
	for i := first; i < min(first+rowsPerChunk, len(s.keys)); i++ {
		if s.keys[i] != 0 && (c == nil || c.key[i-first] == 0) {
			s.byKey.remove(s.keys, uint32(i))
			s.keys[i] = 0
			s.free = append(s.free, uint32(i))
		}
	}
}

// rowMap finds rows by key: open addressing, at most half full, over the keys that stand in a slice anyway.
type rowMap struct {
	slots []uint32 // row plus 1
	count int
}

func (m *rowMap) home(k flow.Key) int {
	h := uint64(k) * 0x9e3779b97f4a7c15
	return int((h ^ h>>32) & uint64(len(m.slots)-1))
}

func (m *rowMap) find(keys []flow.Key, k flow.Key) (uint32, bool) {
	if len(m.slots) == 0 {
		return 0, false
	}
	for i := m.home(k); m.slots[i] != 0; i = (i + 1) & (len(m.slots) - 1) {
		if row := m.slots[i] - 1; keys[row] == k {
			return row, true
		}
	}
	return 0, false
}

func (m *rowMap) insert(keys []flow.Key, row uint32) {
	if m.count++; 2*m.count > len(m.slots) {
		old := m.slots
		m.slots = make([]uint32, max(1024, 2*len(old)))
		for _, r := range old {
			if r != 0 {
				m.set(keys, r-1)
			}
		}
	}
	m.set(keys, row)
}

func (m *rowMap) set(keys []flow.Key, row uint32) {
	i := m.home(keys[row])
	for m.slots[i] != 0 {
		i = (i + 1) & (len(m.slots) - 1)
	}
	m.slots[i] = row + 1
}

// remove takes a row out, and moves up those behind it that would not be found any more.
func (m *rowMap) remove(keys []flow.Key, row uint32) {
	mask := len(m.slots) - 1
	i := m.home(keys[row])
	for m.slots[i] != row+1 {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; m.slots[j] != 0; j = (j + 1) & mask {
		if home := m.home(keys[m.slots[j]-1]); (j-home)&mask >= (j-i)&mask {
			m.slots[i] = m.slots[j]
			i = j
		}
	}
	m.slots[i] = 0
	m.count--
}
