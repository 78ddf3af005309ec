package sim

import (
	"errors"

	"fcredirect/dataplane/frame"
)

// elsRequest is a link service this node has asked a neighbour for.
type elsRequest struct {
	node  *Node
	did   frame.FCID
	oxid  uint16
	fip   bool // it went as FIP, and so must the answer come
	timer timer
	done  func(answer []byte, err error)
}

// Why an elsRequest has no accept.
var (
	errELSTimeout  = errors.New("no answer")
	errELSRejected = errors.New("rejected")
	errELSBusy     = errors.New("no free OX_ID")
)

// request sends an ELS and calls done once: with the accept; with the LS_RJT and
// errELSRejected; or with another error. A FLOGI goes as FIP to fip, the neighbour's ENode
// MAC; others have none.
func (n *Node) request(did frame.FCID, payload []byte, fip frame.MAC, done func(answer []byte, err error)) {
	q := &elsRequest{node: n, did: did, fip: !fip.IsZero(), done: done}
	oxid, ok := n.originate(q)
	if !ok {
		n.n.NoRoom++
		done(nil, errELSBusy)
		return
	}
	q.oxid = oxid
	q.timer.fire = func() {
		n.n.ELSTimeout++
		n.retire(q.oxid)
		done(nil, errELSTimeout)
	}
	n.arm(&q.timer, elsTimeout)
	h := frame.Header{
		SOF: frame.SOFi3, EOF: frame.EOFt, RCtl: frame.RCtlELSRequest, DID: did, SID: n.link.id,
		Type: frame.TypeELS, FCtl: frame.FCtlRequest, OXID: oxid, RXID: frame.UnknownXID,
	}
	if q.fip {
		n.sendFIPLogin(&h, payload, fip, frame.FIPRequest)
	} else {
		n.sendFC(&h, payload)
	}
}

// reply takes the answer.
func (q *elsRequest) reply(h *frame.Header, payload []byte) {
	if q.fip || h.SID != q.did || h.Type != frame.TypeELS || h.RCtl != frame.RCtlELSReply {
		q.node.n.Stray++
		return
	}
	q.answer(payload)
}

func (q *elsRequest) answer(payload []byte) {
	n := q.node
	switch c, _ := frame.CommandOf(payload); c {
	case frame.ELSLSAcc:
		n.port.clock.stop(&q.timer)
		n.finish(q.oxid)
		q.done(payload, nil)
	case frame.ELSLSRjt:
		n.n.Rejected++
		n.port.clock.stop(&q.timer)
		n.finish(q.oxid)
		q.done(payload, errELSRejected)
	default:
		n.n.Malformed++
	}
}

// sendFIPLogin sends a FLOGI or its answer the way VN2VN has it: inside FIP, between ENode
// MACs, without FC CRC.
func (n *Node) sendFIPLogin(h *frame.Header, payload []byte, dst frame.MAC, sub uint8) {
	list := frame.AppendFCDesc(nil, frame.DescFLOGI, h, payload)
	list = frame.AppendMACDesc(list, n.link.vnMAC)
	n.scratch = frame.AppendFIP(n.scratch[:0], &frame.FIPFrame{
		Dst: dst, Src: n.mac, Tagged: n.cfg.VLAN != 0, VLAN: n.cfg.VLAN,
		Op: frame.FIPLinkService, Sub: sub, List: list,
	})
	n.send(n.scratch)
}

// receiveFIPLogin takes a FLOGI, or the answer to ours.
func (n *Node) receiveFIPLogin(f *frame.FIPFrame) {
	fc, kind := f.FindFC()
	var h frame.Header
	if kind != frame.DescFLOGI || frame.DecodeFC(fc, &h) != frame.OK || h.Type != frame.TypeELS {
		n.n.Malformed++
		return
	}
	if h.DID != n.link.id || n.link.state < vnClaiming {
		n.n.WrongDID++
		return
	}
	payload := h.Payload(fc)
	if h.FromResponder() {
		n.receiveFIPReply(&h, payload)
		return
	}
	if c, _ := frame.CommandOf(payload); c != frame.ELSFLOGI {
		n.n.Malformed++
		return
	}
	n.answerFLOGI(&h, payload, f.Src)
}

