// Package account has the nouns about people: user, session, token, me, set-up, permission, and the audit log.
//
// Who may import it: mgmt/api, which gives it what it needs (Deps). It imports mgmt/api/rest, mgmt/auth and mgmt/audit.
//
// Ownership: it has no goroutine and no state; mgmt/auth has.
//
// Invariants: no answer holds a password or a hash. The secret of a session is in its cookie alone, that of a token in the
// answer that made it. Who may not see other people's sessions and tokens learns nothing about them, not even that they
// are there. The audit log has two operations, and both read.
package account
