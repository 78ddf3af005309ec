package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifySaysWhatIsWrong checks each kind of damage that the comparison tells apart, on a plain file.
func TestVerifySaysWhatIsWrong(t *testing.T) {
	const size = 3 << 20 / 2 // not a whole number of chunks
	for _, c := range []struct {
		name   string
		damage func(b []byte)
		want   string // "" means that verify must be content
	}{
		{"an untouched pattern is accepted", func([]byte) {}, ""},
		{"one flipped bit is damage", func(b []byte) { b[5*sectorBytes+100] ^= 1 }, "sector 5 holds damaged data; 1 of 2048"},
		{"a sector that was never written is told", func(b []byte) { clear(b[7*sectorBytes:][:sectorBytes]) }, "sector 7 holds zeroes; 1 of 2048"},
		{"a misplaced sector names where it belongs", func(b []byte) { copy(b[2048*sectorBytes:][:sectorBytes], b[9*sectorBytes:]) },
			"sector 2048 holds what was written to sector 9 with seed 42; 1 of 1024"},
		{"data of an earlier write name their seed", func(b []byte) { fill(b[:4*sectorBytes], 41, 0) },
			"sector 0 holds what was written to sector 0 with seed 41; 4 of 2048"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk")
			if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := write(path, size, 42); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c.damage(b)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			err = verify(path, size, 42)
			if c.want == "" && err != nil {
				t.Fatalf("verify: %v", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("verify said %v, want %q", err, c.want)
			}
		})
	}
}

func TestAShortDiskIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, make([]byte, sectorBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := verify(path, 2*sectorBytes, 1); err == nil || !strings.Contains(err.Error(), "read") {
		t.Fatalf("verify of half a pattern said %v", err)
	}
}

func TestRunRefusesBadArguments(t *testing.T) {
	for _, args := range [][]string{nil, {"write", "/nowhere"}, {"verify", "/nowhere", "100", "1"}, {"verify", "/nowhere", "512", "x"}, {"erase", "/nowhere", "512", "1"}} {
		if _, err := run(args); err == nil {
			t.Errorf("run(%q) did not complain", args)
		}
	}
}
