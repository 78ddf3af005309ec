package frame_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
)

// ours are captures of real Linux hosts, kept beside the tests. The first is thinned: of
// frames of more than 600 bytes it has six of each length.
var ours = []string{"linux-vn2vn-login-io", "linux-vn2vn-three-nodes"}

// readCapture returns the frames of a gzipped capture in testdata.
func readCapture(t testing.TB, name string) [][]byte {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".pcap.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	return records(t, unzipped)
}

// readShared returns the frames of a capture that is not ours to keep in the tree.
func readShared(t testing.TB, name string) [][]byte {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "captures", name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not here: put the shared captures beside the tree to run this", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	return records(t, file)
}

func records(t testing.TB, file io.Reader) (frames [][]byte) {
	t.Helper()
	r, err := pcap.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, bytes.Clone(rec.Data))
	}
}

// rebuild decodes a frame down to its last typed part and writes it again from the values.
// It returns false for what is neither FCoE nor FIP, or refused.
func rebuild(t *testing.T, b []byte) ([]byte, bool) {
	t.Helper()
	var h frame.Header
	switch frame.Decode(b, &h) {
	case frame.OK:
		return frame.AppendFCoE(nil, &h, rebuildPayload(t, &h, h.Payload(b))), true
	case frame.FIP:
		var f frame.FIPFrame
		if err := frame.ParseFIP(b, &f); err != nil {
			t.Fatalf("%v: % x", err, b)
		}
		f.List = rebuildList(t, &f)
		return frame.AppendFIP(nil, &f), true
	}
	return nil, false
}

func rebuildList(t *testing.T, f *frame.FIPFrame) (list []byte) {
	t.Helper()
	for it := f.Descriptors(); it.Next(); {
		d := it.Descriptor()
		kind := d.Type()
		switch kind {
		case frame.DescPriority:
			v, _ := d.Priority()
			list = frame.AppendPriorityDesc(list, v)
		case frame.DescMAC:
			v, _ := d.MAC()
			list = frame.AppendMACDesc(list, v)
		case frame.DescFCMap:
			v, _ := d.FCMap()
			list = frame.AppendFCMapDesc(list, v)
		case frame.DescName:
			v, _ := d.Name()
			list = frame.AppendNameDesc(list, v)
		case frame.DescFabric:
			v, _ := d.Fabric()
			list = frame.AppendFabricDesc(list, v)
		case frame.DescMaxFCoESize:
			v, _ := d.MaxFCoESize()
			list = frame.AppendMaxFCoESizeDesc(list, v)
		case frame.DescFLOGI, frame.DescFDISC, frame.DescLOGO, frame.DescELP:
			fc, ok := d.FC()
			var h frame.Header
			if reason := frame.DecodeFC(fc, &h); !ok || reason != frame.OK {
				t.Fatalf("FC frame in descriptor: %v, %v", ok, reason)
			}
			list = frame.AppendFCDesc(list, kind, &h, rebuildPayload(t, &h, h.Payload(fc)))
		case frame.DescVNPort:
			v, _ := d.VNPort()
			list = frame.AppendVNPortDesc(list, v)
		case frame.DescFKA:
			v, _ := d.FKA()
			list = frame.AppendFKADesc(list, v)
		case frame.DescVendor:
			id, data, _ := d.Vendor()
			list = frame.AppendVendorDesc(list, id, data)
		case frame.DescVLAN:
			v, _ := d.VLAN()
			list = frame.AppendVLANDesc(list, v)
		case frame.DescFC4Features:
			v, _ := d.FC4Features()
			list = frame.AppendFC4FeaturesDesc(list, &v)
		default:
			list = append(list, d...)
		}
	}
	return list
}

// rebuildPayload parses what has a type and writes it again; the rest it returns as it is.
func rebuildPayload(t *testing.T, h *frame.Header, p []byte) []byte {
	t.Helper()
	var out []byte
	var err error
	switch {
	case h.Type == frame.TypeELS:
		out, err = rebuildELS(p)
	case h.Type == frame.TypeCT:
		var c frame.CT
		if c, err = frame.ParseCT(p); err == nil {
			out = c.Append(nil)
		}
	case h.Type == frame.TypeFCP && h.RCtl == frame.RCtlUnsolicitedCmd:
		var c frame.FCPCmnd
		if c, err = frame.ParseFCPCmnd(p); err == nil {
			out = c.Append(nil)
		}
	case h.Type == frame.TypeFCP && h.RCtl == frame.RCtlDataDescriptor:
		var x frame.XferRdy
		if x, err = frame.ParseXferRdy(p); err == nil {
			out = x.Append(nil)
		}
	case h.Type == frame.TypeFCP && h.RCtl == frame.RCtlCommandStatus:
		var r frame.FCPRsp
		if r, err = frame.ParseFCPRsp(p); err == nil {
			out = r.Append(nil)
		}
	case h.Type == frame.TypeBLS && h.RCtl == frame.RCtlBAAcc:
		var a frame.BAAcc
		if a, err = frame.ParseBAAcc(p); err == nil {
			out = a.Append(nil)
		}
	default:
		return p
	}
	if err != nil {
		t.Fatalf("%v: R_CTL %02x TYPE %02x: % x", err, h.RCtl, h.Type, p)
	}
	return append(out, p[min(len(out), len(p)):]...) // fill bytes
}

