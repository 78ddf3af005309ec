package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Only one version can be had here, so the old and the new are the same one.
func TestAnUpgradeCopiesAndKeepsTheOldFolder(t *testing.T) {
	dir := place(t)
	c, log := newCluster(t, dir)
	start(t, c)
	must(t, Migrate(t.Context(), c.DSN()))
	do(t, c.DSN(), "INSERT INTO node (name) VALUES ('kept')")
	must(t, syscall.Kill(c.server.pid, syscall.SIGKILL))
	<-c.Done()
	must(t, c.Stop())
	must(t, c.take())
	must(t, c.socketDir())
	set := c.sets[0]
	must(t, c.upgrade(t.Context(), set, set))
	must(t, c.Stop())
	if !strings.Contains(log.String(), "was upgraded") {
		t.Error(log)
	}
	kept := fmt.Sprintf("%s/data.%d", dir, set.Major)
	if major, err := majorOf(kept); err != nil || major != set.Major {
		t.Errorf("the old folder is not kept: %v", err)
	}
	start(t, c)
	if is := one(t, c.DSN(), "SELECT name FROM node"); is != "kept" {
		t.Error(is)
	}
	if c.upgraded {
		t.Error("no statistics were gathered")
	}
	must(t, c.Stop())
	if err := c.upgrade(t.Context(), set, set); err == nil || !strings.Contains(err.Error(), kept) {
		t.Errorf("a second upgrade would overwrite what is kept: %v", err)
	}
}

func TestAnInterruptedUpgradeLosesNothing(t *testing.T) {
	for _, test := range []struct {
		name, data, left string
		kept             string // where the left folder is afterwards, "" = gone
	}{
		{"killed before pg_upgrade was done", "15", "16", ""},
		{"killed in initdb", "15", "", ""},
		{"killed after the exchange", "16", "15", "data.15"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := place(t)
			c, _ := newCluster(t, dir)
			for name, version := range map[string]string{"data": test.data, "data.upgrade": test.left} {
				must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
				if version != "" {
					write(t, filepath.Join(dir, name, "PG_VERSION"), version+"\n")
				}
			}
			must(t, c.tidy())
			if _, err := os.Stat(filepath.Join(dir, "data.upgrade")); !os.IsNotExist(err) {
				t.Error("it is still there")
			}
			if test.kept != "" {
				if major, err := majorOf(filepath.Join(dir, test.kept)); err != nil || fmt.Sprint(major) != test.left {
					t.Errorf("%d, %v", major, err)
				}
			}
			if major, err := majorOf(filepath.Join(dir, "data")); err != nil || fmt.Sprint(major) != test.data {
				t.Errorf("the data folder is of version %d, %v", major, err)
			}
		})
	}
}
