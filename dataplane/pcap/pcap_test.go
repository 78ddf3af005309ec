package pcap

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// capture builds a file by hand, independent of Writer.
func capture(order binary.AppendByteOrder, magic uint32, records ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(b, 65535)
	b = order.AppendUint32(b, LinkEthernet)
	for _, r := range records {
		b = append(b, r...)
	}
	return b
}

func record(order binary.AppendByteOrder, seconds, fraction, wire uint32, data string) []byte {
	b := order.AppendUint32(nil, seconds)
	b = order.AppendUint32(b, fraction)
	b = order.AppendUint32(b, uint32(len(data)))
	b = order.AppendUint32(b, wire)
	return append(b, data...)
}

// readAll returns "time:len:data" of every record, and the error that ended the reading.
func readAll(r *Reader) (lines []string, err error) {
	for {
		rec, err := r.Next()
		if err != nil {
			return lines, err
		}
		lines = append(lines, fmt.Sprintf("%d:%d:%s", rec.Time, rec.Len, rec.Data))
	}
}

func TestReader(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	two := func(order binary.AppendByteOrder, magic uint32) []byte {
		return capture(order, magic, record(order, 1, 2, 5, "hello"), record(order, 3, 4, 1500, "cut"))
	}
	micro := "1000002000:5:hello 3000004000:1500:cut"
	nano := "1000000002:5:hello 3000000004:1500:cut"
	whole := two(le, magicNano)
	tests := []struct {
		name string
		file []byte
		want string
		err  error
	}{
		{"microseconds written by a little-endian machine", two(le, magicMicro), micro, io.EOF},
		{"microseconds written by a big-endian machine", two(be, magicMicro), micro, io.EOF},
		{"nanoseconds written by a little-endian machine", two(le, magicNano), nano, io.EOF},
		{"nanoseconds written by a big-endian machine", two(be, magicNano), nano, io.EOF},
		{"a file without records ends at once", capture(le, magicNano), "", io.EOF},
		{"a last record cut in its data gives the whole ones first", whole[:len(whole)-1],
			"1000000002:5:hello", io.ErrUnexpectedEOF},
		{"a last record cut before its data", whole[:len(whole)-3],
			"1000000002:5:hello", io.ErrUnexpectedEOF},
		{"a last record cut in its header", whole[:len(whole)-10],
			"1000000002:5:hello", io.ErrUnexpectedEOF},
		{"a wire length below the kept one is raised to it",
			capture(le, magicNano, record(le, 0, 0, 0, "abc")), "0:3:abc", io.EOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(tt.file))
			if err != nil {
				t.Fatal(err)
			}
			lines, err := readAll(r)
			if got := strings.Join(lines, " "); got != tt.want {
				t.Errorf("records %q, want %q", got, tt.want)
			}
			if !errors.Is(err, tt.err) {
				t.Errorf("ends with %v, want %v", err, tt.err)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("after the end: %v, want the same error again", again)
			}
			if r.Count() != len(lines) || r.LinkType() != LinkEthernet {
				t.Errorf("count %d, link type %d", r.Count(), r.LinkType())
			}
		})
	}
}

