package operation

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Event is something that happened.
type Event struct {
	Number   uint64          `json:"number" doc:"Its place in the log: without gaps, and only up."`
	At       time.Time       `json:"at"`
	Type     string          `json:"type" example:"login.up"`
	Severity string          `json:"severity" enum:"info,notice,warning,error,critical"`
	Category string          `json:"category" example:"login"`
	Text     string          `json:"text" doc:"One sentence."`
	Fields   json.RawMessage `json:"fields" doc:"What the catalogue says that events of this type have."`
}

func eventOf(e *event.Event) Event {
	return Event{
		Number: e.Number, At: e.At.UTC(), Type: e.Type.String(), Severity: e.Severity().String(), Category: e.Category().String(), Text: e.Text(), Fields: e.Fields,
	}
}

// EventKind is an entry of the catalogue.
type EventKind struct {
	Type     string       `json:"type"`
	Severity string       `json:"severity" enum:"info,notice,warning,error,critical"`
	Category string       `json:"category"`
	Text     string       `json:"text" doc:"One sentence; {name} stands for a field."`
	Fields   []EventField `json:"fields"`
}

// EventField is a field that events of a type may have.
type EventField struct {
	Name string `json:"name"`
	Kind string `json:"kind" enum:"text,number,truth,time,document"`
}

// EventList is a page of events.
type EventList struct {
	Body EventPage
}

// EventPage is a page of events.
type EventPage struct {
	Items      []Event `json:"items"`
	NextCursor string  `json:"next_cursor,omitempty" doc:"Cursor of the next page. It is absent on the last one."`
	Partial    string  `json:"partial,omitempty" doc:"Why older events may be missing, if they are."`
}

// EventFilter is what events are found by.
type EventFilter struct {
	Type     []string  `query:"type" maxItems:"32" doc:"Only of these types, or beginning so: flow.created, login."`
	Category []string  `query:"category" maxItems:"16" doc:"Only of these categories."`
	Severity string    `query:"severity" enum:"info,notice,warning,error,critical" doc:"Only these, and worse ones."`
	Since    time.Time `query:"since" doc:"Not before this time."`
	Until    time.Time `query:"until" doc:"Before this time."`
	Match    []string  `query:"match" maxItems:"8" doc:"Only where a field has this value; its beginning and a star for several." example:"wwpn:10:00:00:00:c9:2a:3b:4c"`
}

type listEvents struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many items at most."`
	Cursor string `query:"cursor" maxLength:"1400" doc:"next_cursor of the page before. It belongs to the filter and the order that it came from."`
	Order  string `query:"order" enum:"newest,oldest" default:"newest" doc:"Which come first."`
	After  uint64 `query:"after" doc:"Only events behind this number; with order=oldest, to read on from where one was."`
	EventFilter
}

type exportEvents struct {
	EventFilter
	Format string `query:"format" enum:"jsonl,csv" default:"jsonl" doc:"A JSON document a line, or a table."`
}

func (n *noun) events(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-events", Method: http.MethodGet, Path: root + "events", Tag: "event", Permission: auth.EventRead, Summary: "What happened",
		Errors:      []problem.Code{problem.BadCursor, problem.BadFilter, problem.RoleUnavailable},
		Description: "The log of events, but for the audit log, which has a place of its own. Without a database those that wait for it are listed, and `partial` says so.",
	}, n.listEvents)
	rest.Register(a, rest.Operation{
		ID: "list-event-kinds", Method: http.MethodGet, Path: root + "events/catalogue", Tag: "event", Permission: auth.EventRead, Summary: "Every event that there can be",
	}, func(context.Context, *struct{}) (*rest.List[EventKind], error) {
		all := eventKinds()
		return rest.Some(all, "").Of(len(all)), nil
	})
	rest.Serve(a, rest.Operation{
		ID: "export-events", Method: http.MethodGet, Path: root + "events/export", Tag: "event", Permission: auth.EventRead, Timeout: exportTime,
		Errors: []problem.Code{problem.BadFilter, problem.RoleUnavailable}, Summary: "Events as a file, the newest first",
		Description: "At most 100,000 events, as JSON documents a line or as a table; the last line of a file that was cut short says so. More are had by time.",
	}, "application/jsonl, text/csv", n.exportEvents)
	rest.Register(a, rest.Operation{
		ID: "get-event", Method: http.MethodGet, Path: root + "events/{number}", Tag: "event", Permission: auth.EventRead, Summary: "One event",
		Errors: []problem.Code{problem.NotFound, problem.RoleUnavailable},
	}, func(ctx context.Context, in *struct {
		Number uint64 `path:"number" minimum:"1"`
	}) (*rest.Item[Event], error) {
		answer, err := n.askEvents(ctx, event.ListRequest{After: in.Number - 1, Before: in.Number + 1, Types: plain(event.Catalogue()), Max: 1})
		if err != nil {
			return nil, err
		}
		if len(answer.Events) == 0 {
			return nil, problem.New(problem.NotFound, "There is no such event, or it was deleted by retention.")
		}
		return rest.One(eventOf(&answer.Events[0]), 0), nil
	})
}

