package pcap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// LinkEthernet is the link type of Ethernet frames without FCS, the only one written.
const LinkEthernet = 1

// Magic numbers: the byte order in which they read right is that of the file.
const (
	magicMicro = 0xA1B2C3D4
	magicNano  = 0xA1B23C4D
	magicNG    = 0x0A0D0D0A // pcapng's section header, the same in either order

	fileHeaderLen   = 24
	recordHeaderLen = 16
	nanosPerSecond  = 1_000_000_000
	linkTypeMask    = 0x0FFFFFFF // the rest says whether an FCS follows
)

// Errors that a caller may want to tell apart. A file that ends inside a record gives
// io.ErrUnexpectedEOF.
var (
	ErrMagic = errors.New("not a pcap file")
	ErrNG    = errors.New("pcapng is not read; convert it: editcap -F pcap in.pcapng out.pcap")
)

// Record is one captured frame.
type Record struct {
	Time int64 // nanoseconds since 1970
	// Len is the frame's length on the wire; Data is shorter when the capture cut it.
	Len  int
	Data []byte
}

// Cut reports that the capture did not keep the whole frame.
func (r *Record) Cut() bool { return len(r.Data) < r.Len }

// Reader reads records one by one.
type Reader struct {
	r     io.Reader
	order binary.ByteOrder
	// tick is the nanoseconds of one unit of a record's time fraction.
	tick     int64
	linkType uint32
	snapLen  uint32
	count    int
	buf      []byte
	err      error
}

// NewReader reads the file header. It buffers nothing itself: give it a bufio.Reader for
// files.
func NewReader(r io.Reader) (*Reader, error) {
	var head [fileHeaderLen]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		if n >= 4 && binary.BigEndian.Uint32(head[:]) == magicNG {
			return nil, fmt.Errorf("read pcap header: %w", ErrNG)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("read pcap header: %d bytes of %d: %w", n, fileHeaderLen, ErrMagic)
		}
		return nil, fmt.Errorf("read pcap header: %w", err)
	}
	p := &Reader{r: r}
	if err := p.byteOrder(head[:4]); err != nil {
		return nil, fmt.Errorf("read pcap header: %w", err)
	}
	if major := p.order.Uint16(head[4:]); major != 2 {
		return nil, fmt.Errorf("read pcap header: version %d.%d, only 2.x is known",
			major, p.order.Uint16(head[6:]))
	}
	p.snapLen = p.order.Uint32(head[16:])
	p.linkType = p.order.Uint32(head[20:]) & linkTypeMask
	return p, nil
}

func (p *Reader) byteOrder(magic []byte) error {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(magic) {
		case magicMicro:
			p.order, p.tick = order, 1000
			return nil
		case magicNano:
			p.order, p.tick = order, 1
			return nil
		case magicNG:
			return ErrNG
		}
	}
	return fmt.Errorf("%w: magic % x", ErrMagic, magic)
}

// LinkType is the file's link type; frames are Ethernet only if it is LinkEthernet.
func (p *Reader) LinkType() uint32 { return p.linkType }

// Count is how many whole records were read.
func (p *Reader) Count() int { return p.count }

// Next reads the next record. At the end of the file it returns io.EOF; if the file ends
// inside a record, an error that wraps io.ErrUnexpectedEOF. An error is final.
func (p *Reader) Next() (Record, error) {
	if p.err != nil {
		return Record{}, p.err
	}
	rec, err := p.next()
	if err != nil {
		if err != io.EOF {
			err = fmt.Errorf("read pcap record %d: %w", p.count+1, err)
		}
		p.err = err
		return Record{}, err
	}
	p.count++
	return rec, nil
}

func (p *Reader) next() (Record, error) {
	var head [recordHeaderLen]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		return Record{}, err
	}
	seconds, fraction := p.order.Uint32(head[0:]), p.order.Uint32(head[4:])
	kept, wire := p.order.Uint32(head[8:]), p.order.Uint32(head[12:])
	if kept > MaxRecord {
		return Record{}, fmt.Errorf("length %d is more than %d: the file is damaged", kept, MaxRecord)
	}
	if int(kept) > cap(p.buf) {
		p.buf = make([]byte, kept)
	}
	data := p.buf[:kept]
	if _, err := io.ReadFull(p.r, data); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Record{}, err
	}
	// Some writers put a wire length below what they kept; the frame has at least that.
	return Record{
		Time: int64(seconds)*nanosPerSecond + int64(fraction)*p.tick,
		Len:  max(int(wire), int(kept)),
		Data: data,
	}, nil
}
