package style

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root         = "../.."
	maxFileLines = 600
	maxFuncLines = 70
	maxTestFunc  = 160 // tables are long
	maxPackage   = 5000
)

// A rule forbids imports: who, what, and the reason that a failing test prints. Exceptions may import it all the same.
type rule struct {
	who, what, why string
	except         []string
}

var rules = []rule{
	{"dataplane", "mgmt", "the data plane keeps forwarding with every other process dead, so it depends on none of their code", nil},
	{"dataplane", "cmd", "dependencies point one way: cmd, mgmt, dataplane", nil},
	{"mgmt", "cmd", "dependencies point one way: cmd, mgmt, dataplane", nil},
	{"", "dataplane/dpdk", "it is the only cgo: whatever imports it cannot be built with CGO_ENABLED=0",
		[]string{"dataplane/dpdk", "dataplane/lcore", "dataplane/engine", "cmd/fcr-dataplane"}},
	{"", "dataplane/dpdk/dpdktest", "it plays the NICs for tests", nil},
	{"", "dataplane/lcore", "a worker belongs to the goroutine that engine gives it", []string{"dataplane/engine", "cmd/fcr-dataplane"}},
	{"", "dataplane/engine", "it assembles the data plane: whoever needs a part of it needs a smaller package", []string{"cmd/fcr-dataplane"}},
	{"dataplane/frame", "dataplane", "the codec knows nothing of us, so that any program can use it", nil},
	{"dataplane/ring", "dataplane", "a ring carries bytes for anybody", nil},
	{"dataplane/shm", "dataplane", "readers of other versions map the segment by this package alone", nil},
	{"dataplane/flow", "dataplane", "the table is read by other processes and written by the lcore: it depends on neither", nil},
	{"dataplane/login", "dataplane", "the learner is driven by frames and time only", []string{"dataplane/frame"}},
	{"dataplane/command", "dataplane", "clients of another version speak to the data plane by this package alone", []string{"dataplane/shm"}},
	{"", "dataplane/revision", "the change of configuration belongs to the control goroutine; others ask it by commands", []string{"dataplane/engine", "cmd/fcr-dataplane"}},
	{"mgmt", "mgmt/system", "it assembles the management side: a role that needs a part of another meets it on the bus or in the database", nil},
	{"", "mgmt/system", "it assembles the management side: only its program needs all of it", []string{"cmd/fcr-mgmtd"}},
	{"", "mgmt/postgres/pgtest", "it runs servers for tests", nil},
	{"dataplane/feed", "dataplane", "readers of another version understand items by this package alone", []string{"dataplane/ring", "dataplane/shm"}},
	{"dataplane/capture", "dataplane", "readers of captures understand them by this package alone", []string{"dataplane/command", "dataplane/shm"}},
	{"", "mgmt/capture/capturetest", "it plays the data plane for tests", nil},
	{"mgmt/store", "mgmt/event", "the store keeps state, the log keeps facts: neither waits for the other", nil},
	{"mgmt/event/spool", "mgmt/postgres", "what is on our own disk does not depend on a database", nil},
	{"ci/lab", "dataplane", "the lab judges the appliance from outside, by what goes over wires and what programs print", nil},
	{"mgmt/client", "mgmt", "programs elsewhere talk to an appliance by this package alone", nil},
	{"", "web", "the console is served behind the guards of the REST interface, by role api alone", []string{"mgmt/api"}},
	{"web", "mgmt", "files are served without knowing anything of the appliance", nil},
	{"web", "dataplane", "files are served without knowing anything of the appliance", nil},
	{"mgmt/api/openapi", "mgmt", "the description is read by programs that know nothing else of the appliance", nil},
}

type pkg struct {
	ImportPath  string
	Dir         string
	Imports     []string
	TestImports []string
	GoFiles     []string
	CgoFiles    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,CgoFiles", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("go list found %d packages", len(all))
	}
	return all
}

func under(path, dir string) bool {
	return dir == "" || path == dir || strings.HasPrefix(path, dir+"/")
}

