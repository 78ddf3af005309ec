package api

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fcredirect/mgmt/config"
)

// pair writes a pair of files that is valid for so long.
func pair(t *testing.T, dir string, names ...string) (cert, key string) {
	t.Helper()
	c, k, err := selfSigned(names, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	for file, text := range map[string][]byte{cert: c, key: k} {
		if err := write(file, text); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestAGivenCertificateIsTakenOverWhenItsFilesChangeAndOnlyIfItCanBeUsed(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "first.example")
	var log bytes.Buffer
	s, err := newCertificates(dir, &config.Config{API: config.API{Certificate: cert, Key: key, Hosts: []string{"extra"}}}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !s.knows("First.example") || !s.knows("extra") || s.knows("second.example") {
		t.Error("it does not know its names")
	}
	first := s.fingerprint()
	if err := write(cert, []byte("nonsense")); err != nil {
		t.Fatal(err)
	}
	if err := s.renew(); err == nil || s.fingerprint() != first {
		t.Errorf("nonsense: %v", err)
	}
	if err := s.renew(); err != nil {
		t.Errorf("the same trouble is told twice: %v", err)
	}
	pair(t, dir, "second.example")
	if err := s.renew(); err != nil || s.fingerprint() == first || !s.knows("second.example") {
		t.Errorf("second: %v", err)
	}
	if strings.Contains(log.String(), "PRIVATE") {
		t.Error("the log has the key")
	}
}

// TestTheRoleShowsANewCertificateWhenItsFilesChange: it looks after them while it serves.
func TestTheRoleShowsANewCertificateWhenItsFilesChange(t *testing.T) {
	dir := t.TempDir()
	o := options(t)
	o.Config.API.Certificate, o.Config.API.Key = pair(t, dir, "first.example")
	o.look = time.Millisecond
	n := serving(t, o)
	shown := func() []string {
		conn, err := tls.Dial("tcp", n.Addresses()[0], &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].DNSNames
	}
	if names := shown(); !slices.Contains(names, "first.example") {
		t.Fatal(names)
	}
	pair(t, dir, "second.example")
	for deadline := time.Now().Add(10 * time.Second); !slices.Contains(shown(), "second.example"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it still shows the first one")
		}
	}
}

func TestACertificateOfOursIsKeptAndRenewedInTime(t *testing.T) {
	dir := t.TempDir()
	c := &config.Config{Node: "fcr-t", API: config.API{Listen: []string{"192.0.2.1:1"}, Hosts: []string{"fcr.example"}}}
	s, err := newCertificates(dir, c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	leaf := s.current.Load().Leaf
	for _, name := range []string{"fcr-t", "fcr.example", "localhost", "127.0.0.1", "::1", "192.0.2.1"} {
		if leaf.VerifyHostname(name) != nil {
			t.Errorf("it is not for %s", name)
		}
	}
	if got := time.Until(leaf.NotAfter); got < validity-time.Hour || got > validity {
		t.Errorf("valid for %v", got)
	}
	again, err := newCertificates(dir, c, slog.New(slog.DiscardHandler))
	if err != nil || again.fingerprint() != s.fingerprint() {
		t.Errorf("another start makes another one: %v", err)
	}
	old, key, err := selfSigned(s.names, time.Now().Add(renewal-validity-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string][]byte{s.cert: old, s.key: key} {
		if err := write(file, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.renew(); err != nil { // takes over the old one
		t.Fatal(err)
	}
	before := s.fingerprint()
	if err := s.renew(); err != nil || s.fingerprint() == before {
		t.Errorf("not renewed: %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 || !slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() == "key.pem" }) {
		t.Errorf("%v %v", files, err)
	}
}

func TestACertificateThatCannotBeUsedIsAnErrorAtTheStart(t *testing.T) {
	dir := t.TempDir()
	cert, _ := pair(t, dir, "x")
	other := t.TempDir()
	_, key := pair(t, other, "y")
	for name, c := range map[string]config.API{
		"no files":             {Certificate: dir + "/none", Key: dir + "/none"},
		"of two pairs":         {Certificate: cert, Key: key},
		"longer than any":      {Certificate: "/dev/zero", Key: key},
		"the key in its place": {Certificate: key, Key: key},
	} {
		if _, err := newCertificates(dir, &config.Config{API: c}, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
