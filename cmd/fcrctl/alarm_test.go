package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/registry"
)

// playMonitorMain is the command playmonitor: a process with role monitor that answers with a file, until SIGTERM.
//
//	playmonitor --ready FILE FOLDER ANSWER
func playMonitorMain() {
	ready := flag.String("ready", "", "")
	flag.Parse()
	if err := playMonitor(flag.Arg(0), flag.Arg(1), *ready); err != nil {
		fmt.Fprintln(os.Stderr, "playmonitor:", err)
		os.Exit(1)
	}
}

func playMonitor(dir, answer, ready string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: dir}, Name: "playmonitor"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reg.Close()) }()
	b, err := bus.Open(reg, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	defer b.Handle("alarm.list", func(context.Context, []byte) ([]byte, error) { return os.ReadFile(answer) })()
	c, err := reg.Claim(registry.Instance{Role: "monitor"})
	if err != nil {
		return err
	}
	c.Beat(registry.Running, "")
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func TestTheREADMENamesEveryKeyOfAnAlarm(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "**alarm list**")
	text, _, _ = strings.Cut(text, "\n\n")
	for i := range reflect.TypeFor[alarm.Alarm]().NumField() {
		key, _, _ := strings.Cut(reflect.TypeFor[alarm.Alarm]().Field(i).Tag.Get("json"), ",")
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("the key %s is not there", key)
		}
	}
}
