package flow

const (
	// MaxProbe bounds a look-up: at the load that Slots gives (at most 0.5) a longer run is a hostile choice of
	// FC_IDs, and the frame is forwarded without a flow.
	MaxProbe = 64
	// MinDirections and MaxDirections bound one shard. A direction costs 2 slots of 64 bytes and an Info of 64.
	MinDirections = 64
	MaxDirections = 4 << 20
	// chainHeads is the number of address chains, a power of two; 4 bytes each.
	chainHeads = 1 << 16
)

// Slots is how many entries a shard of that many directions has: a power of two, at most half full.
func Slots(directions int) int {
	n := 2 * MinDirections
	for n < 2*directions {
		n <<= 1
	}
	return n
}
