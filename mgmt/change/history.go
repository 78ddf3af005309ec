package change

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Page is a part of the history, the newest first.
type Page struct {
	Revisions []Revision
	More      bool
	Complete  bool // false: the database does not answer, and older revisions may be missing
}

// History lists revisions below a number (0: from the newest on).
func (s *Service) History(ctx context.Context, below uint64, limit int) (Page, error) {
	local := s.revisions()
	slices.Reverse(local)
	page := Page{Complete: true}
	var older []Revision
	if s.o.DB != nil {
		var err error
		if older, err = s.archived(ctx, below, limit+1); err != nil {
			s.o.Log.Debug("change: the history is not readable", "error", err)
			page.Complete = false
		}
	}
	byNumber := map[uint64]Revision{}
	for _, r := range older {
		byNumber[r.Revision] = r
	}
	for _, r := range local { // what the file has is newer
		if below == 0 || r.Revision < below {
			byNumber[r.Revision] = r
		}
	}
	for _, r := range byNumber {
		page.Revisions = append(page.Revisions, r)
	}
	slices.SortFunc(page.Revisions, func(a, b Revision) int { return int(int64(b.Revision) - int64(a.Revision)) })
	if len(page.Revisions) > limit {
		page.Revisions, page.More = page.Revisions[:limit], true
	}
	return page, nil
}

const revisionColumns = `revision, document, base, author, note, ticket, applied, window_ms, outcome, settled, settler, why`

func scanRevision(row pgx.CollectableRow) (r Revision, err error) {
	var settled *time.Time
	var ms int64
	err = row.Scan(&r.Revision, &r.Document, &r.Base, &r.By, &r.Note, &r.Ticket, &r.Applied, &ms, &r.Outcome, &settled, &r.Settler, &r.Why)
	r.WindowS, r.Applied = float64(ms)/1e3, r.Applied.UTC()
	if settled != nil {
		r.Settled = settled.UTC()
	}
	return r, err
}

func (s *Service) archived(ctx context.Context, below uint64, limit int) ([]Revision, error) {
	node, err := s.o.DB.NodeID(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.o.DB.Q().Query(ctx, `SELECT `+revisionColumns+` FROM revision WHERE node_id = $1 AND ($2 = 0 OR revision < $2)
		ORDER BY revision DESC LIMIT $3`, node, int64(below), limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanRevision)
}

// Revision is one entry of the history.
func (s *Service) Revision(ctx context.Context, revision uint64) (Revision, error) {
	page, err := s.History(ctx, revision+1, 1)
	switch {
	case err != nil:
		return Revision{}, err
	case len(page.Revisions) == 1 && page.Revisions[0].Revision == revision:
		return page.Revisions[0], nil
	case !page.Complete:
		return Revision{}, problem.New(problem.DatabaseUnavailable, "Older revisions stand in the database.")
	}
	return Revision{}, problem.New(problem.NotFound, "There is no revision of this number.")
}

// Text is the document of a revision, as it was sent to the data plane.
func (s *Service) Text(ctx context.Context, revision uint64) ([]byte, error) {
	r, err := s.Revision(ctx, revision)
	if err != nil {
		return nil, err
	}
	if text, err := s.text(r.Document); err == nil || s.o.DB == nil {
		return text, err
	}
	node, err := s.o.DB.NodeID(ctx)
	if err != nil {
		return nil, problem.Wrap(problem.DatabaseUnavailable, err, "Older documents stand in the database.")
	}
	var body *string
	err = s.o.DB.Q().QueryRow(ctx, `SELECT body FROM revision WHERE node_id = $1 AND revision = $2`, node, int64(revision)).Scan(&body)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && body == nil:
		return nil, problem.New(problem.Gone, "The text of this revision is not kept.")
	case err != nil:
		return nil, problem.Wrap(problem.DatabaseUnavailable, err, "Older documents stand in the database.")
	}
	return []byte(*body), nil
}

