package yamlconf

import (
	"fmt"
	"strings"
)

// flow reads the [list] or {mapping} at pos. Line ends and comments may stand anywhere
// between its parts.
func (r *reader) flow() (Node, bool) {
	if !r.enter() {
		return Node{}, false
	}
	defer r.leave()
	if r.peek() == '[' {
		return r.flowSequence()
	}
	return r.flowMapping()
}

func (r *reader) flowSequence() (Node, bool) {
	start := r.pos
	n := Node{Kind: Sequence, Span: Span{uint32(start), uint32(start + 1)}}
	r.pos++
	for {
		if !r.advance() {
			return n, false
		}
		if r.peek() == ']' {
			return r.flowEnd(n), true
		}
		if r.pos >= len(r.text) {
			return n, r.fail(start, start+1, "the [ is not closed", "Add the missing ].")
		}
		from := r.pos
		item, ok := r.flowValue()
		if !ok {
			return n, false
		}
		n.Items = append(n.Items, item)
		if !r.advance() {
			return n, false
		}
		switch {
		case r.peek() == ',':
			r.pos++
		case r.colon(true):
			return n, r.fail(from, r.pos+1, "a key and value stand inside a list", "Put them in braces, {key: value}; or put the text in quotes.")
		case r.peek() != ']' && r.pos < len(r.text):
			return n, r.unclosed(start, "]")
		}
	}
}

func (r *reader) flowMapping() (Node, bool) {
	start := r.pos
	n := Node{Kind: Mapping, Span: Span{uint32(start), uint32(start + 1)}}
	r.pos++
	for {
		if !r.advance() {
			return n, false
		}
		if r.peek() == '}' {
			return r.flowEnd(n), true
		}
		if r.pos >= len(r.text) {
			return n, r.fail(start, start+1, "the { is not closed", "Add the missing }.")
		}
		from := r.pos
		key, ok := r.scalar(true)
		if !ok || !r.advance() {
			return n, false
		}
		// Behind a quoted key YAML lets the colon stand without a space, as in JSON.
		if !r.colon(true) && (key.Style != Quoted || r.peek() != ':') {
			return n, r.fail(from, int(key.Span.End), expectedPair+" inside { }", afterKey)
		}
		r.pos++
		if !r.advance() {
			return n, false
		}
		value := r.absent()
		switch c := r.peek(); {
		case c == ',' || c == '}' || r.pos >= len(r.text):
			ok = r.count()
		default:
			value, ok = r.flowValue()
		}
		if !ok || !r.advance() {
			return n, false
		}
		n.Items = append(roomFor(n.Items), key, value)
		switch {
		case r.peek() == ',':
			r.pos++
		case r.peek() != '}' && r.pos < len(r.text):
			return n, r.unclosed(start, "}")
		}
	}
}

// unclosed complains about what follows an item; start is the opening bracket.
func (r *reader) unclosed(start int, end string) bool {
	line := 1 + strings.Count(r.text[:start], "\n")
	return r.fail(r.pos, r.pos+1, "expected , or "+end+" here",
		fmt.Sprintf("Separate items by commas, and close with %s what line %d opens.", end, line))
}

// flowEnd steps over the closing bracket.
func (r *reader) flowEnd(n Node) Node {
	r.pos++
	n.Span.End = uint32(r.pos)
	return n
}

func (r *reader) flowValue() (Node, bool) {
	if c := r.peek(); c == '[' || c == '{' {
		return r.flow()
	}
	return r.scalar(true)
}
