package sim

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/scsi"
)

// bench is a target on a port whose wire ends in the test, which plays the initiator with
// address 1: it is already logged in.
type bench struct {
	t    *testing.T
	v    *Virtual
	node *Node
	sent []sentFrame // by the target, since the last look
}

type sentFrame struct {
	frame.Header
	payload []byte
}

func newBench(t *testing.T) *bench {
	t.Helper()
	cfg := smallFabric(1)
	cfg.Nodes = cfg.Nodes[2:3]
	b := &bench{t: t, v: newVirtual(t, cfg)}
	b.node = b.v.nodes[0]
	b.v.carry = func(*Port, []byte) {}
	b.v.Record = func(_ string, _ time.Duration, raw []byte) {
		var f sentFrame
		if frame.Decode(raw, &f.Header) == frame.OK {
			if !f.CRCGood(raw) {
				t.Errorf("the target sends a bad CRC")
			}
			p := f.Payload(raw)
			f.payload = append([]byte(nil), p[:len(p)-f.FillBytes()]...)
			b.sent = append(b.sent, f)
		}
	}
	b.node.start()
	b.until(2 * time.Second)
	b.node.meet(&neighbor{enode: frame.MAC{2, 0xfc, 1, 0, 0, 1}, VNPort: frame.VNPort{ID: 1, WWPN: hostOne}})
	login := frame.NewLogin(frame.ELSPLOGI, hostOne, 0)
	b.ask(frame.RCtlELSRequest, frame.TypeELS, 0x100, login.Append(nil))
	b.ask(frame.RCtlELSRequest, frame.TypeELS, 0x101, frame.AppendProcessLogin(nil, frame.ELSPRLI, frame.ServicePage{
		Type: frame.TypeFCP, Flags: frame.PageEstablishImage, Params: frame.FCPParamInitiator,
	}))
	b.look()
	return b
}

// until lets time pass.
func (b *bench) until(at time.Duration) {
	for {
		due, ok := b.node.port.clock.next()
		if !ok || due > at {
			break
		}
		b.v.step()
	}
	b.v.now = max(b.v.now, at)
	b.node.port.clock.now = max(b.node.port.clock.now, at)
}

func (b *bench) pass(d time.Duration) { b.until(b.v.now + d) }

// give hands the target a frame.
func (b *bench) give(h frame.Header, payload []byte) {
	h.Src, h.Dst = frame.FPMA(frame.VN2VNFCMap, 1), frame.FPMA(frame.VN2VNFCMap, 0x0a)
	h.SID, h.DID = 1, 0x0a
	if h.SOF == 0 {
		h.SOF, h.EOF = frame.SOFi3, frame.EOFt
	}
	b.node.port.arrive(frame.AppendFCoE(nil, &h, payload))
	if err := b.node.port.turn(b.v.now); err != nil {
		b.t.Fatal(err)
	}
}

// ask sends a request in an exchange of its own.
func (b *bench) ask(rctl, kind uint8, oxid uint16, payload []byte) {
	b.give(frame.Header{RCtl: rctl, Type: kind, FCtl: frame.FCtlRequest, OXID: oxid, RXID: frame.UnknownXID}, payload)
}

func (b *bench) command(oxid uint16, c frame.FCPCmnd) {
	b.ask(frame.RCtlUnsolicitedCmd, frame.TypeFCP, oxid, c.Append(nil))
}

// look takes what the target has sent.
func (b *bench) look() []sentFrame {
	s := b.sent
	b.sent = nil
	return s
}

// one expects exactly one frame of that R_CTL.
func (b *bench) one(rctl uint8) sentFrame {
	b.t.Helper()
	s := b.look()
	if len(s) != 1 || s[0].RCtl != rctl {
		b.t.Fatalf("the target sent %d frames, want one of R_CTL %02x: %+v", len(s), rctl, s)
	}
	return s[0]
}

func writeCommand(lba uint32, blocks uint16) frame.FCPCmnd {
	c := frame.FCPCmnd{Write: true, CDB: [16]byte{scsi.OpWrite10}, DataLength: uint32(blocks) * scsi.BlockSize}
	binary.BigEndian.PutUint32(c.CDB[2:], lba)
	binary.BigEndian.PutUint16(c.CDB[7:], blocks)
	return c
}

func readCommand(lba uint32, blocks uint16) frame.FCPCmnd {
	c := writeCommand(lba, blocks)
	c.Read, c.Write, c.CDB[0] = true, false, scsi.OpRead10
	return c
}

