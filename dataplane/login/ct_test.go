package login

import (
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

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
		"a name server's word is no sign of life where there are better ones": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, remoteID)) // timed
			seen := b.now
			b.wait(time.Second)
			ask(b, frame.CTGPNID, frame.AppendIDBody(nil, remoteID))
			b.put(fabric0, answer(hostID, 3, frame.AppendNameBody(nil, host.wwpn)))
			ask(b, frame.CTGIDFT, frame.TypeQuery{FC4: frame.TypeFCP}.Append(nil))
			b.put(fabric0, answer(hostID, 3, frame.AppendIDRows(nil, remoteID)))
			if l := b.one(remoteID); l.LastSeen != seen || l.Flags&Vouched == 0 {
				b.t.Errorf("%+v", l)
			}
		},
		"without a policy the name server may answer anywhere": func(b *lab) {
			b.learner.SetStrict(false)
			b.put(edge0, rival.plogi(remoteID, hostID, 1))
			ask(b, frame.CTGPNID, frame.AppendIDBody(nil, remoteID))
			b.put(edge1, answer(hostID, 3, frame.AppendNameBody(nil, remote.wwpn)))
			b.holds("0x020101 REMOTE live name_server")
		},
		"who is not the name server is not asked and does not answer": func(b *lab) {
			b.put(edge0, host.fcoe(ct(hostID, remoteID, 3, false), frame.NewCT(frame.CTGPNID, frame.AppendIDBody(nil, rivalID)).Append(nil)))
			b.put(fabric0, remote.fcoe(ct(remoteID, hostID, 3, true), frame.NewCT(frame.CTAccept, frame.AppendNameBody(nil, host.wwpn)).Append(nil)))
			b.holds()
			b.counted(CountIgnored, 2)
		},
		"an answer that ends without its last row is over all the same": func(b *lab) {
			ask(b, frame.CTGPNFT, frame.TypeQuery{FC4: frame.TypeFCP}.Append(nil))
			rows := body(port(remoteID, remote.wwpn))
			rows[0] = 0
			b.put(fabric0, answer(hostID, 3, rows)).put(fabric0, answer(hostID, 3, body(port(rivalID, rival.wwpn))))
			b.holds("0x020101 REMOTE live name_server, vouched")
			b.counted(CountUnmatched, 1)
		},
		"ELS and CT exchanges of one OX_ID are told apart": func(b *lab) {
			b.put(edge0, host.plogi(hostID, frame.NameServer, 3))
			ask(b, frame.CTGPNID, frame.AppendIDBody(nil, remoteID))
			b.put(fabric0, remote.plogiAcc(frame.NameServer, hostID, 3))
			b.put(fabric0, answer(hostID, 3, frame.AppendNameBody(nil, remote.wwpn)))
			b.holds("0x010101 HOST port 0 live session", "0x020101 REMOTE live name_server, vouched")
			b.quiet(CountUnmatched)
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
			b.put(fabric0, remote.els(zonedID, frame.FabricController, 1, frame.AppendRSCN(nil, page(frame.RSCNRemoved, frame.ScopePort, remoteID))))
			b.told()
		},
	})
}
