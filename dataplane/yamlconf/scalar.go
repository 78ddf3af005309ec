package yamlconf

import (
	"strings"
	"unicode/utf8"
)

// inline reads the scalar or flow collection at pos in block context. key tells that it is
// followed by a colon, at which pos stands then.
func (r *reader) inline(parent int) (n Node, key, ok bool) {
	switch c := r.peek(); {
	case c == '[' || c == '{':
		n, ok = r.flow()
		if !ok {
			return n, false, false
		}
		mark := r.pos
		r.blanks()
		if r.colon(false) {
			return n, false, r.fail(int(n.Span.Start), mark, "a list or mapping cannot be a key", "Keys are plain text.")
		}
		return n, false, true
	case c == '|':
		n, ok = r.literal(parent)
		return n, false, ok
	default:
		n, ok = r.scalar(false)
	}
	if !ok {
		return n, false, false
	}
	mark := r.pos
	r.blanks()
	if r.colon(false) {
		return n, true, true
	}
	r.pos = mark
	return n, false, true
}

// colon tells whether pos is at the colon behind a key. Inside flow a bracket or comma may
// follow it at once.
func (r *reader) colon(flow bool) bool {
	return r.peek() == ':' && (r.spaceAt(r.pos+1) || flow && flowIndicator(r.byteAt(r.pos+1)))
}

func flowIndicator(c byte) bool { return c != 0 && strings.IndexByte(",[]{}", c) >= 0 }

// scalar reads a plain or quoted scalar.
func (r *reader) scalar(flow bool) (Node, bool) {
	if !r.count() {
		return Node{}, false
	}
	switch c := r.peek(); c {
	case '"':
		return r.doubleQuoted()
	case '\'':
		return r.singleQuoted()
	default:
		if !r.plainStart(c, flow) {
			return Node{}, false
		}
		return r.plain(flow), true
	}
}

// plainStart checks that a plain scalar may begin with c, and says why not.
func (r *reader) plainStart(c byte, flow bool) bool {
	problem, cure := "", "To begin a text with it, put the text in quotes."
	switch c {
	case '&':
		problem = "YAML anchors are not read here"
	case '*':
		problem = "YAML aliases are not read here"
		cure = "For every WWN write any; a mask needs leading digits, as 20:00:02:fc:*."
	case '!':
		problem = "YAML tags are not read here"
	case '%', '@', '`':
		problem = "a text cannot begin with " + string(rune(c))
	case '>':
		problem, cure = "folded blocks are not read here", "Use | instead; or put the text in quotes."
	case ']', '}', ',', '[', '{':
		problem, cure = "unexpected "+string(rune(c)), "Look for a bracket or a value that is missing before it."
	case '|':
		problem, cure = "a block cannot stand inside brackets", "Put the text in quotes."
	case '?':
		if !r.spaceAt(r.pos + 1) {
			return true
		}
		problem, cure = "complex keys are not read here", "Write key: value."
	case ':':
		if !r.spaceAt(r.pos+1) && (!flow || !flowIndicator(r.byteAt(r.pos+1))) {
			return true
		}
		problem, cure = "the key before this colon is missing", "Write key: value."
	case '-':
		if !r.spaceAt(r.pos+1) && (!flow || !flowIndicator(r.byteAt(r.pos+1))) {
			return true
		}
		problem, cure = "a list item cannot stand here", "Start each item on a line of its own, or write [a, b]."
	default:
		return true
	}
	return r.fail(r.pos, r.pos+1, problem, cure)
}

// plain reads up to the end of the line, a comment, or a key's colon; inside brackets also
// up to what ends an item there.
func (r *reader) plain(flow bool) Node {
	start, end := r.pos, r.pos
	for ; r.pos < len(r.text); r.pos++ {
		c := r.text[r.pos]
		if c == '\n' || c == '\r' || c == '#' && r.commentHere() && r.pos > start || r.colon(flow) || flow && flowIndicator(c) {
			break
		}
		if c != ' ' && c != '\t' {
			end = r.pos + 1
		}
	}
	r.pos = end
	return Node{Span: Span{uint32(start), uint32(end)}, Text: r.text[start:end]}
}

func (r *reader) openQuote(start int) bool {
	return r.fail(start, start+1, "the quote is not closed on its line", "Close it; text of several lines needs a block (|).")
}

