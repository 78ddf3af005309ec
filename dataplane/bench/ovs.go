package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// OVS runs Open vSwitch on DPDK: a general switch that is told by a rule per direction what our policy says. It has a
// database and a switch process of its own, in a temporary directory and a network namespace, so it neither meets nor
// disturbs one that this machine runs.
type OVS struct{}

// Name is "ovs".
func (*OVS) Name() string { return "ovs" }

// ovsSwitch is Debian's switch with DPDK: the ovs-vswitchd in the path may be the one without.
const ovsSwitch = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"

const ovsSchema = "/usr/share/openvswitch/vswitch.ovsschema"

// Run measures it once.
func (c *OVS) Run(ctx context.Context, s *Scenario) (Result, error) {
	if err := ovsCan(s); err != nil {
		return Result{}, err
	}
	if err := EnsureHugepages(s.Memory() + ovsMempool); err != nil {
		return Result{}, err
	}
	dir, err := os.MkdirTemp("", "fcr-ovs-") // not in s.Dir: paths of Unix sockets have 107 bytes
	if err != nil {
		return Result{}, fmt.Errorf("ovs: %w", err)
	}
	defer os.RemoveAll(dir)
	o := &ovs{dir: dir, s: s, env: append(os.Environ(), "OVS_RUNDIR="+dir, "OVS_LOGDIR="+dir, "OVS_DBDIR="+dir)}
	defer o.stop()
	for _, step := range []func(context.Context) error{o.startDatabase, o.startSwitch, o.addRules, o.addPorts, o.settle} {
		if err := step(ctx); err != nil {
			return Result{}, err
		}
	}
	return o.measure(ctx)
}

// ovsCan says why Open vSwitch cannot be measured with a scenario, if so.
func ovsCan(s *Scenario) error {
	longest := max(s.Traffic.FrameBytes, commandFrame)
	if s.Traffic.VLAN != 0 {
		longest += 4
	}
	if s.Traffic.Directions > ovsMaxDirections {
		return fmt.Errorf("%w: ovs: its mempool cannot hold captures of more than %d frames", ErrUnavailable, ovsMaxDirections)
	}
	if longest > ovsMaxFrame {
		return fmt.Errorf("%w: ovs: its port over net_pcap takes frames up to %d bytes", ErrUnavailable, ovsMaxFrame)
	}
	for _, file := range []string{ovsSwitch, ovsSchema} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("%w: ovs: %s is missing: apt-get install openvswitch-switch-dpdk", ErrUnavailable, file)
		}
	}
	for _, tool := range []string{"ovsdb-tool", "ovsdb-server", "ovs-vsctl", "ovs-ofctl", "ovs-appctl"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: ovs: %s is missing: apt-get install openvswitch-switch-dpdk", ErrUnavailable, tool)
		}
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: ovs: its network namespace takes root", ErrUnavailable)
	}
	return nil
}

// ovs is one run of it.
type ovs struct {
	dir      string
	s        *Scenario
	env      []string
	database *process
	vswitchd *process
}

const ovsBridge = "bench"

func (o *ovs) file(name string) string { return filepath.Join(o.dir, name) }

// tool runs one of its programs to the end.
func (o *ovs) tool(ctx context.Context, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return run(ctx, argv, o.env)
}

// vsctl writes to the database, and waits until the switch has done what that says.
func (o *ovs) vsctl(ctx context.Context, args ...string) (string, error) {
	return o.tool(ctx, append([]string{"ovs-vsctl", "--retry", "--timeout=60", "--db=unix:" + o.file("db.sock")}, args...)...)
}

func (o *ovs) startDatabase(ctx context.Context) (err error) {
	if _, err := o.tool(ctx, "ovsdb-tool", "create", o.file("conf.db"), ovsSchema); err != nil {
		return err
	}
	o.database, err = start([]string{
		"ovsdb-server", o.file("conf.db"), "--remote=punix:" + o.file("db.sock"), "--unixctl=" + o.file("db.ctl"),
		"-vconsole:warn", "-vsyslog:off",
	}, o.env, 0)
	if err != nil {
		return err
	}
	_, err = o.vsctl(ctx, "--no-wait", "init", "--", "set", "Open_vSwitch", ".",
		"other_config:dpdk-init=true",
		fmt.Sprintf("other_config:dpdk-lcore-mask=%#x", 1<<o.s.MainCore),
		fmt.Sprintf("other_config:pmd-cpu-mask=%#x", mask64(o.s.PollCores)),
		"other_config:dpdk-extra=--in-memory --no-pci --no-telemetry --file-prefix="+filePrefix("ovs"),
		"other_config:flow-limit="+strconv.Itoa(ovsFlowLimit),
		"other_config:emc-insert-inv-prob="+emcInsertion(o.s.Traffic.Directions),
		// One thread each beside the polling ones: more would only take turns on the same core.
		"other_config:n-handler-threads=1", "other_config:n-revalidator-threads=1")
	return err
}

func mask64(cores []int) (mask uint64) {
	for _, core := range cores {
		mask |= 1 << core
	}
	return mask
}

// emcInsertion: its exact match cache helps as long as the flows fit, and costs when they do not.
func emcInsertion(directions int) string {
	if directions > emcEntries {
		return "0" // never
	}
	return "1" // always
}

func (o *ovs) startSwitch(ctx context.Context) (err error) {
	o.vswitchd, err = start([]string{
		ovsSwitch, "unix:" + o.file("db.sock"), "--unixctl=" + o.file("switch.ctl"), "-vconsole:warn", "-vsyslog:off",
	}, o.env, syscall.CLONE_NEWNET)
	if err != nil {
		return err
	}
	_, err = o.vsctl(ctx, "add-br", ovsBridge, "--", "set", "bridge", ovsBridge, "datapath_type=netdev", "fail-mode=secure")
	return err
}

