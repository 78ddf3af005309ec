package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/report"
)

const paired = `
node: %s
lcores: [0]
poll: adaptive
ports:
  - {name: edge0, device: "net_null0", role: edge, pair: fabric0}
  - {name: fabric0, device: "net_null1", role: fabric}
segment: {hugepages: off, flows: 1024, logins: 64}
pair: {with: %s, key-file: %s, beat: %s, misses: 3}
`

// street is a host and a target with two nodes side by side between them, and a switch that learns on either side.
type street struct {
	t        *testing.T
	nodes    [2]*live
	clients  [2]*command.Client
	mu       sync.Mutex
	cut      [2]bool // the wires of a node
	lost     int     // frames that went to where a cut wire is
	switches [2]map[frame.MAC]int
	got      map[uint32]int // by its number: how often the target had a frame
	flooded  int
	patient  bool // the host sends no more while 100 of its frames are on their way, for the rings hold 256
	ended    chan struct{}
	over     chan struct{}
}

// Where a switch sends: to a node, or to the station of its side.
const station = 2

// newStreet makes one. A machine that is short of CPU may stop a node for seconds. When that is longer than three beats
// its partner takes over, as it should: the beat is longer than it would be for the test alone.
func newStreet(t *testing.T, beat time.Duration) *street {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &street{t: t, got: map[uint32]int{}, ended: make(chan struct{}), over: make(chan struct{})}
	s.switches = [2]map[frame.MAC]int{{}, {}}
	for i, names := range [][2]string{{"fcr-a", "fcr-b"}, {"fcr-b", "fcr-a"}} {
		s.nodes[i] = startLiveWith(t, Options{
			Boot: bootOf(t, fmt.Sprintf(paired, names[0], names[1], key, beat)), Dir: filepath.Join(dir, names[0]),
			Logins: []login.Login{at(1, 0), at(2, 1)},
		})
		s.clients[i] = command.New(s.nodes[i].engine.seg.State, s.nodes[i].engine.seg.Ctl)
	}
	go s.serve()
	t.Cleanup(func() { close(s.over); <-s.ended })
	return s
}

// serve is the wires and the switches. A node's edge port is on the host's side (0), its fabric port on the target's (1).
func (s *street) serve() {
	defer close(s.ended)
	var buf [dpdk.FrameMax]byte
	for {
		select {
		case <-s.over:
			return
		default:
		}
		busy := false
		for i, n := range s.nodes {
			for side := range 2 {
				for {
					size, ok := n.out[side].Dequeue(buf[:])
					if !ok {
						break
					}
					busy = true
					s.mu.Lock()
					if !s.cut[i] {
						s.carry(side, i, buf[:size])
					}
					s.mu.Unlock()
				}
			}
		}
		if !busy {
			time.Sleep(20 * time.Microsecond)
		}
	}
}

// carry takes a frame that came to a side's switch from a place to where it goes.
func (s *street) carry(side, from int, f []byte) {
	s.switches[side][frame.MAC(f[6:12])] = from
	if to, known := s.switches[side][frame.MAC(f[:6])]; known && f[0]&1 == 0 {
		s.deliver(side, to, f)
		return
	}
	s.flooded++
	for to := range 3 {
		if to != from {
			s.deliver(side, to, f)
		}
	}
}

func (s *street) deliver(side, to int, f []byte) {
	switch {
	case to == station:
		if side == 1 && binary.BigEndian.Uint16(f[12:]) == 0x8906 {
			s.got[binary.BigEndian.Uint32(f[52:])]++
		}
	case s.cut[to]:
		s.lost++
	default:
		if err := s.nodes[to].in[side].Enqueue(f); err != nil {
			s.lost++
		}
	}
}

// send has the host send a numbered frame, and the target one back.
func (s *street) send(n uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carry(0, station, fcp(1, 2, frame.RCtlSolicitedData, 8, 0, binary.BigEndian.AppendUint32(nil, n)))
	s.carry(1, station, fcp(2, 1, frame.RCtlSolicitedData, 0x800008, 0, binary.BigEndian.AppendUint32(nil, n)))
}