// data sends part of a write's data.
func (b *bench) data(oxid, rxid uint16, at int, payload []byte) {
	b.give(frame.Header{RCtl: frame.RCtlSolicitedData, Type: frame.TypeFCP, FCtl: frame.FCtlWriteData,
		SeqID: 1, OXID: oxid, RXID: rxid, Param: uint32(at)}, payload)
}

func (b *bench) read(lba uint32, blocks uint16) []byte {
	b.t.Helper()
	b.command(0x200, readCommand(lba, blocks))
	got := make([]byte, int(blocks)*scsi.BlockSize)
	for _, f := range b.look() {
		if f.RCtl == frame.RCtlSolicitedData {
			copy(got[f.Param:], f.payload)
		}
	}
	return got
}

func TestAWriteIsStoredWhenItsLastByteIsThere(t *testing.T) {
	b := newBench(t)
	b.command(5, writeCommand(8, 2))
	ready := b.one(frame.RCtlDataDescriptor)
	x, err := frame.ParseXferRdy(ready.payload)
	if err != nil || x != (frame.XferRdy{Offset: 0, Burst: 1024}) || ready.RXID == frame.UnknownXID {
		t.Fatalf("XFER_RDY %+v RX_ID %04x (%v)", x, ready.RXID, err)
	}
	half := bytes.Repeat([]byte{0xA5}, 512)
	b.data(5, ready.RXID, 512, half) // the second half first
	b.data(5, ready.RXID, 512, half) // and twice
	if got := b.look(); len(got) != 0 {
		t.Fatalf("answered before the data was whole: %+v", got)
	}
	b.data(5, ready.RXID, 0, half)
	rsp, err := frame.ParseFCPRsp(b.one(frame.RCtlCommandStatus).payload)
	if err != nil || rsp.Status != 0 || rsp.Flags != 0 {
		t.Errorf("response %+v (%v)", rsp, err)
	}
	if !bytes.Equal(b.read(8, 2), append(half, half...)) {
		t.Error("what was written is not what is read")
	}
	if b.node.n.Duplicates != 1 {
		t.Errorf("%d duplicates counted, want 1", b.node.n.Duplicates)
	}
}

func TestAnAbortedWriteLeavesNoTrace(t *testing.T) {
	b := newBench(t)
	b.command(5, writeCommand(0, 2))
	ready := b.one(frame.RCtlDataDescriptor)
	b.data(5, ready.RXID, 0, bytes.Repeat([]byte{1}, 512))
	b.give(frame.Header{RCtl: frame.RCtlABTS, Type: frame.TypeBLS, FCtl: frame.FCtlEndSequence | frame.FCtlSequenceInit,
		SeqID: 1, OXID: 5, RXID: ready.RXID}, nil)
	answer := b.one(frame.RCtlBAAcc)
	acc, err := frame.ParseBAAcc(answer.payload)
	if err != nil || acc.OXID != 5 || acc.RXID != ready.RXID || acc.HighCount != 0xFFFF || !answer.FromResponder() {
		t.Errorf("BA_ACC %+v (%v)", acc, err)
	}
	b.data(5, ready.RXID, 512, bytes.Repeat([]byte{1}, 512))
	if got := b.look(); len(got) != 0 {
		t.Errorf("late data of the aborted write is answered: %+v", got)
	}
	if !bytes.Equal(b.read(0, 2), make([]byte, 1024)) {
		t.Error("the aborted write has changed the disk")
	}
}

func TestAbortOfWhatTheTargetDoesNotKnow(t *testing.T) {
	b := newBench(t)
	abts := frame.Header{RCtl: frame.RCtlABTS, Type: frame.TypeBLS, FCtl: frame.FCtlEndSequence, OXID: 9, RXID: frame.UnknownXID}
	b.give(abts, nil) // a command that was lost
	b.one(frame.RCtlBAAcc)
	abts.RXID = 3
	b.give(abts, nil)
	if rjt, err := frame.ParseBARjt(b.one(frame.RCtlBARjt).payload); err != nil || rjt.Reason != 3 || rjt.Explanation != 3 {
		t.Errorf("BA_RJT %+v (%v)", rjt, err)
	}
}

