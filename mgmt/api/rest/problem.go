package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"fcredirect/mgmt/problem"
)

// Problem is the document of RFC 9457 that says what is wrong.
type Problem struct {
	Type      string         `json:"type" doc:"Where the code is described." example:"/api/docs#problem-not_found"`
	Title     string         `json:"title" doc:"What the code means: the same for all problems of the code."`
	Status    int            `json:"status" minimum:"400" maximum:"599" doc:"The status of HTTP."`
	Code      string         `json:"code" pattern:"^[a-z]+(_[a-z]+)*$" doc:"The kind of problem, for programs. It keeps its meaning for ever." example:"not_found"`
	Detail    string         `json:"detail,omitempty" doc:"What is wrong this time. It never holds a value that was sent."`
	RequestID string         `json:"request_id" doc:"The request's id: the logs have it."`
	Fields    []ProblemField `json:"fields,omitempty" doc:"Which parts of the request are wrong."`
}

// ProblemField is a part of a request that is wrong.
type ProblemField struct {
	Location string `json:"location" doc:"A JSON pointer into the body, or the place and name of a parameter." example:"body/policies/3/name"`
	Message  string `json:"message" doc:"What is wrong about it."`
}

// ContentType is that of problems.
func (*Problem) ContentType(string) string { return "application/problem+json" }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// Error is for huma.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// failed is a Problem with headers.
type failed struct {
	*Problem
	headers http.Header
}

// GetHeaders is for huma.
func (f failed) GetHeaders() http.Header { return f.headers }

// huma makes its own errors through these two.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return document(ofHuma(status, errs), "")
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := ofHuma(status, errs)
		of(ctx.Context()).code = p.Code
		return document(p, RequestID(ctx.Context()))
	}
}

// ofHuma is what huma complains about, as a problem. Its texts and values are not trusted: only known words pass.
func ofHuma(status int, errs []error) *problem.Problem {
	code, ok := map[int]problem.Code{
		http.StatusBadRequest: problem.BadBody, http.StatusUnprocessableEntity: problem.Invalid, http.StatusNotAcceptable: problem.NotAcceptable,
		http.StatusRequestEntityTooLarge: problem.TooLarge, http.StatusUnsupportedMediaType: problem.UnsupportedMedia, http.StatusRequestTimeout: problem.Timeout,
	}[status]
	if !ok {
		code = problem.Internal
	}
	p := problem.New(code, "")
	for _, err := range errs[:min(len(errs), maxFields)] {
		if d, ok := err.(huma.ErrorDetailer); ok {
			detail := d.ErrorDetail()
			p.At(pointer(detail.Location), "%s", saying(detail))
		}
	}
	return p
}

// saying is what is wrong about a place, unless it tells the value.
func saying(d *huma.ErrorDetail) string {
	if d.Value != nil {
		if v := fmt.Sprint(d.Value); len(v) > 2 && strings.Contains(d.Message, v) {
			return "is not valid"
		}
	}
	if d.Location == "body" && reflect.TypeOf(d.Value) == reflect.TypeFor[string]() {
		return "cannot be read as what is described" // of json, with parts of the body in its text
	}
	return d.Message
}

// pointer makes body/policies/3/name of body.policies[3].name. Names are cut and printable: they were sent.
func pointer(location string) string {
	location = strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(location)
	parts := strings.Split(location, "/")
	for i, part := range parts {
		part = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r == '\ufffd' {
				return '?'
			}
			return r
		}, part)
		parts[i] = part[:min(len(part), maxName)]
	}
	return strings.ToValidUTF8(strings.Join(parts, "/"), "?")
}

// document is the problem as it is written.
func document(p *problem.Problem, id string) *Problem {
	e := problem.Lookup(p.Code)
	d := &Problem{Type: "/api/docs#problem-" + string(e.Code), Title: e.Title, Status: e.Status, Code: string(e.Code), Detail: p.Detail, RequestID: id}
	if e.Code == problem.Internal {
		d.Detail = ""
	}
	for _, f := range p.Fields[:min(len(p.Fields), maxFields)] {
		d.Fields = append(d.Fields, ProblemField(f))
	}
	return d
}

// headersOf are those that go with a problem.
func headersOf(p *problem.Problem) http.Header {
	h := http.Header{}
	if p.After > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.After+time.Second-1)/time.Second), 10))
	}
	if p.Status() == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="FC-Redirect"`)
	}
	return h
}

// find is the problem in an error. An internal one is logged: the answer does not tell what it was.
func (a *API) find(ctx context.Context, err error) *problem.Problem {
	p := problem.Of(err)
	if ctx.Err() != nil && p.Code == problem.Internal {
		p = problem.Wrap(problem.Timeout, err, "")
	}
	of(ctx).code = p.Code
	if p.Code == problem.Internal {
		a.options.Log.Error("a request failed inside", "request_id", RequestID(ctx), "error", err)
	}
	return p
}

// failure is an error of a handler, for huma.
func (a *API) failure(ctx context.Context, err error) error {
	p := a.find(ctx, err)
	return failed{document(p, RequestID(ctx)), headersOf(p)}
}

// refuse answers with a problem.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := a.find(r.Context(), err)
	d := document(p, RequestID(r.Context()))
	for name, values := range headersOf(p) {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", d.ContentType(""))
	w.WriteHeader(d.Status)
	if err := json.NewEncoder(w).Encode(d); err != nil {
		a.options.Log.Debug("an answer was not taken", "request_id", d.RequestID, "error", err)
	}
}
