// Package change is change control: the pending, the active and former configurations, who may edit, and the way from
// one to the other and back.
//
//	edit    → pending     under a lock with an owner; kept as a base and an ordered list of edits
//	apply   → applying    the document goes to the data plane, which compiles it and decides by it
//	        → window      it runs, and the data plane takes it back by itself at the deadline
//	confirm → idle        it is what a reboot finds; the pending configuration is empty again
//	revert, the deadline, a crash → idle with the configuration of before; what was pending is still there
//
// The data plane is the truth about what runs: its status says which document is active, until when, and what came of the
// one before. What is kept here is only brought after it (settle.go), at start, after each command and all the time; so it
// does not matter at which instruction this process, the other one or the database died. What runs there and was never
// seen here becomes a revision by "the data plane"; what runs instead of what was confirmed is shown as drift, with an
// event, until somebody applies the confirmed one again or accepts what runs.
//
// Who may import it: mgmt/api and below, mgmt/hub, mgmt/backup. It imports mgmt/settings (where everything is kept),
// mgmt/event, dataplane/command and dataplane/policy.
//
// Ownership: a Service may be used by any goroutine. Whatever changes something takes turns (op); what is read is behind
// mu, and documents are drafts, which never change. Run is one goroutine.
//
// Invariants: an acknowledged edit is never lost but by discard or confirm. A document is sent to the data plane only when
// it is on our disk. Confirm and revert need no database. Revisions only go up, and each document that ever ran has one.
//
// Limits: limits.go.
package change