// Restore makes a former revision the pending configuration. It refuses to replace what somebody edited.
func (s *Service) Restore(ctx context.Context, who string, revision uint64, dry bool) (*draft.Draft, error) {
	text, err := s.Text(ctx, revision)
	if err != nil {
		return nil, err
	}
	d, err := draft.Parse("revision", text)
	if err != nil {
		return nil, problem.Wrap(problem.Conflict, err, "This version cannot read the document of that revision.")
	}
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.give()
	h := s.peek()
	if err := cmp.Or(mayEdit(&h, who), s.lockedElsewhere(&h, who)); err != nil {
		return nil, err
	}
	if h.Pending != nil {
		return nil, problem.New(problem.Conflict, "Something is pending already: discard it first.")
	}
	out, err := s.put(ctx, who, d, d.YAML(), dry, nil)
	if err == nil && !dry {
		s.tell(ctx, event.ChangeRestored, event.Fields{"revision": revision, "by": who})
	}
	return out, err
}

// unarchived says whether the database may not have everything.
func (s *Service) unarchived() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dirty
}

// archive brings the history in the database after the file. What the database has and the file has not stays.
func (s *Service) archive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	node, err := s.o.DB.NodeID(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.dirty = false
	s.mu.Unlock()
	done, err := s.upload(ctx, node)
	if err == nil && len(done) > 0 {
		err = s.note(ctx, done)
	}
	if err != nil {
		s.mu.Lock()
		s.dirty = true
		s.mu.Unlock()
	}
	return err
}

// upload writes the revisions that the database does not have as they are. It gives those that the file need not keep.
func (s *Service) upload(ctx context.Context, node int32) (done []Revision, err error) {
	tx, err := s.o.DB.Q().Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it does nothing
	there, err := present(ctx, tx, node)
	if err != nil {
		return nil, err
	}
	for _, r := range s.revisions() {
		text, err := s.text(r.Document)
		if now, ok := there[r.Revision]; !ok || now.Document != r.Document || now.Outcome != r.Outcome || !now.Archived && err == nil {
			if err = insert(ctx, tx, node, &r, text); err != nil {
				return nil, err
			}
		}
		if !r.Archived && r.Outcome != string(Applying) && r.Outcome != string(Window) {
			done = append(done, r)
		}
	}
	return done, tx.Commit(ctx)
}

// present are the revisions of the last ones that the database has; Archived says that the text is there.
func present(ctx context.Context, tx pgx.Tx, node int32) (map[uint64]Revision, error) {
	rows, err := tx.Query(ctx, `SELECT revision, document, outcome, body IS NOT NULL FROM revision WHERE node_id = $1 ORDER BY revision DESC LIMIT $2`,
		node, 4*keptRevisions)
	if err != nil {
		return nil, err
	}
	there := map[uint64]Revision{}
	var r Revision
	_, err = pgx.ForEachRow(rows, []any{&r.Revision, &r.Document, &r.Outcome, &r.Archived}, func() error {
		there[r.Revision] = r
		return nil
	})
	return there, err
}

func insert(ctx context.Context, tx pgx.Tx, node int32, r *Revision, text []byte) error {
	var body *string
	if text != nil {
		t := string(text)
		body = &t
	}
	var settled *time.Time
	if !r.Settled.IsZero() {
		settled = &r.Settled
	}
	_, err := tx.Exec(ctx, `INSERT INTO revision (node_id, `+revisionColumns+`, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (node_id, revision) DO UPDATE SET document = excluded.document, outcome = excluded.outcome, settled = excluded.settled,
			settler = excluded.settler, why = excluded.why, body = CASE WHEN excluded.document = revision.document THEN coalesce(excluded.body, revision.body)
			ELSE excluded.body END`,
		node, int64(r.Revision), r.Document, int64(r.Base), r.By, r.Note, r.Ticket, r.Applied, int64(r.WindowS*1e3), r.Outcome, settled, r.Settler, r.Why, body)
	return err
}

// note writes down that the database has these revisions.
func (s *Service) note(ctx context.Context, done []Revision) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	return s.commit(ctx, true, func(tx *settings.Tx, _ *head) error {
		for _, r := range done {
			rec, ok := tx.Get(kindChange, revisionKey(r.Revision))
			if !ok {
				continue
			}
			if now, err := decodeRevision(rec.Body); err == nil && now.Outcome == r.Outcome {
				now.Archived = true
				putRevision(tx, &now)
			}
		}
		return nil
	})
}
