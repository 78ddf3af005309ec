package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goccy/go-yaml"
)

// An inline pair: two appliances side by side between the same two switches. Each has a namespace, a service and a daemon
// of its own, and a wire to the other for their daemons. One forwards; the other's ports are blocked, or there would be a
// loop.
//
//	hosts ── b-edge0 ──┬── appliance-a ──┬── b-fabric0 ── targets
//	                   └── appliance-b ──┘

// appliances are the names of the two, the one that begins as the active one first.
var appliances = []string{"appliance-a", "appliance-b"}

// appliance is one of the two.
type appliance struct {
	name      string
	index     int
	ns        *namespace
	dir       string
	ports     map[string]string
	dataplane *process
	daemon    *process
	services  []*service
	killed    atomic.Bool // its end is no surprise
}

// address of an appliance's daemon, on the wire between the two.
func (a *appliance) address() string { return fmt.Sprintf("192.0.2.%d", a.index+1) }

// planPair makes the taps of all hosts, the switches, and the links of both appliances into their namespaces.
func (r *run) planPair(ctx context.Context) (err error) {
	l := &links{}
	members := map[string][]string{"edge0": nil, "fabric0": nil}
	for i := range r.sc.Hosts {
		h := &r.sc.Hosts[i]
		l.tap(tapOf(h))
		members[h.Port] = append(members[h.Port], tapOf(h))
	}
	inside := map[*appliance]*links{}
	for i, name := range appliances {
		a := &appliance{name: name, index: i, dir: filepath.Join(r.dir, name), ports: map[string]string{}}
		if a.ns, err = newNamespace(ctx, fmt.Sprintf("%s-%s", r.sc.Name, name)); err != nil {
			return err
		}
		r.appliances = append(r.appliances, a)
		if err := os.Mkdir(a.dir, 0o755); err != nil {
			return err
		}
		in := &links{}
		inside[a] = in
		for port := range members {
			outer := fmt.Sprintf("%s-%d", switchInterface(port), i)
			l.do("link add %s type veth peer name %s netns %s", outer, portInterface(port), a.ns.name)
			l.up(outer)
			in.up(portInterface(port))
			members[port] = append(members[port], outer)
			a.ports[port] = portInterface(port)
		}
		for _, s := range r.sc.Services {
			in.veth(nearService(s.Port), serviceInterface(s.Port))
			a.ports[s.Port] = nearService(s.Port)
		}
		in.do("link set lo up")
	}
	for _, port := range slices.Sorted(maps.Keys(members)) {
		l.bridge("b-"+port, members[port]...)
	}
	first, second := r.appliances[0], r.appliances[1]
	l.do("link add peer-0 netns %s type veth peer name peer-1 netns %s", first.ns.name, second.ns.name)
	if err := r.ns.apply(ctx, l); err != nil {
		return err
	}
	for i, a := range r.appliances {
		inside[a].do("addr add %s/24 dev peer-%d", a.address(), i)
		inside[a].up(fmt.Sprintf("peer-%d", i))
		if err := a.ns.apply(ctx, inside[a]); err != nil {
			return err
		}
	}
	return nil
}

// startPair starts both appliances and waits until the first forwards and the second could take over.
func (r *run) startPair(ctx context.Context, surprise func(error)) (*middle, error) {
	m := &middle{ending: make(chan struct{})}
	r.middle = m
	key := filepath.Join(r.dir, "pair.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("5ab1e0ff", 8)+"\n"), 0o600); err != nil {
		return m, err
	}
	for _, a := range r.appliances {
		if err := r.certify(ctx, a); err != nil {
			return m, err
		}
		if err := r.startAppliance(a, key); err != nil {
			return m, err
		}
		for _, p := range a.processes() {
			go func() {
				<-p.ended
				select {
				case <-m.ending:
				default:
					if !a.killed.Load() {
						surprise(fmt.Errorf("%s of %s ended before its time: %v; its last words: %s", p.name, a.name, p.err, lastLines(p.log.Name(), 3)))
					}
				}
			}()
		}
	}
	m.appliances = r.appliances
	for _, want := range []struct {
		of    *appliance
		state string
	}{{r.appliances[0], "active"}, {r.appliances[1], "standby"}} {
		if err := r.await(ctx, want.of, want.state, readyLimit); err != nil {
			return m, err
		}
	}
	return m, nil
}

