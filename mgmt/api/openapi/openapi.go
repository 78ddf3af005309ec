package openapi

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

//go:embed openapi.json
var golden []byte

// Golden is the description in the repository.
var Golden = sync.OnceValues(func() (*Document, error) { return Parse(golden) })

// Document is a description.
type Document struct {
	Version    string
	Operations []Operation // by path and method

	schemas map[string]*Schema
}

// Operation is what can be asked.
type Operation struct {
	ID          string // verb and noun: list-aliases
	Noun        string // its tag: alias
	Verb        string // the ID up to the first dash
	Method      string
	Path        string // /api/v1/aliases/{name}
	Summary     string
	Description string
	Parameters  []Parameter
	Body        *Schema // nil: none
	NeedsBody   bool
	BodyTypes   []string // media types that it takes
	Success     int
	Answer      *Schema // of a success in JSON; nil: none
	AnswerTypes []string
	Statuses    []int // all that are declared
}

// Parameter is one outside of the body.
type Parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"` // path, query, header
	Required    bool    `json:"required"`
	Description string  `json:"description"`
	Schema      *Schema `json:"schema"`
}

// Schema is what a value may be.
type Schema struct {
	Ref         string             `json:"$ref"`
	Type        Types              `json:"type"`
	Format      string             `json:"format"`
	Description string             `json:"description"`
	Enum        []any              `json:"enum"`
	Default     json.RawMessage    `json:"default"`
	Properties  map[string]*Schema `json:"properties"`
	Required    []string           `json:"required"`
	Items       *Schema            `json:"items"`
	Additional  json.RawMessage    `json:"additionalProperties"` // false: the properties are all there are
	ReadOnly    bool               `json:"readOnly"`
	WriteOnly   bool               `json:"writeOnly"`
	Minimum     *float64           `json:"minimum"`
	Maximum     *float64           `json:"maximum"`
	MaxLength   *int               `json:"maxLength"`
	MinLength   *int               `json:"minLength"`
	Pattern     string             `json:"pattern"`
	MaxItems    *int               `json:"maxItems"`
}

// Types is one type or several.
type Types []string

// UnmarshalJSON reads either.
func (t *Types) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = Types{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// Is says whether a value of the schema may be of a type.
func (s *Schema) Is(kind string) bool { return slices.Contains(s.Type, kind) }

type content map[string]struct {
	Schema *Schema `json:"schema"`
}

type source struct {
	OpenAPI string `json:"openapi"`
	Info    struct {
		Version string `json:"version"`
	} `json:"info"`
	Paths map[string]map[string]struct {
		ID          string      `json:"operationId"`
		Tags        []string    `json:"tags"`
		Summary     string      `json:"summary"`
		Description string      `json:"description"`
		Parameters  []Parameter `json:"parameters"`
		Body        *struct {
			Required bool    `json:"required"`
			Content  content `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Content content `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]*Schema `json:"schemas"`
	} `json:"components"`
}

// Parse reads a description.
func Parse(text []byte) (*Document, error) {
	var in source
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("description of the interface: %w", err)
	}
	if !strings.HasPrefix(in.OpenAPI, "3.1") {
		return nil, fmt.Errorf("description of the interface: version %q, want 3.1", in.OpenAPI)
	}
	d := &Document{Version: in.Info.Version, schemas: in.Components.Schemas}
	for path, methods := range in.Paths {
		for method, from := range methods {
			if len(from.Tags) != 1 || from.ID == "" {
				return nil, fmt.Errorf("description of the interface: %s %s has no operationId or not one tag", method, path)
			}
			verb, _, _ := strings.Cut(from.ID, "-")
			op := Operation{
				ID: from.ID, Noun: from.Tags[0], Verb: verb, Method: strings.ToUpper(method), Path: path,
				Summary: from.Summary, Description: from.Description, Parameters: from.Parameters,
			}
			if from.Body != nil {
				op.NeedsBody = from.Body.Required
				op.BodyTypes, op.Body = from.Body.Content.json()
			}
			for status, response := range from.Responses {
				code := 0
				if _, err := fmt.Sscanf(status, "%d", &code); err != nil {
					continue // default, 4XX
				}
				op.Statuses = append(op.Statuses, code)
				if code < http.StatusBadRequest && (op.Success == 0 || code < op.Success) {
					op.Success = code
					op.AnswerTypes, op.Answer = response.Content.json()
				}
			}
			slices.Sort(op.Statuses)
			d.Operations = append(d.Operations, op)
		}
	}
	slices.SortFunc(d.Operations, func(a, b Operation) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	return d, nil
}

// json is the media types, and the schema of the one in JSON.
func (c content) json() (types []string, s *Schema) {
	for name, of := range c {
		types = append(types, name)
		if name == "application/json" {
			s = of.Schema
		}
	}
	slices.Sort(types)
	return types, s
}

// Find is the operation of an ID, nil when there is none.
func (d *Document) Find(id string) *Operation {
	i := slices.IndexFunc(d.Operations, func(o Operation) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return &d.Operations[i]
}

// Resolve follows a reference.
func (d *Document) Resolve(s *Schema) *Schema {
	for range 16 {
		if s == nil || s.Ref == "" {
			return s
		}
		s = d.schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return nil
}

// Items is the schema of the items of a list operation's answer, nil where it is no list.
func (d *Document) Items(o *Operation) *Schema {
	page := d.Resolve(o.Answer)
	if page == nil || page.Properties["items"] == nil {
		return nil
	}
	return d.Resolve(d.Resolve(page.Properties["items"]).Items)
}

// Names are those of the properties, in order.
func (s *Schema) Names() []string {
	var names []string
	for name := range s.Properties {
		if name != "$schema" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
