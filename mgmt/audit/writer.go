package audit

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// writer writes a value as encoding/json does, but for what is secret. Structs are walked by their tags; what marshals
// itself is marshalled and then looked through by names.
type writer struct{ b bytes.Buffer }

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

func (w *writer) value(v reflect.Value, depth int) {
	switch {
	case !v.IsValid():
		w.b.WriteString("null")
		return
	case depth > maxDepth || w.b.Len() > maxEncode:
		w.b.WriteString(`"…"`)
		return
	}
	if t := v.Type(); t.Implements(marshaler) || t.Implements(textMarshaler) {
		w.own(v, depth)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		w.value(v.Elem(), depth)
	case reflect.Struct:
		w.b.WriteByte('{')
		w.fields(v, depth, new(bool))
		w.b.WriteByte('}')
	case reflect.Map:
		w.members(v, depth)
	case reflect.Slice, reflect.Array:
		w.elements(v, depth)
	default:
		w.plain(v)
	}
}

// own lets a value marshal itself, and looks through what comes.
func (w *writer) own(v reflect.Value, depth int) {
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		w.b.WriteString("null")
		return
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		w.b.WriteString("null")
		return
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var inside any
	if d.Decode(&inside) != nil {
		w.b.WriteString("null")
		return
	}
	w.value(reflect.ValueOf(inside), depth+1)
}

// fields writes the fields of a struct; those of an embedded one as if they were its own.
func (w *writer) fields(v reflect.Value, depth int, begun *bool) {
	for i := range v.NumField() {
		f, value := v.Type().Field(i), v.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Tag.Get("secret") == "true", f.Tag.Get("json") == "-":
			continue
		case f.Anonymous && name == "":
			for value.Kind() == reflect.Pointer && !value.IsNil() {
				value = value.Elem()
			}
			if value.Kind() == reflect.Struct {
				w.fields(value, depth+1, begun)
				continue
			}
		}
		if !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct) {
			continue
		}
		if name == "" {
			name = f.Name
		}
		empty := strings.Contains(options, "omitempty") && emptied(value) || strings.Contains(options, "omitzero") && value.IsZero()
		if !empty {
			w.member(name, value, depth, begun)
		}
	}
}

// emptied is what encoding/json calls empty.
func emptied(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return v.IsZero()
	}
}

func (w *writer) members(v reflect.Value, depth int) {
	if v.IsNil() {
		w.b.WriteString("null")
		return
	}
	values := map[string]reflect.Value{}
	names := make([]string, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		name := fmt.Sprint(it.Key().Interface())
		values[name] = it.Value()
		names = append(names, name)
	}
	slices.Sort(names)
	w.b.WriteByte('{')
	begun := false
	for _, name := range names {
		w.member(name, values[name], depth, &begun)
	}
	w.b.WriteByte('}')
}

func (w *writer) member(name string, v reflect.Value, depth int, begun *bool) {
	if secretName(name) {
		return
	}
	if *begun {
		w.b.WriteByte(',')
	}
	*begun = true
	w.plain(reflect.ValueOf(name))
	w.b.WriteByte(':')
	w.value(v, depth+1)
}

func (w *writer) elements(v reflect.Value, depth int) {
	switch {
	case v.Kind() == reflect.Slice && v.IsNil():
		w.b.WriteString("null")
		return
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		w.plain(v)
		return
	}
	w.b.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			w.b.WriteByte(',')
		}
		w.value(v.Index(i), depth+1)
	}
	w.b.WriteByte(']')
}

// plain writes what has nothing inside.
func (w *writer) plain(v reflect.Value) {
	e := json.NewEncoder(&w.b)
	e.SetEscapeHTML(false)
	if !v.CanInterface() || e.Encode(v.Interface()) != nil {
		w.b.WriteString("null")
		return
	}
	w.b.Truncate(w.b.Len() - 1) // its newline
}
