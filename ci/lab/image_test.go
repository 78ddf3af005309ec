package lab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"testing"
)

func TestModulesLoadAfterWhatTheyDependOn(t *testing.T) {
	graph := map[string][]string{"fcoe": {"libfcoe", "libfc"}, "libfcoe": {"libfc"}, "libfc": {"scsi_transport_fc"}, "scsi_transport_fc": nil, "e1000": nil}
	depends := func(name string) ([]string, error) {
		needs, known := graph[name]
		if !known {
			return nil, errors.New("no module " + name)
		}
		return needs, nil
	}
	order, err := loadOrder([]string{"e1000", "fcoe", "libfc"}, depends)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"e1000", "scsi_transport_fc", "libfc", "libfcoe", "fcoe"}; !slices.Equal(order, want) {
		t.Errorf("order is %v, want %v", order, want)
	}
	if _, err := loadOrder([]string{"tcm_fc"}, depends); err == nil {
		t.Error("a module that does not exist was not noticed")
	}
}

func TestKernelRelease(t *testing.T) {
	if got, err := kernelRelease("linux-image-amd64\n  Depends: linux-image-6.1.0-56-amd64\n"); err != nil || got != "6.1.0-56-amd64" {
		t.Errorf("release %q, error %v", got, err)
	}
	if got, err := kernelRelease("<linux-image-amd64>\n"); err == nil {
		t.Errorf("release %q of an unknown package", got)
	}
}

func TestModinfoDepends(t *testing.T) {
	for _, c := range []struct {
		name, info string
		want       []string
	}{
		{"a list is split, and dashes become underscores", "license=GPL\x00depends=libfc,crc-t10dif\x00retpoline=Y\x00", []string{"libfc", "crc_t10dif"}},
		{"an empty list is none", "depends=\x00name=e1000\x00", nil},
		{"no entry is none", "name=e1000\x00", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := modinfoDepends([]byte(c.info)); !slices.Equal(got, c.want) {
				t.Errorf("depends on %v, want %v", got, c.want)
			}
		})
	}
}

func TestKernelPayloadStaysInsideTheFile(t *testing.T) {
	bzImage := func(setupSectors byte, offset, length uint32, payload string) []byte {
		b := make([]byte, 4096)
		copy(b[0x202:], "HdrS")
		b[0x1f1] = setupSectors
		binary.LittleEndian.PutUint32(b[0x248:], offset)
		binary.LittleEndian.PutUint32(b[0x24c:], length)
		copy(b[(int(setupSectors)+1)*512+int(offset):], payload)
		return b
	}
	for _, c := range []struct {
		name string
		in   []byte
		good bool
	}{
		{"a payload is found", bzImage(3, 16, 100, "\xfd7zXZ\x00rest"), true},
		{"another packing is refused", bzImage(3, 16, 100, "\x28\xb5\x2f\xfd"), false},
		{"a payload beyond the end is refused", bzImage(3, 16, 4096, "\xfd7zXZ\x00"), false},
		{"a payload of nothing is refused", bzImage(3, 16, 2, "\xfd7zXZ\x00"), false},
		{"another file is refused", make([]byte, 4096), false},
		{"a short file is refused", []byte("MZ"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			payload, err := kernelPayload(c.in)
			if c.good != (err == nil) || c.good && (len(payload) != 96 || !bytes.HasPrefix(payload, []byte("\xfd7zXZ"))) {
				t.Errorf("payload of %d bytes, error %v", len(payload), err)
			}
		})
	}
}

// TestArchiveIsReadBack walks the archive by the numbers in its headers, as the kernel does.
func TestArchiveIsReadBack(t *testing.T) {
	a := &archive{}
	a.addDir("proc")
	a.add("bin/tool", modeExec, []byte("12345"))
	a.add("bin/other", modeFile, nil)
	var b bytes.Buffer
	if _, err := a.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	type entry struct {
		name, content string
		mode          int64
	}
	var got []entry
	for rest := b.Bytes(); ; {
		if string(rest[:6]) != "070701" {
			t.Fatalf("no header after %v", got)
		}
		number := func(field int) int64 {
			n, err := strconv.ParseInt(string(rest[6+8*field:][:8]), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		mode, size, nameSize := number(1), number(6), number(11)
		name := string(rest[110 : 110+nameSize-1])
		if name == "TRAILER!!!" {
			break
		}
		from := (110 + nameSize + 3) &^ 3
		got = append(got, entry{name, string(rest[from : from+size]), mode})
		rest = rest[(from+size+3)&^3:]
	}
	want := []entry{{"proc", "", modeDir}, {"bin", "", modeDir}, {"bin/tool", "12345", modeExec}, {"bin/other", "", modeFile}}
	if !slices.Equal(got, want) {
		t.Errorf("read back %v, want %v", got, want)
	}
}
