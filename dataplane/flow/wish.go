package flow

import "sync/atomic"

// Wish is a flow that somebody wants to stand before its first frame: its directions are made when both ends are logged
// in, and do not end for silence. The control goroutine writes wishes; they lie in the segment and survive a warm start.
type Wish struct {
	Initiator, Target uint64 // WWPN
	Key               Key    // of the direction from the initiator that was made, 0 while an end is not logged in
	VSAN              uint16
	Fabric            uint8
	InitiatorPort     uint8 // indexes of the ports on which the two directions enter, while Key is not 0
	TargetPort        uint8
	_                 [3]byte
	used              uint32 // 0: nobody's; written last
	_                 [28]byte
}

// RegionWishes is the region of wishes in the state file, MaxWishes how many fit.
const (
	RegionWishes = "wishes"
	MaxWishes    = 4096
)

// Used says whether the place holds a wish.
func (w *Wish) Used() bool { return atomic.LoadUint32(&w.used) == 1 }

// Put makes the place hold a wish whose key is not made yet.
func (w *Wish) Put(fabric uint8, vsan uint16, initiator, target uint64) {
	w.Initiator, w.Target, w.Key, w.VSAN, w.Fabric = initiator, target, 0, vsan, fabric
	atomic.StoreUint32(&w.used, 1)
}

// Clear frees the place.
func (w *Wish) Clear() { atomic.StoreUint32(&w.used, 0) }

// Is says whether the wish is for this flow.
func (w *Wish) Is(fabric uint8, vsan uint16, initiator, target uint64) bool {
	return w.Used() && w.Initiator == initiator && w.Target == target && w.VSAN == vsan && w.Fabric == fabric
}
