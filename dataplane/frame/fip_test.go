package frame

import (
	"bytes"
	"errors"
	"testing"
)

func claim() FIPFrame {
	var list []byte
	list = AppendMACDesc(list, MAC{2, 0xfc, 1, 0, 0, 1})
	list = AppendNameDesc(list, 0x100002fc01000001)
	list = AppendVNPortDesc(list, VNPort{MAC: FPMA(VN2VNFCMap, 1), ID: 1, WWPN: 0x200002fc01000001})
	var features FC4Features
	features.Set(TypeFCP, FC4Initiator)
	features.Set(TypeCT, 0)
	list = AppendFC4FeaturesDesc(list, &features)
	list = AppendMaxFCoESizeDesc(list, 2158)
	return FIPFrame{
		Dst: AllVN2VNMACs, Src: MAC{2, 0xfc, 1, 0, 0, 1},
		Op: FIPVN2VN, Sub: FIPClaimNotification, List: list,
	}
}

func TestAClaimIsBuiltAsLinuxSendsIt(t *testing.T) {
	f := claim()
	got := AppendFIP(nil, &f)
	// Frame 8 of the capture, but for the runs of zeros.
	want := unhex(t, "011018010004 02fc01000001 8914 1000 0005 0003 0034 0000"+
		"0202 02fc01000001 0403 0000 100002fc01000001"+
		"0b05 0efd00000001 00 000001 200002fc01000001"+
		"0f29 0000 00000100 00000001")
	want = append(want, make([]byte, 24)...)
	want = append(want, unhex(t, "00000000 00000002")...)
	want = append(want, make([]byte, 120)...)
	want = append(want, unhex(t, "0601 086e")...)
	if !bytes.Equal(got, want) {
		t.Errorf("built % x\nwant  % x", got, want)
	}
}

func TestEveryDescriptorReadsBack(t *testing.T) {
	h := Header{RCtl: RCtlELSRequest, DID: FabricLogin, Type: TypeELS, FCtl: FCtlRequest, OXID: 7, RXID: UnknownXID}
	flogi := NewLogin(ELSFLOGI, 0x20, 0x10)
	payload := flogi.Append(nil)
	fabric := Fabric{VFID: 7, FCMap: DefaultFCMap, Name: 0x1000000000000001}
	port := VNPort{MAC: MAC{1, 2, 3, 4, 5, 6}, ID: 0x010203, WWPN: 0x20}
	var features FC4Features
	features.Set(TypeNVMe, 0xF)
	features.Set(TypeNVMe, 0x5)

	var list []byte
	list = AppendPriorityDesc(list, 9)
	list = AppendMACDesc(list, port.MAC)
	list = AppendFCMapDesc(list, VN2VNFCMap)
	list = AppendNameDesc(list, 0x30)
	list = AppendFabricDesc(list, fabric)
	list = AppendMaxFCoESizeDesc(list, 2158)
	list = AppendFCDesc(list, DescFLOGI, &h, payload)
	list = AppendVNPortDesc(list, port)
	list = AppendFKADesc(list, FKA{D: true, PeriodMs: 8000})
	list = AppendVendorDesc(list, [8]byte{'a', 'c', 'm', 'e'}, []byte{1, 2, 3, 4})
	list = AppendVLANDesc(list, 100)
	list = AppendFC4FeaturesDesc(list, &features)
	list = append(list, 200, 1, 0xAA, 0xBB) // a vendor's own

	sent := FIPFrame{Dst: AllENodeMACs, Tagged: true, PCP: 3, DEI: true, VLAN: 100,
		Op: FIPDiscovery, Sub: FIPAdvertisement, Flags: FIPFlagFPMA | FIPFlagFPort, List: list}
	b := AppendFIP(nil, &sent)
	var f FIPFrame
	if err := ParseFIP(b, &f); err != nil {
		t.Fatal(err)
	}
	fc, kind := f.FindFC()
	var got Header
	if reason := DecodeFC(fc, &got); reason != OK || kind != DescFLOGI || !bytes.Equal(got.Payload(fc), payload) {
		t.Error("FLOGI", reason, kind)
	}
	h.PayloadOffset, h.PayloadEnd = FCHeaderLen, FCHeaderLen+len(payload)
	if got != h {
		t.Errorf("FC header %+v, want %+v", got, h)
	}
	if f.Dst != sent.Dst || !f.Tagged || f.PCP != 3 || !f.DEI || f.VLAN != 100 || f.Op != sent.Op ||
		f.Sub != sent.Sub || f.Flags != sent.Flags || !bytes.Equal(f.List, list) {
		t.Errorf("header %+v", f)
	}
	if d := f.Find(200); len(d) != 4 {
		t.Errorf("the vendor's own descriptor is % x", d)
	}
	checkDescriptorValues(t, &f, port, fabric, features)
}

