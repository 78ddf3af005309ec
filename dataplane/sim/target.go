package sim

import (
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/scsi"
)

// target is the SCSI target of a node. Like Linux's tcm_fc it asks for all the data of a
// write with one FCP_XFER_RDY, unless told to ask for less at a time, and answers a read
// with one sequence of data and one of status.
type target struct {
	node    *Node
	shared  *scsi.Device
	private map[frame.WWN]*scsi.Device // when each initiator has disks of its own
	guests  map[frame.FCID]*rport      // initiators after PRLI

	ids       *xids // RX_IDs
	exchanges []*service
	byOrigin  map[origin]*service
	n         TargetCounters
	told      map[frame.FCID]bool // strangers that were sent a LOGO lately
}

// origin identifies an exchange by its originator.
type origin struct {
	sid  frame.FCID
	oxid uint16
}

// TargetCounters count what a target served.
type TargetCounters struct {
	Commands     uint64 `json:"commands"`
	Reads        uint64 `json:"reads"`
	Writes       uint64 `json:"writes"`
	BytesRead    uint64 `json:"bytes_read"`
	BytesWritten uint64 `json:"bytes_written"`
	Checks       uint64 `json:"check_conditions"`
	Tasks        uint64 `json:"task_management"`
	Aborted      uint64 `json:"aborted"`
	Expired      uint64 `json:"expired"` // exchanges that nobody continued
	NoSession    uint64 `json:"no_session"`
	QueueFull    uint64 `json:"queue_full"`
}

// service is one command that a target works on.
type service struct {
	t      *target
	guest  *rport
	oxid   uint16
	rxid   uint16
	cmnd   frame.FCPCmnd
	plan   scsi.Plan
	size   int    // bytes to move: the lesser of what the command moves and FCP_DL
	sent   int    // of a read
	buf    []byte // of a write
	got    coverage
	asked  int // end of the burst asked for
	seqID  uint8
	seqCnt uint16
	begun  int64 // clock when the command came
	job    job
	timer  timer
	done   bool
}

func newTarget(n *Node) (*target, error) {
	t := &target{
		node: n, private: make(map[frame.WWN]*scsi.Device), guests: make(map[frame.FCID]*rport),
		ids: newXIDs(n.cfg.OXIDs == "roll"), exchanges: make([]*service, maxExchanges),
		byOrigin: make(map[origin]*service), told: make(map[frame.FCID]bool),
	}
	device, err := t.makeDevice(0) // also when private: an impossible disk is an error at once
	t.shared = device
	return t, err
}

// makeDevice makes the disks for an initiator, or for all (0).
func (t *target) makeDevice(initiator frame.WWN) (*scsi.Device, error) {
	cfg := &t.node.cfg
	d := &scsi.Device{PortName: uint64(cfg.WWPN)}
	for i := range cfg.Disk.Units {
		disk, err := scsi.NewDisk(cfg.Disk.Blocks)
		if err != nil {
			return nil, err
		}
		const locallyAssigned = 3 << 60 // NAA
		id := mix(mix(uint64(cfg.WWPN)+uint64(i))^uint64(initiator))>>4 | locallyAssigned
		d.Units = append(d.Units, &scsi.Unit{ID: id, Disk: disk})
	}
	return d, nil
}

// device is what the initiator sees. It keeps its disks over logins.
func (t *target) device(initiator frame.WWN) *scsi.Device {
	if t.node.cfg.Disk.Shared {
		return t.shared
	}
	d := t.private[initiator]
	if d == nil {
		d, _ = t.makeDevice(initiator) // newTarget has made one like it
		t.private[initiator] = d
	}
	return d
}

// admit begins a session with an initiator.
func (t *target) admit(r *rport) { t.guests[r.id] = r }

// lost ends a session: its commands die with it.
func (t *target) lost(r *rport) {
	delete(t.guests, r.id)
	for _, x := range t.exchanges {
		if x != nil && x.guest == r {
			x.close()
		}
	}
}

