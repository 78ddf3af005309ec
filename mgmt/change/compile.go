package change

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/yamlconf"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
)

// compiled is a draft with everything that the compiler says of it. It does not change.
type compiled struct {
	of       *draft.Draft
	once     sync.Once
	done     atomic.Bool
	text     []byte
	hash     string
	doc      *policy.Document // as read from text
	lines    func() *policy.Lines
	snapshot *policy.Snapshot // nil when err is not
	warnings []policy.Warning
	err      error
}

// compiledDrafts remembers the last ones: a draft is compiled once, however often it is asked about.
type compiledDrafts struct {
	mu   sync.Mutex
	list []*compiled // the one used last comes last
}

func (s *Service) compile(d *draft.Draft) *compiled {
	c := s.compiled.find(d)
	c.once.Do(c.make)
	return c
}

func (k *compiledDrafts) find(d *draft.Draft) *compiled {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, c := range k.list {
		if c.of == d {
			k.list = append(append(k.list[:i:i], k.list[i+1:]...), c)
			return c
		}
	}
	c := &compiled{of: d}
	k.list = append(k.list[max(0, len(k.list)+1-compiledKept):len(k.list):len(k.list)], c)
	return c
}

// has says whether a draft is compiled.
func (k *compiledDrafts) has(d *draft.Draft) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.ContainsFunc(k.list, func(c *compiled) bool { return c.of == d && c.done.Load() })
}

// named is a draft that was compiled to this text, nil if none is remembered.
func (k *compiledDrafts) named(hash string) *draft.Draft {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.list {
		if c.done.Load() && c.hash == hash {
			return c.of
		}
	}
	return nil
}

func (c *compiled) make() {
	defer c.done.Store(true)
	c.text, c.doc = c.of.Document().Written("pending")
	c.hash = hashOf(c.text)
	c.lines = sync.OnceValue(c.doc.Lines)
	if len(c.text) > MaxDocument {
		c.err = problem.New(problem.LimitReached, "The document has %d bytes, the limit is %d.", len(c.text), MaxDocument)
		return
	}
	var flat []byte
	if flat, c.warnings, c.err = policy.Compile(c.doc); c.err == nil {
		c.snapshot, c.err = policy.Open(flat)
	}
}

// problem is what is wrong, as an answer to who wants to apply it; nil if nothing is.
func (c *compiled) problem() error {
	var all *yamlconf.Errors
	if c.err == nil || !errors.As(c.err, &all) {
		return c.err
	}
	p := problem.New(problem.Invalid, "The pending configuration cannot be applied.")
	for _, d := range all.List {
		part, _ := c.lines().Part(d.Line)
		p.At("pending/"+part.Pointer(), "%s", sentence(d))
	}
	return p
}

func sentence(d *yamlconf.Diagnostic) string {
	if d.Cure == "" {
		return d.Message
	}
	return d.Message + ". " + d.Cure
}

// Finding is something to say about a configuration.
type Finding struct {
	Severity string `json:"severity" enum:"error,warning"`
	Code     string `json:"code" doc:"invalid, port_unknown, or the code of a warning: rule_shadowed, service_unused, …"`
	Object   string `json:"object,omitempty" doc:"What it is about, as policies/watch-oracle/match."`
	Kind     string `json:"kind,omitempty" doc:"alias, set, service or policy."`
	Name     string `json:"name,omitempty"`
	Field    string `json:"field,omitempty"`
	Line     int    `json:"line,omitempty" doc:"In the document as YAML."`
	Column   int    `json:"column,omitempty"`
	Message  string `json:"message"`
	Cure     string `json:"cure,omitempty" doc:"What to do about it."`
}

// Validation is what is to be said about a configuration.
type Validation struct {
	Valid    bool      `json:"valid" doc:"It can be applied."`
	Document string    `json:"document" doc:"SHA-256 of its text."`
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Findings []Finding `json:"findings"`
	Aliases  int       `json:"aliases"`
	Sets     int       `json:"sets"`
	Services int       `json:"services"`
	Policies int       `json:"policies"`
}

var kindOfSection = map[string]draft.Kind{
	"aliases": draft.KindAlias, "sets": draft.KindSet, "services": draft.KindService, "policies": draft.KindPolicy,
}

func (c *compiled) finding(severity, code string, d *yamlconf.Diagnostic) Finding {
	f := Finding{Severity: severity, Code: code, Line: d.Line, Column: d.Column, Message: d.Message, Cure: d.Cure}
	if part, ok := c.lines().Part(d.Line); ok {
		f.Object, f.Kind, f.Name, f.Field = part.Pointer(), string(kindOfSection[part.Section]), part.Name, strings.ReplaceAll(part.Key, "-", "_")
	}
	return f
}

// Validate says all that is to be said about a configuration, also whether its services are on ports that there are.
func (s *Service) Validate(d *draft.Draft) Validation {
	c := s.compile(d)
	v := Validation{
		Document: c.hash, Findings: []Finding{}, Aliases: len(d.Aliases), Sets: len(d.Sets), Services: len(d.Services), Policies: len(d.Policies),
	}
	v.add(c, "invalid", c.err)
	if s.o.Traffic != nil {
		if roles, err := s.o.Traffic.Ports(); err == nil {
			v.add(c, "port_unknown", c.doc.CheckPorts(func(port string) (string, bool) { role, ok := roles[port]; return role, ok }))
		}
	}
	for _, w := range c.warnings {
		v.Warnings++
		v.Findings = append(v.Findings, c.finding("warning", string(w.Code), w.Diagnostic))
	}
	v.Valid = v.Errors == 0
	return v
}

func (v *Validation) add(c *compiled, code string, err error) {
	var all *yamlconf.Errors
	switch {
	case err == nil:
	case errors.As(err, &all):
		for _, d := range all.List {
			v.Findings = append(v.Findings, c.finding("error", code, d))
		}
		v.Errors += len(all.List) + all.More
		if all.More > 0 {
			v.Findings = append(v.Findings, Finding{Severity: "error", Code: code, Message: fmt.Sprintf("and %d more errors", all.More)})
		}
	default:
		v.Errors++
		v.Findings = append(v.Findings, Finding{Severity: "error", Code: code, Message: problem.Of(err).Detail})
	}
}

// Difference is what the pending configuration changes of the active one.
type Difference struct {
	From    Ref                  `json:"from"`
	Changes []draft.ObjectChange `json:"changes"`
	Text    string               `json:"text" doc:"The same as diff -u of both documents."`
}

// Diff compares the active configuration with the pending one.
func (s *Service) Diff() Difference {
	s.mu.Lock()
	from, a, b := s.head.Running, s.active, s.pending
	s.mu.Unlock()
	if b == nil {
		b = a
	}
	return difference(from, a, b)
}

func difference(from Ref, a, b *draft.Draft) Difference {
	d := Difference{From: from, Changes: draft.Diff(a, b)}
	if d.Changes == nil {
		d.Changes = []draft.ObjectChange{}
	}
	if a != b {
		d.Text = draft.Unified(string(a.YAML()), string(b.YAML()), "active", "pending")
	}
	return d
}
