// Package job runs the long work that admins ask for (a backup, a restore, a support bundle) outside the request that asked:
// the answer is 202 with the job's place, and whoever wants to know looks there.
//
// Who may import it: mgmt/api and what offers such work.
//
// A job is queued, then running, then done, failed or cancelled. One that was queued or running when its process ended is
// interrupted: it is not begun again, since nobody may be there any more who wants it.
//
// Ownership: a Manager serves any goroutine. Run owns the workers; each runs one job at a time. A Progress belongs to the
// work that it was given to, and to the goroutines that this makes.
//
// Invariants, which a property test holds: a state that ends a job is never left. Of one kind one job runs at a time, in the
// order in which they were asked for. An ended job is kept for KeepLeast at least. What ended is in the file before Wait
// says so, as far as the disk takes it.
//
// Limits: limits.go.
package job
