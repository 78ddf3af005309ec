package store

import (
	"fmt"
	"sync/atomic"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// names turns the numbers of a segment into the names that admins gave. It belongs to the flusher.
type names struct {
	state *shm.File
	ports []string
	known []named // the newest last
}

// named has the names of one configuration.
type named struct {
	generation      uint32
	rules, services []string
}

// generationMask is what of a generation a flow's entry has room for.
const generationMask = 1<<24 - 1

func newNames(state *shm.File) *names {
	n := &names{state: state}
	infos := shm.Items[shm.PortInfo](state, shm.RegionPorts)
	for i := range infos {
		n.ports = append(n.ports, shm.Text(infos[i].Name[:]))
	}
	return n
}

// port is the name of a port.
func (n *names) port(i uint8) string {
	if int(i) < len(n.ports) {
		return n.ports[i]
	}
	return fmt.Sprintf("#%d", i)
}

// verdict gives the names of rule and service in the configuration of a generation: empty for none, #n where nobody
// knows any more. Generation 0 is a flow that waits to be evaluated again: what it has is shown under the names of now,
// as in every list that reads the segment.
func (n *names) verdict(generation uint32, rule int32, service int16) (string, string) {
	c := n.of(generation)
	if c == nil {
		return numbered(int(rule)), numbered(int(service))
	}
	return pick(c.rules, int(rule)), pick(c.services, int(service))
}

// verdictOf is the same for an item.
func (n *names) verdictOf(i *feed.FlowItem) (string, string) {
	return n.verdict(i.Generation, i.Rule, i.Service)
}

func numbered(i int) string {
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("#%d", i)
}

func pick(names []string, i int) string {
	if i >= len(names) {
		return numbered(i)
	}
	if i < 0 {
		return ""
	}
	return names[i]
}

// of finds the names of a generation, nil when it is gone and we have not seen it.
func (n *names) of(generation uint32) *named {
	for i := len(n.known) - 1; i >= 0 && generation != 0; i-- {
		if n.known[i].generation == generation&generationMask {
			return &n.known[i]
		}
	}
	active := n.active()
	if active == nil || generation != 0 && active.generation != generation&generationMask {
		return nil
	}
	return active
}

// active gives the names of the configuration of now.
func (n *names) active() *named {
	pages := shm.Items[shm.Control](n.state, shm.RegionControl)
	if len(pages) != 1 {
		return nil
	}
	now := func() uint32 { return atomic.LoadUint32(&pages[0].Generation) & generationMask }
	generation := now()
	if last := len(n.known) - 1; last >= 0 && n.known[last].generation == generation {
		return &n.known[last]
	}
	policy, err := report.ReadPolicy(n.state)
	if err != nil || now() != generation { // it is being replaced: the next one who asks reads it
		return nil
	}
	c := named{generation: generation}
	if policy != nil {
		for i := range policy.Rules() {
			c.rules = append(c.rules, policy.Rule(i).Name)
		}
		for i := range policy.Services() {
			c.services = append(c.services, policy.Service(i).Name)
		}
	}
	if len(n.known) == generations {
		n.known = n.known[:copy(n.known, n.known[1:])]
	}
	n.known = append(n.known, c)
	return &n.known[len(n.known)-1]
}
