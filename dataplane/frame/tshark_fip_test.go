package frame_test

import "fcredirect/dataplane/frame"

var enode, fcf = frame.MAC{2, 0xfc, 1, 0, 0, 1}, frame.MAC{2, 0xfc, 0xff, 0, 0, 1}

func named() []byte { return frame.AppendNameDesc(frame.AppendMACDesc(nil, enode), hostNode) }

// fipAdder collects a frame of FIP, plain and tagged.
type fipAdder struct{ plain, tagged []judged }

func (a *fipAdder) add(name string, dst, src frame.MAC, op uint16, sub uint8, flags uint16, list []byte, want string) {
	f := frame.FIPFrame{Dst: dst, Src: src, Op: op, Sub: sub, Flags: flags, List: list}
	a.plain = append(a.plain, judged{name, frame.AppendFIP(nil, &f), want})
	f.Tagged, f.PCP, f.VLAN = true, 3, 100
	a.tagged = append(a.tagged, judged{name + ", tagged", frame.AppendFIP(nil, &f), "vlan.id=100 vlan.priority=3 " + want})
}

// fipFrames has the plain ones first: tshark joins an answer to the last request.
func fipFrames() []judged {
	var a fipAdder
	fabricFIP(a.add)
	vn2vnFIP(a.add)
	return append(a.plain, a.tagged...)
}

type addFIP = func(name string, dst, src frame.MAC, op uint16, sub uint8, flags uint16, list []byte, want string)

func fabricFIP(add addFIP) {
	vf := frame.VNPort{MAC: frame.FPMA(frame.DefaultFCMap, host), ID: host, WWPN: hostPort}
	add("a solicitation", frame.AllFCFMACs, enode, frame.FIPDiscovery, frame.FIPSolicitation, frame.FIPFlagFPMA,
		frame.AppendMaxFCoESizeDesc(named(), 2158),
		"fip.opcode=0x0001 fip.disc_subcode=0x01 fip.flags.fpma=1 fip.mac=02:fc:01:00:00:01 fip.name=10:00:02:fc:01:00:00:01 fip.fcoe_size=2158 fip.dl_len=6")
	advert := frame.AppendPriorityDesc(nil, 9)
	advert = frame.AppendMACDesc(advert, fcf)
	advert = frame.AppendNameDesc(advert, arrayNode)
	advert = frame.AppendFabricDesc(advert, frame.Fabric{VFID: 7, FCMap: frame.DefaultFCMap, Name: 0x1000000000000003})
	advert = frame.AppendFKADesc(advert, frame.FKA{PeriodMs: 8000})
	advert = frame.AppendVendorDesc(advert, [8]byte{'a', 'c', 'm', 'e'}, nil)
	add("an advertisement", frame.AllENodeMACs, fcf, frame.FIPDiscovery, frame.FIPAdvertisement,
		frame.FIPFlagFPMA|frame.FIPFlagAvailable|frame.FIPFlagSolicited|frame.FIPFlagFPort, advert,
		"fip.opcode=0x0001 fip.disc_subcode=0x02 fip.flags=0x8007 fip.pri=9 fip.mac=02:fc:ff:00:00:01 fip.name=10:00:02:fc:0a:00:00:0a fip.fab.vfid=7 fip.fab.map=0e.fc.00 fip.fab.name=10:00:00:00:00:00:00:03 fip.fka=8000")
	h := header(frame.TypeELS, frame.RCtlELSRequest, frame.FabricLogin, 0, 0x10)
	flogi := frame.NewLogin(frame.ELSFLOGI, hostPort, hostNode)
	add("FLOGI", fcf, enode, frame.FIPLinkService, frame.FIPRequest, frame.FIPFlagFPMA,
		frame.AppendMACDesc(frame.AppendFCDesc(nil, frame.DescFLOGI, &h, flogi.Append(nil)), frame.MAC{}),
		"fip.opcode=0x0002 fip.ls.subcode=0x01 fip.desc_type=0x07,0x02 fc.s_id=00.00.00 fc.d_id=ff.ff.fe fcels.opcode=0x04 fcels.npname=20:00:02:fc:01:00:00:01")
	reply := header(frame.TypeELS, frame.RCtlELSReply, host, frame.FabricLogin, 0x10)
	reply.FCtl = frame.FCtlELSReply
	accept := frame.NewLogin(frame.ELSLSAcc, 0x2000000000000003, 0x1000000000000003)
	accept.Common.Features |= frame.FeatureFPort
	add("the accept of FLOGI", enode, fcf, frame.FIPLinkService, frame.FIPReply, frame.FIPFlagFPMA,
		frame.AppendMACDesc(frame.AppendFCDesc(nil, frame.DescFLOGI, &reply, accept.Append(nil)), vf.MAC),
		"fip.ls.subcode=0x02 fip.mac=0e:fc:00:01:02:03 fc.s_id=ff.ff.fe fc.d_id=01.02.03 fcels.opcode=0x02 fcels.npname=20:00:00:00:00:00:00:03")
	h.OXID = 0x11
	fdisc := frame.NewLogin(frame.ELSFDISC, hostPort+1, hostNode)
	add("FDISC", fcf, enode, frame.FIPLinkService, frame.FIPRequest, frame.FIPFlagFPMA,
		frame.AppendMACDesc(frame.AppendFCDesc(nil, frame.DescFDISC, &h, fdisc.Append(nil)), frame.MAC{}),
		"fip.desc_type=0x08,0x02 fcels.opcode=0x51 fcels.npname=20:00:02:fc:01:00:00:02")
	logo := header(frame.TypeELS, frame.RCtlELSRequest, frame.FabricLogin, host, 0x12)
	add("LOGO in FIP", fcf, enode, frame.FIPLinkService, frame.FIPRequest, frame.FIPFlagFPMA,
		frame.AppendMACDesc(frame.AppendFCDesc(nil, frame.DescLOGO, &logo, frame.Logo{PortID: host, WWPN: hostPort}.Append(nil)), vf.MAC),
		"fip.desc_type=0x09,0x02 fcels.opcode=0x05 fcels.portid=01.02.03")
	elp := header(frame.TypeILS, frame.RCtlUnsolicitedCtl, frame.FabricController, frame.FabricController, 0x13)
	add("ELP", fcf, enode, frame.FIPLinkService, frame.FIPRequest, frame.FIPFlagFPMA,
		frame.AppendFCDesc(nil, frame.DescELP, &elp, append([]byte{0x10}, make([]byte, 107)...)),
		"fip.desc_type=0x0a fc.s_id=ff.ff.fd fc.d_id=ff.ff.fd fc.type=0x22")
	add("a keep-alive of a VN_Port", fcf, vf.MAC, frame.FIPControl, frame.FIPKeepAlive, frame.FIPFlagFPMA,
		frame.AppendVNPortDesc(frame.AppendMACDesc(nil, enode), vf),
		"fip.opcode=0x0003 fip.ctrl_subcode=0x01 fip.mac=02:fc:01:00:00:01 fip.vn.mac=0e:fc:00:01:02:03 fip.vn.fc_id=0x00010203 fip.vn.pwwn=20:00:02:fc:01:00:00:01")
	add("a clear virtual link", enode, fcf, frame.FIPControl, frame.FIPClearVirtualLink, frame.FIPFlagFPort,
		frame.AppendVNPortDesc(frame.AppendNameDesc(frame.AppendMACDesc(nil, fcf), arrayNode), vf),
		"fip.ctrl_subcode=0x02 fip.vn.fc_id=0x00010203")
	add("a VLAN request", frame.AllFCFMACs, enode, frame.FIPVLAN, frame.FIPVLANRequest, 0, named(),
		"fip.opcode=0x0004 fip.vlan_subcode=0x01 fip.name=10:00:02:fc:01:00:00:01")
	add("a VLAN notification", enode, fcf, frame.FIPVLAN, frame.FIPVLANNotification, 0,
		frame.AppendVLANDesc(frame.AppendVLANDesc(frame.AppendMACDesc(nil, fcf), 100), 200),
		"fip.vlan_subcode=0x02 fip.vlan=100,200")
	add("a map and a vendor's own", enode, fcf, frame.FIPDiscovery, frame.FIPAdvertisement, 0,
		append(frame.AppendFCMapDesc(nil, frame.VN2VNFCMap), 200, 1, 0xAA, 0xBB), "fip.map=0e.fd.00 fip.desc_type=0x03,0xc8")
}

