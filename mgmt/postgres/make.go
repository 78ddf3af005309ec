package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// tidy removes what an initdb that was killed half-way left. The lock is held, so nobody else is at it.
func (c *Cluster) tidy() error {
	if err := os.RemoveAll(c.c.DataDir + ".new"); err != nil {
		return fmt.Errorf("remove an unfinished data folder: %w", err)
	}
	return c.tidyUpgrade()
}

// prepare makes sure of a data folder that the programs in c.set can run.
func (c *Cluster) prepare(ctx context.Context) error {
	if err := c.reachable(c.c.DataDir); err != nil {
		return err
	}
	names, err := os.ReadDir(c.c.DataDir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return c.initdb(ctx)
	}
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	version, err := majorOf(c.c.DataDir)
	if err != nil {
		return fmt.Errorf("the data folder %s is not empty and not PostgreSQL's: nothing in it was touched: %w", c.c.DataDir, err)
	}
	if err := c.judge(); err != nil {
		return err
	}
	return c.choose(ctx, version)
}

// initdb makes the cluster beside its place and moves it there when it is whole, so that a data folder is never half made.
func (c *Cluster) initdb(ctx context.Context) error {
	dir := c.c.DataDir + ".new"
	if err := c.initdbIn(ctx, dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := os.Rename(dir, c.c.DataDir); err != nil {
		return fmt.Errorf("put the new data folder in its place (an empty one there must not be a mount point): %w", err)
	}
	c.c.Log.Info("made the private database", "data", c.c.DataDir, "version", c.set.Major, "user", c.account.Name)
	return syncDir(filepath.Dir(c.c.DataDir))
}

func (c *Cluster) initdbIn(ctx context.Context, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("new data folder: %w", err)
	}
	if err := c.account.Own(dir); err != nil {
		return fmt.Errorf("new data folder: %w", err)
	}
	args := []string{"-D", dir, "--data-checksums", "--encoding=UTF8", "--locale=C", "--auth=peer", "--username=" + superuser, "--no-instructions"}
	if c.c.Settings["fsync"] == "off" {
		args = append(args, "--no-sync") // else it forces its files to the disk before it ends
	}
	if err := c.set.Run(ctx, c.account, "/", "initdb", args...); err != nil {
		return explain(fmt.Errorf("make the data folder: %w", err), err.Error())
	}
	return nil
}

// majorOf is the major version that a data folder was made by.
func majorOf(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("PG_VERSION: %w", err)
	}
	return major, nil
}

// judge looks at owner and mode of the data folder. The server refuses a folder that others may read; that we mend. It
// refuses a wrong owner too; that we don't, because whose data it is is not ours to decide.
func (c *Cluster) judge() error {
	for _, name := range []string{".", "PG_VERSION", "global/pg_control"} {
		path := filepath.Join(c.c.DataDir, name)
		st, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("data folder: it is not whole: %w: restore it from a backup, or move it away to begin anew", err)
		}
		if uid := int(st.Sys().(*syscall.Stat_t).Uid); uid != c.account.UID {
			return fmt.Errorf("data folder: %s belongs to uid %d, and the server runs as %s (uid %d): chown -R %s: %s",
				path, uid, c.account.Name, c.account.UID, c.account.Name, c.c.DataDir)
		}
		if name == "." && st.Mode().Perm()&0o077 != 0 {
			if err := os.Chmod(path, 0o700); err != nil {
				return fmt.Errorf("data folder: close it to others: %w", err)
			}
			c.c.Log.Warn("the data folder was open to others: closed it", "data", c.c.DataDir, "mode", st.Mode().Perm().String())
		}
	}
	return nil
}

// socketDir makes the folder of the socket. Anybody may go in: who may connect is decided by pg_hba.conf. One that is there
// and somebody else's is not taken from him.
func (c *Cluster) socketDir() error {
	dir := c.c.SocketDir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("socket folder: %w", err)
	}
	st, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("socket folder: %w", err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("socket folder: %w", err)
	}
	uid := int(st.Sys().(*syscall.Stat_t).Uid)
	switch {
	case uid == c.account.UID:
	case uid == os.Geteuid() && len(names) == 0:
		if err := c.account.Own(dir); err != nil {
			return fmt.Errorf("socket folder: %w", err)
		}
	case st.Mode().Perm()&0o002 == 0:
		return fmt.Errorf("socket folder: %s belongs to uid %d, and the server runs as %s: give it a folder of its own", dir, uid, c.account.Name)
	}
	return c.reachable(dir)
}

// reachable makes sure that the account may go where the folder is. The server's own message would not say which of
// its parents is closed.
func (c *Cluster) reachable(dir string) error {
	for up := filepath.Dir(dir); ; up = filepath.Dir(up) {
		st, err := os.Stat(up)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		sys := st.Sys().(*syscall.Stat_t)
		bit := fs.FileMode(0o001)
		switch {
		case int(sys.Uid) == c.account.UID:
			bit = 0o100
		case int(sys.Gid) == c.account.GID:
			bit = 0o010
		}
		if st.Mode().Perm()&bit == 0 {
			return fmt.Errorf("%s: user %s, who runs the server, may not enter %s (mode %v): chmod o+x %s", dir, c.account.Name, up, st.Mode().Perm(), up)
		}
		if up == "/" {
			return nil
		}
	}
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fsync(int(f.Fd())), f.Close())
}
