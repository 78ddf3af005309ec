package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"fcredirect/mgmt/api/docs"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Index says what there is.
type Index struct {
	Product string `json:"product"`
	Node    string `json:"node,omitempty" doc:"The name of the node, for who is signed in."`
	Version string `json:"version,omitempty" doc:"The product's version, for who is signed in."`
	Links   []Link `json:"links"`
}

// Link is a collection or another place to begin at.
type Link struct {
	Noun string `json:"noun"`
	Path string `json:"path"`
}

// Health says that it answers.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

// nothing is the input of what has none.
type nothing struct{}

// describeSelf registers what is about the interface itself: index, health, description, page.
func (a *assembly) describeSelf() error {
	rest.Register(a.rest, rest.Operation{
		ID: "get-index", Method: http.MethodGet, Path: "/api/v1", Tag: "api", Summary: "What there is", Permission: auth.Open,
	}, a.index)
	rest.Register(a.rest, rest.Operation{
		ID: "get-health", Method: http.MethodGet, Path: "/healthz", Tag: "api", Summary: "Whether it is alive", Permission: auth.Open,
	}, func(context.Context, *nothing) (*rest.Item[Health], error) { return rest.One(Health{"ok"}, 0), nil })
	rest.Register(a.rest, rest.Operation{
		ID: "get-readiness", Method: http.MethodGet, Path: "/readyz", Tag: "api", Summary: "Whether everything that it needs answers", Permission: auth.Open,
		Description: "200 when data plane and database answer. Without them much works all the same: see the problem's code.",
		Errors:      []problem.Code{problem.DataplaneUnavailable, problem.DatabaseUnavailable},
	}, a.readiness)
	for _, form := range []struct {
		id, path, media string
		text            func() ([]byte, error)
	}{
		{"get-openapi-json", "/api/v1/openapi.json", "application/json", sync.OnceValues(a.rest.Describe)},
		{"get-openapi-yaml", "/api/v1/openapi.yaml", "application/yaml", sync.OnceValues(a.rest.DescribeYAML)},
	} {
		rest.Serve(a.rest, rest.Operation{
			ID: form.id, Method: http.MethodGet, Path: form.path, Tag: "api", Summary: "This description", Permission: auth.Open,
		}, form.media, func(w http.ResponseWriter, _ *http.Request, _ *nothing) error {
			text, err := form.text()
			if err != nil {
				return err
			}
			w.Header().Set("Content-Type", form.media)
			_, err = w.Write(text)
			return err
		})
	}
	for path, h := range docs.Files() {
		a.rest.Mount(path, h)
	}
	return nil
}

func (a *assembly) index(ctx context.Context, _ *nothing) (*rest.Item[Index], error) {
	in := Index{Product: "FC-Redirect", Links: []Link{{"api", docs.Path}}}
	if auth.From(ctx) != nil {
		in.Node, in.Version = a.Config.Node, a.Version
	}
	for _, op := range a.rest.Operations() {
		if op.Method == http.MethodGet && !strings.Contains(op.Path, "{") {
			in.Links = append(in.Links, Link{op.Tag, op.Path})
		}
	}
	slices.SortFunc(in.Links, func(a, b Link) int { return strings.Compare(a.Path, b.Path) })
	return rest.One(in, 0), nil
}

// pingTimeout is how long the database may take to say that it is there.
const pingTimeout = 2 * time.Second

func (a *assembly) readiness(ctx context.Context, _ *nothing) (*rest.Item[Health], error) {
	if err := a.live.Use(func(*attach.Segment) error { return nil }); err != nil {
		return nil, err
	}
	if a.DB != nil {
		ctx, cancel := context.WithTimeout(ctx, pingTimeout)
		defer cancel()
		if _, err := a.DB.Q().Exec(ctx, "SELECT 1"); err != nil {
			return nil, problem.Wrap(problem.DatabaseUnavailable, err, "")
		}
	}
	return rest.One(Health{"ok"}, 0), nil
}
