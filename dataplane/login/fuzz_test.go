package login

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

// script turns bytes into a sequence of frames: every byte chooses something, so that a fuzzer that changes one byte
// changes one decision.
type script struct {
	b    *lab
	data []byte
	from *Port // an attacker's: all frames come in there, and only time itself lets time pass
}

func (s *script) next() byte {
	if len(s.data) == 0 {
		return 0
	}
	c := s.data[0]
	s.data = s.data[1:]
	return c
}

func (s *script) station() station {
	all := []station{host, rival, array, remote, host.at(edge1), rival.as(host), remote.at(fabric1), host.at(svc0), zoned, host.at(fabric1)}
	c := s.next()
	st := all[int(c)%len(all)]
	st.wwpn += frame.WWN(c >> 5)
	st.vlan = uint16(c>>4&1) * 100
	return st
}

func (s *script) id() frame.FCID {
	all := []frame.FCID{hostID, rivalID, remoteID, vnHost, vnArray, 0, frame.NameServer, frame.FabricLogin, zonedID}
	c := s.next()
	return all[int(c)%len(all)] + frame.FCID(c>>6)
}

// step makes one frame, or lets time pass.
func (s *script) step() {
	b, st, id := s.b, s.station(), s.id()
	var raw []byte
	at := st.port
	c := s.next()
	if s.from != nil && c%24 >= 19 && c%24 < 23 {
		return
	}
	switch c % 24 {
	case 0:
		raw = st.ask([]frame.ELSCommand{frame.ELSFLOGI, frame.ELSFDISC}[c>>7], uint16(c>>6))
	case 1:
		command := []frame.ELSCommand{frame.ELSFLOGI, frame.ELSFDISC}[c>>7]
		if c>>5&1 == 0 {
			s.frame(at, st.ask(command, uint16(c>>6)))
		}
		at, raw = fabric0, st.granted(command, uint16(c>>6), id)
	case 2:
		raw = st.vn2vn(frame.FIPClaimNotification, id)
	case 3:
		raw = st.vn2vn(frame.FIPBeacon, id)
		if c >= 0x80 { // flooded
			s.frame(at, raw)
			at = fabric1
		}
	case 4:
		raw = st.keepAlive()
	case 5:
		raw = st.vnKeepAlive(id)
	case 6:
		at, raw = fabric0, advertise(time.Duration(c)*100*time.Millisecond, c&0x80 != 0)
	case 7:
		at, raw = fabric0, clearLink(st.eNode)
	case 8:
		at, raw = fabric0, clearLink(frame.AllENodeMACs, frame.VNPort{ID: id, WWPN: st.wwpn})
	case 9:
		raw = st.plogi(id, s.id(), uint16(c>>6))
	case 10:
		raw = st.plogiAcc(id, s.id(), uint16(c>>6))
	case 11:
		raw = st.els(id, s.id(), uint16(c>>6), st.adisc(frame.ELSADISC, id))
	case 12:
		raw = st.els(id, s.id(), uint16(c>>6), prli(frame.ELSPRLI, uint32(c)))
	case 13:
		raw = st.reply(id, s.id(), uint16(c>>6), prli(frame.ELSLSAcc, uint32(c)))
	case 14:
		raw = st.els(id, s.id(), uint16(c>>6), logo(id, st.wwpn))
	case 15:
		raw = st.command(id, s.id())
	case 16:
		queries := []uint16{frame.CTGPNFT, frame.CTGIDFT, frame.CTGPNID, frame.CTGNNID, frame.CTGIDPN, frame.CTRPNID, frame.CTRNNID}
		body := frame.Registration{ID: id, Name: st.wwpn}.Append(nil)
		raw = st.query(id, uint16(c>>6), queries[int(s.next())%len(queries)], body)
	case 17:
		rows := frame.AppendPortRows(nil, frame.PortRow{ID: id, WWPN: st.wwpn}, frame.PortRow{ID: s.id(), WWPN: host.wwpn})
		to := s.id()
		s.frame(edge0, st.query(to, uint16(c>>6), frame.CTGPNFT, frame.TypeQuery{}.Append(nil)))
		for _, part := range split(to, uint16(c>>6), frame.NewCT(frame.CTAccept, rows).Append(nil), 4+4*int(s.next()&15)) {
			if s.next() < 0xF0 {
				s.frame(fabric0, part)
			}
		}
		return
	case 18:
		at, raw = fabric0, rscn(id, frame.RSCNPage{Event: c >> 5, Format: s.next() & 3, ID: s.id()})
	case 19:
		b.wait(time.Duration(s.next()) * 100 * time.Millisecond)
		return
	case 20:
		b.wait(time.Duration(s.next()) * time.Minute)
		return
	case 21:
		b.learner.SetStrict(c&0x80 != 0)
		return
	case 22:
		b.learner.Seen(At(0, uint16(c>>7)*100, id), b.now)
		return
	case 23: // bytes as they come
		n := min(int(s.next()), len(s.data))
		raw, s.data = s.data[:n:n], s.data[n:]
	}
	s.frame(at, raw)
}

