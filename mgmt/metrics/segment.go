package metrics

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

var (
	segmentUp = gauge("fcr_segment_up", "1 when the segment of a data plane is there. Without it nothing of the data plane is told but this.")

	nodeInfo         = gauge("fcr_node_info", "Always 1. The node's name, and the layout of its segment.", "node", "abi")
	dataplaneUp      = gauge("fcr_dataplane_up", "1 when the data plane's process lives and runs.")
	dataplaneStarts  = counter("fcr_dataplane_starts_total", "Starts of the data plane that used this segment, the first included.")
	dataplaneStart   = gauge("fcr_dataplane_start_time_seconds", "When the data plane started. Its counters begin at 0 there.")
	dataplaneAge     = gauge("fcr_dataplane_heartbeat_age_seconds", "Since its control goroutine was last seen to move. That shows from one scrape to the next.")
	dataplaneHeap    = gauge("fcr_dataplane_heap_bytes", "Heap of the data plane's Go runtime. In normal work it does not grow.")
	dataplaneGC      = counter("fcr_dataplane_gc_cycles_total", "Garbage collections of the data plane. In normal work there are none after its start.")
	segmentBytes     = gauge("fcr_segment_bytes", "Size of the segment's state file.")
	adoptDirections  = gauge("fcr_dataplane_adopted_directions", "Directions of flows that the last warm start kept.")
	adoptLogins      = gauge("fcr_dataplane_adopted_logins", "Logins that the last warm start kept.")
	adoptSeconds     = gauge("fcr_dataplane_adopt_seconds", "What keeping them took. 0 after a cold start.")
	logins           = gauge("fcr_logins", "N_Ports that are logged in.")
	loginConflicts   = counter("fcr_login_conflicts_total", "Claims of a WWPN that is logged in elsewhere.")
	loginTableFull   = counter("fcr_login_table_full_total", "Logins that found no place. Their flows are forwarded.")
	learnerEvents    = counter("fcr_learner_events_total", "What the learner of logins counted, by its own words. Frames are among them.", "event")
	policyActive     = gauge("fcr_policy_active", "1 when the data plane has a policy. Without one it forwards everything.")
	policyGeneration = gauge("fcr_policy_generation", "Generation of the configuration in the data plane. A service that comes or goes makes a new one too.")
	policySince      = gauge("fcr_policy_since_timestamp_seconds", "Since when the data plane has its policy.")

	serviceUp    = gauge("fcr_service_up", "1 when a service of the active policy is up.", "service")
	serviceUsed  = gauge("fcr_service_used", "1 when an enabled rule of the active policy uses the service, or when the data plane does not tell.", "service")
	serviceInfo  = gauge("fcr_service_info", "Always 1. The port behind which a service is, empty when the boot file has none.", "service", "port")
	serviceFlips = counter("fcr_service_flips_total", "Times that a service came or went.", "service")
)

// segment tells what the data plane wrote into its pages.
func (c *collector) segment(out sink, now time.Time) {
	if c.o.Segment == nil {
		return
	}
	// There may be none: then it says no more than that.
	err := c.o.Segment.Use(func(seg *attach.Segment) error {
		out.is(segmentUp, true)
		c.dataplane(out, seg.State, now)
		tellPorts(out, seg.State)
		c.tellLcores(out, seg.State, now)
		tellServices(out, seg.State)
		tellRings(out, seg)
		tellChange(out, seg.State, now)
		return nil
	})
	if err != nil {
		out.is(segmentUp, false)
		out.is(dataplaneUp, false)
	}
}

// dataplane tells of the process and of its control goroutine.
func (c *collector) dataplane(out sink, f *shm.File, now time.Time) {
	h := f.Header()
	out.put(nodeInfo, 1, shm.Text(h.Node[:]), strconv.Itoa(int(h.ABI)))
	out.is(dataplaneUp, f.Alive() && atomic.LoadUint32(&h.State) == shm.Running)
	out.count(dataplaneStarts, h.Boots)
	out.put(dataplaneStart, float64(h.StartNS)/1e9)
	out.put(segmentBytes, float64(f.Size()))
	out.put(adoptSeconds, float64(h.AdoptNS)/1e9)
	pages := shm.Items[shm.Control](f, shm.RegionControl)
	if len(pages) != 1 {
		return
	}
	p := &pages[0]
	out.put(dataplaneAge, c.control.age(uint64(atomic.LoadInt64(&p.Heartbeat)), now))
	out.count(dataplaneHeap, atomic.LoadUint64(&p.HeapBytes))
	out.count(dataplaneGC, atomic.LoadUint64(&p.GCCycles))
	out.count(adoptDirections, atomic.LoadUint64(&p.Adopted))
	out.count(adoptLogins, atomic.LoadUint64(&p.AdoptedLogins))
	out.count(logins, atomic.LoadUint64(&p.LoginsLive))
	out.count(loginConflicts, atomic.LoadUint64(&p.Conflicts))
	out.count(loginTableFull, atomic.LoadUint64(&p.LoginsFull))
	learned := shm.Items[uint64](f, shm.RegionLearner)
	for i := range min(len(learned), int(login.NumCounters)) {
		out.count(learnerEvents, atomic.LoadUint64(&learned[i]), login.Counter(i).String())
	}
	active := atomic.LoadUint32(&p.PolicySlot) != shm.NoPolicy
	out.is(policyActive, active)
	out.put(policyGeneration, float64(atomic.LoadUint32(&p.Generation)))
	if active {
		out.put(policySince, float64(atomic.LoadInt64(&p.PolicySinceNS))/1e9)
	}
}

