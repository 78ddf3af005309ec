package settings

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// What the database says of its copy.
type head struct {
	revision uint64
	lineage  string
}

const mirrorTimeout = 30 * time.Second

// prepare sends a change to the database, up to but without its commit. A database that is not where the file is gets
// everything.
func (s *Store) prepare(ctx context.Context, next line) (pgx.Tx, error) {
	node, err := s.o.DB.NodeID(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := s.o.DB.Q().Begin(ctx)
	if err != nil {
		return nil, err
	}
	h, err := lockHead(ctx, tx, node)
	switch {
	case err != nil:
	case h.lineage == s.Lineage() && h.revision == next.Revision-1:
		err = put(ctx, tx, node, next.Records)
	case h.revision != 0 && (h.lineage != s.Lineage() || h.revision >= next.Revision):
		err = errors.New("it has other settings than the file; they are being compared")
		s.poke()
	default:
		all := newTable()
		for _, r := range s.List("") {
			all.put(r)
		}
		for _, r := range next.Records {
			all.put(r)
		}
		err = replace(ctx, tx, node, all.all(""))
	}
	if err == nil {
		err = s.putHead(ctx, tx, node, next.Revision)
	}
	if err != nil {
		return nil, errors.Join(err, tx.Rollback(context.WithoutCancel(ctx)))
	}
	return tx, nil
}

// mirror compares the database with the file and brings the one that is behind after the other.
func (s *Store) mirror(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, mirrorTimeout)
	defer cancel()
	node, err := s.o.DB.NodeID(ctx)
	if err != nil {
		return err
	}
	s.database.Lock()
	defer s.database.Unlock()
	tx, err := s.o.DB.Q().Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it does nothing
	h, err := lockHead(ctx, tx, node)
	if err != nil {
		return err
	}
	revision, records, asked := s.snapshot()
	ours := h.lineage == s.Lineage()
	switch {
	case ours && h.revision == revision:
	case h.revision > 0 && (!ours && !asked || ours && h.revision > revision):
		return s.adopt(ctx, tx, node, h)
	case revision == 0:
		return nil
	default:
		if !ours && h.revision > 0 {
			s.o.Log.Warn("settings: the database had those of another file; this node's file has replaced them", "revision", revision)
		}
		if err := s.push(ctx, tx, node, revision, records); err != nil {
			return err
		}
	}
	s.setMirrored(revision)
	return nil
}

// snapshot gives what may leave the machine, its revision, and whether somebody asked for any of it.
func (s *Store) snapshot() (revision uint64, records []Record, asked bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.revision, slices.DeleteFunc(s.table.all(""), Record.Local), s.asked
}

// push makes the database what the file is.
func (s *Store) push(ctx context.Context, tx pgx.Tx, node int32, revision uint64, records []Record) error {
	if err := replace(ctx, tx, node, records); err != nil {
		return err
	}
	if err := s.putHead(ctx, tx, node, revision); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func (s *Store) putHead(ctx context.Context, tx pgx.Tx, node int32, revision uint64) error {
	_, err := tx.Exec(ctx, `INSERT INTO setting_head (node_id, revision, lineage) VALUES ($1, $2, $3)
		ON CONFLICT (node_id) DO UPDATE SET revision = excluded.revision, lineage = excluded.lineage`, node, revision, s.Lineage())
	return err
}

// adopt makes the file what the database is; what may not leave the machine stays.
func (s *Store) adopt(ctx context.Context, tx pgx.Tx, node int32, h head) error {
	next := newTable()
	rows, err := tx.Query(ctx, `SELECT kind, name, version, body::text FROM setting WHERE node_id = $1`, node)
	if err != nil {
		return err
	}
	var r Record
	var body string
	if _, err := pgx.ForEachRow(rows, []any{&r.Kind, &r.Name, &r.Version, &body}, func() error {
		next.put(Record{Kind: r.Kind, Name: r.Name, Version: r.Version, Body: []byte(body)})
		return nil
	}); err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	old, oldRevision, oldLineage, oldAsked := s.table, s.revision, s.lineage, s.asked
	for _, r := range old.all("") {
		if r.Local() {
			next.put(r)
		}
	}
	s.table, s.revision, s.lineage, s.asked = next, max(h.revision, oldRevision), h.lineage, true
	if err := s.file.rewrite(s.lines()); err != nil {
		s.table, s.revision, s.lineage, s.asked = old, oldRevision, oldLineage, oldAsked
		return err
	}
	s.o.Log.Warn("settings were taken from the database, which has more than this node's file", "revision", h.revision, "the file had", oldRevision)
	s.mirrored = h.revision
	close(s.watch)
	s.watch = make(chan struct{})
	return nil
}

// lockHead reads where the database stands, and keeps others from moving it until the transaction ends.
func lockHead(ctx context.Context, tx pgx.Tx, node int32) (h head, err error) {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('fcr settings'), $1)`, node); err != nil {
		return h, err
	}
	err = tx.QueryRow(ctx, `SELECT revision, lineage FROM setting_head WHERE node_id = $1`, node).Scan(&h.revision, &h.lineage)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return h, err
}

// put writes records and removes those without a body.
func put(ctx context.Context, tx pgx.Tx, node int32, records []Record) error {
	batch := &pgx.Batch{}
	for _, r := range records {
		switch {
		case r.Local():
		case r.Body == nil:
			batch.Queue(`DELETE FROM setting WHERE node_id = $1 AND kind = $2 AND name = $3`, node, r.Kind, r.Name)
		default:
			batch.Queue(`INSERT INTO setting (node_id, kind, name, version, body) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (node_id, kind, name) DO UPDATE SET version = excluded.version, body = excluded.body`,
				node, r.Kind, r.Name, r.Version, string(r.Body))
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("settings: write to the database: %w", err)
	}
	return nil
}

// replace makes the table just these records.
func replace(ctx context.Context, tx pgx.Tx, node int32, records []Record) error {
	if _, err := tx.Exec(ctx, `DELETE FROM setting WHERE node_id = $1`, node); err != nil {
		return err
	}
	return put(ctx, tx, node, records)
}
