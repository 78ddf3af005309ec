package sim

import (
	"fmt"

	"fcredirect/dataplane/frame"
)

// Census counts FCP frames and tells those that were seen before. A frame is known by its
// exchange, its direction, SEQ_ID and SEQ_CNT. OX_IDs are used again at once, with the
// same SEQ_IDs and counts, so an exchange is followed from its FCP_CMND to its FCP_RSP:
//
//   - an FCP_CMND after the FCP_RSP begins the exchange anew;
//   - one before it is a duplicate if it has the same bytes as the first and comes within
//     E_D_TOV; otherwise its initiator has given the old exchange up;
//   - any other frame, also after the FCP_RSP, is a duplicate if its place was taken.
//
// So a duplicate of an FCP_CMND that comes after the FCP_RSP is not noticed as such (its
// consequences are). Frames of exchanges whose FCP_CMND was not seen are counted too, as
// orphans; they begin an exchange of their own.
type Census struct {
	exchanges map[censusKey]*censusExchange
	pairs     map[[2]frame.FCID]*PairCount
	CensusCounters
}

// CensusCounters are the totals.
type CensusCounters struct {
	Frames     uint64 `json:"frames"` // FCP frames seen
	Unique     uint64 `json:"unique"`
	Duplicates uint64 `json:"duplicates"`
	Orphans    uint64 `json:"orphans"`
	Commands   uint64 `json:"commands"` // unique FCP_CMND
	Responses  uint64 `json:"responses"`
	Data       uint64 `json:"data"`
	Forgotten  uint64 `json:"forgotten"` // exchanges dropped at the limit
	BadCRC     uint64 `json:"bad_crc"`
}

// PairCount counts the FCP frames between an initiator and a target.
type PairCount struct {
	Initiator     frame.FCID `json:"initiator"`
	Target        frame.FCID `json:"target"`
	FromInitiator uint64     `json:"from_initiator"` // unique
	FromTarget    uint64     `json:"from_target"`
	Duplicates    uint64     `json:"duplicates"`
}

type censusKey struct {
	fabric            uint16 // VF_ID or VLAN
	initiator, target frame.FCID
	oxid              uint16
}

type censusExchange struct {
	command   uint32 // CRC of the FCP_CMND
	begun     int64  // ns
	ended     bool
	sequences []censusSequence
}

type censusSequence struct {
	fromTarget bool
	id         uint8
	seen       []uint64 // bit map by SEQ_CNT
}

// NewCensus returns an empty one.
func NewCensus() *Census {
	return &Census{exchanges: make(map[censusKey]*censusExchange), pairs: make(map[[2]frame.FCID]*PairCount)}
}

// Count takes an FCP frame that frame.Decode has accepted, seen at now (ns); eDTOV is in
// ns too. It reports whether the frame is a duplicate.
func (c *Census) Count(h *frame.Header, crcGood bool, now, eDTOV int64) (duplicate bool) {
	c.Frames++
	if !crcGood {
		c.BadCRC++ // counted like the others: it has its place in the exchange
	}
	fromTarget := h.FromResponder()
	key := censusKey{fabric: h.VLAN, initiator: h.SID, target: h.DID, oxid: h.OXID}
	if h.VFT {
		key.fabric = h.VFID
	}
	if fromTarget {
		key.initiator, key.target = h.DID, h.SID
	}
	pair := c.pair(key)
	if c.place(key, h, fromTarget, now, eDTOV) {
		c.Duplicates++
		pair.Duplicates++
		return true
	}
	c.Unique++
	switch h.RCtl {
	case frame.RCtlUnsolicitedCmd:
		c.Commands++
	case frame.RCtlCommandStatus:
		c.Responses++
	case frame.RCtlSolicitedData:
		c.Data++
	}
	if fromTarget {
		pair.FromTarget++
	} else {
		pair.FromInitiator++
	}
	return false
}

func (c *Census) pair(key censusKey) *PairCount {
	id := [2]frame.FCID{key.initiator, key.target}
	p := c.pairs[id]
	if p == nil {
		p = &PairCount{Initiator: key.initiator, Target: key.target}
		if len(c.pairs) < maxCensusPairs { // beyond, the pair is counted in the totals only
			c.pairs[id] = p
		}
	}
	return p
}

// place finds the frame's place in its exchange and reports whether it was taken.
func (c *Census) place(key censusKey, h *frame.Header, fromTarget bool, now, eDTOV int64) (taken bool) {
	x := c.exchanges[key]
	if h.RCtl == frame.RCtlUnsolicitedCmd && !fromTarget {
		if x != nil && !x.ended && x.command == h.CRC && now-x.begun < eDTOV {
			return true
		}
		x = c.begin(key, x)
		x.command, x.begun = h.CRC, now
		return false
	}
	if x == nil {
		c.Orphans++
		x = c.begin(key, nil)
		x.begun = now
	}
	if h.RCtl == frame.RCtlCommandStatus && fromTarget {
		x.ended = true
	}
	return x.sequence(fromTarget, h.SeqID).mark(h.SeqCnt)
}

// begin makes the exchange new, in the memory of the old one if there is one.
func (c *Census) begin(key censusKey, old *censusExchange) *censusExchange {
	if old != nil {
		*old = censusExchange{sequences: old.sequences[:0]}
		return old
	}
	if len(c.exchanges) >= maxCensusExchanges {
		for k := range c.exchanges { // any: the limit is far above what is open at once
			delete(c.exchanges, k)
			c.Forgotten++
			break
		}
	}
	x := &censusExchange{}
	c.exchanges[key] = x
	return x
}

func (x *censusExchange) sequence(fromTarget bool, id uint8) *censusSequence {
	for i := range x.sequences {
		if s := &x.sequences[i]; s.id == id && s.fromTarget == fromTarget {
			return s
		}
	}
	if n := len(x.sequences); n < cap(x.sequences) { // with the bit map of its last use
		x.sequences = x.sequences[:n+1]
		clear(x.sequences[n].seen)
	} else {
		x.sequences = append(x.sequences, censusSequence{})
	}
	s := &x.sequences[len(x.sequences)-1]
	s.id, s.fromTarget = id, fromTarget
	return s
}

func (s *censusSequence) mark(count uint16) (taken bool) {
	word, bit := int(count)/64, uint64(1)<<(count%64)
	for len(s.seen) <= word {
		s.seen = append(s.seen, 0)
	}
	taken = s.seen[word]&bit != 0
	s.seen[word] |= bit
	return taken
}

// Pairs lists what was counted per pair, by address.
func (c *Census) Pairs() []PairCount {
	list := make([]PairCount, 0, len(c.pairs))
	for _, p := range c.pairs {
		list = append(list, *p)
	}
	sortPairs(list)
	return list
}

func (c *CensusCounters) String() string {
	return fmt.Sprintf("%d FCP frames, %d unique, %d duplicates", c.Frames, c.Unique, c.Duplicates)
}
