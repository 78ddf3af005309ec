package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/term"

	"fcredirect/mgmt/api/openapi"
)

// outputs are the forms of an answer.
var outputs = []string{"table", "wide", "json", "yaml", "name"}

// keys are the properties that may name a thing, the best first.
var keys = []string{"name", "id", "revision", "number", "code"}

// columns are those of a list's table, where all that fits is not what people look for. wide shows everything.
var columns = map[string][]string{
	"list-aliases":     {"name", "wwpn"},
	"list-policies":    {"position", "name", "match", "action", "service", "disabled", "hits", "shadowed", "note"},
	"list-services":    {"name", "mode", "port", "mac", "on_failure", "state", "flips", "drained"},
	"list-flows":       {"id", "initiator_alias", "target_alias", "verdict", "policy", "service", "frames_to_target", "frames_to_initiator", "last_seen"},
	"list-ports":       {"name", "role", "pair", "up", "speed_mbps", "lcore", "counts_since"},
	"list-logins":      {"fabric", "vsan", "fc_id", "wwpn", "alias", "role", "port", "state", "last_seen"},
	"list-lcores":      {"index", "cpu", "busy", "frames", "directions", "stalls", "latency_p50_us", "latency_p99_us"},
	"list-rings":       {"name", "items", "depth", "offered", "conflated", "lost", "broken"},
	"list-roles":       {"role", "shard", "instance", "state", "pid", "since", "restarts", "health"},
	"list-peers":       {"name", "state", "partner", "ready", "since", "incarnation", "lag_updates", "lag_ms", "revision", "last_error"},
	"list-jobs":        {"id", "kind", "state", "phase", "progress", "total", "by", "created", "failure"},
	"list-tokens":      {"id", "name", "role", "owner", "expires_at", "used_at", "used_from"},
	"list-sessions":    {"id", "user", "address", "created_at", "used_at", "current"},
	"list-users":       {"name", "role", "disabled", "password_changed_at", "description"},
	"list-alarms":      {"id", "severity", "state", "code", "subject", "raised_at", "title"},
	"list-alarm-kinds": {"code", "severity", "title"},
	"list-events":      {"number", "at", "severity", "type", "text"},
	"list-event-kinds": {"type", "severity", "category", "text"},
	"list-audit":       {"number", "at", "who", "door", "address", "action", "object", "result"},
	"list-captures":    {"id", "state", "owner", "started", "frames", "bytes", "missed"},
	"list-revisions":   {"revision", "outcome", "by", "applied", "note", "ticket"},
	"list-webhooks":    {"name", "url", "enabled", "state"},
}

const widest = 60

// render shows a list.
func (o *operation) render(s *openapi.Schema, items []json.RawMessage) error {
	switch o.output {
	case "json":
		return writeJSON(o.out, items)
	case "yaml":
		return writeYAML(o.out, items)
	case "name":
		for _, item := range items {
			fields, err := object(item)
			if err != nil {
				return err
			}
			fmt.Fprintln(o.out, nameOf(fields, o.in.path))
		}
		return nil
	}
	titles := o.titles(s)
	t := newTable()
	for _, title := range titles {
		t.titles, t.right, t.rank = append(t.titles, strings.ToUpper(title)), append(t.right, numeric(o.d, s, title)), append(t.rank, 0)
	}
	for _, item := range items {
		fields, err := object(item)
		if err != nil {
			return err
		}
		var cells []string
		for _, title := range titles {
			cells = append(cells, o.cell(fields[title]))
		}
		t.row(cells...)
	}
	var b strings.Builder
	t.write(&b, 0)
	_, err := io.WriteString(o.out, b.String())
	return err
}

// titles are the columns: those of the list as far as there are, or all that fit into one.
func (o *operation) titles(s *openapi.Schema) (titles []string) {
	names := s.Names()
	if usual := columns[o.op.ID]; usual != nil && o.output == "table" {
		for _, name := range usual {
			if slices.Contains(names, name) {
				titles = append(titles, name)
			}
		}
		if len(titles) > 1 {
			return titles
		}
		titles = nil
	}
	for _, key := range keys {
		if slices.Contains(names, key) {
			titles = append(titles, key)
		}
	}
	for _, name := range names {
		p := o.d.Resolve(s.Properties[name])
		if slices.Contains(titles, name) || p == nil || o.output == "table" && (p.Is("object") || p.Is("array")) {
			continue
		}
		titles = append(titles, name)
	}
	return titles
}

func numeric(d *openapi.Document, s *openapi.Schema, name string) bool {
	p := d.Resolve(s.Properties[name])
	return p != nil && (p.Is("integer") || p.Is("number"))
}

