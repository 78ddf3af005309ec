package lcore

import "fcredirect/dataplane/flow"

// prefetch asks for the cache lines of entries first to end-1, without waiting for any.
//
//go:noescape
func prefetch(p *[64]*flow.Entry, first, end int)
