package change

import (
	"testing"
	"time"
)

func TestOnlyACountdownThatGoesOnByItselfIsNoNews(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	open := func(left float64, deadline time.Duration) *State {
		return &State{Phase: Window, Dataplane: true, Window: &WindowState{Revision: 4, By: "alice", Deadline: at.Add(deadline), SecondsLeft: left, WindowS: 60}}
	}
	before := open(30, time.Minute)
	for _, tt := range []struct {
		name   string
		now    *State
		passed time.Duration
		want   bool
	}{
		{"nothing", open(30, time.Minute), 0, true},
		{"a quarter of a second", open(29.75, time.Minute), 250 * time.Millisecond, true},
		{"the two clocks were read a moment apart", open(19.9999, time.Minute+73*time.Microsecond), 10 * time.Second, true},
		{"it stays at none", open(0, time.Minute), 40 * time.Second, true},
		{"the machine slept", open(10, time.Minute), time.Second, false},
		{"the clock on the wall was set", open(29, 2*time.Minute), time.Second, false},
		{"there is more time than there was", open(60, time.Minute), time.Second, false},
		{"it was confirmed", &State{Phase: Idle, Dataplane: true}, time.Second, false},
		{"the data plane does not answer", func() *State { s := open(29, time.Minute); s.Dataplane = false; return s }(), time.Second, false},
		{"another revision", func() *State { s := open(29, time.Minute); s.Window.Revision++; return s }(), time.Second, false},
	} {
		left := tt.now.Window
		if got := Unmoved(before, tt.now, tt.passed); got != tt.want {
			t.Errorf("%s: unmoved %v", tt.name, got)
		}
		if before.Window.SecondsLeft != 30 || tt.now.Window != left {
			t.Fatalf("%s: a state was changed by looking at it", tt.name)
		}
	}
}
