package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fcredirect/dataplane/yamlconf"
)

// YAML writes the document in one fixed form, in its own order: Parse reads the same document back, and equal documents
// have equal texts. Every value that Parse accepts can be written; texts must be UTF-8.
func (d *Document) YAML() []byte {
	text, _ := d.Written(d.name)
	return text
}

// Written writes the document like YAML, and gives it as Parse would read it from there: what Compile says of that one
// has line, column and caret in the text. name is what messages call it. It is ten times as fast as Parse.
func (d *Document) Written(name string) (text []byte, read *Document) {
	w := &writer{b: make([]byte, 0, 256+48*len(d.Aliases)+160*len(d.Rules))}
	read = &Document{
		name: name, Aliases: slices.Clone(d.Aliases), Sets: slices.Clone(d.Sets), Services: slices.Clone(d.Services), Rules: slices.Clone(d.Rules),
	}
	w.section("aliases:\n", len(d.Aliases))
	for i := range read.Aliases {
		w.alias(&read.Aliases[i])
	}
	w.section("sets:\n", len(d.Sets))
	for i := range read.Sets {
		w.set(&read.Sets[i])
	}
	w.section("services:\n", len(d.Services))
	for i := range read.Services {
		w.service(&read.Services[i])
	}
	if len(d.Rules) == 0 {
		w.raw("policies: []\n")
	}
	w.section("policies:\n", len(d.Rules))
	for i := range read.Rules {
		w.rule(&read.Rules[i])
	}
	read.text = string(w.b)
	return w.b, read
}

// writer appends YAML and tells where each value has come to stand.
type writer struct{ b []byte }

func (w *writer) raw(s string) { w.b = append(w.b, s...) }

func (w *writer) section(head string, items int) {
	if items > 0 {
		w.raw(head)
	}
}

// put writes what needs no quotes.
func (w *writer) put(s string) yamlconf.Span {
	from := len(w.b)
	w.raw(s)
	return yamlconf.Span{Start: uint32(from), End: uint32(len(w.b))}
}

// value writes a value, in quotes if it is not plain.
func (w *writer) value(s string, plain func(string) bool) yamlconf.Span {
	if plain(s) {
		return w.put(s)
	}
	from := len(w.b)
	w.b = appendQuoted(w.b, s)
	return yamlconf.Span{Start: uint32(from), End: uint32(len(w.b))}
}

func (w *writer) alias(a *Alias) {
	w.raw("  ")
	a.at = w.value(a.Name, plainName)
	w.raw(": ")
	a.wwnAt = w.value(a.WWN, plainTerm)
	w.raw("\n")
}

func (w *writer) set(s *Set) {
	w.raw("  ")
	s.at = w.value(s.Name, plainName)
	if len(s.Members) == 0 {
		w.raw(": []\n")
		return
	}
	w.raw(":\n")
	s.Members = w.list("    - ", s.Members)
}

// list writes terms, one a line.
func (w *writer) list(indent string, terms []Term) []Term {
	out := make([]Term, len(terms))
	for i, t := range terms {
		w.raw(indent)
		out[i] = Term{t.Text, w.value(t.Text, plainTerm)}
		w.raw("\n")
	}
	return out
}

func (w *writer) service(s *Service) {
	w.raw("  - ")
	s.at = w.put("name")
	s.modeAt, s.portAt, s.macAt, s.vlanAt, s.failAt = s.at, s.at, s.at, yamlconf.Span{}, yamlconf.Span{}
	w.raw(": ")
	w.value(s.Name, plainName)
	w.raw("\n    mode: ")
	s.modeAt = w.put(s.Mode.String())
	w.raw("\n    port: ")
	s.portAt = w.value(s.Port, plainName)
	if s.MAC != "" {
		w.raw("\n    mac: ")
		s.macAt = w.value(s.MAC, plainTerm)
	}
	if s.VLAN != 0 {
		w.raw("\n    vlan: ")
		s.vlanAt = w.put(strconv.Itoa(int(s.VLAN)))
	}
	if s.OnFailure != Unsaid {
		w.raw("\n    on-failure: ")
		s.failAt = w.put(s.OnFailure.String())
	}
	w.text("note", s.Note)
	w.raw("\n")
}

func (w *writer) text(key, s string) {
	if s != "" {
		w.raw("\n    " + key + ": ")
		w.value(s, plainText)
	}
}

func (w *writer) rule(r *Rule) {
	w.raw("  - ")
	r.at = w.put("name")
	r.actionAt, r.serviceAt, r.framesAt, r.failAt = r.at, r.at, yamlconf.Span{}, yamlconf.Span{}
	w.raw(": ")
	r.nameAt = w.value(r.Name, plainName)
	w.raw("\n    ")
	r.matchAt = w.put("match")
	w.match(r)
	w.raw("    action: ")
	r.actionAt = w.put(r.Action.String())
	if r.Service != "" {
		w.raw("\n    service: ")
		r.serviceAt = w.value(r.Service, plainName)
	}
	if r.CommandsOnly {
		w.raw("\n    frames: ")
		r.framesAt = w.put("commands")
	}
	if r.OnFailure != Unsaid {
		w.raw("\n    on-failure: ")
		r.failAt = w.put(r.OnFailure.String())
	}
	if r.Disabled {
		w.raw("\n    disabled: true")
	}
	w.text("note", r.Note)
	w.text("ticket", r.Ticket)
	w.raw("\n")
}

