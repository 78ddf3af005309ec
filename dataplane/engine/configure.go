package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// Apply makes a compiled policy the active configuration, as the next revision, in the segment alone: it is copied into
// the policy slot that nobody uses, checked there, and published; when Apply returns, every lcore decides by it. A nil
// policy forwards everything. An error changes nothing. An lcore that is stalled and takes the policy up late is named in
// the log, and until it has, its old policy's slot is in use: no other policy can be applied.
//
// It is for who measures, for replays and tests. In earnest a Keeper does this (change.go).
func (e *Engine) Apply(flat []byte) error {
	if e.keeper != nil && !e.keeper.Idle() {
		return errors.New("policy: another change is being made")
	}
	if err := e.acknowledged(); err != nil {
		return err
	}
	p, slot, err := e.put(flat)
	if err != nil {
		return err
	}
	if e.keeper != nil {
		e.keeper.Override(p, slot)
	}
	e.publish(p, slot)
	if err := e.acknowledged(); err != nil {
		e.log.Error("policy published", "why", err)
		return nil
	}
	if e.polling > 0 {
		e.log.Info("policy changed", "generation", e.control.generation)
	}
	return nil
}

// put copies a compiled policy into the free slot and checks it there.
func (e *Engine) put(flat []byte) (p *policy.Snapshot, slot uint32, err error) {
	if flat == nil {
		return nil, shm.NoPolicy, nil
	}
	if e.control.slot == 0 {
		slot = 1
	}
	memory := shm.PutPolicy(e.policySlot(slot), flat)
	if memory == nil {
		return nil, 0, fmt.Errorf("policy: compiled to %d bytes, the segment has room for %d", len(flat), policySlotBytes)
	}
	if p, err = policy.Open(memory); err != nil {
		return nil, 0, err
	}
	return p, slot, check(p, e.boot)
}

func (e *Engine) policySlot(slot uint32) []byte {
	return e.seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, slot))
}

// publish turns a policy into the next generation's snapshot and hands it to the lcores.
func (e *Engine) publish(p *policy.Snapshot, slot uint32) {
	c := &e.control
	next := &lcore.Snapshot{Generation: max(c.generation+1, 1), Policy: p}
	if p != nil {
		for i := range p.Services() {
			d := p.Service(i)
			s := lcore.Service{Port: e.boot.PortIndex(d.Port), MAC: d.MAC}
			s.Up = s.Port >= 0 && e.infos[s.Port].Up == 1
			next.Services = append(next.Services, s)
		}
	}
	e.describeServices(next)
	c.generation, c.policy, c.slot = next.Generation, p, slot
	e.kept.generation = c.generation
	if p == nil {
		c.slot = shm.NoPolicy
	}
	if c.learner != nil { // where a frame came from matters only when decisions hang on it
		c.learner.SetStrict(p != nil)
	}
	e.shared.Publish(next)
	e.page.PolicySinceNS = e.wall()
	e.page.PolicyHash = 0
	if p != nil {
		hash := p.Hash()
		e.page.PolicyHash = binary.BigEndian.Uint64(hash[:8])
	}
	atomic.StoreUint32(&e.page.PolicySlot, c.slot)
	atomic.StoreUint32(&e.page.Generation, c.generation)
	e.teller.policy(c.generation, e.page.PolicyHash, e.tsc())
}

// describeServices writes the page of services. A service of the same name keeps its count of flips.
func (e *Engine) describeServices(next *lcore.Snapshot) {
	states := shm.Items[shm.ServiceInfo](e.seg.State, shm.RegionServices)
	var used []bool
	if next.Policy != nil {
		used = next.Policy.Used()
	}
	for i := range states {
		state, name, use := &states[i], "", shm.UseUnknown
		service := lcore.Service{Port: -1}
		if i < len(next.Services) {
			name, service, use = next.Policy.Service(i).Name, next.Services[i], shm.Unused
			if used[i] {
				use = shm.Used
			}
		}
		if shm.Text(state.Name[:]) != name {
			*state = shm.ServiceInfo{}
			copy(state.Name[:], name)
		}
		up := uint16(0)
		if service.Up {
			up = 1
		}
		if state.Up != up {
			state.Flips++
		}
		state.Port, state.Up, state.Use = int16(service.Port), up, use
	}
}

// renew publishes the active policy again under a new generation: every flow is evaluated afresh.
func (e *Engine) renew() { e.publish(e.control.policy, e.control.slot) }

// acknowledged waits until every lcore that runs uses the published snapshot. Only then may the other policy slot be
// written again.
func (e *Engine) acknowledged() error {
	for deadline := time.Now().Add(ackTimeout); ; time.Sleep(controlPeriod) {
		late := e.late()
		if late < 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return e.lateError(late)
		}
	}
}

// late is an lcore that runs and does not use the published snapshot yet, -1 when all do.
func (e *Engine) late() int {
	for i, w := range e.workers {
		if w != nil && w.Running() && atomic.LoadUint32(&e.lcores[i].Generation) != e.control.generation {
			return i
		}
	}
	return -1
}

func (e *Engine) lateError(lcore int) error {
	return fmt.Errorf("policy: lcore %d has not taken up generation %d within %v", lcore, e.control.generation, ackTimeout)
}

// CheckPolicy holds a compiled policy against a boot file.
func CheckPolicy(flat []byte, c *boot.Config) error {
	s, err := policy.Open(flat)
	if err != nil {
		return err
	}
	return check(s, c)
}

// check says what of a policy cannot be done on this box, or by this version: better refused than not heeded.
func check(s *policy.Snapshot, c *boot.Config) error {
	if n := s.Services(); n > shm.MaxServices {
		return fmt.Errorf("policy: %d services, the limit is %d", n, shm.MaxServices)
	}
	for i := range s.Services() {
		if d := s.Service(i); d.VLAN != 0 {
			return fmt.Errorf("policy: service %s: a VLAN of its own is not done by this version: remove vlan; frames reach the service with the tag that they came with, or none", d.Name)
		}
	}
	return s.CheckPorts(c.RoleOf)
}
