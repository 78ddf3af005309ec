package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/engine"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// The segments of these tests come from a real engine: a short-lived process of its own lets frames through it, by a
// clock of its own, so that what is read later is the same each time. What no clock governs (process, boot id, latencies)
// is overwritten at the end.

const makerBoot = `
node: %s
lcores: [0]
ports:
  - {name: edge0, device: net_null0, role: edge, pair: fabric0}
  - {name: fabric0, device: net_null1, role: fabric}
  - {name: svc0, device: net_null2, role: service}
segment: {hugepages: off, flows: 1024, logins: 64}
`

const (
	edge0, fabric0 = 0, 1

	makerEpoch = uint64(1_767_225_600_000_000_000) // 2026-01-01 00:00 UTC
	noProcess  = 0x7fff_fffe                       // above every pid_max
)

// maker drives an engine over ring ports.
type maker struct {
	engine  *engine.Engine
	pool    *dpdk.Mempool
	in, out []*dpdk.Ring
	clock   atomic.Uint64
	real    atomic.Bool // the real clock holds
	fed     uint64
	state   *shm.File // as a reader sees it
}

// makeSegmentMain is the command mksegment:
//
//	mksegment [--node N] [--policy FILE] [--idle] [--end drained|dead|hold] FOLDER
//
// drained is an orderly end, dead none; hold makes FOLDER/ready when the traffic is over and goes on, by the real clock,
// until a signal.
func makeSegmentMain() {
	node := flag.String("node", "fcr-a", "")
	policyPath := flag.String("policy", "", "")
	idle := flag.Bool("idle", false, "no frames")
	end := flag.String("end", "drained", "")
	flag.Parse()
	if err := makeSegment(flag.Arg(0), *node, *policyPath, *end, *idle); err != nil {
		fmt.Fprintln(os.Stderr, "mksegment:", err)
		os.Exit(1)
	}
}

func makeSegment(dir, node, policyPath, end string, idle bool) error {
	prefix := fmt.Sprintf("fcrctl-test-%d", os.Getpid())
	args := []string{"--no-huge", "--no-pci", "--no-shconf", "-m", "128", "--file-prefix=" + prefix}
	if err := dpdk.Init(args); err != nil {
		return err
	}
	defer dpdk.Cleanup()
	m, err := newMaker(dir, node, policyPath)
	if err != nil {
		return err
	}
	if end == "hold" {
		now := time.Now().UnixNano()
		m.state.Header().StartNS, m.state.Header().TSCStart = now, uint64(now)
		m.real.Store(true)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- m.engine.Run(ctx, nil) }()
	if !idle {
		if err := m.traffic(); err != nil {
			return err
		}
	}
	switch end {
	case "dead":
		if err := m.fix(shm.Running); err != nil {
			return err
		}
		for _, dir := range []string{"/var/run/dpdk", os.Getenv("XDG_RUNTIME_DIR") + "/dpdk", "/tmp/dpdk"} { // what Cleanup would remove
			_ = os.Remove(filepath.Join(dir, prefix))
		}
		os.Exit(0)
	case "hold":
		if err := os.WriteFile(filepath.Join(dir, "ready"), nil, 0o644); err != nil {
			return err
		}
		return <-ended
	}
	cancel()
	if err := <-ended; err != nil {
		return err
	}
	return errors.Join(m.fix(shm.Drained), m.engine.Close())
}

func newMaker(dir, node, policyPath string) (*maker, error) {
	cfg, _, err := boot.Parse("boot.yaml", fmt.Appendf(nil, makerBoot, node))
	if err != nil {
		return nil, err
	}
	m := &maker{}
	m.clock.Store(makerEpoch)
	if m.pool, err = dpdk.NewMempool("maker", 1023, 0, 4096, dpdk.AnySocket); err != nil {
		return nil, err
	}
	for i := range cfg.Ports {
		in, err1 := dpdk.NewRing(fmt.Sprintf("in%d", i), 256, m.pool, dpdk.AnySocket)
		out, err2 := dpdk.NewRing(fmt.Sprintf("out%d", i), 256, m.pool, dpdk.AnySocket)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		m.in, m.out = append(m.in, in), append(m.out, out)
	}
	m.engine, err = engine.New(engine.Options{
		Boot: cfg, Dir: dir, Fresh: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Clones: m.pool, Clock: m.now,
		Open: func(i int) (*dpdk.Port, error) {
			return dpdk.OpenRingPort(fmt.Sprintf("net_ring_maker%d", i), []*dpdk.Ring{m.in[i]}, []*dpdk.Ring{m.out[i]}, dpdk.PortConfig{Mempool: m.pool})
		},
	})
	if err != nil {
		return nil, err
	}
	m.state = m.engine.Segment().State
	if policyPath == "" {
		return m, nil
	}
	doc, err := policy.Load(policyPath)
	if err != nil {
		return nil, err
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		return nil, err
	}
	return m, m.engine.Apply(flat)
}

func (m *maker) now() uint64 {
	if m.real.Load() {
		return uint64(time.Now().UnixNano())
	}
	return m.clock.Load()
}

// station is an N_Port of the scene.
type station struct {
	port int
	wwpn frame.WWN
	id   frame.FCID
	vlan uint16
}

var (
	host1  = station{edge0, 0x2000_02fc_0100_0001, 1, 0}
	host2  = station{edge0, 0x2000_02fc_0100_0002, 2, 100}
	array1 = station{fabric0, 0x2000_02fc_0a00_000a, 0x0a, 0}
	array2 = station{fabric0, 0x2000_02fc_0b00_000b, 0x0b, 100}
	nobody = station{edge0, 0, 7, 0} // one that never logs in
)

