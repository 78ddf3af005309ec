package alarm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Three problems as the catalogue has them: a cause, its consequence, and something that happens.
var small = []Entry{
	entry("late", Warning, Entry{DependsOn: []Code{"down"}, Raise: 4 * time.Second, Clear: 2 * time.Second}),
	entry("down", Major, Entry{Raise: 2 * time.Second, Clear: 3 * time.Second}),
	entry("lost", Critical, Entry{Occurrence: true, Clear: 10 * time.Second}),
}

func entry(code Code, s Severity, e Entry) Entry {
	e.Code, e.Severity, e.Title, e.Cause, e.Consequence, e.Action = code, s, "t", "c", "q", "a"
	return e
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newBook(t testing.TB, entries []Entry) *Book {
	t.Helper()
	b, err := NewBook(entries)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// play runs a script of steps "second: what", where what is +code/subject (holds), -code/subject (does not), !code
// (happened) or only=code/subjects, ticks every second, and lists the changes as "second: +code" and "second: -code".
func play(t *testing.T, b *Book, until int, script string) string {
	t.Helper()
	steps := map[int][]string{}
	for _, line := range strings.Split(script, ";") {
		var at int
		when, what, _ := strings.Cut(strings.TrimSpace(line), ":")
		if _, err := fmt.Sscan(when, &at); err != nil {
			t.Fatalf("step %q: %v", line, err)
		}
		steps[at] = append(steps[at], strings.Fields(what)...)
	}
	var out []string
	for s := range until + 1 {
		now := start.Add(time.Duration(s) * time.Second)
		for _, step := range steps[s] {
			code, subject, _ := strings.Cut(step[1:], "/")
			switch step[0] {
			case '+':
				b.Set(now, Code(code), subject, "")
			case '-':
				b.Unset(now, Code(code), subject)
			case '!':
				b.Happened(now, Code(code), subject, "", 1)
			case '=':
				b.Only(now, Code(code), strings.Split(subject, ","))
			}
		}
		changes, _ := b.Tick(now)
		for _, c := range changes {
			sign := "-"
			if c.Raised {
				sign = "+"
			}
			name := string(c.Alarm.Code)
			if c.Alarm.Subject != "" {
				name += "/" + c.Alarm.Subject
			}
			out = append(out, fmt.Sprintf("%d:%s%s", s, sign, name))
		}
	}
	return strings.Join(out, " ")
}

func TestAlarms(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"a condition that holds is raised after its delay", "1: +down", "3:+down"},
		{"one that passes before is no alarm", "1: +down; 2: -down", ""},
		{"one that comes back begins its delay anew", "1: +down; 2: -down; 3: +down", "5:+down"},
		{"saying it again changes nothing", "1: +down; 2: +down; 3: +down; 4: +down", "3:+down"},
		{"it is cleared when it has been gone for its delay", "1: +down; 5: -down", "3:+down 8:-down"},
		{"a recovery that does not last clears nothing", "1: +down; 5: -down; 7: +down; 20: -down", "3:+down 23:-down"},
		{"a condition that never held clears nothing", "1: -down", ""},
		{"subjects are alarms of their own", "1: +down/a; 2: +down/b; 9: -down/a", "3:+down/a 4:+down/b 12:-down/a"},
		{"a subject that is gone is cleared", "1: +down/a +down/b; 9: =down/b", "3:+down/a 3:+down/b 12:-down/a"},
		{"a consequence is not raised beside its cause", "1: +down +late", "3:+down"},
		{"nor before its cause is raised", "1: +late; 4: +down", "6:+down"},
		{"nor while its cause only seems to pass", "1: +late +down; 9: -down; 10: +down", "3:+down"},
		{"after its cause it gets its whole delay to recover", "1: +late +down; 9: -down; 14: -late", "3:+down 12:-down"},
		{"and is raised when it does not", "1: +late +down; 9: -down", "3:+down 12:-down 16:+late"},
		{"a consequence that is raised is withdrawn for its cause", "1: +late; 9: +down", "5:+late 11:+down 11:-late"},
		{"but not for one that passes", "1: +late; 9: +down; 10: -down", "5:+late"},
		{"a cause of the node explains all subjects", "1: +late/x +down", "3:+down"},
		{"a cause explains what lies below its subject", "1: +late/x/1 +down/x", "3:+down/x"},
		{"and nothing else", "1: +late/xy +late/y +down/x", "3:+down/x 5:+late/xy 5:+late/y"},
		{"what happens is raised at once and cleared after a quiet time", "1: !lost", "1:+lost 11:-lost"},
		{"each time prolongs it", "1: !lost; 6: !lost; 15: !lost", "1:+lost 25:-lost"},
		{"a look that finds nothing does not end it", "1: !lost; 3: -lost", "1:+lost 11:-lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := play(t, newBook(t, small), 30, c.script); got != c.want {
				t.Errorf("%q gave %q, want %q", c.script, got, c.want)
			}
		})
	}
}

func TestAnAlarmThatFlapsIsRaisedFiveTimesAndStays(t *testing.T) {
	b := newBook(t, small)
	var script []string
	for s := 0; s < 400; s += 10 {
		script = append(script, fmt.Sprintf("%d: +down; %d: -down", s, s+4))
	}
	got := play(t, b, 1200, strings.Join(script, ";"))
	want := "2:+down 7:-down 12:+down 17:-down 22:+down 27:-down 32:+down 37:-down 42:+down 642:-down"
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if a := b.List()[0]; a.Count != FlapRaises || a.Active || a.Flapping {
		t.Errorf("%+v", a)
	}
}

