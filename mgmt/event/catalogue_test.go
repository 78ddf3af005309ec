package event

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/feed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// constants gives the names of a package's constants of type Type.
func constants(t *testing.T, path string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		ours := false
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if v.Type != nil || len(v.Values) > 0 {
				id, typed := v.Type.(*ast.Ident)
				call, conversion := first(v.Values).(*ast.CallExpr)
				ours = typed && id.Name == "Type" || conversion && named(call.Fun, "Type")
			}
			if ours {
				names = append(names, v.Names[0].Name)
			}
		}
	}
	return names
}

func first(list []ast.Expr) ast.Expr {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func named(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func TestEveryTypeHasAnEntry(t *testing.T) {
	theirs := constants(t, "../../dataplane/feed/item.go")
	known := map[string]feed.Type{
		"FlowCreated": feed.FlowCreated, "FlowVerdict": feed.FlowVerdict, "FlowEnded": feed.FlowEnded, "LoginUp": feed.LoginUp,
		"LoginChanged": feed.LoginChanged, "LoginDown": feed.LoginDown, "LoginConflict": feed.LoginConflict, "PortUp": feed.PortUp,
		"PortDown": feed.PortDown, "ServiceUp": feed.ServiceUp, "ServiceDown": feed.ServiceDown, "PolicyApplied": feed.PolicyApplied,
		"DataplaneStarted": feed.DataplaneStarted, "DataplaneStopped": feed.DataplaneStopped, "LcoreStalled": feed.LcoreStalled,
		"LcoreResumed": feed.LcoreResumed, "PolicyInstalled": feed.PolicyInstalled, "PolicyConfirmed": feed.PolicyConfirmed,
		"PolicyReverted": feed.PolicyReverted, "PolicyExpired": feed.PolicyExpired,
	}
	if len(theirs) < len(known) {
		t.Fatalf("found %v in package feed", theirs)
	}
	for _, name := range theirs {
		n, ok := known[name]
		if !ok || Lookup(Type(n)) == nil || Type(n) >= FirstOwn {
			t.Errorf("feed.%s has no entry in the catalogue, or is not in this test", name)
		}
	}
	ours := 0
	for _, name := range constants(t, "type.go") {
		if name != "FirstOwn" {
			ours++
		}
	}
	if ours != len(Catalogue()) || ours < 30 {
		t.Errorf("%d types are declared, the catalogue has %d entries", ours, len(Catalogue()))
	}
}

func TestEntriesAreWholeAndInOrder(t *testing.T) {
	name, field, hole := regexp.MustCompile(`^[a-z]+\.[a-z_]+$`), regexp.MustCompile(`^[a-z][a-z0-9_]*$`), regexp.MustCompile(`\{([^}]*)\}`)
	names := map[string]bool{}
	for i := range Catalogue() {
		c := &Catalogue()[i]
		if i > 0 && c.Type <= Catalogue()[i-1].Type {
			t.Errorf("%s is out of order", c.Name)
		}
		if !name.MatchString(c.Name) || names[c.Name] || ByName(c.Name) != c || Lookup(c.Type) != c || c.Type.String() != c.Name {
			t.Errorf("%s: the name is bad, or is there twice", c.Name)
		}
		names[c.Name] = true
		if c.Severity >= numSeverities || c.Category >= numCategories || c.Text == "" {
			t.Errorf("%s is not whole", c.Name)
		}
		fields := map[string]bool{}
		for _, f := range c.Fields {
			if fields[f.Name] || !field.MatchString(f.Name) {
				t.Errorf("%s: field %q", c.Name, f.Name)
			}
			fields[f.Name] = true
		}
		for _, m := range hole.FindAllStringSubmatch(c.Text, -1) {
			if !fields[m[1]] {
				t.Errorf("%s: its text has {%s}, which is no field", c.Name, m[1])
			}
		}
	}
	if ByName("flow") != nil || Lookup(0) != nil || Type(9).String() != "unknown.9" {
		t.Error("there are types that are not in the catalogue")
	}
}

// What is read from the log must be spelt by what is in it, whatever that is.
func TestAnEventTellsItsFields(t *testing.T) {
	for i := range Catalogue() {
		c := &Catalogue()[i]
		f := Fields{}
		for _, d := range c.Fields {
			f[d.Name] = map[Kind]any{Text: "text", Number: 7, Truth: true, Time: time.Unix(9, 0), Document: `{"a":1}`}[d.Kind]
		}
		encoded, err := Encode(c.Type, f)
		if err != nil {
			t.Fatal(err)
		}
		e := Event{Number: 1, Type: c.Type, Fields: encoded, Origin: Origin{1 << 63, 2, 3}, At: time.Unix(5, 6)}
		if text := e.Text(); regexp.MustCompile(`[?{}]`).MatchString(text) {
			t.Errorf("%s: %s", c.Name, text)
		}
		b, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var again Event
		if err := again.UnmarshalJSON(b); err != nil || again.Origin != e.Origin || again.Type != e.Type || !again.At.Equal(e.At) || string(again.Fields) != string(e.Fields) {
			t.Errorf("%s comes back as %+v, %v", b, again, err)
		}
		if (&Event{Type: c.Type, Fields: []byte("broken")}).Text() == "" {
			t.Errorf("%s: no text without fields", c.Name)
		}
	}
}
