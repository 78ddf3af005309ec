package sim

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
)

// captureEpoch is when every capture begins: 2026-01-01 00:00 UTC.
const captureEpoch = 1_767_225_600 * int64(time.Second)

// Capture runs the fabric of cfg in invented time and writes what each of its interfaces
// sends into DIR/<iface>.pcap. The same cfg makes the same bytes.
func Capture(cfg *Config, dir string) (r *Report, err error) {
	v, err := NewVirtual(cfg)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("write captures: %w", err)
	}
	files := make(map[string]*captureFile)
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.close())
		}
	}()
	for _, p := range v.ports {
		if files[p.name] != nil {
			return nil, fmt.Errorf("write captures: interface %s is there twice, in two namespaces", p.name)
		}
		if files[p.name], err = createCapture(filepath.Join(dir, p.name+".pcap")); err != nil {
			return nil, err
		}
	}
	v.Record = func(port string, at time.Duration, b []byte) { files[port].write(at, b) }
	if err := v.Run(); err != nil {
		return nil, err
	}
	return v.Report(), nil
}

type captureFile struct {
	file *os.File
	buf  *bufio.Writer
	out  *pcap.Writer
	err  error // the first
}

func createCapture(path string) (*captureFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write captures: %w", err)
	}
	c := &captureFile{file: f, buf: bufio.NewWriterSize(f, 1<<20)}
	c.out, c.err = pcap.NewWriter(c.buf)
	return c, nil
}

func (c *captureFile) write(at time.Duration, b []byte) {
	if c.err == nil {
		c.err = c.out.Write(captureEpoch+int64(at), b)
	}
}

func (c *captureFile) close() error {
	if c.err == nil {
		c.err = c.buf.Flush()
	}
	return errors.Join(c.err, c.file.Close())
}

// Script is a fabric of the usual shape: initiators behind one interface, targets behind
// another, every initiator working with every target.
type Script struct {
	Initiators, Targets int
	HostIface           string
	TargetIface         string
	VLAN                uint16
	Seed                uint64
	TimeScale           float64
	OXIDs               string
	IO                  IOConfig
	Disk                DiskConfig
	Faults              Faults
}

// Bounds of a Script, by the names it can make.
const (
	MaxScriptInitiators = 240
	MaxScriptTargets    = 240
)

// Config makes the fabric. The first two of each kind have the names of the demonstration.
func (s Script) Config() (*Config, error) {
	if s.Initiators < 1 || s.Initiators > MaxScriptInitiators || s.Targets < 1 || s.Targets > MaxScriptTargets {
		return nil, fmt.Errorf("make fabric of %d initiators and %d targets: want 1 to %d and 1 to %d",
			s.Initiators, s.Targets, MaxScriptInitiators, MaxScriptTargets)
	}
	cfg := &Config{Seed: s.Seed, TimeScale: s.TimeScale}
	for i := range s.Initiators {
		cfg.Nodes = append(cfg.Nodes, NodeConfig{
			Kind: KindInitiator, Iface: s.HostIface, VLAN: s.VLAN, WWPN: InitiatorName(i),
			OXIDs: s.OXIDs, IO: s.IO, Faults: s.Faults,
		})
	}
	for i := range s.Targets {
		cfg.Nodes = append(cfg.Nodes, NodeConfig{
			Kind: KindTarget, Iface: s.TargetIface, VLAN: s.VLAN, WWPN: TargetName(i),
			OXIDs: s.OXIDs, Disk: s.Disk, Faults: s.Faults,
		})
	}
	return cfg, cfg.Complete()
}

// InitiatorName is the WWPN of initiator i: 20:00:02:fc:01:00:00:01 and on. The low 16
// bits, which a node tries first as its address, differ from those of every target.
func InitiatorName(i int) frame.WWN {
	const first = 0x200002fc01000001
	if i < 9 {
		return first + frame.WWN(i)
	}
	return first + frame.WWN(i) + 0x1000
}

// TargetName is the WWPN of target i: 20:00:02:fc:0a:00:00:0a, 20:00:02:fc:0b:00:00:0b and
// on.
func TargetName(i int) frame.WWN {
	const first, step = 0x200002fc0a00000a, 0x01000001
	return first + frame.WWN(i)*step
}
