package yamlconf

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Schema is what a mapping with fixed keys may hold.
type Schema struct {
	What string   // in messages: "a service"
	Keys []string // known keys
	// Refused maps keys that are understood but not done in this version to what is said
	// about them: the problem, and the cure.
	Refused map[string]Refusal
}

// Refusal is the answer to a key or value that is understood but not supported.
type Refusal struct{ Problem, Cure string }

// Fields is a mapping checked against a schema.
type Fields struct{ node *Node }

// Fields checks that n is a mapping with known keys, each once. On anything else it reports
// and gives what is usable; ok is false only when n is no mapping at all.
func (r *Report) Fields(n *Node, s *Schema) (f Fields, ok bool) {
	if n.Kind != Mapping {
		r.Errorf(n.Span, "It has the keys "+strings.Join(s.Keys, ", ")+".", "%s must be a mapping of keys to values, not %s", s.What, n.describe())
		return Fields{&Node{Kind: Mapping}}, false
	}
	for key := range r.Pairs(n, s.What) {
		known := false
		for _, k := range s.Keys {
			known = known || k == key.Text
		}
		if known {
			continue
		}
		if refusal, refused := s.Refused[key.Text]; refused {
			r.Errorf(key.Span, refusal.Cure, "%s: %s", s.What, refusal.Problem)
			continue
		}
		cure := "Known keys: " + strings.Join(s.Keys, ", ") + "."
		if near := Nearest(key.Text, func(yield func(string) bool) {
			for _, k := range s.Keys {
				if !yield(k) {
					return
				}
			}
		}); near != "" {
			cure = "Did you mean " + near + "? " + cure
		}
		r.Errorf(key.Span, cure, "%s has no key %s", s.What, Quote(key.Text))
	}
	return Fields{n}, true
}

// Get returns the value of a key, nil when the key is not there. Of a key that stands
// there twice (which is reported) it is the first.
func (f Fields) Get(key string) *Node {
	for i := 0; i+1 < len(f.node.Items); i += 2 {
		if f.node.Items[i].Text == key {
			return &f.node.Items[i+1]
		}
	}
	return nil
}

// Key returns where a key stands, for messages about the pair.
func (f Fields) Key(key string) Span {
	for i := 0; i+1 < len(f.node.Items); i += 2 {
		if f.node.Items[i].Text == key {
			return f.node.Items[i].Span
		}
	}
	return f.node.Span
}

// Pairs yields the keys and values of a mapping, and reports keys that stand there twice.
// n must be a mapping.
func (r *Report) Pairs(n *Node, what string) iter.Seq2[*Node, *Node] {
	return func(yield func(k, v *Node) bool) {
		seen := newKeySet(n)
		for i := 0; i+1 < len(n.Items); i += 2 {
			key := &n.Items[i]
			if first := seen.add(i); first >= 0 {
				r.Errorf(key.Span, fmt.Sprintf("It stands in line %d already; keep one of the two.", r.Line(n.Items[first].Span)),
					"%s has the key %s twice", what, Quote(key.Text))
				continue
			}
			if !yield(key, &n.Items[i+1]) {
				return
			}
		}
	}
}

// keySet finds keys that stand in a mapping twice: by looking back in a small one, for
// which a map would cost more than the rest of its reading, by a map in a large one.
type keySet struct {
	node *Node
	at   map[string]int
}

func newKeySet(n *Node) keySet {
	const small = 2 * 16
	if len(n.Items) <= small {
		return keySet{n, nil}
	}
	return keySet{n, make(map[string]int, len(n.Items)/2)}
}

// add returns where the key of item i stood before, -1 when it is new.
func (k keySet) add(i int) int {
	text := k.node.Items[i].Text
	if k.at == nil {
		for j := 0; j < i; j += 2 {
			if k.node.Items[j].Text == text {
				return j
			}
		}
		return -1
	}
	if first, double := k.at[text]; double {
		return first
	}
	k.at[text] = i
	return -1
}

