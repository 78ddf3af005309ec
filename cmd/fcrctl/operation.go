package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fcredirect/mgmt/api/openapi"
	"fcredirect/mgmt/client"
)

// Commands of the REST interface are made from its description: noun and verb from an operation's tag and ID, arguments
// from its path, flags from its query and from its body. So there is a command for everything that the interface can do.
//
//	operation.go   which commands there are, and what one does
//	values.go      flags and files become parameters and bodies
//	render.go      answers become tables, JSON, YAML or names
//	job.go         what takes long
//	lend.go        filters that only the interface has
//
// Where the segment on this machine answers too (port list, flow list, …), it is asked, unless another machine was chosen or a
// filter is given that only the interface has.

// operation is a command that asks for one operation.
type operation struct {
	*cli
	d    *openapi.Document
	op   *openapi.Operation
	read *openapi.Operation // GET of the same path, nil when there is none
	in   inputs
}

// addOperations puts a command for each operation under root.
func (c *cli) addOperations(root *cobra.Command, d *openapi.Document, elsewhere bool) {
	for i := range d.Operations {
		op := &d.Operations[i]
		if slices.Contains(hidden, op.ID) {
			continue
		}
		o := &operation{cli: c, d: d, op: op, read: readerOf(d, op)}
		under := commandOf(root, op.Noun)
		if under == nil {
			under = noun(op.Noun, nounText(d, op.Noun))
			root.AddCommand(under)
		}
		cmd := o.command()
		if old := commandOf(under, cmd.Name()); old != nil {
			if !elsewhere {
				if o.lists() {
					o.lend(cmd, old)
				}
				continue
			}
			under.RemoveCommand(old)
		}
		under.AddCommand(cmd)
	}
}

// hidden are operations that are no commands: pages and streams for browsers.
var hidden = []string{"get-stream", "get-openapi", "get-openapi-yaml", "get-docs", "get-docs-script", "get-docs-style"}

func commandOf(parent *cobra.Command, name string) *cobra.Command {
	for _, cmd := range parent.Commands() {
		if cmd.Name() == name {
			return cmd
		}
	}
	return nil
}

func readerOf(d *openapi.Document, op *openapi.Operation) *openapi.Operation {
	i := slices.IndexFunc(d.Operations, func(o openapi.Operation) bool { return o.Path == op.Path && o.Method == http.MethodGet })
	if i < 0 {
		return nil
	}
	return &d.Operations[i]
}

// nounText is what help says of a noun.
func nounText(d *openapi.Document, name string) string {
	for _, op := range d.Operations {
		if op.Noun == name && op.Verb == "list" {
			return strings.ToLower(op.Summary[:1]) + op.Summary[1:]
		}
	}
	return "what concerns " + name
}

// verbOf is an operation's ID without its noun: dry-run of dry-run-change, history of get-flow-history.
func verbOf(op *openapi.Operation) string {
	var words []string
	for _, word := range strings.Split(op.ID, "-") {
		if !isNoun(word, op.Noun) {
			words = append(words, word)
		}
	}
	switch {
	case len(words) > 1 && words[0] == "get":
		words = words[1:]
	case len(words) == 1 && words[0] == "put":
		words[0] = "set"
	case op.Method == http.MethodDelete && !strings.HasSuffix(op.Path, "}"):
		words = append(words, "all")
	}
	return strings.Join(words, "-")
}

func isNoun(word, noun string) bool {
	stem, y := strings.CutSuffix(noun, "y")
	return word == noun || word == noun+"s" || word == noun+"es" || y && word == stem+"ies" || slices.Contains(strings.Split(noun, "-"), word)
}

func (o *operation) command() *cobra.Command {
	use := verbOf(o.op)
	for _, p := range o.op.Parameters {
		if p.In == "path" {
			use += " " + strings.ToUpper(p.Name)
			o.in.path = append(o.in.path, p)
		}
	}
	cmd := &cobra.Command{
		Use: use, Short: strings.TrimSuffix(lower(o.op.Summary), "."), Long: o.op.Summary + "\n\n" + o.op.Description,
		Args: cobra.ExactArgs(len(o.in.path)), ValidArgsFunction: o.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return o.run(ctx, cmd, args)
		},
	}
	if cmd.Name() == "get" {
		cmd.Aliases = []string{"show"} // as the nouns of the segment call it
	}
	o.in.flags(cmd, o)
	return cmd
}

func lower(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func (o *operation) run(ctx context.Context, cmd *cobra.Command, args []string) error {
	cl, err := o.connect()
	if err != nil {
		return err
	}
	path := o.op.Path
	for i, p := range o.in.path {
		path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(args[i]), 1)
	}
	query, err := o.in.query(cmd)
	if err != nil {
		return usageError{err}
	}
	if o.lists() {
		return o.repeat(ctx, func() error { return o.list(ctx, cl, path, query) })
	}
	if o.op.Method == http.MethodGet {
		return o.repeat(ctx, func() error { return o.get(ctx, cl, path, query) })
	}
	return o.write(ctx, cmd, cl, path, query)
}

// lists says whether the answer comes in pages.
func (o *operation) lists() bool { return o.op.Method == http.MethodGet && o.d.Items(o.op) != nil }

