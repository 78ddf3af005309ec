package rest

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"fcredirect/mgmt/problem"
)

// notFound answers for paths that are none.
func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	a.refuse(w, r, problem.New(problem.NotFound, "There is nothing under this path; GET /api/v1 lists what there is."))
}

// notAllowed answers for methods that the path does not have, and OPTIONS for all.
func (a *API) notAllowed(w http.ResponseWriter, r *http.Request) {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var allowed []string
	for _, method := range append([]string{http.MethodHead}, methods...) {
		if a.router.Match(chi.NewRouteContext(), method, path) {
			allowed = append(allowed, method)
		}
	}
	w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	a.refuse(w, r, problem.New(problem.MethodNotAllowed, ""))
}
