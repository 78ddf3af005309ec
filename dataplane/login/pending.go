package login

import "fcredirect/dataplane/frame"

// key names an exchange that waits for its answer. For FLOGI and FDISC, which are sent before there is an address,
// from is the ENode MAC; else it is the S_ID of the request, and to its D_ID.
type key struct {
	space uint16
	oxid  uint16
	login bool // FLOGI or FDISC
	ct    bool // CT, else ELS
	to    frame.FCID
	from  uint64
}

func (k key) hash(seed uint64) uint64 {
	h := mix(k.from ^ seed)
	h = mix(h ^ uint64(k.space)<<48 ^ uint64(k.oxid)<<32 ^ uint64(k.to))
	return h
}

// request is what must be remembered of a request to understand its answer.
type request struct {
	key       key
	used      bool
	contested bool // a second port sent the same exchange: no answer is believed
	at        int64
	port      Port
	command   uint16 // of ELS or CT
	mac       frame.MAC
	wwpn      frame.WWN
	wwnn      frame.WWN
	id        frame.FCID
	rows      rowState
}

// pending is the bounded set of requests that wait: sets of a few ways. The victim for a new one is one whose time is
// over, else the oldest of the same port once that port has half the ways. A port never pushes out another's.
type pending struct {
	seed uint64
	ways []request
}

func newPending(seed uint64) pending {
	return pending{seed: seed, ways: make([]request, pendingSets*pendingWays)}
}

func (p *pending) set(k key) []request {
	i := k.hash(p.seed) % pendingSets * pendingWays
	return p.ways[i : i+pendingWays]
}

func (r *request) over(now int64) bool { return now-r.at > int64(pendingTimeout) }

// put remembers r. It says which counter to raise when something was not in order, NumCounters when all was.
func (p *pending) put(r request, now int64) Counter {
	set := p.set(r.key)
	var free, oldest *request
	var own int
	for i := range set {
		w := &set[i]
		switch {
		case !w.used || w.over(now):
			free = w
		case w.key == r.key && w.port.Index != r.port.Index:
			w.contested = true
			return CountPendingContested
		case w.key == r.key && w.contested: // stays so until its time is over
			return CountPendingContested
		case w.key == r.key: // sent again, or the OX_ID is in use again
			*w = r
			return NumCounters
		case w.port.Index == r.port.Index:
			if own++; oldest == nil || w.at < oldest.at {
				oldest = w
			}
		}
	}
	if own >= pendingWays/2 {
		*oldest = r
		return CountPendingFull
	}
	if free == nil {
		return CountPendingFull
	}
	*free = r
	return NumCounters
}

// get finds the request of an answer, nil when there is none or it is not to be believed.
func (p *pending) get(k key, now int64) *request {
	set := p.set(k)
	for i := range set {
		if w := &set[i]; w.used && w.key == k && !w.over(now) && !w.contested {
			return w
		}
	}
	return nil
}