func TestNoPackageImportsWhatItMustNot(t *testing.T) {
	for _, p := range packages(t) {
		me := strings.TrimPrefix(p.ImportPath, "fcredirect/")
		for _, imported := range p.Imports {
			it := strings.TrimPrefix(imported, "fcredirect/")
			for _, r := range rules {
				inside := under(it, r.what) && (r.what != "dataplane/dpdk" || it == r.what)
				if !under(me, r.who) || !inside || under(it, me) {
					continue
				}
				if slices.ContainsFunc(r.except, func(e string) bool { return me == e || it == e }) {
					continue
				}
				t.Errorf("%s imports %s: %s", me, it, r.why)
			}
		}
	}
}

func TestCgoIsInOnePackage(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.CgoFiles) > 0 && p.ImportPath != "fcredirect/dataplane/dpdk" {
			t.Errorf("%s uses cgo in %v: only dataplane/dpdk does", p.ImportPath, p.CgoFiles)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		comments := 0
		for _, name := range append(p.GoFiles, p.CgoFiles...) {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc == nil {
				continue
			}
			comments++
			want := "Package " + f.Name.Name + " "
			if f.Name.Name == "main" {
				want = "Command " + filepath.Base(p.Dir) + " "
			}
			if !strings.HasPrefix(f.Doc.Text(), want) {
				t.Errorf("%s/%s: the comment begins %.40q, want %q", p.ImportPath, name, f.Doc.Text(), want)
			}
		}
		if len(p.GoFiles)+len(p.CgoFiles) > 0 && comments != 1 {
			t.Errorf("%s has %d package comments, want one", p.ImportPath, comments)
		}
	}
}

func TestNoPackageIsNamedForNothing(t *testing.T) {
	for _, p := range packages(t) {
		if base := filepath.Base(p.Dir); slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc"}, base) {
			t.Errorf("%s: name a package for what it holds", p.ImportPath)
		}
	}
}

// sources gives every tracked source file with its text.
func sources(t *testing.T, visit func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() && (rel == ".git" || rel == "bin" || rel == "build" || rel == filepath.Join("web", "dist") || d.Name() == "node_modules" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !slices.Contains([]string{".go", ".c", ".h", ".s", ".sh", ".md", ".yaml", ""}, filepath.Ext(path)) {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		visit(rel, string(b))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesAndFunctionsHaveASeamBeforeTheyGrowTooLong(t *testing.T) {
	sources(t, func(path, text string) {
		lines := strings.Count(text, "\n")
		if ext := filepath.Ext(path); lines > maxFileLines && (ext == ".go" || ext == ".c") {
			t.Errorf("%s has %d lines, the limit is %d", path, lines, maxFileLines)
		}
		if !strings.HasSuffix(path, ".go") {
			return
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		limit := maxFuncLines
		if strings.HasSuffix(path, "_test.go") {
			limit = maxTestFunc
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				if n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line; n > limit {
					t.Errorf("%s: %s has %d lines, the limit is %d", path, fn.Name.Name, n, limit)
				}
			}
		}
	})
}

var left = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

func TestNothingIsLeftUndoneInTheText(t *testing.T) {
	sources(t, func(path, text string) {
		if path == filepath.Join("ci", "style", "style_test.go") {
			return
		}
		for i, line := range strings.Split(text, "\n") {
			if left.MatchString(line) {
				t.Errorf("%s:%d: %s", path, i+1, strings.TrimSpace(line))
			}
		}
	})
}

// A document that names a file or folder of ours must name one that is there.
func TestDocumentsNameFilesThatExist(t *testing.T) {
	link := regexp.MustCompile("`((?:dataplane|cmd|ci|mgmt|web|migrations|appliance)/[A-Za-z0-9_./-]*[A-Za-z0-9_])`")
	for _, doc := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} {
		b, err := os.ReadFile(filepath.Join(root, doc))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			found++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s, which is not there", doc, m[1])
			}
		}
		if found == 0 && doc != "CONTRIBUTING.md" {
			t.Errorf("%s names no file", doc)
		}
	}
}

func TestPackagesStayInSight(t *testing.T) {
	size := map[string]int{}
	sources(t, func(path, text string) {
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			size[filepath.Dir(path)] += strings.Count(text, "\n")
		}
	})
	for dir, lines := range size {
		if lines > maxPackage {
			t.Errorf("%s has %d lines without tests, the limit is %d", dir, lines, maxPackage)
		}
	}
}
