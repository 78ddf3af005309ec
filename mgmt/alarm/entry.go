package alarm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Code names a problem for ever: scripts, runbooks and translations hang on it.
type Code string

// Severity says how soon somebody must look.
type Severity uint8

// The severities.
const (
	Warning  Severity = iota + 1 // nothing is lost yet; look during the day
	Major                        // a function is away or history may be lost; look now
	Critical                     // traffic, or what keeps it safe, is at risk; get up
)

var severityNames = [...]string{Warning: "warning", Major: "major", Critical: "critical"}

// String is the severity as lists and events spell it.
func (s Severity) String() string {
	if int(s) < len(severityNames) && s > 0 {
		return severityNames[s]
	}
	return "unknown"
}

// MarshalText spells it.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Severity) UnmarshalText(text []byte) error {
	at := slices.Index(severityNames[:], string(text))
	if at < 1 {
		return fmt.Errorf("alarm: severity %.20q: want warning, major or critical", text)
	}
	*s = Severity(at)
	return nil
}

// Entry declares a problem, once.
type Entry struct {
	Code        Code
	Severity    Severity
	Title       string // what a list shows
	Cause       string // why it may be so
	Consequence string // what it means for traffic and data
	Action      string // what to do about it
	// DependsOn are problems of which this one is a mere consequence: while one of them holds for the same subject, one above
	// it, or the node, this one is not shown.
	DependsOn []Code
	// Raise is how long the condition must hold before it shows, Clear how long it must be gone before it is cleared.
	Raise, Clear time.Duration
	// Occurrence is something that happens, at once and over: it shows until it has not happened for Clear.
	Occurrence bool
	// Reported is a problem that another role finds and reports to the one that keeps the Book (mgmt/alarm/report).
	Reported bool
}

// check says what is wrong with a catalogue.
func check(entries []Entry) error {
	byCode := map[Code]*Entry{}
	for i := range entries {
		e := &entries[i]
		switch {
		case byCode[e.Code] != nil:
			return fmt.Errorf("alarm: %s is declared twice", e.Code)
		case e.Code == "" || e.Severity < Warning || e.Severity > Critical:
			return fmt.Errorf("alarm: entry %d (%s) has no code or severity", i, e.Code)
		case e.Title == "" || e.Cause == "" || e.Consequence == "" || e.Action == "":
			return fmt.Errorf("alarm: %s wants a title, a cause, a consequence and an action", e.Code)
		case e.Raise < 0 || e.Clear <= 0 || e.Occurrence && e.Raise != 0:
			return fmt.Errorf("alarm: %s: times of %v and %v make no sense", e.Code, e.Raise, e.Clear)
		}
		byCode[e.Code] = e
	}
	for i := range entries {
		for _, on := range entries[i].DependsOn {
			if byCode[on] == nil {
				return fmt.Errorf("alarm: %s depends on %s, which is not declared", entries[i].Code, on)
			}
		}
	}
	return nil
}

// ranks orders codes so that each comes after all that it depends on; an error for a circle.
func ranks(entries []Entry) (map[Code]int, error) {
	rank := map[Code]int{}
	for len(rank) < len(entries) {
		before := len(rank)
		for _, e := range entries {
			_, done := rank[e.Code]
			missing := func(on Code) bool { _, ok := rank[on]; return !ok }
			if !done && !slices.ContainsFunc(e.DependsOn, missing) {
				rank[e.Code] = len(rank)
			}
		}
		if len(rank) == before {
			return nil, fmt.Errorf("alarm: dependencies run in a circle behind %d of %d entries", before, len(entries))
		}
	}
	return rank, nil
}

// covers says whether a problem of subject cause explains one of subject s: subjects are paths, and the node is "".
func covers(cause, s string) bool {
	return cause == "" || cause == s || strings.HasPrefix(s, cause) && s[len(cause)] == '/'
}

var byCode = func() map[Code]*Entry {
	all := map[Code]*Entry{}
	for i := range Catalogue {
		all[Catalogue[i].Code] = &Catalogue[i]
	}
	return all
}()

// Lookup is the catalogue's entry of a code, nil when there is none.
func Lookup(c Code) *Entry { return byCode[c] }
