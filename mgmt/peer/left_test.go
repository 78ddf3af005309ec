package peer

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

func TestWhatOnlyPeersKnewIsFoundInTheTables(t *testing.T) {
	regions := []shm.RegionSpec{
		{Name: shm.RegionLogins, Stride: login.SlotSize, Count: login.Slots(64)},
		{Name: fmt.Sprintf(shm.RegionFlows, 0), Stride: flow.EntryBytes, Count: flow.Slots(64)},
		{Name: fmt.Sprintf(shm.RegionInfos, 0), Stride: flow.InfoBytes, Count: 64},
	}
	seg, err := shm.Create(shm.Config{Dir: filepath.Join(t.TempDir(), "segment"), Node: "n", TSCHz: 1e9, State: regions})
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	table, err := login.NewTable(seg.State.Bytes(shm.RegionLogins), 64, 1)
	if err != nil {
		t.Fatal(err)
	}
	for n, flags := range map[uint32]login.Flags{1: 0, 2: login.FromPeer, 3: login.Vouched} {
		l := login.Login{Addr: login.At(1, 100, frame.FCID(0x010000+n)), WWPN: frame.WWN(n), State: login.Live, How: login.ByLogin, Flags: flags, FirstSeen: 1, LastSeen: 1}
		if !table.Put(&l) {
			t.Fatal("no place")
		}
	}
	shard, _, err := flow.NewShard(shm.Items[flow.Entry](seg.State, fmt.Sprintf(shm.RegionFlows, 0)), shm.Items[flow.Info](seg.State, fmt.Sprintf(shm.RegionInfos, 0)), 1, false)
	if err != nil {
		t.Fatal(err)
	}
	shard.NumberFrom(new(uint64))
	for n, change := range []func(e *flow.Entry){
		func(*flow.Entry) {},
		func(e *flow.Entry) { e.Frames = 1 },
		func(e *flow.Entry) { shard.Info(e).Static = 1 },
	} {
		change(shard.Insert(flow.MakeKey(1, 100, 1, uint32(n)+2), 0, 1))
	}
	logins, flows := leftIn(seg.State)
	if !slices.Equal(logins, []uint64{uint64(login.At(1, 100, 0x010002))}) || !slices.Equal(flows, []uint64{uint64(flow.MakeKey(1, 100, 1, 2))}) {
		t.Errorf("logins %x, flows %x", logins, flows)
	}
}