func vn2vnFIP(add addFIP) {
	vn2vn := frame.VNPort{MAC: frame.FPMA(frame.VN2VNFCMap, 1), ID: 1, WWPN: hostPort}
	probe := func() []byte { return frame.AppendVNPortDesc(named(), vn2vn) }
	for sub, name := range map[uint8]string{frame.FIPProbeRequest: "a probe", frame.FIPProbeReply: "the answer to a probe", frame.FIPBeacon: "a beacon"} {
		add(name, frame.AllVN2VNMACs, enode, frame.FIPVN2VN, sub, frame.FIPFlagRecP2P, probe(),
			"fip.opcode=0x0005 fip.vn2vn_subcode=0x0"+string('0'+rune(sub))+" fip.flags.rec_p2p=1 fip.vn.mac=0e:fd:00:00:00:01 fip.vn.fc_id=0x00000001 fip.vn.pwwn=20:00:02:fc:01:00:00:01")
	}
	var features frame.FC4Features
	features.Set(frame.TypeFCP, frame.FC4Target)
	features.Set(frame.TypeCT, 0)
	for sub, name := range map[uint8]string{frame.FIPClaimNotification: "a claim", frame.FIPClaimResponse: "the answer to a claim"} {
		add(name, frame.AllVN2VNMACs, enode, frame.FIPVN2VN, sub, 0,
			frame.AppendMaxFCoESizeDesc(frame.AppendFC4FeaturesDesc(probe(), &features), 2158),
			"fip.vn2vn_subcode=0x0"+string('0'+rune(sub))+" fip.fcoe_size=2158 fip.fc4f.feat.fcp.target=1 fip.fc4f.feat.fcp.initiator=0")
	}
}
