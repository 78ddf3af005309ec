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
