// Package capture is the captures of the REST interface: start, look, stop, remove, download.
//
// Who may import it: mgmt/api alone. It imports mgmt/capture, which does the work, and mgmt/api/rest.
//
// Ownership: the manager belongs to mgmt/api, which runs it.
//
// Invariants: a download never holds up a capture, and a client that does not read is given up.
//
// Limits: limits.go.
package capture
