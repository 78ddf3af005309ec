// Package lab runs scenarios with real hosts: Debian kernels booted under QEMU as Fibre Channel over Ethernet initiators and
// LIO targets, on taps in a network namespace of their own, with the appliance (or a plain wire) between them.
//
// A scenario is a small YAML file in scenarios/: hosts, what stands in the middle, steps, expectations. README.md here says
// how to add one. Nothing imports this package; its entry is the test TestScenarios, which runs when FCR_LAB=1.
//
// The lab judges the appliance from outside, so it imports nothing of it: frames are told apart by fixed offsets, and
// tshark says whether they are well formed.
//
// Life of a scenario (run.go): namespace and links (netns.go) → the middle (middle.go) → guests (guest.go, guest/init.sh)
// from the cached image (image.go, initramfs.go) → steps → captures judged (judge.go) → everything removed again.
//
// Goroutines: one scenario at a time, driven by the goroutine that calls Run. Guests boot side by side; each has one
// reader goroutine for its control line, which ends with its QEMU process. Every wait has a limit (limits.go), and every
// process is started by us and ended by its own pid.
package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Scenario is one file of scenarios/.
type Scenario struct {
	// Name is the file's name without its ending; it names the subtest and the folder kept after a failure.
	Name string `yaml:"-"`
	// Proves is a sentence: what holds when the scenario passes.
	Proves string `yaml:"proves"`
	// Middle is what stands between the hosts.
	Middle Middle `yaml:"middle"`
	// VLAN is the tag that the hosts put on their frames; 0 means none.
	VLAN  int    `yaml:"vlan"`
	Hosts []Host `yaml:"hosts"`
	// Services are inspection services beside a dataplane; a wire has none.
	Services []Service `yaml:"services"`
	// Policy is the policy document, handed to the dataplane as it stands; empty means none.
	Policy string `yaml:"policy"`
	// Limit bounds the whole scenario.
	Limit  time.Duration `yaml:"limit"`
	Steps  []Step        `yaml:"steps"`
	Expect Expect        `yaml:"expect"`
}

// Middle names what stands between the hosts.
type Middle string

const (
	// MiddleWire is a Linux bridge: a scenario that fails on it does not fail because of us.
	MiddleWire Middle = "wire"
	// MiddleDataplane is fcr-dataplane on net_af_packet ports.
	MiddleDataplane Middle = "dataplane"
	// MiddlePair is two appliances side by side, of which one forwards (pair.go).
	MiddlePair Middle = "pair"
)

// Host is one guest.
type Host struct {
	Name string `yaml:"name"`
	Role Role   `yaml:"role"`
	// Port is the port of the middle that the host is attached to: edgeN or fabricN, and equal N make a pair.
	// Hosts that name the same port share a switch in front of it.
	Port string `yaml:"port"`
	// MAC also makes the names: the WWPN is 20:00:MAC, and its low 16 bits are the first FC_ID that the host claims.
	MAC string `yaml:"mac"`
	// LUNs are the sizes of a target's disks, LUN 0 first.
	LUNs []Size `yaml:"luns"`
}

// WWPN is the port name that the Linux FCoE driver makes of the MAC.
func (h *Host) WWPN() string { return "20:00:" + h.MAC }

// fcID is the address that a host claims first in VN2VN mode, and gets, because validate has found no two alike.
func (h *Host) fcID() uint32 {
	n, err := strconv.ParseUint(strings.ReplaceAll(h.MAC[12:], ":", ""), 16, 16)
	if err != nil {
		panic(err) // checkMAC has accepted it
	}
	return uint32(n)
}

// Role is what a guest does.
type Role string

const (
	RoleInitiator Role = "initiator"
	RoleTarget    Role = "target"
)

// Service is one fcr-sim inspection service on a service port of the dataplane.
type Service struct {
	Port string `yaml:"port"`
	MAC  string `yaml:"mac"`
}