func tellServices(out sink, f *shm.File) {
	for _, s := range report.Services(f) {
		out.is(serviceUp, s.Up, s.Name)
		out.is(serviceUsed, !s.Unused, s.Name)
		out.count(serviceFlips, uint64(s.Flips), s.Name)
		out.put(serviceInfo, 1, s.Name, s.Port)
	}
}

var (
	portInfo        = gauge("fcr_port_info", "Always 1. What a port is.", "port", "role", "fabric", "pair", "driver", "lcore")
	portUp          = gauge("fcr_port_up", "1 when the link is up.", "port")
	portSpeed       = gauge("fcr_port_speed_bytes_per_second", "Speed of the link, 0 when it is not known.", "port")
	portRxFrames    = counter("fcr_port_receive_frames_total", "Frames received.", "port")
	portRxBytes     = counter("fcr_port_receive_bytes_total", "Bytes received.", "port")
	portTxFrames    = counter("fcr_port_transmit_frames_total", "Frames sent.", "port")
	portTxBytes     = counter("fcr_port_transmit_bytes_total", "Bytes sent.", "port")
	portFates       = counter("fcr_port_fates_total", "What became of the frames received here, each counted once.", "port", "fate")
	portDrops       = counter("fcr_port_drops_total", "Those of the fates that are drops, by their reason.", "port", "reason")
	portStalled     = counter("fcr_port_tx_stalled_frames_total", "Frames given up because the port did not take them within the drop-timeout.", "port")
	portHeld        = counter("fcr_port_tx_held_bursts_total", "Bursts of which a part had to wait: back-pressure at work, nothing lost.", "port")
	portMirrored    = counter("fcr_port_mirror_frames_total", "Copies sent.", "port")
	portMirrorLost  = counter("fcr_port_mirror_lost_frames_total", "Copies not made: no room, or the service is down. The original went its way.", "port")
	portDevice      = counter("fcr_port_device_errors_total", "What the device counted by itself: losses before or after us.", "port", "kind")
	portPausesIn    = counter("fcr_port_pause_received_frames_total", "Pause frames received: the neighbour stopped us.", "port")
	portPausesOut   = counter("fcr_port_pause_sent_frames_total", "Pause frames sent: we stopped the neighbour.", "port")
	portLinkChanges = counter("fcr_port_link_changes_total", "Times that the link came or went.", "port")
)

func tellPorts(out sink, f *shm.File) {
	devices := shm.Items[shm.PortInfo](f, shm.RegionPorts)
	for i, p := range report.Ports(f) {
		name := p.Name
		out.put(portInfo, 1, name, p.Role, strconv.Itoa(int(p.Fabric)), p.Pair, p.Driver, strconv.Itoa(p.Lcore))
		out.is(portUp, p.Up, name)
		out.put(portSpeed, float64(p.SpeedMbps)*1e6/8, name)
		out.count(portRxFrames, p.FramesIn, name)
		out.count(portRxBytes, p.BytesIn, name)
		out.count(portTxFrames, p.FramesOut, name)
		out.count(portTxBytes, p.BytesOut, name)
		for fate, n := range p.Counters.Fates {
			out.count(portFates, n, name, shm.Fate(fate).String())
			if shm.Fate(fate).Dropped() {
				out.count(portDrops, n, name, shm.Fate(fate).String())
			}
		}
		out.count(portStalled, p.TxStalled, name)
		out.count(portHeld, p.TxHeld, name)
		out.count(portMirrored, p.Mirrored, name)
		out.count(portMirrorLost, p.MirrorLost, name)
		out.count(portPausesIn, p.PausesIn, name)
		out.count(portPausesOut, p.PausesOut, name)
		d := &devices[i]
		out.count(portDevice, d.Missed, name, "missed")
		out.count(portDevice, d.RxErrors, name, "receive")
		out.count(portDevice, d.TxErrors, name, "transmit")
		out.count(portDevice, d.NoMbuf, name, "no_mbuf")
		out.count(portLinkChanges, d.LinkChanges, name)
	}
}

