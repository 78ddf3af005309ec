package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/eventlog"
	"fcredirect/mgmt/registry"
)

// playEventMain is the command playevent: a process with role event, without a database, until SIGTERM.
//
//	playevent --ready FILE FOLDER CHECK
//
// The log has 120 events. A check is answered with the file CHECK. Ten more events come when FOLDER/more is there.
func playEventMain() {
	ready := flag.String("ready", "", "")
	flag.Parse()
	if err := playEvent(flag.Arg(0), flag.Arg(1), *ready); err != nil {
		fmt.Fprintln(os.Stderr, "playevent:", err)
		os.Exit(1)
	}
}

// wires lets the role answer what needs no database.
type wires struct{ *bus.Bus }

func (w wires) Handle(method string, answer func(context.Context, []byte) ([]byte, error)) (remove func()) {
	if method == event.MethodCheck || method == event.MethodRebuild {
		return func() {}
	}
	return w.Bus.Handle(method, answer)
}

func playEvent(dir, check, ready string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: dir}, Name: "playevent"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reg.Close()) }()
	b, err := bus.Open(reg, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	for _, method := range []string{event.MethodCheck, event.MethodRebuild} {
		defer b.Handle(method, func(context.Context, []byte) ([]byte, error) { return os.ReadFile(check) })()
	}
	role, err := eventlog.New(eventlog.Options{Place: attach.Place{Dir: filepath.Join(dir, "none")}, Bus: wires{b}, Dir: filepath.Join(dir, "spool")})
	if err != nil {
		return err
	}
	c, err := reg.Claim(registry.Instance{Role: "event"})
	if err != nil {
		return err
	}
	serving, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- role.Run(ctx, func() { close(serving) }) }()
	select {
	case <-serving:
	case err := <-ended:
		return err
	}
	c.Beat(registry.Running, "")
	if err := playEvents(ctx, b, 0, 120); err != nil {
		return err
	}
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		return err
	}
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
		}
		if _, err := os.Stat(filepath.Join(dir, "more")); err == nil {
			tick.Stop()
			if err := playEvents(ctx, b, 120, 130); err != nil {
				return err
			}
		}
	}
}

// playEvents tells events of 2026-01-01, one each second: every tenth is about a role that failed, others about ports.
func playEvents(ctx context.Context, b *bus.Bus, from, to int) error {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	q := event.AppendRequest{Instance: 0xfeed}
	for i := from + 1; i <= to; i++ {
		e := event.Incoming{Seq: uint64(i), At: at.Add(time.Duration(i) * time.Second).UnixNano(), Type: event.PortUp}
		fields := event.Fields{"name": "edge0", "index": 0}
		if i%10 == 0 {
			e.Type, fields = event.RoleFailed, event.Fields{"role": "store", "shard": 1, "error": "disk \"full\"", "restarts": i}
		}
		var err error
		if e.Fields, err = event.Encode(e.Type, fields); err != nil {
			return err
		}
		q.Events = append(q.Events, e)
	}
	request, err := json.Marshal(q)
	if err != nil {
		return err
	}
	_, err = b.Call(ctx, event.RoleName, event.MethodAppend, request)
	return err
}

func TestTheREADMENamesEveryKeyOfAnEvent(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	one, err := event.Event{}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{}
	if err := json.Unmarshal(one, &keys); err != nil {
		t.Fatal(err)
	}
	for command, of := range map[string][]string{"event list": nil, "event replay": nil} {
		if command == "event list" {
			for key := range keys {
				of = append(of, key)
			}
		}
		if command == "event replay" {
			for _, v := range []reflect.Type{reflect.TypeFor[event.CheckAnswer](), reflect.TypeFor[event.ViewCheck]()} {
				for i := range v.NumField() {
					key, _, _ := strings.Cut(v.Field(i).Tag.Get("json"), ",")
					of = append(of, key)
				}
			}
		}
		_, text, _ := strings.Cut(string(b), "**"+command+"**")
		text, _, _ = strings.Cut(text, "\n\n")
		for _, key := range of {
			if !strings.Contains(text, "`"+key+"`") {
				t.Errorf("%s: the key %s is not there", command, key)
			}
		}
	}
}
