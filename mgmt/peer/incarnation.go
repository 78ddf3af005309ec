package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fcredirect/mgmt/peer/engine"
)

// A node's records are worth what its incarnation is: the records of a higher one replace those of a lower one. So each
// start takes the next number, and has it on disk before anybody hears of it. When the file is lost peers know better, and
// say so: then the number that they make us take is written.

const incarnationFile = "incarnation"

// nextIncarnation takes the number of a new start. A file that says nothing of use is as good as lost.
func nextIncarnation(dir string, log *slog.Logger) (uint64, error) {
	last, err := readIncarnation(dir)
	if err != nil {
		log.Error("peer: the incarnation begins anew, and the peers will say which is next", "error", err)
		last = 0
	}
	return last + 1, keepIncarnation(dir, last+1)
}

// readIncarnation is the number of the last start, 0 when there was none.
func readIncarnation(dir string) (uint64, error) {
	path := filepath.Join(dir, incarnationFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read incarnation: %w", err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n >= engine.MaxIncarnation {
		return 0, fmt.Errorf("read incarnation: %s holds %.40q, which is none", path, text)
	}
	return n, nil
}

// keepIncarnation writes it, whole or not at all.
func keepIncarnation(dir string, n uint64) (err error) {
	if n > engine.MaxIncarnation {
		return fmt.Errorf("write incarnation: there is none of %d", n)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write incarnation: %w", err)
	}
	f, err := os.CreateTemp(dir, incarnationFile+".new-*")
	if err != nil {
		return fmt.Errorf("write incarnation: %w", err)
	}
	_, err = fmt.Fprintln(f, n)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, incarnationFile))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write incarnation: %w", err), os.Remove(f.Name()))
	}
	folder, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write incarnation: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("write incarnation: %w", err)
	}
	return nil
}
