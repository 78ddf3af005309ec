package alarm

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTheCatalogueIsSound(t *testing.T) {
	if _, err := NewBook(Catalogue); err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`^[a-z]+\.[a-z]+(-[a-z]+)*$`)
	for _, e := range Catalogue {
		if !code.MatchString(string(e.Code)) {
			t.Errorf("%s: want area.problem in lower case", e.Code)
		}
		if strings.HasSuffix(e.Title, ".") || strings.ToLower(e.Title[:1]) != e.Title[:1] || len(e.Title) > 60 {
			t.Errorf("%s: title %q: want at most 60 characters, lower case, no full stop", e.Code, e.Title)
		}
		if e.Severity == Critical && e.Raise > 2*time.Second {
			t.Errorf("%s is critical and shows only after %v", e.Code, e.Raise)
		}
	}
}

func TestACatalogueWithAMistakeIsRefused(t *testing.T) {
	ok := func(change func(*Entry)) Entry {
		e := entry("a", Major, Entry{Clear: time.Second})
		change(&e)
		return e
	}
	plain := ok(func(*Entry) {})
	for _, c := range []struct {
		name    string
		entries []Entry
		want    string
	}{
		{"declared twice", []Entry{plain, plain}, "twice"},
		{"no code", []Entry{ok(func(e *Entry) { e.Code = "" })}, "no code"},
		{"no severity", []Entry{ok(func(e *Entry) { e.Severity = 0 })}, "severity"},
		{"no advice", []Entry{ok(func(e *Entry) { e.Action = "" })}, "an action"},
		{"no time to clear", []Entry{ok(func(e *Entry) { e.Clear = 0 })}, "make no sense"},
		{"an occurrence that must last", []Entry{ok(func(e *Entry) { e.Occurrence, e.Raise = true, time.Second })}, "make no sense"},
		{"depends on what is not there", []Entry{ok(func(e *Entry) { e.DependsOn = []Code{"b"} })}, "not declared"},
		{"depends on itself", []Entry{ok(func(e *Entry) { e.DependsOn = []Code{"a"} })}, "circle"},
		{"a circle", []Entry{ok(func(e *Entry) { e.DependsOn = []Code{"b"} }), ok(func(e *Entry) { e.Code, e.DependsOn = "b", []Code{"a"} })}, "circle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewBook(c.entries); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestASeverityIsSpelledAndRead(t *testing.T) {
	for _, s := range []Severity{Warning, Major, Critical} {
		text, _ := s.MarshalText()
		var back Severity
		if err := back.UnmarshalText(text); err != nil || back != s {
			t.Errorf("%s: %v, %v", text, back, err)
		}
	}
	var s Severity
	if s.UnmarshalText(nil) == nil || s.UnmarshalText([]byte("fatal")) == nil || Severity(9).String() != "unknown" {
		t.Error("nonsense is read")
	}
}