// certify begins the cluster on the first appliance, and has the second join it as an admin would.
func (r *run) certify(ctx context.Context, a *appliance) error {
	ctl := filepath.Join(r.Bin, "fcrctl")
	if a.index == 0 {
		_, err := command(ctx, "", ctl, "peer", "init", "--state-dir", a.state(), "--cluster", "lab", "--node", a.name)
		return err
	}
	first := r.appliances[0]
	out, err := command(ctx, "", ctl, "peer", "invite", a.name, "--node", first.name, "--state-dir", first.state(), "--address", first.address()+":8444", "-o", "json")
	if err != nil {
		return err
	}
	var invited struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(out, &invited); err != nil {
		return fmt.Errorf("fcrctl peer invite: %w", err)
	}
	for end := time.Now().Add(readyLimit); ; time.Sleep(200 * time.Millisecond) { // until the first listens
		_, err = command(ctx, "", "ip", "netns", "exec", a.ns.name, ctl, "peer", "join", invited.Code, "--node", a.name, "--state-dir", a.state())
		if err == nil || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
	}
}

func (a *appliance) state() string   { return filepath.Join(a.dir, "state") }
func (a *appliance) segment() string { return segmentDir(a.dir) }

// pairBoot is the part of the boot document that makes a pair.
type pairBoot struct {
	bootFile `yaml:",inline"`
	Pair     pairSection `yaml:"pair"`
}

type pairSection struct {
	With     string `yaml:"with"`
	KeyFile  string `yaml:"key-file"`
	Priority int    `yaml:"priority"`
	Start    string `yaml:"start"`
}

// daemonFile is the daemon's configuration: peer sync, and the REST interface on its socket with the log that it needs;
// no database.
type daemonFile struct {
	Node     string       `yaml:"node"`
	Segment  string       `yaml:"segment"`
	StateDir string       `yaml:"state-dir"`
	RunDir   string       `yaml:"run-dir"`
	API      apiSection   `yaml:"api"`
	Peer     peerSection  `yaml:"peer"`
	Roles    []roleInFile `yaml:"roles"`
}

type apiSection struct {
	Listen []string `yaml:"listen,flow"`
}

type roleInFile struct {
	Name string `yaml:"name"`
}

type peerSection struct {
	Listen  string     `yaml:"listen"`
	Nodes   []peerNode `yaml:"nodes"`
	Partner string     `yaml:"partner"`
}

type peerNode struct {
	Name    string `yaml:"name"`
	Address string `yaml:"address"`
}

func (r *run) startAppliance(a *appliance, key string) error {
	other := r.appliances[1-a.index]
	if err := os.MkdirAll(a.segment(), 0o755); err != nil {
		return err
	}
	boot := pairBoot{bootFor(a.ports, a.segment()), pairSection{other.name, key, 2 - a.index, []string{"active", "standby"}[a.index]}}
	boot.Node = a.name
	daemon := daemonFile{
		Node: a.name, Segment: a.segment(), StateDir: a.state(), RunDir: filepath.Join(a.dir, "run"),
		Peer:  peerSection{Listen: a.address() + ":8444", Partner: other.name},
		API:   apiSection{[]string{}},
		Roles: []roleInFile{{"event"}, {"peer"}, {"api"}},
	}
	for _, b := range r.appliances {
		daemon.Peer.Nodes = append(daemon.Peer.Nodes, peerNode{b.name, b.address() + ":8444"})
	}
	for name, document := range map[string]any{"boot.yaml": boot, "mgmtd.yaml": daemon} {
		text, err := yaml.Marshal(document)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(a.dir, name), text, 0o644); err != nil {
			return err
		}
	}
	args := []string{"run", "--boot", filepath.Join(a.dir, "boot.yaml"), "--state-dir", filepath.Join(a.state(), "dataplane")}
	if r.sc.Policy != "" {
		path := filepath.Join(a.dir, "policy.yaml")
		if err := os.WriteFile(path, []byte(r.sc.Policy), 0o644); err != nil {
			return err
		}
		args = append(args, "--policy", path)
	}
	var err error
	if a.dataplane, err = a.ns.spawn(spawnOptions{log: filepath.Join(a.dir, "dataplane.log")}, filepath.Join(r.Bin, "fcr-dataplane"), args...); err != nil {
		return err
	}
	a.daemon, err = a.ns.spawn(spawnOptions{log: filepath.Join(a.dir, "mgmtd.log")}, filepath.Join(r.Bin, "fcr-mgmtd"), "run", "--config", filepath.Join(a.dir, "mgmtd.yaml"))
	if err != nil {
		return err
	}
	for i := range r.sc.Services {
		s := &service{spec: &r.sc.Services[i]}
		a.services = append(a.services, s)
		if err := s.start(a.ns, r.sc.VLAN, r.Bin, a.dir); err != nil {
			return err
		}
	}
	return nil
}

