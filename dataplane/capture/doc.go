// Package capture is how copies of frames reach whoever wants to look at them: a filter that the lcores ask (Spec, made
// into a Set), a ring of bytes per lcore that they copy into (Writer), and the reader of those rings (Reader).
//
// Who may import it: lcore and engine, which write, and mgmt, which reads. It imports shm, and command for the
// numbers of its operations.
//
// Ownership: one lcore writes a Lane and its bytes; the control goroutine writes the Page and publishes Sets, which are
// immutable while an lcore may hold them; one reader in another process writes the Lease and the cursors, in ctl. A
// Writer, and a Reader, belong to one goroutine.
//
// Invariants:
//   - The lcore never waits for a reader: a record that finds no room is counted and not made. A cursor that cannot be
//     right leaves no room.
//   - A record says at which place of its ring it stands, so that a reader that was overtaken, or looks at a ring that
//     was made anew, notices instead of guessing. The reader trusts no length that it finds.
//   - A record names the Set by which it was chosen. A slot that is used again is therefore never mixed up with the
//     capture that had it before.
//   - Captures end by themselves: at their limits, at the end of their time, and when the reader's lease runs out.
//
// Limits: see limits.go.
package capture
