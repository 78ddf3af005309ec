package flowindex

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/problem"
)

// Waiting is the state of a flow that was created ahead and is not there yet. Whoever keeps those shows it: an index does not.
const Waiting = "waiting"

// Flow is a flow as lists show it.
type Flow struct {
	ID             string     `json:"id" doc:"Names the flow: fabric, VSAN, initiator and target. It stays the same when FC_IDs change." example:"0-100-200000255b000001-500a098000000001"`
	Fabric         uint8      `json:"fabric" maximum:"15"`
	VSAN           uint16     `json:"vsan" maximum:"4095" doc:"VSAN or VLAN; 0 is untagged."`
	Initiator      string     `json:"initiator,omitempty" doc:"WWPN; absent while it is not known." example:"20:00:00:25:5b:00:00:01"`
	InitiatorAlias string     `json:"initiator_alias,omitempty"`
	InitiatorID    string     `json:"initiator_id,omitempty" doc:"FC_ID" example:"0x010203"`
	Target         string     `json:"target,omitempty" doc:"WWPN; absent while it is not known." example:"50:0a:09:80:00:00:00:01"`
	TargetAlias    string     `json:"target_alias,omitempty"`
	TargetID       string     `json:"target_id,omitempty" doc:"FC_ID" example:"0x010300"`
	Verdict        string     `json:"verdict" enum:"forward,redirect,mirror,drop" doc:"What the policy decided."`
	Policy         string     `json:"policy,omitempty" doc:"The policy that decided; absent: none matches, and the flow is forwarded."`
	Service        string     `json:"service,omitempty"`
	State          string     `json:"state" enum:"active,bypassed,blocked,waiting" doc:"bypassed and blocked: its service is not usable, and that is what the policy says for this case. waiting: it was created ahead, and is not there yet."`
	Evaluated      bool       `json:"evaluated" doc:"Whether the active policy has been asked. After a change it is within about a second; a flow one of whose logins has changed is asked for with its next frame."`
	Static         bool       `json:"static" doc:"It was created ahead, and does not end when it is idle."`
	Port           string     `json:"port,omitempty" doc:"The port on which frames of the initiator come in."`
	TargetPort     string     `json:"target_port,omitempty" doc:"The port on which frames of the target come in."`
	FramesOut      uint64     `json:"frames_to_target"`
	FramesIn       uint64     `json:"frames_to_initiator"`
	BytesOut       uint64     `json:"bytes_to_target"`
	BytesIn        uint64     `json:"bytes_to_initiator"`
	FrameRate      *float64   `json:"frames_per_second,omitempty" doc:"Both directions, over the last second or two; absent until that has passed."`
	ByteRate       *float64   `json:"bytes_per_second,omitempty"`
	Errors         uint64     `json:"errors" doc:"Aborted exchanges and rejects."`
	Created        *time.Time `json:"created,omitempty"`
	LastSeen       *time.Time `json:"last_seen,omitempty"`
}

// describe puts a row in words.
func (i *image) describe(row uint32, f *Flow) {
	c, n := i.row(row)
	key, initiator, target := c.key[n], i.wwpns[c.initiator[n]], i.wwpns[c.target[n]]
	*f = Flow{
		ID: idOf(key, initiator, target).String(), Fabric: key.Fabric(), VSAN: key.VF(),
		Initiator: wwpnText(initiator), InitiatorAlias: i.alias(initiator), InitiatorID: frame.FCID(key.SID()).String(),
		Target: wwpnText(target), TargetAlias: i.alias(target), TargetID: frame.FCID(key.DID()).String(),
		Verdict: policy.Action(c.action[n]).String(), Policy: i.ruleName(int(c.rule[n])), Service: i.serviceName(int(c.service[n])),
		State: feed.State(c.state[n]).String(), Evaluated: c.flags[n]&flagEvaluated != 0, Static: c.flags[n]&flagStatic != 0,
		Port: i.portName(c.ports[n][toTarget]), TargetPort: i.portName(c.ports[n][toInitiator]),
		FramesOut: c.frames[n][toTarget], FramesIn: c.frames[n][toInitiator], BytesOut: c.bytes[n][toTarget], BytesIn: c.bytes[n][toInitiator],
		Errors: uint64(c.errors[n]), Created: timeOf(i.wall.time(c.created[n])), LastSeen: timeOf(i.wall.time(c.lastSeen[n])),
	}
	if c.flags[n]&flagRated != 0 {
		f.rated(c, int(n))
	}
}

// rated adds the rates of a row, in tenths.
func (f *Flow) rated(c *chunk, n int) {
	frames, bytes := math.Round(float64(c.frameRate[n])*10)/10, math.Round(float64(c.byteRate[n])*10)/10
	f.FrameRate, f.ByteRate = &frames, &bytes
}

