package frame_test

import "fcredirect/dataplane/frame"

type addELS = func(name string, payload, answer []byte, want, wantAnswer string)

func elsFrames() (all []judged) {
	ox := uint16(0x100)
	add := func(name string, payload, answer []byte, want, wantAnswer string) {
		ox++
		all = append(all, exchange(name, ox, frame.TypeELS, frame.RCtlELSRequest, frame.RCtlELSReply,
			payload, answer, want, wantAnswer)...)
	}
	sessionELS(add)
	statusELS(add)
	return all
}

var accept = frame.AppendELS(nil, frame.ELSLSAcc)

func sessionELS(add addELS) {
	login := func(c frame.ELSCommand, port, node frame.WWN) []byte {
		l := frame.NewLogin(c, port, node)
		return l.Append(nil)
	}
	add("PLOGI", login(frame.ELSPLOGI, hostPort, hostNode), login(frame.ELSLSAcc, arrayPort, arrayNode),
		"fcels.opcode=0x03 fcels.npname=20:00:02:fc:01:00:00:01 fcels.fnname=10:00:02:fc:01:00:00:01 fcels.logi.rcvsize=2112",
		"fcels.opcode=0x02 fcels.npname=20:00:02:fc:0a:00:00:0a fcels.fnname=10:00:02:fc:0a:00:00:0a")
	add("PDISC", login(frame.ELSPDISC, hostPort, hostNode), nil, "fcels.opcode=0x50 fcels.npname=20:00:02:fc:01:00:00:01", "")
	page := frame.ServicePage{Type: frame.TypeFCP, Flags: frame.PageEstablishImage, Params: frame.FCPParamInitiator | frame.FCPParamReadXferOff}
	target := page
	target.Flags, target.Params = frame.PageEstablishImage|frame.PageExecuted, frame.FCPParamTarget|frame.FCPParamReadXferOff
	add("PRLI", frame.AppendProcessLogin(nil, frame.ELSPRLI, page), frame.AppendProcessLogin(nil, frame.ELSLSAcc, target),
		"fcels.opcode=0x20 fcels.fcpflags.initiator=1 fcels.fcpflags.target=0 fcels.prlilo.payload_length=20",
		"fcels.opcode=0x02 fcels.fcpflags.initiator=0 fcels.fcpflags.target=1 fcels.prlilo.response_code=0x21")
	add("PRLO", frame.AppendProcessLogin(nil, frame.ELSPRLO, page), frame.AppendProcessLogin(nil, frame.ELSLSAcc, page),
		"fcels.opcode=0x21 fcels.prlilo.type=8", "fcels.opcode=0x02")
	third := frame.ServicePage{Type: frame.TypeIP, Flags: frame.PageEstablishImage, Params: uint32(array)}
	add("TPRLO", frame.AppendProcessLogin(nil, frame.ELSTPRLO, third), nil,
		"fcels.opcode=0x24 fcels.prlilo.3rd_party_n_port_id=0a.0b.0c fcels.tprloflags.npv=1", "")
	add("ADISC", frame.Adisc{Command: frame.ELSADISC, HardAddress: 0x0d0e0f, WWPN: hostPort, WWNN: hostNode, PortID: host}.Append(nil),
		frame.Adisc{Command: frame.ELSLSAcc, WWPN: arrayPort, WWNN: arrayNode, PortID: array}.Append(nil),
		"fcels.opcode=0x52 fcels.hrdaddr=0d.0e.0f fcels.npname=20:00:02:fc:01:00:00:01 fcels.portid=01.02.03",
		"fcels.opcode=0x02 fcels.npname=20:00:02:fc:0a:00:00:0a fcels.fnname=10:00:02:fc:0a:00:00:0a fcels.portid=0a.0b.0c")
	add("LOGO", frame.Logo{PortID: host, WWPN: hostPort}.Append(nil), accept, "fcels.opcode=0x05 fcels.portid=01.02.03", "fcels.opcode=0x02")
	add("a refused PLOGI", login(frame.ELSPLOGI, hostPort, hostNode), frame.LSRjt{Reason: frame.RjtUnable, Explanation: frame.ExplPLOGIRequired, Vendor: 5}.Append(nil),
		"fcels.opcode=0x03", "fcels.opcode=0x01 fcels.rjt.reason=0x09 fcels.rjt.detail=0x1e fcels.rjt.vnduniq=0x05")
}

