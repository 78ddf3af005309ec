package policy

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fcredirect/dataplane/frame"
)

func exampleFlat(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := Parse("policy.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	flat, _, err := Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	return flat
}

func TestATornCopyIsAnError(t *testing.T) {
	flat := exampleFlat(t)
	for n := 0; n < len(flat); n += 97 {
		if _, err := Open(flat[:n]); err == nil {
			t.Fatalf("%d of %d bytes were opened", n, len(flat))
		}
		torn := append(bytes.Clone(flat[:n]), make([]byte, len(flat)-n)...)
		if _, err := Open(torn); err == nil && !bytes.Equal(torn, flat) {
			t.Fatalf("%d of %d bytes and zeros were opened", n, len(flat))
		}
	}
	if _, err := Open(append(bytes.Clone(flat), 0)); err == nil {
		t.Error("a byte too many was opened")
	}
	for i := range flat {
		if i > 1024 && i%61 != 0 {
			continue
		}
		flat[i] ^= 0x40
		if _, err := Open(flat); err == nil {
			t.Fatalf("byte %d changed and was opened", i)
		}
		flat[i] ^= 0x40
	}
	if _, err := Open(flat); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherFormatSaysSo(t *testing.T) {
	flat := exampleFlat(t)
	le.PutUint32(flat[8:], 2)
	if _, err := Open(flat); err == nil || !strings.Contains(err.Error(), "format 2 is not 1") {
		t.Errorf("got %v", err)
	}
	if _, err := Open([]byte(strings.Repeat("policies: []\n", 100))); err == nil || !strings.Contains(err.Error(), "magic") {
		t.Errorf("got %v", err)
	}
}

// sign makes the hash right, as somebody would who wants us to read out of bounds.
func sign(flat []byte) {
	if len(flat) >= headerSize {
		sum := contentHash(flat)
		copy(flat[hashOffset:], sum[:])
	}
}

// checkSound uses everything of a snapshot that was opened: nothing may panic, and the
// index must agree with the walk.
func checkSound(t interface{ Fatalf(string, ...any) }, flat []byte) {
	s, err := Open(flat)
	if err != nil {
		return
	}
	ports := []frame.WWN{0, 1, 0x200002fc01000001, ^frame.WWN(0)}
	for i := 0; i < s.Aliases(); i++ {
		w := frame.WWN(le.Uint64(s.aliases[16*i:]))
		ports = append(ports, w)
		if got, ok := s.Lookup(s.AliasOf(w)); !ok || got != w {
			t.Fatalf("alias %q of %v is looked up as %v", s.AliasOf(w), w, got)
		}
	}
	for i := 0; i < len(s.members)/16 && i < 8; i++ {
		ports = append(ports, frame.WWN(le.Uint64(s.members[16*i:])))
	}
	for i := range s.Services() {
		s.Service(i)
	}
	for _, initiator := range ports {
		for _, target := range ports {
			for _, vsan := range []uint16{0, 150, 4095} {
				x := s.Explain(initiator, target, vsan)
				if v := s.Evaluate(initiator, target, vsan); v != x.Verdict {
					t.Fatalf("Evaluate %+v, Explain %+v", v, x.Verdict)
				}
				x.Outcome()
				for i := range x.Rules {
					x.Why(i)
				}
			}
		}
	}
}

// TestAHostileBlobIsRefusedOrSound changes bytes and signs the result.
func TestAHostileBlobIsRefusedOrSound(t *testing.T) {
	flat := exampleFlat(t)
	opened := 0
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(flat)
		// The table of first rules is most of a small policy, and the dullest part.
		dull := int(le.Uint32(b[hashEnd+8*secFirstByVSAN:]))
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			if at >= dull && at < dull+4*vsanEnd {
				at = rapid.IntRange(hashEnd, dull).Draw(t, "instead")
			}
			b[at] = rapid.Byte().Draw(t, "byte")
		}
		sign(b)
		if _, err := Open(b); err == nil {
			opened++
		}
		checkSound(t, b)
	})
	t.Logf("%d were opened", opened)
}

// FuzzOpen gives Open anything, signed so that the hash does not stand in the way.
func FuzzOpen(f *testing.F) {
	f.Add(exampleFlat(f))
	doc, err := Parse("p", []byte("policies: []"))
	if err != nil {
		f.Fatal(err)
	}
	empty, _, err := Compile(doc)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(empty)
	f.Fuzz(func(t *testing.T, flat []byte) {
		flat = bytes.Clone(flat)
		if len(flat) >= headerSize {
			copy(flat, magic)
			le.PutUint64(flat[16:], uint64(len(flat)))
			sign(flat)
		}
		checkSound(t, flat)
	})
}

// FuzzParse gives the parser anything; what compiles must open and be sound.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/policy.yaml", "testdata/bad/actions.yaml", "testdata/bad/aliases.yaml", "testdata/bad/sets.yaml", "testdata/bad/vsans.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := Parse("policy.yaml", text)
		if err != nil {
			_ = err.Error()
			return
		}
		flat, warnings, err := Compile(doc)
		if err != nil {
			_ = err.Error()
			return
		}
		for _, w := range warnings {
			_ = w.Error()
		}
		if len(doc.Rules) < 50 {
			checkSound(t, flat)
		}
	})
}
