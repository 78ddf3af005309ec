package apifuzz

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
)

// canary is in what is spoiled: it must come back in no answer that refuses it.
const canary = "hunter2canary"

// generator makes requests.
type generator struct {
	*rand.Rand
	d    *description
	seen map[string][]string // values of answers by noun and member (alias.name): names and ids that exist
	noun string              // of the request that is made
}

// request is what is sent.
type request struct {
	op      *operation
	path    string // with query
	header  map[string]string
	body    []byte
	spoiled string // what was done to it; empty: nothing
}

func (r *request) String() string {
	body := string(r.body)
	if len(body) > 2000 {
		body = fmt.Sprintf("%s… (%d bytes)", body[:200], len(body))
	}
	return fmt.Sprintf("%s %s %v %s (%s)", r.op.method, r.path, r.header, body, r.spoiled)
}

func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *generator, all ...T) T { return all[g.IntN(len(all))] }

// remember keeps a bounded number of values of answers.
func (g *generator) remember(name string, v any) {
	switch v := v.(type) {
	case string:
		if all := g.seen[name]; v != "" && len(v) < 200 && !slices.Contains(all, v) {
			if len(all) >= 32 {
				all = slices.Delete(all, 0, 1)
			}
			g.seen[name] = append(all, v)
		}
	case []any:
		for _, item := range v {
			g.remember(name, item)
		}
	case map[string]any:
		noun, _, _ := strings.Cut(name, ".")
		for member, value := range v {
			g.remember(noun+"."+member, value)
		}
	}
}

// make makes a request of an operation. Most are as they should be, as far as a schema can say; the rest are spoiled in
// one way.
func (g *generator) make(op *operation) *request {
	g.noun = op.Tags[0]
	r := &request{op: op, path: op.path, header: map[string]string{}}
	query := []string{}
	for _, p := range op.Parameters {
		if !p.Required && p.In != "path" && g.IntN(3) > 0 {
			continue
		}
		v := fmt.Sprint(g.value(p.Name, p.Schema, 0))
		if list, ok := g.value(p.Name, p.Schema, 0).([]any); ok {
			words := []string{}
			for _, item := range list {
				words = append(words, fmt.Sprint(item))
			}
			v = strings.Join(words, ",")
		}
		switch p.In {
		case "path":
			r.path = strings.ReplaceAll(r.path, "{"+p.Name+"}", url.PathEscape(v))
		case "query":
			query = append(query, url.QueryEscape(p.Name)+"="+url.QueryEscape(v))
		case "header":
			r.header[p.Name] = g.headerOf(p.Name, v)
		}
	}
	if op.Body != nil {
		for media, content := range op.Body.Content {
			r.header["Content-Type"] = media
			r.body = g.bodyOf(op.ID, media, content.Schema)
			break
		}
	}
	if g.one(3) {
		query = g.spoil(r, query)
	}
	if len(query) > 0 {
		r.path += "?" + strings.Join(query, "&")
	}
	return r
}

func (g *generator) headerOf(name, v string) string {
	switch name {
	case "If-Match":
		return pick(g, "*", "*", `"1"`, `"2"`, v)
	case "If-None-Match":
		return pick(g, "*", `"1"`)
	case "Idempotency-Key":
		return fmt.Sprint("k", g.IntN(50))
	}
	return v
}

// recipes are bodies that are right by more than a schema can say, so that what comes after is reached too.
var recipes = map[string][]string{
	"put-user":      {`{"role":"viewer","password":"staple of the fuzzer 71"}`, `{"role":"operator","password":"staple of the fuzzer 71"}`},
	"put-alias":     {`{"wwpn":"10:00:00:00:c9:00:00:01"}`, `{"wwpn":"5006016030000002"}`, `{"wwpn":"10-00-00-00-c9-00-00-03"}`},
	"put-set":       {`{"members":["10:00:00:00:c9:00:00:01"]}`, `{"members":["10:00:00:00:c9:00:00:01","50:06:01:60:30:00:00:02"]}`},
	"put-service":   {`{"mode":"steer","port":"svc0","mac":"02:fc:5e:00:00:01"}`, `{"mode":"mirror","port":"svc0","mac":"02:fc:5e:00:00:02"}`},
	"put-policy":    {`{"match":{},"action":"forward"}`, `{"match":{"vsan":["100-199"]},"action":"drop"}`, `{"match":{},"action":"redirect","service":"inspect"}`},
	"move-policy":   {`{"position":1}`, `{"position":2}`, `{"before":"all"}`, `{"after":"all"}`},
	"put-document":  {`{"yaml":"policies: []\n"}`, `{"yaml":"policies: [{name: all, match: {}, action: forward}]\n"}`},
	"create-flow":   {`{"initiator":"10:00:00:00:c9:00:00:01","target":"50:06:01:60:30:00:00:02","vsan":100}`, `{"initiator":"100000000c900002","target":"5006016030000003"}`},
	"apply-change":  {`{"window_seconds":5}`, `{}`},
	"start-capture": {`{"limits":{"seconds":1}}`, `{"filter":{}}`},
}

