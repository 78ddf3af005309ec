package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

// plane plays the data plane: lcores whose flows a test makes, counts and ends, the control goroutine with logins, and a
// peer that releases all it gets. What it has told, or will, is the truth that the database is held to.
type plane struct {
	t     testing.TB
	dir   string
	spec  feed.Spec
	slots int

	mu      sync.Mutex // a goroutine may offer beside the test
	seg     *shm.Segment
	lcores  []*lcore
	control *control
	peers   []*feed.Reader
	now     uint64 // TSC, in ns since 1970
	ended   map[life]feed.FlowItem

	patience time.Duration
}

// life names a direction's life.
type life struct{ epoch, serial uint64 }

// lcore is a source of flows.
type lcore struct {
	index   int
	made    uint64
	live    []bool
	flows   []feed.FlowItem
	outlets *feed.Outlets
}

func (l *lcore) Slots() int { return len(l.flows) }

func (l *lcore) Fill(slot uint32, item *feed.Item) bool {
	if !l.live[slot] {
		return false
	}
	h := *item.Header()
	*item.Flow() = l.flows[slot]
	*item.Header() = h
	return true
}

// control is a source of logins.
type control struct {
	logins  map[uint64]feed.LoginItem
	changes uint64
	outlets *feed.LoginOutlets
}

func (c *control) FillLogin(addr uint64, item *feed.LoginItem) bool {
	l, live := c.logins[addr]
	h := item.Header
	if live {
		*item = l
	}
	item.Header, item.Addr, item.Generation = h, addr, c.changes
	return live
}

func (c *control) Addresses(yield func(uint64) bool) {
	for addr := range c.logins {
		if !yield(addr) {
			return
		}
	}
}

// period is that of offers: short, so that tests need not wait.
const period = 1000

func newPlane(t testing.TB, lcores, slots, items, shards int) *plane {
	t.Helper()
	p := &plane{
		t: t, dir: t.TempDir(), spec: feed.Spec{Producers: lcores + 1, State: items, Events: feed.MinItems, Shards: shards}, slots: slots,
		now: uint64(time.Now().UnixNano()), ended: map[life]feed.FlowItem{}, patience: patienceOfTests,
	}
	p.start(true)
	t.Cleanup(func() { p.seg.Close() })
	return p
}

