package apifuzz

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"fcredirect/mgmt/api"
	"fcredirect/mgmt/auth"
)

// cli runs the scripts of the command line, one after the other, against the node: over its socket, and over HTTPS with a
// token and the fingerprint of the certificate.
func (n *node) cli(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/fcrctl").CombinedOutput(); err != nil {
		t.Fatalf("build fcrctl: %v\n%s", err, out)
	}
	token, viewer := n.token(who{auth.Admin, 0}), n.token(who{auth.Viewer, 0})
	address := strings.TrimPrefix(n.base, "https://")
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := fmt.Sprintf("%x", sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	testscript.RunT(sequential{t}, testscript.Params{
		Dir: filepath.Join("testdata", "cli"), RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("SOCKET", "unix:"+filepath.Join(n.config.RunDir, api.SocketName))
			e.Setenv("HTTPS", "https://"+net.JoinHostPort("127.0.0.1", address[strings.LastIndex(address, ":")+1:]))
			e.Setenv("FINGERPRINT", fingerprint)
			e.Setenv("FCRCTL_CONFIG", filepath.Join(e.WorkDir, "contexts.yaml"))
			e.Setenv("ADMIN", token)
			e.Setenv("VIEWER", viewer)
			return os.WriteFile(filepath.Join(e.WorkDir, "token"), []byte(token+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"fails": fails},
	})
}

// fails STATUS PROGRAM ARGS…: the program ends with just this status.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	exit, ok := err.(*exec.ExitError)
	if neg || !ok || fmt.Sprint(exit.ExitCode()) != args[0] {
		ts.Fatalf("%v: %v, want exit status %s", args[1:], err, args[0])
	}
}

// sequential keeps scripts from running at once: they share the node's one configuration.
type sequential struct{ *testing.T }

func (s sequential) Parallel() {}

func (s sequential) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(sequential{t}) })
}

func (s sequential) Verbose() bool { return testing.Verbose() }
