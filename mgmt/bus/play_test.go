package bus

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

// TestMain makes the test binary a process that has a role and answers (play), when a test runs it as such.
func TestMain(m *testing.M) {
	if dir := os.Getenv("BUS_TEST_PLAY"); dir != "" {
		if err := play(dir, os.Getenv("BUS_TEST_ROLE")); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// play answers until its input ends: echo and inline give the request back, never waits for the caller to give up.
func play(dir, role string) error {
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: dir}, Name: "play"})
	if err != nil {
		return err
	}
	defer reg.Close()
	b, err := Open(reg, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	b.Handle("echo", echo)
	b.HandleInline("inline", echo)
	b.Handle("never", func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	c, err := reg.Claim(registry.Instance{Role: role})
	if err != nil {
		return err
	}
	c.Beat(registry.Running, "")
	fmt.Println("ready")
	_, err = io.ReadAll(os.Stdin)
	return err
}

// startPlayer runs the test binary as another process on the bus.
func startPlayer(t testing.TB, dir, role string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BUS_TEST_PLAY="+dir, "BUS_TEST_ROLE="+role)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return cmd
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
