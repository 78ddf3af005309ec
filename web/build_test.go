package web

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// npm stands for the one that there is: what it builds is a page that names one asset, after the number of the build. It
// notes what it is asked for.
const npm = `#!/bin/bash
all="$*"
echo "$all" >>"$NOTES"
case "$all" in
ci*) mkdir -p node_modules ;;
*client*) touch src/api/schema.d.ts ;;
*--outDir*)
	out=${all##*--outDir } out=${out%% *}
	n=$(grep -c -e --outDir "$NOTES")
	rm -rf "$out"
	mkdir -p "$out/assets"
	echo "assets/main-$n.js" >"$out/index.html"
	for f in index.html.br index.html.gz theme.js .keep assets/main-$n.js assets/main-$n.js.br; do echo "$n" >"$out/$f"; done
	if [ "$n" = 1 ]; then mkdir "$out/assets/deep" && echo 1 >"$out/assets/deep/font"; fi
	;;
esac
`

// mv looks at dist before and after it moves anything: Go may look at any of these moments.
const mv = `#!/bin/bash
whole() { [ ! -e dist/index.html ] || [ -e "dist/$(cat dist/index.html)" ] && [ -e dist/.keep ]; }
whole || echo "before mv $*: $(ls -A dist 2>&1)" >>"$BROKEN"
/bin/mv "$@"
whole || echo "after mv $*: $(ls -A dist 2>&1)" >>"$BROKEN"
`

// builder is a folder with web/build, sources for it, and programs that stand for those that it calls.
type builder struct {
	t   *testing.T
	dir string
}

func newBuilder(t *testing.T) *builder {
	t.Helper()
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("web/build needs flock")
	}
	b := &builder{t, t.TempDir()}
	script, err := os.ReadFile("build")
	if err != nil {
		t.Fatal(err)
	}
	b.put("web/build", string(script))
	b.put("bin/npm", npm)
	b.put("bin/mv", mv)
	b.node("v22.12.0")
	for _, name := range []string{
		"mgmt/api/openapi/openapi.json", "web/src/api/client.ts", "web/e2e/pages.e2e.ts", "web/public/theme.js", "web/dist/.keep", "web/index.html",
		"web/package.json", "web/package-lock.json", "web/.npmrc", "web/tsconfig.json", "web/vite.config.ts",
	} {
		b.put(name, "")
	}
	return b
}

func (b *builder) path(name string) string { return filepath.Join(b.dir, name) }

func (b *builder) put(name, text string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.path(name), []byte(text), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

// node is of that version.
func (b *builder) node(version string) { b.put("bin/node", "#!/bin/sh\necho "+version+"\n") }

func (b *builder) build() (string, error) {
	cmd := exec.Command(b.path("web/build"))
	cmd.Env = append(os.Environ(), "PATH="+b.path("bin")+":"+os.Getenv("PATH"), "NOTES="+b.path("notes"), "BROKEN="+b.path("broken"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// built is how many files there are in dist, and whether what git keeps there is among them.
func (b *builder) built() string {
	b.t.Helper()
	cmd := exec.Command("find", ".", "-mindepth", "1", "-printf", "%P ")
	cmd.Dir = b.path("web/dist")
	out, err := cmd.Output()
	if err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprint(len(strings.Fields(string(out))), " ", strings.Contains(string(out), ".keep"))
}

func (b *builder) stat(name string) os.FileInfo {
	b.t.Helper()
	info, err := os.Stat(b.path(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return info
}

func TestAtNoMomentOfABuildTheConsoleIsAbsent(t *testing.T) {
	b := newBuilder(t)
	build := func() {
		t.Helper()
		if out, err := b.build(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	before := b.stat("web/dist")
	for n := 1; n <= 3; n++ {
		b.put("web/src/api/client.ts", fmt.Sprint(n))
		build()
		want := "8 true" // .keep, theme.js, the page in three forms, assets with the script in two
		if n == 1 {
			want = "10 true"
		}
		if got := b.built(); got != want {
			t.Errorf("build %d left %s, want %s", n, got, want)
		}
		if page, err := os.ReadFile(b.path("web/dist/index.html")); err != nil || string(page) != fmt.Sprintf("assets/main-%d.js\n", n) {
			t.Errorf("build %d: the page is %q, %v", n, page, err)
		}
		asked, err := os.ReadFile(b.path("notes"))
		if err != nil {
			t.Fatal(err)
		}
		build()
		if again, err := os.ReadFile(b.path("notes")); err != nil || string(again) != string(asked) {
			t.Errorf("build %d was made again although nothing had changed: %s", n, strings.TrimPrefix(string(again), string(asked)))
		}
	}
	if text, err := os.ReadFile(b.path("broken")); err == nil {
		t.Errorf("there were moments without a whole console:\n%s", text)
	}
	if !os.SameFile(before, b.stat("web/dist")) {
		t.Error("dist is another folder: for a moment there was none")
	}
}

func TestANodeThatViteDoesNotTakeIsRefusedByItsVersion(t *testing.T) {
	for version, fits := range map[string]bool{
		"v18.20.8": false, "v20.18.3": false, "v20.19.0": true, "v21.7.3": false, "v22.0.0": false, "v22.11.0": false, "v22.12.0": true, "v24.1.0": true,
	} {
		b := newBuilder(t)
		b.node(version)
		out, err := b.build()
		if (err == nil) != fits || fits == strings.Contains(out, "here is "+version) {
			t.Errorf("%s: %v\n%s", version, err, out)
		}
	}
}