func checkDescriptorValues(t *testing.T, f *FIPFrame, port VNPort, fabric Fabric, features FC4Features) {
	t.Helper()
	if v, ok := f.Find(DescPriority).Priority(); v != 9 || !ok {
		t.Error("priority", v, ok)
	}
	if v, ok := f.Find(DescMAC).MAC(); v != port.MAC || !ok {
		t.Error("MAC", v, ok)
	}
	if v, ok := f.Find(DescFCMap).FCMap(); v != VN2VNFCMap || !ok {
		t.Error("FC-MAP", v, ok)
	}
	if v, ok := f.Find(DescName).Name(); v != 0x30 || !ok {
		t.Error("name", v, ok)
	}
	if v, ok := f.Find(DescFabric).Fabric(); v != fabric || !ok {
		t.Error("fabric", v, ok)
	}
	if v, ok := f.Find(DescMaxFCoESize).MaxFCoESize(); v != 2158 || !ok {
		t.Error("size", v, ok)
	}
	if v, ok := f.Find(DescVNPort).VNPort(); v != port || !ok {
		t.Error("VN_Port", v, ok)
	}
	if v, ok := f.Find(DescFKA).FKA(); !v.D || v.PeriodMs != 8000 || !ok {
		t.Error("FKA", v, ok)
	}
	if id, data, ok := f.Find(DescVendor).Vendor(); id != [8]byte{'a', 'c', 'm', 'e'} || !bytes.Equal(data, []byte{1, 2, 3, 4}) || !ok {
		t.Error("vendor", id, data, ok)
	}
	if v, ok := f.Find(DescVLAN).VLAN(); v != 100 || !ok {
		t.Error("VLAN", v, ok)
	}
	if v, ok := f.Find(DescFC4Features).FC4Features(); !ok || v != features || !v.Has(TypeNVMe) || v.Has(TypeFCP) || v.Of(TypeNVMe) != 5 {
		t.Error("FC-4 features", v, ok)
	}
}