// stream sends a frame each millisecond, or fewer, for as long, and until during has ended and frames arrive. It says which
// arrived not once, and the longest pause.
func (s *street) stream(first uint32, d time.Duration, during func()) (missing, twice int, pause time.Duration) {
	s.t.Helper()
	begin := time.Now()
	n := first
	s.mu.Lock()
	before := len(s.got)
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); during() }()
	for running := true; running || time.Since(begin) < d; n++ {
		if s.patient {
			s.until("frames to arrive", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return int(n-first)-len(s.got)+before < 100 })
		}
		s.send(n)
		time.Sleep(time.Millisecond) // none is made up for after a time without CPU: they would not fit into the rings
		select {
		case <-done:
			running = false
		default:
		}
	}
	last := n - 1
	s.until("the last frame to arrive", func() bool {
		s.mu.Lock()
		arrived := false
		for i := last; i < n; i++ {
			arrived = arrived || s.got[i] > 0
		}
		s.mu.Unlock()
		if !arrived && !s.patient { // the switch may not have heard of the node that goes on
			s.send(n)
			n++
		}
		return arrived
	})
	for range 1000 { // by the other node they may take longer
		if missing, twice, pause = s.count(first, n); missing == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return missing, twice, pause
}

// count looks at the frames that the target had.
func (s *street) count(first, n uint32) (missing, twice int, pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run := 0
	for i := first; i < n; i++ {
		run++
		switch s.got[i] {
		case 0:
			missing++
			pause = max(pause, time.Duration(run)*time.Millisecond)
		case 1:
			run = 0
		default:
			twice++
			run = 0
		}
	}
	return missing, twice, pause
}

func (s *street) until(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited for %s: %+v, %+v", what, s.state(0), s.state(1))
		}
	}
}

// losses says where frames were lost.
func (s *street) losses() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := fmt.Sprintf("%d before the nodes", s.lost)
	for _, n := range s.nodes {
		for _, p := range report.Ports(n.engine.seg.State) {
			out += fmt.Sprintf("; %s %v", p.Name, p.Drops)
		}
	}
	return out
}

func (s *street) state(i int) pair.Record {
	r, err := pair.Read(s.nodes[i].engine.seg.State)
	if err != nil {
		s.t.Error(err)
	}
	return r
}

func (s *street) is(i int, state pair.State) func() bool {
	return func() bool { return s.state(i).State == state }
}

func (s *street) ready(i int) {
	s.t.Helper()
	if err := s.clients[i].Ready(context.Background(), true, 2); err != nil {
		s.t.Error(err)
	}
}

// at is a login of a VN2VN node at a port.
func at(id frame.FCID, port uint8) login.Login {
	return login.Login{
		Addr: login.At(0, 0, id), WWPN: 0x2000_0000_0000_0000 + frame.WWN(id), MAC: frame.FPMA(0x0efd00, id), Port: port,
		State: login.Live, How: login.ByClaim, Flags: login.Beacons, LastSeen: 1,
	}
}

// settle waits until the first node forwards and the other knows what it needs to.
func (s *street) settle() {
	s.t.Helper()
	s.until("one to be active and the other to stand by", func() bool {
		a, b := s.state(0), s.state(1)
		return a.State == pair.Active && b.State == pair.Standby && a.PartnerAlive == 1 && b.PartnerState == pair.Active
	})
	var logins []command.Login
	for _, l := range []login.Login{at(1, 0), at(2, 1)} {
		logins = append(logins, command.Login{Addr: uint64(l.Addr), WWPN: uint64(l.WWPN), MAC: l.MAC, Port: l.Port, How: uint8(l.How), Flags: uint8(l.Flags)})
	}
	if p, err := s.clients[1].Program(s.t.Context(), logins); err != nil || p.Done != 2 {
		s.t.Fatalf("%+v %v", p, err)
	}
	key := flow.MakeKey(0, 0, 1, 2)
	hints := []command.FlowHint{{Key: uint64(key), Port: login.NoPort, Orient: uint8(flow.FromInitiator)}, {Key: uint64(key.Reverse()), Port: 1, Orient: uint8(flow.FromTarget)}}
	if p, err := s.clients[1].ProgramFlows(s.t.Context(), hints); err != nil || p.Done != 2 {
		s.t.Fatalf("%+v %v", p, err)
	}
	s.ready(1)
	s.until("the partner to be ready", func() bool { return s.state(0).PartnerFlags&pair.IsReady != 0 })
}

