package change

import (
	"context"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
)

// story is what an admin does; errors of a process that crashed on the way are no matter.
type story func(w *world)

// TestWhereverTheProcessCrashesTheStateIsTrueAfterwards fails the n-th write to the disk or word to the data plane, for
// every n, once before it is done and once after, then starts again.
func TestWhereverTheProcessCrashesTheStateIsTrueAfterwards(t *testing.T) {
	ctx := context.Background()
	stories := map[string]story{
		"applied and confirmed": func(w *world) {
			_ = w.edit("alice", alias("a", 1))
			_ = w.edit("alice", alias("b", 2))
			_, _ = w.apply("alice", time.Minute)
			_ = w.Confirm(ctx, "alice", 0)
		},
		"applied and reverted": func(w *world) {
			_ = w.edit("alice", alias("a", 1))
			_, _ = w.apply("alice", time.Minute)
			_ = w.Revert(ctx, "alice", 0)
		},
		"applied and forgotten": func(w *world) {
			_ = w.edit("alice", alias("a", 1))
			_, _ = w.apply("alice", time.Minute)
			time.Sleep(2 * time.Minute)
			_ = w.Settle(ctx)
		},
		"applied at once, edited and discarded": func(w *world) {
			_ = w.edit("alice", alias("a", 1))
			_, _ = w.apply("alice", 0)
			_ = w.edit("bob", alias("b", 2))
			_ = w.Discard(ctx, "bob")
		},
		"found another policy": func(w *world) {
			w.plane.Load(9, "policies: [{name: found, match: {}, action: forward}]\n")
			_ = w.Settle(ctx)
			_, _ = w.Reapply(ctx, Order{By: "alice", Window: time.Minute})
			_ = w.Confirm(ctx, "alice", 0)
		},
	}
	for name, run := range stories {
		t.Run(name, func(t *testing.T) {
			crashes := 0
			for n := 0; ; n++ {
				crashed := false
				for _, after := range []bool{false, true} {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, memory(t))
						w.settle()
						w.mustEdit("eve", alias("first", 77))
						w.mustApply("eve", 0)
						w.faults.in, w.faults.after = n, after
						run(w)
						crashed = crashed || w.faults.dead
						recovers(t, w, fmt.Sprintf("operation %d, done %v", n, after))
					})
				}
				if !crashed {
					break
				}
				crashes++
			}
			if crashes < 4 {
				t.Errorf("only %d operations were seen: the story does not reach far", crashes)
			}
		})
	}
}

// recovers starts again and holds what is kept against the data plane.
func recovers(t testing.TB, w *world, where string) {
	t.Helper()
	w.start()
	for range 3 { // an application that was never taken is given up after a while
		w.settle()
		time.Sleep(installGrace)
	}
	w.settle()
	truth(t, w, where)
	if w.State().Phase == Window {
		time.Sleep(2 * time.Minute)
		w.settle()
		truth(t, w, where+", past the window")
	}
	if s := w.State(); s.Phase != Idle {
		t.Fatalf("%s: %s for ever", where, s.Phase)
	}
	// It goes on from there.
	if err := w.Lock(context.Background(), "carol", true); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if w.State().Drift != nil {
		if err := w.Accept(context.Background(), "carol"); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
	}
	w.mustEdit("carol", alias("last", 99))
	if w.State().Pending.Outdated {
		if err := w.Rebase(context.Background(), "carol"); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
	}
	w.mustApply("carol", time.Minute)
	if err := w.Confirm(context.Background(), "carol", 0); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	truth(t, w, where+", then applied")
}

