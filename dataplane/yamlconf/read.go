package yamlconf

// A file is read in these steps, in this order:
//
//	1. check    size, UTF-8, control characters           (check)
//	2. frame    "---", one document, "..."                (document)
//	3. blocks   mappings and lists by indentation         (block, mapping, sequence, value)
//	4. flow     [ ] and { }                               (flow.go)
//	5. scalars  plain, quoted, literal                    (scalar.go)
//
// The first thing that is not YAML as we read it ends the reading: after it every further
// complaint would be a guess. Errors of meaning are found later, on the tree, and there
// many at once.

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// ReadFile returns the bytes of a file for Read, a little more than MaxBytes at most. It
// works on pipes too.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return text, nil
}

// Read reads a file. The report holds the error if there is one, else the root is the
// whole tree; a file with nothing in it gives an Absent scalar. name is how the user knows
// the file.
func Read(name string, text []byte) (Node, *Report) {
	if len(text) > MaxBytes {
		report := NewReport(name, "")
		report.Errorf(Span{}, "Split it, or use sets and masks instead of long lists.",
			"the file has more than %d bytes", MaxBytes)
		return Node{}, report
	}
	r := &reader{text: string(text)}
	report := NewReport(name, r.text)
	if !r.check() {
		report.Errorf(r.at, r.cure, "%s", r.problem)
		return Node{}, report
	}
	root, ok := r.document()
	if !ok {
		report.Errorf(r.at, r.cure, "%s", r.problem)
		return Node{}, report
	}
	return root, report
}

// reader is a cursor over the text. Its methods return false once something is wrong; the
// problem stands in the reader then.
type reader struct {
	text  string
	pos   int // next byte
	bol   int // first byte of the current line
	depth int
	nodes int

	at      Span
	problem string
	cure    string
}

func (r *reader) fail(start, end int, problem, cure string) bool {
	r.at = Span{uint32(start), uint32(max(end, start+1))}
	r.problem, r.cure = problem, cure
	return false
}

func (r *reader) check() bool {
	const bom = "\uFEFF"
	r.pos = len(r.text) - len(strings.TrimPrefix(r.text, bom))
	r.bol = r.pos
	for i := r.pos; i < len(r.text); {
		c := r.text[i]
		if c >= ' ' && c < 0x7F || c == '\n' || c == '\t' {
			i++
			continue
		}
		if c == '\r' && i+1 < len(r.text) && r.text[i+1] == '\n' {
			i++
			continue
		}
		char, size := utf8.DecodeRuneInString(r.text[i:])
		switch {
		case char == utf8.RuneError && size <= 1:
			return r.fail(i, i+1, "this is not UTF-8 text", "Save the file as UTF-8.")
		case char < ' ', char >= 0x7F && char < 0xA0, char == 0xFEFF:
			return r.fail(i, i+size, "control character in the text", "Remove it; inside double quotes write it as an escape.")
		}
		i += size
	}
	return true
}

// document reads the one document of the file.
func (r *reader) document() (Node, bool) {
	if !r.advance() {
		return Node{}, false
	}
	if r.peek() == '%' && r.column() == 0 {
		return Node{}, r.fail(r.pos, r.pos+1, "YAML directives are not read here", "Remove this line.")
	}
	if r.marker("---") {
		r.pos += 3
		if !r.endOfLine() || !r.advance() {
			return Node{}, false
		}
	}
	root := r.absent()
	if !r.ended() {
		var ok bool
		if root, ok = r.block(-1); !ok || !r.advance() {
			return Node{}, false
		}
	}
	if r.marker("...") {
		r.pos += 3
		if !r.endOfLine() || !r.advance() {
			return Node{}, false
		}
	}
	if r.marker("---") {
		return Node{}, r.fail(r.pos, r.pos+3, "a second document starts here", "Keep one document per file.")
	}
	if r.pos == len(r.text) {
		return root, true
	}
	switch {
	case root.Kind == Scalar:
		return root, r.fail(int(root.Span.Start), int(root.Span.End), expectedPair, afterKey)
	case root.Kind == Sequence && r.column() == 0:
		return root, r.fail(r.pos, r.pos+1, "expected a list item", "Start it with \"- \".")
	}
	return root, r.misplaced()
}

