package faults

import (
	"fmt"
	"path/filepath"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/shm"
)

// lifeID names one life of one direction for ever.
type lifeID struct{ epoch, serial uint64 }

// life is what the segment, or the database, says of it.
type life struct {
	key              uint64
	frames, bytes    uint64
	errors           uint64
	initiator        uint64
	target           uint64
	sampled, samples total // of the database: what the flow says was sampled, and the sum of the samples
	ended            bool
}

type total struct{ frames, bytes uint64 }

// segment is a mapped segment.
type segment struct{ state, ctl *shm.File }

func openSegment(dir string) (*segment, error) {
	state, err := shm.Open(filepath.Join(dir, "state"), false)
	if err != nil {
		return nil, err
	}
	ctl, err := shm.Open(filepath.Join(dir, "ctl"), true)
	if err != nil {
		state.Close()
		return nil, err
	}
	return &segment{state, ctl}, nil
}

func (s *segment) close() {
	s.state.Close()
	s.ctl.Close()
}

func (s *segment) epoch() uint64 { return s.state.Header().Epoch }

// lives reads the flow tables. A direction on which no storage frame was seen is no flow yet.
func (s *segment) lives() map[lifeID]life {
	all := map[lifeID]life{}
	for i := range shm.Items[shm.Lcore](s.state, shm.RegionLcores) {
		v := flow.NewView(shm.Items[flow.Entry](s.state, fmt.Sprintf(shm.RegionFlows, i)), shm.Items[flow.Info](s.state, fmt.Sprintf(shm.RegionInfos, i)))
		for d := range v.All() {
			if d.Info.Orient == flow.OrientUnknown {
				continue
			}
			all[lifeID{s.epoch(), uint64(i)<<serialBits | d.Info.Serial}] = life{
				key: uint64(d.Key), frames: d.Frames, bytes: d.Bytes, errors: uint64(d.Errors), initiator: d.Info.Initiator, target: d.Info.Target,
			}
		}
	}
	return all
}

// serialBits: above them stands the lcore's index (dataplane/lcore/report.go).
const serialBits = 56

// rings lists the rings of one consumer.
func (s *segment) rings(c feed.Consumer) (list []feed.Ring) {
	for _, r := range feed.Rings(s.state, s.ctl) {
		if r.Consumer == c {
			list = append(list, r)
		}
	}
	return list
}
