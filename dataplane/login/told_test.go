package login

import (
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

// elsewhere is what another node knows of a VN2VN node.
func (s station) elsewhere(id frame.FCID) Login {
	return Login{
		Addr: At(0, 0, id), WWPN: s.wwpn, WWNN: s.wwnn, MAC: s.vnMAC(id), ENode: s.eNode, Port: s.port.Index, How: ByClaim,
		Flags: Beacons, Claimed: Initiator, LastSeen: 1,
	}
}

func (b *lab) program(want Answer, n Login) *lab {
	b.t.Helper()
	if got := b.learner.Program(n, b.now); got != want {
		b.t.Errorf("%v: answer %d, want %d", n.Addr, got, want)
	}
	return b
}

func TestWhatOtherNodesKnow(t *testing.T) {
	vn := host.elsewhere(vnHost)
	scenarios(t, map[string]func(b *lab){
		"a login of another node stands, and twice is the same as once": func(b *lab) {
			b.program(Done, vn).told("started 0x000001 told")
			b.wait(time.Second).program(Done, vn).told()
			b.holds("0x000001 HOST port 0 live claim, beacons, from peer")
			if found, ok := b.learner.Find(0, 0, host.wwpn); !ok || found.Addr != vn.Addr {
				b.t.Errorf("%+v %v", found, ok)
			}
		},
		"what a frame showed here stays": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			b.changes = nil
			other := rival.elsewhere(vnHost)
			moved := host.elsewhere(vnRival)
			b.program(Better, vn).program(Better, other).program(Better, moved).told()
			b.holds("0x000001 HOST port 0 live beacon, beacons")
			if got := b.learner.Forget(vn.Addr, b.now); got != Better {
				b.t.Errorf("forget: %d", got)
			}
			b.holds("0x000001 HOST port 0 live beacon, beacons")
		},
		"the N_Port's own frame makes it an ordinary login, without a word of conflict": func(b *lab) {
			b.program(Done, vn).wait(time.Second).put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			b.told("started 0x000001 told", "updated 0x000001 seen")
			b.holds("0x000001 HOST port 0 live claim, beacons")
			b.quiet(CountConflict, CountDuplicateWWPN)
		},
		"any frame of the N_Port does": func(b *lab) {
			b.program(Done, vn).put(edge0, host.vnFCoE(els(vnHost, vnArray, 1, false), prli(frame.ELSPRLI, frame.FCPParamInitiator)))
			b.holds("0x000001 HOST port 0 live claim, beacons")
		},
		"at another port it is believed at once": func(b *lab) {
			b.program(Done, vn).put(edge1, host.at(edge1).vn2vn(frame.FIPBeacon, vnHost))
			b.told("started 0x000001 told", "moved 0x000001 seen")
			b.holds("0x000001 HOST port 1 live claim, beacons")
			b.quiet(CountConflict, CountDuplicateWWPN)
		},
		"whoever shows up at its address takes it": func(b *lab) {
			b.program(Done, vn).put(edge1, rival.vn2vn(frame.FIPBeacon, vnHost))
			b.told("started 0x000001 told", "replaced 0x000001 seen")
			b.holds("0x000001 RIVAL port 1 live beacon, beacons")
			b.quiet(CountConflict)
		},
		"whoever shows its name elsewhere has it there": func(b *lab) {
			b.program(Done, vn).put(edge1, host.at(edge1).vn2vn(frame.FIPBeacon, vnRival))
			b.told("started 0x000001 told", "ended 0x000001 moved_away", "moved 0x000002 seen")
			b.quiet(CountConflict)
		},
		"when the other node says that it moved, it moves": func(b *lab) {
			b.program(Done, vn).program(Done, host.elsewhere(vnRival))
			b.told("started 0x000001 told", "ended 0x000001 moved_away", "moved 0x000002 told")
			b.program(Done, rival.elsewhere(vnRival)).told("replaced 0x000002 told")
			b.holds("0x000002 RIVAL port 1 live claim, beacons, from peer")
		},
		"it is forgotten when the other node knows it no longer": func(b *lab) {
			b.program(Done, vn)
			for range 2 {
				if got := b.learner.Forget(vn.Addr, b.now); got != Done {
					b.t.Errorf("forget: %d", got)
				}
			}
			b.told("started 0x000001 told", "ended 0x000001 told")
		},
		"what no N_Port can be is refused": func(b *lab) {
			for _, n := range []Login{
				{}, {Addr: At(0, 0, frame.FabricLogin), WWPN: 1, How: ByClaim}, {Addr: vn.Addr, How: ByClaim},
				{Addr: vn.Addr, WWPN: 1}, {Addr: vn.Addr, WWPN: 1, How: numHows}, {Addr: vn.Addr, WWPN: 1, How: ByClaim, Claimed: 4},
				{Addr: vn.Addr, WWPN: 1, How: ByClaim, MAC: frame.AllENodeMACs}, {Addr: vn.Addr, WWPN: 1, How: ByClaim, KeepAlive: time.Hour},
				{Addr: vn.Addr | 1<<50, WWPN: 1, How: ByClaim}, {Addr: vn.Addr, WWPN: 1, How: ByClaim, Flags: 1 << 7},
			} {
				b.program(Refused, n)
			}
			b.holds()
		},
		"a full table refuses and keeps what it has": func(b *lab) {
			for i := range frame.FCID(64) {
				n := host.elsewhere(0x100 + i)
				n.WWPN, n.ENode = frame.WWN(0x5000+uint64(i)), frame.MAC{2, 0, 0, 0, 1, byte(i)}
				b.program(Done, n)
			}
			b.program(Refused, vn)
			b.counted(CountTableFull, 1)
		},
	})
}

