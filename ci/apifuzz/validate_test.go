package apifuzz

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// check says what of a value, as encoding/json decodes it with numbers as float64, is not as the schema says. It has no
// part with huma, which made the schema.
func (d *description) check(where string, s *schema, v any) error {
	if s = d.resolve(s); s == nil {
		return nil
	}
	if len(s.AnyOf) > 0 {
		var err error
		for _, of := range s.AnyOf {
			if err = d.check(where, of, v); err == nil {
				return nil
			}
		}
		return err
	}
	if len(s.types) > 0 && !slices.ContainsFunc(s.types, func(kind string) bool { return is(kind, v) }) {
		return fmt.Errorf("%s is %T, not %s", where, v, strings.Join(s.types, " or "))
	}
	if len(s.Enum) > 0 && v != nil && !slices.ContainsFunc(s.Enum, func(e any) bool { return reflect.DeepEqual(e, v) }) {
		return fmt.Errorf("%s is %v, none of %v", where, v, s.Enum)
	}
	switch v := v.(type) {
	case string:
		n := utf8.RuneCountInString(v)
		if s.MinLength != nil && n < *s.MinLength || s.MaxLength != nil && n > *s.MaxLength || s.re != nil && !s.re.MatchString(v) {
			return fmt.Errorf("%s is %q: not as long as it says, or not as its pattern", where, v)
		}
	case float64:
		if s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
			return fmt.Errorf("%s is %v, out of its bounds", where, v)
		}
	case []any:
		if s.MinItems != nil && len(v) < *s.MinItems || s.MaxItems != nil && len(v) > *s.MaxItems {
			return fmt.Errorf("%s has %d items", where, len(v))
		}
		for i, item := range v {
			if err := d.check(fmt.Sprintf("%s[%d]", where, i), s.Items, item); err != nil {
				return err
			}
		}
	case map[string]any:
		return d.checkObject(where, s, v)
	}
	return nil
}

func (d *description) checkObject(where string, s *schema, v map[string]any) error {
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			return fmt.Errorf("%s has no %s", where, name)
		}
	}
	for name, value := range v {
		p, ok := s.Properties[name]
		switch {
		case ok:
		case s.members != nil:
			p = s.members
		case !s.open && len(s.types) > 0:
			return fmt.Errorf("%s has %s, which is not described", where, name)
		}
		if err := d.check(where+"."+name, p, value); err != nil {
			return err
		}
	}
	return nil
}

// is says whether a value is of a type of JSON Schema.
func is(kind string, v any) bool {
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && v == math.Trunc(v)
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	}
	return false
}

func TestTheCheckerFindsWhatIsNotDescribed(t *testing.T) {
	d := &description{}
	one := &schema{Type: []byte(`"object"`), Required: []string{"name"}, Additional: []byte("false"), Properties: map[string]*schema{
		"name": {Type: []byte(`"string"`), Pattern: "^[a-z]+$"},
		"kind": {Type: []byte(`"string"`), Enum: []any{"a", "b"}},
		"list": {Type: []byte(`["array","null"]`), Items: &schema{Type: []byte(`"integer"`)}},
		"none": {AnyOf: []*schema{{Type: []byte(`"object"`)}, {Type: []byte(`"null"`)}}},
		"map":  {Type: []byte(`"object"`), Additional: []byte(`{"type":"boolean"}`)},
	}}
	d.settle(one)
	for _, tt := range []struct {
		value map[string]any
		ok    bool
	}{
		{map[string]any{"name": "x"}, true},
		{map[string]any{"name": "x", "kind": "b", "list": []any{1.0}, "map": map[string]any{"k": true}}, true},
		{map[string]any{"name": "x", "list": nil}, true},
		{map[string]any{"name": "x", "none": nil}, true},
		{map[string]any{"name": "x", "none": 1.0}, false},
		{map[string]any{}, false},
		{map[string]any{"name": "X"}, false},
		{map[string]any{"name": 1.0}, false},
		{map[string]any{"name": "x", "more": 1.0}, false},
		{map[string]any{"name": "x", "kind": "c"}, false},
		{map[string]any{"name": "x", "list": []any{1.5}}, false},
		{map[string]any{"name": "x", "map": map[string]any{"k": 1.0}}, false},
	} {
		if err := d.check("it", one, tt.value); (err == nil) != tt.ok {
			t.Errorf("%v: %v", tt.value, err)
		}
	}
}
