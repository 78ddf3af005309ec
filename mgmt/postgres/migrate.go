package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"fcredirect/migrations"
)

// ErrNewerSchema is a database that a newer program has migrated.
var ErrNewerSchema = errors.New("the database's schema is newer than this program")

// Migrate brings the database to this program's schema. Several processes may call it at once: one migrates, the others
// wait for it. A database that is newer than this program is refused and not touched.
func Migrate(ctx context.Context, dsn string) error { return migrate(ctx, dsn, migrations.Files) }

func migrate(ctx context.Context, dsn string, files fs.FS) (err error) {
	pc, err := parse(dsn, "fcr-migrate")
	if err != nil {
		return err
	}
	cc := pc.ConnConfig
	cc.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		_, err := validate(ctx, conn)
		return err
	}
	// A migration may rewrite a large table.
	cc.RuntimeParams["statement_timeout"] = "0"
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, migrateLockWait))
	if err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	db := stdlib.OpenDB(*cc)
	defer func() {
		if e := db.Close(); e != nil && err == nil {
			err = fmt.Errorf("postgres: migrate: close: %w", e)
		}
	}()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	if err := refuseNewer(ctx, p); err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			return fmt.Errorf("postgres: migrate: %s: %w", partial.Failed.Source.Path, partial.Err)
		}
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	// A newer program may have migrated while we waited for the lock.
	return refuseNewer(ctx, p)
}

func refuseNewer(ctx context.Context, p *goose.Provider) error {
	is, ours, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("postgres: migrate: ask for the version: %w", err)
	}
	if is > ours {
		return fmt.Errorf("postgres: migrate: %w: it has version %d, this program knows %d: start the newer program, or restore the backup "+
			"from before its first start", ErrNewerSchema, is, ours)
	}
	return nil
}
