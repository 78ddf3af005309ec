package docs

import (
	"embed"
	"net/http"
	"strings"
)

//go:embed index.html docs.css docs.js
var files embed.FS

// Path is where the page is; its other files are below.
const Path = "/api/docs"

// policy lets the page load its own files and ask the appliance, nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Files are the paths of all files with what serves them.
func Files() map[string]http.Handler {
	return map[string]http.Handler{
		Path:               file("index.html", "text/html; charset=utf-8"),
		Path + "/docs.css": file("docs.css", "text/css; charset=utf-8"),
		Path + "/docs.js":  file("docs.js", "text/javascript; charset=utf-8"),
	}
}

func file(name, media string) http.Handler {
	text, err := files.ReadFile(name)
	if err != nil {
		panic("docs: " + err.Error()) // it is embedded
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", media)
		if strings.HasPrefix(media, "text/html") {
			h.Set("Content-Security-Policy", policy)
		}
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write(text) // a browser that has gone needs it no more
	})
}