func (g *generator) bodyOf(id, media string, s *schema) []byte {
	if known := recipes[id]; len(known) > 0 && !g.one(3) {
		return []byte(pick(g, known...))
	}
	if media != "application/json" {
		return []byte(pick(g, "policies: []\n", "", "policies: [{name: x}]\n", canary))
	}
	b, err := json.Marshal(g.value("", s, 0))
	if err != nil {
		panic(err) // plain data
	}
	return b
}

// value makes one that the schema allows, where it says enough.
func (g *generator) value(name string, s *schema, depth int) any {
	s = g.d.resolve(s)
	switch {
	case s == nil:
		return nil
	case len(s.AnyOf) > 0:
		return g.value(name, pick(g, s.AnyOf...), depth)
	case len(s.Enum) > 0:
		return pick(g, s.Enum...)
	case len(s.Examples) > 0 && g.one(3):
		return pick(g, s.Examples...)
	}
	kind := "string"
	if len(s.types) > 0 {
		kind = pick(g, s.types...)
	}
	switch kind {
	case "null":
		return nil
	case "boolean":
		return g.one(2)
	case "integer", "number":
		return g.number(s)
	case "array":
		least, most := 0, 3
		if s.MinItems != nil {
			least = *s.MinItems
		}
		list := []any{}
		for range least + g.IntN(most) {
			list = append(list, g.value(name, s.Items, depth+1))
		}
		return list
	case "object":
		return g.object(s, depth)
	}
	return g.text(name, s)
}

func (g *generator) object(s *schema, depth int) any {
	o := map[string]any{}
	for _, name := range sorted(s.Properties) {
		if slices.Contains(s.Required, name) || depth < 6 && g.one(2) {
			o[name] = g.value(name, s.Properties[name], depth+1)
		}
	}
	if s.members != nil && depth < 6 {
		for range g.IntN(3) {
			o[g.text("name", &schema{})] = g.value("", s.members, depth+1)
		}
	}
	return o
}

func sorted[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (g *generator) number(s *schema) any {
	low, high := 0.0, 1000.0
	if s.Minimum != nil {
		low = *s.Minimum
	}
	if s.Maximum != nil {
		high = *s.Maximum
	}
	if high < low {
		high = low
	}
	return pick(g, math.Trunc(low), math.Trunc(high), math.Trunc(low+g.Float64()*(min(high, low+100)-low)))
}

// wwns are port names in the spellings that there are.
var wwns = []string{"10:00:00:00:c9:00:00:01", "5000-0972-0819-A101", "100000000c900002", "10000000c9000003", "50:06:01:60:3b:a0:11:22"}

// words are texts that fit many patterns.
var words = []string{"a", "host-1", "x1", "inspect", "all", "edge0", "fabric0", "svc0", "store", "event", "fuzz-viewer", "viewer", "2026-01-02T03:04:05Z", "1s", "name", "0", "1", "4fa0c3e19b7d2260",
	"1-2-100000000c900001-5006016030000001", "10.0.0.0/8", "https://127.0.0.1:9/hook", "verdict=redirect", "fcr-t", "correct horse battery staple", "initiator:host-1"}

func (g *generator) text(name string, s *schema) string {
	if name == "role" && g.noun == "role" { // who stops the others ends the test
		return pick(g, "peer", "telemetry", "peers")
	}
	for range 40 {
		v := ""
		switch known := g.known(name); {
		case s.Format == "date-time":
			v = pick(g, "2026-01-02T03:04:05Z", "2036-01-02T03:04:05.123456789Z", "1970-01-01T00:00:00Z")
		case len(known) > 0 && !g.one(3):
			v = pick(g, known...)
		case g.one(4):
			v = pick(g, wwns...)
		case g.one(4):
			v = g.letters(1 + g.IntN(20))
		default:
			v = pick(g, words...)
		}
		if (s.re == nil || s.re.MatchString(v)) && (s.MaxLength == nil || len(v) <= *s.MaxLength) && (s.MinLength == nil || len(v) >= *s.MinLength) {
			return v
		}
	}
	least := 1
	if s.MinLength != nil {
		least = *s.MinLength
	}
	return g.letters(max(least, 1))
}

// known are values that fit the name of a member: of the same noun, or now and then of any.
func (g *generator) known(name string) []string {
	if mine := g.seen[g.noun+"."+name]; len(mine) > 0 && !g.one(5) {
		return mine
	}
	nouns := sorted(g.seen)
	nouns = slices.DeleteFunc(nouns, func(n string) bool { return !strings.HasSuffix(n, "."+name) })
	if len(nouns) == 0 {
		return nil
	}
	return g.seen[pick(g, nouns...)]
}

func (g *generator) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abcdef0123456789"[g.IntN(16)]
	}
	return string(b)
}

