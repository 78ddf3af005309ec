package system

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/registry"
)

func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

func TestARoleIsStartedServesAndIsStoppedInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		begin, flushed := make(chan struct{}), false
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: func(ctx context.Context, ready func()) error {
			<-begin
			ready()
			<-ctx.Done()
			time.Sleep(time.Second) // it flushes
			flushed = true
			return nil
		}})
		b.start()
		b.is(registry.Starting)
		close(begin)
		b.after(0).is(registry.Running)
		b.stop()
		b.after(500 * time.Millisecond).is(registry.Stopping)
		<-b.done
		b.is(registry.Stopped)
		if s := b.roster.seat().heard(); !flushed || !s.released || len(b.saw().starts) != 1 || len(b.saw().fatals) > 0 {
			t.Errorf("flushed %v, released %v, %d starts, fatal %v", flushed, s.released, len(b.saw().starts), b.saw().fatals)
		}
	})
}

func TestACrashLoopIsSlowedDownAndForgottenAfterHealth(t *testing.T) {
	bubble(t, func(t *testing.T) {
		long := false
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: func(ctx context.Context, ready func()) error {
			ready()
			for begun := time.Now(); long && ctx.Err() == nil && time.Since(begun) < healthyFor; {
				time.Sleep(time.Second)
			}
			return errBroken
		}})
		b.start()
		b.after(5 * time.Minute)
		if n := len(b.saw().starts); n < 12 || n > 18 {
			t.Fatalf("%d starts in five minutes", n)
		}
		for n := 1; n < len(b.saw().starts); n++ {
			want := min(backoffMost, backoffFirst<<min(n-1, 20))
			if got := b.saw().starts[n].Sub(b.saw().starts[n-1]); got < want*4/5 || got > want*6/5 {
				t.Errorf("wait %d was %v, want %v give or take a fifth", n, got, want)
			}
		}
		long = true
		before := len(b.saw().starts)
		b.after(backoffMost*6/5 + healthyFor + backoffFirst*6/5) // a last long wait, a long run, the first short wait
		if len(b.saw().starts) < before+2 {
			t.Errorf("%d starts more, want 2: a minute of health did not reset the back-off", len(b.saw().starts)-before)
		}
		if s := b.roster.seat().heard(); s.restarts != len(b.saw().ends) || !errors.Is(s.failure, errBroken) {
			t.Errorf("%d restarts were published of %d, because %v", s.restarts, len(b.saw().ends), s.failure)
		}
		b.end()
	})
}

func TestWhateverEndsARoleIsAFailure(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		run        func(context.Context, func()) error
	}{
		{"an error", "broken", func(context.Context, func()) error { return errBroken }},
		{"a panic", "panic: oops", func(context.Context, func()) error { panic("oops") }},
		{"nothing at all", errEnded.Error(), func(context.Context, func()) error { return nil }},
		{"an error after it was ready", "broken", func(_ context.Context, ready func()) error { ready(); ready(); return errBroken }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := onBench(t, monitorOnly, "monitor", fakeRole{run: tt.run})
				b.start()
				if b.is(registry.Failed); !strings.Contains(b.see().Why, tt.want) {
					t.Errorf("it says %q, want %q", b.see().Why, tt.want)
				}
				b.end()
			})
		})
	}
}

func TestARoleThatCannotBeMadeIsAFailureToo(t *testing.T) {
	for name, maker := range map[string]Maker{
		"error": func(config.Instance) (Role, error) { return nil, errBroken },
		"panic": func(config.Instance) (Role, error) { panic(errBroken) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := onBench(t, monitorOnly, "monitor", fakeRole{run: serves})
				good := b.make
				b.make = maker
				b.start()
				if b.is(registry.Failed); !strings.Contains(b.see().Why, "broken") {
					t.Errorf("it says %q", b.see().Why)
				}
				b.stop()
				<-b.done
				b.done, b.make = make(chan struct{}), good
				b.start()
				b.is(registry.Running)
				b.end()
			})
		})
	}
}

func TestARoleThatDoesNotStopEndsTheProcessAndKeepsItsSeat(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hold := make(chan struct{})
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: func(_ context.Context, ready func()) error {
			ready()
			<-hold
			return nil
		}})
		b.start()
		b.roster.seat().want(registry.Wanted{Restart: 1})
		if b.after(beat + b.kind.Stop + time.Second); len(b.saw().fatals) != 1 || !errors.Is(b.saw().fatals[0], ErrStuck) || !b.see().Stuck {
			t.Fatalf("fatal %v, %+v", b.saw().fatals, b.see())
		}
		b.end()
		if b.roster.seat().heard().released || len(b.saw().starts) != 1 {
			t.Errorf("released %v, %d starts: a second one could run beside it", b.roster.seat().heard().released, len(b.saw().starts))
		}
		close(hold)
	})
}

