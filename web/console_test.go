package web

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// built is as vite leaves it: of what compresses well there are three forms.
var built = fstest.MapFS{
	".keep":                      {},
	"index.html":                 {Data: []byte("<!doctype html>" + strings.Repeat("page ", 100))},
	"index.html.br":              {Data: []byte("br of the page")},
	"index.html.gz":              {Data: []byte("gzip of the page, longer")},
	"favicon.svg":                {Data: []byte("<svg/>")},
	"theme.js":                   {Data: []byte("theme()")},
	"theme.js.gz":                {Data: []byte("gz")},
	"site.webmanifest":           {Data: []byte("{}")},
	"assets/main-1a2b.js":        {Data: []byte(strings.Repeat("main()", 100))},
	"assets/main-1a2b.js.br":     {Data: []byte("br of main")},
	"assets/main-1a2b.js.gz":     {Data: []byte("gzip of main, longer")},
	"assets/main-3c4d.css":       {Data: []byte("html{}")},
	"assets/text-5e6f.woff2":     {Data: []byte("wOF2")},
	"assets/alone-7a8b.br":       {Data: []byte("a file that is no form of another")},
	"assets/deep/list-9c0d.json": {Data: []byte("[]")},
}

func console(t testing.TB, files fs.FS) *Console {
	t.Helper()
	c, err := New(files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ask asks for a path. Headers are given as name, value. Nil: the console has nothing under it.
func ask(c *Console, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = path // whatever it is
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	h := c.Find(r)
	if h == nil {
		return nil
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestEachFileHasItsMediaTypeAndItsTimeToLive(t *testing.T) {
	c := console(t, built)
	const always, forever = "no-cache", "public, max-age=31536000, immutable"
	for path, want := range map[string][2]string{
		"/":                           {"text/html; charset=utf-8", always},
		"/index.html":                 {"text/html; charset=utf-8", always},
		"/favicon.svg":                {"image/svg+xml", always},
		"/theme.js":                   {"text/javascript; charset=utf-8", always},
		"/site.webmanifest":           {"application/manifest+json", always},
		"/assets/main-1a2b.js":        {"text/javascript; charset=utf-8", forever},
		"/assets/main-3c4d.css":       {"text/css; charset=utf-8", forever},
		"/assets/text-5e6f.woff2":     {"font/woff2", forever},
		"/assets/alone-7a8b.br":       {"application/octet-stream", forever},
		"/assets/deep/list-9c0d.json": {"application/json", forever},
	} {
		w := ask(c, "GET", path)
		if w == nil || w.Code != 200 {
			t.Errorf("%s: %v", path, w)
			continue
		}
		h := w.Header()
		if got := [2]string{h.Get("Content-Type"), h.Get("Cache-Control")}; got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
		if h.Get("Content-Length") != fmt.Sprint(w.Body.Len()) || w.Body.Len() == 0 || h.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d bytes, %v", path, w.Body.Len(), h)
		}
		if tag := h.Get("ETag"); len(tag) != 22 || tag[0] != '"' {
			t.Errorf("%s: the entity tag %q is not a strong one", path, tag)
		}
	}
}

func TestThePolicyIsExactAndOnDocumentsAlone(t *testing.T) {
	c := console(t, built)
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; connect-src 'self'; " +
		"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for path, want := range map[string]string{"/": want, "/index.html": want, "/flows": want, "/theme.js": "", "/favicon.svg": "", "/assets/main-1a2b.js": ""} {
		if got := ask(c, "GET", path, "Accept", browser).Header().Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy %q, want %q", path, got, want)
		}
	}
}

func TestTheBrowserGetsTheSmallestFormThatItCanRead(t *testing.T) {
	c := console(t, built)
	const path = "/assets/main-1a2b.js"
	for _, tt := range []struct{ accept, want string }{
		{"", ""},
		{"gzip, deflate, br, zstd", "br"},
		{"gzip, deflate", "gzip"},
		{"x-gzip", "gzip"},
		{"GZIP", "gzip"},
		{"br;q=0.5, gzip;q=0.9", "gzip"},
		{"br;q=0.5, gzip;q=0.5", "br"},
		{"br;q=0, gzip", "gzip"},
		{"br;q=0, gzip;q=0.000", ""},
		{"gzip;q=0.1", "gzip"},
		{"identity, gzip;q=0.5", ""},
		{"identity;q=0.5, gzip;q=0.4, br;q=0.3", ""},
		{"*", "br"},
		{"*;q=0.3, gzip;q=0.4", "gzip"},
		{"*;q=0", ""},
		{"identity;q=0", ""}, // none is left: as it is
		{"zstd, deflate", ""},
		{"br;q=2, gzip", "gzip"},
		{"br;q=NaN, gzip", "gzip"},
		{"br;q=, gzip", "gzip"},
		{"br;q=0.9.9", ""},
		{"br ; q=1 ,gzip ; q=0.2", "br"},
		{"br;level=3;q=0.1, gzip;q=0.2", "gzip"},
		{"gzip, gzip;q=0", "gzip"},
		{",,;q=1, ,br", "br"},
		{strings.Repeat("x,", 10_000) + "br", "br"},
		{manyCodings() + "br", ""},
	} {
		w := ask(c, "GET", path, "Accept-Encoding", tt.accept)
		if got := w.Header().Get("Content-Encoding"); got != tt.want {
			t.Errorf("%.60q: %q, want %q", tt.accept, got, tt.want)
		}
		name := path[1:] + map[string]string{"br": ".br", "gzip": ".gz", "": ""}[tt.want]
		if w.Body.String() != string(built[name].Data) || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%.60q: %q, varies by %q", tt.accept, w.Body, w.Header().Get("Vary"))
		}
	}
	if w := ask(c, "GET", path, "Accept-Encoding", "deflate", "Accept-Encoding", "br"); w.Header().Get("Content-Encoding") != "br" {
		t.Error("the second line of the header was not read")
	}
	if w := ask(c, "GET", "/favicon.svg", "Accept-Encoding", "br"); w.Header().Get("Content-Encoding") != "" || w.Header().Get("Vary") != "" {
		t.Errorf("a file with one form: %v", w.Header())
	}
	if w := ask(c, "GET", "/theme.js", "Accept-Encoding", "br, gzip"); w.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("a file without br: %v", w.Header())
	}
}

