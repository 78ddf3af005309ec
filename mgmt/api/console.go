package api

import (
	"fmt"
	"net/http"
	"strings"

	"fcredirect/web"
)

// console puts the web console beside the operations: what none of them has a path for is offered to it. Its pages need no
// session, since there is nothing in them: what they show they ask the operations for.
func (a *assembly) console() error {
	if !a.Config.API.Console {
		a.Log.Info("serves no console: api: console: of the configuration says so")
		return nil
	}
	files := a.Pages
	if files == nil {
		files = web.Files()
	}
	c, err := web.New(files)
	if err != nil {
		return fmt.Errorf("open console: %w", err)
	}
	if count, bytes, built := c.Built(); built {
		a.Log.Info("serves the console", "files", count, "bytes", bytes)
	} else {
		a.Log.Warn("was built without the console: make build makes it, with Node")
	}
	taken := map[string]bool{} // first names of paths under which there are operations
	for _, op := range a.rest.Operations() {
		taken[first(op.Path)] = true
	}
	a.rest.Beside(func(r *http.Request) http.Handler {
		if taken[first(r.URL.Path)] {
			return nil
		}
		return c.Find(r)
	})
	return nil
}

// first is the first name of a path.
func first(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return name
}
