package alarm

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// told is the changes of a tick as text, with what was not to be told in brackets.
func told(changes []Change) string {
	var out []string
	for _, c := range changes {
		what := "-"
		switch {
		case c.Heard:
			what = "~"
		case c.Raised:
			what = "+"
		}
		what += string(c.Alarm.Code)
		if c.Silent {
			what = "(" + what + ")"
		}
		out = append(out, what)
	}
	return strings.Join(out, " ")
}

func at(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }

func ticked(b *Book, s int) string {
	changes, _ := b.Tick(at(s))
	return told(changes)
}

func TestAnAcknowledgementEndsWithItsAlarm(t *testing.T) {
	b := newBook(t, small)
	if _, err := b.Acknowledge(at(0), "down", "", "alice", ""); !errors.Is(err, ErrNotActive) {
		t.Errorf("one that is not there: %v", err)
	}
	b.Set(at(0), "down", "", "")
	ticked(b, 3)
	a, err := b.Acknowledge(at(4), "down", "", "alice", "on my way")
	if err != nil || a.Acknowledged == nil || a.Acknowledged.By != "alice" || a.Acknowledged.Note != "on my way" {
		t.Fatalf("%+v, %v", a, err)
	}
	b.Unset(at(5), "down", "")
	changes, _ := b.Tick(at(9))
	if told(changes) != "-down" || changes[0].Alarm.Acknowledged == nil {
		t.Errorf("who looked after it is told with its end: %s %+v", told(changes), changes)
	}
	b.Set(at(10), "down", "", "")
	ticked(b, 13)
	if l := b.List(); !l[0].Active || l[0].Acknowledged != nil {
		t.Errorf("a new one is nobody's: %+v", l[0])
	}
	b.Acknowledge(at(13), "down", "", "bob", "")
	if a, err := b.Unacknowledge(at(14), "down", ""); err != nil || a.Acknowledged != nil {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAMutedAlarmIsListedAndNotTold(t *testing.T) {
	for _, c := range []struct {
		name string
		mute Mute
		want string // at seconds 3 (raised), 10 (the mute has ended), 20 (cleared)
	}{
		{"by its code", Mute{ID: "m", Code: "down", Until: at(30)}, "(+down)||(-down)"},
		{"by its subject", Mute{ID: "m", Subject: "store", Until: at(30)}, "(+down)||(-down)"},
		{"by both", Mute{ID: "m", Code: "down", Subject: "store/0", Until: at(30)}, "(+down)||(-down)"},
		{"one that is about another subject", Mute{ID: "m", Code: "down", Subject: "store/1", Until: at(30)}, "+down||-down"},
		{"one that is about another code", Mute{ID: "m", Code: "late", Until: at(30)}, "+down||-down"},
		{"one that outlasts its mute is told then", Mute{ID: "m", Code: "down", Until: at(9)}, "(+down)|~down|-down"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBook(t, small)
			if err := b.Mute(at(0), c.mute); err != nil {
				t.Fatal(err)
			}
			b.Set(at(1), "down", "store/0", "")
			got := []string{ticked(b, 3)}
			if l := b.List(); len(l) != 1 || !l[0].Active || (l[0].Muted != nil) != strings.HasPrefix(got[0], "(") {
				t.Errorf("listed as %+v", l)
			}
			got = append(got, ticked(b, 10))
			b.Unset(at(11), "down", "store/0")
			got = append(got, ticked(b, 20))
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("told %q, want %q", s, c.want)
			}
		})
	}
}

func TestAnAlarmThatWasHeardIsHeardToEnd(t *testing.T) {
	b := newBook(t, small)
	b.Set(at(0), "down", "", "")
	ticked(b, 3)
	if err := b.Mute(at(4), Mute{ID: "m", Code: "down", Until: at(60)}); err != nil {
		t.Fatal(err)
	}
	b.Unset(at(5), "down", "")
	if got := ticked(b, 9); got != "-down" {
		t.Errorf("told %q", got)
	}
}

