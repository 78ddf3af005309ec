package login

import (
	"slices"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

func TestInAFabric(t *testing.T) {
	scenarios(t, map[string]func(b *lab){
		"a FIP FLOGI gives the names, its accept the FC_ID and the MAC": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.holds("0x010101 HOST port 0 live login, vouched")
			b.told("started 0x010101 seen")
			l := b.one(hostID)
			if l.WWNN != host.wwnn || l.MAC != host.fpma(hostID) || l.ENode != host.eNode || l.FCF != fcfMAC {
				b.t.Errorf("%+v", l)
			}
		},
		"an accept without a MAC descriptor grants the FPMA of the FCF's FC-MAP": func(b *lab) {
			list := frame.AppendMACDesc(nil, fcfMAC)
			list = frame.AppendFabricDesc(list, frame.Fabric{FCMap: 0x0EFC42})
			list = frame.AppendFKADesc(list, frame.FKA{PeriodMs: 8000})
			b.put(fabric0, station{}.fip(fcfMAC, frame.AllENodeMACs, frame.FIPDiscovery, frame.FIPAdvertisement, list))
			b.put(edge0, host.ask(frame.ELSFLOGI, 1))
			fPort := frame.NewLogin(frame.ELSLSAcc, 1, 1)
			list = frame.AppendFCDesc(nil, frame.DescFLOGI, els(frame.FabricLogin, hostID, 1, true), fPort.Append(nil))
			b.put(fabric0, host.fip(fcfMAC, host.eNode, frame.FIPLinkService, frame.FIPReply, list))
			if l := b.one(hostID); l.MAC != frame.FPMA(0x0EFC42, hostID) {
				b.t.Errorf("MAC %v", l.MAC)
			}
		},
		"NPIV: FDISCs behind one ENode are logins of their own": func(b *lab) {
			second := host
			second.wwpn++
			third := host
			third.wwpn += 2
			b.put(edge0, host.ask(frame.ELSFLOGI, 1)).put(edge0, second.ask(frame.ELSFDISC, 2)).put(edge0, third.ask(frame.ELSFDISC, 3))
			b.put(fabric0, host.granted(frame.ELSFDISC, 3, 0x010103)).put(fabric0, host.granted(frame.ELSFDISC, 2, 0x010102))
			b.put(fabric0, host.granted(frame.ELSFLOGI, 1, 0x010101))
			b.holds("0x010101 HOST port 0 live login, vouched",
				"0x010102 "+second.wwpn.String()+" port 0 live fdisc, vouched",
				"0x010103 "+third.wwpn.String()+" port 0 live fdisc, vouched")
		},
		"an accept without its request names nobody": func(b *lab) {
			b.put(fabric0, host.granted(frame.ELSFLOGI, 1, hostID))
			b.holds()
			b.counted(CountUnmatched, 1)
		},
		"an accept is joined once": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(fabric0, host.granted(frame.ELSFLOGI, uint16(hostID&0xFFFF), 0x010999))
			b.holds("0x010101 HOST port 0 live login, vouched")
		},
		"an accept that comes after 2 × R_A_TOV names nobody": func(b *lab) {
			b.put(edge0, host.ask(frame.ELSFLOGI, 1)).wait(pendingTimeout+1).put(fabric0, host.granted(frame.ELSFLOGI, 1, hostID))
			b.holds()
		},
		"a rejected FLOGI is no login": func(b *lab) {
			b.put(edge0, host.ask(frame.ELSFLOGI, 1))
			rjt := frame.LSRjt{Reason: frame.RjtBusy}.Append(nil)
			list := frame.AppendFCDesc(nil, frame.DescFLOGI, els(frame.FabricLogin, 0, 1, true), rjt)
			b.put(fabric0, host.fip(fcfMAC, host.eNode, frame.FIPLinkService, frame.FIPReply, list))
			b.holds()
			b.counted(CountRefused, 1)
			b.put(fabric0, host.granted(frame.ELSFLOGI, 1, hostID)).holds()
		},
		"a duplicate FLOGI is the same login: its sessions are over, its role is not": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.put(edge0, host.els(hostID, remoteID, 5, prli(frame.ELSPRLI, frame.FCPParamInitiator)))
			b.put(edge0, host.command(hostID, remoteID))
			before := b.one(hostID)
			b.changes = nil
			b.logIn(host, frame.ELSFLOGI, hostID)
			after := b.one(hostID)
			if before.Claimed != Initiator || after.Claimed != 0 || after.Observed != Initiator || after.Incarnation != before.Incarnation {
				b.t.Errorf("before %+v\nafter %+v", before, after)
			}
			b.told("updated 0x010101 seen")
			b.counted(CountRelogin, 1)
			b.counted(CountStarted, 1)
		},
		"an FC_ID that the fabric gives to another WWPN ends the old login": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.put(edge0, host.command(hostID, remoteID))
			old := b.one(hostID)
			b.changes = nil
			b.logIn(rival, frame.ELSFLOGI, hostID)
			b.holds("0x010101 RIVAL port 1 live login, vouched")
			b.told("replaced 0x010101 seen")
			if l := b.one(hostID); l.Incarnation != old.Incarnation+1 || l.Observed != 0 || l.FirstSeen != b.now {
				b.t.Errorf("%+v", l)
			}
		},
		"a host that logs in again and gets another FC_ID has moved": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.changes = nil
			b.logIn(host, frame.ELSFLOGI, 0x010109)
			b.holds("0x010109 HOST port 0 live login, vouched")
			b.told("ended 0x010101 moved_away", "moved 0x010109 seen")
			b.counted(CountDuplicateWWPN, 0)
		},
		"FLOGI without FIP is learnt too, with the prefix of the fabric's own MAC": func(b *lab) {
			h := els(0, frame.FabricLogin, 7, false)
			h.Src, h.Dst = host.eNode, frame.FPMA(0xFCFCFC, frame.FabricLogin)
			b.put(edge0, frame.AppendFCoE(nil, h, host.login(frame.ELSFLOGI)))
			h = els(frame.FabricLogin, hostID, 7, true)
			h.Src, h.Dst = frame.FPMA(0xFCFCFC, frame.FabricLogin), host.eNode
			b.put(fabric0, frame.AppendFCoE(nil, h, remote.login(frame.ELSLSAcc)))
			b.holds("0x010101 HOST port 0 live login, vouched")
			if l := b.one(hostID); l.MAC != frame.FPMA(0xFCFCFC, hostID) || l.ENode != host.eNode {
				b.t.Errorf("%+v", l)
			}
		},
		"FLOGI without FIP from a fabric that hides its prefix takes the MAC from the PLOGI": func(b *lab) {
			h := els(0, frame.FabricLogin, 7, false)
			h.Src, h.Dst = host.eNode, frame.MAC{0x0e, 0xfc, 0, 0xff, 0xff, 0xfe}
			b.put(edge0, frame.AppendFCoE(nil, h, host.login(frame.ELSFLOGI)))
			h = els(frame.FabricLogin, hostID, 7, true)
			h.Src, h.Dst = fcfMAC, host.eNode
			b.put(fabric0, frame.AppendFCoE(nil, h, remote.login(frame.ELSLSAcc)))
			if l := b.one(hostID); !l.MAC.IsZero() {
				b.t.Errorf("MAC %v out of nowhere", l.MAC)
			}
			b.put(edge0, host.plogi(hostID, frame.NameServer, 8))
			if l := b.one(hostID); l.MAC != host.fpma(hostID) {
				b.t.Errorf("MAC %v", l.MAC)
			}
		},
		"LOGO to the fabric ends the login, in FIP and without": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).logIn(rival, frame.ELSFLOGI, rivalID)
			b.changes = nil
			list := frame.AppendFCDesc(nil, frame.DescLOGO, els(hostID, frame.FabricLogin, 9, false), logo(hostID, host.wwpn))
			b.put(edge0, host.fip(host.fpma(hostID), fcfMAC, frame.FIPLinkService, frame.FIPRequest, list))
			b.put(edge1, rival.els(rivalID, frame.FabricLogin, 9, logo(rivalID, rival.wwpn)))
			b.told("ended 0x010101 logged_out", "ended 0x010202 logged_out")
		},
		"LOGO from the fabric ends the login": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(fabric0, remote.els(frame.FabricLogin, hostID, 9, logo(hostID, host.wwpn)))
			b.holds()
		},
		"LOGO to a peer ends a session, not the login": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(edge0, host.els(hostID, remoteID, 9, logo(hostID, host.wwpn)))
			b.holds("0x010101 HOST port 0 live login, vouched")
		},
		"Clear Virtual Link ends the VN_Ports that it lists": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).logIn(rival, frame.ELSFLOGI, rivalID)
			b.put(fabric0, clearLink(host.eNode, frame.VNPort{MAC: host.fpma(hostID), ID: hostID, WWPN: host.wwpn},
				frame.VNPort{ID: rivalID, WWPN: host.wwpn}))
			b.holds("0x010202 RIVAL port 1 live login, vouched")
			b.counted(CountForeignSource, 1) // its FC_ID was listed under another name
		},
		"Clear Virtual Link without a list ends all on the ENode that it is sent to": func(b *lab) {
			npiv := host
			npiv.wwpn++
			b.logIn(host, frame.ELSFLOGI, hostID).logIn(npiv, frame.ELSFDISC, 0x010102).logIn(rival, frame.ELSFLOGI, rivalID)
			b.put(fabric0, clearLink(host.eNode))
			b.holds("0x010202 RIVAL port 1 live login, vouched")
		},
		"Clear Virtual Link without a list to a VN_Port ends that one": func(b *lab) {
			npiv := host
			npiv.wwpn++
			b.logIn(host, frame.ELSFLOGI, hostID).logIn(npiv, frame.ELSFDISC, 0x010102)
			b.put(fabric0, clearLink(host.fpma(0x010102)))
			b.holds("0x010101 HOST port 0 live login, vouched")
		},
		"Clear Virtual Link to all ENodes ends what logged in through that FCF": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).logIn(rival, frame.ELSFLOGI, rivalID)
			b.put(fabric0, clearLink(frame.AllENodeMACs)).holds()
		},
		"one FC_ID in two VLANs and two fabrics is three logins": func(b *lab) {
			tagged, other := host, host
			tagged.vlan = 100
			other.port.Fabric = 1
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.put(edge0, tagged.ask(frame.ELSFLOGI, 1)).put(fabric0, tagged.granted(frame.ELSFLOGI, 1, hostID))
			up := fabric0
			up.Fabric = 1
			b.put(other.port, other.ask(frame.ELSFLOGI, 1)).put(up, other.granted(frame.ELSFLOGI, 1, hostID))
			var got []Addr
			for _, l := range b.logins() {
				got = append(got, l.Addr)
			}
			if want := []Addr{At(0, 0, hostID), At(0, 100, hostID), At(1, 0, hostID)}; !slices.Equal(got, want) {
				b.t.Errorf("got %v, want %v", got, want)
			}
			b.quiet(CountConflict, CountMoved)
		},
		"the VF_ID of a VFT header is the virtual fabric, whatever the VLAN": func(b *lab) {
			h := els(hostID, remoteID, 1, false)
			h.VFT, h.VFID, h.Tagged, h.VLAN = true, 42, true, 100
			h.Src = host.fpma(hostID)
			b.put(edge0, frame.AppendFCoE(nil, h, host.login(frame.ELSPLOGI)))
			if l := b.logins(); len(l) != 1 || l[0].Addr != At(0, 42, hostID) {
				b.t.Errorf("%+v", l)
			}
		},
	})
}

