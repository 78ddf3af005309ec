package peer

import (
	"time"

	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/shm"
)

// pairOf is what a segment's page says of the inline pair, nil when it is in none or its page cannot be read.
func pairOf(state *shm.File) *PeerPair {
	r, err := pair.Read(state)
	with := shm.Text(r.Partner[:])
	if err != nil || with == "" {
		return nil
	}
	p := &PeerPair{
		With: with, State: r.State.String(), Why: r.Why.String(), Epoch: r.Epoch, Since: time.Unix(0, r.Since).UTC(), Changes: r.Changes, Ready: r.Ready == 1,
		Heard: r.PartnerAlive == 1, PartnerState: r.PartnerState.String(), PartnerReady: r.PartnerFlags&pair.IsReady != 0, PartnerEpoch: r.PartnerEpoch,
	}
	if r.PartnerHeard != 0 {
		p.LastHeard = time.Unix(0, r.PartnerHeard).UTC()
	}
	return p
}

// forwards says whether this node has the pair's work.
func (p *PeerPair) forwards() bool {
	return p.State == pair.Active.String() || p.State == pair.Draining.String()
}

// tookOver says whether it has it because the partner fell silent or said goodbye.
func (p *PeerPair) tookOver() bool {
	return p.State == pair.Active.String() && (p.Why == pair.WhyDead.String() || p.Why == pair.WhyStopped.String())
}
