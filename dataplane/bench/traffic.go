package bench

import (
	"fmt"
	"iter"

	"fcredirect/dataplane/frame"
)

// Config says what to generate. Zero values other than Directions are sensible.
type Config struct {
	Directions int    // of all lcores together; rounded down to whole flows
	FrameBytes int    // without FCS: 60 to 2172, a multiple of 4; 64 and 0 mean the minimal frame of 60
	VLAN       uint16 // 802.1Q tag on every frame, 0 none
	Seed       uint64 // of the order of the frames
	Lcores     int    // port pairs, one lcore each; 0 means 1
}

// Verdict is what the policy does with a flow.
type Verdict uint8

// A third of the flows each.
const (
	Forward Verdict = iota
	Steer
	MirrorCommands
	verdicts
)

var verdictNames = [verdicts]string{"forward", "steer", "mirror-commands"}

// String is the name that the yardstick's table uses.
func (v Verdict) String() string {
	if v < verdicts {
		return verdictNames[v]
	}
	return fmt.Sprintf("%d?", uint8(v))
}

// Traffic is a fabric per port pair, with initiators, targets and flows between them. It holds no tables: everything
// follows from an index, so that a million flows cost nothing.
type Traffic struct {
	Config
	flows   int // per pair
	fanOut  int // targets per initiator; the last initiator may have fewer
	hosts   int
	targets int
}

