package frame

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestFCPAndBLSAreBuiltAsTheStandardDrawsThem(t *testing.T) {
	read := FCPCmnd{LUN: SingleLUN(5), CRN: 1, Attribute: 2, TMF: TMFLUNReset, Read: true,
		CDB: [16]byte{0x28, 9: 8}, AdditionalCDB: []byte{}, DataLength: 4096, Rest: []byte{}}
	long := FCPCmnd{Write: true, CDB: [16]byte{0x7F}, AdditionalCDB: bytes.Repeat([]byte{0xAB}, 16), DataLength: 512,
		Rest: []byte{0, 0, 2, 0}}
	good := FCPRsp{Qualifier: 0x0102, Flags: RspResidualUnder, Residual: 16}
	check := FCPRsp{Flags: RspInfoValid | RspSenseValid, Status: 2,
		Info: []byte{0, 0, 0, 4, 0, 0, 0, 0}, Sense: bytes.Repeat([]byte{0x70}, 18)}
	tests := []struct {
		name  string
		value any
		built []byte
		wire  string
		parse func([]byte) (any, error)
		least int
	}{
		{"FCP_CMND, a read", read, read.Append(nil), "0005000000000000 01 02 10 02" +
			"28000000 00000000 00080000 00000000 00001000", parser(ParseFCPCmnd), 32},
		{"FCP_CMND with a long CDB", long, long.Append(nil), "0000000000000000 00 00 00 11" +
			"7f000000 00000000 00000000 00000000" + strings.Repeat("ab", 16) + "00000200 00000200", parser(ParseFCPCmnd), 48},
		{"FCP_XFER_RDY", XferRdy{0x800, 0x10000}, XferRdy{0x800, 0x10000}.Append(nil),
			"00000800 00010000 00000000", parser(ParseXferRdy), 12},
		{"FCP_RSP with a residue", good, good.Append(nil), "0000000000000000 0102 08 00 00000010 00000000 00000000",
			parser(ParseFCPRsp), 24},
		{"FCP_RSP with sense", check, check.Append(nil), "0000000000000000 0000 03 02 00000000 00000012 00000008" +
			"00000004 00000000" + strings.Repeat("70", 18), parser(ParseFCPRsp), 50},
		{"BA_ACC", BAAcc{true, 5, 0x1122, 0x3344, 1, 0xFFFF}, BAAcc{true, 5, 0x1122, 0x3344, 1, 0xFFFF}.Append(nil),
			"80 05 0000 1122 3344 0001 ffff", parser(ParseBAAcc), 12},
		{"BA_ACC without a sequence", BAAcc{OXID: 1}, BAAcc{OXID: 1}.Append(nil), "00000000 0001 0000 0000 0000",
			parser(ParseBAAcc), 12},
		{"BA_RJT", BARjt{3, 3, 1}, BARjt{3, 3, 1}.Append(nil), "00030301", parser(ParseBARjt), 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.wire)
			if !bytes.Equal(tt.built, wire) {
				t.Errorf("built % x\nwant  % x", tt.built, wire)
			}
			if got, err := tt.parse(wire); err != nil || !reflect.DeepEqual(got, tt.value) {
				t.Errorf("parsed %+v, %v\nwant   %+v", got, err, tt.value)
			}
			for n := range tt.least {
				if v, err := tt.parse(bytes.Clone(wire[:n:n])); err == nil {
					t.Errorf("%d bytes were read as %+v", n, v)
				}
			}
		})
	}
}

func TestFCPRspLengthsCountOnlyWithTheirFlags(t *testing.T) {
	b := (&FCPRsp{}).Append(nil)
	edit(b, 16, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)
	if r, err := ParseFCPRsp(b); err != nil || r.Info != nil || r.Sense != nil {
		t.Errorf("without flags: %+v, %v", r, err)
	}
	for _, flag := range []byte{RspInfoValid, RspSenseValid} {
		b[10] = flag
		if r, err := ParseFCPRsp(b); !errors.Is(err, ErrFCPLength) {
			t.Errorf("flag %02x: %+v, %v", flag, r, err)
		}
	}
}

func TestLUNs(t *testing.T) {
	for n, want := range map[uint16]uint64{0: 0, 255: 0x00FF_0000_0000_0000, 256: 0x4100_0000_0000_0000, 16383: 0x7FFF_0000_0000_0000} {
		if got := SingleLUN(n); got != want {
			t.Errorf("LUN %d is %016x, want %016x", n, got, want)
		}
	}
}

func TestLinkRejectIsTheParameter(t *testing.T) {
	r := LinkReject{Action: 2, Reason: RejectLoginRequired, Vendor: 7}
	if r.Param() != 0x02160007 || ParseLinkReject(0x02160007) != r {
		t.Errorf("%08x, %+v", r.Param(), ParseLinkReject(0x02160007))
	}
}
