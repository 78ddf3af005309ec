package flow

import "unsafe"

// seek does Home for keys first to end-1 and asks for the cache lines without waiting for any. mask is in bytes.
//
//go:noescape
func seek(base unsafe.Pointer, seed, mask uint64, keys *[64]uint64, places *[64]Place, first, end uint64)

// probe does advance for keys first to end-1 and asks for the cache lines.
//
//go:noescape
func probe(base unsafe.Pointer, mask uint64, keys *[64]uint64, places *[64]Place, first, end uint64)
