package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

// operations are the four slow operations as the papers had them: for one update each.
type operations struct {
	peer, monitoring *client
	storage          *storage
	audit            *audit
}

func openOperations(ctx context.Context, l *lab) (o *operations, err error) {
	o = &operations{}
	if o.peer, err = dial("tcp", l.peer.address, false); err != nil {
		return nil, err
	}
	if o.monitoring, err = dial("unix", l.monitoring.address, false); err == nil {
		o.storage, err = openStorage(ctx, l.dsn)
	}
	if err == nil {
		o.audit, err = openAudit(l.auditFile())
	}
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

func (o *operations) close() (err error) {
	if o.audit != nil {
		err = o.audit.close()
	}
	if o.storage != nil {
		err = errors.Join(err, o.storage.close())
	}
	for _, c := range []*client{o.peer, o.monitoring} {
		if c != nil {
			err = errors.Join(err, c.close())
		}
	}
	return err
}

// storage writes one row in one transaction. The table has the columns and the fill factor of table flow.
type storage struct {
	conn *pgx.Conn
	done atomic.Uint64
}

const storageTable = `CREATE TABLE IF NOT EXISTS bench_flow (
	node_id int, epoch bigint, serial bigint, key bigint, initiator bigint, target bigint, from_initiator bool, in_port smallint,
	action smallint, rule int, service smallint, generation int, created bigint, last_seen bigint, frames bigint, bytes bigint, errors int,
	PRIMARY KEY (node_id, epoch, serial)) WITH (fillfactor = 50)`

const storageUpsert = `INSERT INTO bench_flow VALUES (1, 1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
	ON CONFLICT (node_id, epoch, serial) DO UPDATE SET action = excluded.action, rule = excluded.rule, service = excluded.service,
		generation = excluded.generation, last_seen = excluded.last_seen, frames = excluded.frames, bytes = excluded.bytes, errors = excluded.errors
	WHERE bench_flow.frames < excluded.frames`

func openStorage(ctx context.Context, dsn string) (*storage, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("bench: storage: %w", err)
	}
	s := &storage{conn: conn}
	if _, err := conn.Exec(ctx, storageTable); err != nil {
		return nil, errors.Join(fmt.Errorf("bench: storage: %w", err), s.close())
	}
	return s, nil
}

func (s *storage) write(ctx context.Context, u *update) error {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	_, err := s.conn.Exec(ctx, storageUpsert, int64(u.Serial), int64(u.Key), int64(u.Initiator), int64(u.Target), u.Orient == 1, int16(u.InPort),
		int16(u.Action), u.Rule, u.Service, int32(u.Generation), int64(u.Created), int64(u.LastSeen), int64(u.Frames), int64(u.Bytes), int32(u.Errors))
	if err != nil {
		return fmt.Errorf("bench: storage: %w", err)
	}
	s.done.Add(1)
	return nil
}

func (s *storage) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	return s.conn.Close(ctx)
}

// audit appends a line for each update and makes it durable before it returns.
type audit struct {
	file  *os.File
	buf   []byte
	syncs atomic.Uint64
	lines atomic.Uint64
}

func openAudit(path string) (*audit, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("bench: audit: %w", err)
	}
	return &audit{file: f}, nil
}

func (a *audit) write(updates []update) error {
	a.buf = a.buf[:0]
	for i := range updates {
		u := &updates[i]
		a.buf = append(strconv.AppendUint(append(a.buf, "flow "...), u.Serial, 10), " key "...)
		a.buf = append(strconv.AppendUint(a.buf, u.Key, 16), " frames "...)
		a.buf = append(strconv.AppendUint(a.buf, u.Frames, 10), " bytes "...)
		a.buf = append(strconv.AppendUint(a.buf, u.Bytes, 10), " action "...)
		a.buf = append(strconv.AppendUint(a.buf, uint64(u.Action), 10), '\n')
	}
	if _, err := a.file.Write(a.buf); err != nil {
		return fmt.Errorf("bench: audit: %w", err)
	}
	if err := unix.Fdatasync(int(a.file.Fd())); err != nil {
		return fmt.Errorf("bench: audit: %w", err)
	}
	a.syncs.Add(1)
	a.lines.Add(uint64(len(updates)))
	return nil
}

func (a *audit) close() error { return a.file.Close() }
