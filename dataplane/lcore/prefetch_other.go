//go:build !amd64

package lcore

import (
	"unsafe"

	"fcredirect/dataplane/flow"
)

// prefetch reads the keys at places first to end-1. The loads do not depend on each other, so a core that executes out
// of order overlaps their misses, if not as many as a prefetch would.
func prefetch(base unsafe.Pointer, p *[64]flow.Place, first, end int) {
	var sum flow.Key
	for i := first; i < end; i++ {
		sum += (*flow.Entry)(unsafe.Add(base, p[i&63])).Key
	}
	prefetchSink = sum
}

var prefetchSink flow.Key
