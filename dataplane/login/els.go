package login

import (
	"encoding/binary"

	"fcredirect/dataplane/frame"
)

// elsRequest learns from an ELS request in FCoE.
func (l *Learner) elsRequest(p []byte) {
	from := l.at(l.h.SID)
	command, _ := frame.CommandOf(p)
	switch command {
	case frame.ELSFLOGI, frame.ELSFDISC:
		l.nativeLogin(p)
		return
	case frame.ELSPLOGI, frame.ELSPDISC:
		l.session(p)
	case frame.ELSADISC:
		l.adisc(p)
	case frame.ELSPRLI:
		l.prli(p)
	case frame.ELSLOGO:
		l.logo(from, l.at(l.h.DID), l.h.Src, p)
	case frame.ELSRSCN:
		l.rscn(p)
	default:
		l.sign(from) // PRLO and TPRLO among them: what a port can do it still can
	}
	l.await(request{key: l.exchange(l.h.SID, l.h.DID), command: uint16(command)})
}

// elsReply learns from an accept, which is only understood with its request.
func (l *Learner) elsReply(p []byte) {
	if l.h.SID == frame.FabricLogin {
		l.nativeAnswer(p)
		return
	}
	r := l.answered(l.exchange(l.h.DID, l.h.SID))
	if r == nil {
		return
	}
	what := frame.ELSCommand(r.command)
	*r = request{}
	if command, _ := frame.CommandOf(p); command != frame.ELSLSAcc {
		l.count(CountRefused)
		l.sign(l.at(l.h.SID))
		return
	}
	switch what {
	case frame.ELSPLOGI, frame.ELSPDISC:
		l.session(p)
	case frame.ELSADISC:
		l.adisc(p)
	case frame.ELSPRLI:
		l.prli(p)
	default:
		l.sign(l.at(l.h.SID))
	}
}

// await remembers a request. The caller fills in all but time and port.
func (l *Learner) await(r request) {
	r.used, r.at, r.port = true, l.now, l.port
	if c := l.pending.put(r, l.now); c != NumCounters {
		l.count(c)
	}
}

// exchange is the key of an exchange of the decoded frame's kind between its originator and its responder.
func (l *Learner) exchange(from, to frame.FCID) key {
	return key{
		space: uint16(l.at(0).space()), oxid: l.h.OXID, ct: l.h.Type == frame.TypeCT, from: uint64(from), to: to,
	}
}

// answered finds the request of an answer, and counts when there is none.
func (l *Learner) answered(k key) *request {
	r := l.pending.get(k, l.now)
	if r == nil {
		l.count(CountUnmatched)
	}
	return r
}

// session learns from PLOGI, PDISC and their accepts, which name their sender.
func (l *Learner) session(p []byte) {
	login, err := frame.ParseLogin(p)
	if err != nil {
		l.count(CountBadPayload)
		return
	}
	l.sender(login.WWPN, login.WWNN)
}

// sender learns the names of the decoded frame's sender.
func (l *Learner) sender(wwpn, wwnn frame.WWN) {
	if l.h.SID.WellKnown() {
		return // a service of the fabric, not an N_Port
	}
	l.learn(&offer{
		addr: l.at(l.h.SID), wwpn: wwpn, wwnn: wwnn, mac: l.h.Src, port: l.port, placed: true, how: BySession,
	})
}

// adisc learns from ADISC and its accept.
func (l *Learner) adisc(p []byte) {
	a, err := frame.ParseAdisc(p)
	if err != nil || a.PortID != l.h.SID {
		l.count(CountBadPayload)
		return
	}
	l.sender(a.WWPN, a.WWNN)
}

// prli learns the functions that the sender of PRLI or its accept claims.
func (l *Learner) prli(p []byte) {
	claimed, ok := claims(p)
	if !ok {
		l.count(CountBadPayload)
		return
	}
	from := l.at(l.h.SID)
	if i := l.t.find(from); i < 0 || l.own(i) {
		l.functions(from, claimed, 0)
	}
}

// claims reads the pages of PRLI. FC-NVMe's has 20 bytes instead of FCP's 16, with the functions in the same place and
// bits.
func claims(p []byte) (f Functions, ok bool) {
	if len(p) < 4 {
		return 0, false
	}
	size, total := int(p[1]), int(binary.BigEndian.Uint16(p[2:]))
	if (size != 16 && size != 20) || total > len(p) || total < 4+size || (total-4)%size != 0 {
		return 0, false
	}
	for pages := p[4:total]; len(pages) > 0; pages = pages[size:] {
		if pages[0] != frame.TypeFCP && pages[0] != frame.TypeNVMe {
			continue
		}
		params := binary.BigEndian.Uint32(pages[12:])
		if params&frame.FCPParamInitiator != 0 {
			f |= Initiator
		}
		if params&frame.FCPParamTarget != 0 {
			f |= Target
		}
	}
	return f, true
}

