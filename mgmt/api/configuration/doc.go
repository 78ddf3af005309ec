// Package configuration serves what decides about flows: aliases, sets, services and policies, and the change of them from
// pending to active. Everything is done by mgmt/change; here it gets its paths, its answers, and who may.
//
//	/api/v1/aliases, /sets, /services, /policies    the objects; writes edit the pending configuration
//	/api/v1/change, /api/v1/change/…                the state; validate, diff, dry run, apply, confirm, revert, history
//
// Reads answer from the pending configuration unless ?on=active is asked: what an ETag names is what a write is made on.
//
// Who may import it: mgmt/api. It imports mgmt/api/rest, mgmt/auth, mgmt/audit and mgmt/change.
//
// Ownership: nothing here has state.
//
// Invariants: a write that changes nothing is done, and leaves no edit. Whatever is refused changed nothing.
package configuration
