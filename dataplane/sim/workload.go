package sim

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"fcredirect/dataplane/sim/scsi"
)

// workload is what an initiator does with one target:
//
//	find the disk → write and read its region at random → read all of it back
//
// The region is cut into extents of the longest I/O. One command at a time works on an
// extent, so what a READ must find is always known: the generation of each block, which
// a WRITE raises when it has ended well.
type workload struct {
	s     *session
	cfg   IOConfig
	rng   *rand.Rand
	phase phase
	step  int // of discovery
	waits int // temporary errors in a row

	pattern     pattern
	generations []uint32 // by block of the region; 0: not written by us
	extents     []extent
	filled      int // extents written once
	verified    int // extents read back at the end
	slots       []slot
	idle        int // slots without a command
	issued      uint64
	stopped     bool // no new commands but those of the read back
}

type phase uint8

const (
	phaseNew phase = iota
	phaseDiscovery
	phaseIO
	phaseReadBack
	phaseDone
)

type extent struct{ busy bool }

// slot is one of the commands in flight, with its memory.
type slot struct {
	w       *workload
	c       command
	buf     []byte
	want    []byte // scratch of the comparison
	extent  int
	lba     uint64 // first block
	blocks  int
	write   bool
	next    uint32 // generation being written
	pace    timer
	lastRun time.Duration
}

func newWorkload(s *session, seed uint64) *workload {
	n := s.ini.node
	key := mix(seed ^ uint64(n.cfg.WWPN)<<1 ^ uint64(s.target))
	return &workload{
		s: s, cfg: n.cfg.IO, rng: rand.New(rand.NewPCG(seed, key)),
		pattern: newPattern(seed, uint64(n.cfg.WWPN), uint64(s.target)),
	}
}

// discovery is what a Linux host asks before it uses a disk, in about its order.
var discovery = []struct {
	size  int
	cdb   [16]byte
	check func(w *workload, b []byte) error
}{
	{36, [16]byte{scsi.OpInquiry, 4: 36}, checkDisk},
	{64, [16]byte{scsi.OpReportLUNs, 9: 64}, checkLUNs},
	{0, [16]byte{scsi.OpTestUnitReady}, nil},
	{252, [16]byte{scsi.OpInquiry, 1, scsi.PageSupported, 4: 252}, nil},
	{252, [16]byte{scsi.OpInquiry, 1, scsi.PageSerial, 4: 252}, nil},
	{252, [16]byte{scsi.OpInquiry, 1, scsi.PageIdentification, 4: 252}, checkIdentification},
	{8, [16]byte{scsi.OpReadCapacity10}, checkCapacity10},
	{32, [16]byte{scsi.OpServiceActionIn16, scsi.ServiceReadCapacity16, 13: 32}, checkCapacity16},
	{64, [16]byte{scsi.OpModeSense6, 2: 0x3f, 4: 64}, nil},
}

// begin starts with discovery.
func (w *workload) begin() {
	w.phase = phaseDiscovery
	w.discover()
}

func (w *workload) discover() {
	if w.stopped {
		w.finish()
		return
	}
	if w.step == len(discovery) {
		w.startIO()
		return
	}
	d := &discovery[w.step]
	buf := make([]byte, d.size)
	w.s.submit(&command{cdb: d.cdb, read: d.size > 0, size: d.size, buf: buf, done: w.discovered})
}

func (w *workload) discovered(c *command, err error) {
	if e, ok := err.(*scsiError); ok && e.temporary() && w.waits < discoveryWaits {
		w.waits++
		w.s.ini.node.after(time.Second, w.discover)
		return
	}
	d := &discovery[w.step]
	if err == nil && d.check != nil {
		err = d.check(w, c.buf[:min(c.transferred(), len(c.buf))])
	}
	if err != nil {
		w.s.n.Errors++
		w.s.note(fmt.Errorf("discover: %w", err))
		w.finish()
		return
	}
	w.s.n.Commands++
	w.step++
	w.waits = 0
	w.discover()
}

func checkDisk(_ *workload, b []byte) error {
	if len(b) < 36 || b[0] != 0 {
		return fmt.Errorf("inquiry: LUN 0 is no disk")
	}
	return nil
}

func checkLUNs(_ *workload, b []byte) error {
	if len(b) < 16 || binary.BigEndian.Uint32(b) < 8 {
		return fmt.Errorf("report LUNs: there is none")
	}
	return nil
}