// sign is a frame that says nothing of its sender but that it lives.
func (l *Learner) sign(from Addr) {
	if i := l.t.find(from); i >= 0 {
		l.own(i)
	}
}

// logo learns from LOGO. To the fabric it ends the login of its sender, and from the fabric that of its receiver.
// Between N_Ports only their session ends. But when all that is known of the sender came from sessions it becomes
// Suspect: no timer would ever end it.
func (l *Learner) logo(from, to Addr, src frame.MAC, p []byte) {
	logo, err := frame.ParseLogo(p)
	if err != nil {
		l.count(CountBadPayload)
		return
	}
	if from.ID() == frame.FabricLogin {
		if i := l.t.find(to); i >= 0 && l.trusted() {
			l.end(i, LoggedOut)
		}
		return
	}
	i := l.t.find(from)
	if i < 0 {
		return
	}
	n := l.t.read(i)
	switch {
	case !n.samePlace(l.port, src) || (logo.WWPN != 0 && logo.WWPN != n.WWPN):
		l.count(CountForeignSource)
	case to.ID() == frame.FabricLogin && (!n.hearsay() || l.port.Role == Fabric):
		l.end(i, LoggedOut)
	case n.How <= ByNameServer && !n.timed():
		l.suspect(i, Suspect, SessionClosed)
	default:
		l.alive(i, &n)
	}
}

// nativeLogin remembers a FLOGI or FDISC that is sent without FIP.
func (l *Learner) nativeLogin(p []byte) {
	login, err := frame.ParseLogin(p)
	if err != nil {
		l.count(CountBadPayload)
		return
	}
	if l.h.DID != frame.FabricLogin {
		l.count(CountIgnored)
		return
	}
	l.await(request{
		key: l.loginKey(l.vf(), l.h.Src), command: uint16(login.Command), mac: l.h.Src, wwpn: login.WWPN, wwnn: login.WWNN,
	})
}

// nativeAnswer reads the answer of a fabric to FLOGI or FDISC without FIP. The VN_Port's MAC is the FPMA under the
// prefix that the fabric shows in its own address (0E:FC:00:FF:FF:FE, or another prefix before the same FFFFFE). If it
// shows none, the first PLOGI will.
func (l *Learner) nativeAnswer(p []byte) {
	r := l.answered(l.loginKey(l.vf(), l.h.Dst))
	if r == nil {
		return
	}
	o := offer{addr: l.at(l.h.DID)}
	if l.h.Src.FCID() == frame.FabricLogin {
		o.mac = frame.FPMA(l.h.Src.FCMap(), l.h.DID)
	}
	l.accept(r, &o, p)
}

// maxWidePages is how many pages of an RSCN for more than a port are told apart; with more all logins are meant.
const maxWidePages = 16

// rscn marks the logins that a state change notification of the fabric controller is about. They stay: the notification
// says that something changed, not what, and the hosts will now ask the name server or the port itself, which the
// learner sees. "Removed" ends a login when nothing is seen of it for a grace of 20 s.
func (l *Learner) rscn(p []byte) {
	r, err := frame.ParseRSCN(p)
	switch {
	case err != nil:
		l.count(CountBadPayload)
		return
	case l.h.SID != frame.FabricController:
		l.sign(l.at(l.h.SID)) // an N_Port tells of itself: the fabric will pass it on if it is so
		return
	case !l.trusted():
		return
	}
	space := l.at(0).space()
	var wide [maxWidePages]frame.RSCNPage
	n := 0
	for i := range r.Len() {
		page := r.Page(i)
		if page.Format != frame.ScopePort {
			if n < maxWidePages {
				wide[n] = page
			} else {
				wide[0] = frame.RSCNPage{Format: frame.ScopeFabric}
			}
			n++
			continue
		}
		if i := l.t.find(l.at(page.ID)); i >= 0 {
			l.mark(i, page)
		}
	}
	if n == 0 {
		return
	}
	for i := range l.t.each() { // once, whatever the number of pages
		a := Addr(l.t.slots[i][wAddr].Load())
		for j := 0; j < min(n, maxWidePages) && a.space() == space; j++ {
			if wide[j].Covers(a.ID()) {
				l.mark(i, wide[j])
			}
		}
	}
}

func (l *Learner) mark(i int, page frame.RSCNPage) {
	if page.Event == frame.RSCNRemoved {
		l.suspect(i, Removed, Notified)
		return
	}
	l.suspect(i, Suspect, Notified)
}