func TestRECTellsHowAnExchangeStands(t *testing.T) {
	b := newBench(t)
	rec := func(oxid, rxid uint16) sentFrame {
		x := frame.Exchange{Command: frame.ELSREC, Originator: 1, OXID: oxid, RXID: rxid}
		b.ask(frame.RCtlELSRequest, frame.TypeELS, 0x300, x.Append(nil))
		return b.one(frame.RCtlELSReply)
	}
	b.command(5, writeCommand(0, 2))
	ready := b.one(frame.RCtlDataDescriptor)
	b.data(5, ready.RXID, 0, make([]byte, 512))
	for _, rxid := range []uint16{ready.RXID, frame.UnknownXID} {
		acc, err := frame.ParseRECAcc(rec(5, rxid).payload)
		want := frame.RECAcc{OXID: 5, RXID: ready.RXID, Originator: 1, Responder: 0x0a, FC4Value: 512, Status: frame.EStatResponder}
		if err != nil || acc != want {
			t.Errorf("REC accept %+v (%v), want %+v", acc, err, want)
		}
	}
	for _, x := range [][2]uint16{{6, frame.UnknownXID}, {5, ready.RXID + 1}} {
		if rjt, err := frame.ParseLSRjt(rec(x[0], x[1]).payload); err != nil || rjt.Reason != frame.RjtLogical || rjt.Explanation != frame.ExplInvalidXID {
			t.Errorf("REC of %04x/%04x: %+v (%v)", x[0], x[1], rjt, err)
		}
	}
}

func TestADuplicateCommandIsNotDoneTwice(t *testing.T) {
	b := newBench(t)
	b.command(5, writeCommand(0, 1))
	b.one(frame.RCtlDataDescriptor)
	b.command(5, writeCommand(0, 1))
	if got := b.look(); len(got) != 0 {
		t.Errorf("the duplicate is answered: %+v", got)
	}
	b.command(5, writeCommand(64, 1)) // another command: the initiator has given up the first
	b.one(frame.RCtlDataDescriptor)
	b.pass(b.node.scaled(recTimeout))
	b.command(5, writeCommand(64, 1)) // as old as that, it is a new attempt
	b.one(frame.RCtlDataDescriptor)
	if n := len(b.node.serve.byOrigin); n != 1 {
		t.Errorf("%d exchanges are open, want 1", n)
	}
}

func TestAnExchangeThatNobodyContinuesExpires(t *testing.T) {
	b := newBench(t)
	b.command(5, writeCommand(0, 1))
	b.look()
	b.pass(exchangeLifetime + time.Second)
	if b.node.serve.n.Expired != 1 || len(b.node.serve.byOrigin) != 0 || b.node.serve.ids.n != maxExchanges {
		t.Errorf("%+v, %d open", b.node.serve.n, len(b.node.serve.byOrigin))
	}
}

func TestTaskManagement(t *testing.T) {
	for _, tc := range []struct {
		name string
		tmf  uint8
		left int // of two open writes, one for LUN 0 and one for LUN 1
		code byte
	}{
		{"LUN reset", frame.TMFLUNReset, 1, 0},
		{"abort task set", frame.TMFAbortTaskSet, 1, 0},
		{"clear task set", frame.TMFClearTaskSet, 1, 0},
		{"target reset", frame.TMFTargetReset, 0, 0},
		{"clear ACA", frame.TMFClearACA, 2, 0},
		{"an unknown one", 0x08, 2, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.node.cfg.Disk.Units = 2
			b.command(5, writeCommand(0, 1))
			other := writeCommand(0, 1)
			other.LUN = frame.SingleLUN(1)
			b.command(6, other)
			b.look()
			b.command(7, frame.FCPCmnd{TMF: tc.tmf})
			rsp, err := frame.ParseFCPRsp(b.one(frame.RCtlCommandStatus).payload)
			if err != nil || len(rsp.Info) != 8 || rsp.Info[3] != tc.code {
				t.Errorf("response %+v (%v)", rsp, err)
			}
			if n := len(b.node.serve.byOrigin); n != tc.left {
				t.Errorf("%d exchanges left, want %d", n, tc.left)
			}
		})
	}
}

