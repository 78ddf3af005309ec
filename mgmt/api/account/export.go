package account

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

	"github.com/danielgtaylor/huma/v2"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

type exportAudit struct {
	AuditFilter
	Format string `query:"format" enum:"jsonl,csv" default:"jsonl" doc:"A JSON document a line, or a table."`
}

func registerExport(a *rest.API, d Deps) {
	rest.Register(a, rest.Operation{
		ID: "export-audit", Method: "GET", Path: "/api/v1/audit/export", Tag: "audit", Permission: auth.AuditRead, Summary: "The audit log as a file, the newest first",
		Errors: []problem.Code{problem.BadFilter, problem.RoleUnavailable}, Timeout: exportTime, Media: "application/jsonl, text/csv",
		Description: "At most 100,000 entries; the last line of a file that was cut short says so. More are had by time.",
	}, func(ctx context.Context, in *exportAudit) (*huma.StreamResponse, error) {
		q, err := in.request()
		if err != nil {
			return nil, err
		}
		q.Max = exportPage
		first, err := d.ask(ctx, q) // what is wrong is told while there is still a status to tell it with
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(out huma.Context) {
			sheet := sheetOf(out.BodyWriter(), in.Format)
			out.SetHeader("Content-Type", sheet.contentType())
			out.SetHeader("Content-Disposition", `attachment; filename="audit.`+in.Format+`"`)
			out.SetStatus(http.StatusOK)
			d.export(out.Context(), q, first.Events, sheet)
		}}, nil
	})
}

func (d Deps) export(ctx context.Context, q event.ListRequest, events []event.Event, to sheet) {
	count := 0
	for err := to.begin(); err == nil; {
		for _, e := range slices.Backward(events) {
			if err = to.entry(entryOf(&e)); err != nil {
				return // who asked is gone
			}
		}
		if count += len(events); len(events) < q.Max {
			_ = to.end("") // the same
			return
		}
		if count >= exportMax {
			_ = to.end("there are more entries: ask for those until " + events[0].At.UTC().Format(time.RFC3339Nano))
			return
		}
		q.Before = events[0].Number
		a, asked := d.ask(ctx, q)
		if asked != nil {
			_ = to.end("the log of events stopped answering")
			return
		}
		events = a.Events
	}
}

// sheet is a file of entries.
type sheet interface {
	contentType() string
	begin() error
	entry(Entry) error
	end(why string) error // why it is not whole
}

func sheetOf(w io.Writer, format string) sheet {
	if format == "csv" {
		return &table{csv.NewWriter(w)}
	}
	return &jsonLines{json.NewEncoder(w)}
}

type jsonLines struct{ e *json.Encoder }

func (j *jsonLines) contentType() string { return "application/jsonl" }
func (j *jsonLines) begin() error        { return nil }
func (j *jsonLines) entry(e Entry) error { return j.e.Encode(e) }

func (j *jsonLines) end(why string) error {
	if why == "" {
		return nil
	}
	return j.e.Encode(map[string]string{"incomplete": why})
}

type table struct{ w *csv.Writer }

func (t *table) contentType() string { return "text/csv; charset=utf-8" }

func (t *table) begin() error {
	return t.w.Write([]string{"number", "at", "type", "severity", "who", "role", "door", "address", "action", "object", "result", "code", "request_id", "before", "after"})
}

func (t *table) entry(e Entry) error {
	cells := []string{
		strconv.FormatUint(e.Number, 10), e.At.Format(time.RFC3339Nano), e.Type, e.Severity, e.Who, e.Role, e.Door, e.Address, e.Action, e.Object, e.Result, e.Code,
		e.RequestID, string(e.Before), string(e.After),
	}
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	return t.w.Write(cells)
}

func (t *table) end(why string) error {
	if why != "" {
		if err := t.w.Write([]string{"incomplete: " + why}); err != nil {
			return err
		}
	}
	t.w.Flush()
	return t.w.Error()
}

// harmless keeps a spreadsheet from taking what somebody sent us for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
