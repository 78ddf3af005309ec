package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
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

// version of the interface. It is in the paths too; the product's own is another thing.
const version = "1"

// config is huma's: JSON alone, no page and no description of its own, unknown parameters refused.
func (a *API) config() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "FC-Redirect", Version: version,
				Description: "Everything the appliance can do. Lists have limit and cursor; an ETag is the revision of a thing, and what replaces or deletes it " +
					"sends it in If-Match; a POST with an Idempotency-Key is done once; dry_run=true checks and changes nothing. " +
					"What is not done is answered with a problem of RFC 9457 whose code keeps its meaning.",
			},
			Servers: []*huma.Server{{URL: "/"}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token":   {Type: "http", Scheme: "bearer", Description: "A token of the appliance, for programs."},
					"session": {Type: "apiKey", In: "cookie", Name: auth.CookieName, Description: "The session of a browser, SameSite=Strict; writes are taken from the appliance's own pages alone."},
				},
			},
			Security:   []map[string][]string{{"token": {}}, {"session": {}}},
			Extensions: map[string]any{"x-problems": catalogue()},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// catalogue is what may be wrong, for the page.
func catalogue() []map[string]any {
	var all []map[string]any
	for _, e := range problem.Catalogue {
		all = append(all, map[string]any{"code": e.Code, "status": e.Status, "title": e.Title, "advice": e.Advice})
	}
	return all
}

// Describe is the description of all operations: OpenAPI 3.1, as JSON.
func (a *API) Describe() ([]byte, error) {
	api := a.huma.OpenAPI()
	tags := map[string]bool{}
	for _, op := range a.operations {
		tags[op.Tag] = true
	}
	api.Tags = nil
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		api.Tags = append(api.Tags, &huma.Tag{Name: tag})
	}
	sayNull(api.Components.Schemas)
	text, err := json.MarshalIndent(api, "", " ")
	if err != nil {
		return nil, fmt.Errorf("describe the interface: %w", err)
	}
	return append(text, '\n'), nil
}

// sayNull describes the members that are null where there is none: pointers to structs that are not left out then. huma
// says so of plain values alone.
func sayNull(schemas huma.Registry) {
	for name, s := range schemas.Map() {
		t := schemas.TypeFromRef("#/components/schemas/" + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for i := range t.NumField() {
			f := t.Field(i)
			member, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			p := s.Properties[member]
			if p != nil && p.Ref != "" && f.Type.Kind() == reflect.Pointer && !strings.Contains(options, "omit") {
				s.Properties[member] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: p.Description}
			}
		}
	}
}

// DescribeYAML is the same as YAML.
func (a *API) DescribeYAML() ([]byte, error) {
	sayNull(a.huma.OpenAPI().Components.Schemas)
	text, err := a.huma.OpenAPI().YAML()
	if err != nil {
		return nil, fmt.Errorf("describe the interface: %w", err)
	}
	return text, nil
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
	if op.Media != "" {
		a.answers(&h, max(op.Status, http.StatusOK), op.Media)
	}
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
	for name := range strings.SplitSeq(media, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if r.Content == nil {
			r.Content = map[string]*huma.MediaType{}
		}
		s := &huma.Schema{Type: "string", Format: "binary"}
		if name == "application/json" {
			s = &huma.Schema{Type: "object", AdditionalProperties: true} // a document that is described elsewhere
		}
		r.Content[name] = &huma.MediaType{Schema: s}
	}
	h.Responses[strconv.Itoa(status)] = r
}

// alsoAnswers declares the other statuses that an Item may have: a PUT that creates, and a dry run of what creates or hands
// over to a job.
func (a *API) alsoAnswers(op *Operation) {
	item := a.huma.OpenAPI().Paths[op.Path]
	var h *huma.Operation
	switch op.Method {
	case http.MethodPut:
		h = item.Put
	case http.MethodPost:
		h = item.Post
	}
	if h == nil {
		return
	}
	usual := h.Responses[strconv.Itoa(h.DefaultStatus)]
	others := []int{http.StatusOK}
	if op.Method == http.MethodPut {
		others = append(others, http.StatusCreated)
	}
	for _, status := range others {
		if other := strconv.Itoa(status); h.Responses[other] == nil {
			copied := *usual
			copied.Description = http.StatusText(status)
			h.Responses[other] = &copied
		}
	}
}
