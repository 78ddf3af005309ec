package login

import "fcredirect/dataplane/frame"

// rowState is how far the answer of an exchange has been read: an answer of many rows fills several frames of one
// sequence, of which only the first has the CT header, and a row may be cut by the end of a frame.
type rowState struct {
	open  bool
	seq   uint8
	next  uint16 // SEQ_CNT of the next frame
	cut   int    // bytes of a row that are waiting for the rest
	carry [16]byte
}

// ctRequest remembers what a port asked the name server, and learns what it registered of itself.
func (l *Learner) ctRequest(p []byte) {
	if l.h.DID != frame.NameServer {
		l.count(CountIgnored)
		return
	}
	c, err := frame.ParseCT(p)
	if err != nil || !c.Request() {
		l.count(CountIgnored) // another service behind the same address
		return
	}
	r := request{key: l.exchange(l.h.SID, l.h.DID), command: c.Command}
	switch c.Command {
	case frame.CTGPNFT, frame.CTGIDFT:
		_, err = frame.ParseTypeQuery(c)
	case frame.CTGPNID, frame.CTGNNID:
		r.id, err = frame.ParseIDQuery(c)
	case frame.CTGIDPN:
		r.wwpn, err = frame.ParseNameQuery(c)
	case frame.CTRPNID, frame.CTRNNID:
		err = l.registered(c)
	default:
		l.sign(l.at(l.h.SID))
	}
	if err != nil {
		l.count(CountBadPayload)
		return
	}
	l.await(r)
}

// registered learns the name that a port registers for itself.
func (l *Learner) registered(c frame.CT) error {
	r, err := frame.ParseRegistration(c)
	if err != nil || r.ID != l.h.SID {
		return err
	}
	if c.Command == frame.CTRPNID {
		l.sender(r.Name, 0)
		return nil
	}
	if i := l.t.find(l.at(r.ID)); i >= 0 && l.own(i) {
		old := l.t.read(i)
		n := old
		if n.WWNN = r.Name; n != old {
			l.write(i, Updated, Seen, &old, &n)
		}
	}
	return nil
}

// ctAnswer learns from an answer of the name server, with what was asked.
func (l *Learner) ctAnswer(p []byte) {
	if l.h.SID != frame.NameServer {
		l.count(CountIgnored)
		return
	}
	r := l.answered(l.exchange(l.h.DID, l.h.SID))
	if r == nil || !l.trusted() {
		return
	}
	if !frame.SOFInitiates(l.h.SOF) {
		if !r.rows.open || l.h.SeqID != r.rows.seq || l.h.SeqCnt != r.rows.next {
			l.count(CountAnswerGap)
			*r = request{}
			return
		}
		r.rows.next++
		l.rows(r, p)
		return
	}
	c, err := frame.ParseCT(p)
	if err != nil || !c.Accept() {
		l.count(CountRefused)
		*r = request{}
		return
	}
	switch r.command {
	case frame.CTGPNFT, frame.CTGIDFT:
		r.rows = rowState{open: true, seq: l.h.SeqID, next: l.h.SeqCnt + 1}
		l.rows(r, c.Body)
		return
	case frame.CTGPNID:
		if name, err := frame.ParseNameAccept(c); err == nil {
			l.told(r.id, name)
		}
	case frame.CTGNNID:
		if name, err := frame.ParseNameAccept(c); err == nil {
			l.toldNode(r.id, name)
		}
	case frame.CTGIDPN:
		if id, err := frame.ParseIDAccept(c); err == nil {
			l.told(id, r.wwpn)
		}
	}
	*r = request{}
}

// rows reads the rows of one frame of an answer to GPN_FT or GID_FT.
func (l *Learner) rows(r *request, p []byte) {
	size := 16
	if r.command == frame.CTGIDFT {
		size = 4
	}
	s := &r.rows
	for s.cut > 0 || len(p) >= size {
		var row []byte
		if s.cut > 0 {
			n := copy(s.carry[s.cut:size], p)
			if p, s.cut = p[n:], s.cut+n; s.cut < size {
				break
			}
			row, s.cut = s.carry[:size], 0
		} else {
			row, p = p[:size], p[size:]
		}
		if l.row(row) {
			*r = request{}
			return
		}
	}
	if len(p) > 0 && s.cut == 0 {
		s.cut = copy(s.carry[:], p)
	}
	if l.h.FCtl&frame.FCtlEndSequence != 0 {
		*r = request{} // cut short by its sender
	}
}

// row learns from one row and says whether it is the last.
func (l *Learner) row(b []byte) (last bool) {
	if len(b) == 4 {
		id, last, _, _ := frame.NextIDRow(b)
		l.toldID(id)
		return last
	}
	row, _, _ := frame.NextPortRow(b)
	l.told(row.ID, row.WWPN)
	return row.Last
}

// told learns that the name server has this name for an ID. Where the N_Port is it does not say.
func (l *Learner) told(id frame.FCID, wwpn frame.WWN) {
	o := offer{addr: l.at(id), wwpn: wwpn, port: l.port, how: ByNameServer}
	if l.port.Role == Fabric {
		o.flags = Vouched
	}
	l.learn(&o)
}

// toldNode learns the node name of an ID whose port name is known.
func (l *Learner) toldNode(id frame.FCID, wwnn frame.WWN) {
	if i := l.t.find(l.at(id)); i >= 0 && wwnn != 0 {
		old := l.t.read(i)
		n := old
		if n.WWNN = wwnn; n != old {
			l.write(i, Updated, Seen, &old, &n)
		}
	}
}

// toldID learns that an ID is in use.
func (l *Learner) toldID(id frame.FCID) {
	if i := l.t.find(l.at(id)); i >= 0 {
		if n := l.t.read(i); !n.timed() {
			l.t.seen(i, l.now)
		}
	}
}
