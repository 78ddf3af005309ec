package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"fcredirect/dataplane/frame"
)

// Node is one N_Port with its VN2VN virtual port: it finds its neighbours (vn2vn.go), logs
// in with each (rport.go), answers link services (els.go) and is an initiator, a target,
// or only a neighbour. It is owned by its port's goroutine.
type Node struct {
	cfg   NodeConfig
	port  *Port
	rng   *rand.Rand
	scale float64 // of the protocol times

	mac  frame.MAC // of the ENode
	wwnn frame.WWN
	link vn2vn

	peers map[frame.FCID]*rport
	order []*rport // peers as they came, so that nothing depends on map order

	ids      *xids        // OX_IDs of exchanges we originate
	open     []originator // by OX_ID
	initiate *initiator   // nil unless the node is one
	serve    *target      // nil unless the node is one
	faults   *injector
	scratch  []byte // for building frames
	body     []byte // for building payloads
	n        NodeCounters
	stopping func() // called when the node has logged out everywhere
}

// originator gets the frames of an exchange that this node opened.
type originator interface {
	reply(h *frame.Header, payload []byte)
}

// NodeCounters count what a node saw and did.
type NodeCounters struct {
	FramesIn   uint64 `json:"frames_in"`
	FramesOut  uint64 `json:"frames_out"`
	FCPIn      uint64 `json:"fcp_frames_in"` // good ones
	FCPOut     uint64 `json:"fcp_frames_out"`
	Malformed  uint64 `json:"malformed"` // FCoE or FIP that does not parse
	BadCRC     uint64 `json:"bad_crc"`
	WrongDID   uint64 `json:"wrong_d_id"` // our MAC address, another D_ID
	Stray      uint64 `json:"stray"`      // of no exchange that is open
	Duplicates uint64 `json:"duplicates"` // frames that brought nothing new
	Logins     uint64 `json:"logins"`     // sessions that reached READY
	Logouts    uint64 `json:"logouts"`    // sessions that ended
	Rejected   uint64 `json:"rejected"`   // LS_RJT received
	ELSTimeout uint64 `json:"els_timeouts"`
	Claims     uint64 `json:"claims"`  // addresses claimed; more than one means a conflict
	NoRoom     uint64 `json:"no_room"` // neighbours or commands beyond a limit
}

func newNode(cfg NodeConfig, port *Port, seed uint64, scale float64) (*Node, error) {
	n := &Node{
		cfg: cfg, port: port, scale: scale,
		rng:   rand.New(rand.NewPCG(seed, uint64(cfg.WWPN))),
		mac:   cfg.MAC,
		wwnn:  cfg.WWNN,
		peers: make(map[frame.FCID]*rport),
		ids:   newXIDs(cfg.OXIDs == "roll"),
		open:  make([]originator, maxExchanges),
	}
	n.link.node = n
	n.link.timer.fire = n.link.expire
	n.faults = newInjector(cfg.Faults, mix(seed^uint64(cfg.WWPN)))
	switch cfg.Kind {
	case KindInitiator:
		n.initiate = newInitiator(n, seed)
	case KindTarget:
		serve, err := newTarget(n)
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", cfg.Name, err)
		}
		n.serve = serve
	}
	if err := port.claim(makeKey(cfg.VLAN, n.mac), n); err != nil {
		return nil, err
	}
	return n, port.add(n)
}

func (n *Node) name() string     { return n.cfg.Name }
func (n *Node) fault() *injector { return n.faults }

// start begins the search for an address.
func (n *Node) start() { n.link.restart() }

// scaled is a protocol time in this fabric.
func (n *Node) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * n.scale)
}

// after runs f once the (unscaled) protocol time d has passed.
func (n *Node) after(d time.Duration, f func()) { n.port.clock.after(n.scaled(d), f) }

func (n *Node) arm(t *timer, d time.Duration) { n.port.clock.arm(t, n.scaled(d)) }

// stop logs out of every session and then calls done.
func (n *Node) stop(done func()) {
	if n.stopping != nil || n.link.state == vnOffline {
		done()
		return
	}
	n.stopping = done
	waiting := 1
	out := func() {
		if waiting--; waiting == 0 {
			n.faults.flush(n.port.forward)
			n.link.offline()
			n.stopping()
		}
	}
	for _, r := range n.order {
		if r.loggedIn() {
			waiting++
			r.logout(out)
		}
	}
	out()
}