// match writes the conditions: on one line if each is one value at most, else one below the other.
func (w *writer) match(r *Rule) {
	if len(r.Initiator) > 1 || len(r.Target) > 1 || len(r.VSAN) > 1 {
		w.raw(":\n")
		r.Initiator = w.end("initiator", r.Initiator)
		r.Target = w.end("target", r.Target)
		if len(r.VSAN) > 0 {
			w.raw("      vsan: ")
			w.vsans(r)
			w.raw("\n")
		}
		return
	}
	w.raw(": {")
	comma := ""
	r.Initiator = w.one(&comma, "initiator: ", r.Initiator)
	r.Target = w.one(&comma, "target: ", r.Target)
	if len(r.VSAN) > 0 {
		w.raw(comma + "vsan: ")
		w.vsans(r)
	}
	w.raw("}\n")
}

// end writes the condition on one end, as lines.
func (w *writer) end(key string, terms []Term) []Term {
	switch {
	case len(terms) == 0:
		return nil
	case len(terms) == 1 && terms[0].Text != anyWord:
		w.raw("      " + key + ": ")
		at := w.value(terms[0].Text, plainTerm)
		w.raw("\n")
		return []Term{{terms[0].Text, at}}
	}
	w.raw("      " + key + ":\n")
	return w.list("        - ", terms)
}

// one writes the condition on one end, of at most one term. The word any alone would be no condition at all.
func (w *writer) one(comma *string, key string, terms []Term) []Term {
	if len(terms) == 0 {
		return nil
	}
	w.raw(*comma + key)
	*comma = ", "
	open, shut := "", ""
	if terms[0].Text == anyWord {
		open, shut = "[", "]"
	}
	w.raw(open)
	at := w.value(terms[0].Text, plainTerm)
	w.raw(shut)
	return []Term{{terms[0].Text, at}}
}

func (w *writer) vsans(r *Rule) {
	ranges := make([]VSANRange, len(r.VSAN))
	if len(ranges) > 1 {
		w.raw("[")
	}
	for i, v := range r.VSAN {
		if i > 0 {
			w.raw(", ")
		}
		ranges[i] = VSANRange{v.From, v.To, w.put(v.String())}
	}
	if len(ranges) > 1 {
		w.raw("]")
	}
	r.VSAN = ranges
}

// String is the range as a document has it.
func (v VSANRange) String() string {
	if v.From == v.To {
		return strconv.Itoa(int(v.From))
	}
	return fmt.Sprintf("%d-%d", v.From, v.To)
}

// ParseVSAN reads a VSAN or a range of them, as 100 or 100-199.
func ParseVSAN(s string) (VSANRange, bool) {
	from, to, ok := parseVSANs(s)
	return VSANRange{From: from, To: to}, ok
}

// What may stand without quotes. Everybody who reads YAML must take it for the text that it is, so the rules are
// narrower than YAML's: for names (which may stand before a colon), for addresses and masks, for notes.

func plainName(s string) bool { return s != "" && letter(s[0]) && plain(s, "_-.") }
func plainText(s string) bool { return s != "" && letter(s[0]) && plain(s, "_-./,;()+= ") }

// plainTerm wants a colon and a letter in what begins with a digit: 20:00:00:11 is a number in base 60 to YAML 1.1, and
// 2000020e01000001 one with an exponent.
func plainTerm(s string) bool {
	if s == "" || !plain(s, "_-.:/*") {
		return false
	}
	return letter(s[0]) || s[0] >= '0' && s[0] <= '9' && strings.Contains(s, ":") && strings.ContainsAny(strings.ToLower(s), "abcdef")
}

func plain(s, marks string) bool {
	for i := range len(s) {
		if c := s[i]; !letter(c) && (c < '0' || c > '9') && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	last := s[len(s)-1]
	return last != ':' && last != ' ' && !yamlWords[s]
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

// yamlWords are texts that YAML, in one version or another, takes for something else.
var yamlWords = map[string]bool{
	"null": true, "Null": true, "NULL": true, "true": true, "True": true, "TRUE": true, "false": true, "False": true, "FALSE": true,
	"yes": true, "Yes": true, "YES": true, "no": true, "No": true, "NO": true, "on": true, "On": true, "ON": true, "off": true, "Off": true,
	"OFF": true, "y": true, "Y": true, "n": true, "N": true,
}

// appendQuoted writes a text in double quotes, on one line.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ' || c >= 0x7F && c < 0xA0:
			b = fmt.Appendf(b, `\x%02x`, c)
		case c == 0x2028 || c == 0x2029 || c == 0xFEFF: // line ends to some, a byte order mark
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}
