package settings

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Record is one setting. Its body is not to be changed.
type Record struct {
	Kind    string          `json:"kind"`
	Name    string          `json:"name"`
	Version uint64          `json:"version,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"` // none: it was deleted
}

// Decode reads the body.
func (r Record) Decode(into any) error {
	if err := json.Unmarshal(r.Body, into); err != nil {
		return fmt.Errorf("settings: %s %s: %w", r.Kind, r.Name, err)
	}
	return nil
}

// Local says whether the record stays on this machine.
func (r Record) Local() bool { return strings.HasPrefix(r.Kind, "local.") }

// table is all records that are there, and what they weigh.
type table struct {
	kinds   map[string]map[string]Record
	records int
	bytes   int64
}

func newTable() *table { return &table{kinds: map[string]map[string]Record{}} }

func (t *table) get(kind, name string) (Record, bool) {
	r, ok := t.kinds[kind][name]
	return r, ok
}

// put takes a record, or takes it away if it has no body.
func (t *table) put(r Record) {
	if old, ok := t.get(r.Kind, r.Name); ok {
		t.records--
		t.bytes -= weight(old)
		delete(t.kinds[r.Kind], r.Name)
	}
	if r.Body == nil {
		return
	}
	names := t.kinds[r.Kind]
	if names == nil {
		names = map[string]Record{}
		t.kinds[r.Kind] = names
	}
	names[r.Name] = r
	t.records++
	t.bytes += weight(r)
}

func weight(r Record) int64 { return int64(len(r.Kind) + len(r.Name) + len(r.Body) + 64) }

// all gives every record of a kind by name; of every kind if it is empty.
func (t *table) all(kind string) []Record {
	var list []Record
	for k, names := range t.kinds {
		if kind != "" && k != kind {
			continue
		}
		for _, r := range names {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b Record) int {
		return strings.Compare(a.Kind+"\x00"+a.Name, b.Kind+"\x00"+b.Name)
	})
	return list
}