// traffic is the scene: two hosts log in with an array each and work with it, one of them in VLAN 100; a third that
// nobody knows works too; and there are some frames that are malformed.
func (m *maker) traffic() error {
	for _, pair := range [][2]station{{host1, array1}, {host2, array2}} {
		for i, s := range pair {
			plogi := frame.NewLogin(frame.ELSPLOGI, s.wwpn, s.wwpn-1<<60)
			function := uint32(0x20) >> i // the initiator's bit, the target's bit
			prli := frame.AppendProcessLogin(nil, frame.ELSPRLI, frame.ServicePage{Type: frame.TypeFCP, Flags: 0x20, Params: function})
			if err := errors.Join(m.els(s, pair[1-i], plogi.Append(nil)), m.els(s, pair[1-i], prli)); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(m.work(host1, array1, 3), m.work(host2, array2, 2), m.work(nobody, array1, 1)); err != nil {
		return err
	}
	cmd := fc(host1, array1, frame.RCtlUnsolicitedCmd, frame.TypeFCP, 0x290000, make([]byte, 32))
	badSOF, loop := append([]byte(nil), cmd...), append([]byte(nil), cmd...)
	badSOF[27] = 0x77
	copy(loop[33:36], loop[29:32])
	arp := append(append([]byte(nil), cmd[:12]...), 0x08, 0x06)
	return errors.Join(m.feed(edge0, badSOF), m.feed(edge0, badSOF), m.feed(fabric0, loop), m.feed(edge0, append(arp, make([]byte, 46)...)))
}

// work is n commands, each answered.
func (m *maker) work(host, array station, n int) error {
	for range n {
		if err := errors.Join(
			m.feed(host.port, fc(host, array, frame.RCtlUnsolicitedCmd, frame.TypeFCP, 0x290000, make([]byte, 32))),
			m.feed(array.port, fc(array, host, frame.RCtlSolicitedData, frame.TypeFCP, 0x880008, make([]byte, 512))),
			m.feed(array.port, fc(array, host, frame.RCtlCommandStatus, frame.TypeFCP, 0x980000, make([]byte, 24)))); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) els(from, to station, payload []byte) error {
	return m.feed(from.port, fc(from, to, frame.RCtlELSRequest, frame.TypeELS, frame.FCtlRequest, payload))
}

func fc(from, to station, rctl, kind uint8, fctl uint32, payload []byte) []byte {
	return frame.AppendFCoE(nil, &frame.Header{
		Dst: frame.FPMA(frame.VN2VNFCMap, to.id), Src: frame.FPMA(frame.VN2VNFCMap, from.id), Tagged: from.vlan != 0, VLAN: from.vlan,
		SOF: frame.SOFi3, EOF: frame.EOFt, RCtl: rctl, Type: kind, FCtl: fctl, SID: from.id, DID: to.id, RXID: frame.UnknownXID,
	}, payload)
}

// feed lets one frame in, a millisecond after the one before, and waits until the lcore and control have done with it.
func (m *maker) feed(port int, b []byte) error {
	m.clock.Add(uint64(time.Millisecond))
	if err := m.in[port].Enqueue(b); err != nil {
		return err
	}
	m.fed++
	page, control := &shm.Items[shm.Lcore](m.state, shm.RegionLcores)[0], &shm.Items[shm.Control](m.state, shm.RegionControl)[0]
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		if atomic.LoadUint64(&page.Frames) == m.fed && atomic.LoadUint64(&control.Frames) == atomic.LoadUint64(&page.ToControl) {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("frame %d did not pass", m.fed)
		}
	}
	var buf [dpdk.FrameMax]byte
	for _, out := range m.out {
		for _, more := out.Dequeue(buf[:]); more; _, more = out.Dequeue(buf[:]) {
		}
	}
	return nil
}

// fix gives fixed values to what differs from run to run. The lcore is at rest, or about to die with the process.
func (m *maker) fix(state uint32) error {
	h := m.state.Header()
	h.PID, h.BootID, h.Boots, h.State = noProcess, [16]byte{0xb0, 0x07, 0xed}, 3, state
	l := &shm.Items[shm.Lcore](m.state, shm.RegionLcores)[0]
	l.Latency = shm.Histogram{}
	l.Latency.Add(2000, 98)
	l.Latency.Add(30_000, 2)
	l.BusyTSC, l.IdleTSC, l.Stalls, l.WorstStall, l.Evaluations = 1_000_000, 3_000_000, 0, 0, 9
	c := &shm.Items[shm.Control](m.state, shm.RegionControl)[0]
	c.HeapBytes, c.GCCycles, c.PolicySinceNS, c.Heartbeat = 3<<20, 0, int64(makerEpoch), int64(m.clock.Load())
	for i := range shm.Items[shm.PortInfo](m.state, shm.RegionPorts) {
		in := &shm.Items[shm.PortInfo](m.state, shm.RegionPorts)[i]
		in.MAC, in.SpeedMb, in.MTU = [6]byte{2, 0, 0, 0, 0, byte(i)}, 10_000, 2500
		in.LinkChanges = 1
	}
	// When control last looked at the flows decides when a login was seen: by the real clock.
	last := int64(m.clock.Load())
	logins, _, err := login.Adopt(m.state.Bytes(shm.RegionLogins), last)
	if err != nil {
		return err
	}
	for l := range logins.All() {
		l.LastSeen = last
		logins.Put(&l)
	}
	return nil
}
