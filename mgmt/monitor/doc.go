// Package monitor is the role that watches a node: it looks at the data plane, its ports and services, the rings, the other roles, the
// database, the spool of events and the memory of the management processes, keeps the alarms (mgmt/alarm), and acts on roles
// that are ill.
//
// Who may import it: mgmt/system. It knows nothing of how roles are run; Options says which there are and what to do.
//
// What runs:
//
//	checks    one goroutine each: looks every interval, with a timeout. A look that hangs delays only its own next one.
//	keeper    one goroutine, that of Run: takes the reports of the checks, keeps the Book, decides on actions. It never
//	          waits for anything but reports and time.
//	scribe    one goroutine: appends raised and cleared alarms to the event log, and saves the Book. It may wait.
//
// Admins acknowledge and mute alarms, and other roles report problems that they find, over the bus (request.go); the keeper
// does it between reports. What another role reports holds for a lease, for the role may have died.
//
// A report says all that there is to say about some codes at one moment: whatever it does not name does not hold.
// Of what cannot be known at that moment it says so, and the alarm stays as it is: links after a start of the data plane, which
// may train for linkGrace (10 s), and all links while no data plane runs.
//
// Invariants: an action is taken only for an illness that nothing else explains, and, for roles that write to the database,
// only when a look at the database that began after the role fell ill found it well; so a dead database restarts nothing.
// Actions on a role come with growing pauses. Heartbeats are judged by whether they move, against our own monotonic clock, so
// that a stepped wall clock raises nothing. Alarms outlive a restart of the role in a file of its folder.
//
// Limits: limits.go.
package monitor
