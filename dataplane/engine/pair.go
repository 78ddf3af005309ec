package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"time"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// The partner: control runs the machine of package pair, hears and sends its beats by way of the lcores, and says to them
// whether they may forward.

// partner is the control goroutine's side of an inline pair.
type partner struct {
	machine *pair.Machine // nil: this node has none
	codec   *pair.Codec
	page    *pair.Page
	record  pair.Record
	sends   []*ring.Producer // by lcore
	taken   []*ring.Consumer // their other ends, until the lcores have them
	pool    *dpdk.Mempool
	names   [2]string
	beat    pair.Beat
	frame   []byte // to be sent
	gate    pair.Step
	ready   command.ReadyRequest
	readyAt int64
	waiting command.Ticket // for a hand-over; ID 0: nobody
	walk    announcement
}

// active says whether this node, having a partner, forwards.
func (p *partner) active() bool { return p.machine != nil && p.machine.State() != pair.Standby }

// ringTo is the end that an lcore takes of its ring.
func (p *partner) ringTo(i int) *ring.Consumer {
	if p.machine == nil {
		return nil
	}
	return p.taken[i]
}

// makePair makes the node's side of its pair, shut until it is said otherwise.
func (e *Engine) makePair(o Options) error {
	p := &e.pair
	p.page = pair.PageOf(e.seg.State)
	left := p.page.Left()
	if e.clock == nil {
		e.commands.Handle(command.OpReady, e.takeReady)
		e.commands.Handle(command.OpHandOver, e.takeHandOver)
	}
	b := &o.Boot.Partner
	if b.Node == "" || e.clock != nil {
		e.control.learner.Hold(false, e.wall())
		p.record = pair.Record{State: pair.Single, Epoch: left.Epoch, Since: e.wall()}
		p.page.Put(&p.record)
		return nil
	}
	key, err := pairKey(b.KeyFile)
	if err != nil {
		return err
	}
	if p.codec, err = pair.NewCodec(key); err != nil {
		return fmt.Errorf("%s: %w", b.KeyFile, err)
	}
	for range o.Boot.Lcores {
		to, from, err := ring.New(lcore.SendSpec)
		if err != nil {
			return err
		}
		p.sends, p.taken = append(p.sends, to), append(p.taken, from)
	}
	p.pool, p.names, p.frame = o.Clones, [2]string{b.Node, o.Boot.Node}, make([]byte, 0, 512)
	p.machine = pair.New(pair.Config{
		Node: o.Boot.Node, Partner: b.Node, Boot: e.seg.State.Header().BootID, Epoch: left.Epoch, Priority: b.Priority,
		Start: b.Start, Takeover: b.Takeover, Beat: b.Beat, Misses: b.Misses, Layout: layoutOf(o.Boot), ABI: shm.ABI,
	}, command.Now())
	p.record = pair.Record{
		Start: b.Start, Takeover: b.Takeover, Priority: b.Priority, Misses: uint8(b.Misses), Beat: int64(b.Beat), Layout: layoutOf(o.Boot), Changes: left.Changes,
	}
	copy(p.record.Partner[:pair.NameLen-1], b.Node)
	e.shared.Shut()
	e.control.learner.Hold(true, e.wall())
	e.writePair(command.Now())
	return nil
}

// pairKey reads the key that both nodes share. Others must not be able to: who has it can stop both.
func pairKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("pair key: %w: make one with head -c 32 /dev/urandom | base64 > %s, and copy it to the other node", err, path)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("pair key: %w", err)
	}
	if !st.Mode().IsRegular() || st.Size() > pair.KeyMax+2 {
		return nil, fmt.Errorf("pair key: %s is no file of at most %d bytes", path, pair.KeyMax)
	}
	if st.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("pair key: %s can be read by everybody: chmod 600 %[1]s", path)
	}
	key := make([]byte, st.Size())
	n, err := f.ReadAt(key, 0)
	if n < len(key) {
		return nil, fmt.Errorf("pair key: %w", err)
	}
	return bytes.TrimSpace(key), nil
}

// layoutOf hashes what must be equal at both nodes for port numbers to mean the same.
func layoutOf(c *boot.Config) uint64 {
	h := fnv.New64a()
	for _, p := range c.Ports {
		fmt.Fprintf(h, "%s/%d/%d/%d\n", p.Name, p.Role, p.Peer, p.Fabric)
	}
	return h.Sum64()
}

func (e *Engine) takeReady(t command.Ticket, request []byte) {
	r, ok := command.Decode[command.ReadyRequest](request)
	if !ok {
		e.malformed(t)
		return
	}
	e.pair.ready, e.pair.readyAt = r, command.Now()
	e.commands.Answer(t, nil)
}

func (e *Engine) takeHandOver(t command.Ticket, request []byte) {
	p := &e.pair
	r, ok := command.Decode[command.HandOverRequest](request)
	switch {
	case !ok:
		e.malformed(t)
	case p.machine == nil:
		e.commands.Refuse(t, command.Refused, "pair: this node has no partner: see pair in the boot file")
	default:
		if err := p.machine.HandOver(command.Now(), r.Force != 0); err != nil {
			e.commands.Refuse(t, command.Refused, err.Error())
			return
		}
		p.waiting = t
		e.stepPair()
	}
}

