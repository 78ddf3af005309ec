package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/dataplane/sim/wire"
)

// childBoot names the boot file with which this program is a data plane instead of a test.
const childBoot = "FCR_ENGINE_TEST_BOOT"

// beChild is a data plane as the program makes it.
func beChild(path string) error {
	c, _, err := boot.Load(path)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	place, err := Choose(c, log)
	if err != nil {
		return err
	}
	if err := Settle(c.Lcores); err != nil {
		return err
	}
	_ = Prefer() // only root may
	if err := StartEAL(c, place); err != nil {
		return err
	}
	defer dpdk.Cleanup()
	frames, clones, err := Pools(c)
	if err != nil {
		return err
	}
	e, err := New(Options{Boot: c, Dir: place.Dir, Log: log, Clones: clones, Open: Opener(c, frames)})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return e.Run(ctx, nil)
}

const vethNode = `
node: %[1]s
lcores: [%[2]d]
poll: adaptive
ports:
  - {name: edge0, device: "net_af_packet0,iface=edge", role: edge, pair: fabric0}
  - {name: fabric0, device: "net_af_packet1,iface=fabric", role: fabric}
segment: {hugepages: off, dir: %[3]s/%[1]s, flows: 1024, logins: 64}
mempool: {mbufs: 16384}
state-dir: %[3]s
pair: {with: %[4]s, key-file: %[3]s/key, start: %[5]s}
`

// road is two data planes as processes, each in a network namespace of its own, between two bridges of the kernel.
type road struct {
	t            *testing.T
	dir          string
	names        [2]string
	children     [2]*exec.Cmd
	ended        [2]chan struct{}
	state, ctl   [2]*shm.File
	host, target *wire.Packet
}

func newRoad(t *testing.T) *road {
	if os.Getuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	if testing.Short() {
		t.Skip("two processes, some seconds")
	}
	r := &road{t: t, dir: t.TempDir()}
	run := func(args string) {
		t.Helper()
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	netns := func(name string) string {
		name = fmt.Sprintf("fcrpair-%s-%d", name, os.Getpid())
		run("netns add " + name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
		run("netns exec " + name + " sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
		return name
	}
	switches, ends := netns("sw"), netns("ends")
	for _, br := range []string{"hosts", "targets"} {
		run(fmt.Sprintf("-n %s link add %s type bridge mcast_snooping 0", switches, br))
		run(fmt.Sprintf("-n %s link set %s mtu 2500 up", switches, br))
	}
	plug := func(ns, iface, bridge, as string) {
		run(fmt.Sprintf("-n %s link add %s type veth peer name %s netns %s", switches, as, iface, ns))
		run(fmt.Sprintf("-n %s link set %s mtu 2500 master %s up", switches, as, bridge))
		run(fmt.Sprintf("-n %s link set %s mtu 2500 up", ns, iface))
	}
	plug(ends, "host", "hosts", "to-host")
	plug(ends, "target", "targets", "to-target")
	if err := os.WriteFile(filepath.Join(r.dir, "key"), []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.names = [2]string{fmt.Sprintf("veth-a-%d", os.Getpid()), fmt.Sprintf("veth-b-%d", os.Getpid())}
	for i := range 2 {
		ns := netns(string(rune('a' + i)))
		plug(ns, "edge", "hosts", fmt.Sprintf("edge-%d", i))
		plug(ns, "fabric", "targets", fmt.Sprintf("fabric-%d", i))
		r.start(i, ns)
	}
	var err error
	if r.host, err = wire.Open("host", ends); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.host.Close() })
	if r.target, err = wire.Open("target", ends); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.target.Close() })
	return r
}

