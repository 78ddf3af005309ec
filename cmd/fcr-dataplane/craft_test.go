package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
	"fcredirect/dataplane/sim"
)

// craftEpoch is when every crafted capture begins: 2026-01-01 00:00 UTC.
const craftEpoch = 1_767_225_600 * int64(time.Second)

// command is an FCP_CMND from FC_ID 1 to FC_ID 2, as VN2VN hosts send it.
func scsiCommand(change func(*frame.Header), payload int) []byte {
	h := frame.Header{
		Dst: frame.FPMA(frame.VN2VNFCMap, 2), Src: frame.FPMA(frame.VN2VNFCMap, 1), SOF: frame.SOFi3, EOF: frame.EOFt,
		RCtl: frame.RCtlUnsolicitedCmd, Type: frame.TypeFCP, FCtl: 0x290000, SID: 1, DID: 2, RXID: frame.UnknownXID,
	}
	if change != nil {
		change(&h)
	}
	return frame.AppendFCoE(nil, &h, make([]byte, payload))
}

// poked is a command with a byte set; a negative place counts from the end.
func poked(at int, value byte) []byte {
	b := scsiCommand(nil, 32)
	if at < 0 {
		at += len(b)
	}
	b[at] = value
	return b
}

// tagged puts bytes in front of the EtherType.
func tagged(b []byte, tag ...byte) []byte { return slices.Insert(b, 12, tag...) }

// fip is a VN2VN beacon with the descriptors given. It is long enough to be no runt.
func fip(list []byte) []byte {
	f := frame.FIPFrame{Dst: frame.AllVN2VNMACs, Src: frame.MAC{2, 0xfc, 1, 0, 0, 1}, Op: frame.FIPVN2VN, Sub: frame.FIPBeacon, List: list}
	return frame.AppendFIP(nil, &f)
}

func fipPoked(at int, value byte) []byte {
	b := fip(frame.AppendNameDesc(frame.AppendMACDesc(nil, frame.MAC{2, 0xfc, 1, 0, 0, 1}), 0x1000_02fc_0100_0001))
	b[at] = value
	return b
}

func els(first byte) []byte {
	return frame.AppendFCoE(nil, &frame.Header{
		Dst: frame.FPMA(frame.VN2VNFCMap, 2), Src: frame.FPMA(frame.VN2VNFCMap, 1), SOF: frame.SOFi3, EOF: frame.EOFt,
		RCtl: frame.RCtlELSRequest, Type: frame.TypeELS, FCtl: frame.FCtlRequest, SID: 1, DID: 2, RXID: frame.UnknownXID,
	}, append([]byte{first}, make([]byte, 11)...))
}

// plogi is a PLOGI of which so many bytes are there.
func plogi(size int) []byte {
	h := frame.Header{
		Dst: frame.FPMA(frame.VN2VNFCMap, 2), Src: frame.FPMA(frame.VN2VNFCMap, 1), SOF: frame.SOFi3, EOF: frame.EOFt,
		RCtl: frame.RCtlELSRequest, Type: frame.TypeELS, FCtl: frame.FCtlRequest, SID: 1, DID: 2, RXID: frame.UnknownXID,
	}
	login := frame.NewLogin(frame.ELSPLOGI, 0x2000_02fc_0100_0001, 0x1000_02fc_0100_0001)
	return frame.AppendFCoE(nil, &h, login.Append(nil)[:size])
}

