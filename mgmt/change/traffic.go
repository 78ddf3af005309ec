package change

import (
	"fmt"
	"time"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

// Traffic is what goes through the data plane.
type Traffic interface {
	// Directions calls visit for each direction of a flow that was seen since then.
	Directions(since time.Time, visit func(Direction)) error
	Services() ([]report.Service, error)
	Ports() (roles map[string]string, err error)
	Evaluations() (uint64, error) // of the policy, by all lcores
}

// Direction is one direction of a flow.
type Direction struct {
	Key               flow.Key
	FromInitiator     bool
	Initiator, Target frame.WWN
	Frames, Bytes     uint64
	LastSeen          time.Time
}

// pair is the key of the direction from the initiator.
func (d *Direction) pair() flow.Key {
	if d.FromInitiator {
		return d.Key
	}
	return d.Key.Reverse()
}

// Segment is the Traffic of a segment.
type Segment struct{ Live *attach.Live }

// Directions reads the flow tables of all lcores.
func (t Segment) Directions(since time.Time, visit func(Direction)) error {
	return t.Live.Use(func(s *attach.Segment) error {
		header := s.State.Header()
		for i := range shm.Items[shm.Lcore](s.State, shm.RegionLcores) {
			entries := shm.Items[flow.Entry](s.State, fmt.Sprintf(shm.RegionFlows, i))
			infos := shm.Items[flow.Info](s.State, fmt.Sprintf(shm.RegionInfos, i))
			for d := range flow.NewView(entries, infos).All() {
				if d.Info.Orient == flow.OrientUnknown {
					continue
				}
				last := time.Unix(0, header.Wall(d.LastSeen))
				if last.Before(since) {
					continue
				}
				visit(Direction{
					Key: d.Key, FromInitiator: d.Info.Orient == flow.FromInitiator, Initiator: frame.WWN(d.Info.Initiator), Target: frame.WWN(d.Info.Target),
					Frames: d.Frames, Bytes: d.Bytes, LastSeen: last,
				})
			}
		}
		return nil
	})
}

// Services are the services of the active policy.
func (t Segment) Services() (list []report.Service, err error) {
	err = t.Live.Use(func(s *attach.Segment) error { list = report.Services(s.State); return nil })
	return list, err
}

// Ports are the roles of ports by name.
func (t Segment) Ports() (roles map[string]string, err error) {
	err = t.Live.Use(func(s *attach.Segment) error {
		roles = map[string]string{}
		for _, p := range report.Ports(s.State) {
			roles[p.Name] = p.Role
		}
		return nil
	})
	return roles, err
}

// Evaluations is how often lcores asked the policy since the data plane started.
func (t Segment) Evaluations() (n uint64, err error) {
	err = t.Live.Use(func(s *attach.Segment) error {
		for _, l := range shm.Items[shm.Lcore](s.State, shm.RegionLcores) {
			n += l.Evaluations
		}
		return nil
	})
	return n, err
}

// ServiceStates are the services of the active configuration by name, as the data plane sees them; none without one.
func (s *Service) ServiceStates() map[string]report.Service {
	states := map[string]report.Service{}
	if s.o.Traffic == nil {
		return states
	}
	list, err := s.o.Traffic.Services()
	if err != nil {
		return states
	}
	for _, r := range list {
		states[r.Name] = r
	}
	return states
}
