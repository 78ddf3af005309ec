package main

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is a table that fits a terminal: where it is too wide, columns are left out, those of a high rank first.
type table struct {
	titles []string
	right  []bool // numbers stand to the right
	rank   []int  // beside titles; a column of rank 0 always stays
	rows   [][]string
}

const columnGap = 2

// newTable makes a table with these columns; a > at the end of a title puts the column to the right.
func newTable(titles ...string) *table {
	t := &table{right: make([]bool, len(titles)), rank: make([]int, len(titles))}
	for i, title := range titles {
		title, right := strings.CutSuffix(title, ">")
		t.titles, t.right[i] = append(t.titles, title), right
	}
	return t
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// write writes the table in lines of at most width characters, 0 for any.
func (t *table) write(b *strings.Builder, width int) {
	widths := make([]int, len(t.titles))
	for _, cells := range append([][]string{t.titles}, t.rows...) {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	shown := t.fit(widths, width)
	for _, cells := range append([][]string{t.titles}, t.rows...) {
		var line strings.Builder
		for n, i := range shown {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cells[i]))
			if n > 0 {
				line.WriteString(strings.Repeat(" ", columnGap))
			}
			if t.right[i] {
				line.WriteString(space + cells[i])
			} else {
				line.WriteString(cells[i] + space)
			}
		}
		b.WriteString(strings.TrimRight(cut(line.String(), width), " ") + "\n")
	}
}

// fit gives the columns to show: those of the lowest ranks, as many as there is room for.
func (t *table) fit(widths []int, width int) (shown []int) {
	byRank := make([]int, len(widths))
	for i := range byRank {
		byRank[i] = i
	}
	slices.SortStableFunc(byRank, func(a, b int) int { return cmp.Compare(t.rank[a], t.rank[b]) })
	total := -columnGap
	for _, i := range byRank {
		if w := widths[i] + columnGap; width <= 0 || t.rank[i] == 0 || total+w <= width {
			shown, total = append(shown, i), total+w
		}
	}
	slices.Sort(shown)
	return shown
}

// cut shortens a line to width characters, 0 for any.
func cut(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width])
}