const (
	expectedPair = "expected \"key: value\""
	afterKey     = "Write a colon and a space after the key."
)

// misplaced complains about a token whose indentation belongs to no level above it.
func (r *reader) misplaced() bool {
	return r.fail(r.pos, r.pos+1, "this line's indentation matches no level above it",
		"Start it in the same column as the line it belongs beside; text that runs on over lines needs a block (|).")
}

// block reads the node whose first token is at pos; that token's column is its indentation.
// parent is the indentation of what holds it, -1 at the top.
func (r *reader) block(parent int) (Node, bool) {
	if !r.enter() {
		return Node{}, false
	}
	defer r.leave()
	column := r.column()
	if r.dash() {
		return r.sequence(column)
	}
	n, key, ok := r.inline(parent)
	if !ok {
		return Node{}, false
	}
	if key {
		return r.mapping(column, n)
	}
	if n.Style == Block {
		return n, true
	}
	return n, r.endOfLine()
}

// mapping reads a block mapping at the given indentation. Its first key is already read,
// pos is at the colon.
func (r *reader) mapping(column int, key Node) (Node, bool) {
	m := Node{Kind: Mapping, Span: key.Span}
	for {
		r.pos++
		value, ok := r.value(column)
		if !ok {
			return m, false
		}
		m.Items = append(roomFor(m.Items), key, value)
		if !r.advance() {
			return m, false
		}
		if r.ended() || r.column() < column {
			return m, true
		}
		if r.column() > column {
			return m, r.misplaced()
		}
		if r.dash() {
			return m, r.fail(r.pos, r.pos+1, "a list item stands where a key is expected", "Indent the list under its key.")
		}
		start := r.pos
		var isKey bool
		if key, isKey, ok = r.inline(column); !ok {
			return m, false
		}
		if !isKey {
			return m, r.fail(start, int(key.Span.End), expectedPair, afterKey+" Text that runs on over lines needs a block (|).")
		}
	}
}

// roomFor makes room for two more items. A long list grows fourfold, not by a quarter as append has it: in the process
// that compiles a policy, which lives for a tenth of a second, memory that is touched costs more than memory that is asked
// for (with 60,000 aliases half of its time went into lists that were copied to grow).
func roomFor(items []Node) []Node {
	const short = 8
	n := len(items)
	if n+2 <= cap(items) {
		return items
	}
	bigger := make([]Node, n, max(short, 4*n))
	copy(bigger, items)
	return bigger
}

// value reads what follows a key's colon in a block mapping of the given indentation.
func (r *reader) value(column int) (Node, bool) {
	r.blanks()
	if !r.atLineEnd() {
		if r.dash() {
			return Node{}, r.fail(r.pos, r.pos+1, "a list cannot start on the line of its key", "Start it on the next line, or write [a, b].")
		}
		start := r.pos
		n, key, ok := r.inline(column)
		switch {
		case !ok:
			return n, false
		case key:
			return n, r.fail(start, int(n.Span.End), "a second \": \" on the same line",
				"Put the value in quotes, or start a mapping on the next line.")
		case n.Style == Block:
			return n, true
		}
		return n, r.endOfLine()
	}
	nothing := r.absent()
	if !r.advance() {
		return nothing, false
	}
	switch {
	case r.ended():
	case r.column() > column:
		return r.block(column)
	case r.column() == column && r.dash():
		// YAML lets a list stand in its key's own column.
		if !r.enter() {
			return nothing, false
		}
		defer r.leave()
		return r.sequence(column)
	}
	return nothing, r.count()
}

// sequence reads a block list at the given indentation; pos is at its first dash.
func (r *reader) sequence(column int) (Node, bool) {
	s := Node{Kind: Sequence, Span: Span{uint32(r.pos), uint32(r.pos + 1)}}
	for {
		r.pos++
		for r.peek() == ' ' {
			r.pos++
		}
		if r.peek() == '\t' {
			return s, r.tab()
		}
		item := r.absent()
		if r.atLineEnd() && !r.advance() {
			return s, false
		}
		if !r.ended() && r.column() > column {
			var ok bool
			if item, ok = r.block(column); !ok {
				return s, false
			}
		} else if !r.count() {
			return s, false
		}
		s.Items = append(roomFor(s.Items), item)
		if !r.advance() {
			return s, false
		}
		if r.ended() || r.column() < column {
			return s, true
		}
		if r.column() > column {
			return s, r.misplaced()
		}
		if !r.dash() {
			return s, true
		}
	}
}

