package spool

import (
	"math"
	"slices"
)

// base says that records from an index on have the number index + add, since the numbering got this lineage. A list of
// them is a history: of two that cover a record the later one holds.
type base struct {
	from    uint64
	add     uint64
	lineage uint64
}

type bases []base

// number of a record.
func (b bases) number(index uint64) uint64 {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i].from <= index {
			return index + b[i].add
		}
	}
	return index
}

// index of the record with a number; ok is false for a number that no record of the spool has.
func (b bases) index(number uint64) (index uint64, ok bool) {
	before := uint64(math.MaxUint64) // entries after this one cover all from here on
	for i := len(b) - 1; i >= 0; i-- {
		if index = number - b[i].add; index <= number && index >= b[i].from && index < before {
			return index, true
		}
		before = min(before, b[i].from)
	}
	return 0, false
}

// renumber gives the number that a record has now which had this one when the lineage was another. A lineage that is
// not known changes nothing: then it is the database that knows the number.
func (b bases) renumber(number, lineage uint64) uint64 {
	for i := range b {
		if b[i].lineage == lineage {
			if index, ok := b[:i+1].index(number); ok {
				return b.number(index)
			}
			break
		}
	}
	return number
}

// without leaves out what no record from first on has its number from, when the list is long. Numbers of those lineages
// are not known any more then.
func (b bases) without(first uint64) bases {
	b = slices.Clone(b)
	for i := 0; i < len(b)-1 && len(b) >= maxBases; {
		from := max(b[i].from, first)
		if slices.ContainsFunc(b[i+1:], func(later base) bool { return later.from <= from }) {
			b = slices.Delete(b, i, i+1)
		} else {
			i++
		}
	}
	return b
}

// knows says whether the numbering ever had this lineage.
func (b bases) knows(lineage uint64) bool {
	return slices.ContainsFunc(b, func(x base) bool { return x.lineage == lineage })
}
