// Package stats keeps samples of flows and ports in PostgreSQL: their partitions, rollups and retention; and answers how
// much was counted where and when.
//
// Who may import it: mgmt/store (EnsurePartitions), mgmt/telemetry, mgmt/system, cmd/fcrctl. It imports mgmt/postgres
// and knows no role.
package stats
