package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// middle is what stands between the hosts: a bridge, or the appliance with its services.
type middle struct {
	dataplane  *process
	services   []*service
	appliances []*appliance  // of a pair, instead of both
	ending     chan struct{} // closed before we end its programs: from then on, an end is no surprise
}

// service is one running inspection service, with a capture of its own of what reaches it.
type service struct {
	spec      *Service
	proc      *process
	tap       *process // dumpcap
	countFile string
	capture   string
}

// bootFile is the part of the dataplane's boot document that the lab writes.
type bootFile struct {
	Node    string      `yaml:"node"`
	Lcores  []int       `yaml:"lcores,flow"`
	Poll    string      `yaml:"poll"`
	Segment bootSegment `yaml:"segment"`
	Ports   []bootPort  `yaml:"ports"`
}

type bootSegment struct {
	Dir string `yaml:"dir"`
}

type bootPort struct {
	Name   string `yaml:"name"`
	Device string `yaml:"device"`
	Role   string `yaml:"role"`
	Pair   string `yaml:"pair,omitempty"`
}

// Interfaces of the middle: a port's own one when a switch stands before it, and the two ends of a service's link.
func portInterface(port string) string    { return "p-" + port }
func switchInterface(port string) string  { return "w-" + port }
func serviceInterface(port string) string { return "s-" + port }
func nearService(port string) string      { return "d-" + port }

func segmentDir(dir string) string { return filepath.Join(dir, "segment") }

// planLinks makes the taps of all hosts and what connects them, and says which interface each port of the dataplane has.
// A host alone on its port is connected straight; several share a switch.
func planLinks(sc *Scenario) (*links, map[string]string) {
	l, ports := &links{}, map[string]string{}
	members := map[string][]string{}
	for i := range sc.Hosts {
		h := &sc.Hosts[i]
		l.tap(tapOf(h))
		members[h.Port] = append(members[h.Port], tapOf(h))
	}
	if sc.Middle == MiddleWire {
		var all []string
		for i := range sc.Hosts {
			all = append(all, tapOf(&sc.Hosts[i]))
		}
		l.bridge("wire", all...)
		return l, nil
	}
	for _, port := range slices.Sorted(maps.Keys(members)) {
		if taps := members[port]; len(taps) == 1 {
			ports[port] = taps[0]
		} else {
			l.veth(portInterface(port), switchInterface(port))
			l.bridge("b-"+port, append(taps, switchInterface(port))...)
			ports[port] = portInterface(port)
		}
		// The other half of a pair may have no host in this scenario; the dataplane wants it all the same.
		if other := pairOf(port); len(members[other]) == 0 {
			l.veth(portInterface(other), switchInterface(other))
			ports[other] = portInterface(other)
		}
	}
	for _, s := range sc.Services {
		l.veth(nearService(s.Port), serviceInterface(s.Port))
		ports[s.Port] = nearService(s.Port)
	}
	return l, ports
}

// pairOf is the port on the other side: equal numbers make a pair.
func pairOf(port string) string {
	if number, found := strings.CutPrefix(port, "edge"); found {
		return "fabric" + number
	}
	return "edge" + strings.TrimPrefix(port, "fabric")
}

// bootFor writes the boot document for the given ports.
func bootFor(ports map[string]string, segment string) bootFile {
	// The last core: the kernel likes to begin with the first.
	boot := bootFile{Node: "lab", Lcores: []int{runtime.NumCPU() - 1}, Poll: "adaptive", Segment: bootSegment{Dir: segment}}
	for i, name := range slices.Sorted(maps.Keys(ports)) {
		p := bootPort{Name: name, Device: fmt.Sprintf("net_af_packet%d,iface=%s,framecnt=%d", i, ports[name], ringFrames), Role: "service"}
		if portName.MatchString(name) {
			p.Role, p.Pair = strings.TrimRight(name, "0123456789"), pairOf(name)
		}
		boot.Ports = append(boot.Ports, p)
	}
	return boot
}

// startMiddle starts what runs on the links, and waits until it is ready. A wire is ready at once.
func (r *run) startMiddle(ctx context.Context, ports map[string]string, surprise func(error)) (*middle, error) {
	ns, sc, bin, dir := r.ns, r.sc, r.Bin, r.dir
	m := &middle{ending: make(chan struct{})}
	if sc.Middle == MiddleWire {
		return m, nil
	}
	if err := m.startDataplane(ns, sc, ports, bin, dir); err != nil {
		return m, err
	}
	sockets := map[string]int{} // interface -> packet sockets that show that all is there
	for _, iface := range ports {
		sockets[iface] = 1
	}
	for i := range sc.Services {
		s := &service{spec: &sc.Services[i]}
		m.services = append(m.services, s)
		if err := s.start(ns, sc.VLAN, bin, dir); err != nil {
			return m, err
		}
		sockets[serviceInterface(s.spec.Port)] = 2 // the service's and the capture's
	}
	m.watch(surprise)
	return m, m.ready(ctx, ns, sockets)
}

