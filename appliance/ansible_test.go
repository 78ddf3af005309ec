package appliance

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// debianPython is the interpreter that Debian's ansible-core is for; another one may come first in the path.
const debianPython = "/usr/bin/python3"

// collections makes a folder in which Ansible finds the collection, and gives its path.
func collections(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("ansible is not installed: ci/deps ansible")
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "ansible_collections", "fcredirect"), 0o755))
	must(t, os.CopyFS(filepath.Join(dir, "ansible_collections", "fcredirect", "appliance"), os.DirFS("ansible")))
	return dir
}

func TestModulesAreDocumentedAsTheyAre(t *testing.T) {
	dir := collections(t)
	for _, args := range [][]string{{"-m", "compileall", "-q", dir}, {"testdata/documented.py", dir}} {
		if out, err := exec.Command(debianPython, args...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	modules, err := filepath.Glob("ansible/plugins/modules/*.py")
	must(t, err)
	group, err := os.ReadFile("ansible/meta/runtime.yml")
	must(t, err)
	readme, err := os.ReadFile("ansible/README.md")
	must(t, err)
	args := []string{"-t", "module"}
	for _, m := range modules {
		name := strings.TrimSuffix(filepath.Base(m), ".py")
		args = append(args, "fcredirect.appliance."+name)
		if !strings.Contains(string(group), "    - "+name+"\n") || !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("%s is missing from the action group or the README", name)
		}
	}
	cmd := exec.Command("ansible-doc", args...)
	cmd.Env = append(os.Environ(), "ANSIBLE_COLLECTIONS_PATH="+dir, "ANSIBLE_HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "WARNING") {
		t.Errorf("ansible-doc: %v\n%s", err, out)
	}
}

func TestTheCollectionCanBeBuilt(t *testing.T) {
	dir := collections(t)
	cmd := exec.Command("ansible-galaxy", "collection", "build", "--output-path", dir, filepath.Join(dir, "ansible_collections", "fcredirect", "appliance"))
	cmd.Env = append(os.Environ(), "ANSIBLE_HOME="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "fcredirect-appliance-1.0.0.tar.gz")); err != nil {
		t.Error(err)
	}
}

// player runs plays against a node.
type player struct {
	*node
	collections string
	keep        string // a folder for what plays write
	secrets     []string
}

// password is one that must not show anywhere.
const password = "Never-To-Be-Seen-4711"

func newPlayer(t *testing.T) *player {
	t.Helper()
	n := newNode(t)
	p := &player{node: n, collections: collections(t), keep: t.TempDir(), secrets: []string{password}}
	if status := n.ask("POST", "/api/v1/setup", map[string]string{"name": "admin", "password": password}, nil); status != http.StatusCreated {
		t.Fatalf("set-up: %d", status)
	}
	var made struct {
		Token string `json:"token"`
	}
	draft := map[string]string{"name": "ansible", "owner": "admin", "role": "admin"}
	if status := n.ask("POST", "/api/v1/tokens", draft, &made); status != http.StatusCreated || made.Token == "" {
		t.Fatalf("token: %d", status)
	}
	p.secrets = append(p.secrets, made.Token)
	return p
}

// outcome is what Ansible says at the end.
type outcome struct {
	ok, changed, failed int
	text                string
}

var recap = regexp.MustCompile(`localhost\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=0\s+failed=(\d+)`)