func statusELS(add addELS) {
	exch := func(c frame.ELSCommand, qualifier uint8) []byte {
		return frame.Exchange{Command: c, Qualifier: qualifier, Originator: host, OXID: 0x1122, RXID: 0x3344}.Append(nil)
	}
	add("REC", exch(frame.ELSREC, 0),
		frame.RECAcc{OXID: 0x1122, RXID: 0x3344, Originator: host, Responder: array, FC4Value: 4096, Status: frame.EStatInitiative}.Append(nil),
		"fcels.opcode=0x13 fcels.portid=01.02.03 fcels.oxid=0x1122 fcels.rxid=0x3344",
		"fcels.opcode=0x02 fcels.oxid=0x1122 fcels.rxid=0x3344 fcels.rec.fc4value=0x00001000 fcels.estat.seq_init=1 fcels.estat.complete=0")
	add("RRQ", exch(frame.ELSRRQ, 0), accept, "fcels.opcode=0x12 fcels.portid=01.02.03 fcels.oxid=0x1122 fcels.rxid=0x3344", "fcels.opcode=0x02")
	add("ABTX", exch(frame.ELSABTX, 0x80), nil, "fcels.opcode=0x06 fcels.portid=01.02.03 fcels.oxid=0x1122 fcels.rxid=0x3344", "")
	add("RES", exch(frame.ELSRES, 0), frame.RESAcc{OXID: 0x1122}.Append(nil), "_ws.col.Info=0x8", "_ws.col.Info=ACC(0x8)")
	add("RSS", exch(frame.ELSRSS, 9), frame.RSSAcc{OXID: 0x1122}.Append(nil), "_ws.col.Info=0x9", "_ws.col.Info=ACC(0x9)")
	// Of some services tshark gives the command only in its summary; RES, RSS and EVFP it
	// does not know, and shows their number.
	// tshark's RSI has OX_ID and RX_ID the other way round; which is right is unchecked.
	add("RSI", exch(frame.ELSRSI, 0x80), nil, "fcels.opcode=0x0a fcels.portid=01.02.03 fcels.rcovqual=0x80", "")
	add("RTV", frame.AppendELS(nil, frame.ELSRTV), frame.RTVAcc{RATOV: 4000, EDTOV: 2000}.Append(nil), "_ws.col.Info=RTV", "_ws.col.Info=ACC(RTV)")
	add("RLS", frame.RLS{PortID: array}.Append(nil), frame.RLSAcc{LinkFailures: 1}.Append(nil), "_ws.col.Info=RLS", "_ws.col.Info=ACC(RLS)")
	add("LKA", frame.AppendELS(nil, frame.ELSLKA), accept, "_ws.col.Info=LKA", "_ws.col.Info=ACC(LKA)")
	add("RSCN", frame.AppendRSCN(nil, frame.RSCNPage{Event: frame.RSCNRemoved, ID: array}, frame.RSCNPage{Event: frame.RSCNNameServer, Format: frame.ScopeDomain, ID: 0x0d0000}), accept,
		"fcels.opcode=0x61 fcels.rscn.payload_len=12 fcels.rscn.evqual=0x05,0x01 fcels.rscn.addrfmt=0x00,0x02 fcels.rscn.domain=0x0a,0x0d fcels.rscn.area=0x0b,0x00 fcels.rscn.port=0x0c,0x00", "fcels.opcode=0x02")
	add("SCR", frame.SCR{Function: frame.SCRFull}.Append(nil), accept, "fcels.opcode=0x62 fcels.scr.regn=0x03", "fcels.opcode=0x02")
	add("FARP-REQ", frame.FARP{Command: frame.ELSFARPReq, MatchCode: 2, Requester: host, Action: 1, Responder: array,
		RequesterWWPN: hostPort, RequesterWWNN: hostNode, ResponderWWPN: arrayPort, ResponderWWNN: arrayNode}.Append(nil), nil,
		"fcels.opcode=0x54 fcels.matchcp=2 fcels.portid=01.02.03 fcels.respaction=0x01 fcels.resportid=0a.0b.0c fcels.npname=20:00:02:fc:01:00:00:01 fcels.respname=20:00:02:fc:0a:00:00:0a fcels.respnname=10:00:02:fc:0a:00:00:0a", "")
	add("FAN", frame.FAN{FabricID: 0x0d0e0f, FabricPort: arrayPort, FabricName: arrayNode}.Append(nil), nil,
		"fcels.opcode=0x60 fcels.faddr=0d.0e.0f fcels.fpname=20:00:02:fc:0a:00:00:0a fcels.fnname=10:00:02:fc:0a:00:00:0a", "")
	add("RNID", frame.RNID{Format: frame.RNIDTopology}.Append(nil),
		frame.RNIDAcc{Format: frame.RNIDTopology, Common: true, WWPN: arrayPort, WWNN: arrayNode, Specific: make([]byte, 52)}.Append(nil),
		"fcels.opcode=0x78 fcels.rnid.nodeidfmt=0xdf",
		"fcels.opcode=0x02 fcels.npname=20:00:02:fc:0a:00:00:0a fcels.fnname=10:00:02:fc:0a:00:00:0a fcels.rnid.spidlen=52")
	rlir := frame.RLIR{Descriptor: make([]byte, 4)}
	add("RLIR", rlir.Append(nil), accept, "_ws.col.Info=RLIR", "_ws.col.Info=ACC(RLIR)")
	add("SRL", frame.SRL{Flag: 1, PortID: array}.Append(nil), accept, "fcels.opcode=0x7b fcels.srl.fl_port_addr=0a.0b.0c", "fcels.opcode=0x02")
	add("EVFP", frame.EVFP{Command: frame.ELSEVFP, Version: 1, Message: 1, CoreName: hostPort, Rest: make([]byte, 4)}.Append(nil), nil, "_ws.col.Info=0x7f", "")
	add("AUTH_ELS", frame.Auth{Version: 1, Message: 10, Transaction: 5, Body: make([]byte, 4)}.Append(nil), nil, "_ws.col.Info=AUTH_Reject", "")
}
