package login

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

func TestAtTheBounds(t *testing.T) {
	for name, run := range map[string]func(b *lab){
		"a full table keeps what it has, counts the rest, and takes the next when one ends": func(b *lab) {
			for i := range 70 {
				s := host
				s.wwpn += frame.WWN(i)
				b.put(edge0, s.plogi(hostID+frame.FCID(i), remoteID, 1))
			}
			b.counted(CountTableFull, 6)
			if b.table.Len() != 64 {
				b.t.Errorf("%d logins", b.table.Len())
			}
			for i := range 64 {
				if l := b.one(hostID + frame.FCID(i)); l.WWPN != host.wwpn+frame.WWN(i) {
					b.t.Errorf("%+v", l)
				}
			}
			b.put(edge0, host.els(hostID, frame.FabricLogin, 1, logo(hostID, host.wwpn)))
			b.put(edge0, rival.plogi(rivalID, remoteID, 1))
			if l := b.one(rivalID); l.WWPN != rival.wwpn {
				b.t.Errorf("%+v", l)
			}
		},
		"one ENode cannot have more logins than its bound": func(b *lab) {
			wide := newLab(b.t, maxPerENode+10, Options{})
			for i := range maxPerENode + 3 {
				s := host
				s.wwpn += frame.WWN(i)
				wide.put(edge0, s.vnKeepAlive(hostID+frame.FCID(i)))
			}
			wide.counted(CountENodeFull, 3)
			wide.put(edge1, rival.vnKeepAlive(0x050505)) // nor by coming to it later
			s := rival
			s.eNode = host.eNode
			wide.put(edge1, s.vnKeepAlive(0x050505))
			wide.counted(CountENodeFull, 4)
			if l := wide.one(0x050505); l.ENode != rival.eNode {
				b.t.Errorf("%+v", l)
			}
			wide.sound()
		},
		"a port that floods requests cannot push out another's, nor keep it from waiting": func(b *lab) {
			b.put(edge0, host.ask(frame.ELSFLOGI, 1))
			flood := rival
			for i := range 4 * pendingSets * pendingWays {
				binary.BigEndian.PutUint32(flood.eNode[2:], uint32(i))
				b.put(edge1, flood.ask(frame.ELSFLOGI, uint16(i)))
			}
			if b.learner.Count(CountPendingFull) == 0 {
				b.t.Error("the flood was too small to reach the bound")
			}
			npiv := host
			npiv.wwpn++
			b.put(edge0, npiv.ask(frame.ELSFDISC, 2))
			b.put(fabric0, host.granted(frame.ELSFLOGI, 1, hostID)).put(fabric0, npiv.granted(frame.ELSFDISC, 2, hostID+1))
			b.holds("0x010101 HOST port 0 live login, vouched", "0x010102 "+npiv.wwpn.String()+" port 0 live fdisc, vouched")
		},
		"more FCFs than the bound are not remembered": func(b *lab) {
			for i := range maxFCFs + 5 {
				mac := fcfMAC
				binary.BigEndian.PutUint16(mac[4:], uint16(0x100+i))
				list := frame.AppendFKADesc(frame.AppendMACDesc(nil, mac), frame.FKA{PeriodMs: 8000})
				b.put(fabric0, host.fip(mac, frame.AllENodeMACs, frame.FIPDiscovery, frame.FIPAdvertisement, list))
			}
			b.counted(CountFCFFull, 5)
			b.wait(21*time.Second).put(fabric0, advertise(8*time.Second, false)) // the others have gone silent
			b.counted(CountFCFFull, 5)
			if b.learner.findFCF(0, fcfMAC) == nil {
				b.t.Error("no place was made")
			}
		},
		"an advertised period beyond reason is taken as the nearest one within": func(b *lab) {
			b.put(fabric0, advertise(0, false))
			if f := b.learner.findFCF(0, fcfMAC); f.fka != fkaMin {
				b.t.Errorf("period %v", f.fka)
			}
			b.put(fabric0, advertise(1000*time.Hour, false))
			if f := b.learner.findFCF(0, fcfMAC); f.fka != fkaMax {
				b.t.Errorf("period %v", f.fka)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newLab(t, 64, Options{Strict: true})
			run(b)
			b.sound()
		})
	}
}

