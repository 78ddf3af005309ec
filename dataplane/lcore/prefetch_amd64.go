package lcore

import "fcredirect/dataplane/flow"

// prefetch asks for the cache lines of the first n entries, without waiting for any.
//
//go:noescape
func prefetch(p *[64]*flow.Entry, n int)
