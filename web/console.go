package web

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// The way of a request:
//
//	Find      which file is meant, if any           this file
//	choose    in which coding the browser wants it   coding.go
//	serve     headers, 304, the bytes                serve.go

// Console is what a browser can ask for.
type Console struct {
	files map[string]*file // by path, as /assets/main-1a2b.js
	page  *file            // index.html; nil: the console was not built
	bytes int64            // of all files and forms
}

// file is one that can be asked for.
type file struct {
	from     fs.FS
	media    string
	policy   string // of documents; of others what is set for all stays
	cache    string
	compared bool   // there is more than one form
	forms    []form // the smallest coding first, the plain one last
}

// form is a file in one coding.
type form struct {
	name   string // in from
	coding string // empty: as it is
	tag    string
	size   int64
}

// page is what clients of the console are given for each of its views.
const page = "/index.html"

// New reads what there is. Files without index.html are those of a build without the console, not an error.
func New(from fs.FS) (*Console, error) {
	c := &Console{files: map[string]*file{}}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Base(name)[0] == '.' {
			return err
		}
		if plain, coding := codingOf(name); coding != "" {
			if _, err := fs.Stat(from, plain); err == nil {
				return nil // it is a form of that file
			}
		}
		f, err := c.read(from, name)
		if err != nil {
			return err
		}
		c.files["/"+name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the console's files: %w", err)
	}
	c.page = c.files[page]
	return c, nil
}

// read makes a file of its forms.
func (c *Console) read(from fs.FS, name string) (*file, error) {
	f := &file{from: from, media: mediaOf(name), cache: "no-cache"}
	if strings.HasPrefix(name, "assets/") {
		f.cache = "public, max-age=31536000, immutable"
	}
	if strings.HasPrefix(f.media, "text/html") {
		f.policy = policy
	}
	for _, coding := range codings {
		form, err := sum(from, name+coding.suffix)
		if coding.suffix != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		form.coding = coding.name
		f.forms = append(f.forms, form)
		c.bytes += form.size
	}
	f.compared = len(f.forms) > 1
	return f, nil
}

// sum reads a file once. Two forms of one file have different tags, since their bytes differ.
func sum(from fs.FS, name string) (form, error) {
	in, err := from.Open(name)
	if err != nil {
		return form{}, err
	}
	defer in.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, in)
	if err != nil {
		return form{}, fmt.Errorf("read %s: %w", name, err)
	}
	return form{name: name, size: size, tag: strconv.Quote(base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:tagBytes]))}, nil
}

// mediaTypes are those of what vite writes. The system's table is not asked: it differs between machines.
var mediaTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".jpg":         "image/jpeg",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
}

func mediaOf(name string) string {
	if media := mediaTypes[path.Ext(name)]; media != "" {
		return media
	}
	return "application/octet-stream"
}

// Built says whether there is a console, of how many files, and how many bytes with all their forms.
func (c *Console) Built() (files int, bytes int64, ok bool) {
	return len(c.files), c.bytes, c.page != nil
}

// Find is what answers GET and HEAD of a request's path, nil where the console has nothing under it. The views of the console
// have paths of their own, which only the browser knows: whoever asks for a document gets the page, and the page says it when
// there is no such view.
func (c *Console) Find(r *http.Request) http.Handler {
	p := r.URL.Path
	if p == "/" {
		p = page
	}
	if f := c.files[p]; f != nil {
		return f
	}
	if p != page && !(isView(p) && wantsDocument(r)) {
		return nil
	}
	if c.page == nil {
		return http.HandlerFunc(notBuilt)
	}
	return view{c.page}
}

// isView says whether a path may be one of a view: names between slashes. Files that are not there are none, nor is what
// programs look for on any server (/.well-known, /.git).
func isView(p string) bool {
	p = strings.TrimSuffix(strings.TrimPrefix(p, "/"), "/")
	if len(p) > maxView || !fs.ValidPath(p) || strings.HasPrefix(p, ".") || strings.Contains(p, "/.") || p == "assets" || strings.HasPrefix(p, "assets/") {
		return false
	}
	return !strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' })
}

// wantsDocument says whether a browser asks for something to show by itself. Programs say */*.
func wantsDocument(r *http.Request) bool {
	for name, q := range weighted(r.Header.Values("Accept")) {
		if strings.EqualFold(name, "text/html") {
			return q > 0
		}
	}
	return false
}