func (r *reader) singleQuoted() (Node, bool) {
	start := r.pos
	var b strings.Builder
	escaped := false
	from := start + 1
	for i := from; i < len(r.text) && r.text[i] != '\n'; i++ {
		if r.text[i] != '\'' {
			continue
		}
		if r.byteAt(i+1) == '\'' {
			escaped = true
			b.WriteString(r.text[from : i+1])
			i++
			from = i + 1
			continue
		}
		text := r.text[from:i]
		if escaped {
			b.WriteString(text)
			text = b.String()
		}
		r.pos = i + 1
		return Node{Style: Quoted, Span: Span{uint32(start), uint32(r.pos)}, Text: text}, true
	}
	return Node{}, r.openQuote(start)
}

func (r *reader) doubleQuoted() (Node, bool) {
	start := r.pos
	var b strings.Builder
	escaped := false
	from := start + 1
	for i := from; i < len(r.text) && r.text[i] != '\n'; {
		switch r.text[i] {
		case '\\':
			char, size := unescape(r.text[i:])
			if size == 0 {
				return Node{}, r.fail(i, i+2, "unknown escape in double quotes", `For a backslash write \\, or use single quotes.`)
			}
			escaped = true
			b.WriteString(r.text[from:i])
			b.WriteRune(char)
			i += size
			from = i
		case '"':
			text := r.text[from:i]
			if escaped {
				b.WriteString(text)
				text = b.String()
			}
			r.pos = i + 1
			return Node{Style: Quoted, Span: Span{uint32(start), uint32(r.pos)}, Text: text}, true
		default:
			i++
		}
	}
	return Node{}, r.openQuote(start)
}

// unescape reads the escape at the start of s: the character and how many bytes stand for
// it, 0 when it is none of YAML's.
func unescape(s string) (rune, int) {
	if len(s) < 2 {
		return 0, 0
	}
	digits := 0
	switch s[1] {
	case '0':
		return 0, 2
	case 'a':
		return '\a', 2
	case 'b':
		return '\b', 2
	case 't':
		return '\t', 2
	case 'n':
		return '\n', 2
	case 'v':
		return '\v', 2
	case 'f':
		return '\f', 2
	case 'r':
		return '\r', 2
	case 'e':
		return 0x1B, 2
	case ' ', '"', '/', '\\':
		return rune(s[1]), 2
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	}
	if digits == 0 || len(s) < 2+digits {
		return 0, 0
	}
	var char uint32
	for _, c := range []byte(s[2 : 2+digits]) {
		v := hexValue(c)
		if v < 0 {
			return 0, 0
		}
		char = char<<4 | uint32(v)
	}
	if char > utf8.MaxRune || !utf8.ValidRune(rune(char)) {
		return 0, 0
	}
	return rune(char), 2 + digits
}

// literal reads a literal block. Its lines are indented deeper than parent; the first one
// that is not empty sets how deep. "|-" drops the last line end, "|+" keeps all of them.
func (r *reader) literal(parent int) (Node, bool) {
	if !r.count() {
		return Node{}, false
	}
	start := r.pos
	r.pos++
	chomp := r.peek()
	switch {
	case chomp == '-' || chomp == '+':
		r.pos++
	case chomp >= '0' && chomp <= '9':
		return Node{}, r.fail(start, r.pos+1, "a block with its own indentation number is not read here", "Write | alone.")
	}
	if !r.endOfLine() {
		return Node{}, false
	}
	r.nextLine() // the rest of this line is a comment at most
	var b strings.Builder
	indent, blank := -1, 0
	end := r.pos
	for r.pos < len(r.text) {
		line, depth := r.line()
		if depth == len(line) && (indent < 0 || depth <= indent) {
			blank++
			r.nextLine()
			continue
		}
		if indent < 0 {
			indent = depth
		}
		if depth < indent || indent <= max(parent, 0) {
			break
		}
		for ; blank > 0; blank-- {
			b.WriteByte('\n')
		}
		b.WriteString(line[indent:])
		b.WriteByte('\n')
		end = r.pos + len(line)
		r.nextLine()
	}
	text := b.String()
	switch {
	case chomp == '-':
		text = strings.TrimRight(text, "\n")
	case chomp == '+':
		text += strings.Repeat("\n", blank)
	}
	return Node{Style: Block, Span: Span{uint32(start), uint32(max(end, start+1))}, Text: text}, true
}

// line returns the line at pos, without its end, and how many spaces it starts with.
func (r *reader) line() (string, int) {
	line := r.text[r.pos:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	line = strings.TrimSuffix(line, "\r")
	depth := 0
	for depth < len(line) && line[depth] == ' ' {
		depth++
	}
	return line, depth
}

func (r *reader) nextLine() {
	if i := strings.IndexByte(r.text[r.pos:], '\n'); i >= 0 {
		r.pos += i + 1
	} else {
		r.pos = len(r.text)
	}
	r.bol = r.pos
}