// manyCodings are as many different ones as are looked at.
func manyCodings() (list string) {
	for i := range maxWishes {
		list += fmt.Sprintf("coding-%d, ", i)
	}
	return list
}

func TestWhoHasAFormOfAFileIsToldSo(t *testing.T) {
	c := console(t, built)
	tags := map[string]bool{}
	for _, coding := range []string{"br", "gzip", "identity"} {
		first := ask(c, "GET", "/", "Accept-Encoding", coding)
		tag := first.Header().Get("ETag")
		tags[tag] = true
		for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*", `"x",W/` + tag} {
			w := ask(c, "GET", "/", "Accept-Encoding", coding, "If-None-Match", known)
			h := w.Header()
			if w.Code != 304 || w.Body.Len() > 0 || h.Get("ETag") != tag || h.Get("Cache-Control") != "no-cache" || h.Get("Vary") != "Accept-Encoding" ||
				h.Get("Content-Security-Policy") == "" || h.Get("Content-Length") != "" || h.Get("Content-Encoding") != "" {
				t.Errorf("%s, %s: %d %v", coding, known, w.Code, h)
			}
		}
		for _, other := range []string{`"other"`, "", tag[:len(tag)-1], strings.Trim(tag, `"`)} {
			if w := ask(c, "GET", "/", "Accept-Encoding", coding, "If-None-Match", other); w.Code != 200 || w.Body.Len() == 0 {
				t.Errorf("%s, %q: %d", coding, other, w.Code)
			}
		}
	}
	if len(tags) != 3 {
		t.Errorf("three forms, %d entity tags", len(tags))
	}
	again := ask(console(t, built), "GET", "/", "Accept-Encoding", "br").Header().Get("ETag")
	if !tags[again] {
		t.Error("another start gives other entity tags")
	}
	changed := fstest.MapFS{"index.html": {Data: []byte("<!doctype html>new")}}
	if tags[ask(console(t, changed), "GET", "/").Header().Get("ETag")] {
		t.Error("another page has the same entity tag")
	}
}

func TestHeadIsGetWithoutTheBody(t *testing.T) {
	c := console(t, built)
	for _, path := range []string{"/", "/flows", "/assets/main-1a2b.js"} {
		get := ask(c, "GET", path, "Accept", browser, "Accept-Encoding", "gzip")
		head := ask(c, "HEAD", path, "Accept", browser, "Accept-Encoding", "gzip")
		if head.Code != 200 || head.Body.Len() > 0 || fmt.Sprint(head.Header()) != fmt.Sprint(get.Header()) {
			t.Errorf("%s: %d %v, GET %v", path, head.Code, head.Header(), get.Header())
		}
	}
}