// enter counts a node and a level, leave undoes the level.
func (r *reader) enter() bool {
	r.depth++
	if r.depth > MaxDepth {
		return r.fail(r.pos, r.pos+1, "nested too deeply", "No configuration of ours needs more than four levels.")
	}
	return r.count()
}

func (r *reader) leave() { r.depth-- }

func (r *reader) count() bool {
	r.nodes++
	if r.nodes > MaxNodes {
		return r.fail(r.pos, r.pos+1, "too many values in one file", "Use sets and masks instead of long lists.")
	}
	return true
}

// absent is the node of a value that was not written.
func (r *reader) absent() Node {
	at := uint32(r.pos)
	return Node{Style: Absent, Span: Span{at, at}}
}

// advance skips blanks, comments and line ends up to the next token.
func (r *reader) advance() bool {
	indenting := r.pos == r.bol
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\r':
			r.pos++
		case '\t':
			start := r.pos
			r.blanks()
			if indenting && !r.atLineEnd() {
				r.pos = start
				return r.tab()
			}
		case '\n':
			r.pos++
			r.bol = r.pos
			indenting = true
		case '#':
			if !r.commentHere() {
				return r.fail(r.pos, r.pos+1, "a comment needs a space before its #", "Put a space there.")
			}
			if i := strings.IndexByte(r.text[r.pos:], '\n'); i >= 0 {
				r.pos += i
			} else {
				r.pos = len(r.text)
			}
		default:
			return true
		}
	}
	return true
}

func (r *reader) tab() bool {
	return r.fail(r.pos, r.pos+1, "a tab is used as indentation", "Use spaces.")
}

// endOfLine checks that nothing but a comment follows on this line.
func (r *reader) endOfLine() bool {
	r.blanks()
	if r.atLineEnd() {
		return true
	}
	end := r.pos
	for end < len(r.text) && r.text[end] != '\n' && r.text[end] != '\r' {
		end++
	}
	return r.fail(r.pos, end, "unexpected text after the value", "Put the whole value in quotes, or remove the rest.")
}

// blanks skips spaces and tabs.
func (r *reader) blanks() {
	for r.pos < len(r.text) && (r.text[r.pos] == ' ' || r.text[r.pos] == '\t') {
		r.pos++
	}
}

// atLineEnd tells whether the line is over, or only a comment is left of it.
func (r *reader) atLineEnd() bool {
	if r.pos >= len(r.text) {
		return true
	}
	c := r.text[r.pos]
	return c == '\n' || c == '\r' || c == '#' && r.commentHere()
}

// commentHere tells whether a # at pos starts a comment.
func (r *reader) commentHere() bool {
	return r.pos == r.bol || r.text[r.pos-1] == ' ' || r.text[r.pos-1] == '\t'
}

// peek returns the byte at pos, 0 at the end.
func (r *reader) peek() byte { return r.byteAt(r.pos) }

func (r *reader) byteAt(i int) byte {
	if i < len(r.text) {
		return r.text[i]
	}
	return 0
}

func (r *reader) column() int { return r.pos - r.bol }

// spaceAt tells whether there is white space, or the end, at i.
func (r *reader) spaceAt(i int) bool {
	switch r.byteAt(i) {
	case ' ', '\t', '\n', '\r', 0:
		return true
	}
	return false
}

// dash tells whether a block list item starts at pos.
func (r *reader) dash() bool { return r.peek() == '-' && r.spaceAt(r.pos+1) }

// marker tells whether the given document marker stands at pos.
func (r *reader) marker(m string) bool {
	return r.column() == 0 && strings.HasPrefix(r.text[r.pos:], m) && r.spaceAt(r.pos+3)
}

// ended tells whether the document is over at pos.
func (r *reader) ended() bool {
	return r.pos >= len(r.text) || r.marker("---") || r.marker("...")
}