// frame gives the frame to the learner, sometimes with a byte changed, and then sometimes with a CRC that hides it.
func (s *script) frame(at Port, raw []byte) {
	if c := s.next(); c >= 0xF0 && len(raw) > 0 {
		raw[int(s.next())%len(raw)] ^= s.next()
		var h frame.Header
		if c&1 == 0 && frame.Decode(raw, &h) == frame.OK && !h.VFT {
			binary.LittleEndian.PutUint32(raw[h.PayloadEnd:], frame.CRC(raw[h.FCOffset:h.PayloadEnd]))
		}
	}
	if s.from != nil {
		at = *s.from
	}
	s.b.put(at, raw)
}

// Whatever comes in whatever order: no panic, no bound crossed, the indexes and the changes agree with the table.
func FuzzLearner(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 1, 0, 4, 0, 3, 9, 2, 0, 3, 2, 10, 0, 0})
	f.Add([]byte{0, 3, 3, 0, 1, 3, 3, 0, 5, 3, 3, 0, 0, 0, 19, 250, 0, 0, 20, 1})
	f.Add([]byte{0, 0, 16, 0, 0, 3, 2, 17, 0, 1, 3, 0, 18, 0, 2, 0, 0, 20, 255})
	seed := make([]byte, 2000)
	for i := range seed {
		seed[i] = byte(mix(uint64(i)))
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		s := script{b: newLab(t, 6, Options{}), data: data}
		s.run()
	})
}

func (s *script) run() {
	for n := 1; len(s.data) > 0; n++ {
		s.step()
		if n%16 == 0 {
			s.b.sound()
		}
	}
	s.b.sound()
}

// The same with long random scripts in every test run: a fuzzer starts from short ones.
func TestNoSequenceOfFramesBreaksTheLearner(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	var total [NumCounters]uint64
	for range 100 {
		s := script{b: newLab(t, 1+random.IntN(12), Options{}), data: make([]byte, 20_000)}
		for i := range s.data {
			s.data[i] = byte(random.Uint32())
		}
		s.run()
		if t.Failed() {
			return
		}
		for c, n := range s.b.learner.Counters() {
			total[c] += n
		}
	}
	for c, n := range total {
		switch Counter(c) {
		case CountENodeFull, CountNameFull, CountFCFFull, CountPendingFull: // their bounds are out of reach here
		default:
			if n == 0 {
				t.Errorf("%s never moved: the scripts do not reach it", Counter(c))
			}
		}
	}
}

