package frame

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// unhex reads hexadecimal digits with spaces between.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// parser makes one shape of all Parse functions.
func parser[T any](f func([]byte) (T, error)) func([]byte) (any, error) {
	return func(p []byte) (any, error) { return f(p) }
}

func login(c ELSCommand, rest []byte) Login {
	l := Login{
		Command: c,
		Common:  CommonParams{0x20, 0x21, 0x0304, 0x8506, 0x1840, 0x0708090a, 0x0b0c0d0e},
		WWPN:    0x200002fc0100000a, WWNN: 0x100002fc0100000a,
		Vendor: [16]byte{1, 2, 3, 15: 16},
		Rest:   rest,
	}
	for i := range l.Class {
		n := uint16(i) << 8
		l.Class[i] = ClassParams{0x8000 | n, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8}
	}
	return l
}

// elsCases holds a payload of every kind. The wire form is written out by hand from
// FC-LS's tables, so that builder and parser cannot agree on a mistake.
func elsCases() []elsCase {
	login116 := login(ELSFLOGI, []byte{})
	long := login(ELSLSAcc, bytes.Repeat([]byte{7}, 140))
	plogi := login(ELSPLOGI, []byte{})
	rlir := RLIR{Format: 2, Incident: LinkIncident{
		WWPN: 0x2100000000000001, WWNN: 0x2000000000000001, PortType: 1, PortID: 0x010203,
		ConnectedWWPN: 0x2100000000000002, ConnectedWWNN: 0x2000000000000002,
		FabricName: 0x1000000000000003, PhysicalPort: 4, Transaction: 5, TimeFormat: 1, Time: 6,
	}, Descriptor: []byte{0x20, 3, 0, 1}, Specific: []byte{9, 9, 9, 9}}
	classes := "8000 0002 0003 0004 0005 0006 0007 0008 8100 0102 0103 0104 0105 0106 0107 0108" +
		"8200 0202 0203 0204 0205 0206 0207 0208 8300 0302 0303 0304 0305 0306 0307 0308"
	params := "20 21 0304 8506 1840 0708090a 0b0c0d0e 200002fc0100000a 100002fc0100000a" + classes +
		"01020300 00000000 00000000 00000010"
	return []elsCase{
		{"FLOGI", login116, login116.Append(nil), "04000000" + params, parser(ParseLogin), 116},
		{"PLOGI", plogi, plogi.Append(nil), "03000000" + params, parser(ParseLogin), 116},
		{"a long accept", long, long.Append(nil), "02000000" + params + strings.Repeat("07", 140), parser(ParseLogin), 116},
		{"LS_RJT", LSRjt{RjtUnable, ExplPLOGIRequired, 3}, LSRjt{RjtUnable, ExplPLOGIRequired, 3}.Append(nil),
			"01000000 00091e03", parser(ParseLSRjt), 8},
		{"LOGO", Logo{0x010203, 0x200002fc0100000a}, Logo{0x010203, 0x200002fc0100000a}.Append(nil),
			"05000000 00010203 200002fc0100000a", parser(ParseLogo), 16},
		{"ADISC", Adisc{ELSADISC, 0x0a0b0c, 0x20, 0x10, 0x010203}, Adisc{ELSADISC, 0x0a0b0c, 0x20, 0x10, 0x010203}.Append(nil),
			"52000000 000a0b0c 0000000000000020 0000000000000010 00010203", parser(ParseAdisc), 28},
		{"REC", Exchange{ELSREC, 0, 0x010203, 0x1122, 0x3344, []byte{}}, Exchange{ELSREC, 0, 0x010203, 0x1122, 0x3344, nil}.Append(nil),
			"13000000 00010203 1122 3344", parser(ParseExchange), 12},
		{"RRQ", Exchange{ELSRRQ, 0, 0x010203, 0x1122, 0x3344, []byte{}}, Exchange{ELSRRQ, 0, 0x010203, 0x1122, 0x3344, nil}.Append(nil),
			"12000000 00010203 1122 3344", parser(ParseExchange), 12},
		{"ABTX with an association header", Exchange{ELSABTX, 0x80, 0x010203, 0x1122, 0x3344, []byte{1, 2, 3, 4}},
			Exchange{ELSABTX, 0x80, 0x010203, 0x1122, 0x3344, []byte{1, 2, 3, 4}}.Append(nil),
			"06000000 80010203 1122 3344 01020304", parser(ParseExchange), 12},
		{"RSS", Exchange{ELSRSS, 5, 0x010203, 0x1122, 0x3344, []byte{}}, Exchange{ELSRSS, 5, 0x010203, 0x1122, 0x3344, nil}.Append(nil),
			"09000000 05010203 1122 3344", parser(ParseExchange), 12},
		{"the accept of REC", RECAcc{0x1122, 0x3344, 0x010203, 0x0a0b0c, 4096, EStatInitiative},
			RECAcc{0x1122, 0x3344, 0x010203, 0x0a0b0c, 4096, EStatInitiative}.Append(nil),
			"02000000 1122 3344 00010203 000a0b0c 00001000 40000000", parser(ParseRECAcc), 24},
		{"SRR", SRR{0x1122, 0x3344, 0x800, RCtlSolicitedData}, SRR{0x1122, 0x3344, 0x800, RCtlSolicitedData}.Append(nil),
			"14000000 1122 3344 00000800 01000000", parser(ParseSRR), 16},
		{"the accept of RTV", RTVAcc{4000, 2000, RTVNanoseconds}, RTVAcc{4000, 2000, RTVNanoseconds}.Append(nil),
			"02000000 00000fa0 000007d0 04000000", parser(ParseRTVAcc), 16},
		{"RLS", RLS{0x010203}, RLS{0x010203}.Append(nil), "0f000000 00010203", parser(ParseRLS), 8},
		{"the accept of RLS", RLSAcc{1, 2, 3, 4, 5, 6}, RLSAcc{1, 2, 3, 4, 5, 6}.Append(nil),
			"02000000 00000001 00000002 00000003 00000004 00000005 00000006", parser(ParseRLSAcc), 28},
		{"the accept of RES", RESAcc{1, 0x1122, 0x3344, 0x010203, 0x0a0b0c, EStatComplete, []byte{7}},
			RESAcc{1, 0x1122, 0x3344, 0x010203, 0x0a0b0c, EStatComplete, []byte{7}}.Append(nil),
			"02000000 01 1122 3344 00010203 000a0b0c 20000000 00000000 07", parser(ParseRESAcc), 25},
		{"the accept of RSS", RSSAcc{1, 2, 3, 4, 5, 6, 0x1122, 0x3344}, RSSAcc{1, 2, 3, 4, 5, 6, 0x1122, 0x3344}.Append(nil),
			"02000000 01 00 0002 0003 0004 0005 06 1122 3344 0000", parser(ParseRSSAcc), 21},
		{"SCR", SCR{SCRFull}, SCR{SCRFull}.Append(nil), "62000000 00000003", parser(ParseSCR), 8},
		{"FARP", farp(), farp().Append(nil), "54000000 01010203 020a0b0c 0000000000000001 0000000000000002" +
			"0000000000000003 0000000000000004 0a000000 00000000 00000000 00000001 0a000000 00000000 00000000 00000002",
			parser(ParseFARP), 76},
		{"FAN", FAN{0x010203, 1, 2}, FAN{0x010203, 1, 2}.Append(nil),
			"60000000 00010203 0000000000000001 0000000000000002", parser(ParseFAN), 24},
		{"RNID", RNID{RNIDTopology}, RNID{RNIDTopology}.Append(nil), "78000000 df000000", parser(ParseRNID), 8},
		{"the accept of RNID", RNIDAcc{RNIDTopology, true, 1, 2, []byte{1, 2, 3, 4}},
			RNIDAcc{RNIDTopology, true, 1, 2, []byte{1, 2, 3, 4}}.Append(nil),
			"02000000 df100004 0000000000000001 0000000000000002 01020304", parser(ParseRNIDAcc), 28},
		{"an accept of RNID without names", RNIDAcc{0xDF, false, 0, 0, []byte{}}, RNIDAcc{0xDF, false, 0, 0, nil}.Append(nil),
			"02000000 df000000", parser(ParseRNIDAcc), 8},
		{"RLIR", rlir, rlir.Append(nil), "79000000 02400404 2100000000000001 2000000000000001 01010203" +
			"2100000000000002 2000000000000002 1000000000000003 00000004 00000005 00000001 0000000000000006" +
			"20030001 09090909", parser(ParseRLIR), 80},
		{"SRL", SRL{1, 0x010203}, SRL{1, 0x010203}.Append(nil), "7b000000 01010203", parser(ParseSRL), 8},
		{"EVFP", EVFP{ELSEVFP, 1, 1, 9, 0x20, []byte{1, 2, 3, 4}}, EVFP{ELSEVFP, 1, 1, 9, 0x20, []byte{1, 2, 3, 4}}.Append(nil),
			"7f010109 0000000000000020 01020304", parser(ParseEVFP), 12},
		{"AUTH_ELS", Auth{1, 10, 1, 0x01020304, []byte{5, 6, 7, 8}}, Auth{1, 10, 1, 0x01020304, []byte{5, 6, 7, 8}}.Append(nil),
			"90010a01 00000004 01020304 05060708", parser(ParseAuth), 16},
		{"LKA", ELSLKA, AppendELS(nil, ELSLKA), "80000000", parser(ParsePlain), 4},
	}
}