func TestMutesAreBounded(t *testing.T) {
	b := newBook(t, small)
	for _, c := range []struct {
		name string
		mute Mute
		want error
	}{
		{"of everything", Mute{ID: "m", Until: at(9)}, ErrWideMute},
		{"of what there is not", Mute{ID: "m", Code: "nonsense", Until: at(9)}, ErrNoCode},
		{"that is over", Mute{ID: "m", Code: "down", Until: at(-1)}, ErrMuteLength},
		{"for ever", Mute{ID: "m", Code: "down", Until: at(0).Add(MuteMost + time.Second)}, ErrMuteLength},
	} {
		if err := b.Mute(at(0), c.mute); !errors.Is(err, c.want) {
			t.Errorf("a mute %s: %v", c.name, err)
		}
	}
	for n := range MaxMutes {
		if err := b.Mute(at(0), Mute{ID: fmt.Sprint(n), Code: "down", Until: at(9)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Mute(at(0), Mute{ID: "one more", Code: "down", Until: at(9)}); !errors.Is(err, ErrMutesFull) {
		t.Error(err)
	}
	if err := b.Mute(at(0), Mute{ID: "0", Code: "late", Until: at(9)}); err != nil || len(b.Mutes()) != MaxMutes {
		t.Errorf("one may be replaced: %v", err)
	}
	if _, err := b.Unmute(at(1), "nonsense"); !errors.Is(err, ErrNoMute) {
		t.Error(err)
	}
	if m, err := b.Unmute(at(1), "0"); err != nil || m.Code != "late" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, over := b.Tick(at(9)); len(over) != MaxMutes-1 || len(b.Mutes()) != 0 {
		t.Errorf("%d are over, %d are left", len(over), len(b.Mutes()))
	}
}

func TestIdentifiersComeBack(t *testing.T) {
	for _, subject := range []string{"", "lcore/0", "store/0/lcore1", "webhook/ops.team"} {
		if code, s := ParseID(ID("ring.blocked", subject)); code != "ring.blocked" || s != subject {
			t.Errorf("%q: %s %q", subject, code, s)
		}
	}
}

// Whatever is done to a Book in whatever order: who listens hears of each alarm a beginning and an end in turn, and a Book
// that is saved and restored in between says the same.
func TestWhoIsToldHearsBeginningAndEndInTurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, _ := NewBook(small)
		heard := map[string]bool{}
		for s := range rapid.IntRange(1, 80).Draw(t, "seconds") {
			now := at(s)
			code, subject := rapid.SampledFrom([]Code{"down", "late"}).Draw(t, "code"), rapid.SampledFrom([]string{"", "a", "a/b"}).Draw(t, "subject")
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0, 1:
				b.Set(now, code, subject, "")
			case 2:
				b.Unset(now, code, subject)
			case 3:
				b.Mute(now, Mute{ID: subject, Code: code, Subject: subject, Until: now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "for")) * time.Second)})
			case 4:
				b.Unmute(now, subject)
			case 5:
				b.Acknowledge(now, code, subject, "x", "")
			case 6:
				saved, mutes := b.Save(), b.Mutes()
				text, _ := json.Marshal(saved)
				var back []Saved
				if err := json.Unmarshal(text, &back); err != nil {
					t.Fatal(err)
				}
				b, _ = NewBook(small)
				b.Restore(now, back, mutes)
			}
			changes, _ := b.Tick(now)
			for _, c := range changes {
				id := ID(c.Alarm.Code, c.Alarm.Subject)
				if c.Silent {
					continue
				}
				if c.Raised == heard[id] {
					t.Fatalf("second %d: %s is told twice as raised %v", s, id, c.Raised)
				}
				heard[id] = c.Raised
			}
			for _, a := range b.List() {
				if a.Acknowledged != nil && !a.Active {
					t.Fatalf("second %d: %s is over and somebody looks after it", s, ID(a.Code, a.Subject))
				}
			}
		}
	})
}