// An attacker on an edge port sends what it likes: frames with the addresses, names and MACs of others, answers of the
// fabric, anything. Three stations elsewhere live by the rules, and the name server told of a fourth, which is silent. In
// strict mode none of them may lose its login or its name, none of the three its place, and nobody else may get their
// names.
func TestAnAttackerOnAnotherPortHarmsNobody(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	var tried uint64
	for range 30 {
		b := newLab(t, 8, Options{Strict: true})
		b.put(fabric0, advertise(8*time.Second, false)).logIn(host, frame.ELSFLOGI, hostID)
		b.put(fabric0, array.vn2vn(frame.FIPBeacon, vnArray)).put(fabric0, remote.plogi(remoteID, hostID, 1))
		b.put(edge0, host.query(hostID, 0x55, frame.CTGPNID, frame.AppendIDBody(nil, zonedID)))
		b.put(fabric0, answer(hostID, 0x55, frame.AppendNameBody(nil, zoned.wwpn)))
		b.wait(echoTime)
		b.changes = nil
		s := script{b: b, from: &edge1}
		for tick := range 200 {
			s.data = make([]byte, 200)
			for i := range s.data {
				s.data[i] = byte(random.Uint32())
			}
			for len(s.data) > 0 {
				s.step()
			}
			b.wait(time.Second)
			if tick%8 == 7 {
				b.put(fabric0, advertise(8*time.Second, false)).put(edge0, host.keepAlive()).put(fabric0, array.vn2vn(frame.FIPBeacon, vnArray))
			}
			if tick%88 == 87 {
				b.put(edge0, host.vnKeepAlive(hostID))
			}
		}
		b.sound()
		for _, c := range b.changes {
			switch c.Addr.ID() {
			case hostID, vnArray, remoteID, zonedID:
				if c.Addr.VF() == 0 && c.Kind != Conflict && c.Kind != Updated && c.Kind != Suspected {
					t.Errorf("%s of %v: %s\n%+v\n%+v", c.Kind, c.Addr, c.Cause, c.Old, c.New)
				}
			}
			if w := c.New.WWPN; c.Kind != Ended && c.Kind != Conflict && c.Addr.VF() == 0 && c.New.Port == edge1.Index &&
				(w == host.wwpn || w == array.wwpn || w == remote.wwpn || (w == zoned.wwpn && c.Addr.ID() != zonedID)) {
				t.Errorf("the attacker got a name: %s of %v\n%+v", c.Kind, c.Addr, c.New)
			}
		}
		for id, want := range map[frame.FCID]station{hostID: host, vnArray: array, remoteID: remote} {
			if l := b.one(id); l.WWPN != want.wwpn || l.Port != want.port.Index || (!l.ENode.IsZero() && l.ENode != want.eNode) {
				t.Errorf("%+v", l)
			}
		}
		if l := b.one(zonedID); l.WWPN != zoned.wwpn || l.timed() {
			t.Errorf("%+v", l)
		}
		b.put(fabric0, zoned.plogi(zonedID, hostID, 1)) // and when it speaks, it is where it is
		if l := b.one(zonedID); l.WWPN != zoned.wwpn || l.Port != fabric0.Index {
			t.Errorf("%+v", l)
		}
		tried += b.learner.Count(CountConflict) + b.learner.Count(CountForeignSource) + b.learner.Count(CountUntrusted)
		if t.Failed() {
			return
		}
	}
	if tried < 1000 {
		t.Errorf("%d attempts: no attack to speak of", tried)
	}
}

// The bytes of one frame, alone, on each kind of port.
func FuzzFrame(f *testing.F) {
	frames, _ := traffic()
	for _, raw := range frames {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := newLab(t, 6, Options{})
		b.logIn(host, frame.ELSFLOGI, hostID).put(fabric0, remote.plogi(remoteID, hostID, 1))
		b.put(edge0, host.query(hostID, 5, frame.CTGPNFT, frame.TypeQuery{FC4: 8}.Append(nil)))
		for _, p := range []Port{edge0, fabric0, svc0} {
			b.put(p, raw)
		}
		b.sound()
	})
}
