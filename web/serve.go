package web

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// policy lets the page run and load files of the appliance and ask the appliance, nothing else. Images may be blob: for the
// topology, which is drawn into one before it is saved.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP answers with the form that the browser likes best, or with 304 where it has that.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form, h := choose(f.forms, r.Header.Values("Accept-Encoding")), w.Header()
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", form.tag)
	if f.compared {
		h.Add("Vary", "Accept-Encoding")
	}
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
	}
	if has(r.Header.Values("If-None-Match"), form.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	in, err := f.from.Open(form.name)
	if err != nil {
		panic("web: " + err.Error()) // it was there at the start
	}
	defer in.Close()
	h.Set("Content-Type", f.media)
	h.Set("Content-Length", strconv.FormatInt(form.size, 10))
	if form.coding != "" {
		h.Set("Content-Encoding", form.coding)
	}
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, in) // a browser that has gone needs it no more
	}
}

// has says whether a list of entity tags has this one (RFC 9110 13.1.2: a weak one is as good).
func has(lines []string, tag string) bool {
	for _, line := range lines {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == "*" || candidate == tag {
				return true
			}
		}
	}
	return false
}

// view is the page under another path than its own, where programs are told that there is nothing.
type view struct{ *file }

func (v view) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Accept")
	v.file.ServeHTTP(w, r)
}

// notBuilt is what stands in the place of the page in a build without it.
func notBuilt(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(missing)))
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, missing) // as above
	}
}

const missing = `FC-Redirect: this fcr-mgmtd was built without its web console.

"make build" in the source tree builds the console (with Node) and then the programs with the console in them.
The REST interface is here all the same: /api/docs describes it, and fcrctl uses it.
`