// play runs one with further arguments. No secret may show, however much Ansible is asked to say.
func (p *player) play(name string, args ...string) outcome {
	p.t.Helper()
	vars := fmt.Sprintf("server=https://%s token=%s fingerprint=%s secret=%s keep=%s ansible_python_interpreter=%s", p.address, p.secrets[1], p.fingerprint, password, p.keep,
		debianPython)
	argv := append([]string{"-i", "localhost,", "-c", "local", "-vvv", "-e", vars, filepath.Join("testdata/plays", name)}, args...)
	cmd := exec.Command("ansible-playbook", argv...)
	home := p.t.TempDir()
	cmd.Env = append(os.Environ(), "ANSIBLE_COLLECTIONS_PATH="+p.collections, "ANSIBLE_HOME="+home, "ANSIBLE_LOCAL_TEMP="+home, "ANSIBLE_REMOTE_TEMP="+home,
		"ANSIBLE_PIPELINING=1", "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCALHOST_WARNING=false", "ANSIBLE_INVENTORY_UNPARSED_WARNING=false", "PYTHONDONTWRITEBYTECODE=1")
	b, err := cmd.CombinedOutput()
	o := outcome{text: string(b)}
	m := recap.FindStringSubmatch(o.text)
	if m == nil {
		p.t.Fatalf("%s %v: %v\n%s", name, args, err, o.text)
	}
	o.ok, _ = strconv.Atoi(m[1])
	o.changed, _ = strconv.Atoi(m[2])
	o.failed, _ = strconv.Atoi(m[3])
	if kept, err := os.ReadFile(filepath.Join(p.keep, "token")); err == nil {
		p.secrets = append(p.secrets[:2], string(kept))
	}
	for i, s := range p.secrets {
		if strings.Contains(o.text, s) {
			p.t.Errorf("%s %v: secret %d shows", name, args, i)
		}
	}
	return o
}

// must is that nothing failed and so much was changed; -1 is for anything but nothing.
func (p *player) must(o outcome, changed int) outcome {
	p.t.Helper()
	if o.failed > 0 || changed >= 0 && o.changed != changed || changed < 0 && o.changed == 0 {
		p.t.Fatalf("failed=%d changed=%d, want failed=0 changed=%d\n%s", o.failed, o.changed, changed, o.text)
	}
	return o
}

// counts says how much of everything there is.
func (p *player) counts() string {
	p.t.Helper()
	var b strings.Builder
	for _, noun := range []string{"aliases", "sets", "services", "policies", "users", "tokens?owner=*"} {
		var list struct{ Items []any }
		if status := p.ask("GET", "/api/v1/"+noun, nil, &list); status != http.StatusOK {
			p.t.Fatalf("%s: %d", noun, status)
		}
		fmt.Fprintf(&b, "%s %d, ", noun, len(list.Items))
	}
	return b.String()
}

func TestAPlayThatRunsTwiceChangesNothingTheSecondTime(t *testing.T) {
	p := newPlayer(t)
	before := p.counts()
	tried := p.must(p.play("site.yaml", "--check", "--diff"), -1)
	if after := p.counts(); after != before {
		t.Errorf("check mode left %s where %s was", after, before)
	}
	if !strings.Contains(tried.text, `+  "wwpn": "20:00:02:fc:01:00:00:01"`) {
		t.Errorf("no difference is shown:\n%s", tried.text)
	}
	p.must(p.play("site.yaml", "--diff"), -1)
	p.must(p.play("site.yaml", "--diff"), 0)
	p.must(p.play("site.yaml", "--check", "--diff"), 0)
	p.must(p.play("look.yaml"), 0)

	there := p.counts()
	other := p.must(p.play("site.yaml", "--check", "--diff", "-e", "wwpn=20:00:02:fc:01:00:00:ff"), 1)
	if !strings.Contains(other.text, `-  "wwpn": "20:00:02:fc:01:00:00:01"`) || !strings.Contains(other.text, `+  "wwpn": "20:00:02:fc:01:00:00:ff"`) {
		t.Errorf("the difference is not shown:\n%s", other.text)
	}

	p.must(p.play("gone.yaml", "--check"), -1)
	if after := p.counts(); after != there {
		t.Errorf("check mode left %s where %s was", after, there)
	}
	p.must(p.play("gone.yaml"), -1)
	p.must(p.play("gone.yaml"), 0)
	if after := p.counts(); after != before {
		t.Errorf("%s is left, %s was there before", after, before)
	}
}

func TestTurnsAndWays(t *testing.T) {
	p := newPlayer(t)
	p.must(p.play("turns.yaml", "-e", "socket="+filepath.Join(p.dir, "run", "api.sock")), -1)
	_, port, _ := strings.Cut(p.address, ":")
	p.must(p.play("ways.yaml", "-e", "port="+port, "-e", "socket="+filepath.Join(p.dir, "run", "api.sock"), "-e", "ca="+filepath.Join(p.dir, "state", "api", "certificate.pem")), 0)
}
