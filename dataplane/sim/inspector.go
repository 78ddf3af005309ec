package sim

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"fcredirect/dataplane/frame"
)

// Inspector is an inline service: it takes frames that the appliance has steered to it,
// counts the FCP frames among them, and hands them back on the same interface with its own
// MAC as the Ethernet source. The Ethernet destination stays as the frame came, that is
// the service's own MAC, unless NextHop says another: the appliance restores the true one
// from its flow entry. Everything from the tag on is untouched, so the FC CRC stays as good
// or as bad as it was. Without a VLAN of its own it takes frames of any, tagged or not.
//
// As a tap it takes every FCoE frame that comes and hands none back.
type Inspector struct {
	cfg    NodeConfig
	port   *Port
	scale  float64
	faults *injector
	census *Census
	n      InspectorCounters
	work   []byte
}

// InspectorCounters count frames of all kinds.
type InspectorCounters struct {
	FramesIn  uint64 `json:"frames_in"`
	FramesOut uint64 `json:"frames_out"`
	NotFCP    uint64 `json:"not_fcp"` // handed back all the same
	Malformed uint64 `json:"malformed"`
}

func newInspector(cfg NodeConfig, port *Port, seed uint64, scale float64) (*Inspector, error) {
	s := &Inspector{cfg: cfg, port: port, scale: scale, census: NewCensus()}
	s.faults = newInjector(cfg.Faults, mix(seed^uint64(makeKey(0, cfg.MAC))))
	if cfg.Mode == ModeTap {
		if port.tap != nil {
			return nil, fmt.Errorf("add %s to port %s: it has a tap already", cfg.Name, port.name)
		}
		port.tap = s
	}
	vlan := cfg.VLAN
	if vlan == 0 {
		vlan = anyVLAN
	}
	if err := port.claim(makeKey(vlan, cfg.MAC), s); err != nil {
		return nil, err
	}
	return s, port.add(s)
}

func (s *Inspector) name() string     { return s.cfg.Name }
func (s *Inspector) fault() *injector { return s.faults }
func (s *Inspector) start()           {}

// receive counts the frame and hands it back.
func (s *Inspector) receive(b []byte) {
	var h frame.Header
	reason := frame.Decode(b, &h)
	if h.Dst.IsGroup() {
		return // FIP between others
	}
	s.n.FramesIn++
	switch {
	case reason == frame.OK && h.Type == frame.TypeFCP:
		eDTOV := float64(eDTOV) * s.scale
		s.census.Count(&h, h.CRCGood(b), int64(s.port.clock.now), int64(eDTOV))
	case reason.Malformed(), reason == frame.Runt:
		s.n.Malformed++
	default:
		s.n.NotFCP++
	}
	if s.cfg.Mode == ModeTap {
		return
	}
	if s.cfg.Delay > 0 {
		late := append([]byte(nil), b...)
		s.port.clock.after(s.cfg.Delay, func() { s.handBack(late) })
		return
	}
	s.work = append(s.work[:0], b...)
	s.handBack(s.work)
}

func (s *Inspector) handBack(b []byte) {
	s.n.FramesOut++
	if !s.cfg.NextHop.IsZero() {
		copy(b, s.cfg.NextHop[:])
	}
	copy(b[6:], s.cfg.MAC[:])
	// Not to ourselves, though the destination may be our own address: to the wire.
	s.faults.apply(b, func(b []byte) {
		if s.port.wire.Room() == 0 {
			s.port.n.SendFailed++
		} else {
			s.port.n.FramesOut++
		}
		s.port.wire.Send(b)
	})
}

// InspectorReport is what the count file holds.
type InspectorReport struct {
	Name string    `json:"name"`
	MAC  frame.MAC `json:"mac"`
	InspectorCounters
	FCP    CensusCounters `json:"fcp"`
	Pairs  []PairCount    `json:"pairs"`
	Faults FaultCounters  `json:"faults"`
}

// report must be called on the port's goroutine, or when it has ended.
func (s *Inspector) report() InspectorReport {
	r := InspectorReport{
		Name: s.cfg.Name, MAC: s.cfg.MAC, InspectorCounters: s.n,
		FCP: s.census.CensusCounters, Pairs: s.census.Pairs(),
	}
	if s.faults != nil {
		r.Faults = s.faults.n
	}
	return r
}

func sortPairs(list []PairCount) {
	slices.SortFunc(list, func(a, b PairCount) int {
		return cmp.Or(cmp.Compare(a.Initiator, b.Initiator), cmp.Compare(a.Target, b.Target))
	})
}

// WriteJSON writes v so that a reader sees the old file or the new one, never half of it.
func WriteJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if path == "-" {
		_, err := os.Stdout.Write(append(b, '\n'))
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".fcr-sim-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