// NewTraffic checks the configuration and lays out the fabrics.
func NewTraffic(c Config) (*Traffic, error) {
	if c.Lcores == 0 {
		c.Lcores = 1
	}
	if c.FrameBytes == 0 || c.FrameBytes == MinimalFrame {
		c.FrameBytes = minFrame
	}
	switch {
	case c.Lcores < 1 || c.Lcores > MaxLcores:
		return nil, fmt.Errorf("bench traffic: %d lcores: want 1 to %d", c.Lcores, MaxLcores)
	case c.Directions < MinDirections*c.Lcores || c.Directions > MaxDirections:
		return nil, fmt.Errorf("bench traffic: %d directions: want %d to %d", c.Directions, MinDirections*c.Lcores, MaxDirections)
	case c.FrameBytes < minFrame || c.FrameBytes > MaxFrame:
		return nil, fmt.Errorf("bench traffic: frames of %d bytes: want %d to %d, without FCS, or %d for the minimal frame", c.FrameBytes, minFrame, MaxFrame, MinimalFrame)
	case c.FrameBytes%4 != 0:
		below := c.FrameBytes &^ 3
		return nil, fmt.Errorf("bench traffic: frames of %d bytes: an FC payload is a multiple of 4 bytes, so %d or %d", c.FrameBytes, below, below+4)
	case c.VLAN > 4094:
		return nil, fmt.Errorf("bench traffic: VLAN %d: want 0 (none) to 4094", c.VLAN)
	}
	t := &Traffic{Config: c, flows: c.Directions / 2 / c.Lcores}
	t.fanOut = min(t.flows, max(minFanOut, ceilDiv(t.flows, maxInitiators)))
	t.hosts = ceilDiv(t.flows, t.fanOut)
	t.targets = max(t.fanOut, t.hosts/initiatorsToTarget)
	if t.hosts+t.targets > maxStations {
		return nil, fmt.Errorf("bench traffic: %d directions need %d stations: VN2VN has %d addresses", c.Directions, t.hosts+t.targets, maxStations)
	}
	return t, nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// Flows is the number of flows in all.
func (t *Traffic) Flows() int { return t.flows * t.Lcores }

// Flow is one initiator and one target.
type Flow struct {
	Pair              int // index of the port pair, and its fabric's number
	VLAN              uint16
	Initiator, Target frame.FCID
	Verdict           Verdict
	Command           bool // the initiator's frame is an FCP_CMND
}

// flow gives number i of a pair. The verdict follows from the initiator, so that rules can say it with masks. Every
// second frame that an initiator sends in a mirrored flow is a command: one in four, both directions counted.
func (t *Traffic) flow(pair, i int) Flow {
	host := i / t.fanOut
	f := Flow{
		Pair: pair, VLAN: t.VLAN,
		Initiator: initiatorID(host),
		Target:    targetID(i % t.targets), // fanOut consecutive numbers: all different
		Verdict:   verdictOf(host),
	}
	f.Command = f.Verdict == MirrorCommands && i%2 == 0
	return f
}

// AllFlows lists the flows, pair by pair.
func (t *Traffic) AllFlows() iter.Seq[Flow] {
	return func(yield func(Flow) bool) {
		for pair := range t.Lcores {
			for i := range t.flows {
				if !yield(t.flow(pair, i)) {
					return
				}
			}
		}
	}
}

// Initiators count up from address 1, targets down from the top.
func initiatorID(host int) frame.FCID { return frame.FCID(1 + host) }
func targetID(target int) frame.FCID  { return frame.FCID(maxStations - target) }

func verdictOf(host int) Verdict { return Verdict(host % int(verdicts)) }

// Login is a station of the traffic. The bench gives the data plane these instead of letting it learn them: learning is
// not what is measured.
type Login struct {
	Fabric     uint8
	VLAN       uint16
	ID         frame.FCID
	WWPN, WWNN frame.WWN
	MAC        frame.MAC
	Port       string // of the boot file
	Target     bool   // else an initiator
}

// Logins lists every station once, pair by pair, initiators first.
func (t *Traffic) Logins() iter.Seq[Login] {
	return func(yield func(Login) bool) {
		for pair := range t.Lcores {
			for host := range t.hosts {
				if !yield(t.login(pair, initiatorID(host), initiatorWWPN(pair, host), EdgePort(pair), false)) {
					return
				}
			}
			for target := range t.targets {
				if !yield(t.login(pair, targetID(target), targetWWPN(pair, target), FabricPort(pair), true)) {
					return
				}
			}
		}
	}
}

// Stations is how many logins there are.
func (t *Traffic) Stations() int { return (t.hosts + t.targets) * t.Lcores }

func (t *Traffic) login(pair int, id frame.FCID, wwpn frame.WWN, port string, target bool) Login {
	return Login{
		Fabric: uint8(pair), VLAN: t.VLAN, ID: id, WWPN: wwpn, WWNN: wwpn&^(0xF<<60) | 1<<60,
		MAC: frame.FPMA(frame.VN2VNFCMap, id), Port: port, Target: target,
	}
}

// The names of the ports of a pair in the boot file.
func EdgePort(pair int) string    { return fmt.Sprintf("edge%d", pair) }
func FabricPort(pair int) string  { return fmt.Sprintf("fabric%d", pair) }
func ServicePort(pair int) string { return fmt.Sprintf("svc%d", pair) }

// ServiceMAC is where steered frames of a pair go.
func ServiceMAC(pair int) frame.MAC { return frame.MAC{0x02, 0xFC, 0x5E, 0x00, 0x00, byte(pair + 1)} }

// WWPNs are 20:00:02:fc, then pair and kind in one byte, then three bytes of number. The kind of an initiator is its
// verdict, so that a mask of 40 bits catches a third of a fabric.
const (
	wwpnBase   = 0x2000_02FC_00_000000
	kindTarget = 0xF
)

func wwpn(pair int, kind uint8, number int) frame.WWN {
	return frame.WWN(wwpnBase | uint64(pair)<<28 | uint64(kind)<<24 | uint64(number))
}

func initiatorWWPN(pair, host int) frame.WWN { return wwpn(pair, uint8(verdictOf(host)), host) }
func targetWWPN(pair, target int) frame.WWN  { return wwpn(pair, kindTarget, target) }

// Share is how the frames of one pass over the captures should leave.
type Share struct {
	Direct  float64 // to the other port of the pair
	Service float64 // steered
	Copies  float64 // mirrored, on top of the others
}

// Share counts what the policy does, per received frame.
func (t *Traffic) Share() Share {
	var direct, service, copies int
	for f := range t.AllFlows() {
		switch {
		case f.Verdict == Steer:
			service += 2
		case f.Command:
			copies++
			fallthrough
		default:
			direct += 2
		}
	}
	all := float64(direct + service)
	return Share{Direct: float64(direct) / all, Service: float64(service) / all, Copies: float64(copies) / all}
}
