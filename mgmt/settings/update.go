package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Tx is a change that is being made. It is valid until the change function returns.
type Tx struct {
	s       *Store
	writes  map[[2]string]Record
	order   [][2]string
	size    int
	failure error
}

// Get finds a record as this change has left it.
func (t *Tx) Get(kind, name string) (Record, bool) {
	if r, ok := t.writes[[2]string{kind, name}]; ok {
		return r, r.Body != nil
	}
	return t.s.Get(kind, name)
}

// List gives all records of a kind as this change has left them, by name.
func (t *Tx) List(kind string) []Record {
	view := newTable()
	for _, r := range t.s.List(kind) {
		view.put(r)
	}
	for key, r := range t.writes {
		if key[0] == kind {
			view.put(r)
		}
	}
	return view.all(kind)
}

// Put writes a record. What is wrong with it is said when the change ends.
func (t *Tx) Put(kind, name string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		t.failure = errors.Join(t.failure, fmt.Errorf("settings: %s %s: %w", kind, name, err))
		return
	}
	t.write(Record{Kind: kind, Name: name, Body: text})
}

// Delete removes a record; one that is not there stays so.
func (t *Tx) Delete(kind, name string) {
	if _, ok := t.Get(kind, name); ok {
		t.write(Record{Kind: kind, Name: name})
	}
}

func (t *Tx) write(r Record) {
	switch {
	case r.Kind == "" || r.Name == "" || len(r.Kind) > MaxName || len(r.Name) > MaxName:
		t.failure = errors.Join(t.failure, fmt.Errorf("settings: kind and name have 1 to %d bytes", MaxName))
	case len(r.Body) > MaxBody:
		t.failure = errors.Join(t.failure, fmt.Errorf("settings: %s %s: a body of %d bytes, the limit is %d", r.Kind, r.Name, len(r.Body), MaxBody))
	}
	key := [2]string{r.Kind, r.Name}
	if _, ok := t.writes[key]; !ok {
		t.order = append(t.order, key)
	}
	t.size += int(weight(r))
	t.writes[key] = r
}

// Update makes a change that needs the database. The function may read and write; its error ends the change. When Update
// returns nil the change is durable; ErrNoDatabase says that nothing was changed.
func (s *Store) Update(ctx context.Context, change func(*Tx) error) error {
	return s.update(ctx, change, s.o.DB != nil, false)
}

// UpdateLocal makes a change that the database gets when it can.
func (s *Store) UpdateLocal(ctx context.Context, change func(*Tx) error) error {
	return s.update(ctx, change, false, true)
}

func (s *Store) update(ctx context.Context, change func(*Tx) error, database, own bool) error {
	if !database {
		s.change.Lock()
		defer s.change.Unlock()
		next, err := s.next(change)
		if err != nil || len(next.Records) == 0 {
			return err
		}
		next.Own = own
		if err := s.write(next); err != nil {
			return err
		}
		s.poke()
		return nil
	}
	s.database.Lock()
	defer s.database.Unlock()
	for range maxAttempts {
		done, err := s.updateBoth(ctx, change)
		if done || err != nil {
			return err
		}
	}
	return errors.Join(ErrNoDatabase, errors.New("settings: local changes came in between again and again"))
}

// updateBoth makes a change in the database and in the file. It is not done when another change came in between. The
// change lock is not held while the database is asked, which may take long.
func (s *Store) updateBoth(ctx context.Context, change func(*Tx) error) (done bool, err error) {
	s.change.Lock()
	next, err := s.next(change)
	s.change.Unlock()
	if err != nil || len(next.Records) == 0 {
		return true, err
	}
	bounded, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	tx, err := s.prepare(bounded, next)
	if err != nil {
		return true, errors.Join(ErrNoDatabase, err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit it does nothing

	s.change.Lock()
	defer s.change.Unlock()
	if s.Revision()+1 != next.Revision {
		return false, nil
	}
	if err := s.write(next); err != nil {
		return true, err
	}
	bounded, cancel = context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := tx.Commit(bounded); err != nil {
		s.o.Log.Warn("settings: the database may not have a change that the file has", "revision", next.Revision, "error", err)
		s.poke()
		return true, nil
	}
	s.setMirrored(next.Revision)
	return true, nil
}

// next is the line that a change makes, checked.
func (s *Store) next(change func(*Tx) error) (line, error) {
	if s.failed != nil {
		return line{}, s.failed
	}
	t := &Tx{s: s, writes: map[[2]string]Record{}}
	if err := change(t); err != nil {
		return line{}, err
	}
	l := line{Revision: s.Revision() + 1}
	if t.failure != nil {
		return l, t.failure
	}
	if t.size > MaxChange {
		return l, fmt.Errorf("settings: a change of %d bytes, the limit is %d", t.size, MaxChange)
	}
	grown := 0
	for _, key := range t.order {
		r := t.writes[key]
		r.Version = l.Revision
		if _, had := s.Get(r.Kind, r.Name); r.Body != nil && !had {
			grown++
		}
		l.Records = append(l.Records, r)
	}
	if s.records()+grown > MaxRecords {
		return l, fmt.Errorf("settings: more than %d records", MaxRecords)
	}
	return l, nil
}

func (s *Store) records() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.table.records
}

// write makes a change durable and known.
func (s *Store) write(l line) error {
	if err := s.file.write(l); err != nil {
		if s.file.uncertain {
			s.failed = err
		}
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision = l.Revision
	for _, r := range l.Records {
		s.table.put(r)
	}
	s.asked = s.asked || l.asked()
	close(s.watch)
	s.watch = make(chan struct{})
	s.compact()
	return nil
}

func (s *Store) setMirrored(revision uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mirrored = revision
}

func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// compact writes the file anew when most of it is history. A failure costs room, nothing else.
func (s *Store) compact() {
	if s.file.size <= compactMin || s.file.size <= compactFactor*s.table.bytes {
		return
	}
	if err := s.file.rewrite(s.lines()); err != nil {
		s.o.Log.Warn("settings: the file cannot be made smaller", "error", err)
	}
}

// lines is the shortest file that says what is known.
func (s *Store) lines() []line {
	return []line{{Lineage: s.lineage}, {Revision: s.revision, Mirrored: s.mirrored, Records: s.table.all(""), Own: !s.asked}}
}

const (
	prepareTimeout = 5 * time.Second
	commitTimeout  = 2 * time.Second
	maxAttempts    = 16
)
