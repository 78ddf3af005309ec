package peer

import (
	"math"
	"time"

	"fcredirect/mgmt/peer/record"
)

// settling finds the flows and logins that ended without a word: because the data plane was killed, began anew with another
// segment, or had no room for the last item. Everything is told once more, and what was not told again is gone.
type settling struct {
	nonce      uint64                    // of the wish for everything; 0: none is being answered
	upto       []uint64                  // per ring: items up to this number are from before the wish
	answered   []bool                    // per ring
	since      [record.NumStreams]uint64 // records with a version up to this were put before the wish
	before     map[record.Key]struct{}   // records put after it, by items from before it
	boots      uint64                    // of the data plane that was asked
	unreported uint64
	done       bool      // everything that there is was told once
	ended      time.Time // when that was last so
}

// due says whether the data plane is to be asked: one that has begun anew at once, else when the wish before is answered, and not
// at once after that. It may leave out something as often as it answers.
func (t *settling) due(boots, unreported uint64, now time.Time) bool {
	switch {
	case boots != t.boots:
		return true
	case unreported == t.unreported:
		return false
	}
	return t.nonce == 0 && now.Sub(t.ended) >= askAgain
}

// old says whether an item is from before the wish. There are at most as many as a ring holds.
func (t *settling) old(ring int, seq uint64) bool { return t.nonce != 0 && seq <= t.upto[ring] }

// than is the version up to which a record is to be put anew, though it says what is known: everything, once.
func (t *settling) than(key record.Key, old bool) uint64 {
	if t.nonce == 0 || old {
		return 0
	}
	if _, was := t.before[key]; was {
		return math.MaxUint64
	}
	return t.since[key.Kind.Stream()]
}

// put notes that a record was put.
func (t *settling) put(key record.Key, old bool) {
	if t.nonce == 0 {
		return
	}
	if old {
		t.before[key] = struct{}{}
	} else {
		delete(t.before, key)
	}
}

// answer notes that a ring has told everything.
func (t *settling) answer(ring int, nonce uint64) {
	if t.nonce != 0 && nonce == t.nonce {
		t.answered[ring] = true
	}
}

func (t *settling) complete() bool {
	for _, is := range t.answered {
		if !is {
			return false
		}
	}
	return true
}
