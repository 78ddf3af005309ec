package sim

import (
	"fmt"
	"io"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/wire"
)

// Report is what a fabric has done. The JSON keys are stable.
type Report struct {
	OK       bool    `json:"ok"` // see Fabric.Report
	Why      string  `json:"why,omitempty"`
	Seed     uint64  `json:"seed"`
	Seconds  float64 `json:"seconds"`
	Logins   uint64  `json:"logins"`
	Sessions int     `json:"sessions"` // initiator-target pairs that worked

	Commands     uint64 `json:"commands"`
	Reads        uint64 `json:"reads"`
	Writes       uint64 `json:"writes"`
	BytesRead    uint64 `json:"bytes_read"`
	BytesWritten uint64 `json:"bytes_written"`
	VerifyErrors uint64 `json:"verify_errors"`
	Errors       uint64 `json:"errors"`
	Retries      uint64 `json:"retries"`
	Timeouts     uint64 `json:"timeouts"`
	Aborts       uint64 `json:"aborts"`
	Unfinished   uint64 `json:"unfinished"` // commands that were cut off by the end

	FramesIn  uint64 `json:"frames_in"` // of all nodes
	FramesOut uint64 `json:"frames_out"`
	FCPIn     uint64 `json:"fcp_frames_in"`
	FCPOut    uint64 `json:"fcp_frames_out"`
	BadCRC    uint64 `json:"bad_crc"`
	Malformed uint64 `json:"malformed"`

	FaultsInjected uint64        `json:"faults_injected"`
	Faults         FaultCounters `json:"faults"`

	ServiceFrames     uint64 `json:"service_frames"` // all frames that services saw
	ServiceFCPFrames  uint64 `json:"service_fcp_frames"`
	ServiceFCPUnique  uint64 `json:"service_fcp_unique"`
	ServiceDuplicates uint64 `json:"service_fcp_duplicates"`

	Pairs    []PairReport      `json:"pairs"`
	Nodes    []NodeReport      `json:"nodes"`
	Services []InspectorReport `json:"services"`
	Ports    []PortReport      `json:"ports"`
	Details  []string          `json:"details,omitempty"` // problems in words, the first of each pair
}

// PairReport is one initiator with one target.
type PairReport struct {
	Initiator frame.WWN `json:"initiator"`
	Target    frame.WWN `json:"target"`
	State     string    `json:"state"` // of the login now: ready or logged-out
	IOCounters
}

// NodeReport is one node.
type NodeReport struct {
	Name string     `json:"name"`
	Kind string     `json:"kind"`
	WWPN frame.WWN  `json:"wwpn"`
	FCID frame.FCID `json:"fc_id"`
	MAC  frame.MAC  `json:"mac"` // of the VN_Port
	VLAN uint16     `json:"vlan"`
	NodeCounters
	Served *TargetCounters `json:"served,omitempty"`
	Faults FaultCounters   `json:"faults"`
}

// PortReport is one interface.
type PortReport struct {
	Name string `json:"name"`
	PortCounters
	Wire wire.Counters `json:"wire"`
}

func (r *Report) addNode(n *Node) {
	nr := NodeReport{
		Name: n.cfg.Name, Kind: n.cfg.Kind, WWPN: n.cfg.WWPN, FCID: n.link.id, MAC: n.link.vnMAC,
		VLAN: n.cfg.VLAN, NodeCounters: n.n,
	}
	if n.serve != nil {
		served := n.serve.n
		nr.Served = &served
	}
	if n.faults != nil {
		nr.Faults = n.faults.n
		r.Faults.add(n.faults.n)
	}
	r.Logins += n.n.Logins
	r.FramesIn += n.n.FramesIn
	r.FramesOut += n.n.FramesOut
	r.FCPIn += n.n.FCPIn
	r.FCPOut += n.n.FCPOut
	r.BadCRC += n.n.BadCRC
	r.Malformed += n.n.Malformed
	r.Nodes = append(r.Nodes, nr)
	if n.initiate == nil {
		return
	}
	for _, s := range n.initiate.list() {
		r.addSession(s)
	}
}

func (r *Report) addSession(s *session) {
	p := PairReport{Initiator: s.ini.node.cfg.WWPN, Target: s.target, State: "logged-out", IOCounters: s.n}
	if s.peer != nil {
		p.State = "ready"
	}
	r.Commands += s.n.Commands
	r.Reads += s.n.Reads
	r.Writes += s.n.Writes
	r.BytesRead += s.n.BytesRead
	r.BytesWritten += s.n.BytesWritten
	r.VerifyErrors += s.n.VerifyErrors
	r.Errors += s.n.Errors
	r.Retries += s.n.Retries
	r.Timeouts += s.n.Timeouts
	r.Aborts += s.n.Aborts
	r.Unfinished += uint64(len(s.active) + len(s.parked))
	if s.n.Commands > 0 {
		r.Sessions++
	}
	r.Details = append(r.Details, s.details...)
	r.Pairs = append(r.Pairs, p)
}

func (r *Report) addService(s *Inspector) {
	sr := s.report()
	r.ServiceFrames += sr.FramesIn
	r.ServiceFCPFrames += sr.FCP.Frames
	r.ServiceFCPUnique += sr.FCP.Unique
	r.ServiceDuplicates += sr.FCP.Duplicates
	r.Faults.add(sr.Faults)
	r.Services = append(r.Services, sr)
}

// judge sets OK, and Why not.
func (r *Report) judge(cfg *Config) {
	r.FaultsInjected = r.Faults.Total()
	initiators := 0
	for i := range cfg.Nodes {
		if cfg.Nodes[i].Kind == KindInitiator {
			initiators++
		}
	}
	switch {
	case r.VerifyErrors > 0:
		r.Why = fmt.Sprintf("%d reads returned wrong data", r.VerifyErrors)
	case r.Errors > 0:
		r.Why = fmt.Sprintf("%d commands failed", r.Errors)
	case r.Unfinished > 0:
		r.Why = fmt.Sprintf("%d commands had no end", r.Unfinished)
	case initiators > 0 && r.Reads == 0:
		r.Why = "no initiator has read anything"
	}
	r.OK = r.Why == ""
}

// Summary writes a few lines for people.
func (r *Report) Summary(w io.Writer) {
	rate := func(n uint64) float64 {
		if r.Seconds == 0 {
			return 0
		}
		return float64(n) / r.Seconds
	}
	fmt.Fprintf(w, "%.1f s, %d logins, %d initiator-target pairs\n", r.Seconds, r.Logins, r.Sessions)
	fmt.Fprintf(w, "commands %d (%.0f/s): %d reads, %d writes, %.1f MiB read and compared, %.1f MiB written\n",
		r.Commands, rate(r.Commands), r.Reads, r.Writes, float64(r.BytesRead)/(1<<20), float64(r.BytesWritten)/(1<<20))
	fmt.Fprintf(w, "verify errors %d, failed %d, retries %d, timeouts %d, aborts %d, bad CRC %d, faults injected %d\n",
		r.VerifyErrors, r.Errors, r.Retries, r.Timeouts, r.Aborts, r.BadCRC, r.FaultsInjected)
	for _, s := range r.Services {
		fmt.Fprintf(w, "service %s: %d frames, %s\n", s.Name, s.FramesIn, s.FCP.String())
	}
	for _, d := range r.Details {
		fmt.Fprintln(w, "problem:", d)
	}
	if !r.OK {
		fmt.Fprintln(w, "not good:", r.Why)
	}
}
