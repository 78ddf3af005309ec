package bench

import (
	"errors"
	"fmt"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/shm"
)

// flowSeed spreads the keys; any will do.
const flowSeed = 0x5eed

// newTable makes a table of flows with the traffic's in it, for the variants that have no segment.
func (l *lab) newTable() (*flow.Shard, error) {
	directions := max(flow.MinDirections, 2*l.o.Flows)
	return l.fill(make([]flow.Entry, flow.Slots(directions)), make([]flow.Info, directions))
}

func (l *lab) fill(entries []flow.Entry, infos []flow.Info) (*flow.Shard, error) {
	shard, _, err := flow.NewShard(entries, infos, flowSeed, false)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	if !l.traffic.fill(shard, 1) {
		return nil, errors.New("bench: the flows do not fit into their table")
	}
	return shard, nil
}

// ringSpec is the rings of a data plane with one lcore.
func ringSpec(items int) feed.Spec {
	return feed.Spec{Producers: 2, State: items, Events: boot.DefaultEventItems, Shards: 1}
}

// newSegment makes a segment as a data plane with one lcore does, with the traffic's flows in its table. Its clock is that
// of a poller.
func (l *lab) newSegment() (*shm.Segment, *flow.Shard, error) {
	directions, spec := max(flow.MinDirections, 2*l.o.Flows), ringSpec(l.o.Ring)
	state := []shm.RegionSpec{
		{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 2},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 1},
		{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: 2},
		{Name: fmt.Sprintf(shm.RegionFlows, 0), Stride: flow.EntryBytes, Count: flow.Slots(directions)},
		{Name: fmt.Sprintf(shm.RegionInfos, 0), Stride: flow.InfoBytes, Count: directions},
	}
	ctl := append(spec.CtlRegions(),
		shm.RegionSpec{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles},
		shm.RegionSpec{Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers},
		shm.RegionSpec{Name: shm.RegionBus, Stride: shm.ChannelBytes, Count: shm.MaxMembers * shm.MaxMembers})
	seg, err := shm.Create(shm.Config{Dir: l.segment(), Node: node, TSCHz: 1e9, TSCNow: 1, State: append(state, spec.StateRegions()...), Ctl: ctl})
	if err != nil {
		return nil, nil, err
	}
	ports := shm.Items[shm.PortInfo](seg.State, shm.RegionPorts)
	copy(ports[0].Name[:], "edge0")
	copy(ports[1].Name[:], "fabric0")
	ports[0].Pair, ports[0].Up, ports[1].Role, ports[1].Up = 1, 1, shm.RoleFabric, 1
	shm.Items[shm.Control](seg.State, shm.RegionControl)[0].PolicySlot = shm.NoPolicy
	shard, err := l.fill(shm.Items[flow.Entry](seg.State, fmt.Sprintf(shm.RegionFlows, 0)), shm.Items[flow.Info](seg.State, fmt.Sprintf(shm.RegionInfos, 0)))
	if err != nil {
		return nil, nil, errors.Join(err, seg.Close())
	}
	return seg, shard, nil
}

// node is the name of the appliance in the bench's database.
const node = "bench"

// source offers the table's flows, as an lcore does.
type source struct{ shard *flow.Shard }

func (s source) Slots() int { return s.shard.Slots() }

func (s source) Fill(slot uint32, item *feed.Item) bool {
	e := s.shard.InSlot(slot)
	if e == nil {
		return false
	}
	in, f := s.shard.Info(e), item.Flow()
	*f = feed.FlowItem{
		Header: f.Header, Serial: in.Serial, Key: uint64(e.Key), Initiator: in.Initiator, Target: in.Target, Frames: e.Frames, Bytes: e.Bytes,
		LastSeen: e.LastSeen, Created: in.Created, Generation: e.Stamp >> 8, Rule: in.Rule, Service: in.Service, Errors: e.Errors,
		Action: e.Verdict.Action(), Orient: uint8(in.Orient), InPort: in.InPort,
	}
	return true
}

// noLogins is the control goroutine's table: there are none, since it is flows that are measured.
type noLogins struct{}

func (noLogins) FillLogin(uint64, *feed.LoginItem) bool { return false }
func (noLogins) Addresses(func(uint64) bool)            {}