// receive takes an FCP frame from an initiator.
func (t *target) receive(h *frame.Header, payload []byte) {
	guest := t.guests[h.SID]
	if guest == nil {
		t.n.NoSession++
		t.refuse(h)
		return
	}
	switch h.RCtl {
	case frame.RCtlUnsolicitedCmd:
		t.command(guest, h, payload)
	case frame.RCtlSolicitedData:
		if x := t.find(h); x != nil {
			x.takeData(h, payload)
			return
		}
		t.node.n.Stray++
	default: // FCP_CONF is never asked for
		t.node.n.Stray++
	}
}

// refuse tells a port without a session to log in again, once in a while (FC-LS-3: an
// N_Port that is not logged in is answered with LOGO).
func (t *target) refuse(h *frame.Header) {
	n := t.node
	if t.told[h.SID] || h.RCtl != frame.RCtlUnsolicitedCmd || n.stopping != nil || len(t.told) >= maxRemotePorts {
		return
	}
	t.told[h.SID] = true
	n.after(eDTOV, func() { delete(t.told, h.SID) })
	n.request(h.SID, frame.Logo{PortID: n.link.id, WWPN: n.cfg.WWPN}.Append(nil), frame.MAC{}, func([]byte, error) {})
}

// find is the exchange of a frame from its originator.
func (t *target) find(h *frame.Header) *service {
	if h.RXID == frame.UnknownXID {
		return t.byOrigin[origin{h.SID, h.OXID}]
	}
	if int(h.RXID) < len(t.exchanges) {
		if x := t.exchanges[h.RXID]; x != nil && x.guest.id == h.SID && x.oxid == h.OXID {
			return x
		}
	}
	return nil
}

// command takes an FCP_CMND.
func (t *target) command(guest *rport, h *frame.Header, payload []byte) {
	n := t.node
	cmnd, err := frame.ParseFCPCmnd(payload)
	if err != nil || h.RXID != frame.UnknownXID {
		n.n.Malformed++
		return
	}
	cmnd.AdditionalCDB, cmnd.Rest = nil, nil // they alias the frame
	key := origin{guest.id, h.OXID}
	if old := t.byOrigin[key]; old != nil {
		if old.same(&cmnd) {
			n.n.Duplicates++
			return
		}
		old.close() // its originator has begun another exchange: this one is over
	}
	x := &service{t: t, guest: guest, oxid: h.OXID, cmnd: cmnd, begun: int64(n.port.clock.now)}
	rxid, ok := t.ids.take()
	if !ok || len(t.byOrigin) >= maxTargetExchanges {
		if ok {
			t.ids.give(rxid)
		}
		t.n.QueueFull++
		x.rxid = frame.UnknownXID
		const taskSetFull = 0x28
		x.sendResponse(frame.FCPRsp{Status: taskSetFull})
		return
	}
	x.rxid = rxid
	t.exchanges[rxid] = x
	t.byOrigin[key] = x
	x.timer.fire = func() {
		t.n.Expired++
		x.close()
	}
	n.arm(&x.timer, exchangeLifetime)
	x.begin()
}

// same reports that the command is the one x works on: a duplicate frame. An old exchange
// is not taken for it: by then the originator has had time to give up and begin anew.
func (x *service) same(c *frame.FCPCmnd) bool {
	age := int64(x.t.node.port.clock.now) - x.begun
	return age < int64(x.t.node.scaled(recTimeout)) && x.cmnd.CDB == c.CDB && x.cmnd.LUN == c.LUN &&
		x.cmnd.TMF == c.TMF && x.cmnd.CRN == c.CRN && x.cmnd.DataLength == c.DataLength
}

// begin works on a new command.
func (x *service) begin() {
	t := x.t
	if x.cmnd.TMF != 0 {
		x.manage()
		return
	}
	t.n.Commands++
	x.plan = t.device(x.guest.wwpn).Parse(x.cmnd.LUN, &x.cmnd.CDB)
	length := int(min(x.cmnd.DataLength, MaxIOBytes))
	switch {
	case x.plan.In > 0 && !x.cmnd.Read && x.cmnd.DataLength > 0, x.plan.Out > 0 && !x.cmnd.Write:
		x.plan = scsi.Fail(scsi.InvalidFieldInCDB)
		x.finish()
	case x.plan.Out > length:
		x.plan = scsi.Fail(scsi.DataPhaseError)
		x.finish()
	case x.plan.Out > 0:
		x.size = x.plan.Out
		x.buf = make([]byte, x.size)
		x.ask()
	case min(x.plan.In, length) > 0:
		x.size = min(x.plan.In, length)
		x.seqID++
		x.job.more = x.sendData
		t.node.port.startJob(&x.job)
	default:
		x.finish()
	}
}

