package sim

import (
	"time"

	"fcredirect/dataplane/frame"
)

// vn2vn finds an address for the node and its neighbours (FC-BB-6 clause on VN2VN; the
// decisions are those of Linux's fcoe_ctlr.c):
//
//	random wait → probe → probe again → claim → up, with a beacon every 8 s
//
// A neighbour that already has the address answers a probe, and another one is tried.
type vn2vn struct {
	node  *Node
	state vnState
	id    frame.FCID
	vnMAC frame.MAC
	tries int
	timer timer
	// claimed is when the last claim went out: a beacon from a stranger causes another,
	// but not many.
	claimed time.Duration
}

type vnState uint8

const (
	vnOffline vnState = iota
	vnStart
	vnProbe1
	vnProbe2
	vnClaiming
	vnUp
)

// restart gives up the address, if any, and looks for one.
func (v *vn2vn) restart() {
	n := v.node
	for _, r := range n.order {
		r.reset()
	}
	n.port.unclaim(makeKey(n.cfg.VLAN, v.vnMAC), n)
	if v.state == vnOffline && v.tries == 0 {
		v.id = frame.FCID(n.cfg.WWPN & 0xFFFF)
	} else {
		v.id = 0
	}
	for v.id == 0 || v.id == 0xFFFF {
		v.id = frame.FCID(n.rng.Uint32() & 0xFFFF)
	}
	v.vnMAC = frame.FPMA(frame.VN2VNFCMap, v.id)
	v.state = vnStart
	wait := time.Duration(n.rng.Int64N(int64(probeWaitMax)))
	if v.tries++; v.tries > probeTries {
		wait = probeSlowdown
	}
	n.arm(&v.timer, wait)
}

// offline falls silent.
func (v *vn2vn) offline() {
	n := v.node
	for _, r := range n.order {
		r.reset()
	}
	n.port.clock.stop(&v.timer)
	n.port.unclaim(makeKey(n.cfg.VLAN, v.vnMAC), n)
	v.state = vnOffline
}

// expire is the timer of the present state.
func (v *vn2vn) expire() {
	n := v.node
	switch v.state {
	case vnStart:
		v.state = vnProbe1
		v.sendGroup(frame.FIPProbeRequest)
		n.arm(&v.timer, probeInterval)
	case vnProbe1:
		v.state = vnProbe2
		v.sendGroup(frame.FIPProbeRequest)
		n.arm(&v.timer, probeToClaim)
	case vnProbe2:
		if n.port.claim(makeKey(n.cfg.VLAN, v.vnMAC), n) != nil {
			v.restart() // a node of our own port has it
			return
		}
		v.state = vnClaiming
		n.n.Claims++
		v.claim()
		n.arm(&v.timer, claimToUp)
	case vnClaiming:
		v.state, v.tries = vnUp, 1
		v.sendGroup(frame.FIPBeacon)
		n.arm(&v.timer, secondBeacon)
		for _, r := range n.order {
			if r.heard != 0 {
				r.login()
			}
		}
	case vnUp:
		v.age()
		v.beacon()
	}
}

func (v *vn2vn) beacon() {
	n := v.node
	v.sendGroup(frame.FIPBeacon)
	n.arm(&v.timer, beaconInterval+time.Duration(n.rng.Int64N(int64(beaconFuzz))))
}

func (v *vn2vn) claim() {
	v.claimed = v.node.port.clock.now
	v.sendGroup(frame.FIPClaimNotification)
}

// age logs out neighbours that have not been heard for two and a half beacons.
func (v *vn2vn) age() {
	now := v.node.port.clock.now
	for _, r := range v.node.order {
		if r.heard != 0 && now >= r.heard+v.node.scaled(beaconLoss) {
			r.heard = 0
			r.reset()
		}
	}
}

func (v *vn2vn) sendGroup(sub uint8) { v.send(sub, frame.AllVN2VNMACs, 0) }

// send sends a frame of the VN2VN operation; a response is padded to size bytes of FCoE
// PDU, which proves that the path carries frames of full length.
func (v *vn2vn) send(sub uint8, dst frame.MAC, size int) {
	n := v.node
	list := frame.AppendMACDesc(n.body[:0], n.mac)
	list = frame.AppendNameDesc(list, n.wwnn)
	list = frame.AppendVNPortDesc(list, frame.VNPort{MAC: v.vnMAC, ID: v.id, WWPN: n.cfg.WWPN})
	if sub == frame.FIPClaimNotification || sub == frame.FIPClaimResponse {
		var f frame.FC4Features
		f.Set(frame.TypeFCP, n.features())
		f.Set(frame.TypeCT, 0)
		list = frame.AppendFC4FeaturesDesc(list, &f)
		list = frame.AppendMaxFCoESizeDesc(list, maxFCoEPDU)
	}
	n.body = list
	f := frame.FIPFrame{Dst: dst, Src: n.mac, Tagged: n.cfg.VLAN != 0, VLAN: n.cfg.VLAN, Op: frame.FIPVN2VN, Sub: sub, List: list}
	if sub == frame.FIPBeacon {
		f.Src = v.vnMAC
	}
	n.scratch = frame.AppendFIP(n.scratch[:0], &f)
	full := frame.EthHeaderLen + size
	if f.Tagged {
		full += frame.TagLen
	}
	if missing := full - len(n.scratch); missing > 0 {
		n.scratch = append(n.scratch, make([]byte, missing)...)
	}
	n.send(n.scratch)
}

