package engine

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"time"
	"unsafe"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/shm"
)

// regionSeed keeps the seed of the flow hash and the last generation across restarts; its name carries a hash of the ports, so that a segment
// whose port numbers mean something else is not adopted.
const regionSeed = "seed.%016x"

// learnerCounters is how many counters of the learner the segment has room for; login has half of that now.
const learnerCounters = 64

var _ = [1]struct{}{}[login.NumCounters/(learnerCounters+1)]

// regions is what lies in the state file.
func regions(c *boot.Config) []shm.RegionSpec {
	lcores := len(c.Lcores)
	specs := []shm.RegionSpec{
		{Name: seedName(c), Stride: 64, Count: 1, Keep: true},
		{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		{Name: shm.RegionLearner, Stride: 8, Count: learnerCounters},
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: len(c.Ports)},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: lcores},
		{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: lcores * len(c.Ports)},
		{Name: shm.RegionServices, Stride: shm.ServiceBytes, Count: shm.MaxServices},
		{Name: shm.RegionLogins, Stride: login.Bytes(c.Segment.Logins), Count: 1, Keep: true},
		{Name: fmt.Sprintf(shm.RegionPolicy, 0), Stride: policySlotBytes, Count: 1, Keep: true},
		{Name: fmt.Sprintf(shm.RegionPolicy, 1), Stride: policySlotBytes, Count: 1, Keep: true},
	}
	directions := max(flow.MinDirections, (c.Segment.Flows+lcores-1)/lcores)
	for i := range lcores {
		specs = append(specs,
			shm.RegionSpec{Name: fmt.Sprintf(shm.RegionFlows, i), Stride: flow.EntryBytes, Count: flow.Slots(directions), Keep: true},
			shm.RegionSpec{Name: fmt.Sprintf(shm.RegionInfos, i), Stride: flow.InfoBytes, Count: directions, Keep: true})
	}
	specs = append(specs, capture.StateRegions(c.Capture.Ring, lcores)...)
	specs = append(specs, shm.RegionSpec{Name: shm.RegionSerials, Stride: 64, Count: lcores, Keep: true})
	specs = append(specs, shm.RegionSpec{Name: flow.RegionWishes, Stride: int(unsafe.Sizeof(flow.Wish{})), Count: flow.MaxWishes, Keep: true})
	specs = append(specs, pair.Region())
	return append(append(specs, feedSpec(c).StateRegions()...), command.StateRegions()...)
}

// ctlRegions is what lies in the ctl file.
func ctlRegions(c *boot.Config) []shm.RegionSpec {
	specs := append(feedSpec(c).CtlRegions(), capture.CtlRegions(c.Capture.Ring, len(c.Lcores))...)
	return append(append(specs, command.CtlRegions()...),
		shm.RegionSpec{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles, Keep: true},
		shm.RegionSpec{Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers, Keep: true},
		shm.RegionSpec{Name: shm.RegionBus, Stride: shm.ChannelBytes, Count: shm.MaxMembers * shm.MaxMembers, Keep: true})
}

// feedSpec is the rings that the boot file asks for. The control goroutine is the last producer.
func feedSpec(c *boot.Config) feed.Spec {
	return feed.Spec{Producers: len(c.Lcores) + 1, State: c.Rings.State, Events: c.Rings.Events, Shards: c.Rings.Shards}
}

func seedName(c *boot.Config) string {
	h := fnv.New64a()
	for _, p := range c.Ports {
		fmt.Fprintf(h, "%s/%d/%d/%d/%d\n", p.Name, p.Role, p.Peer, p.Fabric, p.Lcore)
	}
	return fmt.Sprintf(regionSeed, h.Sum64())
}

