package rest

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"fcredirect/mgmt/problem"
)

// recovery answers 500 where a handler panics, and says in the log where.
func (a *API) recovery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { // how a handler says that the connection is to be cut
				panic(p)
			}
			a.options.Log.Error("a request panicked", "request_id", RequestID(r.Context()), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if out, ok := w.(*answer); ok && out.status != 0 {
				panic(http.ErrAbortHandler) // half an answer must not look like a whole one
			}
			a.refuse(w, r, problem.New(problem.Internal, ""))
		}()
		next.ServeHTTP(w, r)
	})
}
