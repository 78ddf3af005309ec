// Package audit writes down who did what: every write, and every attempt that was refused, is one event of the log of
// events, with who, by which door and from where, on what, before and after, and how it ended.
//
// Who may import it: mgmt/auth, what serves requests, and mgmt/system. It imports mgmt/event, where events are declared
// (1120 to 1135), and mgmt/problem.
//
// A request goes so:
//
//  1. Begin makes its Entry, which travels in the context.
//  2. mgmt/auth says who it is (Entry.By), or whom it claims to be.
//  3. Recorder.Ready, before a write: while it cannot be written down who does it, it is not done (audit_unavailable).
//     Only what makes things safer goes on: see Urgent.
//  4. handlers name the object and its states (Object, Before, After).
//  5. Recorder.Finish writes the event. A write's is durable in the event log's spool before Finish returns, for at most
//     flushTimeout; what is later stays queued, and step 3 refuses the writes that come next.
//
// Ownership: a Recorder and an Entry may be used by any goroutine; neither has one of its own, but for Log.Run, which
// writes summaries.
//
// Invariants: an event of the audit log is never changed or taken back by any operation: events have no such method.
// Fields tagged secret:"true" and members with a name like password never come into one, at any depth. What is refused
// costs a bounded number of events, whatever an attacker does: the rest is counted and told in a summary.
//
// Limits: limits.go.
package audit