func TestSessionsShowWhoIsWho(t *testing.T) {
	scenarios(t, map[string]func(b *lab){
		"PLOGI and its accept both name their sender": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1)).put(fabric0, remote.plogiAcc(remoteID, hostID, 1))
			b.holds("0x010101 HOST port 0 live session", "0x020101 REMOTE port 2 live session")
			if l := b.one(remoteID); l.MAC != fcfMAC || l.WWNN != remote.wwnn {
				b.t.Errorf("%+v", l)
			}
		},
		"PLOGI may come from the target": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1)).put(edge0, host.plogiAcc(hostID, remoteID, 1))
			b.holds("0x010101 HOST port 0 live session", "0x020101 REMOTE port 2 live session")
		},
		"an accept that answers nothing names nobody": func(b *lab) {
			b.put(fabric0, remote.plogiAcc(remoteID, hostID, 1)).holds()
			b.counted(CountUnmatched, 1)
		},
		"the directory server's accept is no N_Port's": func(b *lab) {
			b.put(edge0, host.plogi(hostID, frame.NameServer, 1)).put(fabric0, remote.plogiAcc(frame.NameServer, hostID, 1))
			b.holds("0x010101 HOST port 0 live session")
			b.quiet(CountNoName)
		},
		"ADISC and its accept name their sender": func(b *lab) {
			b.put(edge0, host.els(hostID, remoteID, 1, host.adisc(frame.ELSADISC, hostID)))
			b.put(fabric0, remote.reply(remoteID, hostID, 1, remote.adisc(frame.ELSLSAcc, remoteID)))
			b.holds("0x010101 HOST port 0 live session", "0x020101 REMOTE port 2 live session")
		},
		"ADISC that names another address than its sender's is not believed": func(b *lab) {
			b.put(edge0, host.els(hostID, remoteID, 1, host.adisc(frame.ELSADISC, rivalID))).holds()
			b.counted(CountBadPayload, 1)
		},
		"PRLI and its accept claim functions": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1)).put(fabric0, remote.plogiAcc(remoteID, hostID, 1))
			b.put(edge0, host.els(hostID, remoteID, 2, prli(frame.ELSPRLI, frame.FCPParamInitiator)))
			b.put(fabric0, remote.reply(remoteID, hostID, 2, prli(frame.ELSLSAcc, frame.FCPParamTarget|frame.FCPParamInitiator)))
			if h, r := b.one(hostID), b.one(remoteID); h.Role() != "initiator" || r.Role() != "target" || r.Claimed != Initiator|Target {
				b.t.Errorf("%+v\n%+v", h, r)
			}
		},
		"PRLI of FC-NVMe, with its longer page, claims functions": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			p := append([]byte{0x20, 20, 0, 24, frame.TypeNVMe, 0, 0x20, 0}, make([]byte, 16)...)
			p[19] = 0x20
			b.put(edge0, host.els(hostID, remoteID, 2, p))
			if l := b.one(hostID); l.Claimed != Initiator {
				b.t.Errorf("%+v", l)
			}
		},
		"a command shows the roles, more than any claim": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1)).put(fabric0, remote.plogiAcc(remoteID, hostID, 1))
			b.put(edge0, host.els(hostID, remoteID, 2, prli(frame.ELSPRLI, frame.FCPParamTarget)))
			b.put(edge0, host.command(hostID, remoteID))
			if h, r := b.one(hostID), b.one(remoteID); h.Role() != "initiator" || r.Role() != "target" {
				b.t.Errorf("%+v\n%+v", h, r)
			}
			b.put(fabric0, remote.command(remoteID, hostID))
			if h := b.one(hostID); h.Role() != "both" {
				b.t.Errorf("role %s", h.Role())
			}
		},
		"functions that were seen before the name are not forgotten": func(b *lab) {
			b.put(edge0, host.command(hostID, remoteID))
			b.put(fabric0, remote.els(remoteID, hostID, 2, prli(frame.ELSPRLI, frame.FCPParamTarget)))
			b.holds()
			b.put(edge0, host.plogi(hostID, remoteID, 1)).put(fabric0, remote.plogiAcc(remoteID, hostID, 1))
			if h, r := b.one(hostID), b.one(remoteID); h.Observed != Initiator || r.Observed != Target || r.Claimed != Target {
				b.t.Errorf("%+v\n%+v", h, r)
			}
		},
		"LOGO between peers makes Suspect what is known from sessions alone": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			b.changes = nil
			b.put(edge0, host.els(hostID, remoteID, 9, logo(hostID, host.wwpn)))
			b.told("suspected 0x010101 session_closed")
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			b.told("updated 0x010101 seen")
			b.holds("0x010101 HOST port 0 live session")
		},
		"PRLO takes no function away": func(b *lab) {
			b.put(edge0, host.plogi(hostID, remoteID, 1))
			b.put(edge0, host.els(hostID, remoteID, 2, prli(frame.ELSPRLI, frame.FCPParamInitiator)))
			b.put(edge0, host.els(hostID, remoteID, 3, prli(frame.ELSPRLO, 0)))
			if l := b.one(hostID); l.Claimed != Initiator {
				b.t.Errorf("%+v", l)
			}
		},
		"a frame with a wrong FC CRC teaches nothing": func(b *lab) {
			raw := host.plogi(hostID, remoteID, 1)
			raw[72] ^= 1 // in the WWPN
			b.put(edge0, raw).holds()
			b.counted(CountBadCRC, 1)
		},
		"FCoE from a service port teaches nothing": func(b *lab) {
			b.put(svc0, host.plogi(hostID, remoteID, 1)).put(svc0, host.command(hostID, remoteID)).holds()
			b.counted(CountFromService, 2)
		},
		"addresses of nobody and names of nobody are not learnt": func(b *lab) {
			nameless := host
			nameless.wwpn = 0
			b.put(edge0, nameless.plogi(hostID, remoteID, 1)).put(edge0, host.plogi(0, remoteID, 1)).holds()
			b.counted(CountNoName, 2)
		},
	})
}