type elsCase struct {
	name  string
	value any
	built []byte
	wire  string
	parse func([]byte) (any, error)
	least int // shorter payloads must be refused
}

func farp() FARP {
	return FARP{
		Command: ELSFARPReq, MatchCode: 1, Requester: 0x010203, Action: 2, Responder: 0x0a0b0c,
		RequesterWWPN: 1, RequesterWWNN: 2, ResponderWWPN: 3, ResponderWWNN: 4,
		RequesterIP: [16]byte{10, 15: 1}, ResponderIP: [16]byte{10, 15: 2},
	}
}

func TestEveryELSIsBuiltAsTheStandardDrawsIt(t *testing.T) {
	for _, tt := range elsCases() {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.wire)
			if !bytes.Equal(tt.built, wire) {
				t.Errorf("built % x\nwant  % x", tt.built, wire)
			}
			got, err := tt.parse(wire)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.value) {
				t.Errorf("parsed %+v\nwant   %+v", got, tt.value)
			}
		})
	}
}

func TestEveryELSParserRefusesShortAndForeignPayloads(t *testing.T) {
	for _, tt := range elsCases() {
		t.Run(tt.name, func(t *testing.T) {
			for n := range tt.least {
				// The capacity ends where the length does, so that a read beyond it panics.
				if v, err := tt.parse(bytes.Clone(tt.built[:n:n])); err == nil {
					t.Errorf("%d bytes were read as %+v", n, v)
				}
			}
			if tt.name == "LKA" {
				return // ParsePlain takes any command
			}
			foreign := bytes.Clone(tt.built)
			foreign[0] = 0xEE
			if _, err := tt.parse(foreign); !errors.Is(err, ErrELSCommand) {
				t.Errorf("another command gives %v", err)
			}
		})
	}
}

