package login

import (
	"slices"
	"testing"

	"fcredirect/dataplane/frame"
)

func TestLoggingInToAFabric(t *testing.T) {
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
		"an accept that grants another MAC at the same port changes the login": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.changes = nil
			b.put(edge0, host.ask(frame.ELSFLOGI, 1))
			fPort := frame.NewLogin(frame.ELSLSAcc, 1, 1)
			list := frame.AppendFCDesc(nil, frame.DescFLOGI, els(frame.FabricLogin, hostID, 1, true), fPort.Append(nil))
			list = frame.AppendMACDesc(list, frame.MAC{2, 0, 0, 0, 0, 7}) // server-provided
			b.put(fabric0, host.fip(fcfMAC, host.eNode, frame.FIPLinkService, frame.FIPReply, list))
			b.told("updated 0x010101 seen")
			if l := b.one(hostID); l.MAC != (frame.MAC{2, 0, 0, 0, 0, 7}) {
				b.t.Errorf("%+v", l)
			}
		},
		"frames from the ENode's own MAC are the login's, and leave its MAC as it is": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			h := els(hostID, remoteID, 1, false)
			h.Src = host.eNode
			b.put(edge0, frame.AppendFCoE(nil, h, host.login(frame.ELSPLOGI)))
			if l := b.one(hostID); l.MAC != host.fpma(hostID) {
				b.t.Errorf("%+v", l)
			}
			b.quiet(CountForeignSource, CountDuplicateWWPN)
			list := frame.AppendFCDesc(nil, frame.DescLOGO, els(hostID, frame.FabricLogin, 9, false), logo(hostID, host.wwpn))
			b.put(edge0, host.fip(host.eNode, fcfMAC, frame.FIPLinkService, frame.FIPRequest, list)).holds()
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
	})
}

func TestLeavingAFabric(t *testing.T) {
	scenarios(t, map[string]func(b *lab){
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
		"Clear Virtual Link is no word on VN2VN nodes, nor any that its sender only relays": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, hostID)).logIn(rival, frame.ELSFLOGI, rivalID)
			b.put(fabric0, clearLink(frame.AllENodeMACs, frame.VNPort{ID: hostID}))
			raw := clearLink(rival.eNode)
			copy(raw[6:12], fcf2[:])
			b.put(fabric0, raw)
			b.holds("0x010101 HOST port 0 live beacon, beacons", "0x010202 RIVAL port 1 live login, vouched")
			b.counted(CountForeignSource, 1)
			b.counted(CountBadFIP, 1)
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
		"Clear Virtual Link with the switch's name in place of the VN_Port's ends it by its MAC": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.put(fabric0, clearLink(host.eNode, frame.VNPort{MAC: host.fpma(hostID), ID: hostID, WWPN: 0x200c_000d_ec30_9880}))
			b.holds()
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
	})
}

func TestVirtualFabricsAreApart(t *testing.T) {
	scenarios(t, map[string]func(b *lab){
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
