package draft

import (
	"cmp"
	"encoding/json"
	"slices"
	"sort"
	"strings"
)

// ObjectChange is what became of one object.
type ObjectChange struct {
	Kind   Kind          `json:"kind" enum:"alias,set,service,policy"`
	Name   string        `json:"name"`
	What   string        `json:"what" enum:"added,removed,changed,moved" doc:"A policy that was changed and moved is changed."`
	From   int           `json:"from,omitempty" doc:"Of a policy: its position before, from 1."`
	To     int           `json:"to,omitempty" doc:"Of a policy: its position now."`
	Moved  bool          `json:"moved,omitempty" doc:"Its order among the others is another."`
	Fields []FieldChange `json:"fields,omitempty"`
}

// FieldChange is what became of a field. Lists are joined by commas; empty is not there.
type FieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Diff lists what is different in b, by kind and name; policies by their place.
func Diff(a, b *Draft) []ObjectChange {
	list := diffByName(KindAlias, a.Aliases, b.Aliases, aliasName)
	list = append(list, diffByName(KindSet, a.Sets, b.Sets, setName)...)
	list = append(list, diffByName(KindService, a.Services, b.Services, serviceName)...)
	return append(list, diffPolicies(a.Policies, b.Policies)...)
}

func diffByName[T any](kind Kind, a, b []*T, nameOf func(*T) string) (list []ObjectChange) {
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = cmp.Compare(nameOf(a[0]), nameOf(b[0]))
		}
		switch {
		case order < 0:
			list = append(list, ObjectChange{Kind: kind, Name: nameOf(a[0]), What: "removed", Fields: fieldsOf(a[0], nil)})
			a = a[1:]
		case order > 0:
			list = append(list, ObjectChange{Kind: kind, Name: nameOf(b[0]), What: "added", Fields: fieldsOf(nil, b[0])})
			b = b[1:]
		default:
			if a[0] != b[0] {
				if f := fieldsOf(a[0], b[0]); len(f) > 0 {
					list = append(list, ObjectChange{Kind: kind, Name: nameOf(a[0]), What: "changed", Fields: f})
				}
			}
			a, b = a[1:], b[1:]
		}
	}
	return list
}

func diffPolicies(a, b []*Policy) (list []ObjectChange) {
	before := make(map[string]int, len(a))
	for i, p := range a {
		before[p.Name] = i
	}
	now := make(map[string]bool, len(b))
	var order []int // places in a of what is in both, in the order of b
	for _, p := range b {
		now[p.Name] = true
		if i, ok := before[p.Name]; ok {
			order = append(order, i)
		}
	}
	for i, p := range a {
		if !now[p.Name] {
			list = append(list, ObjectChange{Kind: KindPolicy, Name: p.Name, What: "removed", From: i + 1, Fields: fieldsOf(p, nil)})
		}
	}
	stays := rising(order)
	for i, p := range b {
		at, ok := before[p.Name]
		d := ObjectChange{Kind: KindPolicy, Name: p.Name, To: i + 1}
		if !ok {
			d.What, d.Fields = "added", fieldsOf(nil, p)
			list = append(list, d)
			continue
		}
		d.From, d.Moved = at+1, !stays[at]
		if d.Moved {
			d.What = "moved"
		}
		if a[at] != p {
			if d.Fields = fieldsOf(a[at], p); len(d.Fields) > 0 {
				d.What = "changed"
			}
		}
		if d.What != "" {
			list = append(list, d)
		}
	}
	return list
}

// rising is a longest rising subsequence: the fewest others have to be moved to make one order of the other.
func rising(order []int) map[int]bool {
	tails, back := []int{}, make([]int, len(order)) // indexes into order
	for i, v := range order {
		n := sort.Search(len(tails), func(k int) bool { return order[tails[k]] >= v })
		back[i] = -1
		if n > 0 {
			back[i] = tails[n-1]
		}
		tails = append(tails[:n], append([]int{i}, tails[min(n+1, len(tails)):]...)...)
	}
	in := make(map[int]bool, len(tails))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = back[i] {
			in[order[i]] = true
		}
	}
	return in
}

// fieldsOf lists the fields in which two objects differ, by name. The name itself is none.
func fieldsOf(a, b any) (list []FieldChange) {
	before, after := flatten(a), flatten(b)
	var names []string
	for n := range before {
		names = append(names, n)
	}
	for n := range after {
		if _, both := before[n]; !both {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		if before[n] != after[n] {
			list = append(list, FieldChange{n, before[n], after[n]})
		}
	}
	return list
}

// flatten gives the fields of an object as texts, those of match as match.initiator.
func flatten(object any) map[string]string {
	out := map[string]string{}
	text, err := json.Marshal(object)
	if err != nil {
		panic(err) // plain data
	}
	var m map[string]any
	if json.Unmarshal(text, &m) == nil {
		flattenInto(out, "", m)
	}
	delete(out, "name")
	return out
}

func flattenInto(out map[string]string, prefix string, m map[string]any) {
	for k, v := range m {
		switch v := v.(type) {
		case map[string]any:
			flattenInto(out, prefix+k+".", v)
		case string:
			out[prefix+k] = v
		case []any:
			parts := make([]string, len(v))
			for i := range v {
				parts[i], _ = v[i].(string)
			}
			out[prefix+k] = strings.Join(parts, ", ")
		default:
			text, _ := json.Marshal(v)
			out[prefix+k] = string(text)
		}
	}
}
