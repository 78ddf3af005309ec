package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Class says what an error of the database asks of its caller.
type Class int

const (
	// None is no error.
	None Class = iota
	// Unavailable: no server answers, or not to us: try again later. Whether a statement that was under way took effect
	// is not known.
	Unavailable
	// ReadOnly: the server takes no writes: a standby, or an old primary. Try again: the pool looks for the new primary.
	ReadOnly
	// DiskFull: the server has no room. Try again later; nothing was written.
	DiskFull
	// Cancelled: the statement was ended by a timeout, an administrator, a deadlock or the caller's own context. Try
	// again, perhaps with less at a time.
	Cancelled
	// NewerSchema: a newer program has migrated the database. Trying again does not help.
	NewerSchema
	// Other is an error in our SQL, or a schema that is not ours. Trying again does not help.
	Other
)

var classNames = [...]string{"none", "unavailable", "read_only", "disk_full", "cancelled", "newer_schema", "other"}

func (c Class) String() string { return classNames[c] }

// Retry says whether trying again can help.
func (c Class) Retry() bool {
	return c == Unavailable || c == ReadOnly || c == DiskFull || c == Cancelled
}

// Kind classifies an error of this package, of pgx or of a server. SQLSTATEs: PostgreSQL's manual, appendix A.
func Kind(err error) Class {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil:
		return None
	case errors.Is(err, ErrNewerSchema):
		return NewerSchema
	case errors.Is(err, errReadOnly), errors.Is(err, errOld):
		return ReadOnly
	case errors.Is(err, syscall.ENOSPC):
		return DiskFull
	case errors.As(err, &connect):
		// Whatever keeps us from connecting, a wrong password too: somebody can mend it while we wait.
		return Unavailable
	case errors.As(err, &pg):
		return kindOfState(pg.Code)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Cancelled
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, pgconn.ErrConnClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		pgconn.SafeToRetry(err):
		return Unavailable
	}
	return Other
}

func kindOfState(code string) Class {
	switch code {
	case "25006": // read_only_sql_transaction
		return ReadOnly
	case "53100": // disk_full
		return DiskFull
	case "57014", "55P03", "40001", "40P01": // query_canceled, lock_not_available, serialization_failure, deadlock_detected
		return Cancelled
	case "25P03": // idle_in_transaction_session_timeout: the session is gone
		return Unavailable
	case "3D000": // invalid_catalog_name: the database is not there (yet)
		return Unavailable
	}
	// 08 connection, 28 authorization, 53 resources, 57P shutdown and start
	for _, class := range []string{"08", "28", "53", "57P"} {
		if strings.HasPrefix(code, class) {
			return Unavailable
		}
	}
	return Other
}
