package style

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const maxScriptLines = 400

// What the console's sources must not have, and the reason that a failing test prints.
// Those about markup are for the product alone: tests play the hostile, and look at what came of it.
var banned = []struct {
	what    *regexp.Regexp
	product bool
	why     string
}{
	{regexp.MustCompile(`\bany\[\]|<any>|, any>|: any( =|[;,)=])|\bas any\b`), false, "any switches the check of types off: write the type, or unknown and a guard"},
	{regexp.MustCompile(`@ts-(ignore|nocheck|expect-error)`), false, "what the check of types finds is mended"},
	{regexp.MustCompile(`dangerouslySetInnerHTML|\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write`), true, "text from outside never becomes markup"},
	{regexp.MustCompile(`\beval\(|new Function\(`), true, "the page's policy forbids it"},
	{regexp.MustCompile(`debugger;|\bdescribe\.only|\b(it|test)\.only`), false, "it was for one's own machine"},
	{regexp.MustCompile(`<(style|script)>`), true, "the page's policy forbids what stands in a document"},
}

// outside are addresses that the console's code names; none of them may be another machine's. XML's names are no addresses,
// and tests and comments may show any.
var outside = regexp.MustCompile("['\"`]https?://([a-zA-Z0-9.-]+)")

// TestTheConsoleKeepsToItsRules: those of web/README.md that can be seen in the text.
func TestTheConsoleKeepsToItsRules(t *testing.T) {
	files := 0
	scripts(t, func(path, text string) {
		files++
		if lines := strings.Count(text, "\n"); lines > maxScriptLines {
			t.Errorf("%s has %d lines, the limit is %d", path, lines, maxScriptLines)
		}
		product := strings.HasPrefix(path, filepath.Join("web", "src")) && !strings.Contains(path, ".test.")
		for i, line := range strings.Split(text, "\n") {
			code := line
			if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "//") || strings.HasPrefix(trimmed, "*") || strings.HasPrefix(trimmed, "/*") {
				code = ""
			}
			for _, b := range banned {
				if b.what.MatchString(code) && (product || !b.product) {
					t.Errorf("%s:%d: %s: %s", path, i+1, strings.TrimSpace(line), b.why)
				}
			}
			if left.MatchString(line) {
				t.Errorf("%s:%d: %s", path, i+1, strings.TrimSpace(line))
			}
			for _, m := range outside.FindAllStringSubmatch(code, -1) {
				if product && m[1] != "www.w3.org" {
					t.Errorf("%s:%d: no request leaves the appliance, and this names %s", path, i+1, m[1])
				}
			}
		}
	})
	if files == 0 {
		t.Error("the console has no sources")
	}
}

// TestEveryPageOfTheConsoleIsShown: a folder of pages that nothing leads to is forgotten, and a route without one is broken.
func TestEveryPageOfTheConsoleIsShown(t *testing.T) {
	pages, err := os.ReadDir(filepath.Join(root, "web", "src", "pages"))
	if err != nil {
		t.Fatal(err)
	}
	var app strings.Builder
	scripts(t, func(path, text string) {
		if strings.HasPrefix(path, filepath.Join("web", "src", "app")) {
			app.WriteString(text)
		}
	})
	for _, page := range pages {
		if _, err := os.Stat(filepath.Join(root, "web", "src", "pages", page.Name(), "index.tsx")); err != nil {
			t.Errorf("page %s: %v", page.Name(), err)
		}
		if !strings.Contains(app.String(), "pages/"+page.Name()+"'") {
			t.Errorf("nothing leads to page %s", page.Name())
		}
	}
}

// scripts gives every source file of the console, but the client, which is made.
func scripts(t *testing.T, visit func(path, text string)) {
	t.Helper()
	for _, dir := range []string{"src", "e2e", "public"} {
		err := filepath.WalkDir(filepath.Join(root, "web", dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			switch filepath.Ext(path) {
			case ".ts", ".tsx", ".css", ".js":
			default:
				return nil
			}
			rel, _ := filepath.Rel(root, path)
			if rel == filepath.Join("web", "src", "api", "schema.d.ts") {
				return nil
			}
			b, err := os.ReadFile(path)
			if err == nil {
				visit(rel, string(b))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheBanOfAnyIsAboutTypes: it finds the type, and lets the word pass.
func TestTheBanOfAnyIsAboutTypes(t *testing.T) {
	for line, want := range map[string]bool{
		"let x: any = 1;": true, "function f(x: any) {": true, "x as any": true, "const a: any[] = [];": true, "Map<string, any>": true, "Promise<any>": true, "y: any;": true,
		"<p>Match any initiator, any target, any VSAN</p>": false, "vsan: 'any',": false, "Of any host: any way it goes": false, "anyOf(x)": false,
	} {
		if got := banned[0].what.MatchString(line); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}
