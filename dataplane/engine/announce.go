package engine

import (
	"encoding/binary"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/shm"
)

// Frames of the pair that control has its lcores put out: beats, by every edge and fabric port, and announcements.
//
// An announcement is a frame that has the MAC of an N_Port as its source and goes out on the other side from it, as the
// N_Port's own frames would when they cross this node: the switches on the way learn that the MAC is behind this node
// now, and not behind its partner. Its destination is a group address that no station listens to, and its type is that of
// beats, so that nobody but a switch makes anything of it.

// pairGroup is where frames of the pair go to: a multicast, locally administered.
var pairGroup = frame.MAC{3, 'F', 'C', 'R', 0, 1}

// frameMin is the shortest Ethernet frame without FCS.
const frameMin = 60

// announcement is a walk over the login table.
type announcement struct {
	on     bool
	slot   int
	fcf    frame.MAC // announced last
	fcfOut uint8
}

// sendBeats puts a beat out by each port between hosts and targets.
func (e *Engine) sendBeats() {
	p := &e.pair
	p.machine.Beat(&p.beat)
	for i := range e.infos {
		if e.infos[i].Role == shm.RoleService {
			continue
		}
		p.beat.Port = uint8(i)
		p.head(pairGroup, e.infos[i].MAC, 0, lcore.PairBeat)
		p.frame = p.codec.Append(p.frame, &p.beat)
		e.putOut(i, lcore.PairBeat)
	}
	p.record.Sent++
}

// head begins a frame.
func (p *partner) head(to, from frame.MAC, vlan uint16, kind byte) {
	p.frame = append(append(p.frame[:0], to[:]...), from[:]...)
	if vlan != 0 {
		p.frame = binary.BigEndian.AppendUint16(p.frame, 0x8100)
		p.frame = binary.BigEndian.AppendUint16(p.frame, vlan)
	}
	p.frame = binary.BigEndian.AppendUint16(p.frame, lcore.PairEtherType)
	p.frame = binary.BigEndian.AppendUint32(p.frame, lcore.PairMagic)
	p.frame = append(p.frame, kind)
}

// putOut hands the frame to the lcore of a port. Without an mbuf or room there is none, and the next comes soon. A port
// without its link gets none: what stands in its queue would keep the port that feeds it from being polled.
func (e *Engine) putOut(port int, kind uint32) {
	p := &e.pair
	if e.infos[port].Up == 0 {
		return
	}
	for len(p.frame) < frameMin {
		p.frame = append(p.frame, 0)
	}
	to := p.sends[e.infos[port].Lcore]
	if to.Free(1) == 0 {
		return
	}
	m := p.pool.Mbuf(p.frame)
	if m == nil {
		return
	}
	*(*lcore.Send)(to.Reserve()) = lcore.Send{Mbuf: m, Port: uint32(port), Kind: kind}
	to.Commit()
}

// unsent gives back the frames that no lcore took. They have all ended.
func (p *partner) unsent() {
	for _, from := range p.taken {
		for slot := from.Next(); slot != nil; slot = from.Next() {
			(*lcore.Send)(slot).Mbuf.Release()
		}
		from.Release()
	}
}

// announce goes on with the walk, as far as there is room, and as long as the MACs are behind this node.
func (e *Engine) announce() {
	p := &e.pair
	w := &p.walk
	if p.machine.State() != pair.Active {
		*w = announcement{}
	}
	for end := w.slot + announceSlots; w.on && w.slot < end; w.slot++ {
		for _, to := range p.sends {
			if to.Free(announceRoom) < announceRoom {
				return
			}
		}
		for l := range e.control.view.Part(w.slot, 1) {
			e.announceLogin(&l)
		}
		w.on = w.slot+1 < e.control.view.Slots()
	}
}

// announceLogin tells of an N_Port, of the station that it lives on, and of the FCF on the other side that it talks to.
func (e *Engine) announceLogin(l *login.Login) {
	w := &e.pair.walk
	if int(l.Port) >= len(e.infos) || e.infos[l.Port].Pair < 0 {
		return // nobody knows on which side it is
	}
	vlan, other := l.Addr.VF(), int(e.infos[l.Port].Pair)
	e.announceMAC(l.MAC, vlan, other)
	if l.ENode != l.MAC {
		e.announceMAC(l.ENode, vlan, other)
	}
	if e.infos[l.Port].Role == shm.RoleEdge && (l.FCF != w.fcf || l.Port != w.fcfOut) {
		w.fcf, w.fcfOut = l.FCF, l.Port
		e.announceMAC(l.FCF, vlan, int(l.Port))
	}
}

func (e *Engine) announceMAC(mac frame.MAC, vlan uint16, port int) {
	if mac.IsZero() || mac.IsGroup() {
		return
	}
	e.pair.head(pairGroup, mac, vlan, lcore.PairAnnounce)
	e.putOut(port, lcore.PairAnnounce)
	e.pair.record.Announce++
}
