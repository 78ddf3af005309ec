package login

import (
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

const (
	vnHost  frame.FCID = 0x000001
	vnRival frame.FCID = 0x000002
	vnArray frame.FCID = 0x00000a
)

// peer is FLOGI between VN2VN nodes, or its accept.
func (s station) peer(o station, from, to frame.FCID, reply bool) []byte {
	sub, command := frame.FIPRequest, frame.ELSFLOGI
	if reply {
		sub, command = frame.FIPReply, frame.ELSLSAcc
	}
	list := frame.AppendFCDesc(nil, frame.DescFLOGI, els(from, to, 1, reply), s.login(command))
	return s.fip(s.eNode, o.eNode, frame.FIPLinkService, sub, frame.AppendMACDesc(list, s.eNode))
}

// vnFCoE gives an FCoE frame of the tests the MACs of VN2VN.
func (s station) vnFCoE(h *frame.Header, payload []byte) []byte {
	h.Src, h.Dst = s.vnMAC(h.SID), s.vnMAC(h.DID)
	return frame.AppendFCoE(nil, h, payload)
}

func TestBetweenVN2VNNodes(t *testing.T) {
	scenarios(t, map[string]func(b *lab){
		"a claim, its response and a beacon name who has an address": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPClaimNotification, vnHost))
			b.put(fabric0, array.vn2vn(frame.FIPClaimResponse, vnArray))
			b.put(edge1, rival.vn2vn(frame.FIPBeacon, vnRival))
			b.holds("0x000001 HOST port 0 live claim, beacons", "0x000002 RIVAL port 1 live beacon, beacons",
				"0x00000a ARRAY port 2 live claim, beacons")
			if l := b.one(vnHost); l.WWNN != host.wwnn || l.MAC != host.vnMAC(vnHost) || l.ENode != host.eNode {
				b.t.Errorf("%+v", l)
			}
		},
		"a probe asks, and names nobody; the reply to it does": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPProbeRequest, vnHost)).holds()
			b.put(edge1, rival.vn2vn(frame.FIPProbeReply, vnHost))
			b.holds("0x000001 RIVAL port 1 live beacon, beacons")
		},
		"FLOGI and its accept both name their sender": func(b *lab) {
			b.put(edge0, host.peer(array, vnHost, vnArray, false)).put(fabric0, array.peer(host, vnArray, vnHost, true))
			b.holds("0x000001 HOST port 0 live claim, beacons", "0x00000a ARRAY port 2 live claim, beacons")
			b.quiet(CountUntrusted)
		},
		"who is seen in a PLOGI under a VN2VN MAC must beacon too": func(b *lab) {
			b.put(edge0, host.vnFCoE(els(vnHost, vnArray, 1, false), host.login(frame.ELSPLOGI)))
			b.holds("0x000001 HOST port 0 live session, beacons")
		},
		"a node that claims another address has left the old one": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPClaimNotification, vnHost))
			b.changes = nil
			b.put(edge0, host.vn2vn(frame.FIPClaimNotification, vnRival))
			b.told("ended 0x000001 moved_away", "moved 0x000002 seen")
		},
		"the loser of an address makes room by claiming another": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost)).put(edge1, rival.vn2vn(frame.FIPClaimNotification, vnHost))
			b.holds("0x000001 HOST port 0 live beacon, contested, beacons")
			b.put(edge0, host.vn2vn(frame.FIPClaimNotification, 0x000123)).put(edge1, rival.vn2vn(frame.FIPBeacon, vnHost))
			b.holds("0x000001 RIVAL port 1 live beacon, beacons", "0x000123 HOST port 0 live claim, beacons")
		},
		"a node ends 2.5 beacon periods after its last sign": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost)).wait(15 * time.Second)
			b.put(edge0, host.vnFCoE(els(vnHost, vnArray, 1, false), frame.AppendELS(nil, frame.ELSRTV)))
			b.wait(20*time.Second - 1).holds("0x000001 HOST port 0 live beacon, beacons")
			b.changes = nil
			b.wait(scanPause)
			b.told("ended 0x000001 silent")
			b.counted(CountExpired, 1)
		},
		"beacons whose parts do not fit each other teach nothing": func(b *lab) {
			desc := func(mac frame.MAC, v frame.VNPort) []byte {
				return frame.AppendVNPortDesc(frame.AppendMACDesc(nil, mac), v)
			}
			good := frame.VNPort{MAC: host.vnMAC(vnHost), ID: vnHost, WWPN: host.wwpn}
			for _, list := range [][]byte{
				frame.AppendMACDesc(nil, host.eNode),                                                  // no VN_Port
				frame.AppendVNPortDesc(nil, good),                                                     // no ENode
				desc(host.eNode, frame.VNPort{MAC: host.vnMAC(vnRival), ID: vnHost, WWPN: host.wwpn}), // MAC of another ID
				desc(rival.eNode, frame.VNPort{MAC: host.vnMAC(vnHost), ID: vnHost, WWPN: host.wwpn}), // neither is the source
			} {
				b.put(edge0, host.fip(host.eNode, frame.AllVN2VNMACs, frame.FIPVN2VN, frame.FIPBeacon, list))
			}
			b.holds()
			b.counted(CountBadFIP, 4)
		},
		"a FIP frame without Ethernet's padding is read": func(b *lab) {
			list := frame.AppendMACDesc(nil, host.eNode)
			b.logIn(host, frame.ELSFLOGI, hostID)
			raw := host.fip(host.eNode, fcfMAC, frame.FIPControl, frame.FIPKeepAlive, list)
			b.put(edge0, raw[:32])
			b.holds("0x010101 HOST port 0 live login, vouched, keeps alive")
		},
	})
}

