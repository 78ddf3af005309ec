package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const fileName = "jobs.json"

// file is where jobs outlive a restart. It is replaced as a whole, at changes of state only: progress is not worth a write.
type file struct{ dir string }

func (f file) read() ([]Job, error) {
	if f.dir == "" {
		return nil, nil
	}
	in, err := os.Open(filepath.Join(f.dir, fileName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("job: read: %w", err)
	}
	defer in.Close()
	var list []Job
	b, err := io.ReadAll(io.LimitReader(in, fileMax))
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("job: read %s: %w", in.Name(), err)
	}
	return list, nil
}

func (f file) write(list []Job) error {
	b, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("job: save: %w", err)
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return fmt.Errorf("job: save: %w", err)
	}
	out, err := os.CreateTemp(f.dir, fileName+".*")
	if err != nil {
		return fmt.Errorf("job: save: %w", err)
	}
	_, err = out.Write(b)
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = os.Rename(out.Name(), filepath.Join(f.dir, fileName))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("job: save: %w", err), os.Remove(out.Name()))
	}
	return nil
}

// save writes what is known. mu is held: the jobs of a node are few, and their file small.
func (m *Manager) save() error {
	if m.o.Dir == "" {
		return nil
	}
	list := make([]Job, len(m.jobs))
	for i, t := range m.jobs {
		list[i] = t.Job
	}
	return m.file.write(list)
}

func (m *Manager) saveOrSay() {
	if err := m.save(); err != nil {
		m.o.Log.Warn("a restart would not know of jobs", "error", err)
	}
}
