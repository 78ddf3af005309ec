package revision

import (
	"bytes"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"fcredirect/dataplane/command"
)

// FuzzAnyFileIsLoadedWholeOrRefused puts bytes where the confirmed policy should be: what Load gives is what Save wrote,
// or an error, and never more than was there.
func FuzzAnyFileIsLoadedWholeOrRefused(f *testing.F) {
	folder, err := OpenFolder(f.TempDir(), "node")
	if err != nil {
		f.Fatal(err)
	}
	sha, err := command.Keep(folder.Documents(), []byte("policies: []\n"))
	if err != nil {
		f.Fatal(err)
	}
	want := Saved{Revision: 7, Since: 9, Hash: [32]byte{1}, Document: sha}
	if err := folder.Save(&want, []byte("flat form")); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(folder.path, confirmedFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:headerBytes])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, flat, text, found, err := folder.Load()
		if found != bytes.Equal(b, whole) && !forged(b) {
			t.Fatalf("found %v: %v", found, err)
		}
		if bytes.Equal(b, whole) && (s != want || string(flat) != "flat form" || string(text) != "policies: []\n") {
			t.Fatalf("%+v, %q, %q", s, flat, text)
		}
		if found && len(flat)+len(text)+headerBytes != len(b) {
			t.Fatalf("%d and %d bytes of %d", len(flat), len(text), len(b))
		}
	})
}

// forged says that somebody made a right checksum for other content: that is whole too.
func forged(b []byte) bool {
	if len(b) < headerBytes {
		return false
	}
	c := bytes.Clone(b)
	sum := le.Uint32(c[offSum:])
	le.PutUint32(c[offSum:], 0)
	return crc32.Checksum(c, table) == sum
}
