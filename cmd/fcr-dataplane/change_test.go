package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/shm"
)

// change install SEGMENT REVISION FILE WINDOW [CODE] | change confirm|revert SEGMENT REVISION [CODE]: what a client asks the
// data plane; with a code it must be refused with it. The text of the answer goes to standard output.
func change(ts *testscript.TestScript, neg bool, args []string) {
	state, err1 := shm.Open(filepath.Join(ts.MkAbs(args[1]), "state"), false)
	ctl, err2 := shm.Open(filepath.Join(ts.MkAbs(args[1]), "ctl"), true)
	revision, err3 := strconv.ParseUint(args[2], 10, 64)
	ts.Check(errors.Join(err1, err2, err3))
	defer state.Close()
	defer ctl.Close()
	c, rest := command.New(state, ctl), args[3:]
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	began := time.Now()
	var err error
	switch args[0] {
	case "install":
		window, wrong := time.ParseDuration(rest[1])
		text, wrong2 := os.ReadFile(ts.MkAbs(rest[0]))
		ts.Check(errors.Join(wrong, wrong2))
		rest = rest[2:]
		_, err = c.Install(ctx, command.Install{Revision: revision, Document: text, Window: window})
	case "confirm":
		_, err = c.Confirm(ctx, revision)
	case "revert":
		_, err = c.Revert(ctx, revision)
	}
	ts.Logf("%s took %v", strings.Join(args, " "), time.Since(began).Round(time.Millisecond))
	answered := (*command.Error)(nil)
	switch {
	case len(rest) == 0:
		ts.Check(err)
	case !errors.As(err, &answered) || answered.Code.String() != rest[0]:
		ts.Fatalf("answered %v, want %s", err, rest[0])
	default:
		ts.Check(os.WriteFile(ts.MkAbs("answer"), []byte(answered.Text+"\n"), 0o600))
	}
}

// revision SEGMENT ACTIVE CONFIRMED [WHAT]: waits until they are, and until WHAT came of the last one.
func revisionIs(ts *testscript.TestScript, neg bool, args []string) {
	state, err := shm.Open(filepath.Join(ts.MkAbs(args[0]), "state"), false)
	ts.Check(err)
	defer state.Close()
	want, got := strings.Join(args[1:], " "), ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		s, err := command.Read(state)
		ts.Check(err)
		if got = fmt.Sprintf("%d %d", s.Revision, s.Confirmed); len(args) > 3 {
			got += " " + s.Last.What
		}
		if got == want {
			return
		}
	}
	ts.Fatalf("revisions are %s, want %s", got, want)
}

// large FILE N: a policy of N policies, a line each.
func large(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b strings.Builder
	b.WriteString("services:\n  - {name: inspect, mode: steer, port: svc0, mac: \"02:fc:5e:00:00:01\"}\npolicies:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: p-%d, match: {initiator: \"21:00:00:24:00:00:%02x:%02x\", target: \"50:00:00:24:00:00:00:%02x\", vsan: any}, action: redirect, service: inspect}\n",
			i, i>>8, i&255, i%250)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o600))
}