// Step is one request to one guest, or one thing that happens to one appliance of a pair. They run in order; the first
// that fails ends the scenario.
type Step struct {
	On     string        `yaml:"on"`
	Do     string        `yaml:"do"`
	Target string        `yaml:"target"` // find, write, verify: the target's host name
	LUN    int           `yaml:"lun"`
	Size   Size          `yaml:"size"` // write, verify, stored
	Seed   uint64        `yaml:"seed"` // of the pattern, see diskcheck
	Within time.Duration `yaml:"within"`
	Dark   time.Duration `yaml:"dark"`   // calm: the most for which new commands may have been slow
	Worst  time.Duration `yaml:"worst"`  // calm: the most that one may have taken
	Beside bool          `yaml:"beside"` // calm: no pause that the pulse before did not have too
	State  string        `yaml:"state"`  // await: active, standby or ready
}

// Expect is what must hold at the end, besides what always must: no CRC error, no aborted command and no I/O error in any
// guest, and no malformed frame or bad FC CRC at any of them.
type Expect struct {
	// Crossing compares the FCP frames that the guests sent with those that arrived.
	Crossing Crossing `yaml:"crossing"`
	// Service compares what the services saw with the FCP frames that the guests sent.
	Service Seen `yaml:"service"`
	// Flows are all that the dataplane must report at the end, by WWPNs; a wire has none.
	Flows []Flow `yaml:"flows"`
}

// Flow is one flow that the dataplane must report: two hosts by name, and forward, redirect, mirror or drop.
type Flow struct {
	Initiator string `yaml:"initiator"`
	Target    string `yaml:"target"`
	Verdict   string `yaml:"verdict"`
}

// Crossing says what becomes of an FCP frame on its way.
type Crossing string

// CrossingUnchanged: each arrives at its destination once, bit for bit.
const CrossingUnchanged Crossing = "unchanged"

// Seen says what the services must have seen.
type Seen string

const (
	// SeenOnce: each FCP frame that a guest sent and whose flow Expect.Flows has as redirect, once, and no other frame.
	SeenOnce Seen = "each-fcp-frame-once"
	// SeenNothing: not one frame.
	SeenNothing Seen = "nothing"
	// SeenSome: FCP frames, of the appliance that forwards at the end too.
	SeenSome Seen = "fcp-frames"
)

// Size is a number of bytes, written 512, 64KiB, 16MiB or 1GiB.
type Size int64

// UnmarshalText parses a size.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	for suffix, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, found := strings.CutSuffix(number, suffix); found {
			number, unit = rest, bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n <= 0 || n > maxDiskBytes/unit {
		return fmt.Errorf("size %q: want a number with KiB, MiB or GiB, up to %d MiB", text, int64(maxDiskBytes)>>20)
	}
	*s = Size(n * unit)
	return nil
}

// Parse reads a scenario. Unknown fields are errors, and YAML's own errors show line and column.
func Parse(name string, text []byte) (*Scenario, error) {
	sc := &Scenario{Name: name, Limit: defaultScenarioLimit}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(sc); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	for i := range sc.Steps {
		if sc.Steps[i].Within == 0 {
			sc.Steps[i].Within = defaultStepLimit
		}
	}
	if err := sc.validate(); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	return sc, nil
}

// Load reads a scenario file.
func Load(path string) (*Scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	return Parse(strings.TrimSuffix(name, ".yaml"), text)
}

var (
	hostName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	portName = regexp.MustCompile(`^(edge|fabric)[0-9]$`)
)