func wwpnText(wwpn uint64) string {
	if wwpn == 0 {
		return ""
	}
	return frame.WWN(wwpn).String()
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Get finds a flow in the segment as it is now. Rates are those of the image, if there is one. Where a login has moved to
// another FC_ID, the flow of before may be there until it has been idle for long; the one that was seen last is meant.
func (x *Index) Get(ctx context.Context, id ID) (*Flow, error) {
	var found *Flow
	err := x.o.Segment.Use(func(seg *attach.Segment) (err error) {
		found, err = x.find(ctx, seg.State, id)
		return err
	})
	if err != nil || found == nil {
		return nil, errors.Join(err, missing(found))
	}
	x.rate(found)
	return found, nil
}

func missing(f *Flow) error {
	if f == nil {
		return problem.New(problem.NotFound, "There is no such flow now.")
	}
	return nil
}

// finder gathers the directions of one id: more than one flow only where logins have moved.
type finder struct {
	id    ID
	image image
	rows  map[flow.Key]uint32
	names *scanner // numbers of names
}

var finders = sync.Pool{New: func() any { return &finder{image: image{chunks: []*chunk{new(chunk)}}} }}

// find reads the infos of all shards, one after another: 64 bytes a direction.
func (x *Index) find(ctx context.Context, f *shm.File, id ID) (*Flow, error) {
	t := finders.Get().(*finder)
	defer finders.Put(t)
	t.id, t.rows, t.names = id, map[flow.Key]uint32{}, x.scanner()
	t.names.reset(0)
	t.names.generation = generationOf(f)
	t.image.begin(time.Now(), nil, 0)
	// The two directions are resolved one after the other: the second round finds those whose names are not there yet.
	for _, unresolved := range []bool{false, true} {
		for shard := range shm.Items[shm.Lcore](f, shm.RegionLcores) {
			if err := ctx.Err(); err != nil {
				return nil, problem.Wrap(problem.Timeout, err, "The flow was not found in time.")
			}
			entries, infos := tables(f, shard)
			t.gather(entries, infos, unresolved)
		}
		if len(t.rows) == 0 {
			return nil, nil
		}
	}
	c, last := t.image.chunks[0], uint32(0)
	for i := uint32(1); i < uint32(len(t.rows)); i++ {
		if int64(c.lastSeen[i]-c.lastSeen[last]) > 0 {
			last = i
		}
	}
	t.names.name(f, &t.image)
	t.image.wwpns = t.names.wwpns
	found := new(Flow)
	t.image.describe(last, found)
	return found, nil
}

// gather puts directions into rows: those that have the id, or, unresolved, the others of the same flows.
func (t *finder) gather(entries []flow.Entry, infos []flow.Info, unresolved bool) {
	var d direction
	for n := range infos {
		if !t.id.named(&infos[n], unresolved) || !look(entries, &infos[n], uint32(n), &d) || d.orient == flow.OrientUnknown {
			continue
		}
		side, key := toTarget, d.key
		if d.orient == flow.FromTarget {
			side, key = toInitiator, key.Reverse()
		}
		row, ok := t.rows[key]
		if !ok && !unresolved && idOf(key, d.initiator, d.target) == t.id && len(t.rows) < rowsPerChunk {
			row, ok = uint32(len(t.rows)), true
			t.rows[key] = row
		}
		if ok {
			t.names.put(t.image.chunks[0], row, key, side, &d, 0)
		}
	}
}

// named says at a glance whether a direction may have the id; or, unresolved, whether it lacks a name. It may read what is
// being written: look tells.
//
//go:norace
func (id ID) named(info *flow.Info, unresolved bool) bool {
	matches := nameIs(info.Initiator, id.Initiator) && nameIs(info.Target, id.Target)
	return !unresolved && matches || unresolved && !matches && (info.Initiator == 0 || info.Target == 0)
}

func nameIs(wwpn uint64, want frame.WWN) bool {
	return wwpn == uint64(want) || wwpn == 0 && want < 1<<24
}

// rate adds the rates of the image to a flow, if it is there.
func (x *Index) rate(f *Flow) {
	x.mu.Lock()
	img := x.current
	if img != nil {
		img.readers++
	}
	x.mu.Unlock()
	if img == nil {
		return
	}
	defer x.release(img)
	sid, err1 := frame.ParseFCID(f.InitiatorID)
	did, err2 := frame.ParseFCID(f.TargetID)
	if err1 != nil || err2 != nil {
		return
	}
	key := flow.MakeKey(f.Fabric, f.VSAN, uint32(sid), uint32(did))
	for n := range img.used() {
		c := img.chunks[n]
		for i := range c.key {
			if c.key[i] == key && c.flags[i]&flagRated != 0 {
				f.rated(c, i)
				return
			}
		}
	}
}