func checkIdentification(_ *workload, b []byte) error {
	if len(b) < 8 || int(binary.BigEndian.Uint16(b[2:]))+4 > 252 {
		return fmt.Errorf("inquiry page 83: no designator")
	}
	return nil
}

func checkCapacity10(_ *workload, b []byte) error {
	if len(b) < 8 || binary.BigEndian.Uint32(b[4:]) != scsi.BlockSize {
		return fmt.Errorf("read capacity: blocks are not of %d bytes", scsi.BlockSize)
	}
	return nil
}

func checkCapacity16(w *workload, b []byte) error {
	if len(b) < 12 {
		return fmt.Errorf("read capacity 16: short")
	}
	if blocks := binary.BigEndian.Uint64(b) + 1; w.cfg.First+w.cfg.Blocks > blocks {
		return fmt.Errorf("disk has %d blocks: region of %d from %d does not fit", blocks, w.cfg.Blocks, w.cfg.First)
	}
	return nil
}

func (w *workload) startIO() {
	w.phase = phaseIO
	per := w.cfg.MaxBytes / scsi.BlockSize
	w.generations = make([]uint32, w.cfg.Blocks)
	w.extents = make([]extent, int(w.cfg.Blocks)/per)
	w.slots = make([]slot, min(w.cfg.Depth, len(w.extents)))
	for i := range w.slots {
		sl := &w.slots[i]
		sl.w, sl.buf, sl.want = w, make([]byte, w.cfg.MaxBytes), make([]byte, w.cfg.MaxBytes)
		sl.c.done = sl.ended
		sl.pace.fire = sl.begin
	}
	w.launch()
}

// launch gives every slot a command of the present phase.
func (w *workload) launch() {
	w.idle = 0
	for i := range w.slots {
		w.slots[i].begin()
	}
}

// begin gives the slot its next command, or ends its part of the phase.
func (sl *slot) begin() {
	w := sl.w
	sl.lastRun = w.s.elapsed()
	ok := false
	switch w.phase {
	case phaseIO:
		ok = sl.choose()
	case phaseReadBack:
		ok = sl.chooseReadBack()
	}
	if ok {
		sl.submit()
		return
	}
	w.idle++
	w.advance()
}

// advance goes on to the next phase when no slot has a command.
func (w *workload) advance() {
	if w.idle < len(w.slots) {
		return
	}
	switch {
	case w.phase == phaseIO && w.cfg.ReadBack && w.s.n.Failed == 0:
		w.phase = phaseReadBack
		w.launch()
	case w.phase == phaseIO, w.phase == phaseReadBack:
		w.finish()
	}
}

func (w *workload) finish() {
	w.phase = phaseDone
	w.s.ini.settled()
}

// over: there is nothing more to do.
func (w *workload) over() bool { return w.phase == phaseNew || w.phase == phaseDone }

// quiesce lets the commands end, and the read back if there is one.
func (w *workload) quiesce() {
	w.stopped = true
	for i := range w.slots {
		sl := &w.slots[i]
		if sl.pace.index > 0 {
			w.s.ini.node.port.clock.stop(&sl.pace)
			sl.begin()
		}
	}
}

// choose picks an extent and what to do with it: READ a part of one that has been written,
// or WRITE a part of it, or WRITE all of the next that has not.
func (sl *slot) choose() bool {
	w := sl.w
	if w.stopped || (w.cfg.Commands > 0 && w.issued >= w.cfg.Commands) {
		return false
	}
	w.issued++
	per := w.cfg.MaxBytes / scsi.BlockSize
	sl.write = w.rng.IntN(100) >= w.cfg.ReadPercent
	free := -1
	if w.filled > 0 && (!sl.write || w.filled == len(w.extents)) {
		free = w.freeExtent()
	}
	if free < 0 {
		// There is one: fewer extents are busy than there are slots, and no more slots
		// than extents.
		sl.write, sl.extent = true, w.filled
		sl.lba, sl.blocks = uint64(sl.extent*per), per
		w.filled++
	} else {
		sl.extent = free
		sl.blocks = 1 + w.rng.IntN(per)
		sl.lba = uint64(sl.extent*per + w.rng.IntN(per-sl.blocks+1))
	}
	w.extents[sl.extent].busy = true
	return true
}

