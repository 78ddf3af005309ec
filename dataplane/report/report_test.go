package report

import (
	"math/rand/v2"
	"strings"
	"testing"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

// everything is all that this package reads.
type everything struct {
	Segment  Segment           `json:"segment"`
	Ports    []Port            `json:"ports"`
	Drops    map[string]uint64 `json:"drops"`
	Lcores   []Lcore           `json:"lcores"`
	Services []Service         `json:"services"`
	Logins   []Login           `json:"logins"`
	Flows    []Flow            `json:"flows"`
}

func readAll(t testing.TB, f *shm.File) everything {
	t.Helper()
	logins, err := Logins(f)
	if err != nil {
		t.Fatal(err)
	}
	ports := Ports(f)
	return everything{SegmentOf(f), ports, Drops(ports), Lcores(f), Services(f), logins, Flows(f)}
}

// busyWorld is a segment with something in every region.
func busyWorld(t testing.TB) *world {
	w := newWorld(t, 64)
	w.port(0, "edge0", shm.RoleEdge, 1)
	w.port(1, "fabric0", shm.RoleFabric, 0)
	svc := w.port(2, "svc0", shm.RoleService, -1)
	svc.Up, svc.Missed = 0, 3
	copy(svc.Device[:], "net_af_packet2,iface=s0")
	for lcore := range 2 { // both lcores count for a port: its sums are shown
		c := w.counters(lcore, 0)
		c.RxFrames, c.RxBytes = 100, 10_000
		c.Fates[shm.FateForwarded], c.Fates[shm.FateSteered], c.Fates[shm.FateDropSOF] = 80, 15, 5
	}
	w.counters(1, 1).TxFrames, w.counters(1, 1).TxDropped = 160, 2
	w.counters(0, 2).Mirrored, w.counters(0, 2).MirrorLost, w.counters(0, 2).MirrorRefused = 9, 2, 1
	lcores := shm.Items[shm.Lcore](w.seg.State, shm.RegionLcores)
	lcores[0].CPU, lcores[0].Frames, lcores[0].BusyTSC, lcores[0].IdleTSC = 1, 200, 1000, 3000
	lcores[0].Latency.Add(1000, 99)
	lcores[0].Latency.Add(1_000_000, 1)
	lcores[1].CPU = 2
	service := &shm.Items[shm.ServiceInfo](w.seg.State, shm.RegionServices)[0]
	copy(service.Name[:], "inspect")
	service.Port, service.Up, service.Flips = 2, 1, 1
	for i, wwpn := range []frame.WWN{array1, host1} {
		w.logins.Put(&login.Login{
			Addr: login.At(0, 100, frame.FCID(10-9*i)), WWPN: wwpn, WWNN: wwpn - 1<<60, Port: uint8(1 - i), State: login.Live,
			Claimed: login.Target, FirstSeen: epoch, LastSeen: epoch + 5e9,
		})
	}
	w.setPolicy(1, compiled(t, policyText))
	to, back := w.flow(1, 100, 1, 10, 50)
	w.named(1, host1, array1, to, back)
	to.Verdict = flow.MakeVerdict(flow.Redirect, 0, 1, 0, 0)
	w.shards[1].Info(to).Rule, w.shards[1].Info(to).Service = 0, 0
	to.LastSeen++ // the direction seen last says the verdict
	to.Errors = 3
	w.flow(0, 0, 2, 11, 7)
	w.direction(0, flow.MakeKey(0, 0, 3, 12), flow.OrientUnknown, 1) // no FCP yet: no flow
	p := w.control()
	p.Heartbeat, p.Frames, p.LoginsLive, p.LoginsFull, p.BadCRC, p.Conflicts = epoch+2e9, 20, 2, 4, 5, 6
	learner := shm.Items[uint64](w.seg.State, shm.RegionLearner)
	learner[login.CountBadFIP], learner[63] = 7, 1 // 63 is a later version's: it has no name here
	h := w.seg.State.Header()
	h.PID, h.Boots, h.State, h.BootID = 1, 2, shm.Drained, [16]byte{0xb0, 0x07}
	return w
}

func TestAReaderSeesEveryRegionInItsOwnWords(t *testing.T) {
	golden(t, "everything.golden.json", asJSON(t, readAll(t, busyWorld(t).seg.State)))
}

func TestWhatIsEmptyIsAnEmptyListAndNotNull(t *testing.T) {
	w := newWorld(t, 64)
	all := readAll(t, w.seg.State)
	all.Ports = nil // three without a name; not what is looked at here
	if text := string(asJSON(t, []any{all.Services, all.Logins, all.Flows})); strings.Contains(text, "null") {
		t.Errorf("null where a list should be:\n%s", text)
	}
}

func TestFiltersSelectFlowsAndTheLimitCutsThem(t *testing.T) {
	w := busyWorld(t)
	vsan := func(v uint16) *uint16 { return &v }
	for name, tc := range map[string]struct {
		by   Filter
		want string // initiators' FC_IDs
		of   int
	}{
		"all, by fabric, VSAN and FC_IDs": {Filter{}, "0x000002 0x000001", 2},
		"the initiator":                   {Filter{Initiator: host1}, "0x000001", 1},
		"an initiator that is not there":  {Filter{Initiator: 1}, "", 0},
		"the target":                      {Filter{Target: array1}, "0x000001", 1},
		"the wrong way round":             {Filter{Initiator: array1, Target: host1}, "", 0},
		"the verdict":                     {Filter{Verdict: "forward"}, "0x000002", 1},
		"a VSAN":                          {Filter{VSAN: vsan(100)}, "0x000001", 1},
		"untagged":                        {Filter{VSAN: vsan(0)}, "0x000002", 1},
		"a limit below":                   {Filter{Limit: 1}, "0x000002", 2},
		"a limit above":                   {Filter{Limit: 10}, "0x000002 0x000001", 2},
		"a filter and a limit":            {Filter{Verdict: "redirect", Limit: 1}, "0x000001", 1},
	} {
		list, of := SelectFlows(w.seg.State, tc.by)
		var got []string
		for _, f := range list {
			got = append(got, f.InitiatorID)
		}
		if strings.Join(got, " ") != tc.want || of != tc.of {
			t.Errorf("%s: %v of %d, want %s of %d", name, got, of, tc.want, tc.of)
		}
	}
}

func TestThePolicyIsReadFromTheSlotThatIsActive(t *testing.T) {
	w := newWorld(t, 64)
	if s, err := ReadPolicy(w.seg.State); s != nil || err != nil {
		t.Fatalf("without a policy: %v, %v", s, err)
	}
	w.setPolicy(0, compiled(t, policyText))
	s, err := ReadPolicy(w.seg.State)
	if err != nil || s.Rules() != 1 {
		t.Fatalf("%v, %v", s, err)
	}
	// What was read is a copy: the data plane may write into the slot again.
	clear(w.seg.State.Bytes("policy.0"))
	if s.Rule(0).Name != "watch" || s.AliasOf(host1) != "host-1" {
		t.Error("a snapshot changed after it was read")
	}
	if s, err := ReadPolicy(w.seg.State); s != nil || err == nil {
		t.Errorf("from a slot that holds none: %v, %v", s, err)
	}
	w.control().PolicySlot = 7
	if s, err := ReadPolicy(w.seg.State); s != nil || err == nil {
		t.Errorf("from a slot that is not there: %v, %v", s, err)
	}
	if Policy(w.seg.State) != nil {
		t.Error("Policy gave what ReadPolicy refused")
	}
}

// Nothing in the segment is trusted: a reader may be wrong about a torn one, but it does not fall over.
func TestGarbageInEveryRegionIsSurvived(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 50 {
		w := busyWorld(t)
		for _, name := range []string{
			shm.RegionControl, shm.RegionLearner, shm.RegionPorts, shm.RegionLcores, shm.RegionCounters, shm.RegionServices, shm.RegionLogins, "policy.1",
			"flows.0", "infos.0", "flows.1", "infos.1",
		} {
			b := w.seg.State.Bytes(name)
			for range len(b) / 16 {
				b[random.IntN(len(b))] = byte(random.Uint32())
			}
		}
		_, _ = Logins(w.seg.State)
		ports := Ports(w.seg.State)
		Drops(ports)
		Lcores(w.seg.State)
		Services(w.seg.State)
		Flows(w.seg.State)
		SegmentOf(w.seg.State)
		b := NewBusiest(w.seg.State)
		b.Look(at(0))
		b.Look(at(1))
		b.Top(10, Policy(w.seg.State))
	}
}

func TestASegmentWithoutRegionsIsEmpty(t *testing.T) {
	seg, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "bare", State: []shm.RegionSpec{{Name: "other", Stride: 8, Count: 1}},
		Ctl: []shm.RegionSpec{{Name: "cursors", Stride: 64, Count: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	if n := len(Ports(seg.State)) + len(Lcores(seg.State)) + len(Services(seg.State)) + len(Flows(seg.State)); n != 0 {
		t.Errorf("%d items", n)
	}
	if _, err := Logins(seg.State); err == nil {
		t.Error("logins without a table")
	}
	if _, err := ReadPolicy(seg.State); err == nil {
		t.Error("a policy without a control page")
	}
	b := NewBusiest(seg.State)
	b.Look(at(0))
	if len(b.Top(10, nil)) != 0 || SegmentOf(seg.State).Node != "bare" {
		t.Error("flows, or no name")
	}
}
