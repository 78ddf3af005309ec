package postgres

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"fcredirect/mgmt/postgres/programs"
)

const unprivileged = "FCR_UNPRIVILEGED_DIR"

// Run by the next test as a user without rights.
func TestUnprivilegedChild(t *testing.T) {
	dir := os.Getenv(unprivileged)
	if dir == "" {
		return
	}
	c, _ := newCluster(t, dir)
	start(t, c)
	if is := one(t, c.DSN(), "SELECT current_user"); is != role {
		t.Error(is)
	}
}

func TestAnOwnerWithoutRightsRunsTheServerAsHimself(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("every other test does that when it does not run as root")
	}
	account, err := programs.AccountFor("")
	must(t, err)
	dir := place(t)
	must(t, account.Own(dir))
	self := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestUnprivilegedChild$", "-test.v")
	self.Env = []string{unprivileged + "=" + dir, "PATH=" + os.Getenv("PATH")}
	self.Dir = "/"
	self.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(account.UID), Gid: uint32(account.GID)}}
	out, err := self.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestUnprivilegedChild") {
		t.Errorf("%v: %s", err, out)
	}
}
