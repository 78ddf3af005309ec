package frame_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
)

// judged is a frame that we built and what tshark must see in it: "field=value" pairs,
// with spaces between. tshark puts a comma between the values of a field that occurs more
// than once; spaces in its values do not count.
type judged struct {
	name  string
	frame []byte
	want  string
}

// tshark prints the fields of every frame of a capture: one map a frame.
func tshark(t *testing.T, frames []judged, fields []string) []map[string]string {
	t.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: apt-get install tshark")
	}
	path := filepath.Join(t.TempDir(), "built.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pcap.NewWriter(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		if err := w.Write(int64(i)*1000, f.frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	args := []string{"-r", path, "-T", "fields", "-E", "separator=/t"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var all []map[string]string
	for line := range strings.Lines(string(out)) {
		seen := map[string]string{}
		for i, value := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
			seen[fields[i]] = value
		}
		all = append(all, seen)
	}
	return all
}

func TestTsharkAgreesWithEveryFrameWeBuild(t *testing.T) {
	var frames []judged
	frames = append(frames, fipFrames()...)
	frames = append(frames, elsFrames()...)
	frames = append(frames, ctFrames()...)
	frames = append(frames, fcpFrames()...)
	fields := []string{"_ws.malformed", "_ws.expert.message", "fcoe.crc.status", "frame.len"}
	for _, f := range frames {
		for _, pair := range strings.Fields(f.want) {
			field, _, _ := strings.Cut(pair, "=")
			if !slices.Contains(fields, field) {
				fields = append(fields, field)
			}
		}
	}
	seen := tshark(t, frames, fields)
	if len(seen) != len(frames) {
		t.Fatalf("tshark saw %d frames of %d", len(seen), len(frames))
	}
	for i, f := range frames {
		got := seen[i]
		if got["_ws.malformed"] != "" || strings.Contains(got["_ws.expert.message"], "alformed") {
			t.Errorf("%s: malformed: %s: % x", f.name, got["_ws.expert.message"], f.frame)
		}
		var h frame.Header
		if frame.Decode(f.frame, &h) == frame.OK && got["fcoe.crc.status"] != "1" {
			t.Errorf("%s: CRC status %q", f.name, got["fcoe.crc.status"])
		}
		for _, pair := range strings.Fields(f.want) {
			field, want, _ := strings.Cut(pair, "=")
			if strings.ReplaceAll(got[field], " ", "") != want {
				t.Errorf("%s: %s is %q, want %q", f.name, field, got[field], want)
			}
		}
	}
}

// A frame with a bad CRC must be seen as such, before and after a rewrite.
func TestTsharkSeesThatABadCRCStaysBad(t *testing.T) {
	h := header(frame.TypeFCP, frame.RCtlSolicitedData, 0x010203, 0x0a0b0c, 0x55)
	good := frame.AppendFCoE(nil, &h, make([]byte, 2048))
	bad := slices.Clone(good)
	bad[100] ^= 1
	tables := frame.NewCRCDelta()
	rewrite := func(b []byte) []byte {
		b = slices.Clone(b)
		raw := frame.AddressDelta(h.DID, h.SID, 0x040506, 0x0d0e0f)
		frame.RewriteAddresses(b, 28, 52+2048, 0x040506, 0x0d0e0f, tables.Word(raw, 24+2048))
		return b
	}
	frames := []judged{
		{"good", good, "1"}, {"good, rewritten", rewrite(good), "1"},
		{"bad", bad, "0"}, {"bad, rewritten", rewrite(bad), "0"},
	}
	for i, got := range tshark(t, frames, []string{"fcoe.crc.status", "fc.d_id", "fc.s_id"}) {
		if got["fcoe.crc.status"] != frames[i].want {
			t.Errorf("%s: CRC status %q, want %s", frames[i].name, got["fcoe.crc.status"], frames[i].want)
		}
		rewritten := got["fc.d_id"] == "04.05.06" && got["fc.s_id"] == "0d.0e.0f"
		if rewritten != (i%2 == 1) {
			t.Errorf("%s: addresses %s %s", frames[i].name, got["fc.d_id"], got["fc.s_id"])
		}
	}
}

const (
	hostPort, hostNode   frame.WWN = 0x200002fc01000001, 0x100002fc01000001
	arrayPort, arrayNode frame.WWN = 0x200002fc0a00000a, 0x100002fc0a00000a
	host, array                    = frame.FCID(0x010203), frame.FCID(0x0a0b0c)
)

// header is that of a whole sequence in one frame, of the exchange ox.
func header(kind, rctl uint8, did, sid frame.FCID, ox uint16) frame.Header {
	return frame.Header{
		Dst: frame.FPMA(frame.DefaultFCMap, did), Src: frame.FPMA(frame.DefaultFCMap, sid),
		SOF: frame.SOFi3, EOF: frame.EOFt, RCtl: rctl, DID: did, SID: sid, Type: kind,
		FCtl: frame.FCtlRequest, OXID: ox, RXID: frame.UnknownXID,
	}
}

// exchange makes a request from host to array and, unless it is nil, the answer.
func exchange(name string, ox uint16, kind, request, reply uint8, payload, answer []byte, want, wantAnswer string) []judged {
	h := header(kind, request, array, host, ox)
	list := []judged{{name, frame.AppendFCoE(nil, &h, payload), "fc.s_id=01.02.03 fc.d_id=0a.0b.0c " + want}}
	if answer == nil {
		return list
	}
	filled, fill := frame.AppendFill(answer)
	h = header(kind, reply, host, array, ox)
	h.FCtl, h.RXID = frame.FCtlELSReply|fill, 7
	return append(list, judged{"the answer to " + name, frame.AppendFCoE(nil, &h, filled),
		"fc.s_id=0a.0b.0c fc.d_id=01.02.03 " + wantAnswer})
}
