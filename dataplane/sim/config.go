package sim

import (
	"fmt"
	"os"
	"time"

	"github.com/goccy/go-yaml"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/scsi"
)

// Config is a fabric: nodes on interfaces. It is what a YAML file holds.
type Config struct {
	// Seed decides everything random: addresses on conflict, work, data, faults.
	Seed uint64 `yaml:"seed"`
	// TimeScale multiplies the times of the protocols; 0 means 1. With real hosts on the
	// wire it must be 1.
	TimeScale float64 `yaml:"time-scale"`
	// Duration is how long initiators work; 0 means until they are stopped, or have done
	// the commands they were told to.
	Duration time.Duration `yaml:"duration"`
	Nodes    []NodeConfig  `yaml:"nodes"`
}

// Kinds of nodes.
const (
	KindInitiator = "initiator"
	KindTarget    = "target"
	KindService   = "service"
)

// Modes of a service.
const (
	ModeInline = "inline"
	ModeTap    = "tap"
)

// NodeConfig is one node.
type NodeConfig struct {
	Name  string `yaml:"name"`  // defaults to the WWPN, or a service's MAC
	Kind  string `yaml:"kind"`  // initiator, target or service
	Iface string `yaml:"iface"` // the interface
	Netns string `yaml:"netns"` // the network namespace it is in; default: this one
	VLAN  uint16 `yaml:"vlan"`  // 0: no tag; for a service: any

	// WWPN of an initiator or target. By default the ENode MAC is its lower 48 bits, and
	// the node name is 10:00 and that MAC, as Linux makes them the other way round.
	WWPN frame.WWN `yaml:"wwpn"`
	WWNN frame.WWN `yaml:"wwnn"`
	MAC  frame.MAC `yaml:"mac"` // of a service: the address frames are steered to

	// OXIDs is "reuse" (the default: the identifier freed last is taken first, as Linux
	// does) or "roll" (the one that has been free longest). Faults that duplicate or
	// reorder frames need "roll": a late frame of an old exchange would be taken for one
	// of the next, with a real host too.
	OXIDs string `yaml:"ox-ids"`

	Targets []frame.WWN `yaml:"targets"` // an initiator works with these; default: all it finds
	IO      IOConfig    `yaml:"io"`
	Disk    DiskConfig  `yaml:"disk"`

	Mode      string        `yaml:"mode"`       // of a service: inline (default) or tap
	NextHop   frame.MAC     `yaml:"next-hop"`   // of a service: destination of what it hands back
	Delay     time.Duration `yaml:"delay"`      // of a service, before it hands back
	CountFile string        `yaml:"count-file"` // of a service: JSON, written at the end

	Faults Faults `yaml:"faults"` // on what the node sends
}

// IOConfig is the work of an initiator with each target.
type IOConfig struct {
	Depth       int     `yaml:"depth"`        // commands in flight; default 4
	MaxBytes    int     `yaml:"max-bytes"`    // longest READ or WRITE; default 32 KiB
	First       uint64  `yaml:"first"`        // first block of the region
	Blocks      uint64  `yaml:"blocks"`       // blocks of the region; default 4 MiB of them
	ReadPercent int     `yaml:"read-percent"` // default 60
	Rate        float64 `yaml:"rate"`         // commands a second and target; 0: as many as go
	Commands    uint64  `yaml:"commands"`     // stop after so many; 0: no limit
	// ReadBack reads all that was written once more at the end; default true.
	ReadBackAtEnd *bool `yaml:"read-back"`
	ReadBack      bool  `yaml:"-"`
	// GiveUp is how long a command is tried; default 60 s (scaled).
	GiveUp time.Duration `yaml:"give-up"`
}

// DiskConfig is what a target serves.
type DiskConfig struct {
	Units  int    `yaml:"units"`  // logical units; default 1
	Blocks uint64 `yaml:"blocks"` // of each, 512 bytes; default 64 MiB of them
	// Shared gives all initiators the same disks. By default each has its own, as with LUN
	// masking, so that two hosts cannot spoil each other's data.
	Shared bool `yaml:"shared"`
	Burst  int  `yaml:"burst"` // most bytes asked for by one FCP_XFER_RDY; 0: all
}

// LoadConfig reads a fabric from a YAML file. Errors name file, line and column and show
// the line.
func LoadConfig(path string) (*Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read fabric: %w", err)
	}
	cfg, err := ParseConfig(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// ParseConfig reads YAML strictly: an unknown field is an error.
func ParseConfig(b []byte) (*Config, error) {
	cfg := &Config{}
	if err := yaml.UnmarshalWithOptions(b, cfg, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("fabric: %s", yaml.FormatError(err, false, true))
	}
	return cfg, cfg.Complete()
}

// Complete fills in defaults and checks everything that does not need an interface.
func (c *Config) Complete() error {
	if c.TimeScale == 0 {
		c.TimeScale = 1
	}
	if !(c.TimeScale > 0 && c.TimeScale <= 100) {
		return fmt.Errorf("fabric: time-scale is %v: want more than 0, at most 100", c.TimeScale)
	}
	if len(c.Nodes) == 0 {
		return fmt.Errorf("fabric: there are no nodes")
	}
	names := make(map[string]bool)
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if err := n.complete(); err != nil {
			return fmt.Errorf("fabric: node %d (%s): %w", i+1, n.Name, err)
		}
		if names[n.Name] {
			return fmt.Errorf("fabric: node %d: the name %s is taken", i+1, n.Name)
		}
		names[n.Name] = true
	}
	c.pair()
	return nil
}

