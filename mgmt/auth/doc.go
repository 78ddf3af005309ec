// Package auth says who makes a request and what they may do: accounts, sessions, API tokens, roles, permissions, and the
// waits after failed attempts.
//
// Who may import it: what serves requests, mgmt/api and below; mgmt/system makes the one Service of a node.
//
// A request comes by one of three doors: a cookie of a session (web), a bearer token (token), or the unix socket, where
// the kernel says who is at the other end (socket): root and the daemon's own user are an admin there, always, so that
// nobody is locked out for good. Authenticate reads the account anew for each request, so a changed role, a disabled
// account or a revoked token counts from the next request on, and Recheck does the same for long streams.
//
// Ownership: a Service may be used by any goroutine. Run writes what changes often (last uses) once a minute.
//
// Invariants: no secret is stored: passwords as argon2id, secrets of sessions and tokens (256 random bits) as SHA-256. No
// error, log line or event holds one. Nothing tells whether an account exists: an unknown name costs as much time, and
// waits as long, as a known one. There is always an account that can administer, once there was one.
//
// Without a database sign-in, sessions and tokens work; accounts are not edited (database_unavailable).
//
// Clocks: how long a session lives is measured by the monotonic clock, so setting the wall clock changes nothing. Over a
// restart only the wall clock remains: a session that then comes from the future has ended. The time of day for tokens
// does not go back while the process runs (clock.go).
//
// Limits: limits.go.
package auth
