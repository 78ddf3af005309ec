package pcapng

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sample writes a file with two interfaces, two frames and statistics.
func sample(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, Section{Hardware: "hw", OS: "os", Application: "app", Comment: "note"})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []Interface{
		{Name: "edge0", Description: "towards hosts", Filter: "flow 7", MAC: [6]byte{2, 0, 0, 0, 0, 1}, Speed: 10_000_000_000, Snap: 128},
		{Name: "fabric0", Snap: 128},
	} {
		if _, err := w.Interface(i); err != nil {
			t.Fatal(err)
		}
	}
	frame := append(make([]byte, 12), 0x89, 0x06)
	frame = append(frame, make([]byte, 47)...)
	for i, p := range []Packet{
		{Interface: 0, Time: 1_700_000_000_123_456_789, Len: 2148, Data: frame, Direction: Inbound, Comment: "verdict: steered; rule: backup"},
		{Interface: 1, Time: 1_700_000_000_123_456_790, Len: len(frame), Data: frame, Direction: Outbound},
	} {
		if err := w.Packet(&p); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := w.Statistics(Statistics{Interface: 0, Start: 1, End: 1_700_000_001_000_000_000, Received: 9, Dropped: 4, Written: 1, Comment: "4 missed"}); err != nil {
		t.Fatal(err)
	}
	if w.Written() != int64(b.Len()) {
		t.Errorf("%d bytes written, %d said", b.Len(), w.Written())
	}
	return b.Bytes()
}

func TestTsharkReadsNamesTimesCommentsAndDirections(t *testing.T) {
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: apt-get install tshark")
	}
	path := filepath.Join(t.TempDir(), "sample.pcapng")
	if err := os.WriteFile(path, sample(t), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-r", path, "-T", "fields", "-E", "separator=|"}
	for _, f := range []string{"frame.interface_name", "frame.interface_description", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.comment", "frame.packet_flags_direction"} {
		args = append(args, "-e", f)
	}
	cmd := exec.Command(program, args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	want := []string{
		"edge0|towards hosts|1700000000.123456789|2148|61|verdict: steered; rule: backup|0x00000001",
		"fabric0||1700000000.123456790|61|61||0x00000002",
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("frame %d: %q, want %q", i+1, got[min(i, len(got)-1)], want[i])
		}
	}
	if strings.Contains(complaints.String(), "appears to be damaged") || strings.Contains(complaints.String(), "cut short") {
		t.Error(complaints.String())
	}
	capinfos, err := exec.LookPath("capinfos")
	if err != nil {
		return
	}
	about, err := exec.Command(capinfos, path).Output()
	for _, want := range []string{"hw", "os", "app", "note", "pcapng", "Number of stat entries = 1", "Time resolution = 0x09"} {
		if err != nil || !bytes.Contains(about, []byte(want)) {
			t.Errorf("capinfos (%v) does not say %q:\n%s", err, want, about)
		}
	}
}

func TestEachBlockIsOneWriteAndAFailedOneIsAnError(t *testing.T) {
	fail := errors.New("full")
	for n := range 6 {
		left := n
		err := func() error {
			w, err := NewWriter(writerFunc(func(b []byte) (int, error) {
				if left--; left < 0 {
					return 0, fail
				}
				return len(b), nil
			}), Section{})
			if err != nil {
				return err
			}
			if _, err := w.Interface(Interface{}); err != nil {
				return err
			}
			if err := w.Packet(&Packet{Len: 4, Data: []byte("abcd")}); err != nil {
				return err
			}
			return w.Statistics(Statistics{})
		}()
		if want := n < 4; errors.Is(err, fail) != want {
			t.Errorf("write %d fails: %v", n, err)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, Section{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Interface(Interface{Description: strings.Repeat("x", 2*maxOption)}); err != nil {
		t.Fatal(err)
	}
	size := b.Len()
	for name, p := range map[string]Packet{
		"another interface": {Interface: 1, Len: 1, Data: []byte{1}}, "less than is there": {Len: 1, Data: []byte{1, 2}}, "before 1970": {Time: -1, Len: 1},
		"interface -1": {Interface: -1},
	} {
		if w.Packet(&p) == nil {
			t.Errorf("%s was written", name)
		}
	}
	if w.Statistics(Statistics{Interface: 1}) == nil || b.Len() != size {
		t.Error("what is refused leaves traces")
	}
}
