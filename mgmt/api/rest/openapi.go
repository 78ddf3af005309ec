package rest

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

func init() {
	huma.DefaultArrayNullable = false // a list without items is [], never null
	huma.ValidateStrictCasing = true
}

// config is huma's: JSON alone, no page and no description of its own, unknown parameters refused.
func (a *API) config() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI:    "3.1.0",
			Info:       &huma.Info{Title: "FC-Redirect", Version: a.options.Version},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// schemaName names a schema after its type: AliasList for ListBody[Alias].
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if of, ok := strings.CutPrefix(name, "ListBody"); ok && of != "" {
		return of + "List"
	}
	return name
}

// describe is the operation as huma wants it.
func (a *API) describe(op *Operation) huma.Operation {
	h := huma.Operation{
		OperationID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description,
		Tags: []string{op.Tag}, DefaultStatus: op.Status, Metadata: map[string]any{metadata: op}, Responses: map[string]*huma.Response{},
		MaxBodyBytes: MaxBody + 1, BodyReadTimeout: -1, // body.go has seen to both before
		Extensions: map[string]any{"x-permission": string(op.Permission)},
	}
	if op.Permission == auth.Open {
		h.Security = []map[string][]string{{}}
	}
	if op.Method == http.MethodPost && op.Permission != auth.Open {
		h.Parameters = append(h.Parameters, &huma.Param{
			Name: KeyHeader, In: "header", Description: "The request is done once, however often it is sent with this key within 24 hours.",
			Schema: &huma.Schema{Type: "string", MinLength: ptr(1), MaxLength: ptr(maxKey), Pattern: "^[!-~]+$"},
		})
	}
	a.problems(&h, op)
	return h
}

func ptr[T any](v T) *T { return &v }

// problems declares what the operation may refuse: one response for each status, with its codes.
func (a *API) problems(h *huma.Operation, op *Operation) {
	byStatus := map[int][]string{}
	for _, code := range op.codes() {
		status := problem.Lookup(code).Status
		byStatus[status] = append(byStatus[status], string(code))
	}
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for status, codes := range byStatus {
		h.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status) + ": " + strings.Join(codes, ", "),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
			Extensions:  map[string]any{"x-codes": codes},
		}
	}
}

// answers declares an answer that the operation writes itself.
func (a *API) answers(h *huma.Operation, status int, media string) {
	r := &huma.Response{Description: http.StatusText(status)}
	if media != "" {
		r.Content = map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
	}
	h.Responses[strconv.Itoa(status)] = r
}