func TestELSLengthFieldsMustAgreeWithThePayload(t *testing.T) {
	page := ServicePage{Type: TypeFCP, Params: FCPParamTarget}
	prli := AppendProcessLogin(nil, ELSPRLI, page)
	rscn := AppendRSCN(nil, RSCNPage{ID: 0x010203})
	tests := []struct {
		name  string
		parse func([]byte) (any, error)
		in    []byte
		at    int
		value byte
	}{
		{"PRLI longer than it is", parser(ParseProcessLogin), prli, 3, 36},
		{"PRLI shorter than its head", parser(ParseProcessLogin), prli, 3, 3},
		{"PRLI with half a page", parser(ParseProcessLogin), prli, 3, 12},
		{"PRLI with pages of another size", parser(ParseProcessLogin), prli, 1, 20},
		{"RSCN longer than it is", parser(ParseRSCN), rscn, 3, 12},
		{"RSCN shorter than its head", parser(ParseRSCN), rscn, 3, 0},
		{"RSCN with half a page", parser(ParseRSCN), rscn, 3, 6},
		{"RSCN with pages of another size", parser(ParseRSCN), rscn, 1, 8},
		{"RNID with half a name", parser(ParseRNIDAcc), RNIDAcc{Common: true}.Append(nil), 5, 12},
		{"RNID with more than there is", parser(ParseRNIDAcc), RNIDAcc{Common: true}.Append(nil), 7, 1},
		{"RLIR with more than there is", parser(ParseRLIR), (&RLIR{}).Append(nil), 6, 4},
		{"RLIR with a record of another size", parser(ParseRLIR), (&RLIR{}).Append(nil), 5, 60},
		{"AUTH_ELS with more than there is", parser(ParseAuth), Auth{}.Append(nil), 7, 1},
		{"AUTH_ELS with a length of 4 GiB", parser(ParseAuth), Auth{}.Append(nil), 4, 0xFF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.parse(tt.in); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			b := bytes.Clone(tt.in)
			b[tt.at] = tt.value
			if v, err := tt.parse(b); !errors.Is(err, ErrELSLength) {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

func TestPRLIPages(t *testing.T) {
	fcp := ServicePage{Type: TypeFCP, TypeExt: 1, Flags: PageEstablishImage | PageExecuted,
		OriginatorPA: 0x11223344, ResponderPA: 0x55667788, Params: FCPParamInitiator | FCPParamTarget}
	nvme := ServicePage{Type: TypeNVMe, Params: 0x20}
	b := AppendProcessLogin(nil, ELSPRLI, nvme, fcp)
	want := unhex(t, "20100024 28000000 00000000 00000000 00000020 08012100 11223344 55667788 00000030")
	if !bytes.Equal(b, want) {
		t.Fatalf("built % x\nwant  % x", b, want)
	}
	l, err := ParseProcessLogin(append(b, 0, 0, 0, 0)) // what follows the pages is not theirs
	if err != nil || l.Command != ELSPRLI || l.Len() != 2 || l.Page(0) != nvme || l.Page(1) != fcp {
		t.Fatalf("parsed %+v, %v", l, err)
	}
	if page, ok := l.FCP(); !ok || page != fcp {
		t.Errorf("FCP page %+v, %v", page, ok)
	}
	none, err := ParseProcessLogin(AppendProcessLogin(nil, ELSLSAcc, nvme))
	if _, ok := none.FCP(); ok || err != nil {
		t.Errorf("an FCP page was found where none is: %v", err)
	}
	third := AppendProcessLogin(nil, ELSTPRLO, ServicePage{Type: TypeFCP, Flags: PageEstablishImage, Params: 0x010203})
	if l, err := ParseProcessLogin(third); err != nil || l.Page(0).ThirdParty() != 0x010203 {
		t.Errorf("third party of %+v, %v", l, err)
	}
}

func TestRSCNPages(t *testing.T) {
	port := RSCNPage{Event: RSCNRemoved, Format: ScopePort, ID: 0x010203}
	area := RSCNPage{Event: RSCNNameServer, Format: ScopeArea, ID: 0x010200}
	domain := RSCNPage{Format: ScopeDomain, ID: 0x010000}
	fabric := RSCNPage{Format: ScopeFabric}
	b := AppendRSCN(nil, port, area, domain, fabric)
	want := unhex(t, "61040014 14010203 05010200 02010000 03000000")
	if !bytes.Equal(b, want) {
		t.Fatalf("built % x\nwant  % x", b, want)
	}
	r, err := ParseRSCN(b)
	if err != nil || r.Len() != 4 || r.Page(0) != port || r.Page(3) != fabric {
		t.Fatalf("parsed %+v, %v", r, err)
	}
	tests := []struct {
		id   FCID
		want [4]bool
	}{
		{0x010203, [4]bool{true, true, true, true}},
		{0x010204, [4]bool{false, true, true, true}},
		{0x010303, [4]bool{false, false, true, true}},
		{0x020203, [4]bool{false, false, false, true}},
	}
	for _, tt := range tests {
		for i, want := range tt.want {
			if got := r.Page(i).Covers(tt.id); got != want {
				t.Errorf("page %d covers %v: %v", i, tt.id, got)
			}
		}
	}
}

func TestNewLoginIsWhatLinuxSends(t *testing.T) {
	// Measured: FLOGI and PLOGI of a Linux 6.1 host.
	const names = "200002fc0a00000a 100002fc0a00000a" +
		"00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"
	zeros := strings.Repeat("00000000", 8)
	flogi := NewLogin(ELSFLOGI, 0x200002fc0a00000a, 0x100002fc0a00000a)
	plogi := NewLogin(ELSPLOGI, 0x200002fc0a00000a, 0x100002fc0a00000a)
	for _, tt := range []struct {
		name string
		got  []byte
		wire string
	}{
		{"FLOGI", flogi.Append(nil), "04000000 2020000a 80000840 00000000 00000000" + names +
			"88000000 00000000 00000000 00000000" + zeros},
		{"PLOGI", plogi.Append(nil), "03000000 2020000a 80000840 00ff001f 000007d0" + names +
			"88000000 00000840 00ff0000 00010000" + zeros},
	} {
		if want := unhex(t, tt.wire); !bytes.Equal(tt.got, want) {
			t.Errorf("%s: % x\nwant % x", tt.name, tt.got, want)
		}
	}
	if plogi.Common.MaxFrame() != MaxPayload {
		t.Errorf("receive size %d", plogi.Common.MaxFrame())
	}
}

func TestELSCommandsHaveNames(t *testing.T) {
	if ELSPLOGI.String() != "PLOGI" || ELSCommand(0xEE).String() != "unknown" {
		t.Errorf("names %v %v", ELSPLOGI, ELSCommand(0xEE))
	}
	if !ELSRSCN.Known() || ELSCommand(0xEE).Known() {
		t.Error("Known is wrong")
	}
	if !ELSADISC.CarriesAddress() || ELSPRLI.CarriesAddress() || ELSRTV.CarriesAddress() {
		t.Error("CarriesAddress is wrong")
	}
	if _, ok := CommandOf(nil); ok {
		t.Error("an empty payload has a command")
	}
}

func TestFillBringsAPayloadToWords(t *testing.T) {
	for n, want := range []uint32{0, 3, 2, 1, 0} {
		filled, fctl := AppendFill(make([]byte, n))
		if fctl != want || len(filled)%4 != 0 || len(filled)-n != int(want) {
			t.Errorf("%d bytes become %d with %d fill bytes, want %d", n, len(filled), fctl, want)
		}
	}
}
