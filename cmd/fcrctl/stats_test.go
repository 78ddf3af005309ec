package main

import (
	"context"
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
	"fcredirect/mgmt/registry"
	"fcredirect/mgmt/stats"
)

// playTelemetryMain is the command playtelemetry: a process with role telemetry that answers METHOD with the file
// METHOD.json and leaves the request in METHOD.request, until SIGTERM.
//
//	playtelemetry --ready FILE FOLDER ANSWERS
func playTelemetryMain() {
	ready := flag.String("ready", "", "")
	flag.Parse()
	if err := playTelemetry(flag.Arg(0), flag.Arg(1), *ready); err != nil {
		fmt.Fprintln(os.Stderr, "playtelemetry:", err)
		os.Exit(1)
	}
}

func playTelemetry(dir, answers, ready string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: dir}, Name: "playtelemetry"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reg.Close()) }()
	b, err := bus.Open(reg, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	for _, method := range []string{"stats.top", "stats.total", "stats.series"} {
		defer b.Handle(method, func(_ context.Context, request []byte) ([]byte, error) {
			if err := os.WriteFile(filepath.Join(answers, method+".request"), append(request, '\n'), 0o600); err != nil {
				return nil, err
			}
			return os.ReadFile(filepath.Join(answers, method+".json"))
		})()
	}
	c, err := reg.Claim(registry.Instance{Role: "telemetry"})
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

func TestTheREADMENamesEveryKeyOfStats(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for command, values := range map[string][]any{
		"stats top":  {stats.Top{}, stats.Range{}, stats.TopRow{}, stats.Key{}, stats.Counts{}, stats.PortCounts{}},
		"stats show": {counted{}, stats.Total{}, stats.Series{}, stats.Point{}},
	} {
		_, text, _ := strings.Cut(string(b), "\n**"+command+"**")
		text, _, _ = strings.Cut(text, "\n\n")
		for _, v := range values {
			for i := range reflect.TypeOf(v).NumField() {
				field := reflect.TypeOf(v).Field(i)
				key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				if !field.Anonymous && !strings.Contains(text, "`"+key+"`") {
					t.Errorf("%s: the key %s is not there", command, key)
				}
			}
		}
	}
}

func TestAMomentIsATimeAgoOrATime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"10m": "2026-11-22T11:50:00Z", "0s": "2026-11-22T12:00:00Z", "1h30m": "2026-11-22T10:30:00Z", "7d": "2026-11-15T12:00:00Z",
		"2w": "2026-11-08T12:00:00Z", "0d": "2026-11-22T12:00:00Z", "2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z",
		"2026-01-01T01:00:00+01:00": "2026-01-01T00:00:00Z",
		"":                          "", "d": "", "-1d": "", "-10m": "", "10": "", "1.5d": "", "70000d": "", "yesterday": "", "2026-13-01T00:00:00Z": "", "1d2h": "",
	} {
		got := ""
		if at, err := whenOf(text, now); err == nil {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
