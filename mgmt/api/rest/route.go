package rest

import (
	"context"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Register adds an operation whose parameters, body and answer are Go types, as huma wants them: path, query and header
// tags, a field Body, and for the answer header tags, Body, and perhaps Status. Embed Page, Precondition and DryRun in I;
// use Item, List or Nothing as O. Errors of do are problems of mgmt/problem; any other is an internal one.
func Register[I, O any](a *API, op Operation, do func(context.Context, *I) (*O, error)) {
	op.check()
	a.operations = append(a.operations, &op)
	huma.Register(a.huma, a.describe(&op), func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.failure(ctx, err)
		}
		if s, ok := any(out).(settler); ok && out != nil {
			s.settle(op.Status)
		}
		return out, nil
	})
}

// settler is an answer that wants to know the usual status.
type settler interface{ settle(status int) }

// describe is the operation as huma wants it.
func (a *API) describe(op *Operation) huma.Operation {
	h := huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description,
		Tags: []string{op.Tag}, DefaultStatus: op.Status, Metadata: map[string]any{metadata: op},
		MaxBodyBytes: MaxBody + 1, // body.go has counted before
	}
	return h
}

// route puts the guards before an operation.
func (a *API) route(op *Operation, h http.Handler) {
	h = a.permit(op, h)
	a.router.Method(op.Method, op.Path, h)
	if op.Method == http.MethodGet {
		a.router.Method(http.MethodHead, op.Path, h)
	}
}

// permit lets pass who may do it.
func (a *API) permit(op *Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if op.Permission != auth.Open {
			actor, err := a.options.Gate.Authenticate(r)
			switch {
			case err != nil:
				a.refuse(w, r, err)
				return
			case actor == nil:
				a.refuse(w, r, problem.New(problem.Unauthenticated, ""))
				return
			case !actor.May(op.Permission):
				a.refuse(w, r, problem.New(problem.Forbidden, "It needs the permission %s.", op.Permission))
				return
			}
			r = r.WithContext(auth.With(r.Context(), actor))
		}
		next.ServeHTTP(w, r)
	})
}

// PathValue is a part of the path of a request that Serve hands on, without escapes.
func PathValue(r *http.Request, name string) string {
	v := r.PathValue(name)
	if r.URL.RawPath == "" {
		return v
	}
	if u, err := url.PathUnescape(v); err == nil {
		return u
	}
	return v
}
