package sim

import (
	"errors"
	"fmt"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/scsi"
)

// command is one SCSI command on its way, over as many exchanges as it takes. An attempt:
//
//	FCP_CMND → (read) FCP_DATA… FCP_RSP
//	         → (write) FCP_XFER_RDY, FCP_DATA…, … FCP_RSP
//
// One that hears nothing for recTimeout asks with REC whether the target knows the
// exchange. If it does not, the command was lost and is sent again; if the target has the
// initiative it is waited for; else a frame was lost, and the exchange is aborted (ABTS)
// before the command is sent again. The OX_ID of an aborted exchange rests for R_A_TOV and
// is released with RRQ. A target that answers neither is logged out.
//
// A write goes to the target again only after the old exchange is known to be gone: else
// its late frames could overwrite what a newer command wrote.
type command struct {
	lun   uint64
	cdb   [16]byte
	read  bool // data to us
	write bool
	size  int    // FCP_DL
	buf   []byte // of size bytes
	done  func(c *command, err error)

	s     *session
	began time.Duration // the first attempt

	// Of the present attempt.
	state    commandState
	oxid     uint16
	rxid     uint16
	seqID    uint8 // last one we used
	heard    time.Duration
	attempt  int
	waits    int // RECs answered with "working on it"
	aborts   int // ABTS sent
	got      coverage
	rsp      frame.FCPRsp
	sense    scsi.Sense
	hasRsp   bool
	answered bool // the target has sent something
	readySeq int  // SEQ_ID of the last FCP_XFER_RDY, or -1
	burst    span // still to be sent of what the target asked for
	seqCnt   uint16
	sending  job
	timer    timer
}

type commandState uint8

const (
	commandIdle   commandState = iota
	commandOpen                // sent
	commandAsking              // REC sent
	commandAborting
)

var (
	errGivenUp = errors.New("given up")
	errLost    = errors.New("session lost")
)

// open begins an attempt.
func (c *command) open() {
	n := c.s.ini.node
	oxid, ok := n.originate(c)
	if !ok {
		n.n.NoRoom++
		c.s.park(c, noOXIDWait)
		return
	}
	c.oxid, c.rxid, c.state = oxid, frame.UnknownXID, commandOpen
	c.seqID, c.waits, c.aborts, c.readySeq = 0, 0, 0, -1
	c.got.reset()
	c.hasRsp, c.answered, c.burst = false, false, span{}
	c.attempt++
	cmnd := frame.FCPCmnd{LUN: c.lun, Read: c.read, Write: c.write, CDB: c.cdb, DataLength: uint32(c.size)}
	n.body = cmnd.Append(n.body[:0])
	c.send(&frame.Header{RCtl: frame.RCtlUnsolicitedCmd, FCtl: frame.FCtlRequest, SOF: frame.SOFi3, EOF: frame.EOFt}, n.body)
	c.heard = n.port.clock.now
	n.arm(&c.timer, recTimeout)
}

// send sends a frame of the exchange.
func (c *command) send(h *frame.Header, payload []byte) {
	h.DID, h.Type, h.OXID, h.RXID = c.s.peer.id, frame.TypeFCP, c.oxid, c.rxid
	c.s.n.FCPOut++
	c.s.ini.node.sendFC(h, payload)
}

// reply takes a frame that the target sent in this exchange.
func (c *command) reply(h *frame.Header, payload []byte) {
	n := c.s.ini.node
	if h.SID != c.s.peer.id {
		n.n.Stray++
		return
	}
	if h.Type == frame.TypeBLS {
		c.aborted(h, payload)
		return
	}
	if h.Type == frame.TypeFCP {
		c.s.n.FCPIn++
	}
	if h.Type != frame.TypeFCP || c.state == commandAborting || (c.rxid != frame.UnknownXID && h.RXID != c.rxid) {
		n.n.Stray++
		return
	}
	c.rxid, c.answered, c.heard = h.RXID, true, n.port.clock.now
	switch h.RCtl {
	case frame.RCtlSolicitedData:
		c.takeData(h, payload)
	case frame.RCtlDataDescriptor:
		c.takeReady(h, payload)
	case frame.RCtlCommandStatus:
		c.takeResponse(payload)
	default:
		n.n.Stray++
	}
}

func (c *command) takeData(h *frame.Header, payload []byte) {
	n := c.s.ini.node
	at := int(h.Param)
	if !c.read || h.FCtl&frame.FCtlRelativeOffset == 0 || at > c.size || len(payload) > c.size-at {
		n.n.Malformed++
		return
	}
	fresh, ok := c.got.add(at, at+len(payload))
	switch {
	case !ok:
		n.n.NoRoom++
		return
	case fresh == 0 && len(payload) > 0:
		n.n.Duplicates++
		return
	}
	copy(c.buf[at:], payload)
	if c.hasRsp && c.complete() {
		c.finish()
	}
}

