package login

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

// station is an N_Port of the tests: its names, its NIC, and where it is plugged in.
type station struct {
	wwpn, wwnn frame.WWN
	eNode      frame.MAC
	port       Port
	vlan       uint16
}

var (
	edge0   = Port{Index: 0, Role: Edge}
	edge1   = Port{Index: 1, Role: Edge}
	fabric0 = Port{Index: 2, Role: Fabric}
	fabric1 = Port{Index: 3, Role: Fabric}
	svc0    = Port{Index: 4, Role: Service}

	fcfMAC = frame.MAC{2, 0xfc, 0xfc, 0xfc, 0, 1}
	fcf2   = frame.MAC{2, 0xfc, 0xfc, 0xfc, 0, 2}

	host   = station{0x2000_02fc_0100_0001, 0x1000_02fc_0100_0001, frame.MAC{2, 0xfc, 1, 0, 0, 1}, edge0, 0}
	rival  = station{0x2000_02fc_0200_0002, 0x1000_02fc_0200_0002, frame.MAC{2, 0xfc, 2, 0, 0, 2}, edge1, 0}
	array  = station{0x2000_02fc_0a00_000a, 0x1000_02fc_0a00_000a, frame.MAC{2, 0xfc, 10, 0, 0, 10}, fabric0, 0}
	remote = station{0x2000_02fc_0b00_000b, 0x1000_02fc_0b00_000b, fcfMAC, fabric0, 0} // behind the fabric
	zoned  = station{0x2000_02fc_0d00_000d, 0x1000_02fc_0d00_000d, fcfMAC, fabric0, 0} // another one, silent
)

const (
	hostID   frame.FCID = 0x010101
	rivalID  frame.FCID = 0x010202
	remoteID frame.FCID = 0x020101
	zonedID  frame.FCID = 0x030101
)

// at puts the station somewhere else.
func (s station) at(p Port) station { s.port = p; return s }

// as gives it the names of another.
func (s station) as(o station) station { s.wwpn, s.wwnn = o.wwpn, o.wwnn; return s }

func (s station) fpma(id frame.FCID) frame.MAC { return frame.FPMA(frame.DefaultFCMap, id) }

func (s station) vnMAC(id frame.FCID) frame.MAC { return frame.FPMA(frame.VN2VNFCMap, id) }

func (b *lab) put(p Port, raw []byte) *lab {
	b.learner.Frame(p, b.now, raw)
	return b
}

func (b *lab) wait(d time.Duration) *lab {
	b.now += int64(d)
	b.learner.Tick(b.now)
	return b
}

func (s station) fip(src, dst frame.MAC, op uint16, sub uint8, list []byte) []byte {
	f := frame.FIPFrame{Dst: dst, Src: src, Tagged: s.vlan != 0, VLAN: s.vlan, Op: op, Sub: sub, List: list}
	return frame.AppendFIP(nil, &f)
}

func els(sid, did frame.FCID, oxid uint16, reply bool) *frame.Header {
	h := frame.Header{
		SOF: frame.SOFi3, EOF: frame.EOFt, RCtl: frame.RCtlELSRequest, Type: frame.TypeELS, FCtl: frame.FCtlRequest,
		SID: sid, DID: did, OXID: oxid, RXID: frame.UnknownXID,
	}
	if reply {
		h.RCtl, h.FCtl = frame.RCtlELSReply, frame.FCtlReply
	}
	return &h
}

func (s station) login(c frame.ELSCommand) []byte {
	l := frame.NewLogin(c, s.wwpn, s.wwnn)
	return l.Append(nil)
}

// ask is the station's FLOGI or FDISC to the fabric, in FIP.
func (s station) ask(c frame.ELSCommand, oxid uint16) []byte {
	kind := frame.DescFLOGI
	if c == frame.ELSFDISC {
		kind = frame.DescFDISC
	}
	list := frame.AppendFCDesc(nil, kind, els(0, frame.FabricLogin, oxid, false), s.login(c))
	return s.fip(s.eNode, fcfMAC, frame.FIPLinkService, frame.FIPRequest, frame.AppendMACDesc(list, frame.MAC{}))
}

