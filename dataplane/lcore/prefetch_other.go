//go:build !amd64

package lcore

import "fcredirect/dataplane/flow"

// prefetch reads the keys of the first n entries. The loads do not depend on each other, so a core that executes out
// of order overlaps their misses, if not as many as a prefetch would.
func prefetch(p *[64]*flow.Entry, n int) {
	var sum flow.Key
	for i := range n & 63 {
		sum += p[i].Key
	}
	prefetchSink = sum
}

var prefetchSink flow.Key
