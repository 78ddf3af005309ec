package bundle

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/registry"
	"fcredirect/mgmt/settings"
	"fcredirect/mgmt/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// read gives all files of a bundle.
func read(t *testing.T, m *Maker, id string) map[string]string {
	t.Helper()
	f, _, err := m.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(b)
	}
}

// roles are other roles, which quote secrets in what they answer.
type roles struct{ text string }

func (r roles) Call(_ context.Context, role, method string, _ []byte) ([]byte, error) {
	if role == "store" {
		return nil, fmt.Errorf("no answer: %s", r.text)
	}
	return json.Marshal(map[string]string{"method": method, "detail": r.text})
}

// Secrets of every kind are planted wherever a bundle looks, and none is found in it.
func TestNoSecretThatWasPlantedIsInABundle(t *testing.T) {
	const mark = "hunter2" // every planted secret has it
	dsn := "postgres://fcr:" + mark + "%2Fdsn@db.example.net/fcr?sslpassword=" + mark
	planted := strings.Join([]string{
		"connect to " + dsn + " failed", "password=" + mark, `{"password":"x ` + mark + `"}`, `"{\"token\":\"` + mark + `\"}"`,
		"Authorization: Bearer fcr_" + mark + mark, "Cookie: fcr_session=" + mark, "whsec_" + mark + mark, "$argon2id$v=19$m=1,t=1,p=1$" + mark + "$" + mark,
		"SCRAM-SHA-256$4096:" + mark, "-----BEGIN EC PRIVATE KEY-----\n" + mark + "\n-----END EC PRIVATE KEY-----", "the known one is " + mark + "/known",
	}, "\n")
	dir := t.TempDir()
	store, err := settings.Open(settings.Options{Dir: filepath.Join(dir, "settings")})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	err = store.UpdateLocal(t.Context(), func(tx *settings.Tx) error {
		tx.Put("user", "alice", map[string]string{"hash": mark})
		tx.Put("token", "t", map[string]string{"digest": mark})
		tx.Put("local.session", "s", map[string]string{"secret": mark})
		tx.Put(webhook.Kind, "ops", webhook.Hook{URL: "https://ops.example.net/" + mark + "?key=" + mark, Note: mark})
		tx.Put(webhook.SecretKind, "ops", map[string]string{"secret": "whsec_" + mark})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"key.pem": planted, "server.log": planted} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: filepath.Join(dir, "no segment")}})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	jobs, err := job.Open(job.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := Daemon{Config: &config.Config{Node: "n", Database: config.Database{DSN: dsn}}, Version: "1", Registry: reg, Bus: roles{planted}, Settings: store, Jobs: jobs}
	sources := append(d.Sources(), Machine([]string{dir}, []string{filepath.Join(dir, "server.log")})...)
	sources = append(sources, Plane(attach.NewLive(attach.Place{Dir: filepath.Join(dir, "no segment")}))...)
	sources = append(sources, Source{"daemon/panics.txt", func(context.Context, io.Writer) error { panic(planted) }},
		Source{"daemon/fails.txt", func(context.Context, io.Writer) error { return errors.New(planted) }})
	m, err := New(Options{Dir: filepath.Join(dir, "bundles"), Sources: sources, Secrets: func() []string { return []string{mark + "/known"} }, Node: "n", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	i, err := m.Make(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	files := read(t, m, i.ID)
	for name, text := range files {
		for at := 0; ; {
			n := strings.Index(text[at:], mark)
			if n < 0 {
				break
			}
			at += n
			t.Errorf("%s: …%s…", name, text[max(0, at-60):min(len(text), at+20)])
			at += len(mark)
		}
	}
	for name, want := range map[string]string{
		"daemon/configuration.json": "db.example.net", "daemon/settings.json": "ops.example.net", "logs/server.log.txt": "failed", "events.json": "event.list",
		"machine/memory.txt": "MemTotal", "daemon/goroutines.txt": "goroutine profile", "machine/disks.txt": "MiB", "index.json": "daemon/panics.txt",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s lacks %q: %.200s", name, want, files[name])
		}
	}
}

func TestASourceCostsItsOwnFileAlone(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	endless := func(ctx context.Context, w io.Writer) error {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return err
			}
		}
	}
	m, err := New(Options{Dir: t.TempDir(), Sources: []Source{
		{"long.txt", endless},
		{"good.txt", func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "good"); return err }},
	}})
	if err != nil {
		t.Fatal(err)
	}
	i, err := m.Make(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	files := read(t, m, i.ID)
	if len(files["long.txt"]) != sourceMax || files["good.txt"] != "good" || !strings.Contains(files[indexName], errLong.Error()) {
		t.Errorf("%d bytes, %q, %s", len(files["long.txt"]), files["good.txt"], files[indexName])
	}
}

func TestBundlesAreBoundedAndTheirNamesAreNoPaths(t *testing.T) {
	m, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for n := range Keep + 2 {
		i, err := m.Make(t.Context(), "alice", nil)
		if err != nil {
			t.Fatal(err)
		}
		old := strings.Replace(i.ID, i.ID[3:19], time.Unix(int64(n), 0).UTC().Format(idTime), 1)
		if err := os.Rename(m.path(i.ID), m.path(old)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Make(t.Context(), "alice", nil); err != nil || len(m.List()) != Keep {
		t.Errorf("%d are kept, %v", len(m.List()), err)
	}
	for _, id := range []string{"../x", "", "sb-20260101t000000z-aaaaaa/../x"} {
		if _, err := m.Get(id); !problem.Is(err, problem.NotFound) || m.Delete(id) != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.o.Sources = []Source{{"x", func(context.Context, io.Writer) error { return nil }}}
	if _, err := m.Make(ctx, "alice", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(m.o.Dir, "*"+partial)); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}
