package docs

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// TestThePageAsksNobodyElse: everything that it loads is one of its files or of the appliance's own, and the browser is told
// to load nothing else and to run nothing that stands in the page.
func TestThePageAsksNobodyElse(t *testing.T) {
	files := Files()
	address := regexp.MustCompile(`(?:src|href|fetch\()\s*=?\s*["']([^"'#]+)`)
	for path, h := range files {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		text := w.Body.String()
		if w.Code != 200 || text == "" {
			t.Errorf("%s: %d", path, w.Code)
		}
		for _, m := range address.FindAllStringSubmatch(text, -1) {
			if _, own := files[m[1]]; !own && !strings.HasPrefix(m[1], "/api/v1/openapi.") {
				t.Errorf("%s asks for %s", path, m[1])
			}
		}
		for _, bad := range []string{"innerHTML", "insertAdjacentHTML", "eval(", "@import", " url(", ":url(", "//cdn", " style=", " onclick="} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %s", path, bad)
			}
		}
		if path == Path {
			csp := w.Header().Get("Content-Security-Policy")
			if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") || strings.Contains(text, "<script>") {
				t.Errorf("policy %q", csp)
			}
		}
	}
}

func TestThePageCanBeUsedByEverybody(t *testing.T) {
	w := httptest.NewRecorder()
	Files()[Path].ServeHTTP(w, httptest.NewRequest("GET", Path, nil))
	for _, want := range []string{`<html lang="en">`, "<title>", `<label for="filter">`, `role="status"`, "<main>", `<nav aria-label=`, `class="skip"`, `name="color-scheme"`, "<noscript>"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page has no %s", want)
		}
	}
}
