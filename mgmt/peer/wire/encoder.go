package wire

import (
	"encoding/binary"
	"fmt"

	"fcredirect/mgmt/peer/record"
)

// Encoder writes the records of one direction of a connection.
type Encoder struct {
	options Options
	stages  Stages
}

// NewEncoder makes one whose dictionary is empty.
func NewEncoder(o Options) *Encoder { return &Encoder{options: o} }

// Stages are what the stages have saved so far.
func (e *Encoder) Stages() Stages { return e.stages }

// Append appends a unit as the payload of a TypeUnit. After an error the connection must end. Records that are not in the
// order of their versions are put in order, in place.
func (e *Encoder) Append(dst []byte, u *Unit) ([]byte, error) {
	dst, err := u.appendHead(dst)
	if err != nil {
		return dst, err
	}
	return e.records(dst, u.Records)
}

// AppendRepair appends a repair as the payload of a TypeRepair.
func (e *Encoder) AppendRepair(dst []byte, p *Repair) ([]byte, error) {
	dst, err := p.appendHead(dst)
	if err != nil {
		return dst, err
	}
	return e.records(dst, p.Records)
}

func (e *Encoder) records(dst []byte, records []record.Record) ([]byte, error) {
	if len(records) > MaxUnitRecords {
		return dst, fmt.Errorf("unit: %d records, at most %d", len(records), MaxUnitRecords)
	}
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	for i := range records {
		r := &records[i]
		dst = appendFlag(append(dst, uint8(r.Kind)), r.Gone)
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, r.ID), r.Version)
		for f := range r.Kind.Fields() {
			dst = binary.AppendUvarint(dst, r.Fields[f])
		}
	}
	return dst, nil
}