// granted is the fabric's accept of it, with the names of the F_Port.
func (s station) granted(c frame.ELSCommand, oxid uint16, id frame.FCID) []byte {
	kind := frame.DescFLOGI
	if c == frame.ELSFDISC {
		kind = frame.DescFDISC
	}
	fPort := frame.NewLogin(frame.ELSLSAcc, 0x2001_000d_ec30_9880, 0x2001_000d_ec30_9881)
	list := frame.AppendFCDesc(nil, kind, els(frame.FabricLogin, id, oxid, true), fPort.Append(nil))
	return s.fip(fcfMAC, s.eNode, frame.FIPLinkService, frame.FIPReply, frame.AppendMACDesc(list, s.fpma(id)))
}

// logIn is FLOGI or FDISC and its accept.
func (b *lab) logIn(s station, c frame.ELSCommand, id frame.FCID) *lab {
	b.put(s.port, s.ask(c, uint16(id)))
	return b.put(fabric0, s.granted(c, uint16(id), id))
}

func advertise(fka time.Duration, d bool) []byte {
	list := frame.AppendPriorityDesc(nil, 128)
	list = frame.AppendMACDesc(list, fcfMAC)
	list = frame.AppendNameDesc(list, 0x2001_000d_ec30_9881)
	list = frame.AppendFabricDesc(list, frame.Fabric{FCMap: frame.DefaultFCMap, Name: 0x2001_000d_ec30_9881})
	list = frame.AppendFKADesc(list, frame.FKA{D: d, PeriodMs: uint32(fka.Milliseconds())})
	return station{}.fip(fcfMAC, frame.AllENodeMACs, frame.FIPDiscovery, frame.FIPAdvertisement, list)
}

func (s station) keepAlive() []byte {
	return s.fip(s.eNode, fcfMAC, frame.FIPControl, frame.FIPKeepAlive, frame.AppendMACDesc(nil, s.eNode))
}

func (s station) vnKeepAlive(id frame.FCID) []byte {
	list := frame.AppendMACDesc(nil, s.eNode)
	list = frame.AppendVNPortDesc(list, frame.VNPort{MAC: s.fpma(id), ID: id, WWPN: s.wwpn})
	return s.fip(s.fpma(id), fcfMAC, frame.FIPControl, frame.FIPKeepAlive, list)
}

func clearLink(dst frame.MAC, ports ...frame.VNPort) []byte {
	list := frame.AppendMACDesc(nil, fcfMAC)
	list = frame.AppendNameDesc(list, 0x2001_000d_ec30_9881)
	for _, p := range ports {
		list = frame.AppendVNPortDesc(list, p)
	}
	return station{}.fip(fcfMAC, dst, frame.FIPControl, frame.FIPClearVirtualLink, list)
}

// vn2vn is a FIP frame of a VN2VN node: probe, claim, beacon.
func (s station) vn2vn(sub uint8, id frame.FCID) []byte {
	list := frame.AppendMACDesc(nil, s.eNode)
	list = frame.AppendNameDesc(list, s.wwnn)
	list = frame.AppendVNPortDesc(list, frame.VNPort{MAC: s.vnMAC(id), ID: id, WWPN: s.wwpn})
	src := s.eNode
	if sub == frame.FIPBeacon {
		src = s.vnMAC(id)
	}
	return s.fip(src, frame.AllVN2VNMACs, frame.FIPVN2VN, sub, list)
}

// fcoe is an FCoE frame of the station under its FPMA (a remote one's comes from the FCF).
func (s station) fcoe(h *frame.Header, payload []byte) []byte {
	h.Src, h.Dst = s.fpma(h.SID), s.fpma(h.DID)
	if s.eNode == fcfMAC {
		h.Src = fcfMAC
	}
	h.Tagged, h.VLAN = s.vlan != 0, s.vlan
	return frame.AppendFCoE(nil, h, payload)
}

func (s station) els(from, to frame.FCID, oxid uint16, payload []byte) []byte {
	return s.fcoe(els(from, to, oxid, false), payload)
}

func (s station) reply(from, to frame.FCID, oxid uint16, payload []byte) []byte {
	return s.fcoe(els(from, to, oxid, true), payload)
}

func (s station) plogi(from, to frame.FCID, oxid uint16) []byte {
	return s.els(from, to, oxid, s.login(frame.ELSPLOGI))
}

func (s station) plogiAcc(from, to frame.FCID, oxid uint16) []byte {
	return s.reply(from, to, oxid, s.login(frame.ELSLSAcc))
}

