package frame_test

import "fcredirect/dataplane/frame"

func ctFrames() (all []judged) {
	ox := uint16(0x200)
	add := func(name string, command uint16, body []byte, answer frame.CT, want, wantAnswer string) {
		ox++
		h := header(frame.TypeCT, frame.RCtlUnsolicitedCtl, frame.NameServer, host, ox)
		all = append(all, judged{name, frame.AppendFCoE(nil, &h, frame.NewCT(command, body).Append(nil)),
			"fc.d_id=ff.ff.fc fcct.gssubtype=0x02 " + want})
		h = header(frame.TypeCT, frame.RCtlSolicitedCtl, host, frame.NameServer, ox)
		h.FCtl, h.RXID = frame.FCtlELSReply, 7
		all = append(all, judged{"the answer to " + name, frame.AppendFCoE(nil, &h, answer.Append(nil)),
			"fc.s_id=ff.ff.fc fcct.gssubtype=0x02 " + wantAnswer})
	}
	accept := func(body []byte) frame.CT { return frame.NewCT(frame.CTAccept, body) }
	// tshark 4.0 reads the names of GPN_FT rows four bytes early, so only the IDs are asked
	// for; the place of the name is that of Linux's struct fc_gpn_ft_resp.
	add("GPN_FT", frame.CTGPNFT, frame.TypeQuery{FC4: frame.TypeFCP}.Append(nil),
		accept(frame.AppendPortRows(nil, frame.PortRow{ID: host, WWPN: hostPort}, frame.PortRow{ID: array, WWPN: arrayPort})),
		"fcdns.opcode=0x0172", "fcdns.opcode=0x8002 fcdns.rply.portid=01.02.03,0a.0b.0c")
	add("GID_FT", frame.CTGIDFT, frame.TypeQuery{Domain: 1, FC4: frame.TypeFCP}.Append(nil),
		accept(frame.AppendIDRows(nil, host, array)),
		"fcdns.opcode=0x0171 fcdns.req.domainid=0x01", "fcdns.opcode=0x8002 fcdns.rply.portid=01.02.03,0a.0b.0c")
	add("GPN_ID", frame.CTGPNID, frame.AppendIDBody(nil, array), accept(frame.AppendNameBody(nil, arrayPort)),
		"fcdns.opcode=0x0112 fcdns.req.portid=0a.0b.0c", "fcdns.opcode=0x8002 fcdns.rply.pname=20:00:02:fc:0a:00:00:0a")
	add("GNN_ID", frame.CTGNNID, frame.AppendIDBody(nil, array), accept(frame.AppendNameBody(nil, arrayNode)),
		"fcdns.opcode=0x0113 fcdns.req.portid=0a.0b.0c", "fcdns.opcode=0x8002")
	add("GID_PN", frame.CTGIDPN, frame.AppendNameBody(nil, arrayPort), accept(frame.AppendIDBody(nil, array)),
		"fcdns.opcode=0x0121 fcdns.req.portname=20:00:02:fc:0a:00:00:0a", "fcdns.opcode=0x8002 fcdns.rply.portid=0a.0b.0c")
	add("RPN_ID", frame.CTRPNID, frame.Registration{ID: host, Name: hostPort}.Append(nil), accept(nil),
		"fcdns.opcode=0x0212 fcdns.req.portid=01.02.03 fcdns.req.portname=20:00:02:fc:01:00:00:01", "fcdns.opcode=0x8002")
	add("RNN_ID", frame.CTRNNID, frame.Registration{ID: host, Name: hostNode}.Append(nil), accept(nil),
		"fcdns.opcode=0x0213 fcdns.req.portid=01.02.03 fcdns.req.nname=10:00:02:fc:01:00:00:01", "fcdns.opcode=0x8002")
	types := frame.TypesRegistration{ID: host, Types: [8]uint32{1 << frame.TypeFCP}}
	add("RFT_ID", frame.CTRFTID, types.Append(nil), accept(nil),
		"fcdns.opcode=0x0217 fcdns.req.portid=01.02.03 fcdns.fc4types.fcp=1", "fcdns.opcode=0x8002")
	add("RFF_ID", frame.CTRFFID, frame.FeaturesRegistration{ID: host, Features: frame.FC4Initiator, FC4: frame.TypeFCP}.Append(nil), accept(nil),
		"fcdns.opcode=0x021f fcdns.req.portid=01.02.03 fcdns.fc4features.i=1 fcdns.fc4features.t=0", "fcdns.opcode=0x8002")
	refused := frame.NewCT(frame.CTReject, nil)
	refused.Reason, refused.Explain, refused.Vendor = 9, 7, 3
	add("a refused GID_PN", frame.CTGIDPN, frame.AppendNameBody(nil, 1), refused,
		"fcdns.opcode=0x0121", "fcdns.opcode=0x8001 fcdns.rply.reason=0x09 fcdns.rply.reasondet=0x07 fcdns.rply.vendor=0x03")
	return all
}

