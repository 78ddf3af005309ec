// Package alarm says what is wrong, in words that an admin can act on. Each problem that users see is declared once, in the
// catalogue, with a stable code; a Book turns what checks find, look by look, into alarms that are raised and cleared.
//
// From a condition to an alarm:
//
//  1. Set and Unset say whether a condition holds now, Happened that something has happened. They decide nothing.
//  2. Tick decides, causes before consequences. A condition must hold for the entry's Raise before it shows, and be gone for
//     its Clear before it is cleared, so that a passing trouble is no alarm and a recovery is believed only when it lasts.
//  3. While what an entry depends on holds or shows, it is suppressed: a dead database is one alarm, not ten.
//  4. What was raised FlapRaises times within FlapWindow flaps: it stays raised for FlapWindow.
//  5. Admins acknowledge an alarm, which ends with it, and mute codes or subjects for a time: muted ones are listed, but whoever
//     tells others is told to be silent. What outlasts its mute is told then (Change.Heard).
//
// Who may import it: anything under mgmt, and cmd. It imports nothing of ours, reads no clock and starts no goroutine.
//
// Ownership: a Book belongs to one goroutine. List gives values that may be handed on.
//
// Invariants, which a property test holds: raised and cleared alternate for each alarm; no alarm is raised more often than
// FlapRaises times in any FlapWindow; the catalogue's dependencies have no circle. Memory is bounded by MaxAlarms.
package alarm
