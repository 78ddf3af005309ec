package scsi

import (
	"encoding/binary"
	"fmt"
)

// Operation codes (SPC-4, SBC-3).
const (
	OpTestUnitReady      = 0x00
	OpRequestSense       = 0x03
	OpInquiry            = 0x12
	OpModeSense6         = 0x1A
	OpReadCapacity10     = 0x25
	OpRead10             = 0x28
	OpWrite10            = 0x2A
	OpSynchronizeCache10 = 0x35
	OpModeSense10        = 0x5A
	OpRead16             = 0x88
	OpWrite16            = 0x8A
	OpSynchronizeCache16 = 0x91
	OpServiceActionIn16  = 0x9E
	OpReportLUNs         = 0xA0

	// ServiceReadCapacity16 is the service action of OpServiceActionIn16 that we know.
	ServiceReadCapacity16 = 0x10
)

// VPD pages.
const (
	PageSupported       = 0x00
	PageSerial          = 0x80
	PageIdentification  = 0x83
	PageBlockLimits     = 0xB0
	PageCharacteristics = 0xB1
)

// Parse says what a command does. lun is the eight bytes of a LUN as a big-endian number.
func (d *Device) Parse(lun uint64, cdb *[16]byte) Plan {
	index, ok := unitIndex(lun)
	var unit *Unit
	if ok && index < len(d.Units) {
		unit = d.Units[index]
	}
	switch cdb[0] { // these three are answered for any LUN (SPC-4 5.3)
	case OpInquiry:
		return d.inquiry(unit, index, cdb)
	case OpReportLUNs:
		return d.reportLUNs(cdb)
	case OpRequestSense:
		return requestSense(unit, cdb)
	}
	if unit == nil {
		return Fail(UnitNotSupported)
	}
	switch cdb[0] {
	case OpTestUnitReady:
		return Plan{}
	case OpModeSense6:
		return modeSense(cdb, int(cdb[4]), false)
	case OpModeSense10:
		return modeSense(cdb, int(binary.BigEndian.Uint16(cdb[7:])), true)
	case OpReadCapacity10:
		return unit.capacity10()
	case OpServiceActionIn16:
		if cdb[1]&0x1f != ServiceReadCapacity16 {
			return Fail(InvalidFieldInCDB)
		}
		return unit.capacity16(int(min(binary.BigEndian.Uint32(cdb[10:]), 512)))
	case OpRead10, OpWrite10, OpSynchronizeCache10:
		return unit.media(cdb[0], uint64(binary.BigEndian.Uint32(cdb[2:])), uint64(binary.BigEndian.Uint16(cdb[7:])))
	case OpRead16, OpWrite16, OpSynchronizeCache16:
		return unit.media(cdb[0], binary.BigEndian.Uint64(cdb[2:]), uint64(binary.BigEndian.Uint32(cdb[10:])))
	}
	return Fail(InvalidOpcode)
}

func (u *Unit) media(op byte, lba, count uint64) Plan {
	blocks := u.Disk.Blocks()
	if lba > blocks || count > blocks-lba { // the sum could wrap
		return Fail(LBAOutOfRange)
	}
	if op == OpSynchronizeCache10 || op == OpSynchronizeCache16 {
		return Plan{} // a disk in memory has no cache to write back
	}
	if count > MaxTransferBlocks {
		return Fail(InvalidFieldInCDB)
	}
	p := Plan{disk: u.Disk, offset: lba * BlockSize}
	if op == OpRead10 || op == OpRead16 {
		p.In = int(count) * BlockSize
	} else {
		p.Out = int(count) * BlockSize
	}
	return p
}

func (u *Unit) capacity10() Plan {
	var b [8]byte
	binary.BigEndian.PutUint32(b[:], uint32(u.Disk.Blocks()-1)) // MaxBlocks fits
	binary.BigEndian.PutUint32(b[4:], BlockSize)
	return answer(b[:], len(b))
}

func (u *Unit) capacity16(alloc int) Plan {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], u.Disk.Blocks()-1)
	binary.BigEndian.PutUint32(b[8:], BlockSize)
	return answer(b[:], alloc)
}