// freeExtent is one of those written that no command works on, or -1.
func (w *workload) freeExtent() int {
	at := w.rng.IntN(w.filled)
	for range w.filled {
		if !w.extents[at].busy {
			return at
		}
		at = (at + 1) % w.filled
	}
	return -1
}

// chooseReadBack picks the next extent for the final comparison.
func (sl *slot) chooseReadBack() bool {
	w := sl.w
	if w.verified >= w.filled {
		return false
	}
	per := w.cfg.MaxBytes / scsi.BlockSize
	sl.extent, sl.write = w.verified, false
	sl.lba, sl.blocks = uint64(sl.extent*per), per
	w.extents[sl.extent].busy = true
	w.verified++
	return true
}

func (sl *slot) submit() {
	w := sl.w
	size := sl.blocks * scsi.BlockSize
	sl.c.read, sl.c.write, sl.c.size, sl.c.buf = !sl.write, sl.write, size, sl.buf[:size]
	op := byte(scsi.OpRead10)
	if sl.write {
		op = scsi.OpWrite10
		sl.next = 1
		for _, g := range w.generations[sl.lba : sl.lba+uint64(sl.blocks)] {
			sl.next = max(sl.next, g+1)
		}
		w.pattern.fill(sl.c.buf, w.cfg.First+sl.lba, sl.next)
	} else {
		clear(sl.c.buf) // what does not arrive must not be there from the last time
	}
	sl.c.cdb = [16]byte{op}
	lba := w.cfg.First + sl.lba
	if w.issued%longCDBEvery == 0 || lba+uint64(sl.blocks) > 1<<32 {
		sl.c.cdb[0] = op - scsi.OpRead10 + scsi.OpRead16
		binary.BigEndian.PutUint64(sl.c.cdb[2:], lba)
		binary.BigEndian.PutUint32(sl.c.cdb[10:], uint32(sl.blocks))
	} else {
		binary.BigEndian.PutUint32(sl.c.cdb[2:], uint32(lba))
		binary.BigEndian.PutUint16(sl.c.cdb[7:], uint16(sl.blocks))
	}
	w.s.submit(&sl.c)
}

// ended takes the end of the slot's command and begins the next, at its time.
func (sl *slot) ended(c *command, err error) {
	w := sl.w
	if e, ok := err.(*scsiError); ok && e.temporary() && !w.stopped {
		w.s.n.Retries++
		w.s.ini.node.after(100*time.Millisecond, func() { w.s.submit(c) })
		return
	}
	w.extents[sl.extent].busy = false
	sl.account(c, err)
	wait := time.Duration(0)
	if w.cfg.Rate > 0 && w.phase == phaseIO && !w.stopped {
		every := time.Duration(float64(time.Second) * float64(len(w.slots)) / w.cfg.Rate)
		wait = sl.lastRun + every - w.s.elapsed()
	}
	if wait > 0 {
		w.s.ini.node.port.clock.arm(&sl.pace, wait)
		return
	}
	sl.begin()
}

func (sl *slot) account(c *command, err error) {
	w := sl.w
	n := &w.s.n
	if err == nil && c.transferred() != c.size {
		err = fmt.Errorf("command %02x: moved %d of %d bytes", c.cdb[0], c.transferred(), c.size)
	}
	if err != nil {
		n.Errors++
		w.s.note(err)
		if sl.write { // which generation is there now is not known
			clear(w.generations[sl.lba : sl.lba+uint64(sl.blocks)])
		}
		return
	}
	n.Commands++
	if sl.write {
		n.Writes++
		n.BytesWritten += uint64(c.size)
		for i := range sl.blocks {
			w.generations[sl.lba+uint64(i)] = sl.next
		}
		return
	}
	n.Reads++
	n.BytesRead += uint64(c.size)
	if err := sl.verify(c); err != nil {
		n.VerifyErrors++
		w.s.note(err)
	}
}

// verify compares what was read, run by run of one generation.
func (sl *slot) verify(c *command) error {
	w := sl.w
	for i := 0; i < sl.blocks; {
		g := w.generations[sl.lba+uint64(i)]
		j := i + 1
		for j < sl.blocks && w.generations[sl.lba+uint64(j)] == g {
			j++
		}
		if g != 0 {
			from, to := i*scsi.BlockSize, j*scsi.BlockSize
			if err := w.pattern.check(c.buf[from:to], sl.want[from:to], w.cfg.First+sl.lba+uint64(i), g); err != nil {
				return err
			}
		}
		i = j
	}
	return nil
}