func TestTheNameServersAnswersAreLearnt(t *testing.T) {
	port := func(id frame.FCID, w frame.WWN) frame.PortRow { return frame.PortRow{ID: id, WWPN: w} }
	body := func(rows ...frame.PortRow) []byte { return frame.AppendPortRows(nil, rows...) }
	ask := func(b *lab, command uint16, q []byte) { b.put(edge0, host.query(hostID, 3, command, q)) }
	scenarios(t, map[string]func(b *lab){
		"GPN_FT tells every zoned port, but not where it is": func(b *lab) {
			ask(b, frame.CTGPNFT, frame.TypeQuery{FC4: frame.TypeFCP}.Append(nil))
			b.put(fabric0, answer(hostID, 3, body(port(remoteID, remote.wwpn), port(rivalID, rival.wwpn))))
			b.holds("0x010202 RIVAL live name_server, vouched", "0x020101 REMOTE live name_server, vouched")
			b.put(fabric0, remote.plogi(remoteID, hostID, 4))
			if l := b.one(remoteID); l.Port != fabric0.Index || l.MAC != fcfMAC || l.How != ByNameServer {
				b.t.Errorf("%+v", l)
			}
		},
		"a GPN_FT answer of several frames is read through, rows that are cut in two included": func(b *lab) {
			for _, size := range []int{2112, 2104, 1004, 256} {
				b.learner.SetStrict(true)
				var rows []frame.PortRow
				for i := range 300 {
					rows = append(rows, port(0x020000+frame.FCID(i), remote.wwpn+frame.WWN(i)))
				}
				wide := newLab(b.t, 400, Options{Strict: true})
				ask(wide, frame.CTGPNFT, frame.TypeQuery{FC4: frame.TypeFCP}.Append(nil))
				for _, raw := range split(hostID, 3, frame.NewCT(frame.CTAccept, body(rows...)).Append(nil), size) {
					wide.put(fabric0, raw)
				}
				if n := wide.table.Len(); n != 300 {
					b.t.Errorf("frames of %d bytes: %d logins, want 300", size, n)
				}
				for _, r := range rows {
					if l, _ := wide.table.Resolve(At(0, 0, r.ID)); l.WWPN != r.WWPN {
						b.t.Fatalf("frames of %d bytes: %v is %v, want %v", size, r.ID, l.WWPN, r.WWPN)
					}
				}
				wide.quiet(CountUnmatched, CountAnswerGap, CountNoName)
			}
		},
		"an answer with a frame missing is read up to there": func(b *lab) {
			var rows []frame.PortRow
			for i := range 40 {
				rows = append(rows, port(0x020000+frame.FCID(i), remote.wwpn+frame.WWN(i)))
			}
			ask(b, frame.CTGPNFT, frame.TypeQuery{FC4: frame.TypeFCP}.Append(nil))
			frames := split(hostID, 3, frame.NewCT(frame.CTAccept, body(rows...)).Append(nil), 256)
			b.put(fabric0, frames[0]).put(fabric0, frames[2])
			b.counted(CountAnswerGap, 1)
			if n := b.table.Len(); n != 15 {
				b.t.Errorf("%d logins, want the 15 of the first frame", n)
			}
			b.put(fabric0, frames[1]).counted(CountUnmatched, 1)
		},
		"GPN_ID, GNN_ID and GID_PN are understood with what was asked": func(b *lab) {
			ask(b, frame.CTGPNID, frame.AppendIDBody(nil, remoteID))
			b.put(fabric0, answer(hostID, 3, frame.AppendNameBody(nil, remote.wwpn)))
			ask(b, frame.CTGNNID, frame.AppendIDBody(nil, remoteID))
			b.put(fabric0, answer(hostID, 3, frame.AppendNameBody(nil, remote.wwnn)))
			ask(b, frame.CTGIDPN, frame.AppendNameBody(nil, rival.wwpn))
			b.put(fabric0, answer(hostID, 3, frame.AppendIDBody(nil, rivalID)))
			b.holds("0x010202 RIVAL live name_server, vouched", "0x020101 REMOTE live name_server, vouched")
			if l := b.one(remoteID); l.WWNN != remote.wwnn {
				b.t.Errorf("%+v", l)
			}
		},
		"GID_FT shows that a login without timers is still there": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1))
			b.wait(time.Hour)
			ask(b, frame.CTGIDFT, frame.TypeQuery{FC4: frame.TypeFCP}.Append(nil))
			b.put(fabric0, answer(hostID, 3, frame.AppendIDRows(nil, rivalID, remoteID)))
			if l := b.one(remoteID); l.LastSeen != b.now {
				b.t.Errorf("%+v", l)
			}
			b.holds("0x020101 REMOTE port 2 live session") // an ID without a name is nobody
		},
		"a port that registers its names tells them": func(b *lab) {
			b.put(edge0, host.query(hostID, 3, frame.CTRPNID, frame.Registration{ID: hostID, Name: host.wwpn}.Append(nil)))
			b.put(edge0, host.query(hostID, 4, frame.CTRNNID, frame.Registration{ID: hostID, Name: host.wwnn}.Append(nil)))
			b.holds("0x010101 HOST port 0 live session")
			if l := b.one(hostID); l.WWNN != host.wwnn {
				b.t.Errorf("%+v", l)
			}
		},
		"a port that registers names for another tells nothing": func(b *lab) {
			b.put(edge0, host.query(hostID, 3, frame.CTRPNID, frame.Registration{ID: rivalID, Name: host.wwpn}.Append(nil)))
			b.holds()
		},
		"a rejected query is not waited for": func(b *lab) {
			ask(b, frame.CTGPNID, frame.AppendIDBody(nil, remoteID))
			b.put(fabric0, remote.fcoe(ct(frame.NameServer, hostID, 3, true), frame.NewCT(frame.CTReject, nil).Append(nil)))
			b.put(fabric0, answer(hostID, 3, frame.AppendNameBody(nil, remote.wwpn)))
			b.holds()
			b.counted(CountRefused, 1)
			b.counted(CountUnmatched, 1)
		},
		"an answer from an edge port is not believed in strict mode": func(b *lab) {
			ask(b, frame.CTGPNID, frame.AppendIDBody(nil, remoteID))
			b.put(edge1, answer(hostID, 3, frame.AppendNameBody(nil, rival.wwpn))).holds()
			b.counted(CountUntrusted, 1)
		},
	})
}

