package bundle

import (
	"context"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
)

// Database is what PostgreSQL says of itself: figures, sizes, settings that are not the usual ones. Texts of statements and
// connection strings are not asked for.
func Database(db *postgres.DB) []Source {
	of := func(name, sql string) Source {
		return asJSON("database/"+name, func(ctx context.Context) (any, error) {
			rows, err := db.Q().Query(ctx, sql)
			if err != nil {
				return nil, err
			}
			return pgx.CollectRows(rows, pgx.RowToMap)
		})
	}
	return []Source{
		of("server.json", `SELECT version(), pg_postmaster_start_time() AS started, pg_is_in_recovery() AS standby, now() AS now,
			pg_database_size(current_database()) AS bytes`),
		of("settings.json", `SELECT name, setting, unit, source FROM pg_settings WHERE source NOT IN ('default', 'override')
			AND name !~ '(conninfo|password|passphrase|command|key|secret)'`),
		of("database.json", `SELECT datname, numbackends, xact_commit, xact_rollback, blks_read, blks_hit, tup_inserted, tup_updated, tup_deleted,
			conflicts, temp_bytes, deadlocks, stats_reset FROM pg_stat_database WHERE datname = current_database()`),
		of("tables.json", `SELECT relname, n_live_tup, n_dead_tup, n_tup_ins, n_tup_upd, n_tup_hot_upd, n_tup_del, last_autovacuum, last_autoanalyze,
			pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables ORDER BY bytes DESC LIMIT 500`),
		of("connections.json", `SELECT pid, application_name, state, wait_event_type, wait_event, backend_start, xact_start, state_change
			FROM pg_stat_activity WHERE datname = current_database()`),
	}
}