func TestParseFIPRefuses(t *testing.T) {
	whole := func() []byte { f := claim(); return AppendFIP(nil, &f) }
	with := func(desc ...byte) []byte {
		f := FIPFrame{Op: FIPVN2VN, Sub: FIPBeacon, List: desc}
		return AppendFIP(nil, &f)
	}
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, ErrFIPShort},
		{"less than an Ethernet header", whole()[:13], ErrFIPShort},
		{"less than the FIP header", whole()[:23], ErrFIPShort},
		{"a tag and no more", []byte{16: 0, 12: 0x81}, ErrFIPShort},
		{"FCoE", edit(whole(), 12, 0x89, 0x06), ErrFIPEtherType},
		{"a tag in a tag", edit(whole(), 12, 0x81, 0, 0, 0, 0x81, 0), ErrFIPEtherType},
		{"version 0", edit(whole(), 14, 0), ErrFIPVersion},
		{"version 2", edit(whole(), 14, 0x20), ErrFIPVersion},
		{"a list one word longer than the frame", edit(whole(), 21, 53), ErrFIPListLength},
		{"a list of 65535 words", edit(whole(), 20, 0xFF, 0xFF), ErrFIPListLength},
		{"a frame cut in its list", whole()[:100], ErrFIPListLength},
		{"a descriptor of length zero", with(DescMAC, 0, 0, 0), ErrFIPZeroLength},
		{"a vendor's descriptor of length zero", with(DescMAC, 2, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0), ErrFIPZeroLength},
		{"a descriptor beyond the list", with(DescName, 3, 0, 0, 0, 0, 0, 0), ErrFIPOverrun},
		{"a vendor's descriptor beyond the list", with(200, 2, 0, 0), ErrFIPOverrun},
		{"a MAC descriptor of three words", with(DescMAC, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ErrFIPDescLength},
		{"a name descriptor of one word", with(DescName, 1, 0, 0), ErrFIPDescLength},
		{"a FLOGI descriptor without a payload", with(append([]byte{DescFLOGI, 7}, make([]byte, 26)...)...), ErrFIPDescLength},
		{"descriptor type 0", with(0, 1, 0, 0), ErrFIPCritical},
		{"descriptor type 16", with(16, 1, 0, 0), ErrFIPCritical},
		{"descriptor type 127", with(127, 1, 0, 0), ErrFIPCritical},
		{"descriptor type 128 is skipped", with(128, 1, 0, 0), nil},
		{"an empty list is a list", with(), nil},
		{"a frame without Ethernet's padding", with()[:24], nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f FIPFrame
			if err := ParseFIP(tt.in, &f); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

func TestDescriptorMethodsSayNoToOtherDescriptors(t *testing.T) {
	for _, d := range []Descriptor{nil, {}, {DescPriority}, {DescMAC, 1, 0, 0}, {DescFLOGI, 1, 0, 0},
		{DescName, 3, 0, 0}, {DescFabric, 4}, {DescMaxFCoESize}, {DescVNPort, 5, 1}, {DescFKA, 2},
		{DescVendor, 3}, {DescVLAN}, {DescFC4Features, 41}, {DescFCMap, 2}, {200, 1, 0, 0}} {
		_, priority := d.Priority()
		_, mac := d.MAC()
		_, fcmap := d.FCMap()
		_, name := d.Name()
		_, fabric := d.Fabric()
		_, size := d.MaxFCoESize()
		_, fc := d.FC()
		_, port := d.VNPort()
		_, fka := d.FKA()
		_, _, vendor := d.Vendor()
		_, vlan := d.VLAN()
		_, features := d.FC4Features()
		if priority || mac || fcmap || name || fabric || size || fc || port || fka || vendor || vlan || features {
			t.Errorf("% x was read as something", []byte(d))
		}
	}
}

func TestTheWalkOverDescriptorsStopsAtDamage(t *testing.T) {
	for name, list := range map[string][]byte{
		"length zero":     {DescPriority, 1, 0, 0, DescMAC, 0, 0, 0, DescVLAN, 1, 0, 0},
		"beyond the list": {DescPriority, 1, 0, 0, DescMAC, 9, 0, 0, DescVLAN, 1, 0, 0},
		"half a word":     {DescPriority, 1, 0, 0, DescMAC, 1},
	} {
		f := FIPFrame{List: list}
		n := 0
		it := f.Descriptors()
		for it.Next() {
			n++
		}
		if n != 1 || it.Next() {
			t.Errorf("%s: %d descriptors", name, n)
		}
	}
	if fc, kind := (&FIPFrame{}).FindFC(); fc != nil || kind != 0 {
		t.Error("an FC frame was found where none is")
	}
}

func TestFIPFramesArePaddedToTheLeastFrame(t *testing.T) {
	f := FIPFrame{Op: FIPControl, Sub: FIPKeepAlive, List: AppendMACDesc(nil, MAC{1})}
	if b := AppendFIP([]byte("before"), &f); len(b) != len("before")+MinFrame {
		t.Errorf("%d bytes", len(b)-len("before"))
	}
	f.Padding = make([]byte, 100)
	b := AppendFIP(nil, &f)
	var again FIPFrame
	if err := ParseFIP(b, &again); err != nil || len(b) != 14+10+8+100 || len(again.Padding) != 100 {
		t.Errorf("%d bytes, %d of padding, %v", len(b), len(again.Padding), err)
	}
}