func TestResidualsAndSense(t *testing.T) {
	inquiry := frame.FCPCmnd{Read: true, CDB: [16]byte{scsi.OpInquiry, 4: 255}, DataLength: 255}
	less := readCommand(0, 2)
	less.DataLength = 512
	noRoom := writeCommand(0, 2)
	noRoom.DataLength = 512
	for _, tc := range []struct {
		name     string
		c        frame.FCPCmnd
		data     int
		flags    uint8
		residual uint32
		sense    scsi.Sense
	}{
		{"less data than asked for", inquiry, 36, frame.RspResidualUnder, 219, scsi.Sense{}},
		{"more data than there is room for", less, 512, frame.RspResidualOver, 512, scsi.Sense{}},
		{"an exact fit", readCommand(0, 1), 512, 0, 0, scsi.Sense{}},
		{"an unknown command", frame.FCPCmnd{CDB: [16]byte{0xA3}}, 0, frame.RspSenseValid, 0, scsi.InvalidOpcode},
		{"a write with too little data", noRoom, 0, frame.RspSenseValid, 0, scsi.DataPhaseError},
		{"a write without the write flag", frame.FCPCmnd{CDB: writeCommand(0, 1).CDB, DataLength: 512}, 0, frame.RspSenseValid, 0, scsi.InvalidFieldInCDB},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			b.command(5, tc.c)
			moved := 0
			var rsp frame.FCPRsp
			for _, f := range b.look() {
				if f.RCtl == frame.RCtlSolicitedData {
					moved += len(f.payload)
				} else {
					rsp, _ = frame.ParseFCPRsp(f.payload)
				}
			}
			sense, _ := scsi.ParseSense(rsp.Sense)
			if moved != tc.data || rsp.Flags != tc.flags || rsp.Residual != tc.residual || sense != tc.sense {
				t.Errorf("moved %d, flags %02x, residual %d, sense %v", moved, rsp.Flags, rsp.Residual, sense)
			}
		})
	}
}

func TestLinkServicesAreAnswered(t *testing.T) {
	b := newBench(t)
	ask := func(payload []byte) []byte {
		b.ask(frame.RCtlELSRequest, frame.TypeELS, 0x300, payload)
		return b.one(frame.RCtlELSReply).payload
	}
	adisc := frame.Adisc{Command: frame.ELSADISC, WWPN: hostOne, PortID: 1}
	if a, err := frame.ParseAdisc(ask(adisc.Append(nil))); err != nil || a.Command != frame.ELSLSAcc || a.WWPN != arrayOne || a.PortID != 0x0a {
		t.Errorf("ADISC: %+v (%v)", a, err)
	}
	adisc.WWPN = hostTwo // not who it claims to be
	if _, err := frame.ParseLSRjt(ask(adisc.Append(nil))); err != nil {
		t.Errorf("ADISC of another: %v", err)
	}
	if r, err := frame.ParseRTVAcc(ask(frame.AppendELS(nil, frame.ELSRTV))); err != nil || r.EDTOV != 2000 {
		t.Errorf("RTV: %+v (%v)", r, err)
	}
	if c, err := frame.ParsePlain(ask(frame.Exchange{Command: frame.ELSRRQ, Originator: 1, OXID: 5}.Append(nil))); err != nil || c != frame.ELSLSAcc {
		t.Errorf("RRQ: %v (%v)", c, err)
	}
	if r, err := frame.ParseLSRjt(ask(frame.AppendELS(nil, frame.ELSRLS))); err != nil || r.Reason != frame.RjtUnsupported {
		t.Errorf("RLS: %+v (%v)", r, err)
	}
	if c, err := frame.ParsePlain(ask(frame.Logo{PortID: 1, WWPN: hostOne}.Append(nil))); err != nil || c != frame.ELSLSAcc {
		t.Errorf("LOGO: %v (%v)", c, err)
	}
	if r, err := frame.ParseLSRjt(ask(frame.AppendELS(nil, frame.ELSRTV))); err != nil || r.Explanation != frame.ExplPLOGIRequired {
		t.Errorf("RTV after LOGO: %+v (%v)", r, err)
	}
	b.command(5, readCommand(0, 1))
	if got := b.look(); len(got) != 1 || got[0].RCtl != frame.RCtlELSRequest || got[0].payload[0] != byte(frame.ELSLOGO) {
		t.Errorf("a command after LOGO: %+v, want LOGO in answer", got)
	}
	b.command(6, readCommand(0, 1))
	if got := b.look(); len(got) != 0 {
		t.Errorf("the next command is answered too: %+v", got)
	}
}

// No frame makes a node panic, whatever it has to do with it.
func FuzzNodeReceive(f *testing.F) {
	for i, b := range linuxCapture(f) {
		if i < 200 {
			f.Add(b, uint8(0))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, at uint8) {
		b := newBench(t)
		b.v.Record = nil
		b.command(5, writeCommand(0, 4))
		fixed := append([]byte(nil), raw...)
		var h frame.Header
		if frame.Decode(fixed, &h) == frame.OK { // make it one that is not dropped for its CRC
			h.Dst, h.SID, h.DID = frame.FPMA(frame.VN2VNFCMap, 0x0a), 1, 0x0a
			h.Tagged, h.VLAN, h.VFT = false, 0, false
			fixed = frame.AppendFCoE(nil, &h, h.Payload(raw))
		}
		b.node.port.arrive(raw)
		b.node.port.arrive(fixed)
		b.pass(time.Duration(at) * 100 * time.Millisecond)
	})
}