// renderOne shows one thing.
func (o *operation) renderOne(s *openapi.Schema, body []byte) error {
	switch o.output {
	case "json":
		return writeJSON(o.out, json.RawMessage(body))
	case "yaml":
		return writeYAML(o.out, json.RawMessage(body))
	}
	fields, err := object(body)
	if err != nil {
		return writeJSON(o.out, json.RawMessage(body))
	}
	if o.output == "name" {
		_, err := fmt.Fprintln(o.out, nameOf(fields, o.in.path))
		return err
	}
	var names []string
	if s != nil {
		names = s.Names()
	}
	for name := range fields {
		if !slices.Contains(names, name) && name != "$schema" {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		ka, kb := slices.Index(keys, a), slices.Index(keys, b)
		if ka >= 0 || kb >= 0 {
			return (ka+len(keys)+1)%(len(keys)+1) - (kb+len(keys)+1)%(len(keys)+1)
		}
		return strings.Compare(a, b)
	})
	return o.print(nil, "", func(w io.Writer) {
		for _, name := range names {
			if value, ok := fields[name]; ok {
				lines := strings.Split(strings.TrimRight(o.long(value), "\n"), "\n")
				fmt.Fprintf(w, "%s\t%s\n", strings.ReplaceAll(name, "_", " "), lines[0])
				for _, line := range lines[1:] {
					fmt.Fprintf(w, "\t%s\n", line)
				}
			}
		}
	})
}

func object(item json.RawMessage) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(item, &fields); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return fields, nil
}

// nameOf is what other commands know a thing by.
func nameOf(fields map[string]json.RawMessage, path []openapi.Parameter) string {
	for _, p := range path {
		if v, ok := fields[p.Name]; ok {
			return plainText(v)
		}
	}
	for _, key := range keys {
		if v, ok := fields[key]; ok {
			return plainText(v)
		}
	}
	return ""
}

// plainText is a value in a few words, safe for a terminal.
func plainText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	return strings.Map(func(r rune) rune {
		if steers(r) {
			return '?'
		}
		return r
	}, s)
}

// steers says whether a character does something to a terminal beside being shown: control characters, and those that turn
// the direction of writing.
func steers(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x61c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// printable is a text of several lines, safe for a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && steers(r) {
			return '?'
		}
		return r
	}, s)
}

func (o *operation) cell(raw json.RawMessage) string {
	switch text := string(raw); text {
	case "", "null", `""`, "[]", "{}":
		return "-"
	case "true":
		return "yes"
	case "false":
		return "no"
	}
	if raw[0] == '{' || raw[0] == '[' {
		raw = json.RawMessage(flow(raw))
	}
	text := plainText(raw)
	if o.output != "wide" && len([]rune(text)) > widest {
		text = string([]rune(text)[:widest-1]) + "…"
	}
	return text
}

// flow is an object or a list in one line, as YAML writes it.
func flow(raw json.RawMessage) string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, ",")
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return string(raw)
	}
	var parts []string
	for name, value := range fields {
		parts = append(parts, name+"="+flow(value))
	}
	slices.Sort(parts)
	return strings.ReplaceAll(strings.Join(parts, " "), `"`, "")
}

// long is a value with all that there is to it.
func (o *operation) long(raw json.RawMessage) string {
	if len(raw) > 0 && (raw[0] == '{' || raw[0] == '[') && len(raw) > 2 {
		if text, err := yaml.JSONToYAML(raw); err == nil {
			return printable(string(bytes.TrimSpace(text)))
		}
	}
	var s string
	if json.Unmarshal(raw, &s) == nil && strings.Contains(s, "\n") {
		lines := strings.Split(s, "\n")
		for i := range lines {
			encoded, _ := json.Marshal(lines[i])
			lines[i] = plainText(encoded)
		}
		return strings.Join(lines, "\n")
	}
	return o.cell(raw)
}

// writeJSON writes what does something to a terminal as \u: it stands in strings alone, where that is the same.
func writeJSON(w io.Writer, value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	var out strings.Builder
	for _, r := range b.String() {
		if r != '\n' && steers(r) {
			fmt.Fprintf(&out, "\\u%04x", r)
		} else {
			out.WriteRune(r)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func writeYAML(w io.Writer, value any) error {
	text, err := json.Marshal(value)
	if err == nil {
		text, err = yaml.JSONToYAML(text)
	}
	if err == nil && printable(string(text)) != string(text) {
		return writeJSON(w, value) // which is YAML too, and can say it
	}
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// repeat shows something once, or with --watch until Ctrl-C.
func (o *operation) repeat(ctx context.Context, show func() error) error {
	for first := true; ; first = false {
		if o.watch > 0 && isTerminal(o.out) {
			fmt.Fprint(o.out, "\x1b[H\x1b[2J")
		} else if !first {
			fmt.Fprintln(o.out)
		}
		if err := show(); err != nil || o.watch <= 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(o.watch, 100*time.Millisecond)):
		}
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func copyAll(to io.Writer, from io.Reader) error {
	_, err := io.Copy(to, from)
	return err
}