func TestAHeldLearnerKeepsWhatItKnows(t *testing.T) {
	scenarios(t, map[string]func(b *lab){
		"nothing ends while no frame can be seen; then timers begin anew": func(b *lab) {
			b.learner.Hold(true, b.now)
			b.program(Done, host.elsewhere(vnHost))
			b.wait(48 * time.Hour).holds("0x000001 HOST port 0 live claim, beacons, from peer")
			b.learner.Hold(false, b.now)
			b.wait(19 * time.Second).holds("0x000001 HOST port 0 live claim, beacons, from peer")
			b.wait(2 * time.Second).holds()
		},
		"one that shows itself in time lives on": func(b *lab) {
			b.learner.Hold(true, b.now)
			b.program(Done, host.elsewhere(vnHost))
			b.wait(time.Hour)
			b.learner.Hold(false, b.now)
			b.wait(15*time.Second).put(edge0, host.vn2vn(frame.FIPBeacon, vnHost)).wait(15 * time.Second)
			b.holds("0x000001 HOST port 0 live claim, beacons")
		},
		"what it had seen itself counts as told from then on": func(b *lab) {
			b.put(edge0, host.vn2vn(frame.FIPBeacon, vnHost))
			b.learner.Hold(true, b.now)
			b.wait(time.Hour).holds("0x000001 HOST port 0 live beacon, beacons, from peer")
			b.changes = nil
			b.program(Done, rival.elsewhere(vnHost)).told("replaced 0x000001 told")
		},
		"an FCF has its time after the release": func(b *lab) {
			b.put(fabric0, advertise(8*time.Second, false)).logIn(host, frame.ELSFLOGI, hostID)
			b.learner.Hold(true, b.now)
			b.wait(time.Hour)
			b.learner.Hold(false, b.now)
			b.wait(10*time.Second).put(fabric0, advertise(8*time.Second, false)).put(edge0, host.keepAlive())
			b.wait(15 * time.Second).holds("0x010101 HOST port 0 live login, vouched, keeps alive")
		},
	})
}

func TestAWarmStartKeepsWhatOthersKnow(t *testing.T) {
	tab, mem := newTable(t, 64)
	now := int64(1_700_000_000 * second)
	NewLearner(tab, Options{}).Program(host.elsewhere(vnHost), now)
	_, adopted, err := Adopt(mem, now+int64(time.Hour))
	if err != nil || adopted.Kept != 1 {
		t.Fatalf("%+v %v", adopted, err)
	}
}

func TestProgrammingTakesNoMemory(t *testing.T) {
	b := newLab(t, 64, Options{})
	n, other := host.elsewhere(vnHost), rival.elsewhere(vnHost)
	if allocs := testing.AllocsPerRun(100, func() {
		b.learner.Program(n, b.now)
		b.learner.Program(other, b.now)
		b.learner.Forget(n.Addr, b.now)
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