func TestReaderRefuses(t *testing.T) {
	le := binary.LittleEndian
	old := capture(le, magicMicro)
	le.PutUint16(old[4:], 1)
	huge := record(le, 0, 0, 0, "")
	le.PutUint32(huge[8:], MaxRecord+1)
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"an empty file", nil, "0 bytes of 24"},
		{"a file shorter than the header", capture(le, magicMicro)[:10], "10 bytes of 24"},
		{"another kind of file", []byte("#!/bin/sh\nexit 0\nand some more"), "not a pcap file"},
		{"pcapng, naming the cure", append([]byte{0x0A, 0x0D, 0x0D, 0x0A}, make([]byte, 40)...), "editcap"},
		{"a pcapng cut short, too", []byte{0x0A, 0x0D, 0x0D, 0x0A}, "editcap"},
		{"an unknown version", old, "version 1.4"},
		{"a record longer than any frame", append(capture(le, magicMicro), huge...), "record 1: length 262145"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(tt.file))
			if err == nil {
				_, err = r.Next()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestWriterIsReadBack(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Record{
		{Time: 0, Len: 3, Data: []byte("one")},
		{Time: 1_700_000_000_123_456_789, Len: 0, Data: nil},
		{Time: 4_294_967_295_999_999_999, Len: 9000, Data: []byte("kept")},
	} {
		if err := w.WriteRecord(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(5, []byte("last")); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := readAll(r)
	want := "0:3:one 1700000000123456789:0: 4294967295999999999:9000:kept 5:4:last"
	if got := strings.Join(lines, " "); got != want || err != io.EOF || w.Count() != 4 {
		t.Errorf("read back %q, %v, count %d; want %q", got, err, w.Count(), want)
	}
}

func TestWriterRefuses(t *testing.T) {
	w, err := NewWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Record{
		"a time before 1970":          {Time: -1},
		"a time after 2106":           {Time: 4_294_967_296_000_000_000},
		"a record beyond the limit":   {Len: MaxRecord + 1, Data: make([]byte, MaxRecord+1)},
		"more bytes than on the wire": {Len: 1, Data: []byte("ab")},
	} {
		if w.WriteRecord(r) == nil {
			t.Errorf("%s was written", name)
		}
	}
	if w.Count() != 0 {
		t.Errorf("count %d after refusals", w.Count())
	}
}

type failingWriter struct{ after int }

func (f *failingWriter) Write(b []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, errors.New("disk full")
	}
	return len(b), nil
}

func TestWriterPassesOnErrors(t *testing.T) {
	if _, err := NewWriter(&failingWriter{0}); err == nil {
		t.Error("header: no error")
	}
	w, err := NewWriter(&failingWriter{1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(0, []byte("x")); err == nil || w.Count() != 0 {
		t.Errorf("record: error %v, count %d", err, w.Count())
	}
}

func TestMerge(t *testing.T) {
	le := binary.LittleEndian
	file := func(times ...uint32) []byte {
		b := capture(le, magicNano)
		for i, at := range times {
			b = append(b, record(le, at, 0, 1, string(rune('0'+i)))...)
		}
		return b
	}
	tests := []struct {
		name  string
		files [][]byte
		want  string // input and record number of each
		cut   int
	}{
		{"records come in time order", [][]byte{file(1, 4, 5), file(2, 3, 6)}, "a0 b0 b1 a1 a2 b2", 0},
		{"at one time the earlier input comes first", [][]byte{file(1, 2, 2), file(1, 2)}, "a0 b0 a1 a2 b1", 0},
		{"times that go backwards keep their file's order", [][]byte{file(5, 1), file(2, 6)}, "b0 a0 a1 b1", 0},
		{"empty files give nothing", [][]byte{file(), file(1), file()}, "b0", 0},
		{"a cut file ends and the others go on", [][]byte{file(1, 2)[:57], file(3)}, "a0 b0", 1},
		{"no files at all", nil, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var readers []*Reader
			for _, f := range tt.files {
				r, err := NewReader(bytes.NewReader(f))
				if err != nil {
					t.Fatal(err)
				}
				readers = append(readers, r)
			}
			m, err := NewMerge(readers...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for {
				rec, from, err := m.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%c%s", 'a'+from, rec.Data))
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
			if len(m.Cut()) != tt.cut {
				t.Errorf("cut %v, want %d", m.Cut(), tt.cut)
			}
		})
	}
}

func TestMergeStopsAtDamage(t *testing.T) {
	le := binary.LittleEndian
	huge := record(le, 0, 0, 0, "")
	le.PutUint32(huge[8:], MaxRecord+1)
	good := record(le, 1, 0, 1, "x")
	r, err := NewReader(bytes.NewReader(append(capture(le, magicNano, good), huge...)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMerge(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Next(); err != nil {
		t.Fatal(err)
	}
	if _, from, err := m.Next(); err == nil || err == io.EOF || from != 0 {
		t.Errorf("a damaged record gave %v from %d", err, from)
	}
	if _, err := NewMerge(make([]*Reader, MaxMerge+1)...); err == nil {
		t.Error("more files than the limit were taken")
	}
}

// The judge of what Writer writes is another program.
func TestTsharkReadsWhatIsWritten(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: apt-get install tshark")
	}
	path := filepath.Join(t.TempDir(), "w.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(f)
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 60)
	copy(frame[12:], []byte{0x88, 0xB5}) // EtherType for experiments
	if err := w.Write(1_700_000_000_000_000_001, frame); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteRecord(Record{Time: 1_700_000_001_000_000_000, Len: 1500, Data: frame}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", path, "-T", "fields",
		"-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	want := "1700000000.000000001\t60\t60\n1700000001.000000000\t1500\t60\n"
	if string(out) != want {
		t.Errorf("tshark reads %q, want %q", out, want)
	}
}

// startOfCapture is the beginning of a capture of Linux hosts, cut in the middle of a record.
func startOfCapture(t testing.TB) []byte {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "frame", "testdata", "linux-vn2vn-three-nodes.pcap.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	start := make([]byte, 2000)
	if _, err := io.ReadFull(unzipped, start); err != nil {
		t.Fatal(err)
	}
	return start
}

func TestACutCaptureOfLinuxHostsIsReadUpToTheCut(t *testing.T) {
	r, err := NewReader(bytes.NewReader(startOfCapture(t)))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := readAll(r)
	if len(lines) != 7 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d records, then %v", len(lines), err)
	}
}

func FuzzReader(f *testing.F) {
	le, be := binary.LittleEndian, binary.BigEndian
	f.Add(capture(le, magicMicro, record(le, 1, 2, 5, "hello")))
	f.Add(capture(be, magicNano, record(be, 1, 2, 5, "hello"), record(be, 1, 2, 9, "cut")))
	f.Add(capture(le, magicNano, record(le, 1, 2, 5, "hello"))[:30])
	f.Add([]byte{0x0A, 0x0D, 0x0D, 0x0A})
	f.Add(startOfCapture(f))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		var out bytes.Buffer
		w, err := NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		var first []string
		for {
			rec, err := r.Next()
			if err != nil {
				break
			}
			if len(rec.Data) > rec.Len || len(rec.Data) > MaxRecord {
				t.Fatalf("record of %d bytes, %d on the wire", len(rec.Data), rec.Len)
			}
			if w.WriteRecord(rec) != nil {
				return // a time fraction that carries into 2106
			}
			first = append(first, fmt.Sprintf("%d:%d:%s", rec.Time, rec.Len, rec.Data))
		}
		again, err := NewReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		second, err := readAll(again)
		if err != io.EOF || strings.Join(first, "\n") != strings.Join(second, "\n") {
			t.Fatalf("written and read back: %v\n%q\n%q", err, first, second)
		}
	})
}
