package rest

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"fcredirect/mgmt/problem"
)

// notFound answers for paths that no operation has.
func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	if a.beside != nil {
		if h := a.beside(r); h != nil {
			a.page(w, r, h)
			return
		}
	}
	a.refuse(w, r, problem.New(problem.NotFound, "There is nothing under this path; GET /api/v1 lists what there is."))
}

// page answers with what is beside the operations.
func (a *API) page(w http.ResponseWriter, r *http.Request, h http.Handler) {
	if c := chi.RouteContext(r.Context()); c != nil {
		c.RoutePatterns = []string{"/"} // that is how they are counted, all together
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		h.ServeHTTP(w, r)
		return
	}
	a.allow(w, r, []string{http.MethodGet, http.MethodHead})
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
	a.allow(w, r, allowed)
}

// allow says which methods there are.
func (a *API) allow(w http.ResponseWriter, r *http.Request, allowed []string) {
	w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	a.refuse(w, r, problem.New(problem.MethodNotAllowed, ""))
}
