package pcapng

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Section says where a file comes from.
type Section struct {
	Hardware, OS, Application, Comment string
}

// Interface is where frames were seen.
type Interface struct {
	Name, Description, Filter string
	MAC                       [6]byte // zero: none
	Speed                     uint64  // bit/s, 0 unknown
	Snap                      uint32  // bytes kept of a frame
}

// Direction of a frame, seen from the machine that captured it.
type Direction uint8

// The directions.
const (
	Unknown Direction = iota
	Inbound
	Outbound
)

// Packet is one frame.
type Packet struct {
	Interface int
	Time      int64 // ns since 1970
	Len       int   // on the wire
	Data      []byte
	Direction Direction
	Comment   string
}

// Statistics are the totals of one interface.
type Statistics struct {
	Interface  int
	Start, End int64  // ns since 1970
	Received   uint64 // by the interface
	Dropped    uint64 // wanted, and not written
	Written    uint64
	Comment    string
}

// Block types and option codes of the format.
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockStatistics = 5
	blockPacket     = 6
	byteOrderMagic  = 0x1a2b3c4d
	linkEthernet    = 1

	optEnd     = 0
	optComment = 1

	optHardware, optOS, optApplication                            = 2, 3, 4
	optName, optDescription, optMAC, optSpeed, optTime, optFilter = 2, 3, 6, 8, 9, 11
	optFlags                                                      = 2
	optStart, optEndTime, optReceived, optOSDrop, optWritten      = 2, 3, 4, 7, 8

	nanoseconds = 9 // if_tsresol: 10^-9 s

	// maxOption bounds the text of an option; a longer one is cut.
	maxOption = 4096
)

var le = binary.LittleEndian

// Writer writes one section.
type Writer struct {
	w          io.Writer
	buf        []byte
	interfaces int
	written    int64
}

// NewWriter begins a file.
func NewWriter(w io.Writer, s Section) (*Writer, error) {
	p := &Writer{w: w}
	p.begin(blockSection)
	p.buf = le.AppendUint32(p.buf, byteOrderMagic)
	p.buf = le.AppendUint32(p.buf, 1)              // major 1, minor 0
	p.buf = le.AppendUint64(p.buf, math.MaxUint64) // the length of the section is not known
	p.text(optHardware, s.Hardware)
	p.text(optOS, s.OS)
	p.text(optApplication, s.Application)
	p.text(optComment, s.Comment)
	if err := p.end(); err != nil {
		return nil, fmt.Errorf("pcapng: section: %w", err)
	}
	return p, nil
}

// Interface adds an interface and gives its number, from 0.
func (p *Writer) Interface(i Interface) (number int, err error) {
	p.begin(blockInterface)
	p.buf = le.AppendUint32(p.buf, linkEthernet)
	p.buf = le.AppendUint32(p.buf, i.Snap)
	p.text(optName, i.Name)
	p.text(optDescription, i.Description)
	if i.MAC != [6]byte{} {
		p.option(optMAC, i.MAC[:])
	}
	if i.Speed != 0 {
		p.number(optSpeed, i.Speed)
	}
	p.option(optTime, []byte{nanoseconds})
	if i.Filter != "" {
		p.option(optFilter, append([]byte{0}, cut(i.Filter)...)) // 0: a text
	}
	if err := p.end(); err != nil {
		return 0, fmt.Errorf("pcapng: interface: %w", err)
	}
	p.interfaces++
	return p.interfaces - 1, nil
}

// Packet adds a frame.
func (p *Writer) Packet(f *Packet) error {
	if f.Interface < 0 || f.Interface >= p.interfaces || f.Len < len(f.Data) || f.Len > math.MaxUint32 || f.Time < 0 {
		return fmt.Errorf("pcapng: frame of %d bytes of %d on interface %d of %d: out of range", len(f.Data), f.Len, f.Interface, p.interfaces)
	}
	p.begin(blockPacket)
	p.buf = le.AppendUint32(p.buf, uint32(f.Interface))
	p.time(f.Time)
	p.buf = le.AppendUint32(p.buf, uint32(len(f.Data)))
	p.buf = le.AppendUint32(p.buf, uint32(f.Len))
	p.buf = append(p.buf, f.Data...)
	p.pad()
	if f.Direction != Unknown {
		p.option(optFlags, le.AppendUint32(nil, uint32(f.Direction)))
	}
	p.text(optComment, f.Comment)
	if err := p.end(); err != nil {
		return fmt.Errorf("pcapng: frame: %w", err)
	}
	return nil
}

// Statistics adds the totals of an interface: at the end of the file.
func (p *Writer) Statistics(s Statistics) error {
	if s.Interface < 0 || s.Interface >= p.interfaces {
		return errors.New("pcapng: statistics of an interface that there is not")
	}
	p.begin(blockStatistics)
	p.buf = le.AppendUint32(p.buf, uint32(s.Interface))
	p.time(s.End)
	p.option(optStart, stamp(nil, s.Start))
	p.option(optEndTime, stamp(nil, s.End))
	p.number(optReceived, s.Received)
	p.number(optOSDrop, s.Dropped)
	p.number(optWritten, s.Written)
	p.text(optComment, s.Comment)
	if err := p.end(); err != nil {
		return fmt.Errorf("pcapng: statistics: %w", err)
	}
	return nil
}

// Written is the length of the file.
func (p *Writer) Written() int64 { return p.written }

// begin starts a block: its type, and its length, which end fills in.
func (p *Writer) begin(kind uint32) {
	p.buf = le.AppendUint32(p.buf[:0], kind)
	p.buf = le.AppendUint32(p.buf, 0)
}

// end closes the options and the block, and writes it.
func (p *Writer) end() error {
	p.buf = le.AppendUint32(p.buf, optEnd)
	length := uint32(len(p.buf) + 4)
	p.buf = le.AppendUint32(p.buf, length)
	le.PutUint32(p.buf[4:], length)
	n, err := p.w.Write(p.buf)
	p.written += int64(n)
	return err
}

func (p *Writer) time(ns int64) { p.buf = stamp(p.buf, ns) }

// stamp is a time as the format has it: the high half first, each in the file's byte order.
func stamp(b []byte, ns int64) []byte {
	return le.AppendUint32(le.AppendUint32(b, uint32(uint64(ns)>>32)), uint32(ns))
}

func (p *Writer) text(code uint16, s string) {
	if s != "" {
		p.option(code, []byte(cut(s)))
	}
}

func (p *Writer) number(code uint16, v uint64) { p.option(code, le.AppendUint64(nil, v)) }

func (p *Writer) option(code uint16, value []byte) {
	p.buf = le.AppendUint16(p.buf, code)
	p.buf = le.AppendUint16(p.buf, uint16(len(value)))
	p.buf = append(p.buf, value...)
	p.pad()
}

func (p *Writer) pad() {
	for len(p.buf)%4 != 0 {
		p.buf = append(p.buf, 0)
	}
}

func cut(s string) string { return s[:min(len(s), maxOption)] }