func TestOneStationCannotTakeAnothersPlace(t *testing.T) {
	scenarios(t, map[string]func(b *lab){
		"a WWPN that lives is not learnt at a second port": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			b.changes = nil
			thief := rival.as(host)
			b.put(edge1, thief.vn2vn(frame.FIPClaimNotification, vnHost))
			b.told("conflict 0x000001 duplicate_name")
			b.put(edge1, thief.vn2vn(frame.FIPBeacon, vnHost)).put(edge1, thief.vn2vn(frame.FIPClaimNotification, vnRival))
			b.told() // once in ten seconds
			b.counted(CountDuplicateWWPN, 3)
			b.counted(CountConflict, 1)
			b.holds("0x000001 HOST port 0 live beacon, contested, beacons")
			if l := b.one(vnHost); l.MAC != host.vnMAC(vnHost) || l.ENode != host.eNode {
				b.t.Errorf("%+v", l)
			}
		},
		"an address that lives is not learnt under another WWPN": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			b.changes = nil
			b.put(edge1, rival.vn2vn(frame.FIPClaimNotification, vnHost))
			b.put(edge1, rival.vnFCoE(els(vnHost, vnArray, 1, false), rival.login(frame.ELSPLOGI)))
			b.told("conflict 0x000001 address_taken")
			b.counted(CountAddressConflict, 2)
			b.holds("0x000001 HOST port 0 live beacon, contested, beacons")
		},
		"the frames of a thief do not keep the dead alive": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			thief := rival.as(host)
			for range 11 {
				b.wait(time.Second).put(edge1, thief.vn2vn(frame.FIPBeacon, vnHost))
			}
			b.holds("0x000001 HOST port 0 live beacon, contested, beacons")
			b.changes = nil
			b.wait(time.Second).wait(1).put(edge1, thief.vn2vn(frame.FIPBeacon, vnHost))
			b.told("moved 0x000001 seen") // a beacon is missed: who moved is believed
			b.holds("0x000001 HOST port 1 live beacon, contested, beacons")
		},
		"a node that moved to another port is followed once it is missed at the old one": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			moved := host.at(edge1)
			b.wait(13*time.Second).put(edge1, moved.vn2vn(frame.FIPClaimNotification, vnHost))
			b.holds("0x000001 HOST port 1 live claim, beacons")
			b.quiet(CountDuplicateWWPN)
			b.counted(CountMoved, 1)
		},
		"a login is no longer contested a minute after the last try": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost)).put(edge1, rival.vn2vn(frame.FIPClaimNotification, vnHost))
			for range 8 {
				b.wait(8*time.Second).put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			}
			b.holds("0x000001 HOST port 0 live beacon, beacons")
			if l := b.one(vnHost); l.LastSeen != b.now {
				b.t.Errorf("the beacon that changed the login was no sign of life: %+v", l)
			}
		},
		"LOGO from another port or MAC ends nothing": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.put(edge1, host.els(hostID, frame.FabricLogin, 1, logo(hostID, host.wwpn)))
			raw := host.els(hostID, frame.FabricLogin, 1, logo(hostID, host.wwpn))
			copy(raw[6:12], rival.eNode[:])
			b.put(edge0, raw)
			b.holds("0x010101 HOST port 0 live login, vouched")
			b.counted(CountForeignSource, 2)
		},
		"PRLI and commands from another port teach nothing": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(fabric0, remote.plogi(remoteID, hostID, 1))
			b.put(edge1, host.els(hostID, remoteID, 1, prli(frame.ELSPRLI, frame.FCPParamTarget)))
			b.put(edge1, host.command(hostID, remoteID))
			if h, r := b.one(hostID), b.one(remoteID); h.Claimed|h.Observed|r.Observed != 0 {
				b.t.Errorf("%+v\n%+v", h, r)
			}
		},
		"who is known behind the fabric is not replaced from an edge port": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1))
			b.wait(time.Hour).put(edge1, rival.plogi(remoteID, hostID, 1)).put(edge1, rival.as(remote).plogi(remoteID, hostID, 1))
			b.holds("0x020101 REMOTE port 2 live session, contested")
			b.counted(CountAddressConflict, 1)
			b.counted(CountDuplicateWWPN, 1)
		},
		"nor when the fabric has said that it changed": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1))
			b.put(fabric0, rscn(hostID, frame.RSCNPage{Format: frame.ScopePort, ID: remoteID}))
			b.put(edge1, rival.plogi(remoteID, hostID, 1))
			b.holds("0x020101 REMOTE port 2 suspect session, contested")
		},
		"an address behind the fabric that another N_Port got is learnt from its PLOGI": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1))
			other := remote.as(rival)
			b.changes = nil
			b.put(fabric0, other.plogi(remoteID, hostID, 1))
			b.told("replaced 0x020101 seen")
		},
		"an N_Port behind the fabric may come in by another fabric port": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1))
			b.changes = nil
			b.put(fabric1, remote.at(fabric1).plogi(remoteID, hostID, 1))
			b.told("moved 0x020101 duplicate_name")
			b.holds("0x020101 REMOTE port 3 live session, contested")
		},
		"a second login of a live WWPN that the fabric accepts stands beside the first, and both are told": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(edge0, host.keepAlive())
			b.changes = nil
			thief := rival.as(host)
			b.logIn(thief, frame.ELSFLOGI, rivalID)
			b.holds("0x010101 HOST port 0 suspect login, vouched, contested, keeps alive",
				"0x010202 HOST port 1 live login, vouched, contested")
			b.told("started 0x010202 seen", "conflict 0x010101 duplicate_name", "conflict 0x010202 duplicate_name")
			b.counted(CountDuplicateWWPN, 1)
			// The first one lives on, whatever the second says of its address.
			b.put(edge1, thief.plogi(hostID, remoteID, 1)).put(edge1, rival.plogi(hostID, remoteID, 2))
			b.put(edge0, host.vnKeepAlive(hostID))
			b.holds("0x010101 HOST port 0 live login, vouched, contested, keeps alive",
				"0x010202 HOST port 1 live login, vouched, contested")
		},
		"a WWPN that is silent at its old port and accepted at another has moved": func(b *lab) {
			b.put(fabric0, advertise(8*time.Second, false)).logIn(host, frame.ELSFLOGI, hostID)
			b.wait(13*time.Second).put(fabric0, advertise(8*time.Second, false))
			b.changes = nil
			moved := host.at(edge1)
			moved.eNode = rival.eNode
			b.logIn(moved, frame.ELSFLOGI, rivalID)
			b.told("ended 0x010101 moved_away", "moved 0x010202 seen")
			b.quiet(CountDuplicateWWPN)
		},
		"more logins of one WWPN than the bound are refused": func(b *lab) {
			for i := range maxSameName + 1 {
				s := rival.as(host)
				s.eNode[5], s.port.Index = byte(i), uint8(10+i)
				b.logIn(s, frame.ELSFLOGI, hostID+frame.FCID(i))
			}
			if n := b.table.Len(); n != maxSameName {
				b.t.Errorf("%d logins, want %d", n, maxSameName)
			}
			b.counted(CountNameFull, 1)
		},
		"a request in another's name makes its answer worthless, not wrong": func(b *lab) {
			thief := rival
			thief.eNode = host.eNode
			b.put(edge0, host.ask(frame.ELSFLOGI, 1)).put(edge1, thief.ask(frame.ELSFLOGI, 1))
			b.put(edge0, host.ask(frame.ELSFLOGI, 1)) // sent again: still two claim it
			b.put(fabric0, host.granted(frame.ELSFLOGI, 1, hostID)).holds()
			b.counted(CountPendingContested, 2)
			b.put(edge0, host.plogi(hostID, frame.NameServer, 2))
			b.holds("0x010101 HOST port 0 live session")
		},
		"Clear Virtual Link from an edge port or another FCF ends nothing": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.put(edge1, clearLink(host.eNode))
			list := frame.AppendMACDesc(nil, fcf2)
			b.put(fabric0, host.fip(fcf2, host.eNode, frame.FIPControl, frame.FIPClearVirtualLink, list))
			b.holds("0x010101 HOST port 0 live login, vouched")
			b.counted(CountUntrusted, 1)
			b.counted(CountForeignSource, 1)
		},
		"an accept from an edge port is refused in strict mode": func(b *lab) {
			b.put(edge0, host.ask(frame.ELSFLOGI, 1)).put(edge1, host.granted(frame.ELSFLOGI, 1, hostID)).holds()
			b.counted(CountUntrusted, 1)
			b.put(fabric0, host.granted(frame.ELSFLOGI, 1, hostID)).holds("0x010101 HOST port 0 live login, vouched")
		},
		"an accept from an edge port is taken while there is no policy, and is weak once there is one": func(b *lab) {
			b.learner.SetStrict(false)
			b.put(edge0, host.ask(frame.ELSFLOGI, 1)).put(edge1, host.granted(frame.ELSFLOGI, 1, hostID))
			b.holds("0x010101 HOST port 0 live login")
			b.put(fabric0, rival.plogi(hostID, remoteID, 1))
			b.holds("0x010101 HOST port 0 live login, contested")
			b.learner.SetStrict(true)
			b.put(fabric0, rival.plogi(hostID, remoteID, 1))
			b.holds("0x010101 RIVAL port 2 live session")
		},
	})
}