func (r *road) start(i int, ns string) {
	r.t.Helper()
	path := filepath.Join(r.dir, r.names[i]+".yaml")
	text := fmt.Sprintf(vethNode, r.names[i], i, r.dir, r.names[1-i], []string{"active", "auto"}[i])
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(r.dir, r.names[i]+".log"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer out.Close()
	c := exec.Command("ip", "netns", "exec", ns, "/proc/self/exe")
	if c.Args[4], err = os.Executable(); err != nil {
		r.t.Fatal(err)
	}
	c.Env, c.Stdout, c.Stderr = append(os.Environ(), childBoot+"="+path), out, out
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.children[i], r.ended[i] = c, make(chan struct{})
	go func() { _ = c.Wait(); close(r.ended[i]) }()
	r.t.Cleanup(func() { r.kill(i) })
	r.until(func() bool {
		state, err1 := shm.Open(filepath.Join(r.dir, r.names[i], "state"), false)
		ctl, err2 := shm.Open(filepath.Join(r.dir, r.names[i], "ctl"), true)
		if err1 != nil || err2 != nil {
			return false
		}
		r.state[i], r.ctl[i] = state, ctl
		return true
	})
	r.t.Cleanup(func() { r.state[i].Close(); r.ctl[i].Close() })
}

// kill ends a data plane as a power cut does: ip became the data plane, so it is that process.
func (r *road) kill(i int) {
	_ = r.children[i].Process.Kill()
	<-r.ended[i]
}

func (r *road) until(is func() bool) {
	r.t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			for _, name := range r.names {
				b, _ := os.ReadFile(filepath.Join(r.dir, name+".log"))
				r.t.Logf("%s:\n%s", name, b)
			}
			r.t.Fatal("waited for it in vain")
		}
	}
}

func (r *road) pair(i int) pair.Record {
	p, _ := pair.Read(r.state[i])
	return p
}

// ready programs a standby and says that it is ready.
func (r *road) ready(i int) {
	r.t.Helper()
	c, ctx := command.New(r.state[i], r.ctl[i]), r.t.Context()
	var logins []command.Login
	for _, l := range []login.Login{at(1, 0), at(2, 1)} {
		logins = append(logins, command.Login{Addr: uint64(l.Addr), WWPN: uint64(l.WWPN), MAC: l.MAC, Port: l.Port, How: uint8(l.How), Flags: uint8(l.Flags)})
	}
	if p, err := c.Program(ctx, logins); err != nil || p.Done+p.Better != 2 {
		r.t.Fatalf("%+v %v", p, err)
	}
	if err := c.Ready(ctx, true, 2); err != nil {
		r.t.Fatal(err)
	}
	r.until(func() bool { return r.pair(1-i).PartnerFlags&pair.IsReady != 0 })
}

// arrivals are the frames that the target had, by their number.
type arrivals struct {
	mu sync.Mutex
	at map[uint32][]time.Time
}

// stream sends a numbered frame each way, a pair each millisecond, and says what came of those to the target.
func (r *road) stream(d time.Duration, during func()) (sent, missing, twice int, pause time.Duration) {
	r.t.Helper()
	a := &arrivals{at: map[uint32][]time.Time{}}
	over, back := make(chan struct{}), make(chan []byte, 4096) // a wire belongs to one goroutine
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			for len(back) > 0 {
				r.target.Send(<-back)
			}
			if err := r.target.Flush(); err != nil {
				r.t.Error(err)
			}
			err := r.target.Receive(time.Millisecond, func(b []byte) {
				if len(b) > 56 && binary.BigEndian.Uint16(b[12:]) == 0x8906 && b[52] == 0x77 {
					a.mu.Lock()
					n := binary.BigEndian.Uint32(b[52:]) & 0xffffff
					a.at[n] = append(a.at[n], time.Now())
					a.mu.Unlock()
				}
			})
			if err != nil {
				r.t.Error(err)
			}
		}
	})
	running.Go(during)
	begin := time.Now()
	for ; time.Since(begin) < d; sent++ {
		number := binary.BigEndian.AppendUint32(nil, 0x77000000|uint32(sent))
		r.host.Send(fcp(1, 2, frame.RCtlSolicitedData, 8, 0, number))
		if err := r.host.Flush(); err != nil {
			r.t.Error(err)
		}
		back <- fcp(2, 1, frame.RCtlSolicitedData, 0x800008, 0, number)
		time.Sleep(time.Until(begin.Add(time.Duration(sent+1) * time.Millisecond)))
	}
	time.Sleep(300 * time.Millisecond) // what is on its way: nothing tells that it was all
	close(over)
	running.Wait()
	last := begin
	for n := range sent {
		switch came := a.at[uint32(n)]; len(came) {
		case 0:
			missing++
		case 1:
			pause = max(pause, came[0].Sub(last))
			last = came[0]
		default:
			twice++
		}
	}
	return sent, missing, twice, pause
}

