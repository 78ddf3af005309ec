package config

// A file is read in these steps, in this order: YAML to a tree (yamlconf), the tree to a Config (this file and roles.go),
// dependencies (depend.go). Each step goes on after an error as far as it can, so that one run shows many. Complete
// (complete.go) then fills in what the command line says and what follows from the machine.

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"fcredirect/dataplane/yamlconf"
)

// DefaultText is the file that is used when none is given.
//
//go:embed default.yaml
var DefaultText []byte

// Read reads the file at path, within the bounds of what can be one.
func Read(path string) ([]byte, error) {
	text, err := yamlconf.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read configuration: %w; name the right file with --config", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return text, nil
}

// Exposed warns of a file that holds a password and that everybody may read.
func (c *Config) Exposed(path string) *yamlconf.Diagnostic {
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm()&0o004 == 0 || !secret.MatchString(c.Database.DSN) {
		return nil
	}
	return &yamlconf.Diagnostic{
		File: path, Message: "everybody on this machine may read the password in it", Cure: "chmod 640, or give the DSN in FCR_DATABASE.",
	}
}

// Parse checks a file. name is how the user knows it; it stands in every message. The error is a *yamlconf.Errors.
func Parse(name string, text []byte) (c *Config, warnings []*yamlconf.Diagnostic, err error) {
	root, report := yamlconf.Read(name, text)
	p := &parser{report: report, c: &Config{Database: Database{Connections: DefaultConnections, User: DefaultUser}, API: API{Listen: []string{DefaultListen}, Console: true}}}
	if !report.Failed() {
		p.file(&root)
	}
	if !report.Failed() {
		p.depend()
	}
	if err := report.Err(); err != nil {
		return nil, nil, masked(err)
	}
	for _, w := range p.warnings {
		w.Excerpt = mask(w.Excerpt)
	}
	return p.c, p.warnings, nil
}

// secret finds passwords of DSNs, as URL and as words.
var secret = regexp.MustCompile(`(://[^:@/\s"']*:)([^@\s"']+)(@)|(password\s*=\s*)('[^']*'|[^\s"'&,}]+)()`)

// mask hides passwords without moving what stands behind them, so that carets stay right.
func mask(line string) string {
	return secret.ReplaceAllStringFunc(line, func(found string) string {
		m := secret.FindStringSubmatch(found)
		hidden := strings.Repeat("*", len([]rune(m[2]+m[5])))
		return m[1] + m[4] + hidden + m[3]
	})
}

func masked(err error) error {
	if all := (*yamlconf.Errors)(nil); errors.As(err, &all) {
		for _, d := range all.List {
			d.Excerpt = mask(d.Excerpt)
		}
	}
	return err
}

// parser holds the Config in the making, and what later steps need for their messages.
type parser struct {
	report   *yamlconf.Report
	warnings []*yamlconf.Diagnostic
	c        *Config
	drafts   []roleDraft // beside c.Roles
}

func (p *parser) warn(at yamlconf.Span, cure, format string, args ...any) {
	p.warnings = append(p.warnings, p.report.Diagnose(at, cure, format, args...))
}

var fileSchema = yamlconf.Schema{
	What: "the configuration",
	Keys: []string{"node", "segment", "state-dir", "run-dir", "database", "api", "peer", "roles"},
}

func (p *parser) file(root *yamlconf.Node) {
	f, ok := p.report.Fields(root, &fileSchema)
	if !ok {
		return
	}
	if n := f.Get("node"); n != nil {
		p.c.Node = p.name(n, "node", MaxNodeName)
	}
	p.c.Segment = p.folder(f, "segment")
	p.c.StateDir = p.folder(f, "state-dir")
	p.c.RunDir = p.folder(f, "run-dir")
	if n := f.Get("run-dir"); n != nil && len(p.c.RunDir) > MaxUnixPath {
		p.report.Errorf(n.Span, "Choose a shorter one.", "run-dir has %d characters; sockets can only be made in folders of up to %d", len(p.c.RunDir), MaxUnixPath)
	}
	if n := f.Get("database"); n != nil {
		p.database(n)
	}
	if n := f.Get("api"); n != nil {
		p.api(n)
	}
	if n := f.Get("roles"); n != nil {
		p.roles(n)
	} else {
		p.report.Errorf(yamlconf.Span{}, "List what is to run: roles: [{name: database}, {name: store}].", "the key roles is missing")
	}
	if n := f.Get("peer"); n != nil {
		p.peer(n)
	}
}

// name reads a name that may become a file name or a label.
func (p *parser) name(n *yamlconf.Node, what string, longest int) string {
	s, ok := p.report.Text(n, what)
	if !ok {
		return ""
	}
	if cure := badName(s, longest); cure != "" {
		p.report.Errorf(n.Span, cure, "%s cannot be %s", what, yamlconf.Quote(s))
		return ""
	}
	return s
}

// badName says what to do about a name that cannot be one.
func badName(s string, longest int) string {
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
		if !letter && (i == 0 || c != '-' && c != '.') {
			return "Use letters, digits, -, _ and .; begin with a letter or digit."
		}
	}
	if len(s) > longest || s == "" {
		return fmt.Sprintf("Use 1 to %d characters.", longest)
	}
	return ""
}

// folder reads an absolute path.
func (p *parser) folder(f yamlconf.Fields, key string) string {
	n := f.Get(key)
	if n == nil {
		return ""
	}
	s, ok := p.report.Text(n, key)
	if !ok {
		return ""
	}
	if !strings.HasPrefix(s, "/") || strings.IndexByte(s, 0) >= 0 {
		p.report.Errorf(n.Span, "Write the whole path, from /.", "%s %s is not an absolute path", key, yamlconf.Quote(s))
	} else if len(s) > MaxPath {
		p.report.Errorf(n.Span, "Choose a shorter one.", "%s has %d characters, more than %d", key, len(s), MaxPath)
	}
	return s
}

var databaseSchema = yamlconf.Schema{What: "database", Keys: []string{"dsn", "connections", "data-dir", "user"}}

func (p *parser) database(n *yamlconf.Node) {
	r, d := p.report, &p.c.Database
	f, _ := r.Fields(n, &databaseSchema)
	if n := f.Get("dsn"); n != nil {
		if n.Kind != yamlconf.Scalar || n.Empty() || len(n.Text) > MaxDSN { // not r.Text: it would show the value
			r.Errorf(n.Span, "Write it as postgres://user@host1,host2/name, or leave it out for a private cluster.", "dsn must be text of up to %d characters", MaxDSN)
		} else {
			d.DSN = n.Text
		}
	}
	if n := f.Get("connections"); n != nil {
		v, _ := r.Int(n, "connections", MinConnections, MaxConnections)
		d.Connections = int(v)
	}
	d.DataDir = p.folder(f, "data-dir")
	if n := f.Get("user"); n != nil {
		d.User = p.name(n, "user", 32)
	}
	for _, key := range []string{"data-dir", "user"} {
		if n := f.Get(key); n != nil && d.DSN != "" {
			p.warn(n.Span, "Remove it, or the dsn.", "%s is of the private cluster, which is not used beside a dsn", key)
		}
	}
}
