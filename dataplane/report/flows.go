package report

import (
	"cmp"
	"fmt"
	"slices"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// Flow is a host-target flow.
type Flow struct {
	Fabric         uint8  `json:"fabric"`
	VSAN           uint16 `json:"vsan"`
	Initiator      string `json:"initiator"` // WWPN, empty while unknown
	InitiatorAlias string `json:"initiator_alias,omitempty"`
	InitiatorID    string `json:"initiator_id"`
	Target         string `json:"target"`
	TargetAlias    string `json:"target_alias,omitempty"`
	TargetID       string `json:"target_id"`
	Verdict        string `json:"verdict"`
	Rule           string `json:"rule,omitempty"`
	Service        string `json:"service,omitempty"`
	FramesOut      uint64 `json:"frames_to_target"`
	FramesIn       uint64 `json:"frames_to_initiator"`
	BytesOut       uint64 `json:"bytes_to_target"`
	BytesIn        uint64 `json:"bytes_to_initiator"`
	Errors         uint64 `json:"errors"`
	Created        string `json:"created"`
	LastSeen       string `json:"last_seen"`
	Static         bool   `json:"static,omitempty"` // created ahead, and kept though it is silent
}

// Filter selects flows. The zero Filter selects all.
type Filter struct {
	Initiator, Target frame.WWN // 0 any
	Verdict           string    // empty any
	VSAN              *uint16   // nil any; 0 is untagged
	Limit             int       // the first so many in the order of the list, 0 all
}

func (s *Filter) selects(f *flow.Flow) bool {
	return (s.Initiator == 0 || frame.WWN(f.Initiator) == s.Initiator) &&
		(s.Target == 0 || frame.WWN(f.Target) == s.Target) &&
		(s.Verdict == "" || verdict(f) == s.Verdict) &&
		(s.VSAN == nil || f.Key.VF() == *s.VSAN)
}

func verdict(f *flow.Flow) string { return policy.Action(f.Verdict.Action()).String() }

// Flows lists the flows by fabric, VSAN, initiator's and target's FC_ID.
func Flows(f *shm.File) []Flow {
	list, _ := SelectFlows(f, Filter{})
	return list
}

// SelectFlows lists the flows that the filter selects, in the order of Flows, and says how many they are before the
// limit cut them.
func SelectFlows(f *shm.File, by Filter) (list []Flow, selected int) {
	var views []flow.View
	for i := range shm.Items[shm.Lcore](f, shm.RegionLcores) {
		entries, infos := shard(f, i)
		views = append(views, flow.NewView(entries, infos))
	}
	all := slices.DeleteFunc(flow.Flows(views...), func(f flow.Flow) bool { return !by.selects(&f) })
	slices.SortFunc(all, func(a, b flow.Flow) int { return cmp.Compare(a.Key, b.Key) })
	if selected = len(all); by.Limit > 0 {
		all = all[:min(len(all), by.Limit)]
	}
	active, header := Policy(f), f.Header()
	list = make([]Flow, 0, len(all))
	for i := range all {
		list = append(list, describe(&all[i], active, header))
	}
	return list, selected
}

// shard is the flow table of an lcore as it lies in the segment.
func shard(f *shm.File, lcore int) ([]flow.Entry, []flow.Info) {
	return shm.Items[flow.Entry](f, fmt.Sprintf(shm.RegionFlows, lcore)), shm.Items[flow.Info](f, fmt.Sprintf(shm.RegionInfos, lcore))
}

// describe puts a flow in words. Rule and service are those of the active policy, which for an instant after a change is
// not the one that the verdict came from.
func describe(f *flow.Flow, active *policy.Snapshot, header *shm.Header) Flow {
	to, back := &f.ToTarget, &f.ToInitiator
	r := Flow{
		Fabric: f.Key.Fabric(), VSAN: f.Key.VF(), InitiatorID: frame.FCID(f.Key.SID()).String(), TargetID: frame.FCID(f.Key.DID()).String(),
		Verdict: verdict(f), FramesOut: to.Frames, FramesIn: back.Frames, BytesOut: to.Bytes, BytesIn: back.Bytes,
		Static: f.Static, Errors: uint64(to.Errors) + uint64(back.Errors), LastSeen: stamp(header.Wall(max(to.LastSeen, back.LastSeen))),
	}
	created := to.Info.Created
	if created == 0 || back.Info.Created != 0 && back.Info.Created < created {
		created = back.Info.Created
	}
	r.Created = stamp(header.Wall(created))
	if f.Initiator != 0 {
		r.Initiator, r.InitiatorAlias = frame.WWN(f.Initiator).String(), alias(active, frame.WWN(f.Initiator))
	}
	if f.Target != 0 {
		r.Target, r.TargetAlias = frame.WWN(f.Target).String(), alias(active, frame.WWN(f.Target))
	}
	if active != nil && f.Rule >= 0 && int(f.Rule) < active.Rules() {
		r.Rule = active.Rule(int(f.Rule)).Name
	}
	if active != nil && f.Service >= 0 && int(f.Service) < active.Services() {
		r.Service = active.Service(int(f.Service)).Name
	}
	return r
}