// features are the FC-4 features of TYPE FCP. Linux with its target modules loaded claims
// both, so a target here does too.
func (n *Node) features() uint8 {
	if n.serve != nil {
		return frame.FC4Target | frame.FC4Initiator
	}
	return frame.FC4Initiator
}

// neighbor is what a VN2VN frame says of its sender.
type neighbor struct {
	enode frame.MAC
	wwnn  frame.WWN
	frame.VNPort
	pdu      uint16
	recorded bool
}

// receiveFIP takes a FIP frame. An ENode in VN2VN mode has no use for those of an FCF.
func (n *Node) receiveFIP(b []byte) {
	var f frame.FIPFrame
	if err := frame.ParseFIP(b, &f); err != nil {
		n.n.Malformed++
		return
	}
	if f.Tagged != (n.cfg.VLAN != 0) || f.VLAN != n.cfg.VLAN {
		return
	}
	switch f.Op {
	case frame.FIPVN2VN:
		nb, ok := parseNeighbor(&f)
		if !ok {
			n.n.Malformed++
			return
		}
		if nb.WWPN != n.cfg.WWPN {
			n.link.hear(f.Sub, &nb)
		}
	case frame.FIPLinkService:
		n.receiveFIPLogin(&f)
	}
}

func parseNeighbor(f *frame.FIPFrame) (nb neighbor, ok bool) {
	var okMAC, okName, okPort bool
	nb.enode, okMAC = f.Find(frame.DescMAC).MAC()
	nb.wwnn, okName = f.Find(frame.DescName).Name()
	nb.VNPort, okPort = f.Find(frame.DescVNPort).VNPort()
	nb.pdu, _ = f.Find(frame.DescMaxFCoESize).MaxFCoESize()
	nb.recorded = f.Flags&frame.FIPFlagRecP2P != 0
	return nb, okMAC && okName && okPort && nb.WWPN != 0 && nb.ID != 0
}

// hear acts on a VN2VN frame of a neighbour.
func (v *vn2vn) hear(sub uint8, nb *neighbor) {
	switch sub {
	case frame.FIPProbeRequest:
		v.hearProbe(nb)
	case frame.FIPProbeReply:
		if nb.ID != v.id {
			return
		}
		if v.state == vnUp {
			v.claim()
		} else {
			v.restart()
		}
	case frame.FIPClaimNotification:
		v.hearClaim(nb)
	case frame.FIPClaimResponse:
		if v.state >= vnClaiming {
			v.node.meet(nb)
		}
	case frame.FIPBeacon:
		v.hearBeacon(nb)
	}
}

func (v *vn2vn) hearProbe(nb *neighbor) {
	switch {
	case nb.ID != v.id:
	case v.state >= vnClaiming:
		v.send(frame.FIPProbeReply, nb.enode, 0)
	case v.state >= vnProbe1 && v.node.cfg.WWPN > nb.WWPN && !nb.recorded:
		v.send(frame.FIPProbeReply, nb.enode, 0) // the higher name keeps the address
	default:
		v.restart()
	}
}

func (v *vn2vn) hearClaim(nb *neighbor) {
	if nb.recorded {
		v.sendGroup(frame.FIPProbeRequest)
		return
	}
	if v.state < vnClaiming {
		if nb.ID == v.id {
			v.restart()
		}
		return
	}
	if nb.ID == v.id {
		if nb.WWPN > v.node.cfg.WWPN {
			v.restart()
		} else {
			v.claim()
		}
		return
	}
	v.send(frame.FIPClaimResponse, nb.enode, int(min(nb.pdu, maxFCoEPDU)))
	v.node.meet(nb)
}

func (v *vn2vn) hearBeacon(nb *neighbor) {
	n := v.node
	if nb.recorded {
		v.sendGroup(frame.FIPProbeRequest)
		return
	}
	r := n.peers[nb.ID]
	if r == nil || r.wwpn != nb.WWPN {
		// A stranger: our claim makes it answer, and its answer makes it a neighbour.
		if v.state == vnUp && n.port.clock.now > v.claimed+n.scaled(claimToUp) {
			v.claim()
		}
		return
	}
	fresh := r.heard == 0
	r.heard = max(n.port.clock.now, 1)
	if fresh && v.state == vnUp {
		r.login()
	}
}

// meet records a neighbour. One that has another's address takes its place; login waits
// for its beacon.
func (n *Node) meet(nb *neighbor) {
	if nb.ID == n.link.id {
		return
	}
	for _, r := range n.order {
		if r.wwpn == nb.WWPN && r.id != nb.ID {
			n.forget(r)
			break
		}
	}
	if r := n.peers[nb.ID]; r != nil {
		if r.wwpn == nb.WWPN {
			r.enode, r.wwnn = nb.enode, nb.wwnn
			return
		}
		n.forget(r)
	}
	if len(n.order) == maxRemotePorts {
		n.n.NoRoom++
		return
	}
	r := newRport(n, nb)
	n.peers[nb.ID] = r
	n.order = append(n.order, r)
}

func (n *Node) forget(r *rport) {
	r.reset()
	delete(n.peers, r.id)
	for i, o := range n.order {
		if o == r {
			n.order = append(n.order[:i], n.order[i+1:]...)
			return
		}
	}
}
