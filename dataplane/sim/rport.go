package sim

import (
	"time"

	"fcredirect/dataplane/frame"
)

// rport is a neighbour and the session with it. The login runs as libfc's fc_rport.c does
// it between two N_Ports without a fabric:
//
//	beacon heard → FLOGI → the port with the higher WWPN sends PLOGI → PRLI both ways → RTV
//
// FLOGIs may cross. Whatever ends a session returns it to portInit, and the next beacon
// begins again.
type rport struct {
	node  *Node
	id    frame.FCID
	wwpn  frame.WWN
	wwnn  frame.WWN
	enode frame.MAC

	state portState
	heard time.Duration // last beacon; 0 when none since the session ended
	turn  int           // counts state changes: what was asked in an earlier one is stale
	tries int
	retry timer

	maxFrame int    // what it receives in one frame
	params   uint32 // FCP service parameters from its accept of our PRLI
}

type portState uint8

const (
	portInit portState = iota
	portFLOGI
	portPLOGIWait // it has the higher name
	portPLOGI
	portPRLI // here and beyond, PLOGI is done
	portRTV
	portReady
)

func newRport(n *Node, nb *neighbor) *rport {
	r := &rport{node: n, id: nb.ID, wwpn: nb.WWPN, wwnn: nb.wwnn, enode: nb.enode}
	r.retry.fire = r.again
	return r
}

// loggedIn reports that PLOGI is done.
func (r *rport) loggedIn() bool { return r.state >= portPRLI }

func (r *rport) enter(s portState) {
	if s != r.state {
		r.tries = 0
	}
	r.state = s
	r.turn++
	r.node.port.clock.stop(&r.retry)
}

// reset ends the session, if any, with no word to the neighbour.
func (r *rport) reset() {
	n := r.node
	was := r.state
	r.enter(portInit)
	if was == portReady {
		n.n.Logouts++
	}
	if n.initiate != nil {
		n.initiate.lost(r)
	}
	if n.serve != nil && was >= portPRLI {
		n.serve.lost(r)
	}
	r.params = 0
}

// login begins, or begins again.
func (r *rport) login() {
	if r.state == portInit && r.node.stopping == nil {
		r.enter(portFLOGI)
		r.ask()
	}
}

// ask sends the request of the present state and sees to the answer.
func (r *rport) ask() {
	n, turn := r.node, r.turn
	var payload []byte
	var fip frame.MAC
	switch r.state {
	case portFLOGI:
		payload, fip = n.login(frame.ELSFLOGI, frame.ELSFLOGI), r.enode
	case portPLOGI:
		payload = n.login(frame.ELSPLOGI, frame.ELSPLOGI)
	case portPRLI:
		payload = n.prli(frame.ELSPRLI, 0)
	case portRTV:
		payload = frame.AppendELS(nil, frame.ELSRTV)
	default:
		return
	}
	n.request(r.id, payload, fip, func(answer []byte, err error) {
		if r.turn == turn {
			r.answered(answer, err)
		}
	})
}

// answered goes on to the next state, or tries again.
func (r *rport) answered(answer []byte, err error) {
	if r.state == portRTV { // no matter what: nothing depends on it
		r.ready()
		return
	}
	if err != nil {
		r.tryAgain()
		return
	}
	switch r.state {
	case portFLOGI:
		r.afterFLOGI()
	case portPLOGI:
		login, err := frame.ParseLogin(answer)
		if err != nil || login.WWPN != r.wwpn {
			r.tryAgain()
			return
		}
		r.setMaxFrame(&login)
		r.enter(portPRLI)
		r.ask()
	case portPRLI:
		l, err := frame.ParseProcessLogin(answer)
		page, ok := l.FCP()
		if err != nil || !ok || page.Flags&frame.PageResponseMask != frame.PageExecuted {
			r.tryAgain()
			return
		}
		r.params = page.Params
		r.enter(portRTV)
		r.ask()
	}
}

// tryAgain repeats the request after a while. After some tries the login starts over with
// the next beacon.
func (r *rport) tryAgain() {
	r.turn++
	if r.tries++; r.tries > loginRetries {
		r.heard = 0
		r.reset()
		return
	}
	r.node.arm(&r.retry, loginRetryDelay)
}

func (r *rport) again() {
	if r.node.stopping == nil {
		r.ask()
	}
}

func (r *rport) afterFLOGI() {
	if r.wwpn < r.node.cfg.WWPN {
		r.enter(portPLOGI)
		r.ask()
		return
	}
	r.enter(portPLOGIWait)
	// If its PLOGI never comes, our answer to its FLOGI may be what was lost.
	turn := r.turn
	r.node.after(loginRetries*loginRetryDelay, func() {
		if r.turn == turn {
			r.heard = 0
			r.reset()
		}
	})
}

func (r *rport) setMaxFrame(l *frame.Login) {
	size := int(l.Class[2].MaxFrame)
	if common := int(l.Common.MaxFrame()); size == 0 || (common != 0 && common < size) {
		size = common
	}
	r.maxFrame = min(size, frame.MaxPayload) &^ 3
	if r.maxFrame < minFrameSize {
		r.maxFrame = minFrameSize
	}
}