func (n *noun) askEvents(ctx context.Context, q event.ListRequest) (event.ReadAnswer, error) {
	return ask[event.ReadAnswer](ctx, n.Bus, event.RoleName, event.MethodList, q)
}

func eventKinds() (all []EventKind) {
	for _, e := range event.Catalogue() {
		k := EventKind{Type: e.Name, Severity: e.Severity.String(), Category: e.Category.String(), Text: e.Text, Fields: []EventField{}}
		for _, f := range e.Fields {
			k.Fields = append(k.Fields, EventField{f.Name, [...]string{event.Text: "text", event.Number: "number", event.Truth: "truth", event.Time: "time", event.Document: "document"}[f.Kind]})
		}
		all = append(all, k)
	}
	return all
}

// plain are the names of entries that are not of the audit log.
func plain(entries []event.Entry) (names []string) {
	for _, e := range entries {
		if e.Category != event.Audit {
			names = append(names, e.Name)
		}
	}
	return names
}

// request is the filter as the log wants it: a list of types, whatever it was that selects them.
func (f *EventFilter) request() (q event.ListRequest, err error) {
	p := problem.New(problem.BadFilter, "")
	for i, t := range f.Type {
		if len(event.Named(t)) == 0 {
			p.At("query/type/"+strconv.Itoa(i), "no event is called so")
		}
	}
	categories := map[string]bool{}
	for _, e := range event.Catalogue() {
		categories[e.Category.String()] = true
	}
	for i, c := range f.Category {
		if !categories[c] {
			p.At("query/category/"+strconv.Itoa(i), "is none")
		}
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		p.At("query/until", "is not after since")
	}
	q = event.ListRequest{Since: f.Since, Until: f.Until, Match: map[string]string{}}
	for i, m := range f.Match {
		name, value, ok := strings.Cut(m, ":")
		if !ok || name == "" || value == "" {
			p.At("query/match/"+strconv.Itoa(i), "must be a field's name, a colon and a value")
		}
		q.Match[name] = value
	}
	if len(p.Fields) > 0 {
		return q, p
	}
	least := slices.Index([]string{"info", "notice", "warning", "error", "critical"}, f.Severity)
	named := func(name string) bool {
		return len(f.Type) == 0 || slices.ContainsFunc(f.Type, func(t string) bool { return name == t || strings.HasPrefix(name, t+".") })
	}
	for _, e := range event.Catalogue() {
		if e.Category != event.Audit && named(e.Name) && int(e.Severity) >= least && (len(f.Category) == 0 || slices.Contains(f.Category, e.Category.String())) {
			q.Types = append(q.Types, e.Name)
		}
	}
	return q, nil
}