func fcpFrames() (all []judged) {
	send := func(name string, rctl uint8, back bool, fctl uint32, payload []byte, want string, change func(*frame.Header)) {
		did, sid := array, host
		if back {
			did, sid = host, array
		}
		h := header(frame.TypeFCP, rctl, did, sid, 0x300)
		h.FCtl = fctl
		if back {
			h.RXID = 7
		}
		if change != nil {
			change(&h)
		}
		all = append(all, judged{name, frame.AppendFCoE(nil, &h, payload), want})
	}
	read := frame.FCPCmnd{LUN: frame.SingleLUN(5), Read: true, CDB: [16]byte{0x28, 8: 1}, DataLength: 512}
	tag := func(h *frame.Header) { h.Tagged, h.PCP, h.VLAN = true, 3, 100 }
	send("a read", frame.RCtlUnsolicitedCmd, false, frame.FCtlRequest, read.Append(nil),
		"fcp.lun=0x05 fcp.dl=512 fcp.rddata=1 fcp.wrdata=0 scsi_sbc.opcode=0x28 fc.ox_id=0x0300", tag)
	send("read data", frame.RCtlSolicitedData, true, frame.FCtlLastRead, make([]byte, 512), "fc.r_ctl=0x01", tag)
	good := frame.FCPRsp{Flags: frame.RspResidualUnder, Residual: 16}
	send("a response", frame.RCtlCommandStatus, true, frame.FCtlReply, good.Append(nil),
		"fcp.status=0x00 fcp.resid=16 fcp.rsp.flags.res_vld=0 fcp.rsp.flags.resid_under=1 vlan.id=100", tag)
	write := frame.FCPCmnd{Write: true, CDB: [16]byte{0x2A, 8: 8}, DataLength: 4096}
	other := func(h *frame.Header) { h.OXID = 0x301 }
	send("a write", frame.RCtlUnsolicitedCmd, false, frame.FCtlRequest, write.Append(nil), "fcp.dl=4096 fcp.rddata=0 fcp.wrdata=1 scsi_sbc.opcode=0x2a", other)
	send("XFER_RDY", frame.RCtlDataDescriptor, true, frame.FCtlXferReady, frame.XferRdy{Offset: 0x800, Burst: 4096}.Append(nil),
		"fcp.burstlen=4096", other)
	send("write data", frame.RCtlSolicitedData, false, frame.FCtlWriteData, make([]byte, 2048), "frame.len=2108",
		func(h *frame.Header) { other(h); h.EOF = frame.EOFn })
	send("the last write data", frame.RCtlSolicitedData, false, frame.FCtlLastWrite, make([]byte, 2048), "fc.seq_cnt=1",
		func(h *frame.Header) { other(h); h.SOF, h.SeqCnt, h.Param = frame.SOFn3, 1, 2048 })
	sense := frame.FCPRsp{Flags: frame.RspSenseValid, Status: 2, Sense: []byte{0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0}}
	send("a response with sense", frame.RCtlCommandStatus, true, frame.FCtlReply, sense.Append(nil), "fcp.status=0x02 fcp.snslen=20 scsi.sns.key=0x05", other)
	reset := frame.FCPCmnd{TMF: frame.TMFLUNReset}
	send("a LUN reset", frame.RCtlUnsolicitedCmd, false, frame.FCtlRequest, reset.Append(nil), "fcp.mgmt.flags.lu_reset=1",
		func(h *frame.Header) { h.OXID = 0x302 })
	send("a command in a virtual fabric", frame.RCtlUnsolicitedCmd, false, frame.FCtlRequest, read.Append(nil),
		"fc.vft.vf_id=7 fc.vft.hop_ct=5 fc.vft.pri=3 fc.s_id=01.02.03 fc.d_id=0a.0b.0c",
		func(h *frame.Header) { h.OXID, h.VFT, h.VFID, h.Hops, h.VFTPriority = 0x303, true, 7, 5, 3 })
	srr := frame.SRR{OXID: 0x301, RXID: 7, Offset: 0x800, RCtl: frame.RCtlSolicitedData}
	send("SRR", frame.RCtlFC4ELSRequest, false, frame.FCtlRequest, srr.Append(nil), "fc.r_ctl=0x32 fc.type=0x08",
		func(h *frame.Header) { h.OXID = 0x304 })
	bls := func(h *frame.Header) { h.Type, h.OXID = frame.TypeBLS, 0x301 }
	send("ABTS", frame.RCtlABTS, false, frame.FCtlRequest, nil, "fc.r_ctl=0x81 frame.len=60", bls)
	send("BA_ACC", frame.RCtlBAAcc, true, frame.FCtlELSReply, frame.BAAcc{SeqIDValid: true, SeqID: 5, OXID: 0x301, RXID: 7, HighCount: 0xFFFF}.Append(nil),
		"fc.bls_seqidvld=0x80 fc.bls_lastseqid=0x05 fc.bls_oxid=0x0301 fc.bls_rxid=0x0007 fc.bls_hseqcnt=0xffff", bls)
	send("BA_RJT", frame.RCtlBARjt, true, frame.FCtlELSReply, frame.BARjt{Reason: 3, Explanation: 3, Vendor: 9}.Append(nil),
		"fc.bls_reason=0x03 fc.bls_rjtdetail=0x03 fc.bls_vnduniq=0x09", bls)
	send("F_RJT", frame.RCtlFRjt, true, frame.FCtlELSReply, nil, "fc.r_ctl=0xc3",
		func(h *frame.Header) {
			bls(h)
			h.Param = frame.LinkReject{Action: 1, Reason: frame.RejectInvalidDID}.Param()
		})
	return all
}