// takeReady takes an FCP_XFER_RDY: the target wants a burst of the data.
func (c *command) takeReady(h *frame.Header, payload []byte) {
	n := c.s.ini.node
	x, err := frame.ParseXferRdy(payload)
	from, to := uint64(x.Offset), uint64(x.Offset)+uint64(x.Burst)
	switch {
	case err != nil || !c.write || to > uint64(c.size):
		n.n.Malformed++
		return
	case int(h.SeqID) == c.readySeq || c.burst.from < c.burst.to || c.hasRsp:
		n.n.Duplicates++
		return
	}
	c.readySeq = int(h.SeqID)
	c.burst, c.seqCnt = span{int(from), int(to)}, 0
	c.seqID++
	n.port.startJob(&c.sending)
}

// sendData sends some frames of the burst and reports whether there are more.
func (c *command) sendData() bool {
	if c.state == commandIdle || c.state == commandAborting {
		return false
	}
	limit := min(writePayload, c.s.peer.maxFrame)
	for range jobFrames {
		left := c.burst.to - c.burst.from
		if left == 0 {
			break
		}
		take := min(left, limit)
		h := frame.Header{
			SOF: frame.SOFn3, EOF: frame.EOFn, RCtl: frame.RCtlSolicitedData, FCtl: frame.FCtlWriteData,
			SeqID: c.seqID, SeqCnt: c.seqCnt, Param: uint32(c.burst.from),
		}
		if c.seqCnt == 0 {
			h.SOF = frame.SOFi3
		}
		if take == left {
			h.EOF, h.FCtl = frame.EOFt, frame.FCtlLastWrite
		}
		c.send(&h, c.buf[c.burst.from:c.burst.from+take])
		c.burst.from += take
		c.seqCnt++
		c.got.add(c.burst.from-take, c.burst.from)
	}
	c.heard = c.s.ini.node.port.clock.now
	return c.burst.from < c.burst.to
}

func (c *command) takeResponse(payload []byte) {
	n := c.s.ini.node
	rsp, err := frame.ParseFCPRsp(payload)
	if err != nil {
		n.n.Malformed++
		return
	}
	if c.hasRsp {
		n.n.Duplicates++
		return
	}
	c.sense, _ = scsi.ParseSense(rsp.Sense)
	rsp.Info, rsp.Sense = nil, nil // they alias the frame
	c.rsp, c.hasRsp = rsp, true
	if c.complete() {
		c.finish()
		return
	}
	// The response has overtaken data, or data was lost.
	n.arm(&c.timer, responseGrace)
}

// transferred is how many bytes the target says it moved.
func (c *command) transferred() int {
	if c.rsp.Flags&frame.RspResidualUnder != 0 {
		return max(0, c.size-int(c.rsp.Residual))
	}
	return c.size
}

// complete: the response is there and so are the bytes it speaks of.
func (c *command) complete() bool {
	return c.rsp.Status != uint8(scsi.Good) || c.got.bytes >= c.transferred()
}

// expire is the timer: nothing was heard for too long.
func (c *command) expire() {
	n := c.s.ini.node
	quiet := n.port.clock.now - c.heard
	switch {
	case c.state == commandAborting:
		c.abort()
	case c.hasRsp:
		// The target is done, so there is nothing to abort; but late frames are possible.
		c.s.n.Timeouts++
		n.retire(c.oxid)
		c.again()
	case c.state == commandOpen && quiet < n.scaled(recTimeout):
		n.port.clock.arm(&c.timer, n.scaled(recTimeout)-quiet)
	case c.state == commandOpen:
		c.s.n.Timeouts++
		c.ask()
	}
}

// ask sends REC, until the target has said that it does not know it.
func (c *command) ask() {
	n := c.s.ini.node
	if c.s.noREC {
		c.abort()
		return
	}
	c.state = commandAsking
	attempt := c.attempt
	x := frame.Exchange{Command: frame.ELSREC, Originator: n.link.id, OXID: c.oxid, RXID: c.rxid}
	n.request(c.s.peer.id, x.Append(nil), frame.MAC{}, func(answer []byte, err error) {
		if c.state == commandAsking && c.attempt == attempt {
			c.told(answer, err)
		}
	})
}