func (sc *Scenario) validate() error {
	switch {
	case sc.Proves == "":
		return errors.New("proves: say in a sentence what holds when this passes")
	case sc.Middle != MiddleWire && sc.Middle != MiddleDataplane && sc.Middle != MiddlePair:
		return fmt.Errorf("middle %q: want wire, dataplane or pair", sc.Middle)
	case sc.VLAN < 0 || sc.VLAN > 4094:
		return fmt.Errorf("vlan %d: want 1 to 4094, or 0 for none", sc.VLAN)
	case len(sc.Hosts) < 2 || len(sc.Hosts) > maxHosts:
		return fmt.Errorf("%d hosts: want 2 to %d", len(sc.Hosts), maxHosts)
	case sc.Limit <= 0 || sc.Limit > maxScenarioLimit:
		return fmt.Errorf("limit %v: want up to %v", sc.Limit, maxScenarioLimit)
	case sc.Expect.Crossing != "" && sc.Expect.Crossing != CrossingUnchanged:
		return fmt.Errorf("expect crossing %q: want %s or nothing", sc.Expect.Crossing, CrossingUnchanged)
	case sc.Middle == MiddleWire && (len(sc.Services) > 0 || sc.Policy != ""):
		return errors.New("a wire has neither services nor a policy")
	}
	if err := sc.validateServices(); err != nil {
		return err
	}
	if err := sc.validateHosts(); err != nil {
		return err
	}
	if err := sc.validateFlows(); err != nil {
		return err
	}
	return sc.validateSteps()
}

func (sc *Scenario) validateServices() error {
	switch sc.Expect.Service {
	case SeenOnce, SeenNothing, SeenSome:
		if len(sc.Services) == 0 {
			return fmt.Errorf("expect service %q: there is no service", sc.Expect.Service)
		}
	case "":
		if len(sc.Services) > 0 {
			return fmt.Errorf("expect service: say what the services must have seen, %s or %s", SeenOnce, SeenNothing)
		}
	default:
		return fmt.Errorf("expect service %q: want %s or %s", sc.Expect.Service, SeenOnce, SeenNothing)
	}
	seen := map[string]bool{}
	for _, s := range sc.Services {
		if !hostName.MatchString(s.Port) || len(s.Port) > maxNameBytes || seen[s.Port] {
			return fmt.Errorf("service port %q: want a name of its own, lower case, up to %d characters", s.Port, maxNameBytes)
		}
		seen[s.Port] = true
		if err := checkMAC(s.MAC); err != nil {
			return fmt.Errorf("service %s: %w", s.Port, err)
		}
	}
	return nil
}

func (sc *Scenario) validateHosts() error {
	names, macs, ids := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range sc.Hosts {
		h := &sc.Hosts[i]
		if err := checkMAC(h.MAC); err != nil {
			return fmt.Errorf("host %s: %w", h.Name, err)
		}
		id := h.MAC[12:]
		switch {
		case !hostName.MatchString(h.Name) || len(h.Name) > maxNameBytes || names[h.Name]:
			return fmt.Errorf("host name %q: want one of its own, lower case, up to %d characters", h.Name, maxNameBytes)
		case h.Role != RoleInitiator && h.Role != RoleTarget:
			return fmt.Errorf("host %s: role %q: want initiator or target", h.Name, h.Role)
		case !portName.MatchString(h.Port):
			return fmt.Errorf("host %s: port %q: want edge0 to edge9 or fabric0 to fabric9", h.Name, h.Port)
		case macs[h.MAC] || ids[id]:
			return fmt.Errorf("host %s: mac %s: its last 16 bits become the FC_ID, so no other host may have the same", h.Name, h.MAC)
		case (h.Role == RoleTarget) != (len(h.LUNs) > 0):
			return fmt.Errorf("host %s: luns belong to targets, at least one each", h.Name)
		}
		names[h.Name], macs[h.MAC], ids[id] = true, true, true
	}
	return nil
}

func (sc *Scenario) validateFlows() error {
	if (sc.Middle != MiddleWire) != (len(sc.Expect.Flows) > 0) {
		return errors.New("expect flows: a dataplane must report some, a wire reports none")
	}
	for _, f := range sc.Expect.Flows {
		initiator, target := sc.Host(f.Initiator), sc.Host(f.Target)
		if initiator == nil || initiator.Role != RoleInitiator || target == nil || target.Role != RoleTarget || f.Verdict == "" {
			return fmt.Errorf("expect flows: %q to %q, verdict %q: want an initiator, a target and a verdict", f.Initiator, f.Target, f.Verdict)
		}
	}
	return nil
}

