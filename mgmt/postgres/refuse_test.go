package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/postgres/programs"
)

func TestWhatCannotBeStartedIsSaidAndNotTouched(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give folders to others and to mount a small one")
	}
	made := place(t)
	c, _ := newCluster(t, made)
	start(t, c)
	must(t, c.Stop())
	// As much of a data folder as is judged before the server is started.
	sketch := place(t)
	must(t, os.MkdirAll(sketch+"/data/global", 0o700))
	write(t, sketch+"/data/PG_VERSION", fmt.Sprintln(c.set.Major))
	write(t, sketch+"/data/global/pg_control", "")
	for _, test := range []struct {
		name  string
		from  string
		spoil func(t *testing.T, dir string)
		says  []string
		is    error
	}{
		{"a data folder of an older version", sketch, func(t *testing.T, dir string) { write(t, dir+"/data/PG_VERSION", "13\n") },
			[]string{"version 13", "installed is 15", "apt-get install postgresql-13", "next start"}, ErrVersion},
		{"a data folder of a newer version", sketch, func(t *testing.T, dir string) { write(t, dir+"/data/PG_VERSION", "99\n") },
			[]string{"version 99", "apt-get install postgresql-99", "downgrade"}, ErrVersion},
		{"a folder of something else", sketch, func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir+"/data"))
			must(t, os.Mkdir(dir+"/data", 0o755))
			write(t, dir+"/data/precious", "x")
		}, []string{"not empty and not PostgreSQL's"}, nil},
		{"a data folder that lost a file", sketch, func(t *testing.T, dir string) { must(t, os.Remove(dir+"/data/global/pg_control")) },
			[]string{"not whole", "backup"}, nil},
		{"a data folder of another user", sketch, func(t *testing.T, dir string) { must(t, os.Chown(dir+"/data", 1, 1)) },
			[]string{"belongs to uid 1", "chown -R"}, nil},
		{"a parent that is closed to the server", sketch, func(t *testing.T, dir string) { must(t, os.Chmod(dir, 0o700)) },
			[]string{"may not enter", "chmod o+x"}, nil},
		{"a socket folder that is a file", sketch, func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir+"/run"))
			write(t, dir+"/run", "")
		}, []string{"socket folder", "not a directory"}, nil},
		{"a data file that the server does not understand", made, func(t *testing.T, dir string) { write(t, dir+"/data/global/pg_control", "x") },
			[]string{"start the server", "pg_control"}, nil},
		{"a local setting that does not exist", made, func(t *testing.T, dir string) { write(t, dir+"/data/local.conf", "no_such = 1\n") },
			[]string{"start the server", "no_such"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := place(t)
			copyTree(t, test.from, dir)
			test.spoil(t, dir)
			before := listing(t, dir+"/data")
			c, _ := newCluster(t, dir)
			err := c.Start(t.Context())
			if err == nil {
				t.Fatal("it started")
			}
			for _, word := range test.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("the error does not say %q: %v", word, err)
				}
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
			if after := listing(t, dir+"/data"); after != before {
				t.Errorf("the data folder was touched: %s, then %s", before, after)
			}
			if c.lock != nil || c.server != nil {
				t.Error("something is held")
			}
		})
	}
	t.Run("a data folder that others may read is closed", func(t *testing.T) {
		must(t, os.Chmod(made+"/data", 0o755))
		start(t, c)
		if st, err := os.Stat(made + "/data"); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if st, err := os.Stat(path); err == nil {
		// The owner stays.
		must(t, os.WriteFile(path, []byte(text), st.Mode()))
		return
	}
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	account, err := programs.AccountFor("")
	must(t, err)
	must(t, filepath.WalkDir(from+"/data", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		if d.IsDir() {
			must(t, os.Mkdir(target, 0o700))
		} else {
			b, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(target, b, 0o600))
		}
		return account.Own(target)
	}))
}

// listing is the names in the data folder, but for the one that the server leaves when it panics.
func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		if e.Name() != "postmaster.pid" {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, " ")
}

func TestAFullDiskIsRecognised(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a small file system")
	}
	dir := place(t)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=20m,mode=755"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	defer func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) }()
	c, _ := newCluster(t, dir)
	err := c.Start(t.Context())
	if Kind(err) != DiskFull || !strings.Contains(err.Error(), "make the data folder") {
		t.Errorf("%v is %v", err, Kind(err))
	}
	if _, err := os.Stat(dir + "/data.new"); !os.IsNotExist(err) {
		t.Error("half a data folder is left")
	}
}

func TestPathsThatCannotWorkAreRefusedAtOnce(t *testing.T) {
	long := "/tmp/" + strings.Repeat("x", socketPathMax-len("/tmp/")-len("/"+socket))
	for _, test := range []struct{ data, socket, says string }{
		{"data", "/tmp/run", "absolute"},
		{"/tmp/data", "run", "absolute"},
		{"/tmp/data", "/tmp/a,b", "commas"},
		{"/tmp/data", long + "x", "108 bytes, and 107"},
	} {
		if _, err := NewCluster(ClusterConfig{DataDir: test.data, SocketDir: test.socket}); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s, %s: %v does not say %q", test.data, test.socket, err, test.says)
		}
	}
	if _, err := NewCluster(ClusterConfig{DataDir: "/tmp/data", SocketDir: long}); err != nil {
		t.Error(err)
	}
}