func (r *rport) ready() {
	r.enter(portReady)
	r.node.n.Logins++
	if r.node.initiate != nil && r.params&frame.FCPParamTarget != 0 {
		r.node.initiate.found(r)
	}
}

// logout says good-bye and calls done when that is answered or has taken too long.
func (r *rport) logout(done func()) {
	n := r.node
	n.request(r.id, frame.Logo{PortID: n.link.id, WWPN: n.cfg.WWPN}.Append(nil), frame.MAC{}, func([]byte, error) { done() })
	r.reset()
}

// login builds a FLOGI or PLOGI, or the accept of one (c is then LS_ACC).
func (n *Node) login(kind, c frame.ELSCommand) []byte {
	l := frame.NewLogin(kind, n.cfg.WWPN, n.wwnn)
	l.Class[2].Class |= frame.ClassSequential
	l.Command = c
	return l.Append(nil)
}

// prli builds a PRLI, or its accept, with the service parameters that Linux has.
func (n *Node) prli(c frame.ELSCommand, response uint8) []byte {
	params := frame.FCPParamConfirmed | frame.FCPParamInitiator | frame.FCPParamReadXferOff
	if n.serve != nil {
		params |= frame.FCPParamTarget
	} else {
		params |= frame.FCPParamRetry
	}
	return frame.AppendProcessLogin(nil, c, frame.ServicePage{
		Type: frame.TypeFCP, Flags: frame.PageEstablishImage | response, Params: params,
	})
}

// answerFLOGI takes a neighbour's FLOGI, sent from the ENode MAC src.
func (n *Node) answerFLOGI(h *frame.Header, payload []byte, src frame.MAC) {
	answer := func(payload []byte) {
		n.sendFIPLogin(&frame.Header{
			RCtl: frame.RCtlELSReply, DID: h.SID, SID: n.link.id, Type: frame.TypeELS,
			FCtl: frame.FCtlReply | frame.FCtlSequenceInit, OXID: h.OXID, RXID: frame.UnknownXID,
		}, payload, src, frame.FIPReply)
	}
	r := n.peers[h.SID]
	login, err := frame.ParseLogin(payload)
	if r == nil || n.stopping != nil {
		answer(frame.LSRjt{Reason: frame.RjtUnable, Explanation: frame.ExplNotNeighbor}.Append(nil))
		return
	}
	if err != nil || login.WWPN != r.wwpn {
		answer(frame.LSRjt{Reason: frame.RjtLogical, Explanation: frame.ExplNone}.Append(nil))
		return
	}
	if r.loggedIn() {
		// It has forgotten us. So do we, and it may ask again.
		r.heard = 0
		r.reset()
		answer(frame.LSRjt{Reason: frame.RjtBusy, Explanation: frame.ExplNone}.Append(nil))
		return
	}
	r.enode = src
	answer(n.login(frame.ELSFLOGI, frame.ELSLSAcc))
	if r.state != portFLOGI { // else they have crossed, and the answer to ours goes on
		r.afterFLOGI()
	}
}

// answerPLOGI takes a neighbour's PLOGI.
func (r *rport) answerPLOGI(h *frame.Header, payload []byte) {
	n := r.node
	login, err := frame.ParseLogin(payload)
	switch {
	case err != nil || login.WWPN != r.wwpn:
		n.reject(h, frame.RjtLogical, frame.ExplNone)
		return
	case n.stopping != nil:
		n.reject(h, frame.RjtBusy, frame.ExplNone)
		return
	case r.state == portPLOGI && r.wwpn < n.cfg.WWPN:
		n.reject(h, frame.RjtInProgress, frame.ExplInProgress) // ours goes first
		return
	case r.state == portReady:
		r.reset() // a PLOGI ends the session there was (FC-LS-3)
	}
	r.setMaxFrame(&login)
	n.accept(h, n.login(frame.ELSPLOGI, frame.ELSLSAcc))
	r.enter(portPRLI)
	r.ask()
}

// answerPRLI takes a neighbour's PRLI: with it, it may send commands.
func (r *rport) answerPRLI(h *frame.Header, payload []byte) {
	n := r.node
	l, err := frame.ParseProcessLogin(payload)
	page, ok := l.FCP()
	if err != nil || !ok {
		n.reject(h, frame.RjtUnable, frame.ExplNotSupported)
		return
	}
	if n.serve != nil && page.Params&frame.FCPParamInitiator != 0 {
		n.serve.admit(r)
	}
	n.accept(h, n.prli(frame.ELSLSAcc, frame.PageExecuted))
}

// answerPRLO takes a process logout: commands stop, the PLOGI stands.
func (r *rport) answerPRLO(h *frame.Header) {
	n := r.node
	n.accept(h, frame.AppendProcessLogin(nil, frame.ELSLSAcc, frame.ServicePage{
		Type: frame.TypeFCP, Flags: frame.PageExecuted,
	}))
	if n.initiate != nil {
		n.initiate.lost(r)
	}
	if n.serve != nil {
		n.serve.lost(r)
	}
	r.enter(portPRLI)
	r.node.arm(&r.retry, loginRetryDelay) // asks for PRLI again
}
