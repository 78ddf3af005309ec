// Package metrics shows the node to Prometheus: what stands in the segment at the moment of a scrape, what the roles
// answer to a question over the bus, and what the API counts of its own requests.
//
// Who may import it: mgmt/api, which makes the one Metrics of a node and serves it at /metrics. It imports neither the
// roles nor mgmt/api: roles are met on the bus.
//
// A scrape, in this order (collect.go):
//
//  1. the questions to the roles and to the database leave, all at once
//  2. the pages of the segment are read: ports, lcores, services, rings, the change of policy
//  3. the registry and what this process knows itself
//  4. the answers that have come by the deadline are told; who has not answered is told as such
//
// Ownership: the collector has one scrape at a time, under its mutex; it alone keeps when heartbeats were last seen to
// move. Counters of requests are Prometheus' own and may be used by any goroutine.
//
// Invariants: every metric is declared in this package, with the prefix fcr_, base units and a HELP text; a golden file
// has them all. Labels are bounded by the boot file, the roles file, the API's routes or a catalogue: never a WWPN, a flow,
// a user. Whatever is away takes only its own metrics along; the fcr_*_up gauges are always there. A scrape reads no flow
// table, so that it costs the same at a million flows as at none.
//
// Limits: limits.go.
package metrics
