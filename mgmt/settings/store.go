package settings

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fcredirect/mgmt/postgres"
)

// ErrNoDatabase: the database does not take the change now, and nothing was changed.
var ErrNoDatabase = errors.New("settings: the database does not take changes")

// Options of a Store.
type Options struct {
	Dir string       // of the file
	DB  *postgres.DB // nil: there is none, and Update is as UpdateLocal
	Log *slog.Logger
}

// Store is all settings of a node.
type Store struct {
	o    Options
	wake chan struct{}

	database sync.Mutex // held while the database is written; taken before change

	change sync.Mutex // one change at a time; guards file and failed
	file   *journal
	failed error // the file's end is not known, or it is closed

	mu       sync.RWMutex // guards what follows
	table    *table
	revision uint64
	mirrored uint64 // the database has everything up to here
	lineage  string
	asked    bool // somebody changed something with Update, or it came from a database: it is more than a machine notes by itself
	watch    chan struct{}
}

// Open reads the file. It needs no database.
func Open(o Options) (*Store, error) {
	s := &Store{o: o, wake: make(chan struct{}, 1), table: newTable(), watch: make(chan struct{})}
	if s.o.Log == nil {
		s.o.Log = slog.New(slog.DiscardHandler)
	}
	file, err := openJournal(o.Dir, s.read)
	if err != nil {
		return nil, err
	}
	s.file = file
	if s.lineage == "" {
		s.lineage = rand.Text()
		if err := s.file.write(line{Lineage: s.lineage}); err != nil {
			return nil, errors.Join(err, file.close())
		}
		if err := syncDir(o.Dir); err != nil {
			return nil, errors.Join(err, file.close())
		}
	}
	return s, nil
}

// Close gives the file back. Changes after it fail.
func (s *Store) Close() error {
	s.change.Lock()
	defer s.change.Unlock()
	s.failed = errors.New("settings: closed")
	return s.file.close()
}

// read takes a line of the file.
func (s *Store) read(l line) error {
	if l.Lineage != "" {
		s.lineage = l.Lineage
	}
	if s.lineage == "" {
		return errors.New("no lineage stands before it")
	}
	if len(l.Records) > 0 && l.Revision <= s.revision {
		return fmt.Errorf("revision %d comes after %d", l.Revision, s.revision)
	}
	s.revision = max(s.revision, l.Revision)
	s.mirrored = max(s.mirrored, l.Mirrored)
	for _, r := range l.Records {
		if r.Version == 0 {
			r.Version = l.Revision
		}
		s.table.put(r)
	}
	s.asked = s.asked || l.asked()
	return nil
}

// Get finds a record.
func (s *Store) Get(kind, name string) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.table.get(kind, name)
}

// List gives all records of a kind, by name.
func (s *Store) List(kind string) []Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.table.all(kind)
}

// Revision is the number of the last change.
func (s *Store) Revision() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.revision
}

// Lineage names the file: revisions of another lineage have nothing to do with ours.
func (s *Store) Lineage() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lineage
}

// Mirrored says whether the database has everything, as far as is known.
func (s *Store) Mirrored() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mirrored == s.revision
}

// Changed is closed at the next change.
func (s *Store) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.watch
}

// Run brings the database after the file until ctx ends.
func (s *Store) Run(ctx context.Context) {
	if s.o.DB == nil {
		return
	}
	for pause := time.Duration(0); ; {
		if err := s.mirror(ctx); err != nil {
			if pause == 0 && ctx.Err() == nil {
				s.o.Log.Warn("settings are not in the database yet", "error", err)
			}
			pause = min(max(2*pause, 100*time.Millisecond), 5*time.Second)
		} else {
			pause = time.Minute // a failover may have lost commits that were acknowledged
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}
