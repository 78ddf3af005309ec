package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"fcredirect/mgmt/api/openapi"
)

// inputs is what an operation gets: from arguments, flags, a file and the terminal.
type inputs struct {
	path        []openapi.Parameter
	queries     []openapi.Parameter
	conditional bool // it takes If-Match
	fields      []string
	schema      *openapi.Schema

	ifMatch, file, to string
	limit             int // -1: the list comes whole
	wait              bool
}

// maxInput bounds a file that is sent.
const maxInput = 64 << 20

// flagName is the flag of a parameter or a property.
func flagName(name string) string { return strings.ReplaceAll(name, "_", "-") }

func (in *inputs) flags(cmd *cobra.Command, o *operation) {
	f := cmd.Flags()
	in.limit = -1
	for _, p := range o.op.Parameters {
		switch {
		case p.In == "header" && p.Name == "If-Match":
			in.conditional = true
			f.StringVar(&in.ifMatch, "if-match", "", "`ETag` of the state to change, * for any (default: what is there now)")
		case p.In == "query" && p.Name == "limit" && o.lists():
			f.IntVar(&in.limit, "limit", 0, "the first so many, 0 for all")
		case p.In == "query" && p.Name != "cursor":
			in.queries = append(in.queries, p)
			if s := o.d.Resolve(p.Schema); s != nil && s.Is("boolean") {
				f.Bool(flagName(p.Name), false, p.Description)
			} else {
				f.String(flagName(p.Name), "", p.Description)
				offer(cmd, flagName(p.Name), s)
			}
		}
	}
	if o.op.Method == http.MethodGet && !slices.Contains(o.op.AnswerTypes, "application/json") {
		f.StringVar(&in.to, "to", "", "write it to this `file`")
	} else if o.op.Method == http.MethodGet {
		f.DurationVar(&o.watch, "watch", 0, "show it again and again, with this `pause` in between")
		f.Lookup("watch").NoOptDefVal = "2s"
	}
	if slices.Contains(o.op.Statuses, http.StatusAccepted) {
		f.BoolVar(&in.wait, "wait", true, "wait until it is done")
	}
	if o.op.Body == nil && len(o.op.BodyTypes) == 0 {
		return
	}
	f.StringVarP(&in.file, "file", "f", "", "take the body from this `file`, JSON or YAML; - is standard input")
	_ = cmd.MarkFlagFilename("file", "json", "yaml", "yml")
	if in.schema = o.d.Resolve(o.op.Body); in.schema == nil {
		return
	}
	for _, name := range in.schema.Names() {
		s := o.d.Resolve(in.schema.Properties[name])
		if s == nil || s.ReadOnly || f.Lookup(flagName(name)) != nil {
			continue
		}
		in.fields = append(in.fields, name)
		switch {
		case secret(name, s):
			f.String(flagName(name)+"-file", "", "`file` whose first line is the "+name+"; - is standard input (default: asked for)")
		case s.Is("boolean"):
			f.Bool(flagName(name), false, text(in.schema.Properties[name], s))
		default:
			f.String(flagName(name), "", text(in.schema.Properties[name], s))
			offer(cmd, flagName(name), s)
		}
	}
}

// secret says whether a value must not stand in an argument, where ps shows it.
func secret(name string, s *openapi.Schema) bool {
	return s.WriteOnly || s.Format == "password" || strings.Contains(name, "password") || strings.Contains(name, "passphrase")
}

// text describes a property; lists and objects are written as YAML.
func text(own, s *openapi.Schema) string {
	d := own.Description
	if d == "" {
		d = s.Description
	}
	switch {
	case s.Is("array"):
		d += " (with commas between)"
	case s.Is("object"):
		d += " (as {key: value, …})"
	}
	return strings.ReplaceAll(d, "`", "'")
}

