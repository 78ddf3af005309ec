package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

// playRoleMain is the command playrole: a process that has a role and obeys orders, until SIGTERM.
//
//	playrole [--shard N] [--version V] [--standby] [--deaf] [--ready FILE] FOLDER ROLE
//
// deaf does not obey; ready is made once the role is there.
func playRoleMain() {
	shard := flag.Int("shard", 0, "")
	version := flag.String("version", "1.0", "")
	standby := flag.Bool("standby", false, "")
	deaf := flag.Bool("deaf", false, "")
	ready := flag.String("ready", "", "")
	flag.Parse()
	in := registry.Instance{Role: flag.Arg(1), Shard: *shard, Endpoint: "unix:/run/x"}
	if *standby {
		in.Number = registry.AnyNumber
	}
	if err := playRole(flag.Arg(0), *version, *ready, in, *standby, *deaf); err != nil {
		fmt.Fprintln(os.Stderr, "playrole:", err)
		os.Exit(1)
	}
}

func playRole(dir, version, ready string, in registry.Instance, standby, deaf bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: dir}, Name: "playrole", Version: version})
	if err != nil {
		return err
	}
	defer reg.Close()
	take := reg.Claim
	if standby {
		take = reg.Standby
	}
	c, err := take(in)
	if err != nil {
		return err
	}
	state, done := registry.Running, c.Wanted()
	if standby {
		state = registry.Standby
	}
	c.Beat(state, "")
	if err := os.WriteFile(filepath.Join(ready), nil, 0o600); err != nil {
		return err
	}
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		select {
		case <-c.Promoted():
		default:
			continue
		}
		state = registry.Running
		if w := c.Wanted(); !deaf {
			if w.Stop {
				state = registry.Stopped
			} else if w.Restart != done.Restart {
				c.Restarted(errors.New("it was asked for"))
				done = w
				c.Done(w)
			}
		}
		c.Beat(state, "")
	}
}

func TestTheTableSaysWhatIsWantedWhereItIsSomethingElse(t *testing.T) {
	for _, c := range []struct {
		in   registry.Instance
		want string
	}{
		{registry.Instance{State: registry.Running, PID: 1, Alive: true}, "running"},
		{registry.Instance{State: registry.Running, PID: 1, Alive: true, Stop: true}, "running (to stop)"},
		{registry.Instance{State: registry.Stopped, PID: 1, Alive: true, Stop: true}, "stopped"},
		{registry.Instance{State: registry.Running, PID: 1}, "dead"},
		{registry.Instance{State: registry.Stopped}, "stopped"},
		{registry.Instance{State: 99, PID: 1, Alive: true}, "unknown"},
	} {
		if r := roleOf(c.in); r.state() != c.want {
			t.Errorf("%+v: %q, want %q", c.in, r.state(), c.want)
		}
	}
}