func (s station) adisc(c frame.ELSCommand, from frame.FCID) []byte {
	return frame.Adisc{Command: c, WWPN: s.wwpn, WWNN: s.wwnn, PortID: from}.Append(nil)
}

func prli(c frame.ELSCommand, params uint32) []byte {
	return frame.AppendProcessLogin(nil, c, frame.ServicePage{Type: frame.TypeFCP, Flags: frame.PageEstablishImage, Params: params})
}

func (s station) command(from, to frame.FCID) []byte {
	h := frame.Header{
		SOF: frame.SOFi3, EOF: frame.EOFt, RCtl: frame.RCtlUnsolicitedCmd, Type: frame.TypeFCP, FCtl: frame.FCtlRequest,
		SID: from, DID: to, RXID: frame.UnknownXID,
	}
	return s.fcoe(&h, (&frame.FCPCmnd{}).Append(nil))
}

func ct(from, to frame.FCID, oxid uint16, reply bool) *frame.Header {
	h := els(from, to, oxid, reply)
	h.Type, h.RCtl = frame.TypeCT, frame.RCtlUnsolicitedCtl
	if reply {
		h.RCtl = frame.RCtlSolicitedCtl
	}
	return h
}

// query is what the station asks the name server.
func (s station) query(from frame.FCID, oxid uint16, command uint16, body []byte) []byte {
	return s.fcoe(ct(from, frame.NameServer, oxid, false), frame.NewCT(command, body).Append(nil))
}

// answer is the name server's accept, as it comes from the fabric.
func answer(to frame.FCID, oxid uint16, body []byte) []byte {
	return remote.fcoe(ct(frame.NameServer, to, oxid, true), frame.NewCT(frame.CTAccept, body).Append(nil))
}

func rscn(to frame.FCID, pages ...frame.RSCNPage) []byte {
	return remote.els(frame.FabricController, to, 0x77, frame.AppendRSCN(nil, pages...))
}

func logo(id frame.FCID, w frame.WWN) []byte { return frame.Logo{PortID: id, WWPN: w}.Append(nil) }

// line is a login in short: "0x010101 20:00:… port 0 live login vouched,keeps_alive".
func line(l *Login) string {
	s := fmt.Sprintf("%s %s %s", l.Addr.ID(), l.WWPN, l.State)
	if l.Port != NoPort {
		s = fmt.Sprintf("%s %s port %d %s", l.Addr.ID(), l.WWPN, l.Port, l.State)
	}
	s += " " + l.How.String()
	for _, f := range []struct {
		flag Flags
		name string
	}{{Vouched, "vouched"}, {Contested, "contested"}, {Beacons, "beacons"}, {KeepsAlive, "keeps alive"}, {FromPeer, "from peer"}} {
		if l.Flags&f.flag != 0 {
			s += ", " + f.name
		}
	}
	return s
}

// holds fails unless the table holds just these, in the order of their addresses.
func (b *lab) holds(want ...string) {
	b.t.Helper()
	var got []string
	for _, l := range b.logins() {
		got = append(got, line(&l))
	}
	for i := range want {
		for name, s := range map[string]station{"HOST": host, "RIVAL": rival, "ARRAY": array, "REMOTE": remote} {
			want[i] = strings.ReplaceAll(want[i], name, s.wwpn.String())
		}
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("the table holds\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// told fails unless these changes came, in this order, since the last time: "started 0x010101 seen".
func (b *lab) told(want ...string) {
	b.t.Helper()
	var got []string
	for _, c := range b.changes {
		got = append(got, fmt.Sprintf("%s %s %s", c.Kind, c.Addr.ID(), c.Cause))
	}
	b.changes = nil
	if !slices.Equal(got, want) {
		b.t.Errorf("changes told\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// counted fails unless a counter has this value.
func (b *lab) counted(c Counter, want uint64) {
	b.t.Helper()
	if got := b.learner.Count(c); got != want {
		b.t.Errorf("%s is %d, want %d", c, got, want)
	}
}

func (b *lab) one(id frame.FCID) Login {
	b.t.Helper()
	l, ok := b.table.Resolve(At(0, 0, id))
	if !ok {
		b.t.Fatalf("nothing at %v", id)
	}
	return l
}

func scenarios(t *testing.T, all map[string]func(b *lab)) {
	t.Helper()
	for name, run := range all {
		t.Run(name, func(t *testing.T) {
			b := newLab(t, 64, Options{Strict: true})
			run(b)
			b.sound()
		})
	}
}
