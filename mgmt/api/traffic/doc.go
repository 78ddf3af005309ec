// Package traffic is what the REST interface has of what goes through the appliance: ports, logins, lcores, rings, flows,
// samples and statistics, and the live stream.
//
// Who may import it: mgmt/api, which registers it. It imports mgmt/api/rest, mgmt/flowindex, mgmt/hub, mgmt/settings,
// mgmt/stats, and what reads the segment.
//
// Ownership: the handlers have no state but the index, the hub and the settings, which any goroutine may use. Run is one
// goroutine: it offers the flows that were created ahead to each data plane that starts (ahead.go).
//
// Invariants: counters are never reset. Clearing a port's counters keeps what they are now as a baseline, which counts for
// as long as the same run of the data plane counts. A flow that was created ahead is in the settings before the data plane
// hears of it, so no restart loses it.
//
// Limits: limits.go.
package traffic