func rebuildELS(p []byte) ([]byte, error) {
	command, _ := frame.CommandOf(p)
	switch command {
	case frame.ELSFLOGI, frame.ELSPLOGI, frame.ELSFDISC, frame.ELSPDISC:
		l, err := frame.ParseLogin(p)
		return l.Append(nil), err
	case frame.ELSPRLI, frame.ELSPRLO:
		return rebuildPages(p)
	case frame.ELSADISC:
		a, err := frame.ParseAdisc(p)
		return a.Append(nil), err
	case frame.ELSLOGO:
		l, err := frame.ParseLogo(p)
		return l.Append(nil), err
	case frame.ELSSCR:
		s, err := frame.ParseSCR(p)
		return s.Append(nil), err
	case frame.ELSREC, frame.ELSRRQ:
		x, err := frame.ParseExchange(p)
		return x.Append(nil), err
	case frame.ELSLSRjt:
		r, err := frame.ParseLSRjt(p)
		return r.Append(nil), err
	case frame.ELSLSAcc: // told apart by length, which is enough for these captures
		switch {
		case len(p) == frame.ELSLoginLen:
			l, err := frame.ParseLogin(p)
			return l.Append(nil), err
		case p[1] == 0x10:
			return rebuildPages(p)
		case len(p) == 28:
			a, err := frame.ParseAdisc(p)
			return a.Append(nil), err
		case len(p) == 16:
			r, err := frame.ParseRTVAcc(p)
			return r.Append(nil), err
		}
	}
	c, err := frame.ParsePlain(p)
	return frame.AppendELS(nil, c), err
}

func rebuildPages(p []byte) ([]byte, error) {
	l, err := frame.ParseProcessLogin(p)
	if err != nil {
		return nil, err
	}
	var pages []frame.ServicePage
	for i := range l.Len() {
		pages = append(pages, l.Page(i))
	}
	return frame.AppendProcessLogin(nil, l.Command, pages...), nil
}

func checkRoundTrip(t *testing.T, frames [][]byte) {
	t.Helper()
	var h frame.Header
	seen := 0
	for i, b := range frames {
		again, ok := rebuild(t, b)
		if !ok {
			t.Errorf("frame %d: %v", i+1, frame.Decode(b, &h))
			continue
		}
		if !bytes.Equal(again, b) {
			t.Errorf("frame %d differs:\nin  % x\nout % x", i+1, b, again)
		}
		if frame.Decode(b, &h) == frame.OK && !h.CRCGood(b) {
			t.Errorf("frame %d: bad CRC", i+1)
		}
		seen++
	}
	if seen == 0 {
		t.Error("no frame was looked at")
	}
}

func TestFramesOfLinuxHostsAreRebuiltBitForBit(t *testing.T) {
	for _, name := range ours {
		t.Run(name, func(t *testing.T) { checkRoundTrip(t, readCapture(t, name)) })
	}
}

func TestFramesOfWholeSharedCapturesAreRebuiltBitForBit(t *testing.T) {
	for _, name := range []string{ours[0] + ".pcap", ours[1] + ".pcap", "public/fcoe-t11.cap"} {
		t.Run(name, func(t *testing.T) { checkRoundTrip(t, readShared(t, name)) })
	}
}

func TestEveryFrameOfTheOldFormatIsRefused(t *testing.T) {
	frames := readShared(t, "public/fcoe1.cap")
	var h frame.Header
	for i, b := range frames {
		if reason := frame.Decode(b, &h); reason != frame.OldFormat {
			t.Errorf("frame %d of %d bytes: %v", i+1, len(b), reason)
		}
	}
	if len(frames) != 168 {
		t.Errorf("%d frames, want 168", len(frames))
	}
}

// The advertisements of this capture are of a draft of FIP with a shorter fabric
// descriptor; the keep-alives and the clear virtual link are as they became.
func TestFIPOfTheDraftOf2008(t *testing.T) {
	var parsed, refused int
	var cleared frame.VNPort
	var h frame.Header
	for i, b := range readShared(t, "public/fip-ka.cap") {
		if reason := frame.Decode(b, &h); reason != frame.FIP {
			t.Errorf("frame %d: %v, want FIP", i+1, reason)
		}
		var f frame.FIPFrame
		switch err := frame.ParseFIP(b, &f); {
		case err == nil:
			parsed++
		case errors.Is(err, frame.ErrFIPDescLength) && f.Op == frame.FIPDiscovery:
			refused++
		default:
			t.Errorf("frame %d: %v", i+1, err)
		}
		if f.Op == frame.FIPControl && f.Sub == frame.FIPClearVirtualLink {
			cleared, _ = f.Find(frame.DescVNPort).VNPort()
		}
	}
	if parsed != 24 || refused != 21 {
		t.Errorf("%d parsed and %d advertisements refused, want 24 and 21", parsed, refused)
	}
	want := frame.VNPort{
		MAC:  frame.MAC{0x0e, 0xfc, 0x00, 0x13, 0x04, 0x00},
		ID:   0x130400,
		WWPN: 0x200c000dec309880,
	}
	if cleared != want {
		t.Errorf("clear virtual link of %+v, want %+v", cleared, want)
	}
}
