//go:build !amd64

package flow

import "unsafe"

// seek does Home for keys first to end-1 and reads the keys there. The loads do not depend on each other, so a core that
// executes out of order overlaps their misses, if not as many as a prefetch would.
func seek(base unsafe.Pointer, seed, mask uint64, keys *[64]uint64, places *[64]Place, first, end uint64) {
	var sum Key
	for i := first; i < end; i++ {
		p := Place(hash(Key(keys[i&63]), seed) * uint64(EntryBytes) & mask)
		places[i&63] = p
		sum += at(base, p).Key
	}
	seekSink = sum
}

// probe does advance for keys first to end-1 and reads the keys there.
func probe(base unsafe.Pointer, mask uint64, keys *[64]uint64, places *[64]Place, first, end uint64) {
	var sum Key
	for i := first; i < end; i++ {
		p := advance(base, mask, places[i&63], Key(keys[i&63]))
		places[i&63] = p
		sum += at(base, p).Key
	}
	seekSink = sum
}

var seekSink Key