func TestOfOnePortsRequestsTheOldestMakesRoom(t *testing.T) {
	p := newPending(1)
	var keys []key
	for i := uint64(0); len(keys) <= pendingWays/2; i++ { // all of one set
		if k := (key{from: i}); &p.set(k)[0] == &p.set(key{})[0] {
			keys = append(keys, k)
		}
	}
	times := []int64{3, 1, 2, 4, 5}
	for i, k := range keys {
		want := NumCounters
		if i == pendingWays/2 {
			want = CountPendingFull
		}
		if got := p.put(request{key: k, used: true, at: times[i]}, times[i]); got != want {
			t.Errorf("request %d: %v, want %v", i, got, want)
		}
	}
	for i, k := range keys {
		if got := p.get(k, 5) != nil; got != (times[i] != 1) {
			t.Errorf("request of time %d is there: %v", times[i], got)
		}
	}
}

func TestAWarmStartGoesOnWhereTheLearnerStopped(t *testing.T) {
	tab, mem := newTable(t, 64)
	first := &lab{t: t, table: tab, now: 1_700_000_000 * second, replica: make(map[Addr]Login)}
	first.learner = NewLearner(tab, Options{Strict: true, OnChange: first.follow})
	first.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost)).logIn(rival, frame.ELSFLOGI, rivalID).put(edge1, rival.keepAlive())
	first.put(fabric0, remote.plogi(remoteID, rivalID, 1))

	now := first.now + 5*second
	again, done, err := Adopt(mem, now)
	if err != nil || done.Kept != 3 {
		t.Fatalf("%+v %v", done, err)
	}
	b := &lab{t: t, table: again, now: now, replica: first.replica}
	b.learner = NewLearner(again, Options{Strict: true, OnChange: b.follow})
	b.sound()
	thief := rival.as(host)
	b.put(edge1, thief.vn2vn(frame.FIPBeacon, vnRival)) // the indexes know who is there
	b.counted(CountDuplicateWWPN, 1)
	b.put(edge1, rival.keepAlive()).wait(15*time.Second - 1)
	b.holds("0x000001 HOST port 0 live beacon, contested, beacons", "0x010202 RIVAL port 1 live login, vouched, keeps alive",
		"0x020101 REMOTE port 2 live session")
	b.wait(scanPause)
	b.holds("0x010202 RIVAL port 1 live login, vouched, keeps alive", "0x020101 REMOTE port 2 live session")
	b.sound()
}

// traffic is a round of every kind of frame: logins, moves, conflicts, ends, with the time each takes place.
func traffic() (frames [][]byte, ports []Port) {
	add := func(p Port, raw ...[]byte) {
		for _, r := range raw {
			frames, ports = append(frames, r), append(ports, p)
		}
	}
	thief := rival.as(host)
	add(fabric0, advertise(8*time.Second, false))
	add(edge0, host.ask(frame.ELSFLOGI, 1))
	add(fabric0, host.granted(frame.ELSFLOGI, 1, hostID))
	add(edge0, host.plogi(hostID, remoteID, 2))
	add(fabric0, remote.plogiAcc(remoteID, hostID, 2))
	add(edge0, host.els(hostID, remoteID, 3, prli(frame.ELSPRLI, frame.FCPParamInitiator)))
	add(fabric0, remote.reply(remoteID, hostID, 3, prli(frame.ELSLSAcc, frame.FCPParamTarget)))
	add(edge0, host.command(hostID, remoteID), host.keepAlive(), host.vnKeepAlive(hostID))
	add(edge0, host.els(hostID, remoteID, 4, host.adisc(frame.ELSADISC, hostID)))
	add(edge0, host.query(hostID, 5, frame.CTGPNFT, frame.TypeQuery{FC4: 8}.Append(nil)))
	rows := frame.AppendPortRows(nil, frame.PortRow{ID: remoteID, WWPN: remote.wwpn}, frame.PortRow{ID: 0x030101, WWPN: 0x2000_02fc_0c00_000c})
	add(fabric0, split(hostID, 5, frame.NewCT(frame.CTAccept, rows).Append(nil), 20)...)
	add(edge1, thief.plogi(hostID, remoteID, 6), rival.plogi(hostID, remoteID, 7), rival.vn2vn(frame.FIPClaimNotification, vnRival))
	add(edge0, array.vn2vn(frame.FIPBeacon, vnArray), rival.vn2vn(frame.FIPBeacon, vnRival))
	add(edge1, thief.ask(frame.ELSFLOGI, 8))
	add(fabric0, thief.granted(frame.ELSFLOGI, 8, rivalID))
	add(fabric0, rscn(hostID, frame.RSCNPage{Format: frame.ScopeFabric}))
	add(edge1, thief.els(rivalID, frame.FabricLogin, 9, logo(rivalID, host.wwpn)))
	add(edge1, rival.ask(frame.ELSFLOGI, 10))
	add(fabric0, rival.granted(frame.ELSFLOGI, 10, hostID), clearLink(rival.eNode))
	bad := host.plogi(hostID, remoteID, 11)
	bad[60] ^= 1
	add(edge0, bad, []byte{1, 2, 3}, make([]byte, 60))
	return frames, ports
}