// receiveFIPReply takes the answer to a FLOGI. On a VLAN interface Linux sees each FIP frame
// twice and answers twice; by then the OX_ID may be that of our PLOGI, which the second
// answer must not be taken for.
func (n *Node) receiveFIPReply(h *frame.Header, payload []byte) {
	if int(h.OXID) < len(n.open) {
		if q, ok := n.open[h.OXID].(*elsRequest); ok && q.fip && q.did == h.SID && h.RCtl == frame.RCtlELSReply {
			q.answer(payload)
			return
		}
	}
	n.n.Stray++
}

// accept and reject answer the ELS request h.
func (n *Node) accept(h *frame.Header, payload []byte) {
	n.sendFC(&frame.Header{
		SOF: frame.SOFi3, EOF: frame.EOFt, RCtl: frame.RCtlELSReply, DID: h.SID, Type: frame.TypeELS,
		FCtl: frame.FCtlReply | frame.FCtlSequenceInit, OXID: h.OXID, RXID: frame.UnknownXID,
	}, payload)
}

func (n *Node) reject(h *frame.Header, reason, explanation uint8) {
	n.accept(h, frame.LSRjt{Reason: reason, Explanation: explanation}.Append(nil))
}

// receiveELS answers a link service.
func (n *Node) receiveELS(h *frame.Header, payload []byte) {
	c, _ := frame.CommandOf(payload)
	r := n.peers[h.SID]
	switch {
	case r == nil:
		n.reject(h, frame.RjtUnable, frame.ExplNotNeighbor)
	case c == frame.ELSPLOGI:
		r.answerPLOGI(h, payload)
	case c == frame.ELSLOGO:
		n.accept(h, frame.AppendELS(nil, frame.ELSLSAcc))
		r.heard = 0 // its next beacon logs us in again
		r.reset()
	case !r.loggedIn():
		n.reject(h, frame.RjtUnable, frame.ExplPLOGIRequired)
	default:
		n.answerELS(r, c, h, payload)
	}
}

// answerELS answers the services that need a session.
func (n *Node) answerELS(r *rport, c frame.ELSCommand, h *frame.Header, payload []byte) {
	switch c {
	case frame.ELSPRLI:
		r.answerPRLI(h, payload)
	case frame.ELSPRLO:
		r.answerPRLO(h)
	case frame.ELSRTV:
		n.accept(h, frame.RTVAcc{RATOV: uint32(rATOV.Milliseconds()), EDTOV: frame.EDTOVms}.Append(nil))
	case frame.ELSADISC:
		n.answerADISC(r, h, payload)
	case frame.ELSREC:
		n.answerREC(h, payload)
	case frame.ELSRRQ:
		x, err := frame.ParseExchange(payload)
		if err != nil {
			n.reject(h, frame.RjtProtocol, frame.ExplInvalidLength)
			return
		}
		if n.serve != nil {
			n.serve.release(x.Originator, x.OXID)
		}
		n.accept(h, frame.AppendELS(nil, frame.ELSLSAcc))
	case frame.ELSLKA:
		n.accept(h, frame.AppendELS(nil, frame.ELSLSAcc))
	default: // SRR too: whoever asks for it must be able to do without
		n.reject(h, frame.RjtUnsupported, frame.ExplNone)
	}
}

func (n *Node) answerADISC(r *rport, h *frame.Header, payload []byte) {
	a, err := frame.ParseAdisc(payload)
	if err != nil || a.WWPN != r.wwpn {
		n.reject(h, frame.RjtUnable, frame.ExplInvalidSID)
		return
	}
	n.accept(h, n.adisc(frame.ELSLSAcc).Append(nil))
}

func (n *Node) adisc(c frame.ELSCommand) frame.Adisc {
	return frame.Adisc{Command: c, WWPN: n.cfg.WWPN, WWNN: n.wwnn, PortID: n.link.id}
}

// answerREC tells how an exchange stands that the asker has opened with us.
func (n *Node) answerREC(h *frame.Header, payload []byte) {
	x, err := frame.ParseExchange(payload)
	if err != nil {
		n.reject(h, frame.RjtProtocol, frame.ExplInvalidLength)
		return
	}
	if n.serve != nil && x.Originator == h.SID {
		if acc, ok := n.serve.examine(x); ok {
			n.accept(h, acc.Append(nil))
			return
		}
	}
	n.reject(h, frame.RjtLogical, frame.ExplInvalidXID)
}
