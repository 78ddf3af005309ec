package login

import (
	"time"

	"fcredirect/dataplane/frame"
)

// fip sorts a FIP frame. It has no FC CRC: ParseFIP has checked every length, and what is used is checked for sense.
func (l *Learner) fip() {
	switch f := &l.f; f.Op {
	case frame.FIPDiscovery:
		if f.Sub == frame.FIPAdvertisement {
			l.advertisement()
			return
		}
	case frame.FIPLinkService:
		l.linkService()
		return
	case frame.FIPControl:
		switch f.Sub {
		case frame.FIPKeepAlive:
			l.keepAlive()
			return
		case frame.FIPClearVirtualLink:
			l.clearVirtualLink()
			return
		}
	case frame.FIPVN2VN:
		l.vn2vn()
		return
	}
	l.count(CountIgnored)
}

// fipAt places an FC_ID into the fabric and VLAN of the FIP frame.
func (l *Learner) fipAt(id frame.FCID) Addr { return At(l.port.Fabric, l.f.VLAN, id) }

func (l *Learner) fipSpace() uint64 { return l.fipAt(0).space() }

// vn2vn learns from claims, their responses, beacons and probe replies, in which the owner of an address names itself.
// A probe request only asks for an address, so it proves nothing.
func (l *Learner) vn2vn() {
	how := ByBeacon
	switch l.f.Sub {
	case frame.FIPClaimNotification, frame.FIPClaimResponse:
		how = ByClaim
	case frame.FIPBeacon, frame.FIPProbeReply:
	default:
		l.count(CountIgnored)
		return
	}
	vn, ok := l.f.Find(frame.DescVNPort).VNPort()
	eNode, hasMAC := l.f.Find(frame.DescMAC).MAC()
	// Beacons come from the VN_Port's MAC, claims and replies from the ENode's.
	if !ok || !hasMAC || (l.f.Src != vn.MAC && l.f.Src != eNode) || vn.MAC.FCID() != vn.ID {
		l.count(CountBadFIP)
		return
	}
	node, _ := l.f.Find(frame.DescName).Name()
	l.learn(&offer{
		addr: l.fipAt(vn.ID), wwpn: vn.WWPN, wwnn: node, mac: vn.MAC, eNode: eNode, port: l.port, placed: true,
		how: how, flags: Beacons,
	})
}

// linkService learns from FLOGI, FDISC and LOGO in FIP, and from the answers.
func (l *Learner) linkService() {
	fc, kind := l.f.FindFC()
	if fc == nil || kind == frame.DescELP || frame.DecodeFC(fc, &l.h) != frame.OK {
		l.count(CountBadFIP)
		return
	}
	p := l.h.Payload(fc)
	command, _ := frame.CommandOf(p)
	request := l.f.Sub == frame.FIPRequest && l.h.RCtl == frame.RCtlELSRequest
	reply := l.f.Sub == frame.FIPReply && l.h.RCtl == frame.RCtlELSReply
	switch {
	case l.h.Type != frame.TypeELS:
		l.count(CountBadFIP)
	case request && command == frame.ELSLOGO && kind == frame.DescLOGO:
		l.logo(l.fipAt(l.h.SID), l.fipAt(l.h.DID), l.f.Src, p)
	case request && command == frame.ELSFLOGI && kind == frame.DescFLOGI,
		request && command == frame.ELSFDISC && kind == frame.DescFDISC:
		l.fipLogin(p)
	case reply && (kind == frame.DescFLOGI || kind == frame.DescFDISC):
		l.fipAnswer(p)
	default:
		l.count(CountIgnored)
	}
}

// fipLogin reads FLOGI or FDISC. To a fabric it comes from nobody (S_ID 0), and its names wait for the answer; between
// VN2VN nodes it comes from an address, and names who has it.
func (l *Learner) fipLogin(p []byte) {
	login, err := frame.ParseLogin(p)
	if err != nil {
		l.count(CountBadPayload)
		return
	}
	if l.h.DID == frame.FabricLogin {
		l.await(request{
			key:     l.loginKey(l.f.VLAN, l.f.Src),
			command: uint16(login.Command), mac: l.f.Src, wwpn: login.WWPN, wwnn: login.WWNN,
		})
		return
	}
	l.peer(&login)
}

// peer learns from FLOGI and its accept between VN2VN nodes: both name their sender.
func (l *Learner) peer(login *frame.Login) {
	l.learn(&offer{
		addr: l.fipAt(l.h.SID), wwpn: login.WWPN, wwnn: login.WWNN, mac: frame.FPMA(frame.VN2VNFCMap, l.h.SID),
		eNode: l.f.Src, port: l.port, placed: true, how: ByClaim, flags: Beacons,
	})
}

