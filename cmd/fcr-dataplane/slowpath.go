package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
)

// slowpathTime bounds what the management daemon may take to attach to all rings: it makes a database cluster first.
const slowpathTime = 90 * time.Second

// slowpath is a management daemon, with a database of its own, that reads the rings of a data plane under test. It
// inherits this process's CPUs, which are not the lcores'.
type slowpath struct {
	cmd   *exec.Cmd
	dir   string
	seg   *shm.Segment
	ended chan error
	log   bytes.Buffer
}

func startSlowpath(program string, seg *shm.Segment) (*slowpath, error) {
	dir, err := os.MkdirTemp("", "fcr-slowpath-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the database runs as another user
		return nil, err
	}
	s := &slowpath{dir: dir, seg: seg, ended: make(chan error, 1)}
	node := shm.Text(seg.State.Header().Node[:])
	s.cmd = exec.Command(program, "run", "--node", node, "--segment", seg.Dir(),
		"--state-dir", filepath.Join(dir, "state"), "--run-dir", filepath.Join(dir, "run"))
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	s.cmd.Env = append(os.Environ(), "GOMEMLIMIT=1GiB")
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("management daemon: %w: build it (make build) or say where with --daemon", err)
	}
	go func() { s.ended <- s.cmd.Wait() }()
	return s, nil
}

// attached waits until every consumer has released items of the first lcore.
func (s *slowpath) attached() error {
	for deadline := time.Now().Add(slowpathTime); ; time.Sleep(50 * time.Millisecond) {
		behind := 0
		for _, r := range feed.Rings(s.seg.State, s.seg.Ctl) {
			if r.Producer == 0 && r.Released == 0 {
				behind++
			}
		}
		if behind == 0 {
			return nil
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("management daemon: ended by itself: %w: %s", err, bytes.TrimSpace(s.log.Bytes()))
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("management daemon: %d rings are not read after %v", behind, slowpathTime)
		}
	}
}

// stop ends the daemon and removes what it made.
func (s *slowpath) stop() error {
	var errs []error
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		errs = append(errs, err)
	}
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		errs = append(errs, s.cmd.Process.Kill())
		<-s.ended
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}
