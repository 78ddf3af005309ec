package capture

import (
	"strconv"
	"time"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/problem"
)

// FrameFilter says which frames are wanted. All that is given must hold; what is not given is not asked for.
type FrameFilter struct {
	Flow     string     `json:"flow,omitempty" maxLength:"42" doc:"Both directions of a flow, by its id." example:"0-100-20000002fc010001-20000002fc0a0001"`
	Ends     []FrameEnd `json:"ends,omitempty" maxItems:"2" doc:"One or both ends of a conversation. In both directions, unless one_way."`
	OneWay   bool       `json:"one_way,omitempty" doc:"Only frames from the first end to the second. With a flow: from the initiator to the target."`
	Ports    []string   `json:"ports,omitempty" maxItems:"32" doc:"Received on one of these ports." example:"[\"edge0\"]"`
	Fabric   *int       `json:"fabric,omitempty" minimum:"0" maximum:"15" doc:"Received on a port of this fabric."`
	VSAN     *int       `json:"vsan,omitempty" minimum:"0" maximum:"4095" doc:"VF_ID or VLAN; 0 for frames that have neither."`
	Types    []string   `json:"types,omitempty" maxItems:"32" doc:"TYPE of the FC header: bls, els, ip, fcp, ct, nvme, or a number as 0x08."`
	RCtls    []string   `json:"r_ctls,omitempty" maxItems:"32" doc:"R_CTL of the FC header: data, command, transfer_ready, response, els_request, els_reply, abts, ba_acc, ba_rjt, or a number as 0x06."`
	Verdicts []string   `json:"verdicts,omitempty" maxItems:"32" doc:"What became of the frame: a fate as the counters of ports name it (forwarded, steered, blocked, bad_sof), or dropped for all drops."`
}

// FrameEnd is one end of a conversation.
type FrameEnd struct {
	WWPN string `json:"wwpn,omitempty" maxLength:"64" doc:"A WWPN in any spelling, or its alias in the active policy."`
	FCID string `json:"fc_id,omitempty" maxLength:"8" doc:"An FC_ID." example:"0x010001"`
}

var typeNames = map[string]uint8{
	"bls": frame.TypeBLS, "els": frame.TypeELS, "ip": frame.TypeIP, "fcp": frame.TypeFCP, "ct": frame.TypeCT, "nvme": frame.TypeNVMe,
}

var rctlNames = map[string]uint8{
	"data": frame.RCtlSolicitedData, "transfer_ready": frame.RCtlDataDescriptor, "command": frame.RCtlUnsolicitedCmd, "response": frame.RCtlCommandStatus,
	"els_request": frame.RCtlELSRequest, "els_reply": frame.RCtlELSReply, "abts": frame.RCtlABTS, "ba_acc": frame.RCtlBAAcc, "ba_rjt": frame.RCtlBARjt,
}

// resolver turns a FrameFilter into a Spec, and gathers what is wrong.
type resolver struct {
	spec   capture.Spec
	wrong  *problem.Problem
	ports  []string
	policy *policy.Snapshot
}

// resolve makes a Spec of a request. Ports and aliases are those of the segment.
func resolve(r *Request, ports []string, p *policy.Snapshot) (capture.Spec, error) {
	to := &resolver{spec: capture.Everything(), wrong: problem.New(problem.Invalid, "The capture cannot be made as it is asked for."), ports: ports, policy: p}
	to.limits(r)
	to.filter(&r.Filter)
	if len(to.wrong.Fields) > 0 {
		return capture.Spec{}, to.wrong
	}
	if err := to.spec.Check(); err != nil {
		return capture.Spec{}, problem.Wrap(problem.Invalid, err, "The capture cannot be made as it is asked for.")
	}
	return to.spec, nil
}

func (to *resolver) at(place, text string, args ...any) { to.wrong.At("body/"+place, text, args...) }

// within checks a number and gives the usual one for 0.
func within[N int | int64 | uint64](to *resolver, place string, v, low, high, usual N) N {
	if v == 0 {
		return usual
	}
	if v < low || v > high {
		to.at(place, "must be %d to %d", low, high)
	}
	return v
}

func (to *resolver) limits(r *Request) {
	r.SnapLength = within(to, "snap_length", r.SnapLength, MinSnap, MaxSnap, DefaultSnap)
	r.Limits.Seconds = within(to, "limits/seconds", r.Limits.Seconds, 1, int(MaxTime/time.Second), int(DefaultTime/time.Second))
	r.Limits.Bytes = within(to, "limits/bytes", r.Limits.Bytes, MinBytes, MaxBytes, DefaultBytes)
	r.Limits.Frames = within(to, "limits/frames", r.Limits.Frames, 1, MaxFrames, 0)
	if len(r.Note) > MaxNote {
		to.at("note", "must not be longer than %d bytes", MaxNote)
	}
	to.spec.Snap, to.spec.Time, to.spec.Frames = uint32(r.SnapLength), time.Duration(r.Limits.Seconds)*time.Second, uint64(r.Limits.Frames)
	if r.AsSent {
		to.spec.Flags |= capture.AsSent
	}
}