func (m *middle) startDataplane(ns *namespace, sc *Scenario, ports map[string]string, bin, dir string) error {
	segment := segmentDir(dir)
	if err := os.Mkdir(segment, 0o755); err != nil {
		return err
	}
	boot, err := yaml.Marshal(bootFor(ports, segment))
	if err != nil {
		return err
	}
	bootPath := filepath.Join(dir, "boot.yaml")
	if err := os.WriteFile(bootPath, boot, 0o644); err != nil {
		return err
	}
	args := []string{"run", "--boot", bootPath, "--state-dir", filepath.Join(dir, "state")}
	if sc.Policy != "" {
		policyPath := filepath.Join(dir, "policy.yaml")
		if err := os.WriteFile(policyPath, []byte(sc.Policy), 0o644); err != nil {
			return err
		}
		args = append(args, "--policy", policyPath)
	}
	program := filepath.Join(bin, "fcr-dataplane")
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("%w: make build", err)
	}
	m.dataplane, err = ns.spawn(spawnOptions{log: filepath.Join(dir, "dataplane.log")}, program, args...)
	return err
}

// start starts fcr-sim's transparent inspection service, and dumpcap beside it. The service writes what it counted when it
// ends. The capture is the witness: it sees the service's end of the link, so it holds whatever the dataplane sent there.
func (s *service) start(ns *namespace, vlan int, bin, dir string) error {
	s.countFile = filepath.Join(dir, s.spec.Port+".count.json")
	s.capture = filepath.Join(dir, s.spec.Port+".pcap")
	program := filepath.Join(bin, "fcr-sim")
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("%w: make build", err)
	}
	iface := serviceInterface(s.spec.Port)
	var err error
	// The filter leaves out what the service sends back.
	s.tap, err = ns.spawn(spawnOptions{log: filepath.Join(dir, s.spec.Port+".dumpcap.log")}, "dumpcap",
		"-q", "-P", "-i", iface, "-B", fmt.Sprint(captureBufferMiB), "-f", fmt.Sprintf("ether dst %[1]s and not ether src %[1]s", s.spec.MAC), "-w", s.capture)
	if err != nil {
		return err
	}
	s.proc, err = ns.spawn(spawnOptions{log: filepath.Join(dir, s.spec.Port+".service.log")}, program,
		"service", "--iface", iface, "--mac", s.spec.MAC, "--vlan", fmt.Sprint(vlan), "--count-file", s.countFile)
	return err
}

// ready waits until the packet sockets are bound to the interfaces. That is the one sign which does not depend on what the
// programs print; the kernel tells nobody about it, hence the short looks.
func (m *middle) ready(ctx context.Context, ns *namespace, want map[string]int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyLimit, fmt.Errorf("nothing more within %v", readyLimit))
	defer cancel()
	indexes, err := ns.indexes(ctx)
	if err != nil {
		return err
	}
	missing := func() (names []string, err error) {
		bound, err := packetSockets(m.dataplane.cmd.Process.Pid)
		for iface, n := range want {
			if bound[indexes[iface]] < n {
				names = append(names, iface)
			}
		}
		return names, err
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		names, err := missing()
		if err == nil && len(names) == 0 {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("middle not ready: no packet socket on %v: %w", names, context.Cause(ctx))
		}
	}
}

// watch calls surprise when a program of the middle ends before its time. Its goroutines end with the programs.
func (m *middle) watch(surprise func(error)) {
	for _, p := range m.processes() {
		go func() {
			<-p.ended
			select {
			case <-m.ending:
			default:
				surprise(fmt.Errorf("%s ended before its time: %v; its last words: %s", p.name, p.err, lastLines(p.log.Name(), 3)))
			}
		}()
	}
}

// processes lists what runs, in the order to end it: the captures last, so that they miss nothing.
func (m *middle) processes() []*process {
	if len(m.appliances) > 0 {
		var ps []*process
		for _, a := range m.appliances {
			ps = append(ps, a.processes()...)
		}
		return ps
	}
	ps := []*process{m.dataplane}
	for _, s := range m.services {
		ps = append(ps, s.proc)
	}
	for _, s := range m.services {
		ps = append(ps, s.tap)
	}
	return slices.DeleteFunc(ps, func(p *process) bool { return p == nil })
}

// stop ends the programs in good order: all must end well.
func (m *middle) stop() error {
	close(m.ending)
	var errs []error
	for _, p := range m.processes() {
		if err := p.stop(); !m.died(p) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// died says whether a program belongs to an appliance that the scenario has killed.
func (m *middle) died(p *process) bool {
	return slices.ContainsFunc(m.appliances, func(a *appliance) bool { return a.killed.Load() && (p == a.dataplane || p == a.daemon) })
}

// kill ends whatever still runs.
func (m *middle) kill() {
	select {
	case <-m.ending:
	default:
		close(m.ending)
	}
	for _, p := range m.processes() {
		p.kill()
	}
}
