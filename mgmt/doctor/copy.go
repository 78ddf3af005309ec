package doctor

import "unsafe"

// copyWords copies memory that somebody writes into memory that is aligned as words are. It races with the writer by
// design; what it tears is found, and not at the next look.
//
//go:norace
func copyWords(words []uint64, from []byte) []byte {
	to := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))[:len(from)]
	copy(to, from)
	return to
}
