// Package flowindex lists the flows of a segment, filtered and sorted, also when there are a million of them.
//
// The tables in the segment are made for lcores: open addressing, a direction an entry, no order. A question about all of
// them at once (the first hundred by rate whose initiator is a member of this set) needs them side by side. So while
// somebody asks, one goroutine copies what lists need, once a second, into an image in columns:
//
//  1. scan.go: all infos of all shards in the order of memory, each with its entry; both directions of a flow go into one row.
//     A flow keeps its row while it lives. Rates come from the image before.
//  2. index.go: the new image replaces the old one, whose memory is the next one's. When nobody has asked for a minute, all of
//     it is given back.
//  3. query.go: a question goes through the columns chunk by chunk: filter (filter.go), count, and keep the first so many in
//     order (order.go, select.go). There is no sorted copy: the count needs a pass over all rows anyway.
//  4. flow.go: only the flows of a page get names.
//
// Get looks into the segment itself, without an image.
//
// Who may import it: mgmt/api/traffic, mgmt/hub's assembly, and whoever shows flows. It reads the segment and writes nothing.
//
// Ownership: an Index may be asked by any goroutine. Its Run is one goroutine, which alone writes images; an image that
// was published does not change, and is not reused while a question reads it.
//
// Invariants: a flow is in an image at most once. A page is in the order that was asked for, by the values that it shows. A
// flow that is there all the time, and whose value does not change, is met exactly once by whoever follows the cursors. Rows
// do not move, so an export (Each) meets each flow that is there all the time exactly once, whatever its values do.
//
// Limits: limits.go.
package flowindex
