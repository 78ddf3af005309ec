package login

import (
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

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
		"a station's own multicasts that come back by a fabric port are no second station, and no sign of life": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			b.changes = nil
			seen := b.now
			b.wait(time.Second).put(fabric1, host.at(fabric1).vn2vn(frame.FIPBeacon, vnHost)).told()
			b.counted(CountEcho, 1)
			b.quiet(CountConflict, CountDuplicateWWPN)
			if l := b.one(vnHost); l.LastSeen != seen || l.Port != edge0.Index {
				b.t.Errorf("%+v", l)
			}
			b.wait(12*time.Second).put(fabric1, host.at(fabric1).vn2vn(frame.FIPBeacon, vnHost)).told("moved 0x000001 seen")
		},
		"a multicast that comes back before its original came is put right by the original": func(b *lab) {
			b.put(fabric1, host.at(fabric1).vn2vn(frame.FIPBeacon, vnHost)).put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			b.holds("0x000001 HOST port 0 live beacon, beacons")
			b.told("started 0x000001 seen", "moved 0x000001 seen")
			b.quiet(CountConflict)
		},
		"but later than that it is a conflict": func(b *lab) {
			b.put(fabric0, array.vn2vn(frame.FIPBeacon, vnArray)).wait(echoTime).put(edge1, array.at(edge1).vn2vn(frame.FIPBeacon, vnArray))
			b.holds("0x00000a ARRAY port 2 live beacon, contested, beacons")
			b.counted(CountConflict, 1)
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
		"LOGO from another port or MAC, or under another name, ends nothing": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID)
			b.put(edge1, host.els(hostID, frame.FabricLogin, 1, logo(hostID, host.wwpn)))
			raw := host.els(hostID, frame.FabricLogin, 1, logo(hostID, host.wwpn))
			copy(raw[6:12], rival.eNode[:])
			b.put(edge0, raw)
			b.put(edge0, host.els(hostID, frame.FabricLogin, 1, logo(hostID, rival.wwpn))) // and under another name
			b.holds("0x010101 HOST port 0 live login, vouched")
			b.counted(CountForeignSource, 3)
		},
		"PRLI and commands from another port teach nothing": func(b *lab) {
			b.logIn(host, frame.ELSFLOGI, hostID).put(fabric0, remote.plogi(remoteID, hostID, 1))
			b.put(edge1, host.els(hostID, remoteID, 1, prli(frame.ELSPRLI, frame.FCPParamTarget)))
			b.put(edge1, host.command(hostID, remoteID))
			if h, r := b.one(hostID), b.one(remoteID); h.Claimed|h.Observed|r.Observed != 0 {
				b.t.Errorf("%+v\n%+v", h, r)
			}
		},
	})
}

func TestInAFabricOneStationCannotTakeAnothersPlace(t *testing.T) {
	scenarios(t, map[string]func(b *lab){
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
		"who is known from the name server alone is not logged out, timed or renamed from an edge port": func(b *lab) {
			b.put(edge0, host.query(hostID, 3, frame.CTGPNID, frame.AppendIDBody(nil, zonedID)))
			b.put(fabric0, answer(hostID, 3, frame.AppendNameBody(nil, zoned.wwpn)))
			thief := rival.as(zoned)
			b.put(edge1, thief.plogi(zonedID, hostID, 1)).put(edge1, thief.vnKeepAlive(zonedID)).put(edge1, thief.keepAlive())
			b.put(edge1, thief.vn2vn(frame.FIPBeacon, zonedID)).put(edge1, rival.plogi(zonedID, hostID, 1))
			b.put(edge1, thief.els(zonedID, frame.FabricLogin, 2, logo(zonedID, zoned.wwpn)))
			b.put(edge1, thief.plogi(rivalID, hostID, 2))
			b.holds("0x030101 " + zoned.wwpn.String() + " port 1 suspect name_server, vouched, contested")
			b.put(fabric0, zoned.plogi(zonedID, hostID, 3))
			b.holds("0x030101 " + zoned.wwpn.String() + " port 2 live name_server, vouched, contested")
		},
		"a VN2VN node is not replaced from a fabric port while it beacons": func(b *lab) {
			b.put(edge0, host.vnFCoE(els(vnHost, vnArray, 1, false), host.login(frame.ELSPLOGI)))
			b.put(fabric0, array.vn2vn(frame.FIPClaimNotification, vnHost))
			b.holds("0x000001 HOST port 0 live session, contested, beacons")
		},
		"what the fabric said has changed gives way to its name server": func(b *lab) {
			b.put(fabric0, advertise(8*time.Second, true)).logIn(host, frame.ELSFLOGI, hostID)
			b.put(edge1, rival.query(rivalID, 3, frame.CTGPNID, frame.AppendIDBody(nil, hostID)))
			b.put(fabric0, answer(rivalID, 3, frame.AppendNameBody(nil, zoned.wwpn)))
			b.holds("0x010101 HOST port 0 live login, vouched, contested")
			b.put(fabric0, rscn(rivalID, frame.RSCNPage{Format: frame.ScopePort, ID: hostID}))
			b.put(edge1, rival.query(rivalID, 3, frame.CTGPNID, frame.AppendIDBody(nil, hostID)))
			b.put(fabric0, answer(rivalID, 3, frame.AppendNameBody(nil, zoned.wwpn)))
			b.holds("0x010101 " + zoned.wwpn.String() + " live name_server, vouched")
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
