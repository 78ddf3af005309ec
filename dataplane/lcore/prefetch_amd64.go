package lcore

import (
	"unsafe"

	"fcredirect/dataplane/flow"
)

// prefetch asks for the cache lines of places first to end-1, counted from base, without waiting for any.
//
//go:noescape
func prefetch(base unsafe.Pointer, p *[64]flow.Place, first, end int)
