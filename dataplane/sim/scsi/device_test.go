package scsi

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func newDevice(t testing.TB, blocks uint64) *Device {
	t.Helper()
	disk, err := NewDisk(blocks)
	if err != nil {
		t.Fatal(err)
	}
	return &Device{PortName: 0x200002fc0a00000a, Units: []*Unit{{ID: 0x3000000000000001, Disk: disk}}}
}

func TestCommandsAreAnsweredAsHostsExpect(t *testing.T) {
	const blocks = 1000
	read16 := [16]byte{OpRead16, 9: 3, 13: 2}
	for _, tc := range []struct {
		name  string
		lun   uint64
		cdb   [16]byte
		in    int
		out   int
		sense Sense
		check func(t *testing.T, b []byte)
	}{
		{name: "test unit ready is good", cdb: [16]byte{OpTestUnitReady}},
		{name: "inquiry says disk", cdb: [16]byte{OpInquiry, 4: 36}, in: 36, check: func(t *testing.T, b []byte) {
			if b[0] != 0 || string(b[8:16]) != "FCREDIR " || string(b[16:26]) != "SIM DISK 0" {
				t.Errorf("inquiry: % x %q", b[:8], b[8:])
			}
		}},
		{name: "inquiry gives no more than the host has room for", cdb: [16]byte{OpInquiry, 4: 5}, in: 5},
		{name: "inquiry with a page but without EVPD is refused", cdb: [16]byte{OpInquiry, 2: 0x80, 4: 36}, sense: InvalidFieldInCDB},
		{name: "inquiry to a LUN that is not there says so without an error", lun: 5 << 48, cdb: [16]byte{OpInquiry, 4: 36}, in: 36,
			check: func(t *testing.T, b []byte) {
				if b[0] != 0x7f {
					t.Errorf("peripheral byte is %02x, want 7f", b[0])
				}
			}},
		{name: "page 00 lists the pages", cdb: [16]byte{OpInquiry, 1, 0, 4: 255}, in: 9, check: func(t *testing.T, b []byte) {
			if !bytes.Equal(b[4:], []byte{0, 0x80, 0x83, 0xb0, 0xb1}) {
				t.Errorf("pages % x", b[4:])
			}
		}},
		{name: "page 80 is the serial number", cdb: [16]byte{OpInquiry, 1, 0x80, 4: 255}, in: 20, check: func(t *testing.T, b []byte) {
			if string(b[4:]) != "3000000000000001" {
				t.Errorf("serial %q", b[4:])
			}
		}},
		{name: "page 83 has the unit's name first", cdb: [16]byte{OpInquiry, 1, 0x83, 4: 255}, in: 64, check: func(t *testing.T, b []byte) {
			if int(binary.BigEndian.Uint16(b[2:])) != len(b)-4 || b[4] != 1 || b[5] != 3 || b[7] != 8 || binary.BigEndian.Uint64(b[8:]) != 0x3000000000000001 {
				t.Errorf("page 83: % x", b)
			}
		}},
		{name: "page B0 bounds the transfer", cdb: [16]byte{OpInquiry, 1, 0xB0, 4: 255}, in: 64, check: func(t *testing.T, b []byte) {
			if binary.BigEndian.Uint32(b[8:]) != MaxTransferBlocks {
				t.Errorf("page B0: % x", b)
			}
		}},
		{name: "a page that is not there is refused", cdb: [16]byte{OpInquiry, 1, 0xC0, 4: 255}, sense: InvalidFieldInCDB},
		{name: "report LUNs lists unit 0", cdb: [16]byte{OpReportLUNs, 9: 255}, in: 16, check: func(t *testing.T, b []byte) {
			if !bytes.Equal(b, []byte{0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) {
				t.Errorf("LUNs % x", b)
			}
		}},
		{name: "report LUNs with too little room is refused", cdb: [16]byte{OpReportLUNs, 9: 8}, sense: InvalidFieldInCDB},
		{name: "read capacity 10 is the last block", cdb: [16]byte{OpReadCapacity10}, in: 8, check: func(t *testing.T, b []byte) {
			if binary.BigEndian.Uint32(b) != blocks-1 || binary.BigEndian.Uint32(b[4:]) != BlockSize {
				t.Errorf("capacity % x", b)
			}
		}},
		{name: "read capacity 16 is the last block", cdb: [16]byte{OpServiceActionIn16, 0x10, 13: 32}, in: 32, check: func(t *testing.T, b []byte) {
			if binary.BigEndian.Uint64(b) != blocks-1 || binary.BigEndian.Uint32(b[8:]) != BlockSize {
				t.Errorf("capacity % x", b)
			}
		}},
		{name: "another service action is refused", cdb: [16]byte{OpServiceActionIn16, 0x12, 13: 32}, sense: InvalidFieldInCDB},
		{name: "mode sense 6 gives all pages", cdb: [16]byte{OpModeSense6, 2: 0x3f, 4: 255}, in: 36, check: func(t *testing.T, b []byte) {
			if int(b[0]) != len(b)-1 || b[4] != 0x08 || b[24] != 0x0a {
				t.Errorf("mode % x", b)
			}
		}},
		{name: "mode sense 10 gives the caching page", cdb: [16]byte{OpModeSense10, 2: 0x08, 8: 255}, in: 28, check: func(t *testing.T, b []byte) {
			if int(b[1]) != len(b)-2 || b[8] != 0x08 {
				t.Errorf("mode % x", b)
			}
		}},
		{name: "mode sense of another page is refused", cdb: [16]byte{OpModeSense6, 2: 0x01, 4: 255}, sense: InvalidFieldInCDB},
		{name: "request sense has nothing to tell", cdb: [16]byte{OpRequestSense, 4: 18}, in: 18, check: func(t *testing.T, b []byte) {
			if s, ok := ParseSense(b); !ok || s != (Sense{}) {
				t.Errorf("sense %v %v", s, ok)
			}
		}},
		{name: "read 10 moves blocks to the host", cdb: [16]byte{OpRead10, 5: 7, 8: 3}, in: 3 * BlockSize},
		{name: "read 16 moves blocks to the host", cdb: read16, in: 2 * BlockSize},
		{name: "write 10 takes blocks from the host", cdb: [16]byte{OpWrite10, 5: 7, 8: 3}, out: 3 * BlockSize},
		{name: "read of nothing is good", cdb: [16]byte{OpRead10}},
		{name: "the last block can be read", cdb: [16]byte{OpRead10, 4: 0x03, 5: 0xe7, 8: 1}, in: BlockSize},
		{name: "the block behind the last cannot", cdb: [16]byte{OpRead10, 4: 0x03, 5: 0xe7, 8: 2}, sense: LBAOutOfRange},
		{name: "an address so high that the sum wraps is out of range",
			cdb:   [16]byte{OpRead16, 0, 255, 255, 255, 255, 255, 255, 255, 255, 13: 1},
			sense: LBAOutOfRange},
		{name: "synchronize cache is good", cdb: [16]byte{OpSynchronizeCache10}},
		{name: "synchronize cache beyond the end is refused", cdb: [16]byte{OpSynchronizeCache16, 9: 1, 2: 1}, sense: LBAOutOfRange},
		{name: "an unknown command is refused", cdb: [16]byte{0xA3, 0x0C}, sense: InvalidOpcode},
		{name: "a command to a LUN that is not there is refused", lun: 1 << 48, cdb: [16]byte{OpTestUnitReady}, sense: UnitNotSupported},
		{name: "flat addressing reaches unit 0", lun: 0x4000 << 48, cdb: [16]byte{OpTestUnitReady}},
		{name: "an address of two levels is not there", lun: 1, cdb: [16]byte{OpTestUnitReady}, sense: UnitNotSupported},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newDevice(t, blocks).Parse(tc.lun, &tc.cdb)
			if want := tc.sense != (Sense{}); (p.Status == CheckCondition) != want || p.Sense != tc.sense {
				t.Fatalf("status %02x sense %v, want sense %v", p.Status, p.Sense, tc.sense)
			}
			if p.In != tc.in || p.Out != tc.out {
				t.Fatalf("moves %d in and %d out, want %d and %d", p.In, p.Out, tc.in, tc.out)
			}
			if tc.check != nil {
				b := make([]byte, p.In)
				p.Read(b, 0)
				tc.check(t, b)
			}
		})
	}
}