// kinds are frames by what is special about them.
var kinds = map[string]func() []byte{
	"command":       func() []byte { return scsiCommand(nil, 32) },
	"empty":         func() []byte { return nil },
	"longest":       func() []byte { return scsiCommand(nil, 10_000) },
	"plogi":         func() []byte { return plogi(116) },
	"plogi-short":   func() []byte { return plogi(60) },
	"plogi-bad-crc": func() []byte { b := plogi(116); b[60] ^= 1; return b },
	"long": func() []byte {
		return scsiCommand(func(h *frame.Header) { h.SOF, h.RCtl = frame.SOFn3, frame.RCtlSolicitedData }, 2112)
	},
	"vlan":          func() []byte { return scsiCommand(func(h *frame.Header) { h.Tagged, h.VLAN = true, 100 }, 32) },
	"vft":           func() []byte { return scsiCommand(func(h *frame.Header) { h.VFT, h.VFID, h.Hops = true, 7, 9 }, 32) },
	"bad-crc":       func() []byte { return poked(60, 0xff) }, // in the payload
	"truncated":     func() []byte { b := scsiCommand(nil, 512); return b[:300] },
	"odd-length":    func() []byte { b := scsiCommand(nil, 32); return slices.Insert(b, len(b)-8, 0, 0) },
	"oversized":     func() []byte { return scsiCommand(nil, 2116) },
	"jumbo":         func() []byte { return scsiCommand(nil, 9000) },
	"wrong-version": func() []byte { return poked(14, 0x10) },
	"old-format":    func() []byte { return poked(15, 0x2e) },
	"bad-sof":       func() []byte { return poked(27, 0x77) },
	"bad-eof":       func() []byte { return poked(-4, 0x77) },
	"eof-ni":        func() []byte { return poked(-4, frame.EOFni) },
	"eof-a":         func() []byte { return poked(-4, frame.EOFa) },
	"ext-header":    func() []byte { return poked(28, 0x51) },
	"loop":          func() []byte { return scsiCommand(func(h *frame.Header) { h.DID = 1 }, 32) },
	"well-known":    func() []byte { return scsiCommand(func(h *frame.Header) { h.DID = frame.NameServer }, 32) },
	"broadcast":     func() []byte { return scsiCommand(func(h *frame.Header) { h.DID = frame.Broadcast }, 32) },
	"unknown-els":   func() []byte { return els(0xee) },
	"tag-in-tag":    func() []byte { return tagged(scsiCommand(nil, 32), 0x81, 0, 0, 100, 0x81, 0, 0, 200) },
	"service-tag":   func() []byte { return tagged(scsiCommand(nil, 32), 0x88, 0xa8, 0, 100, 0x81, 0, 0, 200) },
	"arp": func() []byte {
		return append(bytes.Repeat([]byte{2}, 12), append([]byte{8, 6}, make([]byte, 46)...)...)
	},
	"runt":            func() []byte { return append(bytes.Repeat([]byte{2}, 12), 8, 6, 0, 1) },
	"runt-fcoe":       func() []byte { return scsiCommand(nil, 0)[:58] },
	"fip-zero-length": func() []byte { return fipPoked(25, 0) },           // the first descriptor's length
	"fip-overrun":     func() []byte { return fipPoked(25, 200) },         // beyond the list
	"fip-lying-type":  func() []byte { return fipPoked(25, 3) },           // not the length of its type
	"fip-lying-list":  func() []byte { return fipPoked(20, 0xff) },        // beyond the frame
	"fip-critical":    func() []byte { return fipPoked(24, 0x63) },        // a type below 128 that nobody knows
	"fip-vendor":      func() []byte { return fip([]byte{200, 1, 0, 0}) }, // one from 128 on, to be skipped
}

// craftMain is the command craft: craft OUT.pcap [KIND | KIND*N]…, a frame a millisecond.
func craftMain() {
	if err := craft(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "craft:", err)
		os.Exit(1)
	}
}

func craft(path string, names []string) error {
	var b bytes.Buffer
	w, err := pcap.NewWriter(&b)
	if err != nil {
		return err
	}
	for i, name := range names {
		kind, ok := kinds[name]
		if !ok {
			return fmt.Errorf("no kind %s; there are %v", name, slices.Sorted(maps.Keys(kinds)))
		}
		if err := w.Write(craftEpoch+int64(i)*int64(time.Millisecond), kind()); err != nil {
			return err
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// fabricMain is the command fabric: fabric FOLDER VLAN BAD-CRC, the captures of fcr-sim's usual fabric of two hosts and
// two targets, each FCP frame spoilt with the probability given.
func fabricMain() {
	if err := makeFabric(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "fabric:", err)
		os.Exit(1)
	}
}

func makeFabric(dir, vlan, badCRC string) error {
	v, err := strconv.ParseUint(vlan, 10, 12)
	if err != nil {
		return err
	}
	p, err := strconv.ParseFloat(badCRC, 64)
	if err != nil {
		return err
	}
	s := sim.Script{
		Initiators: 2, Targets: 2, HostIface: "edge0", TargetIface: "fabric0", VLAN: uint16(v), Seed: 1, TimeScale: 1, OXIDs: "reuse",
		IO: sim.IOConfig{Commands: 40, Blocks: 512}, Faults: sim.Faults{BadCRC: p},
	}
	cfg, err := s.Config()
	if err != nil {
		return err
	}
	_, err = sim.Capture(cfg, dir)
	return err
}
