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

func TestAtNoMomentOfABuildTheConsoleIsAbsent(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("web/build needs flock")
	}
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script, err := os.ReadFile("build")
	if err != nil {
		t.Fatal(err)
	}
	put("web/build", string(script))
	put("bin/npm", npm)
	put("bin/mv", mv)
	put("bin/node", "#!/bin/sh\necho v22.0.0\n")
	for _, name := range []string{
		"mgmt/api/openapi/openapi.json", "web/src/api/client.ts", "web/public/theme.js", "web/dist/.keep", "web/index.html",
		"web/package.json", "web/package-lock.json", "web/.npmrc", "web/tsconfig.json", "web/vite.config.ts",
	} {
		put(name, "")
	}
	broken, notes := filepath.Join(dir, "broken"), filepath.Join(dir, "notes")
	build := func() {
		t.Helper()
		cmd := exec.Command(filepath.Join(dir, "web/build"))
		cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "NOTES="+notes, "BROKEN="+broken)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	built := func() string {
		t.Helper()
		cmd := exec.Command("find", ".", "-mindepth", "1", "-printf", "%P ")
		cmd.Dir = filepath.Join(dir, "web/dist")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		names := strings.Fields(string(out))
		return fmt.Sprint(len(names), " ", strings.Contains(string(out), ".keep"))
	}
	stat := func() os.FileInfo {
		t.Helper()
		info, err := os.Stat(filepath.Join(dir, "web/dist"))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	before := stat()
	for n := 1; n <= 3; n++ {
		put("web/src/api/client.ts", fmt.Sprint(n))
		build()
		want := "8 true" // .keep, theme.js, the page in three forms, assets with the script in two
		if n == 1 {
			want = "10 true"
		}
		if got := built(); got != want {
			t.Errorf("build %d left %s, want %s", n, got, want)
		}
		if page, err := os.ReadFile(filepath.Join(dir, "web/dist/index.html")); err != nil || string(page) != fmt.Sprintf("assets/main-%d.js\n", n) {
			t.Errorf("build %d: the page is %q, %v", n, page, err)
		}
		asked, err := os.ReadFile(notes)
		if err != nil {
			t.Fatal(err)
		}
		build()
		if again, err := os.ReadFile(notes); err != nil || string(again) != string(asked) {
			t.Errorf("build %d was made again although nothing had changed: %s", n, strings.TrimPrefix(string(again), string(asked)))
		}
	}
	if text, err := os.ReadFile(broken); err == nil {
		t.Errorf("there were moments without a whole console:\n%s", text)
	}
	if !os.SameFile(before, stat()) {
		t.Error("dist is another folder: for a moment there was none")
	}
}
