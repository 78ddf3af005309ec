// Package api is role api: the management surface that people and programs use. It puts together what the nouns need
// (assemble.go), listens on HTTPS and on a unix socket (listen.go), shows who it is (certificate.go), and describes itself
// (OpenAPI at /api/v1/openapi.json, a page without anything from elsewhere at /api/docs).
//
// Who may import it: mgmt/system, which runs it as a role, and tests. It imports the packages of the nouns below it and
// what these are made of.
//
// Ownership: Run owns everything that it makes, and gives it back before it returns: the settings' file, the sockets, the
// goroutines. What serves requests is made before the first one comes and is not changed then.
//
// Invariants: HTTP without TLS is spoken on the unix socket alone. The socket works when no address can be listened on, and
// everything works without a data plane and without a database as far as it does not need them. A listener's connections
// are bounded, and who waits is put out before who came last is refused.
//
// Limits: limits.go.
package api