// checkMAC accepts exactly what the kernel prints, because the lab compares strings.
func checkMAC(s string) error {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 || mac.String() != s || mac[0]&3 != 2 {
		return fmt.Errorf("mac %q: want a locally administered unicast address such as 02:fc:01:00:00:01, lower case", s)
	}
	return nil
}

// verbs says which fields each kind of step needs.
var verbs = map[string]struct {
	role         Role
	target, data bool
}{
	"find":   {RoleInitiator, true, false},
	"write":  {RoleInitiator, true, true},
	"verify": {RoleInitiator, true, true},
	"pulse":  {RoleInitiator, true, true},
	"stored": {RoleTarget, false, true},
}

// others are the steps that have no disk: on an initiator, or on an appliance of a pair.
var others = map[string]bool{"calm": true, "kill": true, "handover": true, "await": true}

func (sc *Scenario) validateSteps() error {
	if len(sc.Steps) == 0 {
		return errors.New("no steps")
	}
	for i, st := range sc.Steps {
		if others[st.Do] {
			if err := sc.validateOther(i, &st); err != nil {
				return err
			}
			continue
		}
		verb, known := verbs[st.Do]
		on := sc.Host(st.On)
		where := fmt.Sprintf("step %d (%s on %s)", i+1, st.Do, st.On)
		switch {
		case !known:
			return fmt.Errorf("%s: want find, write, verify, pulse, stored, calm, kill, handover or await", where)
		case on == nil || on.Role != verb.role:
			return fmt.Errorf("%s: there is no %s of that name", where, verb.role)
		case verb.data != (st.Size > 0):
			return fmt.Errorf("%s: write, verify, pulse and stored have a size, the others have none", where)
		case st.Within < 0 || st.Within > maxScenarioLimit:
			return fmt.Errorf("%s: within %v: want up to %v", where, st.Within, maxScenarioLimit)
		}
		disk := on
		if verb.target {
			disk = sc.Host(st.Target)
		} else if st.Target != "" {
			return fmt.Errorf("%s: has no target", where)
		}
		if disk == nil || st.LUN < 0 || st.LUN >= len(disk.LUNs) {
			return fmt.Errorf("%s: there is no target %q with a lun %d", where, st.Target, st.LUN)
		}
		if st.Size > disk.LUNs[st.LUN] || st.Size%512 != 0 {
			return fmt.Errorf("%s: size %d: want a multiple of 512 that fits lun %d", where, st.Size, st.LUN)
		}
	}
	return nil
}

// validateOther checks a step without a disk.
func (sc *Scenario) validateOther(i int, st *Step) error {
	where := fmt.Sprintf("step %d (%s on %s)", i+1, st.Do, st.On)
	on := sc.Host(st.On)
	switch {
	case st.Target != "" || st.Size != 0 || st.LUN != 0:
		return fmt.Errorf("%s: it has neither target nor lun nor size", where)
	case st.Do == "calm" && (on == nil || on.Role != RoleInitiator):
		return fmt.Errorf("%s: there is no initiator of that name", where)
	case st.Do != "calm" && (sc.Middle != MiddlePair || !slices.Contains(appliances, st.On)):
		return fmt.Errorf("%s: want a pair, and one of %v", where, appliances)
	case st.Do == "await" && st.State != "active" && st.State != "standby" && st.State != "ready":
		return fmt.Errorf("%s: state %q: want active, standby or ready", where, st.State)
	}
	return nil
}

// Host finds a host by name.
func (sc *Scenario) Host(name string) *Host {
	for i := range sc.Hosts {
		if sc.Hosts[i].Name == name {
			return &sc.Hosts[i]
		}
	}
	return nil
}
