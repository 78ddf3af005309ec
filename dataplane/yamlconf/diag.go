package yamlconf

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is a piece of the file, in byte offsets. The zero Span means "nowhere": what was not
// read from a file has it, and a diagnostic about it has no line and no caret.
type Span struct{ Start, End uint32 }

// Diagnostic is one thing to say about a place in a file.
type Diagnostic struct {
	File    string
	Line    int    // from 1; 0 when the place is not known
	Column  int    // in characters, from 1; in bytes far to the right in a very long line
	Message string // what is wrong
	Cure    string // what to do about it; may be empty
	Excerpt string // the line, or the part of it around the place
	caret   int    // characters of Excerpt before the caret
	width   int    // carets
}

// Error writes the message in compiler style, the line with a caret under it, and the cure.
func (d *Diagnostic) Error() string {
	var b strings.Builder
	b.WriteString(d.File)
	if d.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", d.Line, d.Column)
	}
	b.WriteString(": ")
	b.WriteString(d.Message)
	gutter := "  "
	if d.Line > 0 {
		number := fmt.Sprintf("%5d", d.Line)
		gutter = strings.Repeat(" ", len(number))
		fmt.Fprintf(&b, "\n%s | %s\n%s | %s%s", number, d.Excerpt, gutter,
			strings.Repeat(" ", d.caret), strings.Repeat("^", d.width))
	}
	if d.Cure != "" {
		fmt.Fprintf(&b, "\n%s = %s", gutter, d.Cure)
	}
	return b.String()
}

// Errors is what is wrong in a file, in the order of the file.
type Errors struct {
	List []*Diagnostic
	More int // further errors that are not in List
}

func (e *Errors) Error() string {
	var b strings.Builder
	for i, d := range e.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(d.Error())
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more errors", e.List[0].File, e.More)
	}
	return b.String()
}

// Unwrap lets errors.As find the first Diagnostic.
func (e *Errors) Unwrap() []error {
	out := make([]error, len(e.List))
	for i, d := range e.List {
		out[i] = d
	}
	return out
}

// Report collects what is wrong in one file.
type Report struct {
	name   string
	text   string
	lines  []uint32 // offset of each line's first byte; made when first needed
	found  []placed
	errors int
}

// placed is an error not yet rendered: counting characters up to its column costs the
// length of the line, so only those that are shown pay it.
type placed struct {
	at            Span
	message, cure string
}

// NewReport starts an empty report. name is how the user knows the file.
func NewReport(name, text string) *Report { return &Report{name: name, text: text} }

// Errorf adds an error. The cure is a whole sentence, or empty.
func (r *Report) Errorf(at Span, cure, format string, args ...any) {
	r.errors++
	if len(r.found) < maxCollected {
		r.found = append(r.found, placed{at, fmt.Sprintf(format, args...), cure})
	}
}

// Failed tells whether an error was added.
func (r *Report) Failed() bool { return r.errors > 0 }

// Err returns nil or an *Errors with the first of them by their place in the file.
func (r *Report) Err() error {
	if r.errors == 0 {
		return nil
	}
	sort.SliceStable(r.found, func(i, j int) bool { return r.found[i].at.Start < r.found[j].at.Start })
	e := &Errors{More: r.errors}
	for _, p := range r.found {
		if len(e.List) == MaxReported {
			break
		}
		e.List = append(e.List, r.Diagnose(p.at, p.cure, "%s", p.message))
		e.More--
	}
	return e
}

// Diagnose makes a diagnostic without adding it, for warnings.
func (r *Report) Diagnose(at Span, cure, format string, args ...any) *Diagnostic {
	d := &Diagnostic{File: r.name, Message: fmt.Sprintf(format, args...), Cure: cure}
	if at == (Span{}) || int(at.Start) > len(r.text) {
		return d
	}
	line := r.lineOf(at.Start)
	start := int(r.lines[line])
	end := len(r.text)
	if i := strings.IndexByte(r.text[start:], '\n'); i >= 0 {
		end = start + i
	}
	before := r.text[start:at.Start]
	d.Line = line + 1
	d.Column = len(before) + 1
	if len(before) <= maxCounted {
		d.Column = utf8.RuneCountInString(before) + 1
	}
	d.Excerpt, d.caret = excerpt(r.text[start:end], int(at.Start)-start)
	stop := max(min(int(at.End), end), int(at.Start))
	d.width = utf8.RuneCountInString(r.text[at.Start:stop])
	d.width = max(1, min(d.width, utf8.RuneCountInString(d.Excerpt)-d.caret))
	return d
}

// Line tells the line number of a place, from 1; 0 when it is not known.
func (r *Report) Line(at Span) int {
	if at == (Span{}) || int(at.Start) > len(r.text) {
		return 0
	}
	return r.lineOf(at.Start) + 1
}

func (r *Report) lineOf(offset uint32) int {
	if r.lines == nil {
		r.lines = append(r.lines, 0)
		for i := 0; i < len(r.text); i++ {
			if r.text[i] == '\n' {
				r.lines = append(r.lines, uint32(i+1))
			}
		}
	}
	i, found := slices.BinarySearch(r.lines, offset)
	if !found {
		i--
	}
	return i
}

// excerpt returns the line fit for a terminal, or the part of it around the byte offset at,
// and how many characters of it stand before that place. Anything that does not print
// becomes one visible character, so the caret stays under its place.
func excerpt(line string, at int) (string, int) {
	line = strings.TrimRight(line, "\r")
	at = min(at, len(line))
	clean := make([]rune, 0, min(len(line), 4*maxExcerpt))
	caret := 0
	// Start the window a fixed number of bytes before the place, on a character.
	from := 0
	if at > 2*maxExcerpt {
		from = at - maxExcerpt/2
		for from < at && !utf8.RuneStart(line[from]) {
			from++
		}
	}
	for i, c := range line[from:] {
		if from+i < at {
			caret++
		}
		switch {
		case c == '\t':
			c = ' '
		case !unicode.IsPrint(c):
			c = '\uFFFD'
		}
		clean = append(clean, c)
		if len(clean) > caret+maxExcerpt {
			break
		}
	}
	cutLeft := from > 0
	if caret > maxExcerpt/2 && len(clean) > maxExcerpt {
		cut := caret - maxExcerpt/2
		clean, caret, cutLeft = clean[cut:], caret-cut, true
	}
	cutRight := len(clean) > maxExcerpt
	if cutRight {
		clean = clean[:maxExcerpt]
	}
	out := string(clean)
	if cutLeft {
		out, caret = "…"+out, caret+1
	}
	if cutRight {
		out += "…"
	}
	return out, caret
}

// Quote shows a value of the file inside a message: quoted, printable, not longer than a
// message should be.
func Quote(s string) string {
	if utf8.RuneCountInString(s) > maxQuoted {
		s = string([]rune(s[:min(len(s), 4*maxQuoted)])[:maxQuoted-1]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