// send sends a frame of the exchange.
func (x *service) send(h *frame.Header, payload []byte) {
	h.DID, h.Type, h.OXID, h.RXID = x.guest.id, frame.TypeFCP, x.oxid, x.rxid
	x.t.node.sendFC(h, payload)
}

// sendData sends some frames of a read, and after the last the response.
func (x *service) sendData() bool {
	if x.done {
		return false
	}
	n := x.t.node
	for range jobFrames {
		take := min(x.size-x.sent, x.guest.maxFrame, readPayload)
		h := frame.Header{
			SOF: frame.SOFn3, EOF: frame.EOFn, RCtl: frame.RCtlSolicitedData, FCtl: frame.FCtlReadData,
			SeqID: x.seqID, SeqCnt: x.seqCnt, Param: uint32(x.sent),
		}
		if x.seqCnt == 0 {
			h.SOF = frame.SOFi3
		}
		if x.sent+take == x.size {
			h.EOF, h.FCtl = frame.EOFt, frame.FCtlLastRead
		}
		n.body = append(n.body[:0], make([]byte, take)...)
		x.plan.Read(n.body, x.sent)
		x.send(&h, n.body)
		x.sent += take
		x.seqCnt++
		if x.sent == x.size {
			x.finish()
			return false
		}
	}
	return true
}

// ask sends FCP_XFER_RDY for the next burst of a write.
func (x *service) ask() {
	n := x.t.node
	from := x.asked
	x.asked = x.size
	if burst := n.cfg.Disk.Burst; burst > 0 {
		x.asked = min(from+burst, x.size)
	}
	x.seqID++
	n.body = frame.XferRdy{Offset: uint32(from), Burst: uint32(x.asked - from)}.Append(n.body[:0])
	x.send(&frame.Header{
		RCtl: frame.RCtlDataDescriptor, FCtl: frame.FCtlXferReady, SOF: frame.SOFi3, EOF: frame.EOFt, SeqID: x.seqID,
	}, n.body)
}

// takeData takes data of a write.
func (x *service) takeData(h *frame.Header, payload []byte) {
	n := x.t.node
	at := int(h.Param)
	if x.buf == nil || h.FCtl&frame.FCtlRelativeOffset == 0 || at > x.asked || len(payload) > x.asked-at {
		n.n.Malformed++
		return
	}
	fresh, ok := x.got.add(at, at+len(payload))
	switch {
	case !ok:
		n.n.NoRoom++
		return
	case fresh == 0:
		n.n.Duplicates++
		return
	}
	copy(x.buf[at:], payload)
	switch {
	case x.got.bytes < x.asked:
	case x.asked < x.size:
		x.ask()
	default:
		x.plan.Commit(x.buf)
		x.finish()
	}
}

// finish sends the response and ends the exchange.
func (x *service) finish() {
	t := x.t
	rsp := frame.FCPRsp{Status: uint8(x.plan.Status)}
	if x.plan.Status == scsi.CheckCondition {
		t.n.Checks++
		rsp.Flags |= frame.RspSenseValid
		rsp.Sense = x.plan.Sense.Append(nil)
	}
	length, moved := x.cmnd.DataLength, uint32(x.plan.In+x.plan.Out)
	switch {
	case x.plan.Status != scsi.Good:
		// Nothing was moved. Linux's target leaves the residual out, too.
	case moved < length:
		rsp.Flags |= frame.RspResidualUnder
		rsp.Residual = length - moved
	case moved > length:
		rsp.Flags |= frame.RspResidualOver
		rsp.Residual = moved - length
	}
	switch x.cmnd.CDB[0] {
	case scsi.OpRead10, scsi.OpRead16:
		t.n.Reads++
		t.n.BytesRead += uint64(x.size)
	case scsi.OpWrite10, scsi.OpWrite16:
		t.n.Writes++
		t.n.BytesWritten += uint64(x.size)
	}
	x.sendResponse(rsp)
	x.close()
}

