package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/login"
	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

// tables is what the data plane takes: a *command.Client.
type tables interface {
	Program(ctx context.Context, logins []command.Login) (command.Programmed, error)
	Forget(ctx context.Context, addresses []uint64) (command.Programmed, error)
	ProgramFlows(ctx context.Context, hints []command.FlowHint) (command.Programmed, error)
	ForgetFlows(ctx context.Context, keys []uint64) (command.Programmed, error)
	Ready(ctx context.Context, ready bool, known uint64) error
	HandOver(ctx context.Context, force bool) error
}

// knowledge is what is known of all nodes: an *engine.Engine.
type knowledge interface {
	Get(origin uint8, key record.Key) (record.Record, bool)
	Each(origin uint8, kind record.Kind, f func(*record.Record) bool)
	Synced(peer string) bool
	Put(now int64, lane record.Lane, key record.Key, fields []uint64, refs ...record.Ref) error
}

// programmer puts what the partner says of itself into our data plane:
//
//	applied  the engine has news: their keys wait, each once, whatever becomes of them meanwhile
//	step     some keys: what the engine has of them now is programmed, what is gone is taken out; logins before flows
//	judge    whether this node could take over is told to the data plane, to people and to the peers
//
// So a slow data plane costs memory by the number of records, and gets the latest of each. While this node is the active
// one of its pair nothing is programmed: what it sees itself is better. What the partner, not seeing frames, has no longer
// meanwhile is not taken out later either. A login that nobody needs any more costs a row, one that is missing an outage.
type programmer struct {
	engine  knowledge
	now     func() int64
	self    uint8
	partner uint8
	name    string           // of the partner
	pair    func() *PeerPair // what the data plane says of the pair, nil: nothing

	mu      sync.Mutex // guards what follows
	logins  backlog
	flows   backlog
	renew   bool      // all that the engine has is to be looked at
	drained bool      // everything that there was has been programmed once
	since   time.Time // the oldest key waits, at least
	synced  time.Time // the partner was connected and in step last
	active  bool      // the data plane says that this node is the active one
	changes uint64    // of its state in the pair, at the last step
	failed  string    // why the data plane takes nothing
	total   ProgrammedTotals
	ready   Readiness

	wake chan struct{}
	told bool // the peers were told whether this node is ready; run's goroutine has it
	open bool // there are logins of which only a partner in step can say whether it has them; run's goroutine has it
}

// Readiness says whether this node could take over for its partner.
type Readiness struct {
	Ready  bool      `json:"ready"`
	Why    string    `json:"why,omitempty"` // not
	Since  time.Time `json:"since"`
	Logins int       `json:"logins"`  // programmed
	Flows  int       `json:"flows"`   // directions that are programmed
	Waits  int       `json:"waiting"` // to be programmed
}

// backlog is the keys of a kind: which wait, and which are in the data plane.
type backlog struct {
	kind  record.Kind
	is    map[uint64]uint8
	queue []uint64
	there int
}

const (
	waits uint8 = 1 << iota
	there
)

func newProgrammer(e knowledge, now func() int64, self, partner uint8, name string, pair func() *PeerPair) *programmer {
	return &programmer{
		engine: e, now: now, self: self, partner: partner, name: name, pair: pair, wake: make(chan struct{}, 1),
		logins: backlog{kind: record.Login, is: map[uint64]uint8{}}, flows: backlog{kind: record.Flow, is: map[uint64]uint8{}},
		ready: Readiness{Why: "nothing is known of the partner", Since: time.Now()},
	}
}

func (b *backlog) add(id uint64) {
	if is := b.is[id]; is&waits == 0 {
		b.is[id] = is | waits
		b.queue = append(b.queue, id)
	}
}

// again has everything that is in the data plane looked at.
func (b *backlog) again() {
	for id, is := range b.is {
		if is&there != 0 {
			b.add(id)
		}
	}
}

