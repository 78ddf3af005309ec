package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
	"fcredirect/mgmt/webhook"
)

// control is change control.
type control struct {
	active, pending, history []byte
	put                      []string
	refuse                   error
}

func (c *control) Documents(context.Context) ([]byte, uint64, []byte, error) {
	return c.active, 7, c.pending, nil
}

func (c *control) History(context.Context) ([]byte, error) { return c.history, nil }

func (c *control) Put(_ context.Context, who string, text []byte, dry bool) error {
	c.put = append(c.put, fmt.Sprint(who, " ", dry, " ", string(text)))
	return c.refuse
}

const hash = "$argon2id$v=19$m=32768,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"

func newKeeper(t *testing.T) (*Keeper, *control, *settings.Store) {
	t.Helper()
	s, err := settings.Open(settings.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := &control{active: []byte("policies: []\n"), history: []byte("{}\n")}
	k, err := New(Options{Dir: filepath.Join(t.TempDir(), "backups"), Settings: s, Configuration: c, Roles: []byte("{}"), Node: "fcr-t", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	return k, c, s
}

func fill(t *testing.T, s *settings.Store) {
	t.Helper()
	err := s.UpdateLocal(t.Context(), func(tx *settings.Tx) error {
		tx.Put("user", "alice", map[string]any{"id": "u1", "role": "admin", "hash": hash})
		tx.Put("token", tokenID, tokenOf("alice", "u1"))
		tx.Put("token", "b"+tokenID[1:], tokenOf("somebody else", "u2"))
		tx.Put(webhook.Kind, "ops", webhook.Hook{URL: "https://ops.example.net/", Enabled: true})
		tx.Put(webhook.SecretKind, "ops", map[string]string{"secret": "whsec_hunter2"})
		tx.Put("local.session", "s1", map[string]string{"secret": "hunter2"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

const tokenID = "aaaaaaaaaaaaaaaa"

func tokenOf(owner, id string) map[string]any {
	return map[string]any{"name": "ci", "owner": owner, "owner_id": id, "role": "viewer", "digest": strings.Repeat("ab", 32)}
}

func archiveOf(t *testing.T, k *Keeper, id string) []byte {
	t.Helper()
	f, _, err := k.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// unpacked is all that is in an archive.
func unpacked(t *testing.T, archive []byte) string {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestABackupComesBackOnAnotherMachine(t *testing.T) {
	k, c, s := newKeeper(t)
	fill(t, s)
	c.pending = []byte("policies: [] # edited\n")
	info, err := k.Make(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	if info.Manifest.Records["user"] != 1 || info.Manifest.Revision != 7 || len(k.List()) != 1 || info.Uploaded {
		t.Errorf("%+v", info)
	}
	archive := archiveOf(t, k, info.ID)
	if text := unpacked(t, archive); strings.Contains(text, "hunter2") || strings.Contains(text, "local.") || !strings.Contains(text, hash) {
		t.Error("a secret left the machine, or the hash of an account did not")
	}

	other, control, store := newKeeper(t)
	back, err := other.Add(archive)
	if err != nil || !back.Uploaded {
		t.Fatalf("%+v, %v", back, err)
	}
	control.active = []byte("policies: [] # another one\n")
	all := RestoreParts{Policy: true, Accounts: true, Webhooks: true}
	for _, dry := range []bool{true, false} {
		o, err := other.Restore(t.Context(), back.ID, all, "bob", dry, nil)
		if err != nil || !o.Policy || fmt.Sprint(o.Accounts, o.Tokens, o.Webhooks) != "[alice] 1 [ops]" {
			t.Fatalf("dry %v: %+v, %v", dry, o, err)
		}
		if _, there := store.Get("user", "alice"); there == dry {
			t.Errorf("dry %v: the account is there: %v", dry, there)
		}
	}
	if got := strings.Join(control.put, "|"); got != "bob true policies: []\n|bob true policies: []\n|bob false policies: []\n" {
		t.Errorf("put %q", got)
	}
	var h webhook.Hook
	if rec, _ := store.Get(webhook.Kind, "ops"); rec.Decode(&h) != nil || h.Enabled {
		t.Errorf("a webhook without a secret is enabled: %+v", h)
	}
	if o, err := other.Restore(t.Context(), back.ID, all, "bob", false, nil); err != nil || len(o.Accounts) != 0 || len(o.Kept) != 2 {
		t.Errorf("once more: %+v, %v", o, err)
	}
	control.active = c.active
	if o, err := other.Restore(t.Context(), back.ID, RestoreParts{Policy: true}, "bob", false, nil); err != nil || o.Policy || len(o.Notes) != 1 {
		t.Errorf("what is in force already: %+v, %v", o, err)
	}
	if _, err := other.Restore(t.Context(), back.ID, RestoreParts{Pending: true}, "bob", false, nil); err != nil || !strings.Contains(control.put[len(control.put)-1], "# edited") {
		t.Errorf("what was pending: %v", err)
	}
}

func TestAccountsComeBackOnlyWhenAskedFor(t *testing.T) {
	k, _, s := newKeeper(t)
	fill(t, s)
	info, err := k.Make(t.Context(), "alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, c, store := newKeeper(t)
	back, err := other.Add(archiveOf(t, k, info.ID))
	if err != nil {
		t.Fatal(err)
	}
	if o, err := other.Restore(t.Context(), back.ID, RestoreParts{Policy: true}, "bob", false, nil); err != nil || len(store.List("")) != 0 {
		t.Errorf("%+v, %v: %d records", o, err, len(store.List("")))
	}
	c.refuse = problem.New(problem.Locked, "Somebody edits.")
	if _, err := other.Restore(t.Context(), back.ID, RestoreParts{Policy: true, Accounts: true}, "bob", false, nil); !problem.Is(err, problem.Locked) || len(store.List("")) != 0 {
		t.Errorf("a restore that cannot be done changed something: %v", err)
	}
}

// forge makes an archive of any manifest and entries.
func forge(t testing.TB, m BackupManifest, entries []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, m, entries); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// raw makes an archive of tar headers and contents as they are.
func raw(t testing.TB, entries ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z, _ := zstd.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(entries); i += 2 {
		h, content := entries[i].(tar.Header), entries[i+1].([]byte)
		h.Size = int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var sound = BackupManifest{Format: Format, Product: product, Node: "n", Made: time.Unix(1e9, 0)}

func file(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600} }

func manifestFor(members ...BackupMember) []byte {
	m := sound
	m.Members = members
	b, _ := json.Marshal(m)
	return b
}

func TestArchivesThatAreRefused(t *testing.T) {
	body, policy := []byte(`{"kind":"user","name":"a","body":{}}`+"\n"), []byte("policies: []\n")
	whole := forge(t, sound, []entry{{settingsName, body}, {activeName, policy}})
	if _, err := Read(bytes.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
	settled := memberOf(settingsName, body)
	newer := sound
	newer.Format = Format + 1
	withSettings := func(lines string) []byte {
		return forge(t, sound, []entry{{settingsName, []byte(lines)}, {activeName, policy}})
	}
	bomb := forge(t, sound, []entry{{settingsName, make([]byte, MaxContent+1)}, {activeName, policy}})
	link := file("settings.jsonl")
	link.Typeflag, link.Linkname = tar.TypeSymlink, "/etc/shadow"
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"nothing":                          {nil, "no backup"},
		"no archive":                       {[]byte("hunter2"), "no backup"},
		"one cut off":                      {whole[:len(whole)-20], "damaged"},
		"one of a newer version":           {forge(t, newer, nil), "newer version"},
		"one of another product":           {raw(t, file(manifestName), []byte(`{"format":1,"product":"x"}`)), "this product"},
		"one without a manifest":           {raw(t, file(settingsName), body), "begin with its manifest"},
		"a manifest that is none":          {raw(t, file(manifestName), []byte("hunter2")), "this product"},
		"a manifest with unknown members":  {raw(t, file(manifestName), []byte(`{"format":1,"product":"fc-redirect","x":1}`)), "cannot be read"},
		"an entry changed":                 {raw(t, file(manifestName), manifestFor(settled), file(settingsName), append([]byte(" "), body...)), "damaged or changed"},
		"an entry missing":                 {raw(t, file(manifestName), manifestFor(settled)), "cut off"},
		"an entry twice":                   {raw(t, file(manifestName), manifestFor(settled), file(settingsName), body, file(settingsName), body), "twice"},
		"an entry twice in the manifest":   {raw(t, file(manifestName), manifestFor(settled, settled)), "twice"},
		"an entry that nobody announced":   {raw(t, file(manifestName), manifestFor(), file(settingsName), body), "not in its manifest"},
		"a path that leads out":            {raw(t, file(manifestName), manifestFor(memberOf("../../etc/cron.d/x", body))), "not known"},
		"an absolute path":                 {raw(t, file(manifestName), manifestFor(), file("/etc/passwd"), body), "not in its manifest"},
		"a link":                           {raw(t, file(manifestName), manifestFor(settled), link, []byte{}), "no file"},
		"two manifests":                    {raw(t, file(manifestName), manifestFor(), file(manifestName), manifestFor()), "begin with its manifest"},
		"no settings":                      {forge(t, sound, []entry{{activeName, policy}}), "no settings"},
		"a bomb":                           {bomb, "longer"},
		"a manifest without an end":        {raw(t, file(manifestName), make([]byte, maxManifest+1)), "longer"},
		"more than may be uploaded":        {append(whole, make([]byte, MaxFile)...), ""},
		"a secret of a machine":            {withSettings(`{"kind":"local.session","name":"a","body":{}}`), "never leaves"},
		"a record without a body":          {withSettings(`{"kind":"user","name":"a"}`), "is none"},
		"a record without a name":          {withSettings(`{"kind":"user","body":{}}`), "is none"},
		"a record twice":                   {withSettings(string(body) + string(body)), "twice"},
		"records that are none":            {withSettings(`hunter2`), "line 1"},
		"a record with a name out of size": {withSettings(`{"kind":"user","name":"` + strings.Repeat("a", 300) + `","body":{}}`), "is none"},
	} {
		_, err := Read(bytes.NewReader(c.archive))
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestAForgedAccountIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"a role that there is not":      `{"id":"x","role":"god","hash":"` + hash + `"}`,
		"no id":                         `{"role":"admin","hash":"` + hash + `"}`,
		"a hash that takes all memory":  `{"id":"x","role":"admin","hash":"$argon2id$v=19$m=99999999,t=3,p=1$c2FsdA$aGFzaA"}`,
		"a hash that takes for ever":    `{"id":"x","role":"admin","hash":"$argon2id$v=19$m=999999,t=99,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"}`,
		"the id of the unix socket":     `{"id":"root@local","role":"admin","hash":"` + hash + `"}`,
		"a count that is none":          `{"id":"x","role":"admin","hash":"` + hash + `","passwords":"many"}`,
		"a password in place of a hash": `{"id":"x","role":"admin","hash":"hunter2"}`,
	} {
		k, _, s := newKeeper(t)
		archive := forge(t, sound, []entry{{settingsName, []byte(`{"kind":"user","name":"mallory","body":` + body + "}\n")}, {activeName, []byte("policies: []\n")}})
		i, err := k.Add(archive)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Restore(t.Context(), i.ID, RestoreParts{Accounts: true}, "bob", false, nil); !problem.Is(err, problem.Invalid) || len(s.List("user")) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAForgedTokenDoesNotComeBack(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"of the unix socket": {"owner_id": "root@local"}, "of another account": {"owner_id": "u2"}, "of a role that there is not": {"role": "god"},
		"with a time that is none": {"created": "soon"}, "without a digest": {"digest": ""}, "for no network": {"addresses": []string{"10.0.0.1/8"}},
	} {
		k, _, s := newKeeper(t)
		token := tokenOf("mallory", "u1")
		maps.Copy(token, change)
		account := map[string]any{"kind": "user", "name": "mallory", "body": map[string]any{"id": "u1", "role": "viewer", "hash": hash}}
		var lines []byte
		for _, r := range []any{account, map[string]any{"kind": "token", "name": tokenID, "body": token}} {
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(append(lines, line...), '\n')
		}
		i, err := k.Add(forge(t, sound, []entry{{settingsName, lines}, {activeName, []byte("policies: []\n")}}))
		if err != nil {
			t.Fatal(err)
		}
		o, err := k.Restore(t.Context(), i.ID, RestoreParts{Accounts: true}, "bob", false, nil)
		if err != nil || o.Tokens != 0 || len(s.List("token")) != 0 || len(s.List("user")) != 1 || !strings.Contains(strings.Join(o.Notes, " "), "1 tokens are not valid") {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
	}
}

func TestTheFolderIsBoundedAndItsNamesAreNoPaths(t *testing.T) {
	k, _, _ := newKeeper(t)
	var first string
	for n := range Keep + 2 {
		i, err := k.Make(t.Context(), "alice", nil)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = i.ID
		}
		// One a second at most would be sorted by time; here the second stays, so older ones are named so.
		old := strings.Replace(i.ID, i.ID[3:19], time.Unix(int64(n), 0).UTC().Format("20060102t150405z"), 1)
		if err := os.Rename(k.path(i.ID), k.path(old)); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = old
		}
	}
	if _, err := k.Make(t.Context(), "alice", nil); err != nil || len(k.List()) != Keep {
		t.Errorf("%d are kept, %v", len(k.List()), err)
	}
	if _, err := k.Get(first); !problem.Is(err, problem.NotFound) {
		t.Errorf("the oldest is there: %v", err)
	}
	for _, id := range []string{"../../etc/passwd", "bk-20260101t000000z-aaaaaa/../x", "", "bk-20260101t000000z-aaaaaa\x00"} {
		if _, err := k.Get(id); !problem.Is(err, problem.NotFound) || k.Delete(id) != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	if err := os.WriteFile(k.path("bk-20270101t000000z-aaaaaa")+partial, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(k.o); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(k.o.Dir, "*"+partial)); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func FuzzRead(f *testing.F) {
	body, policy := []byte(`{"kind":"user","name":"a","body":{}}`+"\n"), []byte("policies: []\n")
	f.Add(forge(f, sound, []entry{{settingsName, body}, {activeName, policy}}))
	f.Add(raw(f, file(manifestName), manifestFor(memberOf(settingsName, body)), file(settingsName), body))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Read(bytes.NewReader(b))
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("not a problem of the one who sent it: %v", err)
			}
			return
		}
		for _, r := range c.Records {
			if r.Local() || r.Kind == "" || r.Name == "" {
				t.Fatalf("took %+v", r)
			}
		}
	})
}
