package peer

import "fcredirect/dataplane/shm"

// States of an inline pair, as the data plane spells them.
const (
	pairActive  = "active"
	pairStandby = "standby"
)

// pairOf is what a segment's page says of the inline pair, nil when it is in none.
func pairOf(state *shm.File) *PeerPair { return nil }
