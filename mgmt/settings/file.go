package settings

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// A line of the file is eight hexadecimal digits of a CRC-32C, a space, and this in JSON. The first line has the lineage.
type line struct {
	Lineage  string   `json:"lineage,omitempty"`
	Revision uint64   `json:"revision"`
	Mirrored uint64   `json:"mirrored,omitempty"` // the database is known to have everything up to this revision
	Records  []Record `json:"records,omitempty"`
	Own      bool     `json:"own,omitempty"` // nobody asked for it with Update
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// asked says whether somebody asked for something in it that may leave the machine.
func (l *line) asked() bool {
	return !l.Own && slices.ContainsFunc(l.Records, func(r Record) bool { return !r.Local() })
}

func encodeLine(l line) ([]byte, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("settings: encode: %w", err)
	}
	b := fmt.Appendf(make([]byte, 0, len(text)+10), "%08x ", crc32.Checksum(text, castagnoli))
	return append(append(b, text...), '\n'), nil
}

func decodeLine(b []byte) (l line, err error) {
	if len(b) < 10 || b[8] != ' ' || b[len(b)-1] != '\n' {
		return l, errors.New("not a whole line")
	}
	text := b[9 : len(b)-1]
	if fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)) != string(b[:8]) {
		return l, errors.New("its check sum is wrong")
	}
	return l, json.Unmarshal(text, &l)
}

// journal is the open file.
type journal struct {
	dir  string
	lock *os.File
	file *os.File
	size int64

	uncertain bool // a write failed, and cutting it off too
}

// openJournal takes the folder's lock and reads what stands in the file. A file that does not exist is empty.
func openJournal(dir string, read func(line) error) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	j := &journal{dir: dir}
	if err := j.open(read); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

func (j *journal) open(read func(line) error) (err error) {
	if j.lock, err = os.OpenFile(filepath.Join(j.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if err := unix.Flock(int(j.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("settings: lock %s: another process has it: %w", j.dir, err)
	}
	if j.file, err = os.OpenFile(j.path(), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return j.load(read)
}

func (j *journal) path() string { return filepath.Join(j.dir, "settings.log") }

// load reads all lines and cuts off a torn last one.
func (j *journal) load(read func(line) error) error {
	in := bufio.NewReaderSize(j.file, 1<<16)
	for number := 1; ; number++ {
		b, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("settings: %s: %w", j.path(), err)
		}
		if len(b) == 0 {
			break
		}
		l, bad := decodeLine(b)
		if bad != nil {
			if rest, _ := io.ReadAll(in); len(bytes.TrimSpace(rest)) > 0 {
				return fmt.Errorf("settings: %s: line %d: %w, and more stands behind it: the file is damaged", j.path(), number, bad)
			}
			if err := j.file.Truncate(j.size); err != nil {
				return fmt.Errorf("settings: %s: %w", j.path(), err)
			}
			break
		}
		if err := read(l); err != nil {
			return fmt.Errorf("settings: %s: line %d: %w", j.path(), number, err)
		}
		j.size += int64(len(b))
	}
	_, err := j.file.Seek(j.size, io.SeekStart)
	return err
}

// write appends a line and returns when it is on disk.
func (j *journal) write(l line) error {
	b, err := encodeLine(l)
	if err != nil {
		return err
	}
	if _, err = j.file.Write(b); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		// What was written in part must not stand before the next line.
		if cut := errors.Join(j.file.Truncate(j.size), seek(j.file, j.size), j.file.Sync()); cut != nil {
			j.uncertain = true
			return fmt.Errorf("settings: write: %w (and cutting it off: %w)", err, cut)
		}
		return fmt.Errorf("settings: write: %w", err)
	}
	j.size += int64(len(b))
	return nil
}

func seek(f *os.File, to int64) error {
	_, err := f.Seek(to, io.SeekStart)
	return err
}

// rewrite puts a file with just these lines in the place of the present one.
func (j *journal) rewrite(lines []line) error {
	next := j.path() + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	var size int64
	for _, l := range lines {
		var b []byte
		if b, err = encodeLine(l); err == nil {
			_, err = f.Write(b)
		}
		if err != nil {
			break
		}
		size += int64(len(b))
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(next, j.path())
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("settings: write anew: %w", errors.Join(err, os.Remove(next)))
	}
	j.file.Close()
	j.file, j.size = f, size
	return syncDir(j.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}

func (j *journal) close() error {
	var err error
	for _, f := range []*os.File{j.file, j.lock} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}
