package rest

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"fcredirect/mgmt/problem"
)

// query refuses what the URL says twice, what is not text, and what control characters are in. huma then knows which
// parameters there are.
func (a *API) query(h *huma.Operation, next http.Handler) http.Handler {
	lists := map[string]bool{} // may be given several times
	for _, p := range h.Parameters {
		lists[p.Name] = p.In == "query" && p.Explode != nil && *p.Explode
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkURL(r.URL, lists); err != nil {
			a.refuse(w, r, err)
			return
		}
		if tags := r.Header.Values("If-Match"); len(tags) > 1 { // a list may come in several lines
			r.Header.Set("If-Match", strings.Join(tags, ", "))
		}
		next.ServeHTTP(w, r)
	})
}

func checkURL(u *url.URL, lists map[string]bool) error {
	if !plain(u.Path) {
		return problem.New(problem.BadRequest, "The path is not text.").At("path", "is not text")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return problem.New(problem.BadRequest, "The query cannot be read.").At("query", "is not a list of name=value, joined by &, with %%-escapes")
	}
	for name, all := range values {
		for _, value := range all {
			if !plain(name) || !plain(value) {
				return problem.New(problem.BadRequest, "The query is not text.").At(pointer("query."+name), "is not text")
			}
		}
		if len(all) > 1 && !lists[name] {
			return problem.New(problem.Invalid, "").At(pointer("query."+name), "is given %d times", len(all))
		}
	}
	return nil
}

// plain says whether it is text of one line.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