// addRules comes before addPorts: with the flood already running, 24,000 rules take half a minute.
func (o *ovs) addRules(ctx context.Context) error {
	_, err := o.tool(ctx, "ovs-ofctl", "add-flows", o.file(ovsBridge+".mgmt"), o.s.Path(OpenFlowFile))
	return err
}

func (o *ovs) addPorts(ctx context.Context) error {
	for i := range o.s.Pairs {
		p := &o.s.Pairs[i]
		for k, port := range []struct{ name, device string }{
			{ServicePort(i), p.ServiceDevice()}, {EdgePort(i), p.EdgeDevice()}, {FabricPort(i), p.FabricDevice()},
		} {
			number := i*ovsPorts + []int{ovsService, ovsEdge, ovsFabric}[k]
			_, err := o.vsctl(ctx, "add-port", ovsBridge, port.name, "--", "set", "Interface", port.name, "type=dpdk",
				"options:dpdk-devargs="+strconv.Quote(port.device), "ofport_request="+strconv.Itoa(number),
				fmt.Sprintf("other_config:pmd-rxq-affinity=\"0:%d\"", o.s.PollCores[i]))
			if err != nil {
				return err
			}
			said, err := o.vsctl(ctx, "get", "Interface", port.name, "error")
			if err != nil {
				return err
			}
			if said = strings.Trim(strings.TrimSpace(said), "[]"); said != "" {
				return fmt.Errorf("ovs: port %s: %s", port.name, said)
			}
		}
	}
	return nil
}

// settle waits until the datapath has a flow for every direction, and then for the warm-up.
func (o *ovs) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		now, err := o.look(ctx)
		if err != nil {
			return err
		}
		if now.flows >= o.s.Traffic.Flows()*2 {
			return pause(ctx, o.s.Warmup)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("ovs: %d flows of %d in its datapath after %v", now.flows, o.s.Traffic.Flows()*2, startTimeout)
		}
	}
}

func (o *ovs) measure(ctx context.Context) (Result, error) {
	before, err := o.look(ctx)
	if err != nil {
		return Result{}, err
	}
	if err := pause(ctx, o.s.Measure); err != nil {
		return Result{}, err
	}
	after, err := o.look(ctx)
	if err != nil {
		return Result{}, err
	}
	r, err := ovsResult(before, after, len(o.s.Pairs))
	if err != nil {
		return Result{}, fmt.Errorf("ovs: %w", err)
	}
	want := o.s.Traffic.Share()
	want.Copies = 0 // see WriteOpenFlow
	if err := r.Check(&want); err != nil {
		return Result{}, fmt.Errorf("ovs: %w", err)
	}
	return r, nil
}

// look reads the ports' counters. The moment is the middle of the call, which takes some milliseconds.
func (o *ovs) look(ctx context.Context) (ovsMoment, error) {
	asked := time.Now()
	text, err := o.tool(ctx, "ovs-appctl", "-t", o.file("switch.ctl"), "dpctl/show", "-s")
	if err != nil {
		return ovsMoment{}, err
	}
	m, err := parseOVS(text, asked.Add(time.Since(asked)/2))
	if err != nil {
		return m, err
	}
	m.schedule, err = o.vswitchd.schedule()
	return m, err
}

func (o *ovs) stop() {
	for _, p := range []*process{o.vswitchd, o.database} {
		if p != nil {
			p.stop()
		}
	}
}

// ovsMoment is what dpctl/show -s said at a time.
type ovsMoment struct {
	at    time.Time
	flows int
	ports map[string]ovsPort

	schedule Schedule
}

type ovsPort struct{ rx, tx, lost uint64 }

var (
	ovsFlows = regexp.MustCompile(`(?m)^\s*flows:\s*(\d{1,9})\s*$`)
	ovsStats = regexp.MustCompile(`(?m)^\s*port \d+: (\S+) \(dpdk[^\n]*\n` +
		`\s*RX packets:(\d{1,19}) errors:(\d{1,19}) dropped:(\d{1,19})[^\n]*\n` +
		`\s*TX packets:(\d{1,19}) errors:(\d{1,19}) dropped:(\d{1,19})`)
)

func parseOVS(text string, at time.Time) (ovsMoment, error) {
	m := ovsMoment{at: at, ports: map[string]ovsPort{}}
	flows := ovsFlows.FindStringSubmatch(text)
	if flows == nil {
		return m, fmt.Errorf("ovs: no number of flows in: %.300s", text)
	}
	m.flows = int(number(flows[1]))
	for _, f := range ovsStats.FindAllStringSubmatch(text, -1) {
		m.ports[f[1]] = ovsPort{rx: number(f[2]), tx: number(f[5]), lost: number(f[3]) + number(f[4]) + number(f[6]) + number(f[7])}
	}
	return m, nil
}

// ovsResult is the difference of two moments.
func ovsResult(before, after ovsMoment, pairs int) (Result, error) {
	r := Result{Seconds: after.at.Sub(before.at).Seconds(), Directions: uint64(after.flows)}
	for i := range pairs {
		for k, name := range []string{EdgePort(i), FabricPort(i), ServicePort(i)} {
			a, there := before.ports[name]
			b, still := after.ports[name]
			if !there || !still {
				return r, fmt.Errorf("no statistics of port %s", name)
			}
			r.Frames += b.rx - a.rx
			r.Dropped += b.lost - a.lost
			*[]*uint64{&r.Sent.Edge, &r.Sent.Fabric, &r.Sent.Service}[k] += b.tx - a.tx
		}
	}
	r.Mpps = float64(r.Frames) / r.Seconds / 1e6
	r.Waited = after.schedule.Waited(before.schedule, pairs)
	return r, nil
}