func TestNoFrameTakesMemory(t *testing.T) {
	tab, _ := newTable(t, 64)
	var changes int
	l := NewLearner(tab, Options{Strict: true, OnChange: func(Change) { changes++ }})
	frames, ports := traffic()
	now := int64(1_700_000_000) * second
	round := func() {
		for i := range frames {
			now += second / 10
			l.Tick(now)
			l.Frame(ports[i], now, frames[i])
		}
		now += 300 * second // everything with a timer ends
		l.Tick(now)
	}
	round()
	if n := testing.AllocsPerRun(50, round); n != 0 {
		t.Errorf("%v allocations in a round of %d frames", n, len(frames))
	}
	for _, c := range []Counter{CountStarted, CountReplaced, CountEnded, CountExpired, CountSuspected, CountConflict, CountBadCRC} {
		if l.Count(c) < 50 {
			t.Errorf("%s is %d: the rounds do not reach what they should", c, l.Count(c))
		}
	}
	if changes == 0 {
		t.Error("no change was told")
	}
}

func TestTheSameFramesMakeTheSameTable(t *testing.T) {
	run := func(seed uint64) (logins []Login, changes []Change, counters [NumCounters]uint64) {
		tab, err := NewTable(memory(Bytes(64)), 64, seed)
		if err != nil {
			t.Fatal(err)
		}
		l := NewLearner(tab, Options{OnChange: func(c Change) { changes = append(changes, c) }})
		frames, ports := traffic()
		for i := range frames {
			l.Frame(ports[i], int64(i+1)*second, frames[i])
			l.Tick(int64(i+1) * second)
		}
		return slices.SortedFunc(tab.All(), func(a, b Login) int { return int(int64(a.Addr) - int64(b.Addr)) }), changes, l.Counters()
	}
	l1, c1, n1 := run(1)
	l2, c2, n2 := run(1)
	if !slices.Equal(l1, l2) || !slices.Equal(c1, c2) || n1 != n2 {
		t.Error("two runs differ")
	}
	if l3, _, n3 := run(99); !sameLogins(l1, l3) || n1 != n3 {
		t.Error("the table depends on its seed")
	}
	if len(l1) < 3 || len(c1) < 20 {
		t.Errorf("%d logins, %d changes: too few to compare", len(l1), len(c1))
	}
}

// sameLogins leaves out the incarnations, which belong to the slots.
func sameLogins(a, b []Login) bool {
	return slices.EqualFunc(a, b, func(x, y Login) bool {
		x.Incarnation, y.Incarnation = 0, 0
		return x == y
	})
}

func TestEveryCounterKindAndCauseHasItsName(t *testing.T) {
	seen := make(map[string]bool)
	check := func(s string) {
		if s == "" || s == "unknown" || seen[s] {
			t.Errorf("name %q is empty, unknown or given twice", s)
		}
		seen[s] = true
	}
	for c := range NumCounters {
		check(c.String())
	}
	clear(seen)
	for k := range numKinds {
		check(k.String())
	}
	clear(seen)
	for c := range numCauses {
		check(c.String())
	}
	clear(seen)
	for s := range numStates {
		check(s.String())
	}
	clear(seen)
	for h := range numHows {
		check(h.String())
	}
	if NumCounters.String() != "unknown" || numKinds.String() != "unknown" || numCauses.String() != "unknown" ||
		numStates.String() != "unknown" || numHows.String() != "unknown" {
		t.Error("what does not exist has a name")
	}
}

func BenchmarkLearn(b *testing.B) {
	tab, _ := newTable(b, 12_000)
	l := NewLearner(tab, Options{})
	now := int64(1_700_000_000) * second
	beacon := host.vn2vn(frame.FIPBeacon, vnHost)
	plogi := host.plogi(hostID, remoteID, 1)
	for i := range 12_000 {
		s := host
		s.wwpn += frame.WWN(i)
		s.eNode[4], s.eNode[5] = byte(i>>8), byte(i)
		l.Frame(edge0, now, s.plogi(0x020000+frame.FCID(i), remoteID, 1))
	}
	b.Run("beacon", func(b *testing.B) {
		for b.Loop() {
			l.Frame(edge0, now, beacon)
		}
	})
	b.Run("plogi", func(b *testing.B) {
		for b.Loop() {
			l.Frame(edge0, now, plogi)
		}
	})
	b.Run("walk of 12000", func(b *testing.B) {
		for b.Loop() {
			l.expireLogins()
		}
	})
}
