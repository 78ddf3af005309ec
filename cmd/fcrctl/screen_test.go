package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal of 100 x 20 characters: our end, and the program's.
func terminal(t *testing.T) (ours, its *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { ours.Close() })
	fd := int(ours.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if its, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { its.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 20, Col: 100}); err != nil {
		t.Fatal(err)
	}
	return ours, its
}

// hold makes a segment whose data plane lives until the test ends.
func hold(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	maker := exec.Command("mksegment", "--end", "hold", dir)
	maker.Stderr = os.Stderr
	if err := maker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = maker.Process.Signal(syscall.SIGTERM)
		if err := maker.Wait(); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "ready")); err == nil {
			return dir
		}
		if time.Now().After(deadline) {
			t.Fatal("mksegment was not ready within 30 s")
		}
	}
}

func TestTopFillsATerminalUntilQIsTypedAndLeavesItAsItWas(t *testing.T) {
	ours, its := terminal(t)
	before, err := unix.IoctlGetTermios(int(its.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	top := exec.Command("fcrctl", "--segment", hold(t), "top", "--interval", "100ms")
	top.Env = append(os.Environ(), "TERM=xterm")
	top.Stdin, top.Stdout, top.Stderr = its, its, its
	if err := top.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := ours.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	until := func(text string) {
		t.Helper()
		buf := make([]byte, 4096)
		for !strings.Contains(said.String(), text) {
			n, err := ours.Read(buf)
			if said.Write(buf[:n]); err != nil {
				t.Fatalf("%v; so far %q", err, said.String())
			}
		}
	}
	until(enterScreen)
	until("the busiest 3;")
	page := said.String()[strings.Index(said.String(), cursorHome):]
	if lines := strings.Split(page, "\r\n"); len(lines) > 20 || !strings.Contains(page, "20:00:02:fc:01:00:00:01") {
		t.Errorf("%d lines on a terminal of 20: %q", len(lines), page)
	}
	if _, err := ours.WriteString("xq"); err != nil {
		t.Fatal(err)
	}
	until(leaveScreen)
	if err := top.Wait(); err != nil {
		t.Errorf("after q: %v", err)
	}
	after, err := unix.IoctlGetTermios(int(its.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if after.Lflag != before.Lflag {
		t.Errorf("the terminal's mode is %#x, was %#x", after.Lflag, before.Lflag)
	}
}

func TestATerminalThatKnowsNoSequencesGetsPlainPages(t *testing.T) {
	ours, its := terminal(t)
	top := exec.Command("fcrctl", "--segment", hold(t), "top", "--interval", "100ms", "--count", "1")
	top.Env = append(os.Environ(), "TERM=dumb")
	top.Stdout = its
	if err := top.Run(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16384)
	n, err := ours.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(buf[:n]); strings.Contains(text, "\x1b") || !strings.Contains(text, "fc-redirect fcr-a") {
		t.Errorf("%q", text)
	}
}