func (d *Device) reportLUNs(cdb *[16]byte) Plan {
	alloc := int(min(binary.BigEndian.Uint32(cdb[6:]), 1<<16))
	if alloc < 16 {
		return Fail(InvalidFieldInCDB)
	}
	b := make([]byte, 8, 8+8*len(d.Units))
	binary.BigEndian.PutUint32(b, uint32(8*len(d.Units)))
	for i := range d.Units {
		b = append(b, 0, byte(i), 0, 0, 0, 0, 0, 0)
	}
	return answer(b, alloc)
}

func requestSense(unit *Unit, cdb *[16]byte) Plan {
	var none Sense
	if unit == nil {
		none = UnitNotSupported
	}
	return answer(none.Append(nil)[:18], int(cdb[4]))
}

// modeSense answers with the caching and control pages; there is nothing to change.
func modeSense(cdb *[16]byte, alloc int, long bool) Plan {
	var pages []byte
	page := cdb[2] & 0x3f
	if page == 0x08 || page == 0x3f {
		pages = append(pages, 0x08, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	if page == 0x0a || page == 0x3f {
		pages = append(pages, 0x0a, 10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	if pages == nil {
		return Fail(InvalidFieldInCDB)
	}
	const dpoFUA = 0x10 // device-specific parameter: both are accepted and change nothing
	if long {
		head := []byte{0, byte(6 + len(pages)), 0, dpoFUA, 0, 0, 0, 0}
		return answer(append(head, pages...), alloc)
	}
	head := []byte{byte(3 + len(pages)), 0, dpoFUA, 0}
	return answer(append(head, pages...), alloc)
}

func (d *Device) inquiry(unit *Unit, index int, cdb *[16]byte) Plan {
	alloc := int(binary.BigEndian.Uint16(cdb[3:]))
	if cdb[1]&1 != 0 {
		if unit == nil {
			return Fail(UnitNotSupported)
		}
		return d.vpd(unit, cdb[2], alloc)
	}
	if cdb[2] != 0 {
		return Fail(InvalidFieldInCDB)
	}
	b := make([]byte, 36)
	if unit == nil {
		b[0] = 0x7f // no device can be at this LUN
	}
	b[2], b[3], b[4] = 0x06, 0x02, 31 // SPC-4, format 2, length behind this byte
	b[7] = 0x02                       // command queueing
	copy(b[8:], "FCREDIR ")
	copy(b[16:], fmt.Sprintf("%-16s", fmt.Sprintf("SIM DISK %d", index)))
	copy(b[32:], "1.0 ")
	return answer(b, alloc)
}

func (d *Device) vpd(u *Unit, page byte, alloc int) Plan {
	var body []byte
	switch page {
	case PageSupported:
		body = []byte{PageSupported, PageSerial, PageIdentification, PageBlockLimits, PageCharacteristics}
	case PageSerial:
		body = u.serial()
	case PageIdentification:
		body = d.identification(u)
	case PageBlockLimits:
		body = make([]byte, 60)
		binary.BigEndian.PutUint16(body[2:], 1)
		binary.BigEndian.PutUint32(body[4:], MaxTransferBlocks)
		binary.BigEndian.PutUint32(body[8:], MaxTransferBlocks)
	case PageCharacteristics:
		body = make([]byte, 60)
		body[1] = 1 // not rotating
	default:
		return Fail(InvalidFieldInCDB)
	}
	return answer(append([]byte{0, page, byte(len(body) >> 8), byte(len(body))}, body...), alloc)
}

func (u *Unit) serial() []byte { return fmt.Appendf(nil, "%016X", u.ID) }

// identification is page 83: the unit's NAA and T10 names, the port's NAA and its
// relative number. Multipath software joins paths by the first.
func (d *Device) identification(u *Unit) []byte {
	b := []byte{0x01, 0x03, 0, 8}
	b = binary.BigEndian.AppendUint64(b, u.ID)
	t10 := append([]byte("FCREDIR "), u.serial()...)
	b = append(b, 0x02, 0x01, 0, byte(len(t10)))
	b = append(b, t10...)
	b = append(b, 0x01, 0x93, 0, 8) // protocol FCP valid, associated with the target port
	b = binary.BigEndian.AppendUint64(b, d.PortName)
	return append(b, 0x01, 0x94, 0, 4, 0, 0, 0, 1)
}
