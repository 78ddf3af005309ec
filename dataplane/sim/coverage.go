package sim

// coverage is which bytes of an I/O have arrived, as sorted, disjoint spans that do not
// touch. Frames in order make one growing span; a duplicate adds nothing; one that comes
// late fills its gap. Counting bytes instead would take a duplicate for progress.
type coverage struct {
	spans []span
	bytes int
}

type span struct{ from, to int }

// add marks [from, to) and reports how many bytes of it are new. When the bytes lie
// scattered over more than maxSpans spans it refuses (ok is false): the frame counts as
// lost.
func (c *coverage) add(from, to int) (fresh int, ok bool) {
	i := len(c.spans)
	for i > 0 && c.spans[i-1].to >= from { // from the back: that is where frames in order go
		i--
	}
	j, grown, had := i, span{from, to}, 0
	for j < len(c.spans) && c.spans[j].from <= to {
		grown.from, grown.to = min(grown.from, c.spans[j].from), max(grown.to, c.spans[j].to)
		had += c.spans[j].to - c.spans[j].from
		j++
	}
	if i == j {
		if len(c.spans) == maxSpans {
			return 0, false
		}
		c.spans = append(c.spans, span{})
		copy(c.spans[i+1:], c.spans[i:])
		c.spans[i] = grown
	} else {
		c.spans[i] = grown
		c.spans = append(c.spans[:i+1], c.spans[j:]...)
	}
	fresh = grown.to - grown.from - had
	c.bytes += fresh
	return fresh, true
}

func (c *coverage) reset() { c.spans, c.bytes = c.spans[:0], 0 }
