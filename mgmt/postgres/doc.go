// Package postgres is the way to the only database: connections that find the primary and survive its loss, the
// migrations, a classification of what can go wrong, and the private cluster that is used when no DSN is configured.
//
// Who may import it: anything under mgmt, and cmd. It imports nothing of ours but migrations.
//
// DB is a bounded pool. It connects when it is used, so an absent server is no error when it is opened. Every new
// connection is asked whether it reaches a primary that takes writes, and which server and timeline that is; a standby
// is refused, and the next host of the DSN tried. A statement that fails because the server has become read-only empties
// the pool, so that the next one looks for the new primary.
//
// Cluster owns a postmaster: it makes the data folder, starts the server on a unix socket without TCP, adopts one that
// outlived us, watches it, and stops it. Whoever has started a Cluster holds the lock on its folder: a second one, in
// this or another process, is refused with ErrTaken. A Cluster's methods are for one goroutine, except Done, Err and DSN.
//
// Invariants: no error and no log line holds a password; what the DSN says is never shown. A data folder of another major
// version is never written to. Limits are in limits.go.
package postgres
