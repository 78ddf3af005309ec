package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres/programs"
)

// Start starts a server that was stopped or killed, and waits until it answers.
func (i *Instance) Start(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(i.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(t, err)
	defer log.Close()
	deadline := time.Now().Add(bound)
	for {
		i.cmd = home.set.Command(context.Background(), account(), "postgres", "-D", i.data)
		i.cmd.Stdout, i.cmd.Stderr = log, log
		must(t, i.cmd.Start())
		if i.answers(deadline) {
			return
		}
		// Children of a killed postmaster hold its shared memory for a moment.
		if time.Now().After(deadline) || i.running() || !strings.Contains(i.Log(), "shared memory block") {
			t.Fatalf("pgtest: the server does not start: %s", programs.Tail(i.Log()))
		}
		_ = i.cmd.Wait()
	}
}

// answers waits until it does; false when it ended or the time is over.
func (i *Instance) answers(deadline time.Time) bool {
	ctx, stop := context.WithDeadline(context.Background(), deadline)
	defer stop()
	for ctx.Err() == nil && i.running() {
		if conn, err := pgx.Connect(ctx, i.AdminDSN("postgres")); err == nil {
			return conn.Close(ctx) == nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func (i *Instance) logFile() string { return filepath.Join(i.dir, "log") }

// Log is what the server wrote.
func (i *Instance) Log() string {
	b, err := os.ReadFile(i.logFile())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// running says whether the postmaster lives. A process that nobody has waited for is a zombie.
func (i *Instance) running() bool {
	if i.cmd == nil || i.cmd.Process == nil || i.cmd.ProcessState != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", i.cmd.Process.Pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// PID is the postmaster's.
func (i *Instance) PID() int { return i.cmd.Process.Pid }

// Stop ends the server in order: sessions are ended, what is committed stays.
func (i *Instance) Stop(t testing.TB) {
	t.Helper()
	i.end(t, syscall.SIGINT)
}

// Kill ends the postmaster and all its children with SIGKILL. The next Start recovers.
func (i *Instance) Kill(t testing.TB) {
	t.Helper()
	children := i.children()
	i.end(t, syscall.SIGKILL)
	for _, pid := range children {
		// One that noticed by itself has gone.
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func (i *Instance) end(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if i.cmd == nil || i.cmd.ProcessState != nil {
		return
	}
	if err := i.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		must(t, err)
	}
	late := time.AfterFunc(bound, func() { _ = i.cmd.Process.Kill() })
	defer late.Stop()
	// It says how it ended, which is not asked here.
	_ = i.cmd.Wait()
}

// Pause makes the server hang, its sessions too: it takes connections and answers nothing, until Resume.
func (i *Instance) Pause(t testing.TB) {
	t.Helper()
	must(t, i.cmd.Process.Signal(syscall.SIGSTOP))
	for _, pid := range i.children() {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
}

// Resume ends Pause.
func (i *Instance) Resume(t testing.TB) {
	t.Helper()
	must(t, i.cmd.Process.Signal(syscall.SIGCONT))
	for _, pid := range i.children() {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
}

func (i *Instance) children() []int {
	pid := i.PID()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var pids []int
	for _, f := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(f); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (i *Instance) remove(t testing.TB) {
	if i.running() {
		for _, pid := range append(i.children(), i.PID()) {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	}
	i.end(t, syscall.SIGQUIT)
	if t.Failed() {
		t.Logf("pgtest: the server's log ends: %s", programs.Tail(i.Log()))
	}
	if err := os.RemoveAll(i.dir); err != nil {
		t.Logf("pgtest: %v", err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
	return port
}
