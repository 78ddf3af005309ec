// Package backup keeps a node's settings in files: it makes them, checks them, and brings back what is in them.
//
// Who may import it: mgmt/api and what is below it.
//
// A backup is a tar archive, compressed with zstd: manifest.json first, which has the size and the SHA-256 of all others.
//
//	settings.jsonl   every record of mgmt/settings that may leave the machine (none of kind local.*), one a line
//	active.yaml      the policy document that was in force; pending.yaml the edited one, if there was one
//	history.jsonl    former revisions with their text, the newest first, as far as there is room
//	roles.json       how the daemon was configured, without secrets, for reading
//
// Passwords and tokens are in it as the hashes that are kept of them; secrets of webhooks, sessions and keys are not. It
// is not encrypted: see README.md.
//
// A restore never puts anything in force: the document arrives as the pending configuration, and goes the way of every
// other change. Accounts and webhooks come back only when asked for, and only those that are not there.
//
// Ownership: a Keeper may be used by any goroutine; its folder is its own.
//
// Invariants: an archive is read in memory, under bounds, and its names are compared with the few that there are: nothing
// that stands in it becomes a path. Nothing is restored of an archive that is not whole. What was made is on the disk
// before its job is done, and a file that was not finished is removed at the next start.
//
// Limits: limits.go.
package backup