func TestALongTransferIsRefused(t *testing.T) {
	d := newDevice(t, MaxTransferBlocks*2)
	cdb := [16]byte{OpRead10}
	binary.BigEndian.PutUint16(cdb[7:], MaxTransferBlocks)
	if p := d.Parse(0, &cdb); p.Status != Good || p.In != MaxTransferBlocks*BlockSize {
		t.Errorf("the longest transfer: %+v", p)
	}
	binary.BigEndian.PutUint16(cdb[7:], MaxTransferBlocks+1)
	if p := d.Parse(0, &cdb); p.Sense != InvalidFieldInCDB {
		t.Errorf("one block more: %+v", p)
	}
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	d := newDevice(t, 1000)
	fresh := make([]byte, 2*BlockSize)
	read := [16]byte{OpRead10, 5: 127, 8: 2} // across two chunks
	p := d.Parse(0, &read)
	p.Read(fresh, 0)
	if !bytes.Equal(fresh, make([]byte, len(fresh))) {
		t.Error("blocks never written are not zeros")
	}
	data := bytes.Repeat([]byte("Fibre Channel   "), 2*BlockSize/16)
	write := [16]byte{OpWrite10, 5: 127, 8: 2}
	p = d.Parse(0, &write)
	p.Commit(data)
	p = d.Parse(0, &read)
	for at := 0; at < p.In; at += 256 { // piece by piece, as frames ask for it
		got := make([]byte, 256)
		p.Read(got, at)
		if !bytes.Equal(got, data[at:at+256]) {
			t.Fatalf("bytes from %d differ", at)
		}
	}
}

