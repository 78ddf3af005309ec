package flowindex

import (
	"fmt"
	"strings"
	"sync"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/problem"
)

// condition is what is asked of an end.
type condition struct {
	text   string
	search bool // the text is part of a name; else it names one or several
}

// numbers says of each name whether a condition holds.
type numbers []bool

// sieve keeps the rows of which one of the named ends is in the set.
func (n numbers) sieve(initiator, target bool) sieve {
	switch {
	case initiator && target:
		return keep(func(c *chunk, i uint16) bool { return n[c.initiator[i]] || n[c.target[i]] })
	case initiator:
		return keep(func(c *chunk, i uint16) bool { return n[c.initiator[i]] })
	}
	return keep(func(c *chunk, i uint16) bool { return n[c.target[i]] })
}

// matchers keeps conditions ready, since who pages through a list asks the same again and again.
type matchers struct {
	mu     sync.Mutex
	era    uint64                // guarded by mu
	policy *policy.Snapshot      // guarded by mu
	names  int                   // guarded by mu
	kept   map[condition]numbers // guarded by mu
}

func (m *matchers) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = nil
}

func (m *matchers) get(i *image, c condition) numbers {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.era != i.era || m.policy != i.policy || m.names != len(i.wwpns) {
		return nil
	}
	return m.kept[c]
}

func (m *matchers) put(i *image, c condition, set numbers) {
	m.mu.Lock()
	defer m.mu.Unlock()
	most := max(1, min(maxMatchers, matcherBytes/max(len(set), 1)))
	if m.era != i.era || m.policy != i.policy || m.names != len(i.wwpns) || m.kept == nil || len(m.kept) >= most {
		m.era, m.policy, m.names, m.kept = i.era, i.policy, len(i.wwpns), map[condition]numbers{}
	}
	m.kept[c] = set
}

// matcher makes a condition ready for the names of an image.
func (x *Index) matcher(img *image, c condition) (numbers, error) {
	if set := x.matchers.get(img, c); set != nil {
		return set, nil
	}
	holds, err := x.holds(img, c)
	if err != nil {
		return nil, err
	}
	set := make(numbers, len(img.wwpns))
	for n, wwpn := range img.wwpns {
		set[n] = holds(frame.WWN(wwpn))
	}
	x.matchers.put(img, c, set)
	return set, nil
}

// holds says how to tell whether the condition holds for a WWPN.
func (x *Index) holds(img *image, c condition) (func(frame.WWN) bool, error) {
	switch {
	case c.search:
		return img.search(c.text), nil
	case c.text == "-":
		return func(w frame.WWN) bool { return w == 0 }, nil
	case len(c.text) > maxText:
		return nil, problem.New(problem.BadFilter, "is longer than %d bytes", maxText)
	case strings.ContainsAny(c.text, "*/"):
		return members(&policy.Document{}, c.text)
	}
	if wwpn, err := frame.ParseWWN(c.text); err == nil && wwpn != 0 {
		return func(w frame.WWN) bool { return w == wwpn }, nil
	}
	if img.policy != nil {
		if wwpn, ok := img.policy.Lookup(c.text); ok {
			return func(w frame.WWN) bool { return w == wwpn }, nil
		}
	}
	doc, err := x.document()
	if err != nil {
		return nil, err
	}
	if doc != nil {
		for i := range doc.Sets {
			if doc.Sets[i].Name == c.text {
				return members(doc, c.text)
			}
		}
	}
	return nil, problem.New(problem.BadFilter, "names no alias, set or WWPN")
}

// members asks the policy's own compiler what a term stands for: a rule with it alone matches exactly its members.
func members(doc *policy.Document, term string) (func(frame.WWN) bool, error) {
	question := &policy.Document{Aliases: doc.Aliases, Sets: doc.Sets, Rules: []policy.Rule{{Name: "members", Initiator: []policy.Term{{Text: term}}}}}
	flat, _, err := policy.Compile(question)
	if err != nil { // which repeats what was asked for, and is not handed on
		return nil, problem.New(problem.BadFilter, "is no mask: write leading digits and a star, as 20:00:02:fc:*")
	}
	s, err := policy.Open(flat)
	if err != nil {
		return nil, fmt.Errorf("members of a set: %w", err)
	}
	return func(w frame.WWN) bool { return s.Evaluate(w, 0, 0).Rule >= 0 }, nil
}

// document is the active policy as it was written, nil when nobody gives it.
func (x *Index) document() (doc *policy.Document, err error) {
	if x.o.Document == nil {
		return nil, nil
	}
	failed := x.o.Segment.Use(func(seg *attach.Segment) error {
		doc, err = x.o.Document(seg.State)
		return nil
	})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, problem.Wrap(problem.DataplaneUnavailable, err, "The active configuration cannot be read, so sets are not known.")
	}
	return doc, nil
}

// search finds a text in aliases, and in WWPNs with and without their colons; letters of both cases are alike.
func (i *image) search(text string) func(frame.WWN) bool {
	text = strings.ToLower(text)
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(":-.", r) {
			return -1
		}
		return r
	}, text)
	var hex [16]byte
	return func(w frame.WWN) bool {
		if w == 0 {
			return false
		}
		return digits != "" && strings.Contains(string(appendHex(hex[:0], uint64(w))), digits) || strings.Contains(strings.ToLower(i.alias(uint64(w))), text)
	}
}

// Documents reads an active policy as it was written.
type Documents func(*shm.File) (*policy.Document, error)
