package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"fcredirect/mgmt/event"
)

// view is a table whose rows follow from the log. A column takes the last value that an event had in the field of that
// name, or that its effect says.
type view struct {
	name    string
	keys    []column
	columns []column
	counts  []string // columns that effects add 1 to
	effects map[event.Type]effect
	over    string // SQL: the row v speaks of something that is over and may go with its last event

	once      sync.Once
	statement string // upsert, with %s for the table
}

// column with its SQL type.
type column struct{ name, sql string }

// effect is what an event of a type does to the row of its key.
type effect struct {
	fields []string          // columns that are taken from the event; nil: all
	set    map[string]string // columns with a value of their own
	at     []string          // columns that take the event's time
	add    []string
}

func columns(list string) []column {
	var all []column
	for _, c := range strings.Split(list, ",") {
		name, sql, _ := strings.Cut(strings.TrimSpace(c), " ")
		all = append(all, column{name, sql})
	}
	return all
}

// current is the epoch of the data plane that started last: what was alive in another one is not any more.
const current = "(SELECT d.epoch FROM view_dataplane d WHERE d.node_id = $1 ORDER BY d.number DESC LIMIT 1)"

func state(s string) map[string]string { return map[string]string{"state": s} }

var (
	since  = []string{"since"}
	upDown = func(up, down event.Type) map[event.Type]effect {
		return map[event.Type]effect{
			up:   {set: state("up"), at: since, add: []string{"ups"}},
			down: {set: state("down"), at: since, add: []string{"downs"}},
		}
	}
	verdict = effect{at: since, add: []string{"changes"}}
)

// views are in the order in which a statement may look into an earlier one.
var views = []*view{
	{
		name: "view_dataplane", keys: columns("epoch bigint"), columns: columns("name text, state text, since timestamptz, policy text, generation bigint"),
		counts: []string{"starts"}, over: "v.epoch <> " + current,
		effects: map[event.Type]effect{
			event.DataplaneStarted: {fields: []string{"name"}, set: state("running"), at: since, add: []string{"starts"}},
			event.DataplaneStopped: {fields: []string{"name"}, set: state("stopped"), at: since},
			event.PolicyApplied:    {fields: []string{"policy", "generation"}},
		},
	}, {
		name: "view_flow", keys: columns("epoch bigint, serial bigint"),
		columns: columns(`fabric integer, vsan integer, s_id text, d_id text, initiator text, target text, from_initiator boolean, in_port text,
			verdict text, rule text, service text, state text, generation bigint, frames bigint, bytes bigint, errors bigint,
			created timestamptz, last_seen timestamptz, since timestamptz, ended_at timestamptz`),
		counts: []string{"changes", "failures"}, over: "v.state = 'ended' OR v.epoch <> " + current,
		effects: map[event.Type]effect{
			event.FlowCreated:   {at: since},
			event.FlowVerdict:   verdict,
			event.FlowRecovered: verdict,
			event.FlowFailed:    {at: since, add: []string{"changes", "failures"}},
			event.FlowEnded:     {set: state("ended"), at: []string{"since", "ended_at"}},
		},
	}, {
		name: "view_login", keys: columns("epoch bigint, fabric integer, vsan integer, fc_id text"),
		columns: columns("wwpn text, wwnn text, mac text, port text, role text, state text, since timestamptz, first_seen timestamptz, last_seen timestamptz"),
		counts:  []string{"logins", "changes", "conflicts"}, over: "v.state = 'gone' OR v.epoch <> " + current,
		effects: map[event.Type]effect{
			event.LoginUp:       {at: since, add: []string{"logins"}},
			event.LoginChanged:  {add: []string{"changes"}},
			event.LoginDown:     {set: state("gone"), at: since},
			event.LoginConflict: {fields: []string{}, add: []string{"conflicts"}},
		},
	}, {
		name: "view_port", keys: columns("name text"), columns: columns("state text, since timestamptz"), counts: []string{"ups", "downs"},
		over: "false", effects: upDown(event.PortUp, event.PortDown),
	}, {
		name: "view_service", keys: columns("name text"), columns: columns("state text, since timestamptz"), counts: []string{"ups", "downs"},
		over: "false", effects: upDown(event.ServiceUp, event.ServiceDown),
	}, {
		name: "view_role", keys: columns("role text, shard bigint"),
		columns: columns("state text, since timestamptz, instance text, pid bigint, version text, error text"),
		counts:  []string{"starts", "failures"}, over: "false",
		effects: map[event.Type]effect{
			event.RoleStarted: {set: state("running"), at: since, add: []string{"starts"}},
			event.RoleStopped: {set: state("stopped"), at: since},
			event.RoleFailed:  {set: state("failed"), at: since, add: []string{"failures"}},
		},
	}, {
		name: "view_alarm", keys: columns("code text, subject text"), columns: columns("level text, title text, detail text, state text, since timestamptz"),
		counts: []string{"raises"}, over: "v.state = 'cleared'",
		effects: map[event.Type]effect{
			event.AlarmRaised:  {set: state("raised"), at: since, add: []string{"raises"}},
			event.AlarmCleared: {set: state("cleared"), at: since},
		},
	},
}

// change is what a batch of events does to a view: one entry per row.
type change struct {
	view *view
	rows []*row
	by   map[string]*row
}

// row is the change of one row. A value that is nil stays as it was.
type row struct {
	keys   []string
	values []*string
	counts []int64
	number int64
}