func (o *operation) list(ctx context.Context, cl *client.Client, path string, query url.Values) error {
	query.Del("limit")
	items := []json.RawMessage{}
	total, err := cl.List(ctx, path, query, o.in.limit, func(item json.RawMessage) error {
		items = append(items, slices.Clone(item))
		return nil
	})
	if err != nil {
		return err
	}
	if total > int64(len(items)) {
		fmt.Fprintf(o.complaints, "fcrctl: %d of %d\n", len(items), total)
	}
	return o.render(o.d.Items(o.op), items)
}

func (o *operation) get(ctx context.Context, cl *client.Client, path string, query url.Values) error {
	if !slices.Contains(o.op.AnswerTypes, "application/json") {
		return o.download(ctx, cl, path, query)
	}
	answer, err := cl.Do(ctx, client.Request{Method: http.MethodGet, Path: path, Query: query})
	if err != nil {
		return err
	}
	return o.renderOne(o.d.Resolve(o.op.Answer), answer.Body)
}

// write asks for a change. What is there now says which state is changed, unless the user says it.
func (o *operation) write(ctx context.Context, cmd *cobra.Command, cl *client.Client, path string, query url.Values) error {
	header := http.Header{}
	var current []byte
	if o.in.conditional {
		condition, body, err := o.condition(ctx, cmd, cl, path)
		if err != nil {
			return err
		}
		header[condition[0]] = condition[1:]
		current = body
	}
	body, err := o.in.body(o, cmd, current)
	if err != nil {
		return usageError{err}
	}
	answer, err := cl.Do(ctx, client.Request{Method: o.op.Method, Path: path, Query: query, Header: header, Body: body})
	if err != nil {
		return err
	}
	if answer.Status == http.StatusAccepted && answer.Location != "" && o.in.wait {
		return o.follow(ctx, cl, answer.Location)
	}
	if len(answer.Body) == 0 {
		return nil
	}
	return o.renderOne(o.d.Resolve(o.op.Answer), answer.Body)
}

// condition is the header that says which state is meant, and that state where it is known.
func (o *operation) condition(ctx context.Context, cmd *cobra.Command, cl *client.Client, path string) ([]string, []byte, error) {
	switch {
	case o.in.ifMatch != "":
		return []string{"If-Match", o.in.ifMatch}, nil, nil
	case o.read == nil:
		return []string{"If-Match", "*"}, nil, nil
	}
	answer, err := cl.Do(ctx, client.Request{Method: http.MethodGet, Path: path})
	var p *client.Problem
	switch {
	case errors.As(err, &p) && p.Status == http.StatusNotFound:
		return []string{"If-None-Match", "*"}, nil, nil
	case err != nil:
		return nil, nil, err
	}
	if answer.ETag == "" {
		return []string{"If-Match", "*"}, answer.Body, nil
	}
	return []string{"If-Match", answer.ETag}, answer.Body, nil
}

// complete lets a shell complete the name of a thing with those that there are.
func (o *operation) complete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	none := cobra.ShellCompDirectiveNoFileComp
	if len(args) != 0 || len(o.in.path) == 0 {
		return nil, none
	}
	collection, _, _ := strings.Cut(o.op.Path, "/{")
	i := slices.IndexFunc(o.d.Operations, func(x openapi.Operation) bool { return x.Path == collection && x.Method == http.MethodGet })
	if i < 0 {
		return nil, none
	}
	cl, err := o.connect()
	if err != nil {
		return nil, none
	}
	var names []string
	key := o.in.path[0].Name
	_, err = cl.List(cmd.Context(), collection, nil, maxCompletions, func(item json.RawMessage) error {
		var fields map[string]any
		if err := json.Unmarshal(item, &fields); err != nil {
			return err
		}
		if name, ok := fields[key].(string); ok {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, none
	}
	return names, none
}

const maxCompletions = 500

// download writes what is no JSON as it comes.
func (o *operation) download(ctx context.Context, cl *client.Client, path string, query url.Values) (err error) {
	response, err := cl.Open(ctx, client.Request{Method: http.MethodGet, Path: path, Query: query})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	out := o.out
	if o.in.to != "" {
		f, failed := os.OpenFile(o.in.to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	} else if isTerminal(out) && !strings.HasPrefix(response.Header.Get("Content-Type"), "text/") {
		return usageError{errors.New("this is not for a terminal: --to FILE, or send it elsewhere")}
	}
	return copyAll(out, response.Body)
}

// addRemote adds the commands of the REST interface. Which commands there are hangs on whether another machine is meant, so
// that is looked up before the arguments are parsed.
func (c *cli) addRemote(root *cobra.Command, args []string) {
	d, err := openapi.Golden()
	if err != nil {
		panic(err) // it is part of this program
	}
	early := pflag.NewFlagSet("", pflag.ContinueOnError)
	early.ParseErrorsAllowlist.UnknownFlags = true
	early.Usage = func() {}
	early.SetOutput(io.Discard)
	probe := &cli{}
	early.StringVar(&probe.remote.server, "server", "", "")
	early.StringVar(&probe.remote.context, "context", "", "")
	_ = early.Parse(args) // what is wrong with them is said when they are parsed in earnest
	_, elsewhere, _ := probe.chosen()
	c.addOperations(root, d, elsewhere)
	root.AddCommand(c.contextCommand())
}