func (p *plane) specs() []shm.RegionSpec {
	return append(p.spec.StateRegions(),
		shm.RegionSpec{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		shm.RegionSpec{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 2},
		shm.RegionSpec{Name: fmt.Sprintf(shm.RegionPolicy, 0), Stride: 1 << 16, Count: 1},
		shm.RegionSpec{Name: fmt.Sprintf(shm.RegionPolicy, 1), Stride: 1 << 16, Count: 1})
}

// start makes the data plane, cold or warm. A warm start keeps flows and logins.
func (p *plane) start(cold bool) {
	p.t.Helper()
	var err error
	if p.seg != nil {
		p.seg.Close()
	}
	p.seg, err = shm.Create(shm.Config{Dir: p.dir, Node: "n1", TSCHz: 1e9, TSCNow: p.now, Fresh: cold, State: p.specs(), Ctl: p.spec.CtlRegions()})
	if err != nil {
		p.t.Fatal(err)
	}
	h := p.seg.State.Header()
	h.StartNS = int64(p.now)
	for i, name := range []string{"edge0", "fab0"} {
		copy(shm.Items[shm.PortInfo](p.seg.State, shm.RegionPorts)[i].Name[:], name)
	}
	page := &shm.Items[shm.Control](p.seg.State, shm.RegionControl)[0]
	page.PolicySlot, page.Generation = shm.NoPolicy, 1
	if cold {
		p.lcores, p.control = nil, &control{logins: map[uint64]feed.LoginItem{}}
		for i := range p.spec.Producers - 1 {
			p.lcores = append(p.lcores, &lcore{index: i, live: make([]bool, p.slots), flows: make([]feed.FlowItem, p.slots)})
		}
	}
	for i, l := range p.lcores {
		l.outlets, err = feed.NewOutlets(p.seg.State, p.seg.Ctl, feed.Config{Spec: p.spec, Producer: i, Report: period, Now: p.now, Source: l})
		if err != nil {
			p.t.Fatal(err)
		}
		if !cold {
			l.outlets.Resync()
		}
	}
	p.control.outlets, err = feed.NewLoginOutlets(p.seg.State, p.seg.Ctl,
		feed.Config{Spec: p.spec, Producer: len(p.lcores), Report: period, Now: p.now}, p.control, 1024)
	if err != nil {
		p.t.Fatal(err)
	}
	p.control.outlets.Resync()
	for i := range p.spec.Producers {
		if _, err = feed.NewEvents(p.seg.State, p.seg.Ctl, feed.Config{Spec: p.spec, Producer: i, Report: period, Now: p.now}); err != nil {
			p.t.Fatal(err)
		}
	}
	atomic.StoreUint32(&h.State, shm.Running)
	if p.peers, err = feed.Open(p.seg.State, p.seg.Ctl, feed.Peer, 0); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plane) place() attach.Place { return attach.Place{Dir: p.dir} }
func (p *plane) epoch() uint64       { return p.seg.State.Header().Epoch }

// make begins a direction in a free slot. Slots 2n and 2n+1 are the two directions of a flow.
func (p *plane) make(l *lcore, slot int) {
	l.made++
	n := uint64(l.index)<<20 | uint64(slot/2)
	key := flow.MakeKey(0, uint16(slot/2%3)*100, uint32(0x010000|n&0xffff), 0x020000|uint32(l.index))
	orient := flow.FromInitiator
	if slot%2 == 1 {
		key, orient = key.Reverse(), flow.FromTarget
	}
	l.live[slot] = true
	l.flows[slot] = feed.FlowItem{
		Serial: uint64(l.index)<<56 | l.made, Key: uint64(key), Initiator: 0x200002fc01000000 + n, Target: 0x200002fc0a000000 + uint64(l.index),
		Created: p.now, LastSeen: p.now, Generation: 1, Rule: -1, Service: -1, Orient: uint8(orient), InPort: uint8(slot % 2),
	}
	l.outlets.Touch(uint32(slot), uint64(key), 0)
}

// count has frames of a direction pass.
func (p *plane) count(l *lcore, slot int, frames uint64) {
	f := &l.flows[slot]
	seen := f.LastSeen
	f.Frames += frames
	f.Bytes += frames * 2148
	f.LastSeen = p.now
	l.outlets.Touch(uint32(slot), f.Key, seen)
}

// touch has something happen.
func (p *plane) touch() {
	if l := p.lcores[0]; l.live[0] {
		p.count(l, 0, 1)
	} else {
		p.make(l, 0)
	}
	p.offer()
}

// change gives a direction another verdict.
func (p *plane) change(l *lcore, slot int) {
	f := &l.flows[slot]
	f.State = feed.State(rand.IntN(3))
	f.Generation++
	p.count(l, slot, 1)
	l.outlets.Urgent(uint32(slot), f.Key)
}

// end ends a direction, if there is room to say so.
func (p *plane) end(l *lcore, slot int) bool {
	f := &l.flows[slot]
	if !l.outlets.Room(f.Key) {
		return false
	}
	l.outlets.End(uint32(slot), f.Key, p.now)
	p.ended[life{p.epoch(), f.Serial}] = *f
	l.live[slot] = false
	return true
}

// login brings a login or lets it go.
func (p *plane) login(addr login.Addr, wwpn frame.WWN) {
	c := p.control
	c.changes++
	if wwpn == 0 {
		delete(c.logins, uint64(addr))
	} else {
		c.logins[uint64(addr)] = feed.LoginItem{
			WWPN: uint64(wwpn), WWNN: 0x100002fc01000001, FirstSeen: int64(p.now), LastSeen: int64(p.now), Incarnation: 1,
			MAC: [6]byte{0x0e, 0xfc, 0, 1, 0, byte(addr)}, Status: uint8(login.Live), Claimed: uint8(login.Initiator), How: uint8(login.ByLogin),
		}
	}
	c.outlets.Mark(uint64(addr))
}

// offer lets time pass and fills the rings.
func (p *plane) offer() {
	p.now += period + 1
	for _, l := range p.lcores {
		l.outlets.Offer(p.now, 4096)
	}
	p.control.outlets.Offer(p.now, 4096)
	for _, r := range p.peers {
		for r.Next() != nil {
		}
		if err := r.Release(r.Read()); err != nil {
			p.t.Errorf("peer: %v", err)
		}
	}
}

// rest offers until nothing waits and the store has released all.
func (p *plane) rest() {
	p.t.Helper()
	for end := time.Now().Add(p.patience); !p.quiet(); time.Sleep(200 * time.Microsecond) {
		if time.Now().After(end) {
			p.t.Fatalf("the store does not come to rest: %+v", feed.Rings(p.seg.State, p.seg.Ctl))
		}
	}
}

// quiet offers, and says whether nothing waits and the store has released all.
func (p *plane) quiet() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offer()
	quiet := true
	for _, l := range p.lcores {
		quiet = quiet && l.outlets.Idle()
	}
	for _, r := range feed.Rings(p.seg.State, p.seg.Ctl) {
		if r.Consumer == feed.Store && (r.Depth > 0 || r.Pending > 0) {
			quiet = false
		}
	}
	return quiet
}

const patienceOfTests = 120 * time.Second

// apply makes a policy the active configuration.
func (p *plane) apply(text string, generation uint32) {
	p.t.Helper()
	doc, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		p.t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		p.t.Fatal(err)
	}
	page := &shm.Items[shm.Control](p.seg.State, shm.RegionControl)[0]
	slot := (page.PolicySlot + 1) % 2
	if shm.PutPolicy(p.seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, slot)), flat) == nil {
		p.t.Fatal("the policy finds no room")
	}
	page.PolicySlot, page.Generation = slot, generation
}

// crash ends the data plane without a word and starts it again: warm, and then some entries may be lost; or cold. Flows
// that end so are put in lost.
func (p *plane) crash(rnd *rand.Rand, lost map[life]bool, cold bool) {
	for _, l := range p.lcores {
		for slot := range l.live {
			if l.live[slot] && (cold || rnd.IntN(20) == 0) {
				lost[life{p.epoch(), l.flows[slot].Serial}] = true
				l.live[slot] = false
			}
		}
	}
	p.start(cold)
}

// remove deletes the files: the data plane is gone for good.
func (p *plane) remove() {
	for _, name := range []string{"state", "ctl"} {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
			p.t.Fatal(err)
		}
	}
}