func (to *resolver) filter(f *FrameFilter) {
	s := &to.spec
	if f.Flow != "" {
		to.flow(f)
	} else {
		to.ends(f)
	}
	if f.OneWay {
		if s.Flags |= capture.OneWay; f.Flow == "" && len(f.Ends) == 0 {
			to.at("filter/one_way", "needs a flow, or an end to come from")
		}
	}
	for _, name := range f.Ports {
		if i := indexOf(to.ports, name); i >= 0 {
			s.Ports |= 1 << i
		} else {
			to.at("filter/ports", "is not a port of this node")
		}
	}
	if f.Fabric != nil {
		if s.Fabric = uint8(*f.Fabric); *f.Fabric < 0 || *f.Fabric > 15 {
			to.at("filter/fabric", "must be 0 to 15")
		}
	}
	if f.VSAN != nil {
		if s.VSAN = uint16(*f.VSAN); *f.VSAN < 0 || *f.VSAN > 4095 {
			to.at("filter/vsan", "must be 0 to 4095")
		}
	}
	to.values("filter/types", f.Types, typeNames, &s.Types)
	to.values("filter/r_ctls", f.RCtls, rctlNames, &s.RCtls)
	to.verdicts(f.Verdicts)
}

// flow takes the conditions from a flow's id.
func (to *resolver) flow(f *FrameFilter) {
	if len(f.Ends) > 0 || f.Fabric != nil || f.VSAN != nil {
		to.at("filter/flow", "says ends, fabric and VSAN already")
		return
	}
	id, err := flowindex.Parse(f.Flow)
	if err != nil {
		to.at("filter/flow", "is not the id of a flow")
		return
	}
	to.spec.Fabric, to.spec.VSAN = id.Fabric, id.VSAN
	to.spec.A, to.spec.B = endOf(id.Initiator), endOf(id.Target)
}

// endOf reads an end of a flow's id. A name below 2^24 is an FC_ID: of that end no WWPN is known.
func endOf(name frame.WWN) capture.End {
	if name>>24 == 0 {
		return capture.End{ID: uint32(name)}
	}
	return capture.End{WWPN: uint64(name)}
}

func (to *resolver) ends(f *FrameFilter) {
	if len(f.Ends) > MaxEnds {
		to.at("filter/ends", "has more than two ends")
		return
	}
	for i, end := range f.Ends {
		place := "filter/ends/" + strconv.Itoa(i)
		into := []*capture.End{&to.spec.A, &to.spec.B}[i]
		if end.WWPN == "" && end.FCID == "" {
			to.at(place, "needs a wwpn or an fc_id")
		}
		if end.WWPN != "" {
			into.WWPN = to.wwpn(place+"/wwpn", end.WWPN)
		}
		if end.FCID != "" {
			id, err := frame.ParseFCID(end.FCID)
			if err != nil || id == 0 {
				to.at(place+"/fc_id", "is not an FC_ID")
			}
			into.ID = uint32(id)
		}
	}
}

func (to *resolver) wwpn(place, text string) uint64 {
	if wwn, err := frame.ParseWWN(text); err == nil && wwn != 0 {
		return uint64(wwn)
	}
	if to.policy != nil {
		if wwn, ok := to.policy.Lookup(text); ok {
			return uint64(wwn)
		}
	}
	to.at(place, "is neither a WWPN nor an alias of the active policy")
	return 0
}

// values reads names, or numbers as 0x08, into a set.
func (to *resolver) values(place string, texts []string, names map[string]uint8, into *capture.Bits) {
	if len(texts) > MaxTypes {
		to.at(place, "has more than %d values", MaxTypes)
		return
	}
	for _, text := range texts {
		v, known := names[text]
		if !known {
			n, err := strconv.ParseUint(text, 0, 8)
			if v = uint8(n); err != nil {
				to.at(place, "has a value that is neither a name nor a number of one byte")
			}
		}
		into.Add(v)
	}
}

func (to *resolver) verdicts(names []string) {
	for _, name := range names {
		found := false
		for f := shm.Fate(0); f < shm.NumFates; f++ {
			if f.String() == name || name == "dropped" && f.Dropped() {
				to.spec.Fates |= 1 << f
				found = true
			}
		}
		if !found {
			to.at("filter/verdicts", "has a value that no frame's fate is called")
		}
	}
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}
