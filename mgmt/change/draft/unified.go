package draft

import (
	"fmt"
	"strings"
)

// contextLines is how many lines stand around a change.
const contextLines = 3

// maxTable bounds the work on a piece in which no line is unique: beyond it the whole piece is one change.
const maxTable = 1 << 20

// Unified is the difference of two texts as diff -u and patch know it; empty when there is none.
//
// Lines that stand once in both texts pair up (a longest rising sequence of them), and between two pairs the same is done
// again: what an admin moved or inserted stays together, and the work is near linear for documents of any length.
func Unified(before, after, nameBefore, nameAfter string) string {
	a, b := lines(before), lines(after)
	u := &unified{a: a, b: b}
	u.compare(0, len(a), 0, len(b))
	if len(u.script) == 0 {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", nameBefore, nameAfter)
	u.write(&out)
	return out.String()
}

func lines(text string) []string {
	list := strings.SplitAfter(text, "\n")
	if list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

// unified collects pieces of a that became pieces of b.
type unified struct {
	a, b   []string
	script []piece
}

type piece struct{ a0, a1, b0, b1 int }

func (u *unified) change(a0, a1, b0, b1 int) {
	if a0 == a1 && b0 == b1 {
		return
	}
	if n := len(u.script); n > 0 && u.script[n-1].a1 == a0 && u.script[n-1].b1 == b0 {
		u.script[n-1].a1, u.script[n-1].b1 = a1, b1
		return
	}
	u.script = append(u.script, piece{a0, a1, b0, b1})
}

func (u *unified) compare(a0, a1, b0, b1 int) {
	for a0 < a1 && b0 < b1 && u.a[a0] == u.b[b0] {
		a0, b0 = a0+1, b0+1
	}
	for a0 < a1 && b0 < b1 && u.a[a1-1] == u.b[b1-1] {
		a1, b1 = a1-1, b1-1
	}
	if a0 == a1 || b0 == b1 {
		u.change(a0, a1, b0, b1)
		return
	}
	pairs := u.unique(a0, a1, b0, b1)
	if len(pairs) == 0 {
		u.table(a0, a1, b0, b1)
		return
	}
	for _, p := range pairs {
		u.compare(a0, p[0], b0, p[1])
		a0, b0 = p[0]+1, p[1]+1
	}
	u.compare(a0, a1, b0, b1)
}

// unique pairs lines that stand once on both sides, as many as keep their order.
func (u *unified) unique(a0, a1, b0, b1 int) (pairs [][2]int) {
	type seen struct{ inA, inB, at int }
	count := map[string]*seen{}
	for i := a0; i < a1; i++ {
		s := count[u.a[i]]
		if s == nil {
			s = &seen{}
			count[u.a[i]] = s
		}
		s.inA, s.at = s.inA+1, i
	}
	for i := b0; i < b1; i++ {
		if s := count[u.b[i]]; s != nil {
			s.inB++
		}
	}
	var order, at []int
	for i := b0; i < b1; i++ {
		if s := count[u.b[i]]; s != nil && s.inA == 1 && s.inB == 1 {
			order, at = append(order, s.at), append(at, i)
		}
	}
	stays := rising(order)
	for i, line := range order {
		if stays[line] {
			pairs = append(pairs, [2]int{line, at[i]})
		}
	}
	return pairs
}

// table finds a longest common sequence where no line is unique.
func (u *unified) table(a0, a1, b0, b1 int) {
	n, m := a1-a0, b1-b0
	if n*m > maxTable {
		u.change(a0, a1, b0, b1)
		return
	}
	length := make([]int32, (n+1)*(m+1)) // of what follows
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if u.a[a0+i] == u.b[b0+j] {
				length[i*(m+1)+j] = length[(i+1)*(m+1)+j+1] + 1
			} else {
				length[i*(m+1)+j] = max(length[(i+1)*(m+1)+j], length[i*(m+1)+j+1])
			}
		}
	}
	for i, j := 0, 0; i < n || j < m; {
		switch {
		case i < n && j < m && u.a[a0+i] == u.b[b0+j]:
			i, j = i+1, j+1
		case j == m || i < n && length[(i+1)*(m+1)+j] >= length[i*(m+1)+j+1]:
			u.change(a0+i, a0+i+1, b0+j, b0+j)
			i++
		default:
			u.change(a0+i, a0+i, b0+j, b0+j+1)
			j++
		}
	}
}

// write writes the pieces, those near each other in one hunk.
func (u *unified) write(out *strings.Builder) {
	for from := 0; from < len(u.script); {
		to := from + 1
		for to < len(u.script) && u.script[to].a0-u.script[to-1].a1 <= 2*contextLines {
			to++
		}
		first, last := u.script[from], u.script[to-1]
		before := min(contextLines, first.a0)
		after := min(contextLines, len(u.a)-last.a1)
		fmt.Fprintf(out, "@@ -%s +%s @@\n", span(first.a0-before, last.a1+after), span(first.b0-before, last.b1+after))
		at := first.a0 - before
		for _, p := range u.script[from:to] {
			u.each(out, ' ', u.a[at:p.a0])
			u.each(out, '-', u.a[p.a0:p.a1])
			u.each(out, '+', u.b[p.b0:p.b1])
			at = p.a1
		}
		u.each(out, ' ', u.a[at:at+after])
		from = to
	}
}

// span is a range as hunks have it: the first line from 1, and how many; of none the line before.
func span(from, to int) string {
	if from == to {
		return fmt.Sprintf("%d,0", from)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

func (u *unified) each(out *strings.Builder, mark byte, lines []string) {
	for _, l := range lines {
		out.WriteByte(mark)
		out.WriteString(l)
		if !strings.HasSuffix(l, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
