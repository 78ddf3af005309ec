// Package attach maps the segment of a data plane for the slow path, and notices when a cold start has put another in
// its place.
//
// Who may import it: anything under mgmt, and cmd. It imports dataplane/shm and mgmt/problem.
//
// Ownership: each role maps the segment for itself, and unmaps it when all its goroutines that read it have ended. A
// mapping stays valid when the data plane dies or the files are replaced: it shows what was there last.
package attach

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"fcredirect/dataplane/shm"
)

// period is how often Wait looks for a segment.
const period = 200 * time.Millisecond

// Place says which segment is meant: that in Dir, else that of the node, else the only one on this machine.
type Place struct {
	Dir, Node string
}

// Segment is a mapped segment.
type Segment struct {
	Dir        string
	State, Ctl *shm.File // read-only; writable
	Epoch      uint64    // of its content: flow serials and item numbers mean nothing beyond it
	inodes     [2]uint64 // of both files
}

// Open maps the segment that is there now.
func Open(p Place) (*Segment, error) {
	dir, err := shm.Find(p.Dir, p.Node)
	if err != nil {
		return nil, err
	}
	s := &Segment{Dir: dir}
	// The inodes are taken before: if a file is replaced in between, Replaced says so and the caller comes again.
	if s.inodes, err = inodes(dir); err != nil {
		return nil, err
	}
	if s.State, err = shm.Open(filepath.Join(dir, "state"), false); err != nil {
		return nil, err
	}
	if s.Ctl, err = shm.Open(filepath.Join(dir, "ctl"), true); err != nil {
		return nil, errors.Join(err, s.State.Close())
	}
	s.Epoch = s.State.Header().Epoch
	if s.Ctl.Header().Epoch != s.Epoch {
		return nil, errors.Join(fmt.Errorf("segment: %s: state and ctl are of two starts: the data plane is making them", dir), s.Close())
	}
	return s, nil
}

// Wait opens the segment as soon as there is one. An error other than the context's is one that waiting does not mend:
// another ABI.
func Wait(ctx context.Context, p Place) (*Segment, error) {
	for tick := time.NewTicker(period); ; {
		s, err := Open(p)
		if err == nil || errors.Is(err, shm.ErrABI) {
			tick.Stop()
			return s, err
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil, fmt.Errorf("%w, while waiting for a segment: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// Replaced says whether a start of the data plane has put another file in the place of one of these, or it was removed. A
// cold start replaces both; a warm one ctl alone, when it cannot use the one that it found: then nobody listens to what is
// written there any more.
func (s *Segment) Replaced() bool {
	now, err := inodes(s.Dir)
	return err != nil || now != s.inodes
}

// Close unmaps it.
func (s *Segment) Close() error { return errors.Join(s.State.Close(), s.Ctl.Close()) }

func inodes(dir string) (n [2]uint64, err error) {
	for i, name := range []string{"state", "ctl"} {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return n, fmt.Errorf("segment: %w", err)
		}
		n[i] = st.Sys().(*syscall.Stat_t).Ino
	}
	return n, nil
}
