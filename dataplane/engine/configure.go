package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// Apply makes a compiled policy the active configuration: it is copied into the policy slot that nobody uses, checked
// there, and published; when Apply returns, every lcore decides by it. A nil policy forwards everything. An error
// changes nothing. An lcore that is stalled and takes the policy up late is named in the log, and until it has, its old
// policy's slot is in use: no other policy can be applied.
func (e *Engine) Apply(flat []byte) error {
	if err := e.acknowledged(); err != nil {
		return err
	}
	if err := e.apply(flat); err != nil {
		return err
	}
	if err := e.acknowledged(); err != nil {
		e.log.Error("policy published", "why", err)
	}
	return nil
}

func (e *Engine) apply(flat []byte) error {
	if flat == nil {
		e.publish(nil, shm.NoPolicy)
		return nil
	}
	slot := uint32(0)
	if e.control.slot == 0 {
		slot = 1
	}
	memory := shm.PutPolicy(e.seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, slot)), flat)
	if memory == nil {
		return fmt.Errorf("policy: compiled to %d bytes, the segment has room for %d", len(flat), policySlotBytes)
	}
	snapshot, err := policy.Open(memory)
	if err != nil {
		return err
	}
	if err := check(snapshot, e.boot); err != nil {
		return err
	}
	e.publish(snapshot, slot)
	return nil
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
	for i := range states {
		state, name := &states[i], ""
		service := lcore.Service{Port: -1}
		if i < len(next.Services) {
			name, service = next.Policy.Service(i).Name, next.Services[i]
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
		state.Port, state.Up = int16(service.Port), up
	}
}

// renew publishes the active policy again under a new generation: every flow is evaluated afresh.
func (e *Engine) renew() { e.publish(e.control.policy, e.control.slot) }

// acknowledged waits until every lcore that runs uses the published snapshot. Only then may the other policy slot be
// written again.
func (e *Engine) acknowledged() error {
	for deadline := time.Now().Add(ackTimeout); ; time.Sleep(controlPeriod) {
		late := -1
		for i, w := range e.workers {
			if w != nil && w.Running() && atomic.LoadUint32(&e.lcores[i].Generation) != e.control.generation {
				late = i
			}
		}
		if late < 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("policy: lcore %d has not taken up generation %d within %v", late, e.control.generation, ackTimeout)
		}
	}
}

// self is this program, also after an upgrade has put another one in its place: the two may not agree on the flat form.
const self = "/proc/self/exe"

// CompileInChild reads and compiles a policy document in a short-lived process: parsing allocates, and this one's heap
// does not grow (its garbage collector is off). The child is this program with the arguments given, prints the flat
// snapshot, and explains itself on standard error.
func CompileInChild(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), compileTimeout)
	defer cancel()
	var out limitedBuffer
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Args[0] = os.Args[0] // what ps shows, and what the tests' binary knows its part by
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.Env = append(os.Environ(), "GOGC=100")
	if err := cmd.Run(); err != nil {
		if complaint.Len() > 0 {
			return nil, errors.New(string(bytes.TrimSpace(complaint.Bytes())))
		}
		return nil, fmt.Errorf("policy: compiler: %w", err)
	}
	return out.Bytes(), nil
}

// limitedBuffer refuses more than a policy slot holds.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > policySlotBytes {
		return 0, fmt.Errorf("the compiled policy exceeds %d bytes", policySlotBytes)
	}
	return b.Buffer.Write(p)
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
