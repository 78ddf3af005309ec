package account

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Entry is who did what, or was refused.
type Entry struct {
	Number    uint64          `json:"number" doc:"Its place in the log of events."`
	At        time.Time       `json:"at"`
	Type      string          `json:"type" example:"audit.write"`
	Severity  string          `json:"severity" enum:"info,notice,warning,error,critical"`
	Who       string          `json:"who,omitempty" example:"alice"`
	Role      string          `json:"role,omitempty" doc:"The role in which it was done; absent when nobody knows who it was."`
	Door      string          `json:"door,omitempty" enum:"web,token,socket" doc:"How the request came."`
	Address   string          `json:"address,omitempty" doc:"From where; absent over the unix socket."`
	Action    string          `json:"action,omitempty" example:"alias.put"`
	Object    string          `json:"object,omitempty" example:"alias/host-1"`
	Result    string          `json:"result,omitempty" enum:"ok,refused,failed"`
	Code      string          `json:"code,omitempty" doc:"Of the problem, when it was refused or failed."`
	RequestID string          `json:"request_id,omitempty"`
	Before    json.RawMessage `json:"before,omitempty" doc:"What the object was, without secrets; a text that ends in … if it is too long."`
	After     json.RawMessage `json:"after,omitempty" doc:"What it became."`
	Text      string          `json:"text" doc:"One sentence."`
}

// AuditFilter is what an entry is found by.
type AuditFilter struct {
	Who       string    `query:"who" maxLength:"64" doc:"Only what this account did, or was refused."`
	Door      string    `query:"door" enum:"web,token,socket" doc:"Only what came by this door."`
	Address   string    `query:"address" maxLength:"64" doc:"Only what came from this address; its beginning and a star for several." example:"10.1.*"`
	Action    string    `query:"action" maxLength:"64" pattern:"^[a-z_.-]+\\*?$" doc:"Only this action; its beginning and a star for several." example:"user.*"`
	Object    string    `query:"object" maxLength:"160" doc:"Only what is about this object; its beginning and a star for several." example:"alias/*"`
	Result    string    `query:"result" enum:"ok,refused,failed"`
	Code      string    `query:"code" maxLength:"64" pattern:"^[a-z_]+$" doc:"Only what ended with this problem." example:"forbidden"`
	RequestID string    `query:"request_id" maxLength:"64" pattern:"^[A-Za-z0-9]+$" doc:"Only what this request did."`
	Type      string    `query:"type" maxLength:"32" pattern:"^audit\\.[a-z_]+$" doc:"Only events of this type." example:"audit.sign_in_failed"`
	Since     time.Time `query:"since" doc:"Not before this time."`
	Until     time.Time `query:"until" doc:"Before this time."`
}

type listAudit struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many items at most."`
	Cursor string `query:"cursor" maxLength:"1400" doc:"next_cursor of the page before. It belongs to the filter that it came from."`
	AuditFilter
}

func registerAudit(a *rest.API, d Deps) {
	rest.Register(a, rest.Operation{
		ID: "list-audit", Method: "GET", Path: "/api/v1/audit", Tag: "audit", Permission: auth.AuditRead, Summary: "Who did what, the newest first",
		Errors:      []problem.Code{problem.BadCursor, problem.BadFilter, problem.RoleUnavailable},
		Description: "Every write, and every attempt that was refused. Entries cannot be changed or deleted; they go when the retention of the log of events is over.",
	}, func(ctx context.Context, in *listAudit) (*rest.List[Entry], error) {
		return d.listAudit(ctx, a.Cursor, in)
	})
	registerExport(a, d)
}

// request is the filter as the log of events wants it.
func (f *AuditFilter) request() (event.ListRequest, error) {
	q := event.ListRequest{Since: f.Since, Until: f.Until, Types: []string{"audit"}, Match: map[string]string{}}
	if f.Type != "" {
		if event.ByName(f.Type) == nil {
			return q, problem.New(problem.BadFilter, "").At("query/type", "is no type of the audit log")
		}
		q.Types = []string{f.Type}
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return q, problem.New(problem.BadFilter, "").At("query/until", "is not after since")
	}
	for name, value := range map[string]string{
		"who": f.Who, "door": f.Door, "address": f.Address, "action": f.Action, "object": f.Object, "result": f.Result, "code": f.Code, "request_id": f.RequestID,
	} {
		if value != "" {
			q.Match[name] = value
		}
	}
	return q, nil
}

func (d Deps) listAudit(ctx context.Context, c *rest.Cursor, in *listAudit) (*rest.List[Entry], error) {
	q, err := in.request()
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		if err := c.Decode(in.Cursor, string(name), &q.Before); err != nil {
			return nil, err
		}
	}
	if q.Max = in.Limit; q.Max <= 0 {
		q.Max = rest.DefaultLimit
	}
	a, err := d.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(a.Events) >= q.Max {
		next = c.Encode(a.Events[0].Number, string(name))
	}
	entries := make([]Entry, 0, len(a.Events))
	for i := range a.Events {
		entries = append(entries, entryOf(&a.Events[i]))
	}
	return rest.Some(turned(entries, true), next), nil
}

// ask asks the log of events. Its events are in the order of their numbers.
func (d Deps) ask(ctx context.Context, q event.ListRequest) (a event.ReadAnswer, err error) {
	if d.Events == nil {
		return a, problem.New(problem.RoleUnavailable, "Role event does not run, which keeps the log.")
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	request, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	reply, err := d.Events.Call(ctx, event.RoleName, event.MethodList, request)
	switch {
	case errors.Is(err, bus.ErrNoRole), errors.Is(err, bus.ErrNoMethod):
		return a, problem.Wrap(problem.RoleUnavailable, err, "Role event does not run, which keeps the log.")
	case err != nil && ctx.Err() != nil:
		return a, problem.Wrap(problem.Timeout, err, "The log of events does not answer in time.")
	case err != nil:
		return a, problem.Wrap(problem.RoleUnavailable, err, "Role event cannot answer.")
	}
	return a, json.Unmarshal(reply, &a)
}

func entryOf(e *event.Event) Entry {
	var f struct {
		Who, Role, Door, Address, Action, Object, Result, Code string
		RequestID                                              string `json:"request_id"`
		Before, After                                          string
	}
	_ = json.Unmarshal(e.Fields, &f) // what cannot be read is shown as missing
	return Entry{
		Number: e.Number, At: e.At.UTC(), Type: e.Type.String(), Severity: e.Severity().String(), Who: f.Who, Role: f.Role, Door: f.Door, Address: f.Address,
		Action: f.Action, Object: f.Object, Result: f.Result, Code: f.Code, RequestID: f.RequestID, Before: document(f.Before), After: document(f.After), Text: e.Text(),
	}
}

// document is a state: JSON if it is whole, a text if it was cut.
func document(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	if json.Valid([]byte(s)) {
		return json.RawMessage(s)
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil
	}
	return text
}
