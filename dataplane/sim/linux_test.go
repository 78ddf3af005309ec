package sim

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
)

// linuxCapture is a Linux initiator (hostOne) and a Linux target (arrayOne) at work.
func linuxCapture(t testing.TB) [][]byte {
	t.Helper()
	f, err := os.Open("../frame/testdata/linux-vn2vn-login-io.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r, err := pcap.NewReader(z)
	if err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, append([]byte(nil), rec.Data...))
	}
}

// linuxPair is one initiator and one target with the names of the capture.
func linuxPair() *Config {
	cfg := smallFabric(60)
	cfg.Nodes = []NodeConfig{cfg.Nodes[0], cfg.Nodes[2]}
	return cfg
}

// kindOf tells frames apart that should look alike whoever sends them: FIP by operation,
// link services by command, FCP by what a CDB asks for.
func kindOf(b []byte) string {
	var h frame.Header
	switch frame.Decode(b, &h) {
	case frame.FIP:
		var f frame.FIPFrame
		if frame.ParseFIP(b, &f) != nil {
			return ""
		}
		return "FIP " + string(rune('0'+f.Op)) + string(rune('0'+f.Sub))
	case frame.OK:
		if h.Type == frame.TypeELS {
			c, _ := frame.CommandOf(h.Payload(b))
			return "ELS " + c.String() + " " + string(rune('0'+len(h.Payload(b))/4))
		}
	}
	return ""
}

// What our nodes send to log in is what Linux sends, bit for bit: every FIP frame, and
// every link service but RTV's accept. What differs by design is listed.
func TestLoginsAreThoseOfLinuxBitForBit(t *testing.T) {
	type key struct {
		kind string
		src  frame.MAC
	}
	ours := make(map[key][][]byte)
	v := newVirtual(t, linuxPair())
	v.Record = func(_ string, _ time.Duration, b []byte) {
		if kind := kindOf(b); kind != "" {
			k := key{kind, frame.MAC(b[6:12])}
			ours[k] = append(ours[k], append([]byte(nil), b...))
		}
	}
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	compared := make(map[string]int)
	for i, want := range linuxCapture(t) {
		kind := kindOf(want)
		if kind == "" {
			continue
		}
		got := ours[key{kind, frame.MAC(want[6:12])}]
		if len(got) == 0 {
			t.Errorf("frame %d (%s): we send none like it", i+1, kind)
			continue
		}
		same := false
		for _, g := range got {
			same = same || bytes.Equal(normal(g), normal(want))
		}
		if !same {
			t.Errorf("frame %d (%s):\nLinux %s\nours  %s", i+1, kind, hex.EncodeToString(want), hex.EncodeToString(got[0]))
		}
		compared[kind]++
	}
	if len(compared) < 12 {
		t.Errorf("only %d kinds of frames were compared: %v", len(compared), compared)
	}
}

// normal leaves out what may differ: the FC-4 features of a host that is no target (the
// Linux host had its target modules loaded), and an OX_ID, with the CRC over it, when
// exchanges overlap in another order.
func normal(b []byte) []byte {
	b = append([]byte(nil), b...)
	var f frame.FIPFrame
	var h frame.Header
	switch frame.Decode(b, &h) {
	case frame.FIP:
		if frame.ParseFIP(b, &f) == nil {
			if d := f.Find(frame.DescFC4Features); d != nil {
				d[4+32+7] = 0 // the four bits of TYPE FCP
			}
			if fc, _ := f.FindFC(); fc != nil {
				fc[16], fc[17] = 0, 0
			}
		}
	case frame.OK:
		b[h.FCOffset+16], b[h.FCOffset+17] = 0, 0
		clear(b[h.PayloadEnd : h.PayloadEnd+4])
	}
	return b
}

