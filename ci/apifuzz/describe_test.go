package apifuzz

import (
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fcredirect/mgmt/auth"
)

// schema is one of the description.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       json.RawMessage    `json:"type"`
	Format     string             `json:"format"`
	Enum       []any              `json:"enum"`
	Examples   []any              `json:"examples"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Additional json.RawMessage    `json:"additionalProperties"`
	Minimum    *float64           `json:"minimum"`
	Maximum    *float64           `json:"maximum"`
	MinLength  *int               `json:"minLength"`
	MaxLength  *int               `json:"maxLength"`
	MinItems   *int               `json:"minItems"`
	MaxItems   *int               `json:"maxItems"`
	Pattern    string             `json:"pattern"`
	AnyOf      []*schema          `json:"anyOf"`

	types   []string       // filled by settle
	re      *regexp.Regexp // of Pattern
	members *schema        // of Additional, if that is one
	open    bool           // further members may be anything
}

type media map[string]struct {
	Schema *schema `json:"schema"`
}

// operation is what can be asked.
type operation struct {
	ID         string   `json:"operationId"`
	Tags       []string `json:"tags"`
	Parameters []struct {
		Name     string  `json:"name"`
		In       string  `json:"in"`
		Required bool    `json:"required"`
		Schema   *schema `json:"schema"`
	} `json:"parameters"`
	Body *struct {
		Required bool  `json:"required"`
		Content  media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content media    `json:"content"`
		Codes   []string `json:"x-codes"`
	} `json:"responses"`
	Permission auth.Permission `json:"x-permission"`

	method, path string
}

// description is all of it.
type description struct {
	Paths      map[string]map[string]*operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`

	operations []*operation // by path and method
}

// describe reads what the node says of itself.
func (n *node) describe(t *testing.T) *description {
	t.Helper()
	r, err := n.local.Get("http://fcr/api/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	d := &description{}
	if err := json.Unmarshal(text, d); err != nil {
		t.Fatal(err)
	}
	for path, methods := range d.Paths {
		for method, op := range methods {
			op.method, op.path = strings.ToUpper(method), path
			d.operations = append(d.operations, op)
			for _, p := range op.Parameters {
				d.settle(p.Schema)
			}
			if op.Body != nil {
				d.settleAll(op.Body.Content)
			}
			for _, r := range op.Responses {
				d.settleAll(r.Content)
			}
		}
	}
	for _, s := range d.Components.Schemas {
		d.settle(s)
	}
	slices.SortFunc(d.operations, func(a, b *operation) int { return strings.Compare(a.path+" "+a.method, b.path+" "+b.method) })
	return d
}

func (d *description) settleAll(m media) {
	for _, c := range m {
		d.settle(c.Schema)
	}
}

// settle reads what of a schema has several forms.
func (d *description) settle(s *schema) {
	if s == nil || s.types != nil {
		return
	}
	s.types = []string{}
	var one string
	if json.Unmarshal(s.Type, &one) == nil {
		s.types = append(s.types, one)
	} else {
		_ = json.Unmarshal(s.Type, &s.types) // none: anything
	}
	if s.Pattern != "" {
		s.re = regexp.MustCompile(s.Pattern)
	}
	switch text := string(s.Additional); {
	case text == "true":
		s.open = true
	case strings.HasPrefix(text, "{"):
		s.members = &schema{}
		_ = json.Unmarshal(s.Additional, s.members) // it was read once already
		d.settle(s.members)
	}
	for _, p := range s.Properties {
		d.settle(p)
	}
	d.settle(s.Items)
	for _, of := range s.AnyOf {
		d.settle(of)
	}
}

// resolve follows references.
func (d *description) resolve(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// answers is the schema of an answer; known says whether the operation may give it at all.
func (d *description) answers(op *operation, status int, mediaType string) (s *schema, known bool) {
	r, ok := op.Responses[strconv.Itoa(status)]
	if !ok {
		return nil, false
	}
	mediaType, _, _ = strings.Cut(mediaType, ";")
	c, ok := r.Content[mediaType]
	return c.Schema, ok || len(r.Content) == 0 && mediaType == ""
}
