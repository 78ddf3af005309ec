// Package client talks to the management surface of an appliance: over its unix socket on the same machine, or over HTTPS.
//
// Who may import it: cmd/fcrctl and tests. It imports nothing of ours: what can be asked is said by
// mgmt/api/openapi, what can be wrong by mgmt/problem.
//
//	contexts.go   which appliance, as whom: the file of contexts
//	client.go     one request and its answer
//	list.go       all pages of a list
//
// Ownership: a Client may be used by any goroutine.
//
// Invariants: a token goes to the server that it is for and nowhere else: redirects are not followed, and TLS is verified
// against the system's roots, a given root, or the fingerprint of the certificate. No error holds a token or a password.
//
// Limits: limits.go.
package client
