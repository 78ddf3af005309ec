package scsi

// Status is a SCSI status byte (SAM-5).
type Status uint8

// Statuses a device server of this package gives.
const (
	Good           Status = 0x00
	CheckCondition Status = 0x02
)

// Sense is the cause of a CHECK CONDITION: sense key, additional code and qualifier.
type Sense struct{ Key, ASC, ASCQ uint8 }

// The sense codes in use.
var (
	InvalidOpcode     = Sense{0x05, 0x20, 0x00}
	LBAOutOfRange     = Sense{0x05, 0x21, 0x00}
	InvalidFieldInCDB = Sense{0x05, 0x24, 0x00}
	UnitNotSupported  = Sense{0x05, 0x25, 0x00}
	// DataPhaseError: the host offered fewer bytes than its own CDB writes.
	DataPhaseError = Sense{0x0B, 0x4B, 0x00}
)

// Append writes the sense data in fixed format (70h), current error.
func (s Sense) Append(b []byte) []byte {
	var d [SenseLen]byte
	d[0], d[2], d[7], d[12], d[13] = 0x70, s.Key, 10, s.ASC, s.ASCQ
	return append(b, d[:]...)
}

// ParseSense reads fixed (70h, 71h) and descriptor (72h, 73h) format.
func ParseSense(b []byte) (s Sense, ok bool) {
	if len(b) == 0 {
		return s, false
	}
	switch b[0] & 0x7f {
	case 0x70, 0x71:
		if len(b) < 14 {
			return s, false
		}
		return Sense{b[2] & 0x0f, b[12], b[13]}, true
	case 0x72, 0x73:
		if len(b) < 4 {
			return s, false
		}
		return Sense{b[1] & 0x0f, b[2], b[3]}, true
	}
	return s, false
}

// unitIndex reads the eight bytes of a LUN, as the big-endian number they are: peripheral
// (00b) and flat (01b) single-level addresses (SAM-5 4.7).
func unitIndex(lun uint64) (int, bool) {
	n := int(lun >> 48)
	if lun<<16 != 0 || n>>14 > 1 {
		return 0, false
	}
	n &= 0x3FFF
	return n, n < MaxUnits
}

// Device is what one host sees behind one target port.
type Device struct {
	// PortName is the WWPN of the target, for VPD page 83.
	PortName uint64
	// Units are the logical units, LUN 0 first. There is at least one.
	Units []*Unit
}

// Unit is one logical unit.
type Unit struct {
	// ID is the 64-bit NAA name of the unit. Two paths to one disk carry the same.
	ID   uint64
	Disk *Disk
}

// Plan is what a command asks for: the bytes it moves and how it ends.
type Plan struct {
	Status Status
	Sense  Sense // when Status is CheckCondition
	// In is the number of bytes to the host, Out from it; at most one is not zero.
	In, Out int

	data   []byte // answers made at once
	disk   *Disk
	offset uint64 // bytes into disk
}

// Read copies bytes [at, at+len(dst)) of the data to the host.
func (p *Plan) Read(dst []byte, at int) {
	if p.disk == nil {
		n := copy(dst, p.data[min(at, len(p.data)):])
		clear(dst[n:])
		return
	}
	p.disk.ReadAt(dst, p.offset+uint64(at))
}

// Commit stores the data of a write once all p.Out bytes are there.
func (p *Plan) Commit(src []byte) {
	if p.disk != nil && p.Out > 0 {
		p.disk.WriteAt(src[:min(p.Out, len(src))], p.offset)
	}
}

// Fail makes the plan one that ends in CHECK CONDITION and moves nothing.
func Fail(s Sense) Plan { return Plan{Status: CheckCondition, Sense: s} }

// answer makes a plan that gives the host at most alloc bytes of data.
func answer(data []byte, alloc int) Plan {
	data = data[:min(alloc, len(data))]
	return Plan{In: len(data), data: data}
}
