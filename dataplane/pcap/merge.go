package pcap

import (
	"errors"
	"fmt"
	"io"
)

// Merge gives the records of several readers in time order. Of records with one time, that
// of the earlier input comes first. Each input is taken in its own order: a file whose
// times go backwards is not sorted, so that nothing has to be held but one record each.
type Merge struct {
	inputs []input
	last   int // whose record was handed out; it is read on when the next is asked for
	cut    []error
}

type input struct {
	reader *Reader
	head   Record
	alive  bool
}

// NewMerge takes the first record of each reader.
func NewMerge(readers ...*Reader) (*Merge, error) {
	if len(readers) > MaxMerge {
		return nil, fmt.Errorf("merge captures: %d files, at most %d", len(readers), MaxMerge)
	}
	m := &Merge{inputs: make([]input, len(readers)), last: -1}
	for i, r := range readers {
		m.inputs[i].reader = r
		if err := m.advance(i); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Next returns the next record and the index of its reader; io.EOF when all are read. A
// reader that ends inside a record ends like any other: Cut tells. Any other error stops
// the merge.
func (m *Merge) Next() (rec Record, from int, err error) {
	if m.last >= 0 {
		last := m.last
		m.last = -1
		if err := m.advance(last); err != nil {
			return Record{}, last, err
		}
	}
	first := -1
	for i := range m.inputs {
		in := &m.inputs[i]
		if in.alive && (first < 0 || in.head.Time < m.inputs[first].head.Time) {
			first = i
		}
	}
	if first < 0 {
		return Record{}, -1, io.EOF
	}
	m.last = first
	return m.inputs[first].head, first, nil
}

// Cut lists, after Next has returned io.EOF, the inputs whose last record was cut.
func (m *Merge) Cut() []error { return m.cut }

func (m *Merge) advance(i int) error {
	in := &m.inputs[i]
	rec, err := in.reader.Next()
	in.head, in.alive = rec, err == nil
	switch {
	case err == nil || err == io.EOF:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		m.cut = append(m.cut, fmt.Errorf("capture %d: %w", i, err))
		return nil
	}
	return fmt.Errorf("capture %d: %w", i, err)
}
