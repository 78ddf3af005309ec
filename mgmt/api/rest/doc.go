// Package rest is what all parts of the REST interface have in common: how an operation is declared, who may call it, how
// lists, entity tags, preconditions, dry runs and idempotency keys work, what an error looks like, and how much anybody may
// ask for. The packages of the nouns (mgmt/api/traffic, account, configuration, operation, capture) only say what is theirs:
//
//	rest.Register(a, rest.Operation{
//		ID: "get-alias", Method: "GET", Path: "/api/v1/aliases/{name}", Tag: "alias", Permission: "alias.read",
//		Summary: "One alias", Errors: []problem.Code{problem.NotFound},
//	}, func(ctx context.Context, in *aliasInput) (*rest.Item[Alias], error) { ... })
//
// A request goes through, in this order:
//
//  1. api.go: every request, whatever it asks for: request id, access log, recovery, headers, host.
//  2. route.go: that of an operation: deadline, who it is, origin, rate, permission, audit, body, idempotency key.
//  3. huma: parameters and body are checked against the types of Go; then the handler runs.
//  4. problem.go: an error becomes a problem of RFC 9457 with a code of mgmt/problem.
//
// Who may import it: mgmt/api and what is below it. It imports chi and huma, mgmt/auth, mgmt/audit and mgmt/problem.
//
// Ownership: operations are registered by one goroutine before the first request; afterwards nothing of it changes but
// the tables of rates and idempotency keys, which have their locks.
//
// Invariants: no operation without a permission, a tag and a summary; no write without an audit action. No answer and no
// line of the log holds a value that was rejected. Every answer that is not 2xx or 3xx is a problem.
//
// Limits: limits.go.
package rest