func TestAnAdminStopsStartsAndRestarts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: serves})
		b.start()
		seat := b.roster.seat()
		seat.want(registry.Wanted{Stop: true})
		b.after(time.Minute).is(registry.Stopped)
		if len(b.saw().ends) != 1 || seat.heard().released {
			t.Fatalf("%d ends, released %v: a stopped role keeps its seat", len(b.saw().ends), seat.heard().released)
		}
		seat.want(registry.Wanted{})
		b.after(2 * beat).is(registry.Running)
		seat.want(registry.Wanted{Restart: 7})
		b.after(2 * beat).is(registry.Running)
		if s := seat.heard(); len(b.saw().starts) != 3 || s.done.Restart != 7 || s.restarts != 1 || s.failure != nil {
			t.Errorf("%d starts, %d restarts because %v, done %v", len(b.saw().starts), s.restarts, s.failure, s.done)
		}
		b.after(time.Hour)
		if len(b.saw().starts) != 3 {
			t.Errorf("%d starts: a wish was fulfilled twice", len(b.saw().starts))
		}
		b.end()
	})
}

func TestAWishToStopOutlivesTheSegment(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: serves})
		b.start()
		seat := b.roster.seat()
		seat.want(registry.Wanted{Stop: true})
		b.after(time.Second).is(registry.Stopped)
		b.roster.set(func() { close(b.roster.segment); b.roster.segment = make(chan struct{}) })
		seat.want(registry.Wanted{}) // what a new segment says
		b.after(beat)
		if b.is(registry.Stopped); len(b.roster.stopped) != 1 {
			t.Fatalf("the new segment was told %v", b.roster.stopped)
		}
		seat.want(registry.Wanted{Stop: true}) // what it says then
		b.after(time.Second).is(registry.Stopped)
		seat.want(registry.Wanted{})
		b.after(2 * beat).is(registry.Running)
		b.end()
	})
}

func TestARestartByAnAdminDoesNotWaitForTheBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: func(context.Context, func()) error { return errBroken }})
		b.start()
		b.after(3 * time.Minute)
		before := len(b.saw().starts)
		b.after(b.saw().starts[before-1].Add(2 * time.Second).Sub(time.Now()))
		b.roster.seat().want(registry.Wanted{Restart: 1})
		if b.after(2 * beat); len(b.saw().starts) != before+1 {
			t.Errorf("%d starts, want one more than %d", len(b.saw().starts), before)
		}
		b.end()
	})
}

const twoStores = "roles: [{name: store, process: [a, b], replicas: 2}]"

func TestAStandbyTakesOverWhenItIsPromoted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := onBench(t, twoStores, "store", fakeRole{run: serves})
		b.roster.active = false
		b.start()
		if b.after(time.Hour).is(registry.Standby); len(b.saw().starts) != 0 || !b.roster.standby {
			t.Fatalf("%d starts, asked to stand by %v", len(b.saw().starts), b.roster.standby)
		}
		close(b.roster.seat().promoted)
		b.after(0).is(registry.Running)
		b.end()
	})
}

func TestAnInstanceThatIsDeposedStopsAtOnceAndStandsBy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := onBench(t, twoStores, "store", fakeRole{run: serves})
		b.start()
		b.is(registry.Running)
		b.roster.active = false
		lost := time.Now()
		close(b.roster.seat().lost)
		b.after(beat).is(registry.Standby)
		if len(b.saw().ends) != 1 || b.saw().ends[0] != lost || b.roster.claims() != 2 {
			t.Errorf("ends %v, want %v; %d claims", b.saw().ends, lost, b.roster.claims())
		}
		b.end()
	})
}

func TestAFailureOrARestartHandsTheSeatToAStandby(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(b *bench, fail chan error)
	}{
		{"failure", func(_ *bench, fail chan error) { fail <- errBroken }},
		{"restart", func(b *bench, _ chan error) { b.roster.seat().want(registry.Wanted{Restart: 1}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				fail := make(chan error, 1)
				b := onBench(t, twoStores, "store", fakeRole{run: func(ctx context.Context, ready func()) error {
					ready()
					select {
					case err := <-fail:
						return err
					case <-ctx.Done():
						return nil
					}
				}})
				b.start()
				first := b.roster.seat()
				tt.act(b, fail)
				b.after(beat)
				if !first.heard().released || b.roster.claims() != 1 {
					t.Fatalf("released %v, %d claims: the standbys must have time to look", first.heard().released, b.roster.claims())
				}
				b.roster.set(func() { b.roster.active = false })
				b.after(time.Second).is(registry.Standby)
				b.end()
			})
		})
	}
}

