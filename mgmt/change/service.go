package change

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Settings is where everything is kept: a *settings.Store.
type Settings interface {
	Get(kind, name string) (settings.Record, bool)
	List(kind string) []settings.Record
	Update(ctx context.Context, change func(*settings.Tx) error) error
	UpdateLocal(ctx context.Context, change func(*settings.Tx) error) error
}

// Options of a Service.
type Options struct {
	Settings Settings
	Plane    Plane
	// Elsewhere says who edits on another node, whose configuration is the same; nil: there is none.
	Elsewhere func() (owner, node string, since time.Time)
	Traffic   Traffic      // nil: no dry runs and no hits
	DB        *postgres.DB // of the history; nil: there is none
	Events    event.Appender
	Log       *slog.Logger
	Now       func() time.Time // nil: the clock
}

func (o *Options) until(deadline time.Time) time.Duration { return deadline.Sub(o.Now()) }

// Service is change control.
type Service struct {
	o        Options
	turn     chan struct{} // of whatever changes something: capacity 1
	compiled compiledDrafts
	dryRuns  dryRuns
	hits     hits
	edits    int // maxEdits, but in tests

	mu        sync.Mutex
	head      head
	version   uint64 // of the head's record
	active    *draft.Draft
	pending   *draft.Draft // nil: nothing is pending
	blind     bool         // the text of what runs is not known
	foreign   string       // the document that runs, if its text is not as we would write it
	status    command.Status
	statusErr error
	applying  time.Time // since when this process sees an application whose end it has not seen
	dirty     bool      // the database may not have all revisions
	watchers  map[chan State]bool
}

// New reads what is kept. It needs neither the database nor the data plane.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Events == nil {
		o.Events = event.Nowhere{}
	}
	s := &Service{o: o, turn: make(chan struct{}, 1), edits: maxEdits, watchers: map[chan State]bool{}, statusErr: errors.New("not looked at yet")}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, s.load()
}

// Run brings what is kept after the data plane and the database, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var last, watched time.Time
	for tick := time.NewTicker(settlePeriod); ; {
		if err := s.Settle(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.Debug("change: not settled", "error", err)
		}
		if now := s.o.Now(); now.Sub(last) >= archivePeriod || s.unarchived() && now.Sub(last) >= time.Second {
			if last = now; s.o.DB != nil {
				if err := s.archive(ctx); err != nil && ctx.Err() == nil {
					s.o.Log.Debug("change: the history is not in the database yet", "error", err)
				}
			}
		}
		if now := s.o.Now(); now.Sub(watched) >= watchPeriod {
			watched = now
			_, _ = s.Hits(ctx) // remembers who was hit; without a segment nobody is
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// take takes the turn to change something.
func (s *Service) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return s.fresh()
	case <-ctx.Done():
		return problem.Wrap(problem.Busy, ctx.Err(), "Another change is being made.")
	}
}

func (s *Service) give() { <-s.turn }

// fresh reads everything again if somebody else wrote it: a new machine gets its settings from the database.
func (s *Service) fresh() error {
	if !s.stale() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		<-s.turn
		return err
	}
	s.publish()
	return nil
}

// foreign is a document if its text is not what we would write.
func foreign(d *draft.Draft, document string) string {
	if hashOf(d.YAML()) == document {
		return ""
	}
	return document
}

func (s *Service) stale() bool {
	r, _ := s.o.Settings.Get(kindChange, headName)
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.Version != s.version
}

// load reads everything. It is for who holds mu.
func (s *Service) load() error {
	h := head{Next: 1, Running: Ref{Document: emptyDocument}, Confirmed: Ref{Document: emptyDocument}}
	var version uint64
	if r, ok := s.o.Settings.Get(kindChange, headName); ok {
		h, version = head{}, r.Version
		if err := r.Decode(&h); err != nil {
			return err
		}
	}
	active, err := s.document(h.Running.Document)
	blind := err != nil
	if blind {
		active = &draft.Draft{}
	}
	var edited *draft.Draft
	if h.Pending != nil {
		// Who cannot read what is pending must still let people sign in, confirm and revert; discard, or a whole document,
		// puts it right.
		if edited, err = s.materialise(&h); err != nil {
			s.o.Log.Error("change: what is pending cannot be read", "error", err)
			edited = nil
		}
	}
	s.head, s.version, s.active, s.pending, s.blind, s.foreign = h, version, active, edited, blind, foreign(active, h.Running.Document)
	return nil
}

