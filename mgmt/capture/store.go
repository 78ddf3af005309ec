package capture

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"fcredirect/mgmt/problem"
)

// What lies in the folder, by the capture's id.
const (
	framesSuffix = ".pcapng"
	aboutSuffix  = ".json" // a Capture
)

// idForm is how captures are named; nothing else becomes part of a path.
var idForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (m *Manager) path(id, suffix string) string { return filepath.Join(m.o.Dir, id+suffix) }

// load takes over what an earlier life left. What ran then was interrupted.
func (m *Manager) load() error {
	if err := os.MkdirAll(m.o.Dir, 0o700); err != nil {
		return fmt.Errorf("capture: folder: %w", err)
	}
	entries, err := os.ReadDir(m.o.Dir)
	if err != nil {
		return fmt.Errorf("capture: folder: %w", err)
	}
	for _, e := range entries {
		id, ours := cutSuffix(e.Name())
		if !ours || !idForm.MatchString(id) || filepath.Ext(e.Name()) != aboutSuffix {
			continue
		}
		c, err := m.read(id)
		if err != nil {
			m.o.Log.Warn("a capture of before cannot be read", "capture", id, "why", err)
			m.erase(id)
			continue
		}
		s := &session{shown: c, done: make(chan struct{})}
		close(s.done)
		m.table[id] = s
	}
	for _, e := range entries { // frames of which nothing is known, and halves
		if id, ours := cutSuffix(e.Name()); !ours || m.table[id] == nil {
			os.Remove(filepath.Join(m.o.Dir, e.Name()))
		}
	}
	return nil
}

func cutSuffix(name string) (id string, ours bool) {
	ext := filepath.Ext(name)
	return name[:len(name)-len(ext)], ext == framesSuffix || ext == aboutSuffix
}

// read reads what stands beside a capture's frames.
func (m *Manager) read(id string) (c Capture, err error) {
	text, err := os.ReadFile(m.path(id, aboutSuffix))
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil || c.ID != id {
		return c, fmt.Errorf("it is not about capture %s: %w", id, err)
	}
	st, err := os.Stat(m.path(id, framesSuffix))
	if err != nil {
		return c, err
	}
	c.Bytes = st.Size()
	if c.State == Running || c.State == Stopping {
		ended := st.ModTime().UTC()
		c.State, c.Why, c.Ended = Interrupted, "the management daemon ended", &ended
		return c, m.save(&c)
	}
	return c, nil
}

// save writes what stands beside a capture's frames, whole or not at all.
func (m *Manager) save(c *Capture) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	half := m.path(c.ID, ".half")
	if err := os.WriteFile(half, text, 0o600); err != nil {
		return err
	}
	return os.Rename(half, m.path(c.ID, aboutSuffix))
}

// erase removes what there is of a capture.
func (m *Manager) erase(id string) error {
	var errs []error
	for _, suffix := range []string{framesSuffix, aboutSuffix} {
		if err := os.Remove(m.path(id, suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// makeRoom removes the oldest captures that have ended until another of that size fits. The table is locked.
func (m *Manager) makeRoom(size int64) error {
	var ended []*session
	used, running := size+statisticsRoom, 0
	for _, s := range m.table {
		if s.over() {
			ended = append(ended, s)
			used += s.shown.Bytes
		} else {
			used += s.shown.Limits.Bytes + statisticsRoom
			running++
		}
	}
	if running >= MaxRunning {
		return problem.New(problem.LimitReached, "%d captures run, which are all that can.", running)
	}
	slices.SortFunc(ended, func(a, b *session) int { return cmp.Compare(a.shown.Ended.UnixNano(), b.shown.Ended.UnixNano()) })
	for used > m.o.MaxDisk || len(m.table) >= MaxKept {
		if len(ended) == 0 {
			return problem.New(problem.LimitReached, "The running captures may fill all the room for captures; ask for fewer bytes, or stop one.")
		}
		used -= ended[0].shown.Bytes
		m.forget(ended[0])
		ended = ended[1:]
	}
	return nil
}

// forget removes a capture that has ended. The table is locked.
func (m *Manager) forget(s *session) {
	delete(m.table, s.shown.ID)
	if err := m.erase(s.shown.ID); err != nil {
		m.o.Log.Warn("a capture could not be removed", "capture", s.shown.ID, "why", err)
	}
}

// sweep removes what is too old.
func (m *Manager) sweep(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.table {
		if s.over() && now.Sub(*s.shown.Ended) > MaxAge {
			m.forget(s)
		}
	}
}

// over says whether a capture has ended and its file is whole. The table is locked.
func (s *session) over() bool { return s.shown.State == Complete || s.shown.State == Interrupted }