// List checks that n is a list and returns its items.
func (r *Report) List(n *Node, what string) ([]Node, bool) {
	if n.Kind != Sequence {
		r.Errorf(n.Span, "Write each item on a line of its own with \"- \" before it, or [a, b].", "%s must be a list, not %s", what, n.describe())
		return nil, false
	}
	return n.Items, true
}

// Word returns the text of a scalar as it was written, whatever YAML would take it for:
// for addresses, units, keywords. It is never empty.
func (r *Report) Word(n *Node, what string) (string, bool) {
	switch {
	case n.Kind != Scalar:
		r.Errorf(n.Span, "", "%s must be a single value, not %s", what, n.describe())
	case n.Empty() || n.Text == "":
		r.Errorf(n.Span, "Write a value, or remove the key.", "%s is empty", what)
	default:
		return n.Text, true
	}
	return "", false
}

// Text returns the text of a scalar that is text to YAML too.
func (r *Report) Text(n *Node, what string) (string, bool) {
	s, ok := r.Word(n, what)
	if !ok {
		return "", false
	}
	if t := n.typed(); t != "" {
		r.Errorf(n.Span, "If it is meant as text, put it in quotes.", "%s must be text; %s is %s", what, Quote(s), t)
		return "", false
	}
	return s, true
}

// Bool returns true or false.
func (r *Report) Bool(n *Node, what string) (value, ok bool) {
	s, ok := r.Word(n, what)
	if !ok {
		return false, false
	}
	if n.Style == Plain {
		switch s {
		case "true", "True", "TRUE":
			return true, true
		case "false", "False", "FALSE":
			return false, true
		}
	}
	r.Errorf(n.Span, "Write true or false, without quotes.", "%s must be true or false, not %s", what, Quote(s))
	return false, false
}

// Int returns a whole number between least and most.
func (r *Report) Int(n *Node, what string, least, most int64) (int64, bool) {
	s, ok := r.Word(n, what)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n.Style != Plain {
		r.Errorf(n.Span, "Write digits alone, without quotes.", "%s must be a whole number, not %s", what, Quote(s))
		return 0, false
	}
	if v < least || v > most {
		r.Errorf(n.Span, fmt.Sprintf("It may be %d to %d.", least, most), "%s is %d", what, v)
		return 0, false
	}
	return v, true
}

// Choice returns which of the words n is.
func (r *Report) Choice(n *Node, what string, words ...string) (int, bool) {
	s, ok := r.Word(n, what)
	if !ok {
		return 0, false
	}
	for i, w := range words {
		if s == w {
			return i, true
		}
	}
	r.Errorf(n.Span, "Write "+Either(words)+".", "%s cannot be %s", what, Quote(s))
	return 0, false
}

// Either joins words as "a, b or c".
func Either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// describe says what n is, for "must be …, not …".
func (n *Node) describe() string {
	switch {
	case n.Kind != Scalar:
		return n.Kind.String()
	case n.Empty():
		return "nothing"
	}
	return Quote(n.Text)
}

// Nearest returns the candidate a mistyped name was most likely meant to be, or "".
func Nearest(name string, candidates iter.Seq[string]) string {
	const longest = 64 // distance is quadratic in the length
	if len(name) == 0 || len(name) > longest {
		return ""
	}
	best, least := "", 1+len(name)/3
	for c := range candidates {
		if len(c) > longest || len(c) > len(name)+least || len(name) > len(c)+least {
			continue
		}
		if d := distance(name, c); d < least || d == least && best == "" {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of bytes to insert, remove, replace or swap with a neighbour to
// turn a into b (optimal string alignment).
func distance(a, b string) int {
	var rows [3][65]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, twoAbove := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d := min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, twoAbove[j-2]+1)
			}
			row[j] = d
		}
	}
	return rows[len(a)%3][len(b)]
}