func TestASeatThatIsTakenIsARefusalAfterAMoment(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: serves})
		b.roster.err = fmt.Errorf("%w: by process 7", registry.ErrTaken)
		b.start()
		if b.after(claimGrace - beat); len(b.saw().fatals) > 0 {
			t.Fatalf("it gave up at once: %v", b.saw().fatals)
		}
		if b.after(2 * beat); len(b.saw().fatals) != 1 || !errors.Is(b.saw().fatals[0], registry.ErrTaken) || !strings.Contains(b.saw().fatals[0].Error(), "--roles") {
			t.Fatalf("fatal %v", b.saw().fatals)
		}
		b.end()
		if len(b.saw().starts) > 0 {
			t.Error("it ran")
		}
	})
	bubble(t, func(t *testing.T) {
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: serves})
		b.roster.err = registry.ErrTaken
		b.start()
		b.after(claimGrace / 2)
		b.roster.set(func() { b.roster.err = nil })
		b.after(beat).is(registry.Running)
		b.roster.set(func() { b.roster.err = registry.ErrTaken })
		close(b.roster.seat().lost)
		if b.after(time.Minute).is(registry.Failed); len(b.saw().fatals) > 0 {
			t.Errorf("a seat that was lost later ended the process: %v", b.saw().fatals)
		}
		b.roster.set(func() { b.roster.err = nil })
		b.after(beat).is(registry.Running)
		b.end()
	})
}

func TestMoreInstancesThanReplicasAreRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := onBench(t, twoStores, "store", fakeRole{run: serves})
		b.roster.number = 2
		b.plan.Number = config.AnyNumber
		b.start()
		if b.after(claimGrace + beat); len(b.saw().fatals) != 1 || !errors.Is(b.saw().fatals[0], registry.ErrTaken) || !b.roster.seat().heard().released {
			t.Errorf("fatal %v", b.saw().fatals)
		}
		b.end()
	})
}

func TestWithoutASegmentOnlyEarlyRolesRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: serves})
		b.roster.err = registry.ErrNoSegment
		b.start()
		if b.after(time.Hour).is(registry.New); len(b.saw().fatals) > 0 || !strings.Contains(b.see().Why, "data plane") {
			t.Fatalf("fatal %v, %q", b.saw().fatals, b.see().Why)
		}
		b.roster.set(func() { b.roster.err = nil })
		b.after(beat).is(registry.Running)
		b.end()
	})
	bubble(t, func(t *testing.T) {
		b := onBench(t, "roles: [{name: database}]", "database", fakeRole{run: serves})
		b.roster.err = registry.ErrNoSegment
		b.start()
		b.after(time.Hour).is(registry.Running)
		b.roster.set(func() { b.roster.err = nil })
		b.after(2 * beat)
		if s := b.roster.seat(); s == nil || s.heard().state != registry.Running || len(b.saw().starts) != 1 {
			t.Errorf("seat %+v, %d starts: it sits down when there is a segment", s, len(b.saw().starts))
		}
		b.end()
	})
}

func TestStartsWaitForDependenciesAndNotForEver(t *testing.T) {
	const text = "roles: [{name: database}, {name: store}]"
	bubble(t, func(t *testing.T) {
		b := onBench(t, text, "store", fakeRole{run: serves})
		b.start()
		if b.after(needBound / 2).is(registry.Starting); len(b.saw().starts) > 0 || b.see().Why != "waits for database" {
			t.Fatalf("%d starts, %q", len(b.saw().starts), b.see().Why)
		}
		b.roster.set(func() { b.roster.runs["database"] = true })
		b.after(beat).is(registry.Running)
		b.roster.set(func() { b.roster.runs["database"] = false })
		b.after(time.Minute).is(registry.Running)
		b.end()
	})
	bubble(t, func(t *testing.T) {
		b := onBench(t, text, "store", fakeRole{run: serves})
		b.start()
		b.after(needBound + beat).is(registry.Running)
		b.end()
	})
}