// pair gives initiators that name no targets but are to end by themselves the targets of
// this fabric: without a number to wait for, they could end before all have shown up.
func (c *Config) pair() {
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if n.Kind != KindInitiator || n.IO.Commands == 0 || len(n.Targets) > 0 {
			continue
		}
		for _, t := range c.Nodes {
			if t.Kind == KindTarget && t.VLAN == n.VLAN {
				n.Targets = append(n.Targets, t.WWPN)
			}
		}
	}
}

func (n *NodeConfig) complete() error {
	if n.Iface == "" {
		return fmt.Errorf("iface is missing")
	}
	if n.VLAN > 4094 {
		return fmt.Errorf("vlan is %d: want 0 (no tag) to 4094", n.VLAN)
	}
	if err := n.Faults.validate(); err != nil {
		return err
	}
	switch n.OXIDs {
	case "", "reuse", "roll":
	default:
		return fmt.Errorf("ox-ids is %q: want reuse or roll", n.OXIDs)
	}
	switch n.Kind {
	case KindInitiator:
		return n.completePort(n.IO.complete)
	case KindTarget:
		return n.completePort(n.Disk.complete)
	case KindService:
		return n.completeService()
	}
	return fmt.Errorf("kind is %q: want initiator, target or service", n.Kind)
}

func (n *NodeConfig) completePort(rest func() error) error {
	if n.WWPN == 0 {
		return fmt.Errorf("wwpn is missing")
	}
	if n.MAC.IsZero() {
		for i := range n.MAC {
			n.MAC[i] = byte(n.WWPN >> (40 - 8*i))
		}
	}
	if n.MAC.IsZero() || n.MAC.IsGroup() {
		return fmt.Errorf("mac %s is no address of one station: give another wwpn, or a mac", n.MAC)
	}
	if n.WWNN == 0 {
		const ieee = 0x1000 << 48 // NAA 1, with the MAC behind
		n.WWNN = ieee
		for i, b := range n.MAC {
			n.WWNN |= frame.WWN(b) << (40 - 8*i)
		}
	}
	if n.Name == "" {
		n.Name = n.WWPN.String()
	}
	if n.Mode != "" || n.Delay != 0 || n.CountFile != "" || !n.NextHop.IsZero() {
		return fmt.Errorf("mode, delay, count-file and next-hop are for a service")
	}
	return rest()
}

func (n *NodeConfig) completeService() error {
	if n.MAC.IsZero() || n.MAC.IsGroup() {
		return fmt.Errorf("mac of a service is %s: want the address that frames are steered to", n.MAC)
	}
	if n.Name == "" {
		n.Name = n.MAC.String()
	}
	if n.Mode == "" {
		n.Mode = ModeInline
	}
	if n.Mode != ModeInline && n.Mode != ModeTap {
		return fmt.Errorf("mode is %q: want inline or tap", n.Mode)
	}
	if n.Delay < 0 || n.WWPN != 0 {
		return fmt.Errorf("a service has a delay of 0 or more, and no wwpn")
	}
	return nil
}

func (c *IOConfig) complete() error {
	setDefault(&c.Depth, 4)
	setDefault(&c.MaxBytes, 32<<10)
	setDefault(&c.Blocks, 4<<20/scsi.BlockSize)
	setDefault(&c.ReadPercent, 60)
	setDefault(&c.GiveUp, time.Minute)
	c.ReadBack = c.ReadBackAtEnd == nil || *c.ReadBackAtEnd
	switch {
	case c.Depth < 1 || c.Depth > 256:
		return fmt.Errorf("io: depth is %d: want 1 to 256", c.Depth)
	case c.MaxBytes < scsi.BlockSize || c.MaxBytes > MaxIOBytes || c.MaxBytes%scsi.BlockSize != 0:
		return fmt.Errorf("io: max-bytes is %d: want a multiple of %d up to %d", c.MaxBytes, scsi.BlockSize, MaxIOBytes)
	case c.Blocks < uint64(c.MaxBytes/scsi.BlockSize) || c.Blocks > scsi.MaxBlocks || c.First > scsi.MaxBlocks:
		return fmt.Errorf("io: blocks is %d: want at least one I/O of max-bytes and at most %d", c.Blocks, scsi.MaxBlocks)
	case c.ReadPercent < 0 || c.ReadPercent > 100:
		return fmt.Errorf("io: read-percent is %d: want 0 to 100", c.ReadPercent)
	case !(c.Rate >= 0) || c.GiveUp < 0:
		return fmt.Errorf("io: rate and give-up are 0 or more")
	}
	return nil
}

func (c *DiskConfig) complete() error {
	setDefault(&c.Units, 1)
	setDefault(&c.Blocks, 64<<20/scsi.BlockSize)
	switch {
	case c.Units < 1 || c.Units > scsi.MaxUnits:
		return fmt.Errorf("disk: units is %d: want 1 to %d", c.Units, scsi.MaxUnits)
	case c.Blocks > scsi.MaxBlocks:
		return fmt.Errorf("disk: blocks is %d: want at most %d", c.Blocks, scsi.MaxBlocks)
	case c.Burst < 0 || c.Burst%4 != 0:
		return fmt.Errorf("disk: burst is %d: want a multiple of 4, or 0", c.Burst)
	}
	return nil
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}
