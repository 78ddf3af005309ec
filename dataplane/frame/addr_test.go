package frame

import (
	"encoding/json"
	"testing"
)

func TestParseWWN(t *testing.T) {
	const want = WWN(0x200002fc0100000a)
	good := map[string]string{
		"colons":                "20:00:02:fc:01:00:00:0a",
		"dashes and capitals":   "20-00-02-FC-01-00-00-0A",
		"dots":                  "20.00.02.fc.01.00.00.0a",
		"groups of four":        "2000.02fc.0100.000a",
		"groups of eight":       "200002fc:0100000a",
		"bare digits":           "200002fc0100000a",
		"0x as in sysfs":        "0x200002fc0100000a",
		"a capital X":           "0X200002FC0100000A",
		"naa. as LIO writes it": "naa.200002fc0100000a",
		"NAA. in capitals":      "NAA.200002FC0100000A",
	}
	for name, s := range good {
		if w, err := ParseWWN(s); err != nil || w != want {
			t.Errorf("%s: %q gives %v, %v", name, s, w, err)
		}
	}
	bad := map[string]string{
		"nothing":                      "",
		"a prefix alone":               "0x",
		"one digit too few":            "200002fc0100000",
		"one digit too many":           "200002fc0100000a0",
		"a group too few":              "20:00:02:fc:01:00:00",
		"a group too many":             "20:00:02:fc:01:00:00:0a:00",
		"two kinds of separator":       "20:00-02:fc:01:00:00:0a",
		"groups of different size":     "2000:02:fc:01:00:00:0a",
		"a last group of another size": "20:00:02:fc:01:00:000a",
		"groups of odd size":           "200:002:fc0:100:000:a00:0",
		"an empty group":               "20::00:02:fc:01:00:00:0a",
		"a separator at the end":       "20:00:02:fc:01:00:00:0a:",
		"a separator at the start":     ":20:00:02:fc:01:00:00:0a",
		"0x with separators":           "0x20:00:02:fc:01:00:00:0a",
		"something not a digit":        "20:00:02:fc:01:00:00:0g",
		"spaces":                       " 20:00:02:fc:01:00:00:0a",
		"a mask":                       "20:00:02:fc:*",
	}
	for name, s := range bad {
		if w, err := ParseWWN(s); err == nil {
			t.Errorf("%s: %q was read as %v", name, s, w)
		}
	}
}

func TestParseFCIDAndMAC(t *testing.T) {
	for _, s := range []string{"0x01020a", "01020A", "01:02:0a", "01.02.0a", "01-02-0a"} {
		if id, err := ParseFCID(s); err != nil || id != 0x01020a {
			t.Errorf("FC_ID %q gives %v, %v", s, id, err)
		}
	}
	for _, s := range []string{"", "0x", "1020a", "0x1020a", "01020a00", "fffffff", "01:020a", "x"} {
		if id, err := ParseFCID(s); err == nil {
			t.Errorf("FC_ID %q was read as %v", s, id)
		}
	}
	want := MAC{0x0e, 0xfc, 0x00, 0x01, 0x02, 0x0a}
	for _, s := range []string{"0e:fc:00:01:02:0a", "0E-FC-00-01-02-0A", "0efc.0001.020a", "0efc0001020a"} {
		if m, err := ParseMAC(s); err != nil || m != want {
			t.Errorf("MAC %q gives %v, %v", s, m, err)
		}
	}
	for _, s := range []string{"", "0e:fc:00:01:02", "0e:fc:00:01:02:0a:0b", "0e:fc:00:01:02:0x"} {
		if m, err := ParseMAC(s); err == nil {
			t.Errorf("MAC %q was read as %v", s, m)
		}
	}
}

func TestAddressesPrintOneWayAndReadBack(t *testing.T) {
	type all struct {
		W WWN
		I FCID
		M MAC
	}
	in := all{0x200002fc0100000a, 0x01020a, MAC{0x0e, 0xfc, 0x00, 0x01, 0x02, 0x0a}}
	const text = `{"W":"20:00:02:fc:01:00:00:0a","I":"0x01020a","M":"0e:fc:00:01:02:0a"}`
	b, err := json.Marshal(in)
	if err != nil || string(b) != text {
		t.Errorf("marshal gives %s, %v; want %s", b, err, text)
	}
	var out all
	if err := json.Unmarshal(b, &out); err != nil || out != in {
		t.Errorf("unmarshal gives %+v, %v", out, err)
	}
	for _, s := range []string{`{"W":"x"}`, `{"I":"x"}`, `{"M":"x"}`} {
		if json.Unmarshal([]byte(s), &out) == nil {
			t.Errorf("%s was read", s)
		}
	}
	if in.W.String() != "20:00:02:fc:01:00:00:0a" || in.I.String() != "0x01020a" || in.M.String() != "0e:fc:00:01:02:0a" {
		t.Errorf("String gives %s %s %s", in.W, in.I, in.M)
	}
}

func TestFabricProvidedMACHoldsTheAddress(t *testing.T) {
	m := FPMA(VN2VNFCMap, 0x01020a)
	if m.String() != "0e:fd:00:01:02:0a" || m.FCMap() != VN2VNFCMap || m.FCID() != 0x01020a {
		t.Errorf("FPMA gives %v, FC-MAP %06x, FC_ID %v", m, m.FCMap(), m.FCID())
	}
	if m.IsGroup() || m.IsZero() || !AllFCFMACs.IsGroup() || !(MAC{}).IsZero() {
		t.Error("IsGroup or IsZero is wrong")
	}
}

func TestWellKnownAddresses(t *testing.T) {
	for id, want := range map[FCID]bool{
		Broadcast: true, FabricLogin: true, FabricController: true, NameServer: true,
		0xFFFFF0: true, 0xFFFC00: true, 0xFFFCFE: true,
		0xFFFFEF: false, 0xFFFD01: false, 0xFFFB01: false, 0x010203: false, 0: false,
	} {
		if id.WellKnown() != want {
			t.Errorf("%v: well known is %v", id, !want)
		}
	}
	if id := FCID(0x010203); id.Domain() != 1 || id.Area() != 2 {
		t.Errorf("domain %d, area %d of %v", id.Domain(), id.Area(), id)
	}
}

func TestReasonsHaveNamesAndFates(t *testing.T) {
	seen := map[string]bool{}
	for r := OK; r < NumReasons; r++ {
		name := r.String()
		if name == "" || name == "unknown" || seen[name] {
			t.Errorf("reason %d is called %q", r, name)
		}
		seen[name] = true
		if r != OK && r.Malformed() == r.Crosses() {
			t.Errorf("%v has no fate or two", r)
		}
	}
	if NumReasons > 32 || NumReasons.String() != "unknown" || OK.Malformed() || OK.Crosses() {
		t.Errorf("%d reasons, the next called %v", NumReasons, NumReasons)
	}
}
