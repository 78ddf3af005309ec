// Package command is how other processes tell the data plane what to do, and how it answers: requests to the control
// goroutine, their replies, and the state of the change of configuration.
//
// Three regions: "commands" in `ctl` (slots of requests, which any process that may write there can fill), "replies" in
// `state` (one for each slot) and "change" in `state` (which revision is active, until when, and which is confirmed). A
// policy document does not go through a slot: it is a file, named by its SHA-256, in a folder that "change" names.
//
//	client   claims a slot (compare-and-swap), writes the request, posts it, waits for the reply of its number, frees the slot
//	server   looks at the slots once per period, copies a posted request out, checks it, hands it to the handler of its
//	         operation, and writes the reply at once or later
//
// Who may import it: engine and revision as the server; mgmt and cmd as clients.
//
// Ownership: a Server belongs to the control goroutine, and allocates nothing after it is made. A Client may be used by
// many goroutines; each request has a slot of its own.
//
// Invariants: what stands in a slot is only read by copying it first, and only believed when its sum is right. No client,
// dead or hostile, makes the server wait: a slot that is held without a request, or not given back after its reply, is
// taken back after a time. A request is handled at most once; requests of before a restart of the data plane are never
// handled. Whoever got no answer looks at the Status.
package command