// fipAnswer reads the answer to FLOGI or FDISC. From a fabric the names in it are the F_Port's and the fabric's: the
// N_Port's come from the request.
func (l *Learner) fipAnswer(p []byte) {
	if l.h.SID != frame.FabricLogin {
		if login, err := frame.ParseLogin(p); err == nil && login.Command == frame.ELSLSAcc {
			l.peer(&login)
		} else {
			l.count(CountRefused)
		}
		return
	}
	r := l.answered(l.loginKey(l.f.VLAN, l.f.Dst))
	if r == nil {
		return
	}
	fcf := l.findFCF(l.fipSpace(), l.f.Src)
	mac, ok := l.f.Find(frame.DescMAC).MAC()
	if !ok || mac.IsZero() {
		mac = frame.FPMA(fcf.fcMap(), l.h.DID)
	}
	o := offer{addr: l.fipAt(l.h.DID), mac: mac, fcf: l.f.Src}
	o.keepAlive, o.flags = fcf.timer()
	l.accept(r, &o, p)
}

// loginKey joins FLOGI and FDISC with their answers: there is no address yet, so by the ENode MAC and OX_ID.
func (l *Learner) loginKey(vf uint16, eNode frame.MAC) key {
	return key{space: uint16(At(l.port.Fabric, vf, 0).space()), oxid: l.h.OXID, login: true, from: packMAC(eNode)}
}

// accept completes o, the place that a fabric gave, with the names of the request, and learns it.
func (l *Learner) accept(r *request, o *offer, p []byte) {
	if !l.trusted() {
		return
	}
	login, err := frame.ParseLogin(p)
	if err != nil || login.Command != frame.ELSLSAcc {
		if command, _ := frame.CommandOf(p); command == frame.ELSLSRjt {
			l.count(CountRefused)
			*r = request{}
		} else {
			l.count(CountBadPayload)
		}
		return
	}
	o.wwpn, o.wwnn, o.eNode, o.port, o.placed = r.wwpn, r.wwnn, r.mac, r.port, true
	o.how = ByLogin
	if frame.ELSCommand(r.command) == frame.ELSFDISC {
		o.how = ByFDISC
	}
	if l.port.Role == Fabric {
		o.flags |= Vouched
	}
	*r = request{}
	l.learn(o)
}

// keepAlive learns from FIP keep-alives. One with a VN_Port descriptor names a VN_Port; one without is a sign of the
// ENode and so of all that live on it.
func (l *Learner) keepAlive() {
	eNode, ok := l.f.Find(frame.DescMAC).MAC()
	if !ok {
		l.count(CountBadFIP)
		return
	}
	fcf := l.findFCF(l.fipSpace(), l.f.Dst)
	if d := l.f.Find(frame.DescVNPort); d != nil {
		vn, ok := d.VNPort()
		if !ok || (l.f.Src != vn.MAC && l.f.Src != eNode) {
			l.count(CountBadFIP)
			return
		}
		if i := l.t.find(l.fipAt(vn.ID)); vn.WWPN == 0 && i >= 0 { // early hosts leave the name out
			if n := l.t.read(i); n.samePlace(l.port, l.f.Src) {
				l.alive(i, &n)
			} else {
				l.count(CountForeignSource)
			}
			return
		}
		l.learn(&offer{
			addr: l.fipAt(vn.ID), wwpn: vn.WWPN, mac: vn.MAC, eNode: eNode, fcf: l.f.Dst, port: l.port, placed: true,
			how: ByKeepAlive, flags: KeepsAlive, keepAlive: fcf.period(),
		})
		return
	}
	if l.f.Src != eNode {
		l.count(CountBadFIP)
		return
	}
	for i := range l.behind(l.fipSpace(), eNode) {
		old := l.t.read(i)
		if old.Port != l.port.Index {
			l.count(CountForeignSource)
			continue
		}
		if old.Flags&FromPeer != 0 {
			l.alive(i, &old)
			old = l.t.read(i)
		}
		l.t.eNodeSeen(i, l.now)
		if old.Flags&(KeepsAlive|Beacons) == 0 && (fcf == nil || !fcf.silent) {
			n := old
			n.Flags, n.ENodeSeen, n.LastSeen = n.Flags|KeepsAlive, l.now, l.now
			n.KeepAlive = fcf.period()
			l.write(i, Updated, Seen, &old, &n)
		}
	}
}