func TestFIPTimers(t *testing.T) {
	const fka = 8 * time.Second
	// every runs a step each period until the time has passed.
	every := func(b *lab, period, all time.Duration, step func()) {
		for range int(all / period) {
			b.wait(period)
			step()
		}
	}
	in := func(b *lab) { b.put(fabric0, advertise(fka, false)).logIn(host, frame.ELSFLOGI, hostID) }
	scenarios(t, map[string]func(b *lab){
		"an ENode that keeps alive keeps all its VN_Ports, if they keep alive too": func(b *lab) {
			npiv := host
			npiv.wwpn++
			in(b)
			b.logIn(npiv, frame.ELSFDISC, 0x010102)
			n := 0
			every(b, fka, 10*time.Minute, func() {
				b.put(fabric0, advertise(fka, false)).put(edge0, host.keepAlive())
				if n++; n%11 == 0 {
					b.put(edge0, host.vnKeepAlive(hostID))
				}
			})
			b.holds("0x010101 HOST port 0 live login, vouched, keeps alive")
		},
		"an ENode is given up 2.5 FKA_ADV_PERIODs after its last keep-alive": func(b *lab) {
			in(b)
			b.wait(fka).put(edge0, host.keepAlive())
			b.wait(fka).put(fabric0, advertise(fka, false)).wait(fka).put(fabric0, advertise(fka, false))
			b.wait(fka/2 - 1).holds("0x010101 HOST port 0 live login, vouched, keeps alive")
			b.changes = nil
			b.wait(scanPause)
			b.told("ended 0x010101 silent")
		},
		"a VN_Port is given up 2.5 × 90 s after its last sign": func(b *lab) {
			in(b)
			every(b, fka, 224*time.Second, func() { b.put(fabric0, advertise(fka, false)).put(edge0, host.keepAlive()) })
			b.holds("0x010101 HOST port 0 live login, vouched, keeps alive")
			b.wait(time.Second).holds()
		},
		"with the D bit nobody has to keep alive": func(b *lab) {
			b.put(fabric0, advertise(fka, true)).logIn(host, frame.ELSFLOGI, hostID)
			every(b, fka, time.Hour, func() { b.put(fabric0, advertise(fka, true)) })
			b.holds("0x010101 HOST port 0 live login, vouched")
			// and when it is taken back, the time starts then
			b.put(fabric0, advertise(fka, false))
			b.holds("0x010101 HOST port 0 live login, vouched, keeps alive")
			b.wait(19 * time.Second).holds("0x010101 HOST port 0 live login, vouched, keeps alive")
		},
		"an FCF that stops advertising takes its logins along": func(b *lab) {
			in(b)
			b.logIn(rival, frame.ELSFLOGI, rivalID)
			every(b, fka, 16*time.Second, func() { b.put(edge0, host.keepAlive()).put(edge1, rival.keepAlive()) })
			b.changes = nil
			b.wait(4 * time.Second)
			b.told("ended 0x010101 fcf_lost", "ended 0x010202 fcf_lost")
		},
		"as long as no advertisement told the period, it may be 90 s": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(edge0, host.keepAlive())
			b.wait(90*time.Second).put(edge0, host.vnKeepAlive(hostID))
			b.wait(134 * time.Second).holds("0x010101 HOST port 0 live login, vouched, keeps alive")
			b.wait(time.Second).holds()
		},
		"a VN_Port keep-alive names a login that was there before": func(b *lab) {
			b.put(edge0, host.vnKeepAlive(hostID))
			b.holds("0x010101 HOST port 0 live keep_alive, keeps alive")
			if l := b.one(hostID); l.MAC != host.fpma(hostID) || l.ENode != host.eNode || l.FCF != fcfMAC {
				b.t.Errorf("%+v", l)
			}
		},
		"keep-alives on another port are no sign": func(b *lab) {
			in(b)
			b.wait(15*time.Second).put(edge1, host.keepAlive())
			b.counted(CountForeignSource, 1)
			b.put(fabric0, advertise(fka, false)).wait(5 * time.Second)
			b.holds()
		},
		"an advertisement from an edge port sets no timer in strict mode": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(edge1, advertise(fkaMin, false))
			b.wait(time.Hour).holds("0x010101 HOST port 0 live login, vouched")
			b.counted(CountUntrusted, 1)
		},
		"a login that the standards have no timer for ends after a day of silence": func(b *lab) {
			b.put(fabric0, remote.plogi(remoteID, hostID, 1))
			b.wait(idleLimit / 2)
			b.learner.Seen(At(0, 0, remoteID), b.now)
			b.wait(idleLimit - 1).holds("0x020101 REMOTE port 2 live session")
			b.wait(scanPause).holds()
		},
	})
}