// receive takes a frame that is for this node, or for a group.
func (n *Node) receive(b []byte) {
	n.n.FramesIn++
	if n.link.state == vnOffline {
		return
	}
	var h frame.Header
	switch reason := frame.Decode(b, &h); {
	case reason == frame.FIP:
		n.receiveFIP(b)
	case reason == frame.OK:
		n.receiveFC(b, &h)
	case reason.Malformed(), reason == frame.Runt:
		n.n.Malformed++
	}
}

// receiveFC is what a Linux host checks before it looks at a frame's meaning, and the
// sorting after it.
func (n *Node) receiveFC(b []byte, h *frame.Header) {
	if h.Tagged != (n.cfg.VLAN != 0) || h.VLAN != n.cfg.VLAN || h.Dst.IsGroup() {
		return
	}
	if !h.CRCGood(b) {
		n.n.BadCRC++
		return
	}
	if h.DID != n.link.id || h.Dst.FCID() != h.DID || n.link.state < vnClaiming {
		n.n.WrongDID++
		return
	}
	payload := h.Payload(b)
	if fill := h.FillBytes(); fill <= len(payload) {
		payload = payload[:len(payload)-fill]
	}
	if h.Type == frame.TypeFCP {
		n.n.FCPIn++
	}
	switch {
	case h.FromResponder():
		n.receiveReply(h, payload)
	case h.Type == frame.TypeELS && h.RCtl == frame.RCtlELSRequest,
		h.Type == frame.TypeFCP && h.RCtl == frame.RCtlFC4ELSRequest:
		n.receiveELS(h, payload)
	case h.RCtl == frame.RCtlABTS:
		n.receiveABTS(h)
	case h.Type == frame.TypeFCP && n.serve != nil:
		n.serve.receive(h, payload)
	default:
		n.n.Stray++
	}
}

// receiveReply gives a responder's frame to the exchange it answers.
func (n *Node) receiveReply(h *frame.Header, payload []byte) {
	if int(h.OXID) >= len(n.open) || n.open[h.OXID] == nil {
		n.n.Stray++
		return
	}
	n.open[h.OXID].reply(h, payload)
}

// receiveABTS: exchanges of link services are not worth aborting, they end with the
// answer; only a target has any that last.
func (n *Node) receiveABTS(h *frame.Header) {
	if n.serve != nil {
		n.serve.abort(h)
		return
	}
	n.sendFC(&frame.Header{
		RCtl: frame.RCtlBARjt, DID: h.SID, Type: frame.TypeBLS,
		FCtl: frame.FCtlReply | frame.FCtlSequenceInit, SeqID: h.SeqID, OXID: h.OXID, RXID: h.RXID,
		SOF: frame.SOFi3, EOF: frame.EOFt,
	}, baRjt)
}

// originate opens an exchange.
func (n *Node) originate(o originator) (oxid uint16, ok bool) {
	if oxid, ok = n.ids.take(); ok {
		n.open[oxid] = o
	}
	return oxid, ok
}

// finish closes an exchange whose OX_ID may be used again at once.
func (n *Node) finish(oxid uint16) {
	n.open[oxid] = nil
	n.ids.give(oxid)
}

// retire closes an exchange of which frames may still be under way: its OX_ID rests for
// R_A_TOV.
func (n *Node) retire(oxid uint16) {
	n.open[oxid] = nil
	n.after(rATOV, func() { n.ids.give(oxid) })
}

// sendFC completes the header with our addresses and sends the frame. The payload need not
// be a multiple of four bytes.
func (n *Node) sendFC(h *frame.Header, payload []byte) {
	h.Src, h.Dst = n.link.vnMAC, frame.FPMA(frame.VN2VNFCMap, h.DID)
	h.SID = n.link.id
	h.Tagged, h.VLAN = n.cfg.VLAN != 0, n.cfg.VLAN
	if fill := -len(payload) & 3; fill != 0 {
		h.FCtl |= uint32(fill)
		payload = append(payload[:len(payload):len(payload)], make([]byte, fill)...)
	}
	if h.Type == frame.TypeFCP {
		n.n.FCPOut++
	}
	n.scratch = frame.AppendFCoE(n.scratch[:0], h, payload)
	n.send(n.scratch)
}

func (n *Node) send(b []byte) {
	n.n.FramesOut++
	n.port.transmit(n, b)
}