// makeSegment creates or adopts the segment and the flow shards in it.
func (e *Engine) makeSegment(o Options) error {
	start := time.Now()
	cfg := shm.Config{
		Dir: o.Dir, Node: o.Boot.Node, Fresh: o.Fresh, TSCHz: e.hz(), TSCNow: e.tsc(),
		State: regions(o.Boot), Ctl: ctlRegions(o.Boot),
	}
	seg, err := shm.Create(cfg)
	if err != nil {
		return err
	}
	e.seg = seg
	e.page = &shm.Items[shm.Control](seg.State, shm.RegionControl)[0]
	e.page.PolicySlot = shm.NoPolicy
	e.infos = shm.Items[shm.PortInfo](seg.State, shm.RegionPorts)
	e.lcores = shm.Items[shm.Lcore](seg.State, shm.RegionLcores)
	e.kept = &shm.Items[kept](seg.State, seedName(o.Boot))[0]
	if e.kept.seed == 0 { // a new segment, or one whose data plane was killed before it had a seed
		var seed [8]byte
		if _, err := rand.Read(seed[:]); err != nil {
			return fmt.Errorf("flow seed: %w", err)
		}
		e.kept.seed = binary.LittleEndian.Uint64(seed[:]) | 1
	}
	e.control.generation = e.kept.generation
	if e.clock != nil { // a replay gives the same result each time
		e.kept.seed = 1
		*seg.State.Header() = replayHeader(*seg.State.Header())
	}
	e.control.walk.since, e.control.walk.next = e.tsc(), e.tsc()
	flows := 0
	for i := range o.Boot.Lcores {
		shard, adopted, err := flow.NewShard(
			shm.Items[flow.Entry](seg.State, fmt.Sprintf(shm.RegionFlows, i)),
			shm.Items[flow.Info](seg.State, fmt.Sprintf(shm.RegionInfos, i)),
			e.kept.seed, seg.Adopted)
		if err != nil {
			return err
		}
		shard.NumberFrom(&shm.Items[line](seg.State, shm.RegionSerials)[i][0])
		e.shards = append(e.shards, shard)
		e.control.views = append(e.control.views, flow.NewView(
			shm.Items[flow.Entry](seg.State, fmt.Sprintf(shm.RegionFlows, i)), shm.Items[flow.Info](seg.State, fmt.Sprintf(shm.RegionInfos, i))))
		e.lcores[i].FlowsLive = uint64(shard.Live())
		flows += adopted
	}
	if seg.Adopted {
		e.page.Adopted = uint64(flows)
		seg.State.Header().AdoptNS = time.Since(start).Nanoseconds()
	} else if seg.Why != "" {
		o.Log.Warn("cold start: the segment found was not adopted", "dir", o.Dir, "why", seg.Why)
	}
	return nil
}

// line is a cache line of its own.
type line [8]uint64

// kept is what a start finds of the one before, beside tables and rings.
type kept struct {
	seed       uint64 // of the flow hash; never 0
	generation uint32 // of the configuration published last: a number means one configuration in the whole segment
	_          [52]byte
}

// replayHeader makes TSC and wall clock one and the same: ns since 1970.
func replayHeader(h shm.Header) shm.Header {
	h.TSCHz, h.TSCStart, h.StartNS = uint64(time.Second), 0, 0
	return h
}

func (e *Engine) hz() uint64 {
	if e.clock != nil {
		return uint64(time.Second)
	}
	return dpdk.TSCHz()
}

func (e *Engine) tsc() uint64 {
	if e.clock != nil {
		return e.clock()
	}
	return dpdk.TSC()
}

// describePorts fills in what readers are told of the ports.
func (e *Engine) describePorts() {
	for i, p := range e.boot.Ports {
		in := &e.infos[i]
		copy(in.Name[:shm.NameLen-1], p.Name)
		copy(in.Device[:len(in.Device)-1], p.Device)
		copy(in.Driver[:shm.NameLen-1], e.ports[i].Driver())
		if mac, err := e.ports[i].MAC(); err == nil {
			copy(in.MAC[:], mac[:])
		}
		in.MTU = uint32(e.ports[i].MTU())
		in.Role, in.Fabric, in.Pair = uint8(p.Role), p.Fabric, int16(p.Peer)
		for n, cpu := range e.boot.Lcores {
			if cpu == p.Lcore {
				in.Lcore = uint16(n)
			}
		}
	}
}
