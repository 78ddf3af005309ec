package registry

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"fcredirect/mgmt/attach"
)

// TestMain makes the test binary a process that has a role (play), when a test runs it as such.
func TestMain(m *testing.M) {
	if dir := os.Getenv("REGISTRY_TEST_PLAY"); dir != "" {
		if err := play(dir, os.Getenv("REGISTRY_TEST_ROLE")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// play takes a role, says "ready" and keeps it until its input ends.
func play(dir, role string) error {
	r, err := Open(Options{Place: attach.Place{Dir: dir}, Name: "play"})
	if err != nil {
		return err
	}
	defer r.Close()
	c, err := r.Claim(Instance{Role: role})
	if err != nil {
		return err
	}
	c.Beat(Running, "")
	fmt.Println("ready")
	_, err = io.ReadAll(os.Stdin)
	return err
}

type player struct {
	*exec.Cmd
	in io.Closer
}

// startPlayer runs the test binary as another process that has a role.
func startPlayer(t *testing.T, dir, role string) *player {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "REGISTRY_TEST_PLAY="+dir, "REGISTRY_TEST_ROLE="+role)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return &player{cmd, in}
}
