package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Contender forwards a scenario's traffic on the cores it is told and says how fast. Rounds calls Run again and again,
// with other contenders in between, so outside Run it must leave the cores idle.
type Contender interface {
	Name() string // "ours", "testpmd", "ref", "ovs"
	Run(ctx context.Context, s *Scenario) (Result, error)
}

// ErrUnavailable is wrapped by a contender that cannot run here at all: not installed, or not made for this traffic.
// The report then says why, and leaves it out.
var ErrUnavailable = errors.New("not available")

// Scenario is what every contender gets: the same captures, memory and cores.
type Scenario struct {
	Traffic *Traffic
	Dir     string
	Pairs   []Pair // one per lcore

	Mbufs     int // in one mempool for all ports
	MbufBytes int // data room of each, headroom included
	MbufCache int // per lcore
	Burst     int

	MainCore  int   // for everything that does not poll
	PollCores []int // one per pair

	Warmup, Measure time.Duration
}

// Pair is a port pair and its service port.
type Pair struct {
	Index                      int
	EdgeCapture, FabricCapture string // pcap files
}

// EdgeDevice is the vdev on which the frames of the initiators arrive, over and over; what is sent to it is dropped.
func (p *Pair) EdgeDevice() string { return infinite(2*p.Index, p.EdgeCapture) }

// FabricDevice is the same for the targets.
func (p *Pair) FabricDevice() string { return infinite(2*p.Index+1, p.FabricCapture) }

// ServiceDevice is a sink. Without no-rx it would produce frames, as fast as it is polled.
func (p *Pair) ServiceDevice() string { return fmt.Sprintf("net_null%d,no-rx=1", p.Index) }

func infinite(n int, capture string) string {
	return fmt.Sprintf("net_pcap%d,rx_pcap=%s,infinite_rx=1", n, capture)
}

// PairDevices lists the vdevs that the frames come from: edge, fabric, edge, fabric, ...
func (s *Scenario) PairDevices() []string {
	var out []string
	for i := range s.Pairs {
		out = append(out, s.Pairs[i].EdgeDevice(), s.Pairs[i].FabricDevice())
	}
	return out
}

// Devices lists all vdevs, those of the services last.
func (s *Scenario) Devices() []string {
	out := s.PairDevices()
	for i := range s.Pairs {
		out = append(out, s.Pairs[i].ServiceDevice())
	}
	return out
}

// Files of a scenario in its directory, besides the captures.
const (
	BootFile       = "boot.yaml"
	PolicyFile     = "policy.yaml"
	DirectionsFile = "directions.txt" // for the yardstick
	OpenFlowFile   = "openflow.txt"   // for Open vSwitch
)

// Path of a file in the scenario's directory.
func (s *Scenario) Path(file string) string { return filepath.Join(s.Dir, file) }

// Prepare generates the traffic and writes all of the scenario's files into dir, which must exist. Times are the
// defaults; set them afterwards.
func Prepare(c Config, dir string) (*Scenario, error) {
	t, err := NewTraffic(c)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("bench scenario: %w", err)
	}
	if strings.ContainsAny(dir, ", \t'\"") {
		return nil, fmt.Errorf("bench scenario: directory %q: blanks, commas and quotes cannot stand in a vdev's arguments", dir)
	}
	s := &Scenario{
		Traffic: t, Dir: dir, Burst: Burst, MbufCache: MbufCache,
		MbufBytes: mbufBytes(t), Mbufs: t.Flows()*2 + spareMbufs*t.Lcores,
		Warmup: DefaultWarmup, Measure: DefaultMeasure,
	}
	if s.MainCore, s.PollCores, err = chooseCores(t.Lcores); err != nil {
		return nil, err
	}
	for i := range t.Lcores {
		s.Pairs = append(s.Pairs, Pair{
			Index:       i,
			EdgeCapture: s.Path(EdgePort(i) + ".pcap"), FabricCapture: s.Path(FabricPort(i) + ".pcap"),
		})
	}
	return s, s.write()
}

func (s *Scenario) write() error {
	for i, p := range s.Pairs {
		if err := writeFile(p.EdgeCapture, func(w io.Writer) error { return s.Traffic.WriteCapture(w, i, true) }); err != nil {
			return err
		}
		if err := writeFile(p.FabricCapture, func(w io.Writer) error { return s.Traffic.WriteCapture(w, i, false) }); err != nil {
			return err
		}
	}
	for file, write := range map[string]func(io.Writer) error{
		BootFile: s.WriteBoot, PolicyFile: s.Traffic.WritePolicy,
		DirectionsFile: s.Traffic.WriteDirections, OpenFlowFile: s.Traffic.WriteOpenFlow,
	} {
		if err := writeFile(s.Path(file), write); err != nil {
			return err
		}
	}
	return nil
}

// Remove deletes the files again.
func (s *Scenario) Remove() error {
	var errs []error
	for _, p := range s.Pairs {
		errs = append(errs, os.Remove(p.EdgeCapture), os.Remove(p.FabricCapture))
	}
	for _, file := range []string{BootFile, PolicyFile, DirectionsFile, OpenFlowFile} {
		errs = append(errs, os.Remove(s.Path(file)))
	}
	return errors.Join(errs...)
}
