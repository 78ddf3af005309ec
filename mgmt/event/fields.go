package event

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Fields are an event's values by name. The catalogue says which there are. A value is a string, an error, a
// fmt.Stringer, any whole number, a bool or a time.Time; the zero time and nil are left out.
type Fields map[string]any

// Encode checks fields against the catalogue and writes them as a JSON object, in the catalogue's order: equal fields
// give equal bytes.
func Encode(t Type, f Fields) (json.RawMessage, error) {
	c := Lookup(t)
	if c == nil {
		return nil, fmt.Errorf("event: encode type %d: not in the catalogue", t)
	}
	o := object{b: make([]byte, 0, 256)}
	found := 0
	for _, d := range c.Fields {
		v, ok := f[d.Name]
		if !ok {
			continue
		}
		found++
		if !o.value(d, v) {
			return nil, fmt.Errorf("event: encode %s: field %s cannot be a %T", c.Name, d.Name, v)
		}
	}
	if found != len(f) {
		for name := range f {
			if !c.has(name) {
				return nil, fmt.Errorf("event: encode %s: it has no field %s", c.Name, name)
			}
		}
	}
	return o.end(c)
}

func (c *Entry) has(name string) bool {
	for _, d := range c.Fields {
		if d.Name == name {
			return true
		}
	}
	return false
}

// object writes a JSON object.
type object struct{ b []byte }

func (o *object) key(name string) {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(append(append(o.b, '"'), name...), '"', ':') // names are plain: a test holds the catalogue to it
}

// text leaves an empty one out.
func (o *object) text(name, v string) {
	if v != "" {
		o.key(name)
		o.b = appendText(o.b, v, MaxText)
	}
}

func (o *object) document(name, v string) {
	if v != "" {
		o.key(name)
		o.b = appendText(o.b, v, MaxDocument)
	}
}

func (o *object) number(name string, v uint64) {
	o.key(name)
	o.b = strconv.AppendUint(o.b, v, 10)
}

func (o *object) signed(name string, v int64) {
	o.key(name)
	o.b = strconv.AppendInt(o.b, v, 10)
}

func (o *object) truth(name string, v bool) {
	o.key(name)
	o.b = strconv.AppendBool(o.b, v)
}

// wall writes ns since 1970; 0 is left out.
func (o *object) wall(name string, ns int64) {
	if ns != 0 {
		o.key(name)
		o.b = append(o.b, '"')
		o.b = time.Unix(0, ns).UTC().AppendFormat(o.b, time.RFC3339Nano)
		o.b = append(o.b, '"')
	}
}

func (o *object) value(d Field, v any) bool {
	if v == nil {
		return true
	}
	switch d.Kind {
	case Text:
		return o.anyText(d.Name, v)
	case Document:
		s, ok := v.(string)
		o.document(d.Name, s)
		return ok
	case Number:
		return o.anyNumber(d.Name, v)
	case Truth:
		t, ok := v.(bool)
		if ok {
			o.truth(d.Name, t)
		}
		return ok
	default:
		t, ok := v.(time.Time)
		if ok && !t.IsZero() {
			o.wall(d.Name, t.UnixNano())
		}
		return ok
	}
}

func (o *object) anyText(name string, v any) bool {
	switch v := v.(type) {
	case string:
		o.text(name, v)
	case error:
		o.text(name, v.Error())
	case fmt.Stringer:
		o.text(name, v.String())
	default:
		return false
	}
	return true
}

func (o *object) anyNumber(name string, v any) bool {
	switch v := v.(type) {
	case int:
		o.signed(name, int64(v))
	case int64:
		o.signed(name, v)
	case int32:
		o.signed(name, int64(v))
	case int16:
		o.signed(name, int64(v))
	case uint:
		o.number(name, uint64(v))
	case uint64:
		o.number(name, v)
	case uint32:
		o.number(name, uint64(v))
	case uint16:
		o.number(name, uint64(v))
	case uint8:
		o.number(name, uint64(v))
	default:
		return false
	}
	return true
}

func (o *object) end(c *Entry) (json.RawMessage, error) {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	}
	o.b = append(o.b, '}')
	if len(o.b) > MaxFields {
		return nil, fmt.Errorf("event: encode %s: %d bytes, the limit is %d", c.Name, len(o.b), MaxFields)
	}
	return o.b, nil
}

const hexDigits = "0123456789abcdef"

// appendText writes a JSON string. What PostgreSQL's jsonb refuses (NUL) or what is no text (broken UTF-8) becomes
// U+FFFD: an event must not fail in the database for what a message quoted.
func appendText(b []byte, s string, limit int) []byte {
	b = append(b, '"')
	begin := len(b)
	for _, r := range s {
		before := len(b)
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == 0:
			b = utf8.AppendRune(b, utf8.RuneError)
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			b = utf8.AppendRune(b, r) // RuneError for broken bytes
		}
		if len(b)-begin > limit { // as it is written: what must be escaped must not make the whole event too long
			b = append(b[:before], "…"...)
			break
		}
	}
	return append(b, '"')
}