// processes lists what runs of it, the captures last.
func (a *appliance) processes() []*process {
	ps := []*process{a.daemon, a.dataplane}
	for _, s := range a.services {
		ps = append(ps, s.proc)
	}
	for _, s := range a.services {
		ps = append(ps, s.tap)
	}
	return slices.DeleteFunc(ps, func(p *process) bool { return p == nil })
}

// die is the end of the whole node: nothing of it says good-bye.
func (a *appliance) die() {
	a.killed.Store(true)
	for _, p := range []*process{a.dataplane, a.daemon} {
		p.kill()
	}
}

// pairStatus is the part of fcrctl's answer that is judged.
type pairStatus struct {
	State string `json:"state"`
	Ready bool   `json:"ready"`
	Epoch uint64 `json:"epoch"`
}

// await waits until an appliance is active, stands by, or is ready to take over.
func (r *run) await(ctx context.Context, a *appliance, state string, within time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("not within %v", within))
	defer cancel()
	var last string
	for look := time.NewTicker(50 * time.Millisecond); ; {
		out, err := command(ctx, "", filepath.Join(r.Bin, "fcrctl"), "pair", "show", "--segment", a.segment(), "-o", "json")
		var s pairStatus
		if err == nil {
			if err = json.Unmarshal(out, &s); err == nil && (s.State == state || state == "ready" && s.State == "standby" && s.Ready) {
				r.say("%s: %s, epoch %d", a.name, state, s.Epoch)
				return nil
			}
			last = strings.TrimSpace(string(out))
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			look.Stop()
			return fmt.Errorf("%s: waiting for %s: %w; it said %s (%v)", a.name, state, context.Cause(ctx), last, err)
		}
	}
}

// onAppliance does a step on one of the two.
func (r *run) onAppliance(ctx context.Context, a *appliance, st *Step) error {
	switch st.Do {
	case "kill":
		a.die()
		r.say("%s: killed", a.name)
		return nil
	case "handover":
		_, err := command(ctx, "", filepath.Join(r.Bin, "fcrctl"), "peer", "handover", r.appliances[1-a.index].name, "--server", "unix:"+filepath.Join(a.dir, "run", "api.sock"))
		r.say("%s: handed over", a.name)
		return err
	default:
		return r.await(ctx, a, st.State, st.Within)
	}
}

// judgePulse holds what the pulse met against what the scenario allows, and against the pulse before it.
func (r *run) judgePulse(st *Step, a answer) error {
	before := r.calm
	r.calm = a
	dark, worst := st.Dark, st.Worst
	if st.Beside {
		control, err := strconv.Atoi(before["worst_ms"])
		if err != nil {
			return errors.New("calm: there was no pulse before, to judge this one beside it")
		}
		worst = pauseFactor*time.Duration(control)*time.Millisecond + pauseFloor
		r.say("beside %d ms without: up to %v", control, worst)
	}
	var errs []error
	for _, limit := range []struct {
		key  string
		most time.Duration
		what string
	}{{"dark_ms", dark, "new commands went on being slow for"}, {"worst_ms", worst, "the longest command took"}} {
		ms, err := strconv.Atoi(a[limit.key])
		if err != nil {
			return fmt.Errorf("calm: %s is %q", limit.key, a[limit.key])
		}
		if took := time.Duration(ms) * time.Millisecond; limit.most > 0 && took > limit.most {
			errs = append(errs, fmt.Errorf("%s %v, want up to %v", limit.what, took, limit.most))
		}
	}
	return errors.Join(errs...)
}

// survivor is the appliance whose account is the pair's at the end: the one that forwards.
func (r *run) survivor(ctx context.Context) (*appliance, error) {
	for _, a := range r.appliances {
		if !a.killed.Load() && r.await(ctx, a, "active", activeLimit) == nil {
			return a, nil
		}
	}
	return nil, errors.New("neither of the pair is active at the end")
}
