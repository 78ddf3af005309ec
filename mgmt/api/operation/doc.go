// Package operation is the part of the REST interface that is about running a node: roles, alarms, events, webhooks, jobs,
// backups, support bundles, peers, the system itself.
//
// Who may import it: mgmt/api alone. It imports mgmt/api/rest, and what does the work: mgmt/job, mgmt/backup, mgmt/bundle,
// mgmt/webhook, and role monitor and event over the bus.
//
// Ownership: handlers run in the goroutines of requests and keep nothing between them; Watch is one goroutine.
//
// Invariants: what another role answers is not believed to be well: an answer that cannot be read is an error, never an
// empty list. A feature that is not there is not shown as one.
//
// Limits: limits.go.
package operation