func TestWhenANodeIsCutOffTheOtherGoesOn(t *testing.T) {
	s := newStreet(t, time.Second)
	s.settle()
	var took time.Duration
	missing, twice, pause := s.stream(1, 1500*time.Millisecond, func() {
		time.Sleep(300 * time.Millisecond)
		s.mu.Lock()
		s.cut[0] = true
		s.mu.Unlock()
		begin := time.Now()
		s.until("the other to be active", s.is(1, pair.Active))
		took = time.Since(begin)
	})
	t.Logf("active after %v; %d frames lost, the longest pause %v", took.Round(time.Millisecond), missing, pause)
	if pause > 10*time.Second || twice != 0 {
		t.Errorf("active after %v, a pause of %v, %d frames twice", took, pause, twice)
	}
	b := s.state(1)
	if b.Why != pair.WhyDead || b.Epoch < 2 || b.Takeovers == 0 || b.Announce == 0 {
		t.Errorf("%+v", b)
	}
	if flows := report.Flows(s.nodes[1].engine.seg.State); len(flows) != 1 || flows[0].Initiator != "20:00:00:00:00:00:00:01" || flows[0].FramesOut == 0 {
		t.Errorf("%+v", flows)
	}
	s.until("the one that is cut off to be active too", s.is(0, pair.Active))
	// Two are active now. As soon as they hear each other one of them is.
	s.mu.Lock()
	s.cut[0] = false
	s.mu.Unlock()
	s.until("one of them to stand by", func() bool { return s.is(0, pair.Standby)() != s.is(1, pair.Standby)() })
	if a, b := s.state(0), s.state(1); a.Fences+b.Fences == 0 {
		t.Errorf("%+v, %+v", a, b)
	}
}

func TestAPlannedHandOverLosesAndDoublesNothing(t *testing.T) {
	s := newStreet(t, 2*time.Second)
	s.patient = true
	s.settle()
	for round := range 2 {
		from, to := round%2, 1-round%2
		var took time.Duration
		missing, twice, _ := s.stream(uint32(1+10_000*round), 700*time.Millisecond, func() {
			time.Sleep(200 * time.Millisecond)
			begin, err := time.Now(), error(nil)
			for end := begin.Add(time.Minute); time.Now().Before(end); {
				s.ready(to)
				s.until("the partner to be ready", func() bool { return s.state(from).PartnerFlags&pair.IsReady != 0 })
				begin = time.Now()
				// A node is ready for some seconds after it has said so, and has a moment to take the work: on a machine that
				// is short of CPU that may be over, and is tried again.
				if err = s.clients[from].HandOver(context.Background(), false); err == nil || !strings.Contains(err.Error(), "is not ready") && !strings.Contains(err.Error(), "did not take the work") {
					break
				}
			}
			if err != nil {
				t.Error(err)
			}
			took = time.Since(begin)
		})
		t.Logf("handed over in %v; %d frames lost", took.Round(100*time.Microsecond), missing)
		if missing != 0 || twice != 0 {
			t.Errorf("%d frames lost, %d twice; %s", missing, twice, s.losses())
		}
		s.until("the first to stand by", s.is(from, pair.Standby))
	}
	if a := s.state(0); a.HandOvers != 2 || a.Fences+a.Takeovers != 0 {
		t.Errorf("%+v", a)
	}
}

func TestAStandbyForwardsNothingAndKnowsWhatItIsToldAndHearsGoodbye(t *testing.T) {
	s := newStreet(t, 2*time.Second)
	s.patient = true
	s.settle()
	if missing, twice, _ := s.stream(1, 200*time.Millisecond, func() {}); missing != 0 || twice != 0 {
		t.Errorf("%d frames lost, %d twice", missing, twice)
	}
	state := s.nodes[1].engine.seg.State
	ports := report.Ports(state)
	if ports[0].FramesOut+ports[1].FramesOut == 0 || ports[0].Fates["forwarded"]+ports[1].Fates["forwarded"] != 0 || ports[0].Fates["pair"] == 0 {
		t.Errorf("%+v", ports)
	}
	if logins, err := report.Logins(state); err != nil || len(logins) != 2 || !logins[0].FromPeer || logins[0].Port != "edge0" {
		t.Errorf("%+v %v", logins, err)
	}
	var refused *command.Error
	if _, err := s.clients[0].Program(t.Context(), make([]command.Login, 1)); err == nil || !asCode(err, &refused) || refused.Code != command.Active {
		t.Errorf("the active node was programmed: %v", err)
	}
	if err := s.clients[1].HandOver(t.Context(), true); err == nil || !strings.Contains(err.Error(), "not active") {
		t.Errorf("%v", err)
	}
	if p, err := s.clients[1].Forget(t.Context(), []uint64{uint64(login.At(0, 0, 1)), 5}); err != nil || p.Done != 2 {
		t.Errorf("%+v %v", p, err)
	}
	if logins, err := report.Logins(state); err != nil || len(logins) != 1 {
		t.Errorf("%+v %v", logins, err)
	}
	begin := time.Now()
	if err := s.nodes[0].stop(); err != nil {
		t.Fatal(err)
	}
	s.until("the other to be active", s.is(1, pair.Active))
	if b := s.state(1); b.Why != pair.WhyStopped {
		t.Errorf("%v after %v", b.Why, time.Since(begin))
	}
	e := s.nodes[0].engine // nothing of it moves any more
	item := &lcore.ControlItem{}
	if allocs := testing.AllocsPerRun(200, func() {
		e.stepPair()
		e.sendBeats()
		item.Len = uint16(copy(item.Frame[:], e.pair.frame))
		if !e.hearPartner(item) {
			t.Fatal("a beat was not taken for one")
		}
		e.pair.walk = announcement{on: true}
		e.announce()
		e.writePair(command.Now())
		if e.pair.walk.on {
			t.Fatal("a node that is not active goes on with its announcements")
		}
	}); allocs != 0 { // the collector is off in the data plane
		t.Errorf("%v allocations", allocs)
	}
}

