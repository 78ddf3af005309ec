package system

import (
	"context"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/mgmt/config"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/monitor"
	"fcredirect/mgmt/registry"
)

func TestTheWatcherStopsFirstThenTheLogThenItsDatabase(t *testing.T) {
	dir := t.TempDir()
	defer makeSegment(t, filepath.Join(dir, "segment"), false).Close()
	synctest.Test(t, func(t *testing.T) {
		n := boot(t, string(config.DefaultText), dir, nil)
		after(5 * time.Second)
		if n.ear.count("READY=1") != 1 {
			t.Fatalf("not ready: %s", n.ear.status())
		}
		if err := n.end(); err != nil {
			t.Fatal(err)
		}
		ends := slices.DeleteFunc(n.happened(), func(s string) bool { return strings.HasPrefix(s, "+") })
		if len(ends) != 7 || ends[0] != "-monitor" || ends[5] != "-event" || ends[6] != "-database" {
			t.Errorf("%v", ends)
		}
	})
}

func TestWhatHappensToRolesIsToldUntilNobodyKeepsIt(t *testing.T) {
	dir := t.TempDir()
	defer makeSegment(t, filepath.Join(dir, "segment"), false).Close()
	synctest.Test(t, func(t *testing.T) {
		fail := make(chan error)
		o := options(t, "roles: [{name: event}, {name: peer}]", dir)
		o.notify = &ear{}
		var mu sync.Mutex
		var told []string
		flushed := 0
		o.Build = func(p *Parts) (Makers, error) {
			p.Observe = func(c Change) {
				mu.Lock()
				defer mu.Unlock()
				typ, fields := eventOf(c, "v1")
				if typ == 0 {
					return
				}
				if _, err := event.Encode(typ, fields); err != nil {
					t.Errorf("%v: %v", typ, err)
				}
				text := typ.String()
				if c.Plan.Role != nil {
					text += " " + c.Plan.Role.Name
				}
				told = append(told, text)
			}
			p.Flush = func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				flushed++
				told = append(told, "flush")
				return nil
			}
			return Makers{
				"event": func(config.Instance) (Role, error) { return fakeRole{run: serves}, nil },
				"peer": func(config.Instance) (Role, error) {
					return fakeRole{run: func(ctx context.Context, ready func()) error {
						ready()
						select {
						case err := <-fail:
							return err
						case <-ctx.Done():
							return nil
						}
					}}, nil
				},
			}, nil
		}
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		after(time.Second)
		fail <- errBroken
		after(time.Second)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		want := []string{"process.started", "role.started event", "role.started peer", "role.failed peer", "role.started peer", "process.stopped", "role.stopped peer", "flush"}
		slices.Sort(told[1:3]) // both start at once
		if !reflect.DeepEqual(told, want) || flushed != 1 {
			t.Errorf("got  %q\nwant %q", told, want)
		}
	})
}

func TestEventsSayWhatBecameOfARole(t *testing.T) {
	c, _, err := config.Parse("f", []byte("roles: [{name: store, shards: 2}]"))
	if err != nil {
		t.Fatal(err)
	}
	plan := config.Instance{Role: c.Role("store"), Shard: 1, Number: config.AnyNumber}
	for _, tt := range []struct {
		name    string
		was, is registry.State
		want    event.Type
	}{
		{"ready", registry.Starting, registry.Running, event.RoleStarted},
		{"failed", registry.Running, registry.Failed, event.RoleFailed},
		{"stopped by an admin", registry.Stopping, registry.Stopped, event.RoleStopped},
		{"ended without having run", registry.Standby, registry.Stopped, 0},
		{"starting", registry.New, registry.Starting, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			typ, fields := eventOf(Change{Plan: plan, Was: tt.was, Is: tt.is, Why: "because", Restarts: 3}, "v1")
			if typ != tt.want {
				t.Fatalf("%v, want %v", typ, tt.want)
			}
			if typ == 0 {
				return
			}
			if fields["role"] != "store" || fields["shard"] != 1 || fields["instance"] != "0" || (typ == event.RoleFailed) != (fields["error"] == "because") {
				t.Errorf("%v", fields)
			}
		})
	}
}

func TestMonitorIsToldHowEachRoleIsLookedAfter(t *testing.T) {
	c, _, err := config.Parse("f", []byte("roles: [{name: store, shards: 2, replicas: 4, process: [a, b], health: {interval: 5s, timeout: 2s, threshold: 4, action: fail-over}}, {name: monitor, health: {timeout: 10ms, action: alarm}}]"))
	if err != nil {
		t.Fatal(err)
	}
	want := monitor.Watch{Role: "store", Shards: 2, Replicas: 4, Interval: 5 * time.Second, Timeout: 2 * time.Second, Threshold: 4, Action: monitor.FailOver, Database: true}
	if got := watchOf(c.Role("store")); got != want {
		t.Errorf("%+v", got)
	}
	want = monitor.Watch{Role: "monitor", Shards: 1, Replicas: 1, Interval: time.Second, Timeout: 4 * beat, Threshold: 3, Action: monitor.Tell}
	if got := watchOf(c.Role("monitor")); got != want {
		t.Errorf("%+v", got)
	}
}

func TestMonitorIsToldTheLimitOfTheLargestProcess(t *testing.T) {
	for text, want := range map[string]int64{
		"roles: [{name: store, memory: 1GiB, process: s}, {name: event, memory: 64MiB}, {name: peer, memory: 64MiB}]": 1 << 30,
		"roles: [{name: event, memory: 64MiB}, {name: peer, memory: 64MiB}]":                                          128 << 20,
		"roles: [{name: store, memory: 1GiB, process: s}, {name: event}]":                                             0,
		"roles: [{name: store, memory: 1GiB, process: s}]":                                                            1 << 30,
	} {
		c, _, err := config.Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := mostMemory(c); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
