// Package stats keeps samples of flows and ports in PostgreSQL: their partitions, rollups and retention; and answers how
// much was counted where and when.
//
// Who may import it: mgmt/store and mgmt/telemetry, which write samples; mgmt/system; cmd/fcrctl for the form of
// questions and answers. It imports mgmt/postgres, and knows no role and no segment.
//
// Ownership: a Keeper is run by one goroutine, and several Keepers, of several nodes or by mistake of one, do no harm to
// each other. A Service may be asked by any goroutine. EnsurePartitions may be called by anybody at any time, but not in a
// transaction that has written samples.
//
// Invariants, in every state of the database that anybody can see:
//
//   - The rows of a level that are in the next one, by the mark in sample_level, add up to the rows there, as far as
//     neither was dropped. So an answer is the sum of the coarsest level and of what the finer ones have beyond it.
//   - Nothing is dropped that is not in the next level.
//   - A range of time that an answer names holds all samples that were ever written there.
//
// Limits: limits.go says what samples cost, how many there may be, and how much one may ask for.
package stats
