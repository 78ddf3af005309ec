package event

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// FromProcess is the producer of events that come from a process of the management side. Its epoch is the process's
// instance, a random number. Producers of the data plane are below.
const FromProcess = 1 << 10

// FromSpool is the producer of what stands in the log for an event that is lost. The epoch is the spool's lineage, the
// sequence the number in it.
const FromSpool = 1<<10 + 1

// Origin names an event for ever. Sequences of one (epoch, producer) go up from event to event.
type Origin struct {
	Epoch    uint64
	Producer uint32
	Seq      uint64
}

// Event is an event with its place in the log of its node.
type Event struct {
	Number uint64
	At     time.Time
	Type   Type
	Origin Origin
	Fields json.RawMessage // an object; in the order of the catalogue
}

// jsonEvent is an event as requests, answers and command lines have it.
type jsonEvent struct {
	Number   uint64          `json:"number"`
	At       time.Time       `json:"at"`
	Type     Type            `json:"type_number"`
	Name     string          `json:"type"`
	Severity string          `json:"severity"`
	Category string          `json:"category"`
	Epoch    string          `json:"epoch"` // a string: beyond what a JSON reader's float holds
	Producer uint32          `json:"producer"`
	Seq      uint64          `json:"seq"`
	Text     string          `json:"text"`
	Fields   json.RawMessage `json:"fields"`
}

// MarshalJSON adds what the catalogue knows.
func (e Event) MarshalJSON() ([]byte, error) {
	j := jsonEvent{
		Number: e.Number, At: e.At.UTC(), Type: e.Type, Name: e.Type.String(), Severity: e.Severity().String(), Category: e.Category().String(),
		Epoch: strconv.FormatUint(e.Origin.Epoch, 16), Producer: e.Origin.Producer, Seq: e.Origin.Seq, Text: e.Text(), Fields: e.Fields,
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Event) UnmarshalJSON(b []byte) error {
	var j jsonEvent
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	epoch, err := strconv.ParseUint(j.Epoch, 16, 64)
	*e = Event{Number: j.Number, At: j.At, Type: j.Type, Origin: Origin{epoch, j.Producer, j.Seq}, Fields: j.Fields}
	return err
}

// Severity is how bad it is, by the catalogue.
func (e *Event) Severity() Severity {
	if c := Lookup(e.Type); c != nil {
		return c.Severity
	}
	return Notice
}

// Category is its group, by the catalogue.
func (e *Event) Category() Category {
	if c := Lookup(e.Type); c != nil {
		return c.Category
	}
	return Log
}

// Text is the catalogue's sentence with the event's fields in their places.
func (e *Event) Text() string {
	c := Lookup(e.Type)
	if c == nil {
		return "an event of type " + e.Type.String()
	}
	values := map[string]any{}
	d := json.NewDecoder(strings.NewReader(string(e.Fields)))
	d.UseNumber()
	_ = d.Decode(&values) // fields that cannot be read are shown as missing
	var b strings.Builder
	for rest := c.Text; ; {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			return strings.Join(strings.Fields(b.String()), " ")
		}
		var name string
		name, rest, _ = strings.Cut(after, "}")
		b.WriteString(spell(values[name]))
	}
}

func spell(v any) string {
	switch v := v.(type) {
	case nil:
		return "?"
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return "?"
}