func TestAViewIsThePageAndWhatIsNoViewIsNothing(t *testing.T) {
	c := console(t, built)
	for _, path := range []string{"/flows", "/sign-in", "/ports/edge0.100", "/flows/", "/a/b/c", "/policies/ünïcode"} {
		w := ask(c, "GET", path, "Accept", browser)
		if w == nil || w.Code != 200 || !strings.HasPrefix(w.Body.String(), "<!doctype html>") || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %v", path, w)
			continue
		}
		if vary := w.Header().Values("Vary"); strings.Join(vary, ",") != "Accept,Accept-Encoding" {
			t.Errorf("%s varies by %v", path, vary)
		}
		for _, accept := range []string{"", "*/*", "application/json", "text/*", "image/avif,*/*;q=0.8", "text/html;q=0", "text/htmlx"} {
			if w := ask(c, "GET", path, "Accept", accept); w != nil {
				t.Errorf("%s: who accepts %q gets %d", path, accept, w.Code)
			}
		}
	}
	for _, path := range []string{
		"", "//", "/./", "/../", "/../../etc/passwd", "/flows/../..", "/..\\..\\etc", "/a//b", "//etc/passwd", "/flows\x00", "/a\nb", "/\x7f", "/\xff",
		"/.git/config", "/.well-known/change-password", "/.keep", "/a/.env", "/" + strings.Repeat("x", maxView+1),
		"/assets", "/assets/", "/assets/main-0000.js", "/assets/../index.html", "/assets/main-1a2b.js/", "/assets/deep",
	} {
		if w := ask(c, "GET", path, "Accept", browser); w != nil {
			t.Errorf("%q: %d %.20q", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/assets/main-1a2b.js.br", "/index.html.gz", "/assets/main-1a2b.js.gz"} {
		if w := ask(c, "GET", path); w != nil {
			t.Errorf("%s: a form is served as a file: %d", path, w.Code)
		}
	}
}

func TestABuildWithoutTheConsoleSaysSo(t *testing.T) {
	c := console(t, fstest.MapFS{".keep": {}})
	if files, bytes, ok := c.Built(); ok || files != 0 || bytes != 0 {
		t.Errorf("%d files, %d bytes, %v", files, bytes, ok)
	}
	for _, path := range []string{"/", "/index.html", "/flows"} {
		w := ask(c, "GET", path, "Accept", browser)
		if w == nil || w.Code != 404 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(w.Body.String(), "make build") {
			t.Errorf("%s: %v", path, w)
		}
		if head := ask(c, "HEAD", path, "Accept", browser); head.Code != 404 || head.Body.Len() > 0 || head.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
			t.Errorf("HEAD %s: %d %v", path, head.Code, head.Header())
		}
	}
	for _, path := range []string{"/assets/main.js", "/favicon.svg", "/.keep"} {
		if w := ask(c, "GET", path); w != nil {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestWhatIsBuiltInCanBeServed(t *testing.T) {
	c := console(t, Files())
	if _, _, ok := c.Built(); !ok {
		t.Skip("this build has no console: make build")
	}
	for path, f := range c.files {
		w := ask(c, "GET", path)
		if w == nil || w.Code != 200 || int64(w.Body.Len()) != f.forms[len(f.forms)-1].size {
			t.Errorf("%s: %v", path, w)
		}
		if f.media == "application/octet-stream" {
			t.Errorf("%s: nobody has said of what media type it is", path)
		}
	}
	for _, coding := range []string{"br", "gzip"} {
		if w := ask(c, "GET", "/", "Accept-Encoding", coding); w.Header().Get("Content-Encoding") != coding {
			t.Errorf("the page has no form in %s", coding)
		}
	}
	// The policy forbids what stands in the page itself.
	text := ask(c, "GET", "/").Body.String()
	for _, bad := range []string{"<style", " style=", " onload=", " onclick=", "javascript:", `src="http`, `href="http`, `src="//`, `href="//`, "<script>"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	for _, name := range []string{".", "index.html", "index.html.br"} {
		if _, err := New(unreadable{built, name}); err == nil {
			t.Errorf("%s could not be read, and nobody said so", name)
		}
	}
}

// unreadable fails for one name.
type unreadable struct {
	fs.FS
	name string
}

func (u unreadable) Open(name string) (fs.File, error) {
	if name == u.name {
		return nil, fs.ErrPermission
	}
	return u.FS.Open(name)
}

// FuzzFind: whatever is asked for, the answer is a file of ours, whole, or nothing.
func FuzzFind(f *testing.F) {
	c := console(f, built)
	for _, path := range []string{"/", "/flows", "/assets/main-1a2b.js", "/../index.html", "//", "/%2e%2e/", "/assets/../../x", "/a\x00b"} {
		f.Add(path, browser, "gzip, deflate, br;q=0.9, *;q=0.1", `W/"x", *`)
	}
	f.Add("/theme.js", "text/html;q=1e-9", "identity;q=0,*;q=0", "")
	f.Fuzz(func(t *testing.T, path, accept, coding, tags string) {
		w := ask(c, "GET", path, "Accept", accept, "Accept-Encoding", coding, "If-None-Match", tags)
		if w == nil {
			return
		}
		switch w.Code {
		case http.StatusNotModified:
			if w.Body.Len() > 0 {
				t.Errorf("304 with %q", w.Body)
			}
		case http.StatusOK:
			if w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) || !isOurs(w.Body.String()) {
				t.Errorf("%q: %v %q", path, w.Header(), w.Body)
			}
			if e := w.Header().Get("Content-Encoding"); e != "" && !strings.Contains(strings.ToLower(coding), e) && !strings.Contains(coding, "*") {
				t.Errorf("%q was answered in %s", coding, e)
			}
		default:
			t.Errorf("%q: %d", path, w.Code)
		}
	})
}

func isOurs(text string) bool {
	for _, f := range built {
		if string(f.Data) == text {
			return true
		}
	}
	return false
}