func offer(cmd *cobra.Command, flag string, s *openapi.Schema) {
	var values []string
	if s != nil {
		for _, v := range s.Enum {
			values = append(values, fmt.Sprint(v))
		}
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func (in *inputs) query(cmd *cobra.Command) (url.Values, error) {
	q := url.Values{}
	for _, p := range in.queries {
		f := cmd.Flags().Lookup(flagName(p.Name))
		if !f.Changed {
			if p.Required {
				return nil, fmt.Errorf("--%s is missing", f.Name)
			}
			continue
		}
		q.Set(p.Name, timeAgo(p.Schema, f.Value.String()))
	}
	return q, nil
}

// timeAgo lets a time be given as a time ago.
func timeAgo(s *openapi.Schema, value string) string {
	if s == nil || s.Format != "date-time" {
		return value
	}
	if ago, err := time.ParseDuration(value); err == nil {
		return time.Now().Add(-ago).UTC().Format(time.RFC3339Nano)
	}
	return value
}

// body puts together what is sent: the file, or else what is there now; then the flags.
func (in *inputs) body(o *operation, cmd *cobra.Command, current []byte) ([]byte, error) {
	if o.op.Body == nil && len(o.op.BodyTypes) == 0 {
		return nil, nil
	}
	if o.op.Body == nil {
		return readInput(in.file) // no JSON: as it is
	}
	fields := map[string]json.RawMessage{}
	switch {
	case in.file != "":
		raw, err := readInput(in.file)
		if err != nil {
			return nil, err
		}
		if raw, err = toJSON(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", in.file, err)
		}
		if json.Unmarshal(raw, &fields) != nil {
			return raw, nil // no object: the server says what it thinks of it
		}
	case current != nil && o.op.Method == http.MethodPut:
		if err := json.Unmarshal(current, &fields); err != nil {
			return nil, fmt.Errorf("read what is there now: %w", err)
		}
		for name := range fields {
			if !slices.Contains(in.fields, name) {
				delete(fields, name)
			}
		}
	}
	for _, name := range in.fields {
		value, said, err := in.field(o, cmd, name, fields[name] != nil)
		if err != nil {
			return nil, err
		}
		if said {
			fields[name] = value
		}
	}
	if len(fields) == 0 && !o.op.NeedsBody {
		return nil, nil
	}
	return json.Marshal(fields)
}

// field is the value of one property, and whether there is one.
func (in *inputs) field(o *operation, cmd *cobra.Command, name string, known bool) (json.RawMessage, bool, error) {
	s := o.d.Resolve(in.schema.Properties[name])
	if secret(name, s) {
		return in.secret(o, cmd, name, known)
	}
	f := cmd.Flags().Lookup(flagName(name))
	if f == nil || !f.Changed {
		return nil, false, nil
	}
	value, err := encode(o.d, s, f.Value.String())
	if err != nil {
		return nil, false, fmt.Errorf("--%s: %w", f.Name, err)
	}
	return value, true, nil
}

// secret reads a secret from a file, or asks for one that is needed.
func (in *inputs) secret(o *operation, cmd *cobra.Command, name string, known bool) (json.RawMessage, bool, error) {
	path, err := cmd.Flags().GetString(flagName(name) + "-file")
	if err != nil {
		return nil, false, err
	}
	var line string
	switch {
	case path != "":
		raw, err := readInput(path)
		if err != nil {
			return nil, false, err
		}
		line, _, _ = strings.Cut(string(raw), "\n")
	case known || !slices.Contains(in.schema.Required, name):
		return nil, false, nil
	default:
		if line, err = o.askSecret(name); err != nil {
			return nil, false, err
		}
	}
	value, err := json.Marshal(strings.TrimSuffix(line, "\r"))
	return value, true, err
}

// askSecret asks on the terminal, without showing what is typed.
func (c *cli) askSecret(name string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("--%s-file is missing, and there is no terminal to ask on", flagName(name))
	}
	defer tty.Close()
	fmt.Fprintf(tty, "%s: ", name)
	line, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	return string(line), err
}

// encode makes JSON of what stands in a flag.
func encode(d *openapi.Document, s *openapi.Schema, value string) (json.RawMessage, error) {
	switch {
	case s.Is("string"):
		return json.Marshal(timeAgo(s, value))
	case s.Is("integer"), s.Is("number"):
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return nil, errors.New("want a number")
		}
		return json.RawMessage(value), nil
	case s.Is("boolean"):
		return json.RawMessage(value), nil
	}
	if items := d.Resolve(s.Items); s.Is("array") && items != nil && !strings.HasPrefix(strings.TrimSpace(value), "[") {
		list := []json.RawMessage{}
		for _, part := range strings.Split(value, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			item, err := encode(d, items, part)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return json.Marshal(list)
	}
	return toJSON([]byte(value))
}

// toJSON takes JSON as it is, and makes JSON of YAML.
func toJSON(text []byte) ([]byte, error) {
	if json.Valid(text) {
		return text, nil
	}
	var value any
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&value); err != nil {
		return nil, fmt.Errorf("neither JSON nor YAML: %w", err)
	}
	return json.Marshal(value)
}

func readInput(path string) ([]byte, error) {
	var in io.Reader = os.Stdin
	if path == "" {
		return nil, errors.New("--file is missing")
	}
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(bufio.NewReader(in), maxInput+1))
	if err == nil && len(text) > maxInput {
		err = fmt.Errorf("%s: longer than %d MiB", path, maxInput>>20)
	}
	return text, err
}
