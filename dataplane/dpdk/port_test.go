package dpdk_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"fcredirect/dataplane/dpdk"
)

func TestAnErrorNamesTheCallAndTheDevice(t *testing.T) {
	pool := newPool(t, 63)
	closed, err := dpdk.Open("net_null_closed", dpdk.PortConfig{Mempool: pool})
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	twice, err := dpdk.Open("net_null_twice,size=60", dpdk.PortConfig{Mempool: pool})
	started(t, twice, err)
	running, err := dpdk.Open("net_null_running", dpdk.PortConfig{Mempool: pool})
	started(t, running, err)
	open := func(device string, cfg dpdk.PortConfig) func() error {
		return func() error {
			_, err := dpdk.Open(device, cfg)
			return err
		}
	}
	rx := dpdk.PortConfig{Mempool: pool}
	tests := []struct {
		name  string
		do    func() error
		want  string // the beginning of the text
		errno syscall.Errno
		hint  string
	}{
		{"an interface that is not there", open("net_af_packet7,iface=nowhere0", rx), "rte_dev_probe net_af_packet7: no such device", syscall.ENODEV, "no such interface"},
		{"a PCI device that is not there", open("0000:7f:1f.7", rx), "rte_dev_probe 0000:7f:1f.7: ", syscall.ENODEV, "no such PCI device"},
		{"a short PCI address", open("7f:1f.7", rx), "rte_dev_probe 0000:7f:1f.7: ", syscall.ENODEV, "no such PCI device"},
		{"a driver that does not exist", open("net_unheard0", rx), "rte_dev_probe net_unheard0: ", 0, ""},
		{"a capture that is not there", open("net_pcap7,rx_pcap=/nowhere.pcap", rx), "rte_dev_probe net_pcap7: no such device", syscall.ENODEV, "/nowhere.pcap"},
		{"no device", open("", rx), "rte_dev_probe: ", syscall.EINVAL, "not a device"},
		{"a zero byte", open("net_\x00null", rx), "rte_dev_probe ", syscall.EINVAL, "not a device"},
		{"a device with other arguments than it has", open("net_null_twice,size=80", rx), "rte_dev_probe net_null_twice: ", syscall.EEXIST, "cannot be changed"},
		{"no mempool", open("net_null_a", dpdk.PortConfig{}), "rte_eth_rx_queue_setup net_null_a: invalid argument", syscall.EINVAL, "no mempool"},
		{"too many queues", open("net_null_b", dpdk.PortConfig{Mempool: pool, RxQueues: 2000}), "rte_eth_dev_configure net_null_b: invalid argument", syscall.EINVAL, "2000"},
		{"a port that runs configured again", open("net_null_running", rx), "rte_eth_dev_configure net_null_running: device or resource busy", syscall.EBUSY, ""},
		{"starting a closed port", closed.Start, "rte_eth_dev_start net_null_closed: no such device", syscall.ENODEV, ""},
		{"closing a closed port", closed.Close, "rte_eth_dev_close net_null_closed: no such device", syscall.ENODEV, ""},
		{"link of a closed port", func() error { _, err := closed.Link(); return err }, "rte_eth_link_get_nowait net_null_closed: no such device", syscall.ENODEV, ""},
		{"statistics of a closed port", func() error { _, err := closed.Stats(); return err }, "rte_eth_stats_get net_null_closed: no such device", syscall.ENODEV, ""},
		{"more of a closed port", func() error { _, err := closed.XStats(); return err }, "rte_eth_xstats_get net_null_closed: no such device", syscall.ENODEV, ""},
		{"address of a closed port", func() error { _, err := closed.MAC(); return err }, "rte_eth_dev_info_get net_null_closed: no such device", syscall.ENODEV, ""},
		{"a ring port without rings", func() error { _, err := dpdk.OpenRingPort("empty", nil, nil, rx); return err }, "rte_eth_from_rings empty: invalid argument", syscall.EINVAL, "0 transmit rings"},
		{"a ring of an odd size", func() error { _, err := dpdk.NewRing("odd", 100, pool, 0); return err }, "rte_ring_create odd: invalid argument", syscall.EINVAL, "power of two"},
		{"a mempool that exists", func() error { _, err := dpdk.NewMempool(pool.Name(), 63, 0, 2176, 0); return err }, "rte_pktmbuf_pool_create " + pool.Name() + ": file exists", syscall.EEXIST, ""},
		{"a mempool larger than the memory", func() error { _, err := dpdk.NewMempool("vast", 10_000_000, 0, 4352, 0); return err }, "rte_pktmbuf_pool_create vast: cannot allocate memory", syscall.ENOMEM, "43335 MiB"},
		{"a mempool with too large a cache", func() error { _, err := dpdk.NewMempool("cachy", 63, 512, 4352, 0); return err }, "rte_pktmbuf_pool_create cachy: invalid argument", syscall.EINVAL, ""},
		{"a mempool of mbufs without room", func() error { _, err := dpdk.NewMempool("tight", 63, 0, 100, 0); return err }, "rte_pktmbuf_pool_create tight: invalid argument", syscall.EINVAL, "100 bytes"},
		{"a name that is too long", func() error { _, err := dpdk.NewRing(strings.Repeat("r", 99), 16, pool, 0); return err }, "rte_ring_create rrr", syscall.ENAMETOOLONG, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if strings.Contains(test.want, "af_packet") && os.Geteuid() != 0 {
				t.Skip("only root gets as far as the interface")
			}
			err := test.do()
			var e *dpdk.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v is not an *Error", err)
			}
			if !strings.HasPrefix(err.Error(), test.want) || !strings.Contains(err.Error(), test.hint) {
				t.Errorf("error %q, want it to begin with %q and contain %q", err, test.want, test.hint)
			}
			if test.errno != 0 && !errors.Is(err, test.errno) {
				t.Errorf("errno %d (%v), want %d (%v)", e.Errno, e.Errno, test.errno, test.errno)
			}
		})
	}
}