// hearPartner takes a frame that an lcore passed on, if it is one of the pair.
func (e *Engine) hearPartner(item *lcore.ControlItem) bool {
	p, f := &e.pair, item.Frame[:item.Len]
	if len(f) < lcore.PairHeader || binary.BigEndian.Uint16(f[12:]) != lcore.PairEtherType || binary.BigEndian.Uint32(f[14:]) != lcore.PairMagic {
		return false
	}
	if p.codec.Parse(f[lcore.PairHeader:], &p.beat, p.names[:]...) != nil {
		p.machine.Forged()
		return true
	}
	before := p.machine.State()
	p.machine.Hear(command.Now(), int(item.Port), &p.beat)
	if p.machine.State() != before { // at once: a frame more may be one too many
		e.stepPair()
	}
	return true
}

// stepPair does what the machine says.
func (e *Engine) stepPair() {
	p := &e.pair
	if p.machine == nil {
		return
	}
	tsc, now := e.tsc(), command.Now() // in this order: what is counted from now on ends too early rather than too late
	linked := uint8(0)
	for i := range e.infos {
		if e.infos[i].Role != shm.RoleService && e.infos[i].Up == 1 {
			linked = 1
		}
	}
	p.record.Linked = linked
	p.machine.Say(pair.Facts{
		Ready: p.ready.Ready == 1, ReadyFresh: now-p.readyAt < int64(command.ReadyFor), WindowOpen: e.keeper.Pending(),
		Policy: e.page.PolicyHash, Linked: linked == 1,
	})
	s := p.machine.Tick(now)
	e.setGate(s, tsc, now)
	if s.Changed {
		e.pairChanged()
	}
	if s.Send {
		e.sendBeats()
	}
	if s.Announce {
		p.walk = announcement{on: true}
	}
	e.announce()
	if s.Send || s.Changed {
		e.writePair(now)
	}
	if done, err := p.machine.HandedOver(); done && p.waiting.ID != 0 {
		if err != nil {
			e.commands.Refuse(p.waiting, command.Refused, err.Error())
		} else {
			e.commands.Answer(p.waiting, nil)
		}
		p.waiting = command.Ticket{}
	}
}

// setGate tells the lcores, when it is something new: the line they read it from stays in their caches.
func (e *Engine) setGate(s pair.Step, tsc uint64, now int64) {
	if g := &e.pair.gate; s.Gate == g.Gate && s.Until == g.Until {
		return
	}
	e.pair.gate = s
	until := tsc
	if left := s.Until - now; left > 0 {
		until += ticks(e.hz(), time.Duration(left))
	}
	switch {
	case s.Gate == pair.Drain:
		e.shared.Drain(until)
	case s.Gate == pair.Shut:
		e.shared.Shut()
	case s.Until == 0:
		e.shared.Open()
	default:
		e.shared.OpenUntil(until)
	}
}

func (e *Engine) pairChanged() {
	m := e.pair.machine
	e.pair.record.Changes++
	e.log.Warn("pair: this node is "+m.State().String(), "why", m.Why().String(), "epoch", m.Epoch(), "partner", e.pair.names[0])
	switch m.State() {
	case pair.Active, pair.Draining:
		e.control.learner.Hold(false, e.wall())
	default:
		e.control.learner.Hold(true, e.wall())
	}
}

// stopPair blocks the ports and says goodbye: the partner need not wait.
func (e *Engine) stopPair() {
	p := &e.pair
	if p.machine == nil {
		return
	}
	now := command.Now()
	e.setGate(pair.Step{Gate: pair.Shut}, e.tsc(), now)
	p.machine.Stop(now)
	e.sendBeats()
	e.writePair(now)
}

// writePair brings the page to how it stands.
func (e *Engine) writePair(now int64) {
	p, r, m := &e.pair, &e.pair.record, e.pair.machine
	wall := e.wall()
	at := func(t int64) int64 {
		if t == 0 {
			return 0
		}
		return wall - (now - t)
	}
	r.State, r.Why, r.Epoch, r.Since = m.State(), m.Why(), m.Epoch(), at(m.Since())
	r.Ready, r.ReadyAt, r.Known = uint8(p.ready.Ready&1), at(p.readyAt), p.ready.Known
	r.Counters = m.Counters()
	o := m.Partner()
	r.PartnerBoot, r.PartnerHeard, r.PartnerEpoch, r.PartnerLayout, r.PartnerPolicy = o.Boot, at(o.Heard), o.Epoch, o.Layout, o.Policy
	r.PartnerABI, r.PartnerState, r.PartnerFlags, r.PartnerPriority, r.PartnerAlive = o.ABI, o.State, o.Flags, o.Priority, 0
	if o.Alive {
		r.PartnerAlive = 1
	}
	for i := range e.infos {
		r.HeardOn[i] = at(m.HeardOn(i))
	}
	p.page.Put(r)
}
