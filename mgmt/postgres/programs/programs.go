// Package programs finds PostgreSQL's server programs on this machine and runs them as the right user.
//
// Who may import it: mgmt/postgres and what is under it. It imports nothing of ours.
//
// It holds no state. PostgreSQL refuses to run as root, so root runs its programs as an account without rights; anybody
// else runs them as himself. No program inherits our files, our terminal's signals or our environment, except PATH.
package programs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// debian is where Debian's packages put the programs of each major version.
const debian = "/usr/lib/postgresql/*/bin"

// Set is the programs of one major version.
type Set struct {
	Major int
	Dir   string
}

// ErrMissing is the error when there are none.
var ErrMissing = errors.New("PostgreSQL's server programs are missing: install them with: apt-get install postgresql")

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// In gives the set in a folder.
func In(dir string) (Set, error) {
	for _, name := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return Set{}, fmt.Errorf("%s: %w", dir, ErrMissing)
		}
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Set{}, fmt.Errorf("%s/postgres --version: %w", dir, err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return Set{}, fmt.Errorf("%s/postgres --version says %.60q", dir, out)
	}
	major, err := strconv.Atoi(string(m[1]))
	return Set{Major: major, Dir: dir}, err
}

// All gives the sets of this machine, the newest first. No set is ErrMissing.
func All() ([]Set, error) {
	dirs, err := filepath.Glob(debian)
	if err != nil {
		return nil, err
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	var sets []Set
	for _, dir := range dirs {
		s, err := In(dir)
		if err == nil && !slices.ContainsFunc(sets, func(o Set) bool { return o.Major == s.Major }) {
			sets = append(sets, s)
		}
	}
	if len(sets) == 0 {
		return nil, ErrMissing
	}
	slices.SortFunc(sets, func(a, b Set) int { return cmp.Compare(b.Major, a.Major) })
	return sets, nil
}

// Account is who runs them.
type Account struct {
	Name     string
	UID, GID int
	switched bool // we are root and become it
}

// AccountFor gives the named account, or postgres, when we are root, and ourselves else.
func AccountFor(name string) (Account, error) {
	root := os.Geteuid() == 0
	name = cmp.Or(name, "postgres")
	var u *user.User
	var err error
	if root {
		u, err = user.Lookup(name)
	} else {
		u, err = user.Current()
	}
	if err != nil {
		return Account{}, fmt.Errorf("account to run PostgreSQL as: %w", err)
	}
	a := Account{Name: u.Username, switched: root}
	if a.UID, err = strconv.Atoi(u.Uid); err != nil {
		return Account{}, fmt.Errorf("account %s: %w", u.Username, err)
	}
	if a.GID, err = strconv.Atoi(u.Gid); err != nil {
		return Account{}, fmt.Errorf("account %s: %w", u.Username, err)
	}
	if a.UID == 0 {
		return Account{}, errors.New("account to run PostgreSQL as: it must not be root")
	}
	return a, nil
}

// Own gives a file or folder to the account.
func (a Account) Own(path string) error {
	if !a.switched {
		return nil
	}
	return os.Lchown(path, a.UID, a.GID)
}

// Command prepares a program of the set: as the account, in a session of its own, in folder / (those of root may be closed
// to the account), without our environment. The context kills it.
func (s Set) Command(ctx context.Context, a Account, name string, args ...string) *exec.Cmd {
	path := filepath.Join(s.Dir, name)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.UID), Gid: uint32(a.GID)}
	}
	return cmd
}

// Run runs a program of the set to its end, in a folder. It does not outlive us: what it leaves half done is then ours to
// remove, and must not change under our hands. The error holds the last of what it said.
func (s Set) Run(ctx context.Context, a Account, dir, name string, args ...string) error {
	cmd := s.Command(ctx, a, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = childDelay
	// The kernel means the thread that started it, so the thread stays until the program has ended.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, Tail(string(out)))
	}
	return nil
}

// childDelay is how long children of a program that was killed may hold its output.
const childDelay = 5 * time.Second

// tail is how much of what a program said goes into an error.
const tail = 600

// Tail is the end of a program's output, from a line's begin.
func Tail(out string) string {
	out = strings.TrimSpace(out)
	if len(out) > tail {
		out = out[len(out)-tail:]
		if _, rest, found := strings.Cut(out, "\n"); found {
			out = rest
		}
	}
	return out
}
