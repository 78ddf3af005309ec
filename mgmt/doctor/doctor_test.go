package doctor

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

const directions, seed = 64, 7

type appliance struct {
	*shm.Segment
	dir string
}

// segment is one as a data plane of this process keeps it: alive, polling, with ten flows and two logins.
func segment(t *testing.T) *appliance {
	t.Helper()
	spec := feed.Spec{Producers: 2, State: 64, Events: 64, Shards: 1}
	state := append(append(spec.StateRegions(), command.StateRegions()...),
		shm.RegionSpec{Name: "seed.0123456789abcdef", Stride: 64, Count: 1},
		shm.RegionSpec{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		shm.RegionSpec{Name: shm.RegionLearner, Stride: 8, Count: 64},
		shm.RegionSpec{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 2},
		shm.RegionSpec{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 1},
		shm.RegionSpec{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: 2},
		shm.RegionSpec{Name: shm.RegionServices, Stride: shm.ServiceBytes, Count: 4},
		shm.RegionSpec{Name: shm.RegionLogins, Stride: login.Bytes(16), Count: 1},
		shm.RegionSpec{Name: fmt.Sprintf(shm.RegionPolicy, 0), Stride: 1 << 16, Count: 1},
		shm.RegionSpec{Name: fmt.Sprintf(shm.RegionPolicy, 1), Stride: 1 << 16, Count: 1},
		shm.RegionSpec{Name: fmt.Sprintf(shm.RegionFlows, 0), Stride: flow.EntryBytes, Count: flow.Slots(directions)},
		shm.RegionSpec{Name: fmt.Sprintf(shm.RegionInfos, 0), Stride: flow.InfoBytes, Count: directions})
	ctl := append(append(spec.CtlRegions(), command.CtlRegions()...),
		shm.RegionSpec{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles},
		shm.RegionSpec{Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers},
		shm.RegionSpec{Name: shm.RegionBus, Stride: shm.ChannelBytes, Count: shm.MaxMembers * shm.MaxMembers})
	dir := t.TempDir()
	made, err := shm.Create(shm.Config{Dir: dir, Node: "fcr-t", TSCHz: 1e9, State: state, Ctl: ctl})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close() })
	seg := &appliance{made, dir}
	seg.State.Header().State = shm.Running
	binary.LittleEndian.PutUint64(seg.State.Bytes("seed.0123456789abcdef"), seed)
	for i := range shm.Items[feed.Info](seg.State, shm.RegionRings) {
		shm.Items[feed.Info](seg.State, shm.RegionRings)[i] = feed.Info{Consumer: uint8(i / 2), Producer: uint8(i % 2), Items: 64, Offered: 10}
		shm.Items[feed.Cursor](seg.Ctl, shm.RegionCursors)[i].Tail = 10
	}
	fill(t, seg)
	stop := make(chan struct{})
	polls := make(chan struct{})
	go func() { // it polls
		defer close(polls)
		for n := uint64(1); ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				beat(seg, n)
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-polls })
	return seg
}

// beat is a sign of life; what stands still is left alone.
//
//go:norace
func beat(seg *appliance, n uint64) {
	if l := &shm.Items[shm.Lcore](seg.State, shm.RegionLcores)[0]; l.Loops == 0 {
		l.Heartbeat = n
	}
	if c := &shm.Items[shm.Control](seg.State, shm.RegionControl)[0]; c.Frames == 0 {
		c.Heartbeat = time.Now().UnixNano()
	}
}

func fill(t *testing.T, seg *appliance) {
	t.Helper()
	entries, infos := tables(seg)
	shard, _, err := flow.NewShard(entries, infos, seed, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if shard.Insert(flow.MakeKey(0, 0, uint32(i+1), 0x0a0000), 0, 1) == nil {
			t.Fatal("the table is full")
		}
	}
	logins, err := login.NewTable(seg.State.Bytes(shm.RegionLogins), 16, 1)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixNano()
	for i := range 2 {
		if !logins.Put(&login.Login{Addr: login.At(0, 0, frame.FCID(0x0a0001+i)), WWPN: frame.WWN(0x2000_02fc_0100_0001 + i), State: login.Live, How: login.BySession, FirstSeen: now, LastSeen: now}) {
			t.Fatal("no room for a login")
		}
	}
	doc, err := policy.Parse("policy.yaml", []byte("policies: [{name: stop, match: {initiator: any, target: any}, action: drop}]"))
	if err != nil {
		t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := policy.Open(shm.PutPolicy(seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, 0)), flat))
	if err != nil {
		t.Fatal(err)
	}
	hash := snapshot.Hash()
	c := &shm.Items[shm.Control](seg.State, shm.RegionControl)[0]
	c.PolicySlot, c.Generation, c.PolicyHash, c.Heartbeat = 0, 1, binary.BigEndian.Uint64(hash[:8]), now
	command.PageOf(seg.State).Put(&command.Record{})
}

func tables(seg *appliance) ([]flow.Entry, []flow.Info) {
	return shm.Items[flow.Entry](seg.State, fmt.Sprintf(shm.RegionFlows, 0)), shm.Items[flow.Info](seg.State, fmt.Sprintf(shm.RegionInfos, 0))
}

