package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Register adds an operation whose parameters, body and answer are Go types, as huma wants them: path, query and header
// tags, a field Body, and for the answer header tags, Body, and perhaps Status. Embed Page, Precondition and DryRun in I;
// use Item, List or Nothing as O. Errors of do are problems of mgmt/problem; any other is an internal one.
func Register[I, O any](a *API, op Operation, do func(context.Context, *I) (*O, error)) {
	a.add(&op)
	_, op.list = any(new(O)).(interface{ list() })
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
	if _, varies := any(new(O)).(settler); varies {
		a.alsoAnswers(&op)
	}
}

// settler is an answer that wants to know the usual status.
type settler interface{ settle(status int) }

// Serve adds an operation that writes its answer itself: a stream, a download. media is its type, or several with commas
// between; empty where there is none (a WebSocket). The parameters are checked before do is called. An error of do becomes
// the answer if nothing was written; else the connection is cut, so that half an answer does not look like a whole one.
func Serve[I any](a *API, op Operation, media string, do func(w http.ResponseWriter, r *http.Request, in *I) error) {
	a.add(&op)
	h := a.describe(&op)
	if h.DefaultStatus == 0 {
		h.DefaultStatus = http.StatusOK
	}
	a.answers(&h, h.DefaultStatus, media)
	huma.Register(a.huma, h, func(ctx context.Context, in *I) (*struct{ Body func(huma.Context) }, error) {
		return &struct{ Body func(huma.Context) }{func(c huma.Context) {
			r, w := humachi.Unwrap(c)
			out := &copier{ResponseWriter: w, long: true} // it keeps the status alone
			switch err := do(out, r, in); {
			case err == nil:
			case out.status != 0:
				a.options.Log.Debug("an answer was cut", "request_id", RequestID(ctx), "error", err)
				panic(http.ErrAbortHandler)
			default:
				a.refuse(w, r, err)
			}
		}}, nil
	})
}

// add takes an operation, of which there is one of a name and of a method and path.
func (a *API) add(op *Operation) {
	op.check()
	for _, other := range a.operations {
		if other.ID == op.ID || other.Method == op.Method && other.Path == op.Path {
			panic("rest: operation " + op.ID + " is registered twice, or has the method and path of " + other.ID)
		}
	}
	a.operations = append(a.operations, op)
}

// Mount serves what is no operation: pages. It has no guards but those of every request.
func (a *API) Mount(path string, h http.Handler) {
	h = brief(h)
	a.router.Method(http.MethodGet, path, h)
	a.router.Method(http.MethodHead, path, h)
}

// Beside serves what no operation has a path for: find is asked what answers GET and HEAD of it, and says nil where that is
// nothing. It has no guards but those of every request.
func (a *API) Beside(find func(*http.Request) http.Handler) { a.beside = find }

// route puts the guards before an operation. They are listed from the innermost.
func (a *API) route(op *Operation, h *huma.Operation, next http.Handler) {
	next = a.once(op, next)
	next = a.slot(op, next)
	next = a.body(op, h, next) // who sends slowly holds no place among those that are served
	next = a.ready(op, next)
	next = a.query(h, next)
	next = a.permit(op, next)
	next = a.origin(next)
	next = a.who(op, next)
	next = a.record(op, next)
	next = a.deadline(op, next)
	if op.list {
		next = compressed(next)
	}
	a.router.Method(op.Method, op.Path, next)
	if op.Method == http.MethodGet && op.Status != http.StatusSwitchingProtocols {
		a.router.Method(http.MethodHead, op.Path, next)
	}
}

// outer puts what every request goes through before the router, from the innermost.
func (a *API) outer() http.Handler {
	var next http.Handler = a.router
	next = a.host(next)
	next = a.recovery(next)
	next = a.access(next)
	next = headers(next)
	return a.begin(next)
}

// record writes down what is done or refused, when it is over.
func (a *API) record(op *Operation, next http.Handler) http.Handler {
	action := op.Audit
	if action == "" {
		action = op.ID
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := of(r.Context())
		x.op = op
		write := op.writes() && r.URL.Query().Get("dry_run") != "true"
		ctx, entry := audit.Begin(r.Context(), audit.Request{Action: action, Object: r.URL.Path, Write: write, Address: x.address, ID: x.id})
		back := &held{ResponseWriter: w, gone: !write}
		whole := false // it did not panic
		defer func() {
			if !whole && x.code == "" {
				x.code = problem.Internal
			}
			a.options.Audit.Finish(context.WithoutCancel(ctx), entry, x.code)
			if whole {
				back.release()
			}
		}()
		next.ServeHTTP(back, r.WithContext(ctx))
		whole = true
	})
}

// who finds out who asks, and counts what he asks for.
func (a *API) who(op *Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := of(r.Context())
		actor, err := a.authenticate(r)
		if late := a.limiters.over(w, r, op, actor, x.address); late != nil {
			a.refuse(w, r, late)
			return
		}
		if err != nil && op.Permission != auth.Open { // one signs in with a cookie that has run out
			a.refuse(w, r, err)
			return
		}
		if actor != nil {
			x.actor = actor
			audit.From(r.Context()).By(actor.Name, string(actor.Role), actor.Door)
			r = r.WithContext(auth.With(r.Context(), actor))
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) authenticate(r *http.Request) (*auth.Actor, error) {
	if a.options.Gate == nil {
		return nil, nil
	}
	return a.options.Gate.Authenticate(r)
}

// permit lets pass who may do it.
func (a *API) permit(op *Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch actor := of(r.Context()).actor; {
		case op.Permission == auth.Open:
		case actor == nil:
			a.refuse(w, r, problem.New(problem.Unauthenticated, ""))
			return
		case !actor.May(op.Permission):
			a.refuse(w, r, problem.New(problem.Forbidden, "It needs the permission %s.", op.Permission))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ready refuses writes that could not be written down.
func (a *API) ready(op *Operation, next http.Handler) http.Handler {
	if !op.writes() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.options.Audit.Ready(r.Context(), audit.From(r.Context())); err != nil {
			a.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}
