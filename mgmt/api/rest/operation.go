package rest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Operation declares what can be asked for.
type Operation struct {
	ID          string // verb and noun: list-aliases, get-alias, put-alias
	Method      string
	Path        string // from the root: /api/v1/aliases/{name}
	Summary     string // a few words
	Description string // Markdown
	Tag         string // the noun, singular
	Permission  Permission
	Status      int            // of success; 0: 200, or 204 without a body
	Errors      []problem.Code // beside those that every operation has
	Audit       string         // what the audit log calls it (alias.put); every method that writes has one
	MaxBody     int64          // in bytes; 0: DefaultBody, or OpenBody where nobody need be signed in
	Timeout     time.Duration  // 0: the usual; -1: it ends when the client goes, or by itself
	Media       string         // of an answer that the handler streams (huma.StreamResponse): types with commas between
	Secret      bool           // the answer holds a secret, which is shown once: a repeated key does not get it again

	list bool // it answers with a List
}

// writes says whether it may change something.
func (o *Operation) writes() bool {
	return o.Method != http.MethodGet && o.Method != http.MethodHead
}

// maxBody is how long a body may be.
func (o *Operation) maxBody() int64 {
	switch {
	case o.MaxBody != 0:
		return o.MaxBody
	case o.Permission == auth.Open:
		return OpenBody
	}
	return DefaultBody
}

var (
	idForm   = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)+$`)
	nameForm = regexp.MustCompile(`^[a-z][a-z-]*$`)
	methods  = []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete}
)

// check panics when the declaration is not whole: a mistake of the one who writes it, found at the first start.
func (o *Operation) check() {
	wrong := func(format string, args ...any) {
		panic(fmt.Sprintf("rest: operation %s %s %s: ", o.ID, o.Method, o.Path) + fmt.Sprintf(format, args...))
	}
	switch {
	case !idForm.MatchString(o.ID):
		wrong("its ID is no verb and noun")
	case !slices.Contains(methods, o.Method):
		wrong("method")
	case !strings.HasPrefix(o.Path, "/"):
		wrong("path")
	case o.Summary == "" || !nameForm.MatchString(o.Tag):
		wrong("summary or tag is missing")
	case o.Permission == "":
		wrong("who may do it? Permission is missing")
	case o.writes() && o.Audit == "":
		wrong("it writes, and has no Audit")
	case o.MaxBody > MaxBody:
		wrong("bodies of %d bytes are too long", o.MaxBody)
	}
	for _, code := range o.Errors {
		if problem.Lookup(code).Code != code {
			wrong("code %s is not in the catalogue", code)
		}
	}
}

// common are the problems that every operation may answer with.
var common = []problem.Code{
	problem.BadRequest, problem.BadBody, problem.Unauthenticated, problem.SessionExpired, problem.Forbidden, problem.ForeignOrigin, problem.NotAcceptable,
	problem.Invalid, problem.TooManyRequests, problem.NotInstalled, problem.Internal, problem.Busy, problem.Timeout,
}

// ofWrites are those of operations that write; withBody, of those that have a body.
var (
	ofWrites = []problem.Code{problem.AuditUnavailable, problem.DatabaseUnavailable, problem.KeyReused, problem.Conflict}
	withBody = []problem.Code{problem.TooLarge, problem.UnsupportedMedia}
)

// codes are all problems of the operation, once each.
func (o *Operation) codes() []problem.Code {
	all := slices.Concat(common, o.Errors)
	if o.writes() {
		all = slices.Concat(all, ofWrites, withBody)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
