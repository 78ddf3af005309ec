package rest

import (
	"slices"
	"strings"

	"fcredirect/mgmt/problem"
)

// Page is embedded in the input of a list.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many items at most."`
	Cursor string `query:"cursor" maxLength:"1400" doc:"next_cursor of the page before. It belongs to the filter and the order that it came from."`
	Sort   string `query:"sort" maxLength:"64" pattern:"^-?[a-z][a-z0-9_]*$" doc:"The field to order by; with - before it, the greatest first." example:"name"`
}

// By is the field to order by: one of the allowed ones, of which the first is the usual one. A - before an allowed one
// makes its usual direction downwards.
func (p Page) By(allowed ...string) (field string, descending bool, err error) {
	sort := p.Sort
	if sort == "" {
		sort = allowed[0]
	}
	field, descending = strings.CutPrefix(sort, "-")
	if !slices.ContainsFunc(allowed, func(a string) bool { return strings.TrimPrefix(a, "-") == field }) {
		return "", false, problem.New(problem.Invalid, "").At("query/sort", "must be one of %s", strings.ReplaceAll(strings.Join(allowed, ", "), "-", ""))
	}
	return field, descending, nil
}

// List is the answer with a page of things.
type List[T any] struct {
	Body ListBody[T]
}

func (*List[T]) list() {}

// ListBody is the page.
type ListBody[T any] struct {
	Items      []T     `json:"items"`
	NextCursor string  `json:"next_cursor,omitempty" doc:"Cursor of the next page. It is absent on the last one."`
	Total      *uint64 `json:"total,omitempty" doc:"How many there are on all pages, where that is known."`
}

// Some is a List. No items are an empty list, not null.
func Some[T any](items []T, next string) *List[T] {
	if items == nil {
		items = []T{}
	}
	return &List[T]{ListBody[T]{Items: items, NextCursor: next}}
}

// Of adds how many there are in all.
func (l *List[T]) Of(total int) *List[T] {
	n := uint64(total)
	l.Body.Total = &n
	return l
}

// Cut is one page of what is in memory as a whole, in the order of key: a text that no two of them share. filter is
// anything that says which filter and order the list has.
func Cut[T any](c *Cursor, p Page, filter string, all []T, descending bool, key func(*T) string) (*List[T], error) {
	start := 0
	if p.Cursor != "" {
		var last string
		if err := c.Decode(p.Cursor, filter, &last); err != nil {
			return nil, err
		}
		start = len(all)
		for i := range all {
			if order := strings.Compare(key(&all[i]), last); order > 0 && !descending || order < 0 && descending {
				start = i
				break
			}
		}
	}
	limit := p.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	end := min(start+min(limit, MaxLimit), len(all))
	next := ""
	if end < len(all) {
		next = c.Encode(key(&all[end-1]), filter)
	}
	return Some(slices.Clone(all[start:end]), next).Of(len(all)), nil
}
