package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/postgres/programs"
)

// ErrVersion is a data folder of a major version whose programs are not installed.
var ErrVersion = errors.New("the data folder is of another version of PostgreSQL")

// choose sets the programs for a data folder of the given major version. If newer ones are there too, it is upgraded into
// a copy, and the old folder kept as DataDir.<version>. If that fails, the old programs go on with the old folder.
func (c *Cluster) choose(ctx context.Context, version int) error {
	i := slices.IndexFunc(c.sets, func(s programs.Set) bool { return s.Major == version })
	if i < 0 {
		how := "then it is upgraded at the next start"
		if version > c.sets[0].Major {
			how = "a downgrade is not possible"
		}
		return fmt.Errorf("%w: %s is of version %d, and the newest of the installed is %d: apt-get install postgresql-%d; %s; nothing was touched",
			ErrVersion, c.c.DataDir, version, c.sets[0].Major, version, how)
	}
	c.set = c.sets[i]
	if i == 0 {
		return nil
	}
	old, newest := c.sets[i], c.sets[0]
	if err := c.upgrade(ctx, old, newest); err != nil {
		if ctx.Err() != nil {
			return err
		}
		c.c.Log.Error("the private database could not be upgraded: it goes on with the old version", "from", old.Major, "to", newest.Major, "err", err)
		return nil
	}
	return nil
}

// upgrade brings the data folder to the version of newer. The old folder stays as it is and is kept. The new one takes its
// place in one step, so a crash leaves either.
func (c *Cluster) upgrade(ctx context.Context, old, newer programs.Set) error {
	kept := fmt.Sprintf("%s.%d", c.c.DataDir, old.Major)
	if _, err := os.Lstat(kept); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("upgrade: %s is kept from an upgrade before: remove it when it is not needed", kept)
	}
	// pg_upgrade wants a folder that was shut down; ours may have been killed.
	c.set = old
	if err := c.run(ctx); err != nil {
		return fmt.Errorf("upgrade: start the old version: %w", err)
	}
	err := c.server.stop()
	c.server = nil
	if err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	dir := c.c.DataDir + ".upgrade"
	c.set = newer
	if err := c.copyUpgraded(ctx, dir, old); err != nil {
		c.set = old
		return fmt.Errorf("upgrade: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	if err := unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, c.c.DataDir, unix.RENAME_EXCHANGE); err != nil {
		c.set = old
		return fmt.Errorf("upgrade: put the new data folder in its place: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	// From here on dir is the old folder.
	c.upgraded = true
	c.c.Log.Warn("the private database was upgraded: remove the old data folder when all is well", "from", old.Major, "to", newer.Major, "kept", kept)
	err = errors.Join(os.Rename(dir, kept), syncDir(filepath.Dir(c.c.DataDir)))
	if err != nil {
		c.c.Log.Error("the old data folder could not be renamed: the next start does it", "err", err)
	}
	return nil
}

// copyUpgraded makes the new folder from the old one with pg_upgrade, which copies unless told otherwise, and forces
// its copy to the disk.
func (c *Cluster) copyUpgraded(ctx context.Context, dir string, old programs.Set) error {
	if err := c.initdbIn(ctx, dir); err != nil {
		return err
	}
	if err := c.configure(dir); err != nil {
		return err
	}
	// It writes scripts into the folder that it runs in.
	err := c.set.Run(ctx, c.account, dir, "pg_upgrade", "--old-bindir", old.Dir, "--new-bindir", c.set.Dir, "--old-datadir", c.c.DataDir,
		"--new-datadir", dir, "--username", superuser, "--socketdir", c.c.SocketDir)
	if err != nil {
		return explain(err, err.Error())
	}
	return nil
}

// tidyUpgrade looks at what an interrupted upgrade left: a new folder that is not finished goes; the old one, when the
// exchange was done and the renaming not, is kept.
func (c *Cluster) tidyUpgrade() error {
	dir := c.c.DataDir + ".upgrade"
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	left, err := majorOf(dir)
	if err == nil {
		if now, err := majorOf(c.c.DataDir); err != nil || left <= now {
			if err := os.Rename(dir, fmt.Sprintf("%s.%d", c.c.DataDir, left)); err != nil {
				return fmt.Errorf("keep the old data folder of an upgrade: %w", err)
			}
			return nil
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove an unfinished upgrade: %w", err)
	}
	return nil
}

// analyze gathers the planner's statistics, which pg_upgrade leaves behind.
func (c *Cluster) analyze(ctx context.Context) error {
	conn, err := c.connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("statistics after the upgrade: %w", err)
	}
	c.upgraded = false
	return nil
}