func TestAListSaysWhatIsKnown(t *testing.T) {
	b := newBook(t, small)
	play(t, b, 20, "0: +down/a; 1: !lost; 2: !lost +late/a; 15: -down/a")
	b.Set(start.Add(20*time.Second), "down", "b", "refused")
	b.Tick(start.Add(22 * time.Second))
	want := []string{
		"down/b active 1 first 00:20 last 00:20 raised 00:22 cleared  by ",
		"late/a active 1 first 00:02 last 00:02 raised 00:22 cleared  by ",
		"lost/ - 2 first 00:01 last 00:02 raised 00:01 cleared 00:12 by ",
		"down/a - 1 first 00:00 last 00:00 raised 00:02 cleared 00:18 by ",
	}
	list := b.List()
	for i, a := range list {
		clock := func(s string) string { return s[min(len(s), 14):min(len(s), 19)] }
		active := "-"
		if a.Active {
			active = "active"
		}
		got := fmt.Sprintf("%s/%s %s %d first %s last %s raised %s cleared %s by %s", a.Code, a.Subject, active, a.Count, clock(a.FirstSeen),
			clock(a.LastSeen), clock(a.RaisedAt), clock(a.ClearedAt), a.SuppressedBy)
		if i >= len(want) || got != want[i] {
			t.Errorf("%d: %s", i, got)
		}
	}
	if len(list) != len(want) || list[0].Detail != "refused" {
		t.Errorf("%d alarms, the first %+v", len(list), list[0])
	}
}

func TestWhatIsSuppressedIsListedWithItsCause(t *testing.T) {
	b := newBook(t, small)
	play(t, b, 9, "1: +down +late/a")
	list := b.List()
	if len(list) != 2 || list[1].Code != "late" || list[1].Active || list[1].SuppressedBy != "down" {
		t.Errorf("%+v", list)
	}
	if by, is := b.Suppressed("late", "a"); by != "down" || !is {
		t.Errorf("suppressed by %q, %v", by, is)
	}
	if by, is := b.Suppressed("down", ""); is {
		t.Errorf("a cause is suppressed by %q", by)
	}
}

func TestAClockThatGoesBackStands(t *testing.T) {
	b := newBook(t, small)
	b.Set(start, "down", "", "")
	b.Tick(start.Add(-time.Hour))
	if got, _ := b.Tick(start.Add(time.Second)); len(got) != 0 {
		t.Errorf("raised too early: %+v", got)
	}
	if got, _ := b.Tick(start.Add(2 * time.Second)); len(got) != 1 || !got[0].Raised {
		t.Errorf("not raised in time: %+v", got)
	}
	b.Unset(start.Add(-time.Hour), "down", "")
	if got, _ := b.Tick(start.Add(4 * time.Second)); len(got) != 0 {
		t.Errorf("cleared too early: %+v", got)
	}
}

func TestTheBookIsBoundedAndForgetsWhatIsQuiet(t *testing.T) {
	b := newBook(t, small)
	for i := range MaxAlarms {
		b.Set(start, "down", fmt.Sprint(i), "")
	}
	b.Set(start, "down", "one too many", "")
	if b.Dropped() != 1 || len(b.list) != MaxAlarms {
		t.Fatalf("%d dropped, %d kept", b.Dropped(), len(b.list))
	}
	b.Unset(start, "down", "7")
	b.Set(start, "down", "another", strings.Repeat("x", 10*detailMax))
	if b.Dropped() != 1 || b.find("down", "7") != nil || len(b.find("down", "another").detail) != detailMax {
		t.Errorf("%d dropped", b.Dropped())
	}
}

func TestARestartNeitherRaisesNorClears(t *testing.T) {
	b := newBook(t, small)
	play(t, b, 20, "0: +down/a +down/b; 1: !lost/x; 9: -down/b; 15: !lost/y")
	saved := b.Save()
	again := newBook(t, small)
	now := start.Add(22 * time.Second)
	again.Restore(now, append(saved, Saved{Code: "no such code"}), nil)
	if got, _ := again.Tick(now); len(got) != 0 {
		t.Errorf("at once: %+v", got)
	}
	again.Set(now, "down", "a", "still")
	changes, _ := again.Tick(now.Add(3 * time.Second))
	if len(changes) != 1 || changes[0].Raised || changes[0].Alarm.Code != "lost" || changes[0].Alarm.Subject != "y" {
		t.Errorf("%+v", changes)
	}
	if a := again.List()[0]; a.Subject != "a" || a.FirstSeen != "2026-01-01T00:00:00.000Z" || a.Count != 1 || a.Detail != "still" {
		t.Errorf("%+v", a)
	}
	if got := again.Save(); len(got) != len(saved) || !slices.EqualFunc(got, saved, func(x, y Saved) bool { return x.Code == y.Code && x.Subject == y.Subject }) {
		t.Errorf("saved again: %+v", got)
	}
}

func TestTimesOfTheFutureAreCutWhenTheClockWasSetBack(t *testing.T) {
	b := newBook(t, small)
	play(t, b, 20, "0: +down")
	again := newBook(t, small)
	earlier := start.Add(-time.Hour)
	again.Restore(earlier, b.Save(), nil)
	again.Unset(earlier, "down", "")
	if got, _ := again.Tick(earlier.Add(3 * time.Second)); len(got) != 1 || got[0].Raised {
		t.Errorf("%+v", got)
	}
}

func TestACodeOutsideTheCatalogueIsAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("taken")
		}
	}()
	newBook(t, small).Set(start, "unheard of", "", "")
}