// fold puts the events of a batch together, in their order.
func fold(events []event.Event) []change {
	all := make([]change, len(views))
	for i := range events {
		e := &events[i]
		var values map[string]any
		for n, v := range views {
			eff, ok := v.effects[e.Type]
			if !ok {
				continue
			}
			if values == nil {
				values = decode(e.Fields)
			}
			if all[n].view == nil {
				all[n] = change{view: v, by: map[string]*row{}}
			}
			all[n].add(e, eff, values)
		}
	}
	return all
}

func decode(fields json.RawMessage) map[string]any {
	values := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(fields))
	d.UseNumber()
	_ = d.Decode(&values) // fields that cannot be read are as if they were not there, each time
	return values
}

// value is a field as SQL casts it from text; nil when it is not there or not of the column's type.
func value(values map[string]any, c column) *string {
	var s string
	switch v := values[c.name].(type) {
	case string:
		if s = v; c.sql == "timestamptz" {
			t, err := time.Parse(time.RFC3339Nano, v)
			if t = t.UTC(); err != nil || t.Year() < 1 || t.Year() > 9999 { // SQL has other years, and fewer time zones
				return nil
			}
			s = t.Format(time.RFC3339Nano)
		} else if c.sql != "text" {
			return nil
		}
	case json.Number:
		n, err := v.Int64()
		if err != nil || c.sql != "bigint" && c.sql != "integer" || c.sql == "integer" && n != int64(int32(n)) {
			return nil
		}
		s = v.String()
	case bool:
		if c.sql != "boolean" {
			return nil
		}
		s = strconv.FormatBool(v)
	default:
		return nil
	}
	return &s
}

func (c *change) add(e *event.Event, eff effect, values map[string]any) {
	r := c.row(e, values)
	r.number = int64(e.Number)
	at := microsecond(e.At).UTC().Format(time.RFC3339Nano)
	for i, col := range c.view.columns {
		switch set, ok := eff.set[col.name]; {
		case ok:
			r.values[i] = &set
		case contains(eff.at, col.name):
			r.values[i] = &at
		case eff.fields == nil || contains(eff.fields, col.name):
			if v := value(values, col); v != nil {
				r.values[i] = v
			}
		}
	}
	for i, name := range c.view.counts {
		if contains(eff.add, name) {
			r.counts[i]++
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// row finds or makes the change of the event's row.
func (c *change) row(e *event.Event, values map[string]any) *row {
	keys := make([]string, len(c.view.keys))
	for i, k := range c.view.keys {
		switch v := value(values, k); {
		case k.name == "epoch":
			keys[i] = strconv.FormatInt(int64(e.Origin.Epoch), 10)
		case v != nil:
			keys[i] = *v
		case k.sql != "text":
			keys[i] = "0"
		}
	}
	name := strings.Join(keys, "\x00")
	r := c.by[name]
	if r == nil {
		r = &row{keys: keys, values: make([]*string, len(c.view.columns)), counts: make([]int64, len(c.view.counts))}
		c.by[name] = r
		c.rows = append(c.rows, r)
	}
	return r
}

// table is the view's table, or one of its kind.
func (v *view) table(suffix string) string { return v.name + suffix }

// upsert is the statement that applies a change. Its arguments: the node, then an array per key, column and count, and
// the numbers.
func (v *view) upsert(suffix string) string {
	v.once.Do(func() {
		var names, reads, set, arrays, conflict []string
		arg := func(name, kind string) string {
			arrays = append(arrays, fmt.Sprintf("$%d::%s[]", len(arrays)+2, kind))
			names = append(names, name)
			return "u." + name
		}
		for _, k := range v.keys {
			reads = append(reads, arg(k.name, "text")+"::"+k.sql)
			conflict = append(conflict, k.name)
		}
		for _, c := range v.columns {
			reads = append(reads, arg(c.name, "text")+"::"+c.sql)
			set = append(set, fmt.Sprintf("%[1]s = coalesce(excluded.%[1]s, v.%[1]s)", c.name))
		}
		for _, n := range v.counts {
			reads = append(reads, arg(n, "bigint"))
			set = append(set, fmt.Sprintf("%[1]s = v.%[1]s + excluded.%[1]s", n))
		}
		reads = append(reads, arg("number", "bigint"))
		set = append(set, "number = excluded.number")
		list := strings.Join(names, ", ")
		v.statement = "INSERT INTO %s AS v (node_id, " + list + ") SELECT $1, " + strings.Join(reads, ", ") + " FROM unnest(" + strings.Join(arrays, ", ") +
			") AS u(" + list + ") ON CONFLICT (node_id, " + strings.Join(conflict, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
	})
	return strings.Replace(v.statement, "%s", v.table(suffix), 1)
}

func (c *change) arguments(node int32) []any {
	args := append([]any{node}, c.keyArguments()...)
	for i := range c.view.columns {
		list := make([]*string, len(c.rows))
		for n, r := range c.rows {
			list[n] = r.values[i]
		}
		args = append(args, list)
	}
	for i := range c.view.counts {
		list := make([]int64, len(c.rows))
		for n, r := range c.rows {
			list[n] = r.counts[i]
		}
		args = append(args, list)
	}
	numbers := make([]int64, len(c.rows))
	for n, r := range c.rows {
		numbers[n] = r.number
	}
	return append(args, numbers)
}

// keyArguments has an array per key.
func (c *change) keyArguments() []any {
	var args []any
	for i := range c.view.keys {
		list := make([]string, len(c.rows))
		for n, r := range c.rows {
			list[n] = r.keys[i]
		}
		args = append(args, list)
	}
	return args
}
