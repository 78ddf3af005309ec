package flow

// A login that changes touches the flows of one FC_ID and no others, and there may be a million flows. So each Info
// stands in two chains, one for its S_ID and one for its D_ID, and a chain holds what hashes alike. A chain is doubly
// linked through the Infos by index; nothing is allocated.

// link is an Info and which of its two ends: index<<1 | end.
type link uint32

const (
	endOfChain link = ^link(0)
	sourceEnd       = 0
	destEnd         = 1
)

func (k Key) end(end link) uint64 {
	if end == sourceEnd {
		return k.Source()
	}
	return k.Destination()
}

func chainOf(addr uint64) uint32 {
	return uint32(addr * 0x9e3779b97f4a7c15 >> (64 - 16)) // chainHeads = 1 << 16
}

func (s *Shard) link(n uint32, k Key) {
	in := &s.infos[n]
	for end := link(0); end < 2; end++ {
		head := &s.heads[chainOf(k.end(end))]
		in.links[end], in.backs[end] = *head, endOfChain
		if *head != endOfChain {
			s.infos[*head>>1].backs[*head&1] = link(n)<<1 | end
		}
		*head = link(n)<<1 | end
	}
}

func (s *Shard) unlink(n uint32, k Key) {
	in := &s.infos[n]
	for end := link(0); end < 2; end++ {
		next, back := in.links[end], in.backs[end]
		if s.walk.at == link(n)<<1|end {
			s.walk.at = next
		}
		if next != endOfChain {
			s.infos[next>>1].backs[next&1] = back
		}
		if back != endOfChain {
			s.infos[back>>1].links[back&1] = next
		} else {
			s.heads[chainOf(k.end(end))] = next
		}
	}
}

// walk is an unfinished invalidation: a storm of them is spread over many passes of the lcore.
type walk struct {
	addr uint64
	at   link
}

// Invalidate begins to mark the directions from or to addr (fabric<<36 | VF<<24 | FC_ID) for evaluation. The one
// before must have been stepped to its end.
func (s *Shard) Invalidate(addr uint64) {
	s.walk = walk{addr: addr, at: s.heads[chainOf(addr)]}
}

// Step looks at no more than n links of the invalidation begun last and says whether it is finished. Directions may
// come and go between steps: a new one is not marked, but it is evaluated anyway, and unlink moves the walk past one
// that ends.
func (s *Shard) Step(n int) (finished bool) {
	for range n {
		if s.walk.at == endOfChain {
			return true
		}
		in := &s.infos[s.walk.at>>1]
		e := &s.entries[in.Slot]
		if e.Key.end(s.walk.at&1) == s.walk.addr {
			e.Stamp = 0
		}
		s.walk.at = in.links[s.walk.at&1]
	}
	return s.walk.at == endOfChain
}
