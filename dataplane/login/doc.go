// Package login is the table of who is logged in where, and the learner that fills it from the frames that pass: an
// Addr (fabric, virtual fabric, FC_ID) becomes a WWPN, a WWNN, a MAC address, a port and a role.
//
// Who may import it: the control goroutine of the data plane (Table, Learner), lcores (View), and any process that maps
// the segment (View). It imports dataplane/frame alone.
//
// Which goroutine owns what: one goroutine, the data plane's control goroutine, owns the Table and the Learner and is
// their only caller. Any number of goroutines and processes read through Views, without locks and without ever holding
// up the writer. Counters may be read by anybody.
//
// Invariants:
//   - A login stays in one slot from its first to its last moment. The slot's incarnation goes up with the next login.
//   - A reader never loops for ever, never sees half of a write, and never misses a login that was there all the time.
//   - Every write to a login is followed by a Change of its address, so whoever keeps a decision can drop it then.
//     LastSeen and ENodeSeen alone move without one.
//   - A full table refuses the next login and counts it; those that are there stay. No frame makes the table, the
//     requests that wait for an answer, or the indexes grow. In steady state no frame takes memory.
//   - A station cannot end or take over the login of another that is alive: see claim.go for the rules.
//   - The same frames at the same times make the same table.
//
// Limits: see limits.go. Where to find things: addr.go (Addr), slot.go (Login and its layout in the segment), view.go
// (reading), table.go (writing), adopt.go (warm start); learner.go is where frames come in, fip.go, els.go
// and ct.go read them, claim.go decides what is believed, expire.go has the timers and ends what has gone silent.
package login