// The headers of an FCP exchange are those of Linux: SOF, EOF, R_CTL, F_CTL, SEQ_ID,
// SEQ_CNT and the payload's length, frame by frame.
func TestExchangesHaveTheShapeOfLinux(t *testing.T) {
	type shape struct {
		SOF, EOF, RCtl, SeqID uint8
		FCtl                  uint32
		SeqCnt                uint16
		First                 bool // RX_ID unknown
		Full                  bool // as long as such a frame can be
	}
	collect := func(frames [][]byte) map[string]map[shape]bool {
		shapes := make(map[string]map[shape]bool)
		for _, b := range frames {
			var h frame.Header
			if frame.Decode(b, &h) != frame.OK || h.Type != frame.TypeFCP || h.SeqCnt > 2 {
				continue
			}
			name := [...]string{1: "data", 5: "ready", 6: "command", 7: "response"}[h.RCtl&7]
			if h.FromResponder() {
				name = "target's " + name
			}
			if shapes[name] == nil {
				shapes[name] = make(map[shape]bool)
			}
			shapes[name][shape{h.SOF, h.EOF, h.RCtl, h.SeqID, h.FCtl &^ frame.FCtlFillMask, h.SeqCnt,
				h.RXID == frame.UnknownXID, len(h.Payload(b)) == 2112 || len(h.Payload(b)) == 2048}] = true
		}
		return shapes
	}
	var mine [][]byte
	v := newVirtual(t, linuxPair())
	v.Record = func(_ string, _ time.Duration, b []byte) { mine = append(mine, append([]byte(nil), b...)) }
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	ours, linux := collect(mine), collect(linuxCapture(t))
	if len(linux) != 5 {
		t.Fatalf("the capture has %d kinds of FCP frames, want 5", len(linux))
	}
	for name, shapes := range linux {
		for s := range shapes {
			if !ours[name][s] {
				t.Errorf("%s: Linux sends %+v, we never do", name, s)
			}
		}
	}
}

// linuxHabits passes frames on between the ports of a fabric and does to them what Linux
// does: a node on a VLAN interface handles each FIP frame twice and so answers a FLOGI
// twice, and a BA_ACC leaves the identifiers in its payload zero.
func linuxHabits(t *testing.T, v *Virtual) (twice, zeroed *int) {
	t.Helper()
	twice, zeroed = new(int), new(int)
	v.carry = func(from *Port, b []byte) {
		var f frame.FIPFrame
		var h frame.Header
		b = append([]byte(nil), b...)
		times := 1
		switch frame.Decode(b, &h) {
		case frame.FIP:
			if frame.ParseFIP(b, &f) == nil && f.Op == frame.FIPLinkService && f.Sub == frame.FIPReply {
				times = 2
				*twice++
			}
		case frame.OK:
			if h.RCtl == frame.RCtlBAAcc {
				payload := append([]byte(nil), h.Payload(b)...)
				clear(payload[4:8])
				b = frame.AppendFCoE(nil, &h, payload)
				*zeroed++
			}
		}
		for _, p := range v.ports {
			for range times {
				if p != from {
					v.deliver(from, p, b)
				}
			}
		}
	}
	return twice, zeroed
}

func TestTheHabitsOfLinuxAreTolerated(t *testing.T) {
	cfg := smallFabric(200)
	for i := range cfg.Nodes {
		cfg.Nodes[i].VLAN = 100
		cfg.Nodes[i].Faults = Faults{Loss: 0.01}
	}
	v := newVirtual(t, cfg)
	twice, zeroed := linuxHabits(t, v)
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	r := v.Report()
	if !r.OK || r.Malformed > 0 || *twice < 4 || *zeroed == 0 {
		t.Errorf("ok %v (%s), %d malformed; %d accepts twice, %d BA_ACC", r.OK, r.Why, r.Malformed, *twice, *zeroed)
	}
	for _, n := range r.Nodes {
		if n.Logins != 3 || n.ELSTimeout > 0 {
			t.Errorf("%s: %d logins, %d requests without an answer", n.Name, n.Logins, n.ELSTimeout)
		}
	}
}