// nasty are texts that somebody tries.
var nasty = []string{
	"../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "a/b", ".", "..", "a\x00b", "\r\nSet-Cookie: x=" + canary, "%0d%0aX: y", "'; DROP TABLE event; --", "${jndi:x}", "<script>", "\xff\xfe", "\u202e",
	"-1", "18446744073709551616", "1e400", "NaN", "true", "null", "[]", "{}", " ", "\t", "*", "%", "_", "\\", "\"", canary, strings.Repeat("a", 70), strings.Repeat("ä", 5000),
}

// spoil changes one thing.
func (g *generator) spoil(r *request, query []string) []string {
	switch way := g.IntN(9); way {
	case 0:
		r.spoiled = "an unknown parameter"
		return append(query, canary+"="+canary)
	case 1:
		r.spoiled = "a parameter of another kind"
		if len(r.op.Parameters) == 0 {
			return append(query, "limit="+canary)
		}
		p := r.op.Parameters[g.IntN(len(r.op.Parameters))]
		v := pick(g, nasty...)
		switch p.In {
		case "path":
			r.path = r.op.path
			for _, p := range r.op.Parameters {
				if p.In == "path" {
					r.path = strings.ReplaceAll(r.path, "{"+p.Name+"}", url.PathEscape(v))
				}
			}
		case "query":
			return append(query, url.QueryEscape(p.Name)+"="+url.QueryEscape(v))
		case "header":
			r.header[p.Name] = strings.Map(func(c rune) rune {
				if c < ' ' {
					return '?' // Go's client sends none
				}
				return c
			}, strings.ToValidUTF8(v, "?"))
		}
	case 2:
		r.spoiled = "a bad cursor or filter"
		return append(query, pick(g, "cursor=", "filter=", "sort=")+url.QueryEscape(pick(g, nasty...)))
	case 3:
		r.spoiled = "preconditions"
		r.header["If-Match"] = pick(g, `"999999"`, `W/"1"`, `nonsense`, `"1", "2"`, strings.Repeat(`"1",`, 50), "", canary)
	case 4:
		r.spoiled = "another media type"
		r.header["Content-Type"] = pick(g, "text/plain", "application/xml", "", "application/json; charset=utf-16", "multipart/form-data", "a/b/c;;")
	case 5:
		r.spoiled = "no JSON"
		r.body = []byte(pick(g, "{", `{"a":}`, "[[[", `{"a":1}{"b":2}`, "\xff", `"`+canary, strings.Repeat("[", 50_000), `{"a":1,"a":2}`, strings.Repeat(" ", 2<<20)))
	case 6:
		r.spoiled = "an idempotency key"
		r.header["Idempotency-Key"] = pick(g, "k0", "k1", strings.Repeat("k", 500), "a b", canary)
	default:
		if r.op.Body == nil || len(r.body) == 0 {
			r.spoiled = "a body where there is none"
			r.body, r.header["Content-Type"] = []byte(`{"`+canary+`":1}`), "application/json"
			break
		}
		r.spoiled = "a member of the body"
		r.body = g.spoilBody(r.body)
	}
	return query
}

// spoilBody changes a member somewhere in a document.
func (g *generator) spoilBody(body []byte) []byte {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return append(body, canary...)
	}
	v = g.spoilValue(v)
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was JSON
	}
	return b
}

func (g *generator) spoilValue(v any) any {
	switch in := v.(type) {
	case map[string]any:
		names := sorted(in)
		switch {
		case len(names) == 0 || g.one(4):
			in[pick(g, "unknown", canary, "$schema", "__proto__")] = canary
		case g.one(4):
			delete(in, pick(g, names...))
		default:
			name := pick(g, names...)
			in[name] = g.spoilValue(in[name])
		}
		return in
	case []any:
		if len(in) > 0 && !g.one(3) {
			i := g.IntN(len(in))
			in[i] = g.spoilValue(in[i])
			return in
		}
		return pick[any](g, append(in, canary), make([]any, 2000), nil, canary)
	}
	return pick[any](g, nil, true, -1, 1.5, 1e18, canary, "", pick(g, nasty...), strings.Repeat("x", 100_000), []any{canary}, map[string]any{canary: canary})
}
