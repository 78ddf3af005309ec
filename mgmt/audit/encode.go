package audit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// encode writes a state as JSON, without its secrets.
func encode(v any) state {
	if v == nil {
		return state{}
	}
	w := &writer{}
	w.value(reflect.ValueOf(v), 0)
	s := state{text: w.b.Bytes()}
	if len(s.text) > maxEncode {
		return state{text: s.text[:maxEncode]}
	}
	if s.text[0] == '{' {
		s.members, s.order = members(s.text)
	}
	return s
}

// members takes an object apart.
func members(text []byte) (map[string][]byte, []string) {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, nil
	}
	all, order := map[string][]byte{}, []string(nil)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, nil
		}
		key, _ := name.(string)
		all[key] = value
		order = append(order, key)
	}
	return all, order
}

// texts are two states as they are written: whole if they fit, else without the members that did not change.
func texts(before, after state) (string, string) {
	if len(before.text)+len(after.text) <= maxState || before.members == nil || after.members == nil {
		return string(before.text), string(after.text)
	}
	differs := func(name string) bool { return !bytes.Equal(before.members[name], after.members[name]) }
	return before.only(differs), after.only(differs)
}

func (s state) only(wanted func(string) bool) string {
	var b strings.Builder
	b.WriteByte('{')
	for _, name := range s.order {
		if !wanted(name) {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		key, _ := json.Marshal(name) // a string can always be written
		b.Write(key)
		b.WriteByte(':')
		b.Write(s.members[name])
	}
	b.WriteByte('}')
	return b.String()
}

// secretNames are members that are left out whatever type they are in, as they are or as an ending.
var secretNames = []string{"password", "passwd", "secret", "secret_key", "private_key", "api_key", "passphrase", "credential", "credentials", "authorization", "cookie", "setup_code"}

// secretName says whether a member's name says that its value is secret.
func secretName(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	return slices.ContainsFunc(secretNames, func(s string) bool { return name == s || strings.HasSuffix(name, "_"+s) })
}