// take gives some keys that wait.
func (b *backlog) take(most int) []uint64 {
	n := min(most, len(b.queue))
	some := append([]uint64(nil), b.queue[:n]...)
	if b.queue = b.queue[n:]; len(b.queue) == 0 {
		b.queue = nil
	}
	for _, id := range some {
		if b.is[id] &^= waits; b.is[id] == 0 {
			delete(b.is, id)
		}
	}
	return some
}

// set notes whether a key is in the data plane now.
func (b *backlog) set(id uint64, is bool) {
	switch was := b.is[id]&there != 0; {
	case is && !was:
		b.is[id] |= there
		b.there++
	case !is && was:
		b.is[id] &^= there
		b.there--
	}
	if b.is[id] == 0 {
		delete(b.is, id)
	}
}

// applied takes news of the partner. It is called under the engine's mutex.
func (p *programmer) applied(a engine.Applied) {
	if a.Origin != p.partner || a.Stream != record.State {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.Reset || len(a.Records) > programBatch {
		p.renew, p.drained = true, false
		p.began()
		return
	}
	for i := range a.Records {
		switch r := &a.Records[i]; r.Kind {
		case record.Login:
			p.logins.add(r.ID)
		case record.Flow:
			p.flows.add(r.ID)
		}
	}
	p.began()
}

// began notes since when keys wait, and has them programmed. The caller holds the mutex.
func (p *programmer) began() {
	if p.since.IsZero() && (p.renew || len(p.logins.queue)+len(p.flows.queue) > 0) {
		p.since = time.Now()
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// restart has everything programmed anew in the data plane of a segment. What somebody before us left in its tables is
// looked at too: it may be gone.
func (p *programmer) restart(left func() (logins, flows []uint64)) {
	logins, flows := left()
	p.mu.Lock()
	defer p.mu.Unlock()
	for b, ids := range map[*backlog][]uint64{&p.logins: logins, &p.flows: flows} {
		for id := range b.is {
			b.set(id, false)
		}
		for _, id := range ids {
			b.set(id, true)
		}
	}
	p.renew, p.drained = true, false
	p.began()
}

// collect has all looked at that the engine or the data plane has. It is how much news at once are taken: applied holds up
// the engine, and walking a million keys takes a tenth of remembering them.
func (p *programmer) collect() {
	p.mu.Lock()
	renew := p.renew
	p.renew = false
	p.mu.Unlock()
	if !renew {
		return
	}
	var ids [2][]uint64
	for i, kind := range []record.Kind{record.Login, record.Flow} {
		p.engine.Each(p.partner, kind, func(r *record.Record) bool {
			if !r.Gone {
				ids[i] = append(ids[i], r.ID)
			}
			return true
		})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, b := range []*backlog{&p.logins, &p.flows} {
		b.again()
		for _, id := range ids[i] {
			b.add(id)
		}
	}
	p.began()
}

// run programs until ctx ends. alive says whether the data plane runs, left what it was told before.
func (p *programmer) run(ctx context.Context, to tables, alive func() bool, left func() (logins, flows []uint64), every time.Duration) {
	p.restart(left)
	tick := time.NewTicker(every)
	defer tick.Stop()
	var rest time.Time // until when nothing is tried, because it failed
	for ctx.Err() == nil {
		more := false
		if now := time.Now(); now.After(rest) && alive() {
			var err error
			if more, err = p.step(ctx, to); err != nil {
				rest, more = now.Add(programAgain), false
			}
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-tick.C:
			p.judge(ctx, to, alive())
		}
	}
	p.judge(context.Background(), nil, false)
}

// step programs some keys, and says whether others wait.
func (p *programmer) step(ctx context.Context, to tables) (more bool, err error) {
	inline := p.pair()
	p.disregard(inline)
	p.collect()
	inStep := p.engine.Synced(p.name)
	p.mu.Lock()
	began := time.Now()
	if p.open && inStep {
		p.open = false
		p.logins.again()
	}
	logins := p.logins.take(programBatch)
	flows := []uint64(nil)
	if len(logins) < programBatch {
		flows = p.flows.take(programBatch - len(logins))
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	done, err := p.program(ctx, to, logins, flows, inline)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total.Done, p.total.Better, p.total.Refused = p.total.Done+uint64(done.Done), p.total.Better+uint64(done.Better), p.total.Refused+uint64(done.Refused)
	if err != nil {
		for _, id := range logins {
			p.logins.add(id)
		}
		for _, id := range flows {
			p.flows.add(id)
		}
		refused := (*command.Error)(nil)
		p.active, p.failed = errors.As(err, &refused) && refused.Code == command.Active, err.Error()
		p.drained = false
		return false, err
	}
	if len(logins)+len(flows) > 0 {
		p.active, p.failed = false, ""
	}
	if !p.renew && len(p.logins.queue)+len(p.flows.queue) == 0 {
		p.since, p.drained = time.Time{}, true
		return false, nil
	}
	p.since = began
	return true, nil
}

// disregard has logins that are gone at the partner wait no longer, when this node has become active or ceases to be.
func (p *programmer) disregard(inline *PeerPair) {
	if inline == nil || inline.Changes == p.changes {
		return
	}
	p.mu.Lock()
	p.changes = inline.Changes
	waiting := p.logins.take(len(p.logins.queue))
	p.mu.Unlock()
	live := waiting[:0]
	for _, id := range waiting {
		if r, ok := p.engine.Get(p.partner, record.Key{Kind: record.Login, ID: id}); ok && !r.Gone {
			live = append(live, id)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range live {
		p.logins.add(id)
	}
}

// over says whether a login that the partner has no record of is to be taken out: its end was told, or it was never there
// as far as the partner knows and this node, which did not tell of it either and never was active, cannot know better.
func (p *programmer) over(id uint64, ended bool, inline *PeerPair) bool {
	switch {
	case inline != nil && inline.forwards():
		return false
	case ended:
		return true
	case inline != nil && inline.Changes != 0:
		return false
	}
	ours, ok := p.engine.Get(p.self, record.Key{Kind: record.Login, ID: id})
	if ok && !ours.Gone {
		return false
	}
	inStep := p.engine.Synced(p.name)
	p.open = p.open || !inStep
	return inStep
}

// program asks the engine what is known of the keys now, and the data plane to have it so.
func (p *programmer) program(ctx context.Context, to tables, logins, flows []uint64, inline *PeerPair) (all command.Programmed, err error) {
	alike := p.alike()
	var in []command.Login
	var hints []command.FlowHint
	var out, outFlows, have, haveFlows []uint64
	for _, id := range logins {
		if r, ok := p.engine.Get(p.partner, record.Key{Kind: record.Login, ID: id}); ok && !r.Gone {
			in, have = append(in, loginFor(&r, alike)), append(have, id)
		} else if p.over(id, ok, inline) {
			out = append(out, id)
		}
	}
	for _, id := range flows {
		if r, ok := p.engine.Get(p.partner, record.Key{Kind: record.Flow, ID: id}); ok && !r.Gone {
			hints, haveFlows = append(hints, hintFor(&r, alike)), append(haveFlows, id)
		} else {
			outFlows = append(outFlows, id)
		}
	}
	for _, do := range []struct {
		ask  func() (command.Programmed, error)
		b    *backlog
		ids  []uint64
		gone bool
	}{
		{func() (command.Programmed, error) { return to.ForgetFlows(ctx, outFlows) }, &p.flows, outFlows, true},
		{func() (command.Programmed, error) { return to.Forget(ctx, out) }, &p.logins, out, true},
		{func() (command.Programmed, error) { return to.Program(ctx, in) }, &p.logins, have, false},
		{func() (command.Programmed, error) { return to.ProgramFlows(ctx, hints) }, &p.flows, haveFlows, false},
	} {
		if len(do.ids) == 0 {
			continue
		}
		done, err := do.ask()
		if all = all.Plus(done); err != nil {
			return all, err
		}
		p.mu.Lock()
		for _, id := range do.ids {
			do.b.set(id, !do.gone)
		}
		p.mu.Unlock()
	}
	return all, nil
}

// alike says whether an index of a port means the same here and there.
func (p *programmer) alike() bool {
	key := record.Key{Kind: record.Node, ID: FactPorts}
	theirs, ok := p.engine.Get(p.partner, key)
	ours, here := p.engine.Get(p.self, key)
	return ok && here && theirs.Fields[record.NodeValue] == ours.Fields[record.NodeValue]
}

func loginFor(r *record.Record, alike bool) command.Login {
	l := loginOf(r)
	to := command.Login{
		Addr: r.ID, WWPN: uint64(l.WWPN), WWNN: uint64(l.WWNN), MAC: l.MAC, Port: l.Port, Claimed: uint8(l.Claimed), ENode: l.ENode, Observed: uint8(l.Observed),
		How: uint8(l.How), FCF: l.FCF, Flags: uint8(l.Flags), KeepAlive: uint32(l.KeepAlive.Milliseconds()),
	}
	if !alike {
		to.Port = login.NoPort
	}
	return to
}

func hintFor(r *record.Record, alike bool) command.FlowHint {
	v := verdict(r.Fields[record.FlowVerdict])
	h := command.FlowHint{Key: r.ID, Port: v.port(), Orient: uint8(v.orient())}
	if h.Orient != uint8(flow.FromTarget) {
		h.Orient = uint8(flow.FromInitiator)
	}
	if !alike {
		h.Port = login.NoPort
	}
	return h
}

// judge says whether this node could take over, and tells it.
func (p *programmer) judge(ctx context.Context, to tables, alive bool) {
	inStep, inline := p.engine.Synced(p.name), p.pair()
	p.mu.Lock()
	if inline != nil {
		p.active = inline.forwards()
	}
	now := time.Now()
	if inStep {
		p.synced = now
	}
	why := ""
	switch late := now.Sub(p.since); {
	case !alive:
		why = "the data plane of this node does not run"
	case p.active:
		why = "this node is the active one"
	case p.synced.IsZero():
		why = "nothing is known of the partner yet"
	case now.Sub(p.synced) > readyAway:
		why = fmt.Sprintf("the partner is not in step since %v", p.synced.UTC().Format(time.RFC3339))
	case p.failed != "":
		why = "the data plane does not take what the partner knows: " + p.failed
	case !p.drained:
		why = "not everything that the partner knows is in the data plane yet"
	case !p.since.IsZero() && late > readyLag:
		why = fmt.Sprintf("changes of the partner wait for the data plane since %v", late.Round(time.Second))
	}
	was := p.ready
	p.ready = Readiness{Ready: why == "", Why: why, Since: was.Since, Logins: p.logins.there, Flows: p.flows.there, Waits: len(p.logins.queue) + len(p.flows.queue)}
	if was.Ready != p.ready.Ready {
		p.ready.Since = now
	}
	is := p.ready
	p.mu.Unlock()
	if was.Ready != is.Ready || !p.told {
		p.told = true
		fields := []uint64{record.NodeValue: oneIf(is.Ready), record.NodeSince: uint64(is.Since.UnixNano())}
		_ = p.engine.Put(p.now(), record.Immediate, record.Key{Kind: record.Node, ID: FactReady}, fields) // no room: what is shown of it elsewhere is old
	}
	if to != nil && alive {
		ctx, cancel := context.WithTimeout(ctx, programTimeout)
		defer cancel()
		_ = to.Ready(ctx, is.Ready, uint64(is.Logins+is.Flows)) // a data plane without a pair refuses, and its word is old soon
	}
}

// readiness is the last judgement.
func (p *programmer) readiness() Readiness {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ready
}

// isActive says whether the data plane said that this node is the active one of its pair.
func (p *programmer) isActive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.active
}

func (p *programmer) totals() ProgrammedTotals {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}