// told takes the answer to REC.
func (c *command) told(answer []byte, err error) {
	n := c.s.ini.node
	c.state = commandOpen
	switch acc, bad := frame.ParseRECAcc(answer); {
	case err == errELSRejected:
		rjt, _ := frame.ParseLSRjt(answer)
		c.s.noREC = rjt.Reason == frame.RjtUnsupported
		if rjt.Explanation != frame.ExplInvalidXID || c.answered {
			c.abort()
			return
		}
		c.s.n.Lost++
		n.retire(c.oxid)
		c.again()
	case err == nil && bad == nil && acc.Status&frame.EStatInitiative != 0 && c.waits < maxRECWaits:
		c.waits++
		c.heard = n.port.clock.now
		n.arm(&c.timer, recTimeout)
	default:
		c.abort()
	}
}

// abort sends ABTS; after some unanswered ones the session is given up.
func (c *command) abort() {
	n := c.s.ini.node
	c.state = commandAborting
	if c.aborts++; c.aborts > abtsTries {
		c.s.giveUp()
		return
	}
	c.s.n.Aborts++
	n.sendFC(&frame.Header{
		RCtl: frame.RCtlABTS, DID: c.s.peer.id, Type: frame.TypeBLS, SeqID: c.seqID, OXID: c.oxid, RXID: c.rxid,
		FCtl: frame.FCtlEndSequence | frame.FCtlSequenceInit, SOF: frame.SOFi3, EOF: frame.EOFt,
	}, nil)
	n.arm(&c.timer, abtsTimeout)
}

// aborted takes the answer to ABTS.
func (c *command) aborted(h *frame.Header, payload []byte) {
	n := c.s.ini.node
	if c.state != commandAborting {
		n.n.Stray++
		return
	}
	if h.RCtl == frame.RCtlBAAcc {
		// Linux leaves the identifiers in the payload zero: the header's are those that count.
		if _, err := frame.ParseBAAcc(payload); err != nil {
			n.n.Malformed++
			return
		}
		n.qualify(c.s.peer, c.oxid, h.RXID)
	} else {
		n.retire(c.oxid)
	}
	c.again()
}

// again begins another attempt, or gives up.
func (c *command) again() {
	c.detach()
	c.s.n.Retries++
	n := c.s.ini.node
	if n.port.clock.now-c.began > n.scaled(n.cfg.IO.GiveUp) {
		c.s.n.Failed++
		c.end(fmt.Errorf("command %02x after %d attempts: %w", c.cdb[0], c.attempt, errGivenUp))
		return
	}
	c.s.park(c, 0)
}

// detach leaves the exchange; its OX_ID has been seen to.
func (c *command) detach() {
	c.state = commandIdle
	c.s.ini.node.port.clock.stop(&c.timer)
}

// drop leaves the exchange because the session has ended.
func (c *command) drop() {
	if c.state != commandIdle {
		c.s.ini.node.retire(c.oxid)
		c.detach()
	}
}

// finish ends the command with the target's response.
func (c *command) finish() {
	n := c.s.ini.node
	c.detach()
	n.finish(c.oxid)
	var err error
	switch {
	case c.rsp.Status == uint8(scsi.CheckCondition):
		err = &scsiError{op: c.cdb[0], status: c.rsp.Status, sense: c.sense}
	case c.rsp.Status != uint8(scsi.Good):
		err = &scsiError{op: c.cdb[0], status: c.rsp.Status}
	}
	c.end(err)
}

func (c *command) end(err error) {
	c.s.ended(c)
	c.done(c, err)
}

// scsiError is a status other than GOOD.
type scsiError struct {
	op, status uint8
	sense      scsi.Sense
}

func (e *scsiError) Error() string {
	if e.status == uint8(scsi.CheckCondition) {
		return fmt.Sprintf("command %02x: check condition %x/%02x/%02x", e.op, e.sense.Key, e.sense.ASC, e.sense.ASCQ)
	}
	return fmt.Sprintf("command %02x: status %02x", e.op, e.status)
}

// temporary reports BUSY, TASK SET FULL and UNIT ATTENTION: try again.
func (e *scsiError) temporary() bool {
	const busy, taskSetFull, unitAttention = 0x08, 0x28, 0x06
	return e.status == busy || e.status == taskSetFull || (e.status == uint8(scsi.CheckCondition) && e.sense.Key == unitAttention)
}

// qualify keeps an aborted OX_ID at rest for R_A_TOV and then releases it with RRQ.
func (n *Node) qualify(peer *rport, oxid, rxid uint16) {
	n.open[oxid] = nil
	n.after(rATOV, func() {
		if !peer.loggedIn() || n.stopping != nil {
			n.ids.give(oxid)
			return
		}
		x := frame.Exchange{Command: frame.ELSRRQ, Originator: n.link.id, OXID: oxid, RXID: rxid}
		n.request(peer.id, x.Append(nil), frame.MAC{}, func([]byte, error) { n.ids.give(oxid) })
	})
}
