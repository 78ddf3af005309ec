package pki

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Names of files in the folder.
const (
	authorityFile = "ca.pem"
	signingFile   = "ca-key.pem"
	nodeFile      = "node.pem"
	revokedFile   = "revoked.pem"
	whereFile     = "authority.json"
	issuedFile    = "issued.json"
	inviteFolder  = "invites"
	lockFile      = "lock"
)

// makeFolder makes it for its owner alone. The state folder above it lets others pass, as the daemon makes it.
func makeFolder(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return fmt.Errorf("folder of certificates: %w", err)
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("folder of certificates: %w", err)
	}
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("folder of certificates: %w", err)
	}
	return errors.Join(own(f), f.Close())
}

// own gives what root has just made to the owner of the folder it lies in: the daemon need not be root, and reads it. It
// is only for files that this process made, by their descriptor: by name, that owner could have root give him others.
func own(f *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	st, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return fmt.Errorf("folder of certificates: %w", err)
	}
	s := st.Sys().(*syscall.Stat_t)
	if err := f.Chown(int(s.Uid), int(s.Gid)); err != nil {
		return fmt.Errorf("folder of certificates: %w", err)
	}
	return nil
}

// locked runs do while no other process, and nobody else in this one, changes the folder.
func locked(dir string, do func() error) error {
	f, err := openLock(filepath.Join(dir, lockFile))
	if err != nil {
		return fmt.Errorf("lock certificates: %w", err)
	}
	defer f.Close()
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return do()
}

func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := own(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// write puts a file in place as a whole, on disk, for its owner alone.
func write(path string, text []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, own(f), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return syncFolder(dir)
}

// remove takes a file away for good: after a power failure too.
func remove(path string) error {
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// read gives the bytes of a file of bounded length.
func read(path string) ([]byte, error) { return readIf(path, func(fs.FileMode) error { return nil }) }

// readSecret is read for files with keys: one that others may read is not taken, so that somebody looks.
func readSecret(path string) ([]byte, error) {
	return readIf(path, func(mode fs.FileMode) error {
		if mode.Perm()&0o077 != 0 {
			return fmt.Errorf("others than its owner can read it (mode %04o): its key may be known; where it cannot be, chmod 600 it", mode.Perm())
		}
		return nil
	})
}

func readIf(path string, good func(fs.FileMode) error) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err == nil {
		err = good(st.Mode())
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("longer than %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return bytes.TrimSpace(text), nil
}

// stamp tells one content of a file from another.
type stamp struct {
	size  int64
	inode uint64
	at    time.Time
}

func stampOf(path string) stamp {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{st.Size(), st.Sys().(*syscall.Stat_t).Ino, st.ModTime()}
}
