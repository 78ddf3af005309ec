package stats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
)

// table is one of the partitioned tables.
type table struct {
	name  string
	width time.Duration // of a partition
}

var (
	flowSeconds  = table{"flow_sample_1s", Seconds}
	flowMinutes  = table{"flow_sample_1m", Minutes}
	flowHours    = table{"flow_sample_1h", Hours}
	groupMinutes = table{"group_sample_1m", Minutes}
	groupHours   = table{"group_sample_1h", Hours}
	portSeconds  = table{"port_sample_1s", Seconds}
	portMinutes  = table{"port_sample_1m", Minutes}
	portHours    = table{"port_sample_1h", Hours}
)

var tables = []table{flowSeconds, flowMinutes, flowHours, groupMinutes, groupHours, portSeconds, portMinutes, portHours}

func tableNames() (names []string) {
	for _, t := range tables {
		names = append(names, t.name)
	}
	return names
}

// rest is the partition for what has no other.
func (t table) rest() string { return t.name + "_else" }

// partition is a range of a table: [from, to).
type partition struct {
	table    table
	from, to time.Time
}

// at is the partition that a time belongs to. Times are cut from the zero of Unix time, as the rollups' are.
func (t table) at(when time.Time) partition {
	from := floor(when, t.width)
	return partition{t, from, from.Add(t.width)}
}

// floor cuts a time down to a multiple of width since 1970, also before it.
func floor(when time.Time, width time.Duration) time.Time {
	us, w := when.UnixMicro(), width.Microseconds()
	at := us / w * w
	if at > us {
		at -= w
	}
	return time.UnixMicro(at).UTC()
}

const partitionStamp = "20060102_1504"

func (p partition) name() string { return p.table.name + "_" + p.from.Format(partitionStamp) }

// A time whose year has not four digits gets no partition: its name could not be read back.
func (p partition) nameable() bool { return p.from.Year() >= 1 && p.to.Year() <= 9999 }

// ensureLock is the advisory lock of those who make or drop partitions.
const ensureLock = 0x66_63_72_73_61_6d_70 // "fcrsamp"

// EnsurePartitions makes the partitions of all sample tables for samples of the time at, and those after them. Call it
// when at enters another multiple of Seconds since 1970, and outside of a transaction that has written samples.
//
// It is cheap when there is nothing to do. An error does not stand in the way of a COPY: samples that find no partition
// lie in the one for all else, and are moved when theirs is made.
//
// It also notices samples that were restored into another cluster, and makes the numbers of transactions go on (settle):
// so call it before the first COPY.
func EnsurePartitions(ctx context.Context, q postgres.Querier, at time.Time) error {
	yes, err := restored(ctx, q)
	if err == nil && yes {
		err = settle(ctx, q)
	}
	return errors.Join(err, ensure(ctx, q, tables, at, 1))
}

// ensure makes the partitions for a time, and so many after it.
func ensure(ctx context.Context, q postgres.Querier, of []table, at time.Time, ahead int) error {
	var want []partition
	var names []string
	for _, t := range of {
		p := t.at(at)
		for range ahead + 1 {
			if p.nameable() {
				want, names = append(want, p), append(names, p.name())
			}
			p = t.at(p.to)
		}
	}
	missing, err := absent(ctx, q, names)
	if err != nil || len(missing) == 0 {
		return err
	}
	for i, p := range want {
		if missing[names[i]] {
			if err := create(ctx, q, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// absent says which of the tables are not there.
func absent(ctx context.Context, q postgres.Querier, names []string) (map[string]bool, error) {
	rows, err := q.Query(ctx, "SELECT n FROM unnest($1::text[]) n WHERE to_regclass(n) IS NULL", names)
	if err != nil {
		return nil, fmt.Errorf("stats: list partitions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("stats: list partitions: %w", err)
	}
	missing := map[string]bool{}
	for _, n := range list {
		missing[n] = true
	}
	return missing, nil
}

// create makes one partition. It is made beside the table and attached, which keeps readers of other partitions not out,
// and takes along what lies in the one for all else.
func create(ctx context.Context, q postgres.Querier, p partition) (err error) {
	tx, err := q.Begin(ctx)
	if err != nil {
		return fmt.Errorf("stats: make partition %s: %w", p.name(), err)
	}
	defer func() {
		if e := tx.Rollback(ctx); err == nil && e != nil && !errors.Is(e, pgx.ErrTxClosed) {
			err = e
		}
		if err != nil {
			err = fmt.Errorf("stats: make partition %s: %w", p.name(), err)
		}
	}()
	if err := lockPartitions(ctx, tx, ensureLockWait); err != nil {
		return err
	}
	var there bool
	var count int
	err = tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL, (SELECT count(*) FROM pg_inherits WHERE inhparent = $2::regclass)",
		p.name(), p.table.name).Scan(&there, &count)
	if err != nil || there || count > maxPartitions {
		return err
	}
	options := ""
	if p.table.width == Seconds {
		// It lives for hours: freezing its rows would be work for nothing.
		options = " WITH (autovacuum_vacuum_insert_threshold = -1)"
	}
	name, from, to := p.name(), p.from.Format(time.RFC3339), p.to.Format(time.RFC3339)
	for _, sql := range []string{
		// Writers wait, and those who have begun are waited for: one that was on its way to the partition for all else
		// would be refused there. Readers go on.
		fmt.Sprintf("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", p.table.name),
		fmt.Sprintf("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", p.table.rest()),
		fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS)%s", name, p.table.name, options),
		fmt.Sprintf("WITH moved AS (DELETE FROM %s WHERE at >= '%s' AND at < '%s' RETURNING *) INSERT INTO %s SELECT * FROM moved",
			p.table.rest(), from, to, name),
		fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')", p.table.name, name, from, to),
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// lockPartitions keeps others from making or dropping partitions until the transaction ends, and bounds each wait for a
// lock in it.
func lockPartitions(ctx context.Context, tx pgx.Tx, wait time.Duration) error {
	if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", wait.Milliseconds())); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(ensureLock))
	return err
}