func TestADiskThatCannotBeIsAnError(t *testing.T) {
	for _, blocks := range []uint64{0, MaxBlocks + 1} {
		if _, err := NewDisk(blocks); err == nil || !strings.Contains(err.Error(), "blocks") {
			t.Errorf("%d blocks: error %v", blocks, err)
		}
	}
}

func TestSenseIsReadInBothFormats(t *testing.T) {
	want := Sense{5, 0x24, 1}
	if got, ok := ParseSense(want.Append(nil)); !ok || got != want {
		t.Errorf("fixed: %v %v", got, ok)
	}
	if got, ok := ParseSense([]byte{0x72, 5, 0x24, 1}); !ok || got != want {
		t.Errorf("descriptor: %v %v", got, ok)
	}
	for _, b := range [][]byte{nil, {0x70}, {0x72, 5}, {0x01, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}} {
		if _, ok := ParseSense(b); ok {
			t.Errorf("% x was taken for sense data", b)
		}
	}
}

// No CDB makes the device server panic, move both ways, or move more than the limit.
func FuzzParse(f *testing.F) {
	f.Add(uint64(0), []byte{OpRead16, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0})
	f.Add(uint64(0x4000<<48), []byte{OpInquiry, 1, 0x83, 0, 255})
	f.Fuzz(func(t *testing.T, lun uint64, b []byte) {
		var cdb [16]byte
		copy(cdb[:], b)
		p := newDevice(t, 300).Parse(lun, &cdb)
		if p.In < 0 || p.Out < 0 || p.In > 0 && p.Out > 0 || max(p.In, p.Out) > MaxTransferBlocks*BlockSize {
			t.Fatalf("plan %+v", p)
		}
		if p.Status != Good && p.In+p.Out > 0 {
			t.Fatalf("a failed command moves data: %+v", p)
		}
		buf := make([]byte, max(p.In, p.Out))
		p.Read(buf, 0)
		p.Commit(buf)
	})
}
