package pcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Writer writes Ethernet frames with nanosecond times, little-endian. Times must lie
// between 1970 and 2106, as the format has 32 bits for the seconds.
type Writer struct {
	w     io.Writer
	buf   []byte
	count int
}

// NewWriter writes the file header. Each record is one Write on w: give it a bufio.Writer
// for files, and flush that.
func NewWriter(w io.Writer) (*Writer, error) {
	head := binary.LittleEndian.AppendUint32(nil, magicNano)
	head = binary.LittleEndian.AppendUint16(head, 2)
	head = binary.LittleEndian.AppendUint16(head, 4)
	head = append(head, 0, 0, 0, 0, 0, 0, 0, 0) // time zone and accuracy: always zero
	head = binary.LittleEndian.AppendUint32(head, MaxRecord)
	head = binary.LittleEndian.AppendUint32(head, LinkEthernet)
	if _, err := w.Write(head); err != nil {
		return nil, fmt.Errorf("write pcap header: %w", err)
	}
	return &Writer{w: w}, nil
}

// Write writes one whole frame. Time is nanoseconds since 1970.
func (p *Writer) Write(time int64, frame []byte) error {
	return p.WriteRecord(Record{Time: time, Len: len(frame), Data: frame})
}

// WriteRecord writes a record as it is: one that was cut stays marked so.
func (p *Writer) WriteRecord(r Record) error {
	switch {
	case r.Time < 0 || r.Time/nanosPerSecond > math.MaxUint32:
		return fmt.Errorf("write pcap record %d: time %d ns is not between 1970 and 2106", p.count+1, r.Time)
	case len(r.Data) > MaxRecord || uint64(r.Len) > math.MaxUint32 || r.Len < len(r.Data):
		return fmt.Errorf("write pcap record %d: length %d of %d is out of range", p.count+1, len(r.Data), r.Len)
	}
	b := p.buf[:0]
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Time/nanosPerSecond))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Time%nanosPerSecond))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Len))
	b = append(b, r.Data...)
	p.buf = b
	if _, err := p.w.Write(b); err != nil {
		return fmt.Errorf("write pcap record %d: %w", p.count+1, err)
	}
	p.count++
	return nil
}

// Count is how many records were written.
func (p *Writer) Count() int { return p.count }