// clearVirtualLink ends logins at the word of their FCF: the VN_Ports that it lists, or when it lists none, all that
// the frame is sent to: a VN_Port, an ENode, or all ENodes.
func (l *Learner) clearVirtualLink() {
	if !l.trusted() {
		return
	}
	fcf, ok := l.f.Find(frame.DescMAC).MAC()
	if !ok || fcf != l.f.Src {
		l.count(CountBadFIP)
		return
	}
	listed := false
	for it := l.f.Descriptors(); it.Next(); {
		vn, ok := it.Descriptor().VNPort()
		if !ok {
			continue
		}
		listed = true
		if i := l.t.find(l.fipAt(vn.ID)); i >= 0 {
			l.clear(i, fcf, vn)
		}
	}
	switch {
	case listed:
	case l.f.Dst == frame.AllENodeMACs:
		for i := range l.t.each() {
			if Addr(l.t.slots[i][wAddr].Load()).space() == l.fipSpace() {
				l.clear(i, fcf, frame.VNPort{})
			}
		}
	default:
		if i := l.t.find(l.fipAt(l.f.Dst.FCID())); i >= 0 && l.t.read(i).MAC == l.f.Dst {
			l.clear(i, fcf, frame.VNPort{})
		}
		for i := range l.behind(l.fipSpace(), l.f.Dst) {
			l.clear(i, fcf, frame.VNPort{})
		}
	}
}

// clear ends the login in slot i if it is one of that FCF's and, where a VN_Port is given, that one. Its MAC is enough:
// an early switch puts its own name where the VN_Port's belongs (seen in a capture of 2008).
func (l *Learner) clear(i int, fcf frame.MAC, vn frame.VNPort) {
	n := l.t.read(i)
	other := vn.WWPN != 0 && vn.WWPN != n.WWPN && vn.MAC != n.MAC
	if n.Flags&Beacons != 0 || (!n.FCF.IsZero() && n.FCF != fcf) || other {
		l.count(CountForeignSource)
		return
	}
	l.end(i, LinkCleared)
}

// fcf is a switch's FIP instance, known from its advertisements.
type fcf struct {
	used   bool
	dead   bool // its time is over, its logins are being ended
	silent bool // D bit: it wants no keep-alives
	space  uint64
	mac    frame.MAC
	fcmap  uint32
	fka    time.Duration
	last   int64
}

// The zero pointer stands for an FCF that never advertised.

func (f *fcf) fcMap() uint32 {
	if f == nil || f.fcmap == 0 {
		return frame.DefaultFCMap
	}
	return f.fcmap
}

func (f *fcf) period() time.Duration {
	if f == nil {
		return 0
	}
	return f.fka
}

// timer is what a login with this FCF has to show.
func (f *fcf) timer() (time.Duration, Flags) {
	if f == nil || f.silent {
		return 0, 0
	}
	return f.fka, KeepsAlive
}

func (l *Learner) findFCF(space uint64, mac frame.MAC) *fcf {
	for i := range l.fcfs {
		if f := &l.fcfs[i]; f.used && f.mac == mac && f.space == space {
			return f
		}
	}
	return nil
}

// advertisement learns an FCF's timer and FC-MAP.
func (l *Learner) advertisement() {
	if !l.trusted() {
		return
	}
	mac, ok := l.f.Find(frame.DescMAC).MAC()
	fka, hasFKA := l.f.Find(frame.DescFKA).FKA()
	if !ok || mac != l.f.Src || !hasFKA {
		l.count(CountBadFIP)
		return
	}
	space := l.fipSpace()
	now := fcf{used: true, silent: fka.D, space: space, mac: mac, last: l.now}
	now.fka = min(max(time.Duration(fka.PeriodMs)*time.Millisecond, fkaMin), fkaMax)
	if fabric, ok := l.f.Find(frame.DescFabric).Fabric(); ok {
		now.fcmap = fabric.FCMap
	} else if m, ok := l.f.Find(frame.DescFCMap).FCMap(); ok {
		now.fcmap = m
	}
	f := l.findFCF(space, mac)
	for i := 0; f == nil && i < len(l.fcfs); i++ {
		if !l.fcfs[i].used {
			f = &l.fcfs[i]
		}
	}
	if f == nil {
		l.count(CountFCFFull)
		return
	}
	same := f.used && f.silent == now.silent && f.fka == now.fka
	*f = now
	l.nextFCF = min(l.nextFCF, f.last+lost(f.fka))
	if !same {
		l.retime(f)
	}
}

// retime gives the logins with an FCF its timer.
func (l *Learner) retime(f *fcf) {
	period, flag := f.timer()
	for i := range l.t.each() {
		old := l.t.read(i)
		if old.Addr.space() != f.space || old.FCF != f.mac {
			continue
		}
		n := old
		n.KeepAlive, n.Flags = period, n.Flags&^KeepsAlive|flag
		if n == old {
			continue
		}
		// The clock starts with the word that started it.
		n.ENodeSeen, n.LastSeen = max(n.ENodeSeen, l.now), max(n.LastSeen, l.now)
		l.write(i, Updated, Seen, &old, &n)
	}
}
