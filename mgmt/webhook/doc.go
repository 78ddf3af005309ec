// Package webhook tells other systems of events: an alarm is raised, a role has failed. Each event that a hook wants is
// posted as JSON, signed, in the order of the log, and tried again until it is taken or too old.
//
// Who may import it: mgmt/api and what is below it.
//
//	hook.go     what a hook is; its filter
//	manage.go   what admins do: put, delete, a new secret, a test
//	guard.go    which addresses may be called
//	post.go     one attempt: sign, post, judge the answer
//	queue.go    one hook's queue and its worker: order, retries, giving up
//	service.go  reads the log of events, deals them to the hooks, remembers how far each is
//
// Ownership: Run owns the reader of the log and one worker for each hook that is enabled. Everything else may be called by
// any goroutine.
//
// Invariants: events of one hook are posted one after the other, in the order of their numbers; one that was taken may come
// again after a crash, with the same id. A receiver that hangs or fails holds up nobody but itself, and costs memory bounded
// by MaxQueued. What was dropped is counted, and the receiver is told how many it missed. No redirect is followed. A secret
// is given out once, when it is made, and stands in no log, answer, event or backup.
//
// Limits: limits.go.
package webhook