func (n *noun) listEvents(ctx context.Context, in *listEvents) (*EventList, error) {
	q, err := in.request()
	if err != nil {
		return nil, err
	}
	out := &EventList{EventPage{Items: []Event{}}}
	if len(q.Types) == 0 {
		return out, nil // nothing can be all of this
	}
	oldest := in.Order == "oldest"
	q.Max, q.After = in.Limit, in.After
	if q.Max <= 0 {
		q.Max = rest.DefaultLimit
	}
	filter, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	name := in.Order + string(filter)
	var position uint64
	if in.Cursor != "" {
		if err := n.api.Cursor.Decode(in.Cursor, name, &position); err != nil {
			return nil, err
		}
	}
	if q.Before = position; oldest {
		q.Before, q.After, q.Oldest = 0, max(in.After, position), true
	}
	answer, err := n.askEvents(ctx, q)
	if err != nil {
		return nil, err
	}
	out.Body.Partial = answer.Partial
	for i := range answer.Events {
		out.Body.Items = append(out.Body.Items, eventOf(&answer.Events[i]))
	}
	if !oldest {
		slices.Reverse(out.Body.Items)
	}
	if len(out.Body.Items) >= q.Max {
		out.Body.NextCursor = n.api.Cursor.Encode(out.Body.Items[len(out.Body.Items)-1].Number, name)
	}
	return out, nil
}

// exportEvents writes a file of events.
func (n *noun) exportEvents(w http.ResponseWriter, r *http.Request, in *exportEvents) error {
	q, err := in.request()
	if err != nil {
		return err
	}
	if q.Max = exportPage; len(q.Types) == 0 {
		q.Max, q.Types = 1, []string{"log.gap"} // nothing can be all of this, and so nothing before 1970
		q.Until = time.Unix(0, 1)
	}
	answer, err := n.askEvents(r.Context(), q)
	if err != nil {
		return err
	}
	s := sheetOf(&patient{w, http.NewResponseController(w)}, in.Format)
	w.Header().Set("Content-Type", s.media())
	w.Header().Set("Content-Disposition", `attachment; filename="events.`+in.Format+`"`)
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	for count := 0; ; {
		for _, e := range slices.Backward(answer.Events) {
			if err := s.event(eventOf(&e)); err != nil {
				return err
			}
		}
		count += len(answer.Events)
		switch {
		case len(answer.Events) < q.Max:
			return s.end(answer.Partial)
		case count >= exportMax:
			return s.end("there are more events: ask for those until " + answer.Events[0].At.UTC().Format(time.RFC3339Nano))
		}
		q.Before = answer.Events[0].Number
		if answer, err = n.askEvents(r.Context(), q); err != nil {
			return s.end("the log of events stopped answering")
		}
	}
}

// sheet is a file of events.
type sheet struct {
	lines *json.Encoder // nil: a table
	table *csv.Writer
	begun bool
}

func sheetOf(w io.Writer, format string) *sheet {
	if format == "csv" {
		return &sheet{table: csv.NewWriter(w)}
	}
	return &sheet{lines: json.NewEncoder(w)}
}

func (s *sheet) media() string {
	if s.lines != nil {
		return "application/jsonl"
	}
	return "text/csv; charset=utf-8"
}

func (s *sheet) head() error {
	if s.begun || s.table == nil {
		return nil
	}
	s.begun = true
	return s.table.Write([]string{"number", "at", "type", "severity", "category", "text", "fields"})
}

func (s *sheet) event(e Event) error {
	if s.lines != nil {
		return s.lines.Encode(e)
	}
	if err := s.head(); err != nil {
		return err
	}
	cells := []string{strconv.FormatUint(e.Number, 10), e.At.Format(time.RFC3339Nano), e.Type, e.Severity, e.Category, e.Text, string(e.Fields)}
	for i, c := range cells {
		if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
			cells[i] = "'" + c // a spreadsheet would take it for a formula
		}
	}
	return s.table.Write(cells)
}

// end says why the file is not whole, if it is not.
func (s *sheet) end(why string) error {
	if s.lines != nil {
		if why == "" {
			return nil
		}
		return s.lines.Encode(map[string]string{"incomplete": why})
	}
	if err := s.head(); err != nil {
		return err
	}
	if why != "" {
		if err := s.table.Write([]string{"incomplete: " + why}); err != nil {
			return err
		}
	}
	s.table.Flush()
	return s.table.Error()
}