func TestTwoDataPlanesBetweenTwoSwitches(t *testing.T) {
	r := newRoad(t)
	r.until(func() bool {
		return r.pair(0).State == pair.Active && r.pair(1).State == pair.Standby && r.pair(1).PartnerState == pair.Active
	})
	sent, missing, twice, pause := r.stream(time.Second, func() {})
	t.Logf("nothing done: %d frames, %d missing, %d twice, the longest pause %v", sent, missing, twice, pause)

	r.ready(1)
	var took time.Duration
	sent, missing, twice, pause = r.stream(2*time.Second, func() {
		time.Sleep(300 * time.Millisecond)
		begin := time.Now()
		if err := command.New(r.state[0], r.ctl[0]).HandOver(t.Context(), false); err != nil {
			t.Error(err)
		}
		took = time.Since(begin)
	})
	t.Logf("planned hand-over in %v: %d frames, %d missing, %d twice, the longest pause %v", took.Round(100*time.Microsecond), sent, missing, twice, pause)
	if twice > 0 || missing > 0 {
		t.Errorf("a planned hand-over lost %d frames and doubled %d", missing, twice)
	}
	r.until(func() bool { return r.pair(0).State == pair.Standby })

	// Frames wait for a process that is stopped. When it goes on it must not put them out: others came after them.
	r.ready(0)
	sent, missing, twice, pause = r.stream(2500*time.Millisecond, func() {
		time.Sleep(300 * time.Millisecond)
		begin := time.Now()
		r.signal(1, syscall.SIGSTOP)
		r.until(func() bool { return r.pair(0).State == pair.Active })
		took = time.Since(begin)
		time.Sleep(time.Second - took)
		r.signal(1, syscall.SIGCONT)
		r.until(func() bool { return r.pair(1).State == pair.Standby })
	})
	t.Logf("stopped, active after %v: %d frames, %d missing, %d twice, the longest pause %v", took.Round(time.Millisecond), sent, missing, twice, pause)
	if missing < 100 || twice > 0 {
		t.Errorf("%d frames twice, %d missing: those that waited went out late", twice, missing)
	}
	if drops := report.Ports(r.state[1])[0].Drops["standby"]; drops < 100 {
		t.Errorf("the process that was stopped dropped %d frames", drops)
	}

	r.ready(1)
	sent, missing, twice, pause = r.stream(1500*time.Millisecond, func() {
		time.Sleep(300 * time.Millisecond)
		begin := time.Now()
		r.kill(0)
		r.until(func() bool { return r.pair(1).State == pair.Active })
		took = time.Since(begin)
	})
	t.Logf("killed, active after %v: %d frames, %d missing, %d twice, the longest pause %v", took.Round(time.Millisecond), sent, missing, twice, pause)
	if b := r.pair(1); b.Why != pair.WhyDead || b.Takeovers == 0 || twice > 0 || missing == sent {
		t.Errorf("%d frames twice, %d missing, %+v", twice, missing, b)
	}
}

func (r *road) signal(i int, s syscall.Signal) {
	if err := r.children[i].Process.Signal(s); err != nil {
		r.t.Error(err)
	}
}