// split makes the frames of one sequence of the name server.
func split(to frame.FCID, oxid uint16, payload []byte, size int) (frames [][]byte) {
	for n := uint16(0); len(payload) > 0; n++ {
		h := ct(frame.NameServer, to, oxid, true)
		h.SeqCnt, h.SeqID = n, 5
		part := payload[:min(size, len(payload))]
		payload = payload[len(part):]
		if n > 0 {
			h.SOF = frame.SOFn3
		}
		if len(payload) > 0 {
			h.EOF, h.FCtl = frame.EOFn, frame.FCtlExchangeContext|frame.FCtlLastSequence
		}
		frames = append(frames, remote.fcoe(h, part))
	}
	return frames
}

func TestStateChangesAreMarkedNotBelievedBlindly(t *testing.T) {
	page := func(event, scope uint8, id frame.FCID) frame.RSCNPage {
		return frame.RSCNPage{Event: event, Format: scope, ID: id}
	}
	known := func(b *lab) {
		b.logIn(host, frame.ELSFLOGI, hostID).put(fabric0, remote.plogi(remoteID, hostID, 1))
		b.changes = nil
	}
	scenarios(t, map[string]func(b *lab){
		"an RSCN for a port makes it Suspect until it names itself again": func(b *lab) {
			known(b)
			b.put(fabric0, rscn(hostID, page(frame.RSCNUnspecified, frame.ScopePort, remoteID)))
			b.told("suspected 0x020101 notified")
			b.put(fabric0, rscn(rivalID, page(frame.RSCNUnspecified, frame.ScopePort, remoteID)))
			b.told() // the same news for another host
			b.put(fabric0, remote.els(remoteID, hostID, 1, remote.adisc(frame.ELSADISC, remoteID)))
			b.told("updated 0x020101 seen")
			b.holds("0x010101 HOST port 0 live login, vouched", "0x020101 REMOTE port 2 live session")
		},
		"an RSCN for an area, a domain and the fabric marks all in it": func(b *lab) {
			known(b)
			b.put(fabric0, rscn(hostID, page(frame.RSCNUnspecified, frame.ScopeArea, 0x020155)))
			b.told("suspected 0x020101 notified")
			b.put(fabric0, rscn(hostID, page(frame.RSCNUnspecified, frame.ScopeDomain, 0x015555)))
			b.told("suspected 0x010101 notified")
			known(b)
			b.put(fabric0, rscn(hostID, page(frame.RSCNUnspecified, frame.ScopeFabric, 0)))
			if s := []State{b.one(hostID).State, b.one(remoteID).State}; s[0] != Suspect || s[1] != Suspect {
				b.t.Errorf("%v", s)
			}
		},
		"an RSCN with more wide pages than are told apart marks all": func(b *lab) {
			known(b)
			var pages []frame.RSCNPage
			for i := range maxWidePages + 1 {
				pages = append(pages, page(frame.RSCNUnspecified, frame.ScopeArea, frame.FCID(0x300000+i<<8)))
			}
			b.put(fabric0, rscn(hostID, pages[:maxWidePages]...)).told()
			b.put(fabric0, rscn(hostID, pages...))
			if s := []State{b.one(hostID).State, b.one(remoteID).State}; s[0] != Suspect || s[1] != Suspect {
				b.t.Errorf("%v", s)
			}
		},
		"a port that the fabric removed ends after a grace": func(b *lab) {
			known(b)
			b.put(fabric0, rscn(hostID, page(frame.RSCNRemoved, frame.ScopePort, remoteID)))
			b.wait(removedGrace - 1)
			b.told("suspected 0x020101 notified")
			b.wait(scanPause)
			b.told("ended 0x020101 notified_gone")
		},
		"a removed port that names itself in the grace stays": func(b *lab) {
			known(b)
			b.put(fabric0, rscn(hostID, page(frame.RSCNRemoved, frame.ScopePort, remoteID)))
			b.wait(removedGrace/2).put(fabric0, remote.plogi(remoteID, hostID, 1)).wait(removedGrace * 2)
			b.holds("0x010101 HOST port 0 live login, vouched", "0x020101 REMOTE port 2 live session")
		},
		"a removed port whose flow goes on stays for as long": func(b *lab) {
			known(b)
			b.put(fabric0, rscn(hostID, page(frame.RSCNRemoved, frame.ScopePort, remoteID)))
			b.wait(removedGrace / 2)
			b.learner.Seen(At(0, 0, remoteID), b.now)
			b.wait(removedGrace - 1)
			b.holds("0x010101 HOST port 0 live login, vouched", "0x020101 REMOTE port 2 removed session")
			b.wait(scanPause).holds("0x010101 HOST port 0 live login, vouched")
		},
		"an RSCN from an edge port marks nothing in strict mode": func(b *lab) {
			known(b)
			b.put(edge1, rscn(hostID, page(frame.RSCNRemoved, frame.ScopePort, remoteID))).told()
			b.counted(CountUntrusted, 1)
		},
		"an RSCN of an N_Port is not the fabric's": func(b *lab) {
			known(b)
			b.put(edge0, host.els(hostID, frame.FabricController, 1, frame.AppendRSCN(nil, page(frame.RSCNRemoved, frame.ScopePort, remoteID))))
			b.told()
		},
	})
}