// materialise makes the pending document of its base and its edits.
func (s *Service) materialise(h *head) (*draft.Draft, error) {
	base := h.Pending.Base.Document
	if h.Pending.Snapshot != "" {
		base = h.Pending.Snapshot
	}
	d, err := s.document(base)
	if err != nil {
		return nil, err
	}
	for _, r := range s.o.Settings.List(kindEdit) {
		if r.Name < editName(h.Pending.First) {
			continue
		}
		var e draft.Edit
		if err := r.Decode(&e); err != nil {
			return nil, err
		}
		e.Again = true
		if d, err = d.Apply(&e); err != nil {
			return nil, fmt.Errorf("change: edit %s cannot be done again: %w", r.Name, err)
		}
	}
	return d, nil
}

// text is a document that is kept.
func (s *Service) text(document string) ([]byte, error) {
	if document == emptyDocument {
		return []byte(emptyText), nil
	}
	r, ok := s.o.Settings.Get(kindDocument, document)
	if !ok {
		return nil, problem.New(problem.Gone, "The text of this revision is not kept.")
	}
	var text string
	if err := r.Decode(&text); err != nil {
		return nil, err
	}
	return []byte(text), nil
}

// document is the draft of a document that is kept. The one that was compiled a moment ago need not be read.
func (s *Service) document(hash string) (*draft.Draft, error) {
	if d := s.compiled.named(hash); d != nil {
		return d, nil
	}
	text, err := s.text(hash)
	if err != nil {
		return nil, err
	}
	return draft.Parse("revision", text)
}

// commit makes a change of the head and whatever belongs to it, in one step that is on the disk when it returns. The
// function may be called more than once. local says that the database need not be there.
func (s *Service) commit(ctx context.Context, local bool, change func(*settings.Tx, *head) error) error {
	s.mu.Lock()
	before, version := s.head, s.version
	s.mu.Unlock()
	var next head
	make := func(tx *settings.Tx) error {
		if r, ok := tx.Get(kindChange, headName); ok && r.Version != version {
			return problem.New(problem.Busy, "The configuration was taken from the database meanwhile.")
		}
		next = before
		if err := change(tx, &next); err != nil {
			return err
		}
		sweep(tx, &next)
		tx.Put(kindChange, headName, next)
		return nil
	}
	update := s.o.Settings.Update
	if local {
		update = s.o.Settings.UpdateLocal
	}
	if err := update(ctx, make); err != nil {
		if errors.Is(err, settings.ErrNoDatabase) {
			return problem.Wrap(problem.DatabaseUnavailable, err, "Nothing was changed.")
		}
		return err
	}
	r, _ := s.o.Settings.Get(kindChange, headName)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head, s.version = next, r.Version
	return nil
}

// sweep removes documents that nothing names any more, and revisions that only the history in the database is for.
func sweep(tx *settings.Tx, h *head) {
	needed := map[string]bool{h.Running.Document: true, h.Confirmed.Document: true}
	if h.Apply != nil {
		needed[h.Apply.Document] = true
	}
	if h.Pending != nil {
		needed[h.Pending.Base.Document], needed[h.Pending.Snapshot] = true, true
	}
	revisions := revisionsOf(tx.List(kindChange))
	for i, r := range revisions {
		current := r.Revision == h.Running.Revision || r.Revision == h.Confirmed.Revision || h.Apply != nil && r.Revision == h.Apply.Revision
		if behind := len(revisions) - i; !current && (behind > keptRevisions && r.Archived || behind > 4*keptRevisions) {
			tx.Delete(kindChange, revisionKey(r.Revision))
			continue
		}
		needed[r.Document] = needed[r.Document] || !r.Archived
	}
	for _, d := range tx.List(kindDocument) {
		if !needed[d.Name] {
			tx.Delete(kindDocument, d.Name)
		}
	}
}

// revisionsOf finds the revisions among records, the oldest first. One that cannot be read is left out.
func revisionsOf(records []settings.Record) (list []Revision) {
	for _, r := range records {
		if strings.HasPrefix(r.Name, revisionName) {
			if rev, err := decodeRevision(r.Body); err == nil {
				list = append(list, rev)
			}
		}
	}
	return list
}

// tell puts an event into the log.
func (s *Service) tell(ctx context.Context, t event.Type, fields event.Fields) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventTimeout)
	defer cancel()
	if err := s.o.Events.Append(ctx, t, fields); err != nil {
		s.o.Log.Warn("change: an event is not in the log", "type", t, "error", err)
	}
}

// changed tells those who watch.
func (s *Service) changed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publish()
}