func (x *service) sendResponse(rsp frame.FCPRsp) {
	n := x.t.node
	x.seqID++
	n.body = rsp.Append(n.body[:0])
	x.send(&frame.Header{
		RCtl: frame.RCtlCommandStatus, FCtl: frame.FCtlReply, SOF: frame.SOFi3, EOF: frame.EOFt, SeqID: x.seqID,
	}, n.body)
}

// close forgets the exchange. Its RX_ID may be used again at once.
func (x *service) close() {
	if x.done {
		return
	}
	x.done = true
	t := x.t
	t.node.port.clock.stop(&x.timer)
	t.exchanges[x.rxid] = nil
	delete(t.byOrigin, origin{x.guest.id, x.oxid})
	t.ids.give(x.rxid)
}

// manage does a task management function.
func (x *service) manage() {
	t := x.t
	t.n.Tasks++
	var code byte // function complete
	switch x.cmnd.TMF {
	case frame.TMFTargetReset:
		t.drop(func(o *service) bool { return o != x })
	case frame.TMFLUNReset, frame.TMFClearTaskSet:
		t.drop(func(o *service) bool { return o != x && o.cmnd.LUN == x.cmnd.LUN })
	case frame.TMFAbortTaskSet:
		t.drop(func(o *service) bool { return o != x && o.cmnd.LUN == x.cmnd.LUN && o.guest == x.guest })
	case frame.TMFClearACA: // there never is an ACA to clear
	default:
		code = 4 // function rejected
	}
	x.sendResponse(frame.FCPRsp{Flags: frame.RspInfoValid, Info: []byte{0, 0, 0, code, 0, 0, 0, 0}})
	x.close()
}

func (t *target) drop(which func(*service) bool) {
	for _, x := range t.exchanges {
		if x != nil && which(x) {
			t.n.Aborted++
			x.close()
		}
	}
}

// abort answers ABTS. An exchange we do not know may be one whose command was lost: that
// is as good as aborted. With an RX_ID of ours it is a mistake.
func (t *target) abort(h *frame.Header) {
	n := t.node
	answer := frame.Header{
		RCtl: frame.RCtlBAAcc, DID: h.SID, Type: frame.TypeBLS, FCtl: frame.FCtlReply | frame.FCtlSequenceInit,
		SeqID: h.SeqID, OXID: h.OXID, RXID: h.RXID, SOF: frame.SOFi3, EOF: frame.EOFt,
	}
	acc := frame.BAAcc{OXID: h.OXID, RXID: h.RXID, HighCount: 0xFFFF}
	switch x := t.find(h); {
	case t.guests[h.SID] == nil, x == nil && h.RXID != frame.UnknownXID:
		answer.RCtl = frame.RCtlBARjt
		n.sendFC(&answer, baRjt)
		return
	case x != nil:
		t.n.Aborted++
		acc.RXID, answer.RXID = x.rxid, x.rxid
		x.close()
	}
	n.sendFC(&answer, acc.Append(nil))
}

// baRjt says that there is no such exchange.
var baRjt = frame.BARjt{Reason: frame.RjtLogical, Explanation: 3}.Append(nil)

// release is RRQ: the originator will use the OX_ID again. It has rested until now only at
// the originator's, so there is nothing to free but what a lost ABTS left.
func (t *target) release(originator frame.FCID, oxid uint16) {
	if x := t.byOrigin[origin{originator, oxid}]; x != nil {
		x.close()
	}
}

// examine answers REC.
func (t *target) examine(q frame.Exchange) (acc frame.RECAcc, ok bool) {
	x := t.byOrigin[origin{q.Originator, q.OXID}]
	if x == nil || (q.RXID != frame.UnknownXID && q.RXID != x.rxid) {
		return acc, false
	}
	acc = frame.RECAcc{
		OXID: x.oxid, RXID: x.rxid, Originator: x.guest.id, Responder: t.node.link.id,
		FC4Value: uint32(x.sent + x.got.bytes), Status: frame.EStatResponder,
	}
	if x.buf == nil { // still sending: the initiative is ours
		acc.Status |= frame.EStatInitiative
	}
	return acc, true
}