func TestSilenceIsActedOnAndErrorsArePublished(t *testing.T) {
	silent := make(chan struct{})
	for _, tt := range []struct {
		name, text, role string
		healthy          func() error
		restarts         bool
		health           string
	}{
		{"an error of a role that others watch", "roles: [{name: event}]", "event", func() error { return errBroken }, false, "broken"},
		{"an error of the watcher", monitorOnly, "monitor", func() error { return errBroken }, true, ""},
		{"an error, but only an alarm is wanted", "roles: [{name: monitor, health: {action: alarm}}]", "monitor", func() error { return errBroken }, false, "broken"},
		{"silence", "roles: [{name: event}]", "event", func() error { <-silent; return nil }, true, ""},
		{"silence, but only an alarm is wanted", "roles: [{name: event, health: {action: alarm}}]", "event", func() error { <-silent; return nil }, false, errSilent.Error()},
		{"a panic of the watcher", monitorOnly, "monitor", func() error { panic("oops") }, true, ""},
		{"late answers", "roles: [{name: event}]", "event", func() error { time.Sleep(1500 * time.Millisecond); return nil }, true, "answer"},
		{"well", monitorOnly, "monitor", func() error { return nil }, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				if strings.Contains(tt.name, "silence") {
					silent = make(chan struct{})
				}
				b := onBench(t, tt.text, tt.role, fakeRole{run: serves, healthy: tt.healthy})
				b.start()
				b.after(3500 * time.Millisecond)
				if tt.health != "" && !strings.Contains(b.roster.seat().heard().health, tt.health) {
					t.Errorf("published %q, want %q", b.roster.seat().heard().health, tt.health)
				}
				if b.after(2 * time.Second); (len(b.saw().starts) > 1) != tt.restarts {
					t.Errorf("%d starts", len(b.saw().starts))
				}
				if strings.Contains(tt.name, "silence") {
					if b.see().Stuck == tt.restarts {
						t.Errorf("stuck %v: the watchdog hears of a role that is not being dealt with", b.see().Stuck)
					}
					close(silent)
				}
				b.end()
				time.Sleep(2 * time.Second) // for an answer that is still out
			})
		})
	}
}

func TestAnotherABIEndsTheProcess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := onBench(t, monitorOnly, "monitor", fakeRole{run: func(context.Context, func()) error { return fmt.Errorf("segment: %w", shm.ErrABI) }})
		b.start()
		if b.after(time.Minute); len(b.saw().fatals) != 1 || !errors.Is(b.saw().fatals[0], shm.ErrABI) || len(b.saw().starts) != 1 {
			t.Errorf("fatal %v, %d starts", b.saw().fatals, len(b.saw().starts))
		}
		b.end()
	})
}

// TestAnInstanceNeverRunsTwiceAndEndsWell: whatever happens in whatever order, at most one run is under way, only while the
// instance has a seat that acts, and the end is orderly.
func TestAnInstanceNeverRunsTwiceAndEndsWell(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		standbys := rapid.Bool().Draw(rt, "standbys")
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"fail", "lose", "stop", "start", "restart", "promote", "refuse", "accept", "segment", "wait"}), 1, 30).Draw(rt, "steps")
		waits := rapid.SliceOfN(rapid.IntRange(0, 5000), len(steps), len(steps)).Draw(rt, "ms")
		synctest.Test(t, func(t *testing.T) {
			text := monitorOnly
			role := "monitor"
			if standbys {
				text, role = twoStores, "store"
			}
			fail, under := make(chan error), 0
			var b *bench
			b = onBench(t, text, role, fakeRole{run: func(ctx context.Context, ready func()) error {
				if under++; under > 1 {
					rt.Errorf("%d runs at a time", under)
				}
				defer func() { under-- }()
				if s := b.roster.seat(); s == nil || s.heard().released || !closed(s.promoted) {
					rt.Errorf("it runs without a seat")
				}
				ready()
				select {
				case err := <-fail:
					return err
				case <-ctx.Done():
					return nil
				}
			}})
			b.start()
			restarts := uint32(0)
			for n, step := range steps {
				act(b, step, fail, &restarts)
				b.after(time.Duration(waits[n]) * time.Millisecond)
			}
			b.end()
			if s := b.roster.seat(); under != 0 || len(b.saw().starts) != len(b.saw().ends) || s != nil && !s.heard().released || len(b.saw().fatals) > 1 {
				rt.Errorf("%d under way, %d starts, %d ends, fatal %v", under, len(b.saw().starts), len(b.saw().ends), b.saw().fatals)
			}
		})
	})
}

func act(b *bench, step string, fail chan error, restarts *uint32) {
	s := b.roster.seat()
	switch step {
	case "fail":
		select {
		case fail <- errBroken:
		default:
		}
	case "refuse":
		b.roster.set(func() { b.roster.err = registry.ErrTaken })
	case "accept":
		b.roster.set(func() { b.roster.err = nil })
	case "segment":
		b.roster.set(func() { close(b.roster.segment); b.roster.segment = make(chan struct{}) })
	}
	if s == nil {
		return
	}
	switch step {
	case "lose":
		if !closed(s.lost) {
			close(s.lost)
		}
		b.roster.set(func() { b.roster.active = !b.plan.Role.Standbys() })
	case "promote":
		if !closed(s.promoted) {
			close(s.promoted)
		}
	case "stop":
		s.want(registry.Wanted{Stop: true, Restart: *restarts})
	case "start":
		s.want(registry.Wanted{Restart: *restarts})
	case "restart":
		*restarts++
		s.want(registry.Wanted{Restart: *restarts})
	}
}