// direction is the slot of some direction.
func direction(seg *appliance) int {
	entries, _ := tables(seg)
	for i := range entries {
		if entries[i].Key != 0 {
			return i
		}
	}
	panic("there is none")
}

func examine(t *testing.T, seg *appliance) map[string]Check {
	t.Helper()
	found := map[string]Check{}
	for _, c := range Segment(seg.State, seg.Ctl) {
		if c.Found == "" || c.State != OK && c.Advice == "" {
			t.Errorf("%+v does not say enough", c)
		}
		found[c.Name] = c
	}
	return found
}

func TestASoundSegmentHasNothingWrong(t *testing.T) {
	seg := segment(t)
	for name, c := range examine(t, seg) {
		want := OK
		if name == "role.health" {
			want = Warn // no daemon runs here
		}
		if c.State != want {
			t.Errorf("%+v", c)
		}
	}
}

func TestEachPlantedInconsistencyIsFound(t *testing.T) {
	for _, c := range []struct {
		name  string
		check string
		state State
		plant func(*testing.T, *appliance)
	}{
		{"a direction that was never finished", "table.flows", Fail, func(t *testing.T, seg *appliance) {
			entries, _ := tables(seg)
			entries[direction(seg)].Inc |= 1
		}},
		{"a direction with another's record", "table.flows", Fail, func(t *testing.T, seg *appliance) {
			entries, _ := tables(seg)
			entries[direction(seg)].Info = directions - 1
		}},
		{"a record outside of the table", "table.flows", Fail, func(t *testing.T, seg *appliance) {
			entries, _ := tables(seg)
			entries[direction(seg)].Info = 1 << 30
		}},
		{"a direction where no look-up finds it", "table.flows", Fail, func(t *testing.T, seg *appliance) {
			entries, infos := tables(seg)
			from := direction(seg)
			to := (from + len(entries)/2) % len(entries)
			for entries[to].Key != 0 {
				to++
			}
			entries[to], entries[from] = entries[from], flow.Entry{}
			infos[entries[to].Info].Slot = uint32(to)
		}},
		{"a record without a direction", "table.flows", Fail, func(t *testing.T, seg *appliance) {
			_, infos := tables(seg)
			infos[directions-1].Slot = 3
		}},
		{"a login with a bit turned", "table.logins", Fail, func(t *testing.T, seg *appliance) {
			b := seg.State.Bytes(shm.RegionLogins)
			for i := login.SlotSize; i < len(b); i += 8 { // the first word behind the header that holds a WWPN
				if binary.LittleEndian.Uint64(b[i:])>>16 == 0x2000_02fc_0100 {
					b[i] ^= 0x40
					return
				}
			}
			t.Fatal("no WWPN found")
		}},
		{"a policy with a bit turned", "segment.policy", Fail, func(t *testing.T, seg *appliance) {
			seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, 0))[100] ^= 1
		}},
		{"another policy than is said to be active", "segment.policy", Fail, func(t *testing.T, seg *appliance) {
			shm.Items[shm.Control](seg.State, shm.RegionControl)[0].PolicyHash++
		}},
		{"frames without a fate", "port.books", Fail, func(t *testing.T, seg *appliance) {
			shm.Items[shm.Counters](seg.State, shm.RegionCounters)[0].RxFrames = 1 << 20
		}},
		{"a cursor ahead of its ring", "ring.cursors", Fail, func(t *testing.T, seg *appliance) {
			shm.Items[feed.Cursor](seg.Ctl, shm.RegionCursors)[1].Tail = 11
		}},
		{"a ring that nobody reads", "ring.cursors", Warn, func(t *testing.T, seg *appliance) {
			shm.Items[feed.Info](seg.State, shm.RegionRings)[2].Offered = 74
		}},
		{"an lcore that stands still", "lcore.heartbeat", Fail, func(t *testing.T, seg *appliance) {
			shm.Items[shm.Lcore](seg.State, shm.RegionLcores)[0].Loops = 1
		}},
		{"control that stands still", "segment.alive", Fail, func(t *testing.T, seg *appliance) {
			c := &shm.Items[shm.Control](seg.State, shm.RegionControl)[0]
			c.Frames, c.Heartbeat = 1, time.Now().Add(-time.Minute).UnixNano()
		}},
		{"a revision that waits to be confirmed", "segment.change", Warn, func(t *testing.T, seg *appliance) {
			command.PageOf(seg.State).Put(&command.Record{Revision: 2, Confirmed: 1, Deadline: command.Now() + int64(time.Minute)})
		}},
		{"a role that has failed", "role.health", Fail, func(t *testing.T, seg *appliance) {
			claim(t, seg).Beat(registry.Failed, "")
		}},
		{"a role that is not well", "role.health", Fail, func(t *testing.T, seg *appliance) {
			claim(t, seg).Beat(registry.Running, "its disk is full")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			seg := segment(t)
			c.plant(t, seg)
			if got := examine(t, seg)[c.check]; got.State != c.state {
				t.Errorf("%+v, want %s", got, c.state)
			}
		})
	}
}

func claim(t *testing.T, seg *appliance) *registry.Claim {
	t.Helper()
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: seg.dir}, Name: "doctor"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reg.Close() })
	claim, err := reg.Claim(registry.Instance{Role: "store"})
	if err != nil {
		t.Fatal(err)
	}
	return claim
}
