package event

import (
	"encoding/json"
	"strings"
	"time"
)

// ReadRequest asks for events by number, as a subscriber does.
type ReadRequest struct {
	After   uint64 `json:"after"`             // the number of the last one seen; 0 from the beginning
	Newest  bool   `json:"newest,omitempty"`  // instead: only what comes from now on
	Lineage string `json:"lineage,omitempty"` // what the last answer said; so a renumbering is noticed
	Max     int    `json:"max,omitempty"`
	WaitMS  int    `json:"wait_ms,omitempty"` // how long to wait if there is none
}

// ListRequest asks for events by what they are.
type ListRequest struct {
	After  uint64    `json:"after,omitempty"`  // the first ones after this number, instead of the last ones
	Before uint64    `json:"before,omitempty"` // only such as have a lower number; 0: any
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`  // not including
	Types  []string  `json:"types,omitempty"` // names, or their beginning up to a dot: flow, flow.created
	// Match selects by text fields: a value, or its beginning and a star. Several are joined by and.
	Match map[string]string `json:"match,omitempty"`
	Max   int               `json:"max,omitempty"`
	// Oldest takes those with the lowest numbers where there are more than Max, also without After.
	Oldest bool `json:"oldest,omitempty"`
}

// Newest says whether of more than Max those with the highest numbers are taken.
func (q *ListRequest) Newest() bool { return q.After == 0 && !q.Oldest }

// Matches says whether encoded fields are selected.
func Matches(fields []byte, match map[string]string) bool {
	if len(match) == 0 {
		return true
	}
	var values map[string]any
	if json.Unmarshal(fields, &values) != nil {
		return false
	}
	for name, want := range match {
		is, _ := values[name].(string)
		begin, star := strings.CutSuffix(want, "*")
		if star && !strings.HasPrefix(is, begin) || !star && is != want {
			return false
		}
	}
	return true
}

// ReadAnswer has events by number.
type ReadAnswer struct {
	Events  []Event `json:"events"`
	After   uint64  `json:"after"`   // to go on from
	Lineage string  `json:"lineage"` // of the numbering
	// Partial is why older events are missing: they are not kept any more; or After lies beyond the log, so that its
	// numbering is a new one, and the events are the oldest that there are.
	Partial string `json:"partial,omitempty"`
}

// CheckAnswer says whether the views are what the log says.
type CheckAnswer struct {
	Number uint64      `json:"number"` // of the last event in the database
	Cut    uint64      `json:"cut"`    // events up to this one were deleted by retention; the replay begins behind it
	Events uint64      `json:"events"` // replayed
	Views  []ViewCheck `json:"views"`
}

// ViewCheck is what was found of a view.
type ViewCheck struct {
	Name        string   `json:"name"`
	Rows        uint64   `json:"rows"`
	Expected    uint64   `json:"expected"` // after the replay
	Equal       bool     `json:"equal"`
	Differences []string `json:"differences,omitempty"` // the first ones
}

// Equal says whether nothing differs.
func (c *CheckAnswer) Equal() bool {
	for _, v := range c.Views {
		if !v.Equal {
			return false
		}
	}
	return true
}