// tester is a test, or one run of a property.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// truth says whether what is kept tells what the data plane does.
func truth(t tester, w *world, where string) {
	t.Helper()
	s := w.State()
	st, err := w.plane.Status()
	if err != nil {
		t.Fatal(err)
	}
	_, runs := w.plane.Active()
	if runs == "" {
		runs = emptyText
	}
	if s.Active.Document != hashOf([]byte(runs)) {
		t.Fatalf("%s: it says that revision %d runs, and this does:\n%s", where, s.Active.Revision, runs)
	}
	if (s.Phase == Window) != st.Pending() {
		t.Fatalf("%s: phase %s, and the data plane's deadline %v", where, s.Phase, st.Deadline)
	}
	if s.Phase == Idle && (s.Drift == nil) != (s.Confirmed.Document == s.Active.Document) {
		t.Fatalf("%s: drift %+v, confirmed %+v, active %+v", where, s.Drift, s.Confirmed, s.Active)
	}
	if d, err := draft.Parse("x", []byte(runs)); err != nil || string(d.YAML()) != string(w.Draft(ActiveOne).YAML()) {
		t.Fatalf("%s: the active draft is not what runs: %v", where, err)
	}
	seen := map[uint64]bool{}
	for _, r := range w.revisions() {
		if seen[r.Revision] || r.Revision >= w.peek().Next {
			t.Fatalf("%s: revision %d twice, or not below %d", where, r.Revision, w.peek().Next)
		}
		seen[r.Revision] = true
		if s.Phase == Idle && (r.Outcome == string(Applying) || r.Outcome == string(Window)) {
			t.Fatalf("%s: revision %d is %s though nothing is on its way", where, r.Revision, r.Outcome)
		}
	}
	if s.Active.Revision != 0 && !seen[s.Active.Revision] {
		t.Fatalf("%s: revision %d has no entry in the history", where, s.Active.Revision)
	}
}

// TestAnyHistoryOfEditorsCrashesAndClocks lets two editors, a data plane and a disk do anything in any order, and holds
// it against a model that knows only which edits were acknowledged.
func TestAnyHistoryOfEditorsCrashesAndClocks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		dir, err := os.MkdirTemp(memory(t), "")
		if err != nil {
			rt.Fatal(err)
		}
		w := newWorldBy(t, dir, func() time.Time { return now })
		defer w.store.Close()
		w.settle()
		m := &model{w: w, sleep: func(d time.Duration) { now = now.Add(d) }}
		rt.Repeat(map[string]func(*rapid.T){
			"edit":     m.edit,
			"apply":    m.apply,
			"confirm":  func(rt *rapid.T) { m.decide(rt, "confirmed") },
			"revert":   func(rt *rapid.T) { m.decide(rt, "reverted") },
			"discard":  m.discard,
			"takeover": m.takeover,
			"sleep":    func(rt *rapid.T) { m.sleep(time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds")) * time.Second) },
			"crash":    m.crash,
			"database": func(rt *rapid.T) { w.faults.database = rapid.Bool().Draw(rt, "away") },
			"restart":  func(rt *rapid.T) { w.plane.Stop(); w.plane.Start(rapid.Bool().Draw(rt, "window lost")) },
			"signal":   m.signal,
			"rebase":   m.rebase,
			"accept":   func(*rapid.T) { _ = w.Accept(context.Background(), "bob") },
			"":         m.check,
		})
	})
}

// model knows what must be pending.
type model struct {
	w       *world
	sleep   func(time.Duration)
	pending string // "": nothing is
	signals int
}

func (m *model) who(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"alice", "bob"}).Draw(rt, "who")
}

func (m *model) edit(rt *rapid.T) {
	who, n := m.who(rt), rapid.IntRange(1, 6).Draw(rt, "alias")
	e := alias(fmt.Sprint("a", n), n)
	if rapid.Bool().Draw(rt, "delete") {
		e = draft.Edit{Op: draft.Delete, Kind: draft.KindAlias, Name: e.Name}
	}
	before := m.w.State()
	next, err := m.w.Edit(context.Background(), who, e, false, nil)
	switch {
	case err == nil && string(next.YAML()) != m.text():
		if before.Lock != nil && before.Lock.Owner != who || before.Phase != Idle {
			rt.Fatalf("%s edited against the lock of %+v in phase %s", who, before.Lock, before.Phase)
		}
		m.pending = string(next.YAML())
	case err == nil && m.pending == "" && m.w.State().Pending != nil:
		rt.Fatal("an edit that changes nothing began something")
	case err != nil && problem.Of(err).Code == problem.Internal:
		rt.Fatal(err)
	}
}

// text is what is pending, or active.
func (m *model) text() string {
	if m.pending != "" {
		return m.pending
	}
	return string(m.w.Draft(ActiveOne).YAML())
}