func TestAFailedOpenLeavesNoDevice(t *testing.T) {
	pool := newPool(t, 63)
	if _, err := dpdk.Open("net_null_again,size=60", dpdk.PortConfig{}); err == nil {
		t.Fatal("opened without a mempool")
	}
	port, err := dpdk.Open("net_null_again,size=60", dpdk.PortConfig{Mempool: pool})
	started(t, port, err)
}

func TestAPortCanBeOpenedAgainAfterClose(t *testing.T) {
	pool := newPool(t, 255)
	for range 3 {
		port, err := dpdk.Open("net_null_reopened,size=60", dpdk.PortConfig{Mempool: pool})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(port.Start(), port.Stop(), port.Start(), port.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPortDescribesItself(t *testing.T) {
	pool := newPool(t, 63)
	w := newWire(t, pool, 16)
	if w.port.Driver() != "net_ring" || !strings.Contains(w.port.Name(), "wire") {
		t.Errorf("driver %q, name %q", w.port.Driver(), w.port.Name())
	}
	if link, err := w.port.Link(); err != nil || !link.Up || !link.FullDuplex {
		t.Errorf("link %+v, %v", link, err)
	}
	if mac, err := w.port.MAC(); err != nil || len(mac) != 6 {
		t.Errorf("address %v, %v", mac, err)
	}
	if socket, err := w.port.Socket(); err != nil || socket < dpdk.AnySocket {
		t.Errorf("socket %d, %v", socket, err)
	}
	if rx, tx := w.port.Queues(); rx != 1 || tx != 1 {
		t.Errorf("%d receive and %d transmit queues", rx, tx)
	}
}

func TestPortStatistics(t *testing.T) {
	pool := newPool(t, 63)
	w := newWire(t, pool, 16)
	c := newCycle(t, pool)
	c.NTx = 1
	c.Tx[0].Port, c.RxPort = w.port.ID(), w.port.ID()
	load(t, c, pool, 0, 64, tags(0, 5)...)
	for i := range 3 {
		if err := w.in.Enqueue(frame(i, 64)); err != nil {
			t.Fatal(err)
		}
	}
	c.Run()
	freeAll(c)
	stats, err := w.port.Stats()
	if err != nil || stats.RxFrames != 3 || stats.TxFrames != 5 {
		t.Errorf("%+v, %v, want 3 frames in and 5 out", stats, err)
	}
	xstats, err := w.port.XStats()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]uint64{}
	for _, x := range xstats {
		found[x.Name] = x.Value
	}
	if found["rx_good_packets"] != 3 || found["tx_q0_packets"] != 5 {
		t.Errorf("extended statistics %v", xstats)
	}
	w.sent()
}

func TestSeveralQueues(t *testing.T) {
	pool := newPool(t, 63)
	in, out := []*dpdk.Ring{newRing(t, 16, pool), newRing(t, 16, pool)}, []*dpdk.Ring{newRing(t, 16, pool), newRing(t, 16, pool), newRing(t, 16, pool)}
	port, err := dpdk.OpenRingPort(unique("multi"), in, out, dpdk.PortConfig{Mempool: pool})
	port = started(t, port, err)
	c := newCycle(t, pool)
	if err := in[1].Enqueue(frame(4, 64)); err != nil {
		t.Fatal(err)
	}
	c.RxPort, c.RxQueue, c.NTx = port.ID(), 1, 1
	c.Tx[0].Port, c.Tx[0].Queue = port.ID(), 2
	c.Run()
	moveAll(c, 0)
	c.Run()
	wantFrames(t, wire{out: out[2]}.sent(), 64, 4)
}

func TestDeviceDescriptions(t *testing.T) {
	tests := []struct {
		device, devargs, name string
		pci                   bool
	}{
		{"net_null0", "net_null0", "net_null0", false},
		{"net_pcap0,rx_pcap=a.pcap,tx_pcap=b.pcap", "net_pcap0,rx_pcap=a.pcap,tx_pcap=b.pcap", "net_pcap0", false},
		{"net_af_packet0,iface=e0", "net_af_packet0,iface=e0,framesz=4096,blocksz=4096", "net_af_packet0", false},
		{"net_af_packet0,iface=e0,framesz=8192,blocksz=8192", "net_af_packet0,iface=e0,framesz=8192,blocksz=8192", "net_af_packet0", false},
		{"net_af_packet0,iface=e0,framesz=2048", "net_af_packet0,iface=e0,framesz=2048,blocksz=4096", "net_af_packet0", false},
		{"0000:03:00.1", "pci:0000:03:00.1", "0000:03:00.1", true},
		{"03:00.1", "pci:0000:03:00.1", "0000:03:00.1", true},
		{"03:00.1,class=eth", "pci:0000:03:00.1,class=eth", "0000:03:00.1", true},
		{"10000:E1:00.0", "pci:10000:E1:00.0", "10000:E1:00.0", true},
		{"03:00.8", "03:00.8", "03:00.8", false},
	}
	for _, test := range tests {
		t.Run(test.device, func(t *testing.T) {
			if got := dpdk.Devargs(test.device); got != test.devargs {
				t.Errorf("devargs %q, want %q", got, test.devargs)
			}
			if got := dpdk.PortName(test.device); got != test.name {
				t.Errorf("name %q, want %q", got, test.name)
			}
			if got := dpdk.IsPCI(test.device); got != test.pci {
				t.Errorf("PCI %v, want %v", got, test.pci)
			}
		})
	}
}

func TestMempoolCounts(t *testing.T) {
	pool := newPool(t, 15)
	if pool.Size() != 15 || pool.Available() != 15 || pool.InUse() != 0 || pool.FrameMax() != 4096 {
		t.Errorf("size %d, available %d, in use %d, frames up to %d", pool.Size(), pool.Available(), pool.InUse(), pool.FrameMax())
	}
	m := pool.Mbuf(frame(1, 4096))
	if m == nil || pool.InUse() != 1 || pool.Available() != 14 {
		t.Fatalf("mbuf %p, available %d, in use %d", m, pool.Available(), pool.InUse())
	}
	if too := pool.Mbuf(make([]byte, 4097)); too != nil {
		t.Error("a frame longer than an mbuf was taken")
	}
	err := pool.Close()
	if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "1 mbufs still in use") {
		t.Errorf("closing a pool in use: %v", err)
	}
	m.Release()
}

func TestMbufMovesItsStart(t *testing.T) {
	pool := newPool(t, 15)
	m := pool.Mbuf([]byte("0123456789"))
	defer m.Release()
	steps := []struct {
		name string
		do   func(int) bool
		n    int
		ok   bool
		want int // length after
	}{
		{"takes 4 bytes in front", m.Prepend, 4, true, 14},
		{"takes all of the headroom", m.Prepend, dpdk.Headroom - 4, true, 10 + dpdk.Headroom},
		{"takes not one byte more", m.Prepend, 1, false, 10 + dpdk.Headroom},
		{"takes no negative number in front", m.Prepend, -1, false, 10 + dpdk.Headroom},
		{"gives it back", m.Adj, dpdk.Headroom, true, 10},
		{"gives no negative number", m.Adj, -1, false, 10},
		{"gives not more than there is", m.Adj, 11, false, 10},
		{"gives half", m.Adj, 5, true, 5},
	}
	for _, s := range steps {
		if ok := s.do(s.n); ok != s.ok || m.Len() != s.want {
			t.Errorf("%s: %v, length %d, want %v, %d", s.name, ok, m.Len(), s.ok, s.want)
		}
	}
	if got := string(m.Bytes()); got != "56789" {
		t.Errorf("frame %q", got)
	}
}

func TestPortsByTheHundredAreFine(t *testing.T) {
	if testing.Short() {
		t.Skip("opens and closes many ports")
	}
	pool := newPool(t, 63)
	for i := range 100 {
		port, err := dpdk.Open(fmt.Sprintf("net_null_many%d", i), dpdk.PortConfig{Mempool: pool})
		if err != nil {
			t.Fatal(err)
		}
		if err := port.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Links are looked at ten times a second by a process that never collects garbage.
func TestLookingAtLinksAndStatsDoesNotAllocate(t *testing.T) {
	w := newWire(t, newPool(t, 255), 32)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := w.port.Link(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.port.Stats(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestAPortWithoutPriorityFlowControlSaysSoAndWhatToDo(t *testing.T) {
	p, err := dpdk.Open("net_null_pfc", dpdk.PortConfig{Mempool: newPool(t, 4095), PFC: []uint8{3}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var e *dpdk.Error
	if err := p.Start(); !errors.As(err, &e) || e.Errno != syscall.ENOTSUP || !strings.Contains(err.Error(), "pfc: none") {
		t.Fatalf("start with PFC on a virtual device: %v", err)
	}
}

func TestPausesOfADeviceWithoutFlowControlAreNone(t *testing.T) {
	w := newWire(t, newPool(t, 255), 32)
	if rx, tx, err := w.port.Pauses(); rx != 0 || tx != 0 || err != nil {
		t.Fatalf("%d, %d: %v", rx, tx, err)
	}
}