var (
	lcoreInfo       = gauge("fcr_lcore_info", "Always 1. The CPU of a poll-mode core.", "lcore", "cpu")
	lcoreGeneration = gauge("fcr_lcore_generation", "Generation of the configuration that the lcore uses.", "lcore")
	lcorePasses     = counter("fcr_lcore_passes_total", "Passes over its ports.", "lcore")
	lcoreBursts     = counter("fcr_lcore_bursts_total", "Passes that received something.", "lcore")
	lcoreFrames     = counter("fcr_lcore_frames_total", "Frames received.", "lcore")
	lcoreBusy       = counter("fcr_lcore_busy_seconds_total", "Time in passes that did something. Beside idle it gives the busy ratio.", "lcore")
	lcoreIdle       = counter("fcr_lcore_idle_seconds_total", "Time in passes that did nothing, sleep included.", "lcore")
	lcoreStalls     = counter("fcr_lcore_stalls_total", "Passes that began much later than the one before: its CPU was taken away.", "lcore")
	lcoreWorst      = gauge("fcr_lcore_worst_stall_seconds", "The longest of them since the data plane started.", "lcore")
	lcoreAge        = gauge("fcr_lcore_heartbeat_age_seconds", "Since the lcore was last seen to move. That shows from one scrape to the next.", "lcore")
	lcoreEvals      = counter("fcr_lcore_evaluations_total", "Evaluations of the policy: new flows, and flows after a change.", "lcore")
	lcoreInvalid    = counter("fcr_lcore_invalidations_total", "Logins whose flows were marked for evaluation.", "lcore")
	lcoreControl    = counter("fcr_lcore_control_frames_total", "Copies of frames handed to the control goroutine.", "lcore")
	lcoreLost       = counter("fcr_lcore_control_lost_frames_total", "Copies that found no room there: a login may not be learnt.", "lcore")
	lcoreCarried    = counter("fcr_lcore_carried_frames_total", "Frames handed to another lcore, which owns the service's port.", "lcore")
	lcoreLatency    = histogram("fcr_lcore_latency_seconds", "From receiving a frame to giving it to a port's queue. Bounds are true to 6 %.", "lcore")

	flowDirections = gauge("fcr_flow_directions", "Directions in the lcore's flow table; a flow has two.", "lcore")
	flowCapacity   = gauge("fcr_flow_directions_capacity", "Directions for which its table has room.", "lcore")
	flowEnded      = counter("fcr_flow_directions_ended_total", "Directions that ended.", "lcore")
	flowTableFull  = counter("fcr_flow_table_full_frames_total", "Frames whose direction found no room: forwarded by default.", "lcore")
)

func (c *collector) tellLcores(out sink, f *shm.File, now time.Time) {
	pages := shm.Items[shm.Lcore](f, shm.RegionLcores)
	hz := float64(max(f.Header().TSCHz, 1))
	at := bucketsOf(latencyBounds, hz)
	for i := range pages {
		p, name := &pages[i], strconv.Itoa(i)
		out.put(lcoreInfo, 1, name, strconv.Itoa(int(p.CPU)))
		out.put(lcoreGeneration, float64(atomic.LoadUint32(&p.Generation)), name)
		out.count(lcorePasses, atomic.LoadUint64(&p.Loops), name)
		out.count(lcoreBursts, atomic.LoadUint64(&p.Bursts), name)
		out.count(lcoreFrames, atomic.LoadUint64(&p.Frames), name)
		out.put(lcoreBusy, float64(atomic.LoadUint64(&p.BusyTSC))/hz, name)
		out.put(lcoreIdle, float64(atomic.LoadUint64(&p.IdleTSC))/hz, name)
		out.count(lcoreStalls, atomic.LoadUint64(&p.Stalls), name)
		out.put(lcoreWorst, float64(atomic.LoadUint64(&p.WorstStall))/hz, name)
		if c.lcores[i] == nil {
			c.lcores[i] = &pulse{}
		}
		out.put(lcoreAge, c.lcores[i].age(atomic.LoadUint64(&p.Heartbeat), now), name)
		out.count(lcoreEvals, atomic.LoadUint64(&p.Evaluations), name)
		out.count(lcoreInvalid, atomic.LoadUint64(&p.Invalidated), name)
		out.count(lcoreControl, atomic.LoadUint64(&p.ToControl), name)
		out.count(lcoreLost, atomic.LoadUint64(&p.ControlLost), name)
		out.count(lcoreCarried, atomic.LoadUint64(&p.Carried), name)
		tellLatency(out, &p.Latency, at, hz, name)
		out.count(flowDirections, atomic.LoadUint64(&p.FlowsLive), name)
		out.put(flowCapacity, float64(len(shm.Items[flow.Info](f, fmt.Sprintf(shm.RegionInfos, i)))), name)
		out.count(flowEnded, atomic.LoadUint64(&p.FlowsEnded), name)
		out.count(flowTableFull, atomic.LoadUint64(&p.FlowsFull), name)
	}
}