func (m *model) apply(rt *rapid.T) {
	window := rapid.SampledFrom([]time.Duration{0, MinWindow, time.Minute}).Draw(rt, "window")
	text := m.pending
	a, err := m.w.apply(m.who(rt), window)
	if err != nil {
		if problem.Of(err).Code == problem.Internal {
			rt.Fatal(err)
		}
		return
	}
	if _, runs := m.w.plane.Active(); runs != text || text == "" || a.Document != hashOf([]byte(text)) {
		rt.Fatalf("applied is %q, and pending was %q", runs, text)
	}
	if window == 0 {
		m.pending = ""
	}
}

func (m *model) decide(rt *rapid.T, what string) {
	ask := m.w.Confirm
	if what == "reverted" {
		ask = m.w.Revert
	}
	before, _ := m.w.plane.Status()
	err := ask(context.Background(), m.who(rt), 0)
	if (err == nil) != before.Pending() {
		rt.Fatalf("%s: %v, and the data plane's deadline was %v", what, err, before.Deadline)
	}
	if err == nil && what == "confirmed" {
		m.confirmed(before.Document)
	}
}

// confirmed empties what is pending if that is what was confirmed.
func (m *model) confirmed(document [32]byte) {
	if hexOf(document) == hashOf([]byte(m.pending)) {
		m.pending = ""
	}
}

func (m *model) discard(rt *rapid.T) {
	if m.w.Discard(context.Background(), m.who(rt)) == nil {
		m.pending = ""
	}
}

func (m *model) takeover(rt *rapid.T) { _ = m.w.Lock(context.Background(), m.who(rt), true) }

// crash lets the next operation die somewhere on its way, and starts again.
func (m *model) crash(rt *rapid.T) {
	m.w.faults.in, m.w.faults.after = rapid.IntRange(0, 3).Draw(rt, "operations"), rapid.Bool().Draw(rt, "done")
	ctx, who := context.Background(), m.who(rt)
	before := m.pending
	var next *draft.Draft
	switch rapid.SampledFrom([]string{"edit", "apply", "confirm", "revert", "none"}).Draw(rt, "in") {
	case "edit":
		e := alias("crash", 50)
		if d, err := m.w.Draft(PendingOne).Apply(&e); err == nil {
			next = d
		}
		if _, err := m.w.Edit(ctx, who, e, false, nil); err == nil {
			before = string(next.YAML())
		}
	case "apply":
		_, _ = m.w.apply(who, time.Minute)
	case "confirm":
		_ = m.w.Confirm(ctx, who, 0)
	case "revert":
		_ = m.w.Revert(ctx, who, 0)
	}
	away := m.w.faults.database
	m.w.start()
	m.w.faults.database = away
	// What was acknowledged is there; what was not may be. A confirmed revision leaves nothing pending.
	m.w.settle()
	m.pending = ""
	if m.w.State().Pending != nil {
		m.pending = m.w.pendingText()
	}
	st, _ := m.w.plane.Status()
	allowed := m.pending == before || next != nil && m.pending == string(next.YAML())
	if !allowed && !(m.pending == "" && before != "" && hexOf(st.ConfirmedDocument) == hashOf([]byte(before))) {
		rt.Fatalf("after a crash this is pending:\n%s\nbefore it was\n%s", m.pending, before)
	}
}

func (m *model) signal(rt *rapid.T) {
	if m.signals++; m.signals > 3 {
		return
	}
	st, _ := m.w.plane.Status()
	m.w.plane.Load(st.Revision+uint64(rapid.IntRange(0, 1).Draw(rt, "step")), fmt.Sprintf("policies: [{name: signal-%d, match: {}, action: forward}]\n", m.signals))
	m.w.settle()
}

func (m *model) rebase(rt *rapid.T) {
	if m.w.Rebase(context.Background(), m.who(rt)) == nil {
		m.pending = m.w.pendingText()
	}
}

func (m *model) check(rt *rapid.T) {
	m.w.settle()
	if s := m.w.State(); s.Phase == Applying {
		for range 2 {
			m.sleep(installGrace)
			m.w.settle()
		}
	}
	truth(rt, m.w, "now")
	s := m.w.State()
	if (s.Pending != nil) != (m.pending != "") {
		rt.Fatalf("pending is %+v, and should be\n%s\nphase %s last %+v", s.Pending, m.pending, s.Phase, s.Last)
	}
	if s.Pending != nil && m.w.pendingText() != m.pending {
		rt.Fatalf("pending is\n%s\nand should be\n%s", m.w.pendingText(), m.pending)
	}
}