// More than fit into the ring of an lcore, again and again, beside one who asks for something else.
func TestManyFlowsAreProgrammed(t *testing.T) {
	text := strings.Replace(onePair, "flows: 1024, logins: 64", "flows: 65536, logins: 8192", 1)
	l := startLive(t, bootOf(t, strings.Replace(text, "  - {name: svc0, device: \"net_null2\", role: service}\n", "", 1)), t.TempDir())
	c := command.New(l.engine.seg.State, l.engine.seg.Ctl)
	const hosts, targets = 1000, 10
	var logins []command.Login
	var hints []command.FlowHint
	for i := range hosts + targets {
		n := command.Login{Addr: uint64(login.At(0, 0, frame.FCID(0x10001+i))), WWPN: uint64(0x5000_0000 + i), MAC: [6]byte{2, 0, 0, 0, byte(i >> 8), byte(i)}, How: uint8(login.ByLogin)}
		if i >= hosts {
			n.Port = 1
		}
		logins = append(logins, n)
	}
	for i := range hosts {
		for j := range targets {
			key := flow.MakeKey(0, 0, uint32(0x10001+i), uint32(0x10001+hosts+j))
			hints = append(hints, command.FlowHint{Key: uint64(key), Port: login.NoPort, Orient: uint8(flow.FromInitiator)},
				command.FlowHint{Key: uint64(key.Reverse()), Port: login.NoPort, Orient: uint8(flow.FromTarget)})
		}
	}
	begin := time.Now()
	if p, err := c.Program(t.Context(), logins); err != nil || p.Done != hosts+targets {
		t.Fatalf("%+v %v", p, err)
	}
	took := time.Since(begin)
	if p, err := c.ProgramFlows(t.Context(), hints); err != nil || int(p.Done) != len(hints) {
		t.Fatalf("%+v %v", p, err)
	}
	t.Logf("%d logins in %v, %d directions in %v more", len(logins), took.Round(time.Millisecond), len(hints), (time.Since(begin) - took).Round(time.Millisecond))
	l.wait(func() bool { return report.Lcores(l.engine.seg.State)[0].Flows == uint64(len(hints)) })
	if flows := report.Flows(l.engine.seg.State); len(flows) != hosts*targets || flows[0].Initiator == "" || flows[0].Target == "" {
		t.Errorf("%d flows: %+v", len(flows), flows[0])
	}
	keys := make([]uint64, len(hints))
	for i := range hints {
		keys[i] = hints[i].Key
	}
	keys[0] = 0 // no direction has this key
	if p, err := c.ForgetFlows(t.Context(), keys); err != nil || int(p.Done) != len(keys)-1 || p.Refused != 1 {
		t.Fatalf("%+v %v", p, err)
	}
	l.wait(func() bool { return report.Lcores(l.engine.seg.State)[0].Flows == 1 })
	bad := []command.FlowHint{{Key: hints[0].Key, Port: 9, Orient: 3}, {Key: 0, Orient: 1}, {Key: uint64(flow.MakeKey(0, 0, 7, 8)), Port: login.NoPort, Orient: 1}}
	if p, err := c.ProgramFlows(t.Context(), bad); err != nil || p.Refused != 3 {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := c.Do(t.Context(), command.OpProgram, make([]byte, 65)); err == nil {
		t.Error("a request of another size was taken")
	}
}

// wait waits until something is so.
func (l *live) wait(is func() bool) {
	l.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatal("waited for it in vain")
		}
	}
}

func asCode(err error, to **command.Error) bool {
	e, ok := err.(*command.Error)
	*to = e
	return ok
}

func TestTheKeyMustBeASecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("0123456789abcdef"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := pairKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("%v", err)
	}
	if _, err := pairKey(path + "-none"); err == nil || !strings.Contains(err.Error(), "urandom") {
		t.Errorf("%v", err)
	}
}
