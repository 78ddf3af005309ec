package replica

// A history says in which order the records of a set changed: entries (version, handle), by version. An entry is stale when its
// row has another version by now, or is gone. So for each row one entry is not stale, and what a peer that stands at a version
// has not seen are the entries after it, each record once.
//
// Stale entries are swept as the history grows: whenever a chunk is full and more than half of the entries are stale, three chunks are
// looked at, their stale entries dropped in place, and what is left joined to the chunk before, if that has room. The rejected
// alternative rewrites all of it when it is half stale: that is as cheap per change, but stops the node for 50 ms at a million
// records, and a lane's bound is 10. Three chunks a chunk is enough: of what is looked at, on average half is stale, so that
// each entry that came takes one and a half away.
//
// Nobody remembers a place in it. Cursors remember a version, and look for it again: sweeping does not concern them.
type history struct {
	chunks  []*chunk
	entries int
	sweep   int // the chunk to look at next
}

type chunk struct {
	base uint64 // version of which the entries say the difference; the first of them may have been swept
	n    int    // never 0 in a history
	at   [chunkEntries]entry
}

type entry struct {
	delta  uint32
	handle uint32
}

const chunkEntries = 512

func (c *chunk) version(i int) uint64 { return c.base + uint64(c.at[i].delta) }

func (c *chunk) last() uint64 { return c.version(c.n - 1) }

// fits says whether an entry of a version can stand in the chunk.
func (c *chunk) fits(version uint64) bool {
	return c.n < chunkEntries && version >= c.base && version-c.base <= 1<<32-1
}

// after is the place of the first entry whose version is higher.
func (h *history) after(version uint64) (c, i int) {
	lo, hi := 0, len(h.chunks)
	for lo < hi { // the first chunk that begins after version; the one before it may have the place
		if mid := (lo + hi) / 2; h.chunks[mid].version(0) <= version {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0, 0
	}
	at := h.chunks[lo-1]
	i, end := 0, at.n
	for i < end {
		if mid := (i + end) / 2; at.version(mid) <= version {
			i = mid + 1
		} else {
			end = mid
		}
	}
	if i == at.n {
		return lo, 0
	}
	return lo - 1, i
}

// append adds the highest version, and says whether that began a new chunk.
func (h *history) append(version uint64, handle uint32) (began bool) {
	var c *chunk
	if n := len(h.chunks); n > 0 && h.chunks[n-1].fits(version) {
		c = h.chunks[n-1]
	} else {
		c = &chunk{base: version}
		h.chunks = append(h.chunks, c)
		began = n > 0
	}
	c.at[c.n] = entry{uint32(version - c.base), handle}
	c.n++
	h.entries++
	return began
}

// insert adds a version where it belongs. It is for repairs, where a record gets back the version that it should have had.
func (h *history) insert(version uint64, handle uint32) {
	ci, i := h.after(version)
	if ci == len(h.chunks) {
		h.append(version, handle)
		return
	}
	if i == 0 && ci > 0 && h.chunks[ci-1].fits(version) {
		ci--
		i = h.chunks[ci].n
	}
	c := h.chunks[ci]
	if !c.fits(version) { // it is full, or begins later: what is before the place, the new one, and the rest stand apart
		one := &chunk{base: version, n: 1}
		one.at[0].handle = handle
		add := []*chunk{one}
		if i > 0 {
			rest := &chunk{base: c.version(i)}
			for _, e := range c.at[i:c.n] {
				rest.at[rest.n] = entry{uint32(c.base + uint64(e.delta) - rest.base), e.handle}
				rest.n++
			}
			c.n = i
			ci++
			add = append(add, rest)
		}
		h.chunks = append(h.chunks[:ci], append(add, h.chunks[ci:]...)...)
	} else {
		copy(c.at[i+1:c.n+1], c.at[i:c.n])
		c.at[i] = entry{uint32(version - c.base), handle}
		c.n++
	}
	h.entries++
}

// tidy sweeps some chunks; rows is how many entries are not stale, and stale judges one.
func (h *history) tidy(rows int, stale func(version uint64, handle uint32) bool) {
	for range sweepChunks {
		last := len(h.chunks) - 1 // is being written
		if h.entries <= 2*rows || last < 1 {
			return
		}
		if h.sweep >= last {
			h.sweep = 0
		}
		c, n := h.chunks[h.sweep], 0
		for i, e := range c.at[:c.n] {
			if !stale(c.version(i), e.handle) {
				c.at[n] = e
				n++
			}
		}
		h.entries -= c.n - n
		c.n = n
		if n == 0 || h.sweep > 0 && h.chunks[h.sweep-1].join(c) {
			h.chunks = append(h.chunks[:h.sweep], h.chunks[h.sweep+1:]...)
		} else {
			h.sweep++
		}
	}
}

// join takes over all entries of the chunk behind, if they fit.
func (c *chunk) join(next *chunk) bool {
	if c.n+next.n > chunkEntries || !c.fits(next.last()) {
		return false
	}
	shift := next.base - c.base
	for _, e := range next.at[:next.n] {
		c.at[c.n] = entry{uint32(uint64(e.delta) + shift), e.handle}
		c.n++
	}
	return true
}

// behind is how many entries there are after a version.
func (h *history) behind(version uint64) (n int) {
	for i := len(h.chunks) - 1; i >= 0; i-- {
		if c := h.chunks[i]; c.version(0) > version {
			n += c.n
		} else {
			for j := c.n - 1; j >= 0 && c.version(j) > version; j-- {
				n++
			}
			break
		}
	}
	return n
}

func (h *history) memory() int { return len(h.chunks) * (16 + chunkEntries*8 + 8) }
