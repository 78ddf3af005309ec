package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/peer/pki"
	"fcredirect/mgmt/peer/record"
)

var boxSpec = feed.Spec{Producers: 2, State: 1024, Events: 64, Shards: 1}

// box is a data plane of one lcore and a control goroutine, as far as rings, logins and commands go. Its goroutine owns
// all but what mu guards.
type box struct {
	t       *testing.T
	seg     *shm.Segment
	flows   *feed.Outlets
	told    *feed.LoginOutlets
	table   *login.Table
	server  *command.Server
	entries []boxFlow
	inline  pair.Record
	do      chan func()
	stop    func()

	mu     sync.Mutex
	logins map[uint64]command.Login // programmed
	hints  map[uint64]command.FlowHint
	ready  bool
	given  int  // hand-overs
	active bool // takes nothing
}

type boxFlow struct {
	key    flow.Key
	frames uint64
	gone   bool
}

func (b *box) Slots() int { return len(b.entries) }

func (b *box) Fill(slot uint32, item *feed.Item) bool {
	e, f := &b.entries[slot], item.Flow()
	f.Serial, f.Key, f.Frames, f.Bytes = uint64(slot)+1, uint64(e.key), e.frames, e.frames*2148
	f.Service, f.Rule, f.Orient, f.LoginGen = -1, -1, uint8(flow.FromInitiator), uint32(b.table.Generation())
	f.Initiator, f.Target = 0x2000_0000_0000_0001, uint64(slot)
	return e.frames > 0 && !e.gone
}

func (b *box) FillLogin(addr uint64, item *feed.LoginItem) bool {
	item.Generation = b.table.Generation()
	l, live := b.table.Resolve(login.Addr(addr))
	if live {
		item.WWPN, item.MAC, item.Port, item.Status, item.How, item.Flags2 = uint64(l.WWPN), l.MAC, l.Port, uint8(l.State), uint8(l.How), uint8(l.Flags)
	}
	return live
}

func (b *box) Addresses(yield func(uint64) bool) {
	for l := range b.table.All() {
		if !yield(uint64(l.Addr)) {
			return
		}
	}
}

// newBox starts one in a folder.
func newBox(t *testing.T, dir, node string) *box {
	t.Helper()
	b := &box{t: t, do: make(chan func()), logins: map[uint64]command.Login{}, hints: map[uint64]command.FlowHint{}, entries: make([]boxFlow, 300)}
	state := append(boxSpec.StateRegions(), command.StateRegions()...)
	state = append(state, pair.Region(), shm.RegionSpec{Name: shm.RegionLogins, Stride: login.SlotSize, Count: login.Slots(1000)})
	var err error
	b.seg, err = shm.Create(shm.Config{Dir: dir, Node: node, TSCHz: 1e9, TSCNow: 1000, State: state, Ctl: append(boxSpec.CtlRegions(), command.CtlRegions()...)})
	if err != nil {
		t.Fatal(err)
	}
	if b.table, err = login.NewTable(b.seg.State.Bytes(shm.RegionLogins), 1000, 1); err != nil {
		t.Fatal(err)
	}
	c := feed.Config{Spec: boxSpec, Report: 10, Now: 1000, Source: b}
	if b.flows, err = feed.NewOutlets(b.seg.State, b.seg.Ctl, c); err != nil {
		t.Fatal(err)
	}
	c.Producer, c.Source = 1, nil
	if b.told, err = feed.NewLoginOutlets(b.seg.State, b.seg.Ctl, c, b, 1000); err != nil {
		t.Fatal(err)
	}
	if b.server, err = command.NewServer(b.seg.State, b.seg.Ctl); err != nil {
		t.Fatal(err)
	}
	b.serve()
	b.inline = pair.Record{PartnerAlive: 1, Changes: ^uint64(0)} // the state at the start is no change
	copy(b.inline.Partner[:], map[string]string{"fcr-a": "fcr-b", "fcr-b": "fcr-a"}[node])
	b.becomes(pair.Standby, pair.WhyStart)
	b.seg.State.Header().State = shm.Running
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = func() { cancel(); <-ended }
	go func() { defer close(ended); b.run(ctx) }()
	t.Cleanup(func() { b.stop(); b.seg.Close() })
	return b
}

func (b *box) run(ctx context.Context) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for now := uint64(1000); ; {
		select {
		case <-ctx.Done():
			return
		case do := <-b.do:
			do()
		case <-tick.C:
		}
		now += 20
		b.told.Offer(now, 256)
		b.flows.Offer(now, len(b.entries))
		b.server.Poll(int64(time.Now().UnixNano()))
	}
}

// becomes puts a state of the pair into the page.
func (b *box) becomes(s pair.State, why pair.Why) {
	b.inline.State, b.inline.Why = s, why
	b.inline.Changes++
	b.inline.Epoch++
	pair.PageOf(b.seg.State).Put(&b.inline)
}

// in has the box do something itself.
func (b *box) in(do func()) {
	done := make(chan struct{})
	b.do <- func() { do(); close(done) }
	<-done
}

// programmed answers a request of many.
func programmed[T command.Login | command.FlowHint | uint64](b *box, op command.Op, take func(T)) {
	b.server.Handle(op, func(t command.Ticket, request []byte) {
		b.mu.Lock()
		defer b.mu.Unlock()
		items, ok := command.Each[T](request)
		switch {
		case !ok:
			b.server.Refuse(t, command.Malformed, "")
			return
		case b.active:
			b.server.Refuse(t, command.Active, "")
			return
		}
		for _, item := range items {
			take(item)
		}
		p := command.Programmed{Done: uint32(len(items))}
		b.server.Answer(t, unsafe.Slice((*byte)(unsafe.Pointer(&p)), unsafe.Sizeof(p)))
	})
}

func (b *box) serve() {
	programmed(b, command.OpProgram, func(l command.Login) { b.logins[l.Addr] = l })
	programmed(b, command.OpForget, func(addr uint64) { delete(b.logins, addr) })
	programmed(b, command.OpProgramFlows, func(h command.FlowHint) { b.hints[h.Key] = h })
	programmed(b, command.OpForgetFlows, func(key uint64) { delete(b.hints, key) })
	b.server.Handle(command.OpReady, func(t command.Ticket, request []byte) {
		r, _ := command.Decode[command.ReadyRequest](request)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ready = r.Ready == 1
		b.server.Answer(t, nil)
	})
	b.server.Handle(command.OpHandOver, func(t command.Ticket, request []byte) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.given++
		b.server.Answer(t, nil)
	})
}

// see has frames pass: hosts and targets log in, and the first n flows have frames.
func (b *box) see(n int) {
	b.in(func() {
		for slot := range n {
			host, target := login.At(1, 100, frame.FCID(0x010000+slot)), login.At(1, 100, frame.FCID(0x020000))
			for _, at := range []login.Addr{host, target} {
				if _, ok := b.table.Resolve(at); !ok {
					l := login.Login{Addr: at, WWPN: frame.WWN(0x2000_0000_0000_0000 + uint64(at)), MAC: frame.MAC{2, 0, 0, 0, 0, byte(slot)}, State: login.Live, How: login.ByLogin, FirstSeen: 1, LastSeen: 1, ENodeSeen: 1}
					b.table.Put(&l)
					b.told.Mark(uint64(at))
				}
			}
			e := &b.entries[slot]
			e.key = flow.MakeKey(1, 100, uint32(host.ID()), uint32(target.ID()))
			e.frames++
			e.gone = false
			b.flows.Touch(uint32(slot), uint64(e.key), 0)
		}
	})
}

// leave has a host log out and its flow end.
func (b *box) leave(slot int) {
	b.in(func() {
		e := &b.entries[slot]
		at := login.At(1, 100, frame.FCID(0x010000+slot))
		b.table.Remove(at)
		b.told.Mark(uint64(at))
		b.flows.End(uint32(slot), uint64(e.key), 1<<40)
		e.gone = true
	})
}

func (b *box) holds(logins, flows int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.logins) == logins && len(b.hints) == flows
}

// handed is how often work was given away.
func (b *box) handed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.given
}

// diary keeps what is told as events and alarms.
type diary struct {
	mu     sync.Mutex
	events []string
	alarms map[string]bool
}

func (d *diary) Append(_ context.Context, t event.Type, fields event.Fields) error {
	if _, err := event.Encode(t, fields); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, fmt.Sprint(t, " ", fields["peer"]))
	return nil
}

func (d *diary) note(code alarm.Code, subject string, is bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.alarms == nil {
		d.alarms = map[string]bool{}
	}
	d.alarms[string(code)+" "+subject] = is
}

func (d *diary) Set(c alarm.Code, subject, _ string)      { d.note(c, subject, true) }
func (d *diary) Unset(c alarm.Code, subject string)       { d.note(c, subject, false) }
func (d *diary) Happened(c alarm.Code, subject, _ string) { d.note(c, subject, true) }
func (d *diary) Run(ctx context.Context)                  { <-ctx.Done() }

func (d *diary) has(event string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.events, event)
}

func (d *diary) stands(alarm string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.alarms[alarm]
}

// member is a node: a data plane and the role.
type member struct {
	*box
	diary
	name string
	role *Role
	hub  *hub
	end  func() error
}

// ask calls a method of the role.
func (m *member) ask(method string, request, answer any) error {
	m.hub.mu.Lock()
	do := m.hub.answers[method]
	m.hub.mu.Unlock()
	q, err := json.Marshal(request)
	if err != nil {
		return err
	}
	b, err := do(context.Background(), q)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, answer)
}

// peer is what the node says of a node.
func (m *member) peer(name string) (p Peer) {
	for _, p := range m.role.List() {
		if p.Name == name {
			return p
		}
	}
	return p
}

// addressOfOurs is one that nobody listens on.
func addressOfOurs(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the role of a node on its data plane.
func (m *member) start(t *testing.T, dir string, nodes []config.PeerNode, partner string) {
	t.Helper()
	m.hub = &hub{answers: map[string]func(context.Context, []byte) ([]byte, error){}}
	at := slices.IndexFunc(nodes, func(n config.PeerNode) bool { return n.Name == m.name })
	var err error
	m.role, err = New(Options{
		Place: attach.Place{Dir: filepath.Join(dir, "segment")}, Bus: m.hub, Node: m.name, Dir: filepath.Join(dir, "peer"), Events: m, Alarms: m,
		Peers: config.Peer{Listen: nodes[at].Address, Nodes: nodes, Partner: partner}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	m.role.pace = pace{20 * time.Millisecond, 20 * time.Millisecond, 20 * time.Millisecond}
	served, end := run(t, m.role)
	m.end = sync.OnceValue(end)
	<-served
	t.Cleanup(func() {
		if err := m.end(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	})
}

func TestTwoNodesKeepEachOtherInStepByConfigurationAlone(t *testing.T) {
	nodes := []config.PeerNode{{Name: "fcr-a", Address: addressOfOurs(t)}, {Name: "fcr-b", Address: addressOfOurs(t)}}
	dirs := []string{t.TempDir(), t.TempDir()}
	a, b := &member{name: "fcr-a"}, &member{name: "fcr-b"}
	for i, m := range []*member{a, b} {
		m.box = newBox(t, filepath.Join(dirs[i], "segment"), m.name)
		// Somebody before this start had put a login here that the partner does not know any more.
		m.in(func() {
			l := login.Login{Addr: login.At(1, 100, 0x0f0f0f), WWPN: 9, State: login.Live, How: login.ByLogin, Flags: login.FromPeer, FirstSeen: 1, LastSeen: 1}
			if i == 0 { // which becomes active, and would have it as its own
				return
			}
			m.table.Put(&l)
			m.logins[uint64(l.Addr)] = command.Login{}
		})
		m.start(t, dirs[i], nodes, nodes[1-i].Name)
	}
	if p := a.peer("fcr-a"); p.State != "no_certificate" || p.Error == "" {
		t.Errorf("without a certificate: %+v", p)
	}
	a.becomes(pair.Active, pair.WhyAlone)
	a.see(200)

	store, err := pki.Init(filepath.Join(dirs[0], "peer"), "lab", "fcr-a", nil)
	if err != nil {
		t.Fatal(err)
	}
	invited, err := store.Invite("fcr-b", nodes[0].Address)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the first node listens", func() bool {
		return a.role.cluster.Load().link.Load() != nil && a.role.cluster.Load().link.Load().Addr() != nil
	})
	if _, err := pki.Join(t.Context(), pki.JoinOptions{Dir: filepath.Join(dirs[1], "peer"), Node: "fcr-b", Code: invited.Code}); err != nil {
		t.Fatal(err)
	}

	until(t, "the second node has what the first knows in its data plane", func() bool { return b.holds(201, 200) })
	until(t, "the standby is ready", func() bool { return a.peer("fcr-b").Ready && b.peer("fcr-b").Ready })
	until(t, "digests are equal", func() bool {
		ours, theirs := a.peer("fcr-a").Streams, b.peer("fcr-a").Streams
		return ours[0].Digest == theirs[0].Digest && ours[1].Digest == theirs[1].Digest && ours[1].Records == 200 && theirs[1].Records == 200
	})
	for _, name := range []string{"peer.connected fcr-a", "peer.synced fcr-a", "pair.ready fcr-a"} {
		until(t, name, func() bool { return b.diary.has(name) })
	}

	a.leave(7)
	until(t, "the end of a login and of its flow is known there", func() bool { return b.holds(200, 199) })
	b.box.mu.Lock()
	hint, l := b.hints[uint64(a.entries[8].key)], b.logins[uint64(login.At(1, 100, 0x010008))]
	b.box.mu.Unlock()
	if hint.Orient != uint8(flow.FromInitiator) || l.WWPN != 0x2000_0000_0000_0000+l.Addr || l.MAC != (frame.MAC{2, 0, 0, 0, 0, 8}) {
		t.Errorf("programmed %+v, %+v", hint, l)
	}
	a.see(200)
	until(t, "totals go on", func() bool {
		r, ok := b.role.cluster.Load().engine.Get(0, record.Key{Kind: record.Count, ID: uint64(a.entries[3].key)})
		return ok && r.Fields[record.CountFrames] == 2
	})
	handOver(t, a, b)
	comesBack(t, a, b, dirs[1], nodes)
	takesOver(t, b)
}

// handOver: what stands in the way is said, and nothing does.
func handOver(t *testing.T, a, b *member) {
	t.Helper()
	var answer HandOverAnswer
	if err := a.ask(MethodHandOver, HandOverRequest{NameRequest: NameRequest{Name: "fcr-b"}, Check: true}, &answer); err != nil || len(answer.Obstacles) > 0 {
		t.Errorf("%+v, %v", answer, err)
	}
	if err := a.ask(MethodHandOver, HandOverRequest{NameRequest: NameRequest{Name: "fcr-b", By: "us"}}, &answer); err != nil || !answer.Done || a.handed() != 1 {
		t.Errorf("%+v, %v", answer, err)
	}
	if !a.diary.has("pair.handover fcr-b") {
		t.Errorf("events %v", a.events)
	}
	for name, code := range map[string]string{"fcr-a": CodeUnknown, "fcr-x": CodeUnknown} {
		if err := a.ask(MethodHandOver, HandOverRequest{NameRequest: NameRequest{Name: name}}, &answer); err == nil || !isCode(err, code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var p Peer
	if err := a.ask(MethodSync, NameRequest{Name: "fcr-b"}, &p); err != nil || p.Name != "fcr-b" {
		t.Errorf("%+v, %v", p, err)
	}
	until(t, "all is in step again", func() bool { return a.peer("fcr-b").State == "synced" && b.peer("fcr-a").State == "synced" })
}

// comesBack: a node that goes away is missed, and one that comes back is another incarnation, and ready again.
func comesBack(t *testing.T, a, b *member, dir string, nodes []config.PeerNode) {
	t.Helper()
	before := a.peer("fcr-b").Incarnation
	if err := b.end(); err != nil {
		t.Fatal(err)
	}
	until(t, "it is missed", func() bool {
		return a.peer("fcr-b").State == "away" && a.diary.stands("peer.unreachable peer/fcr-b") && a.diary.has("peer.disconnected fcr-b")
	})
	b.box.mu.Lock()
	clear(b.logins)
	clear(b.hints)
	b.box.mu.Unlock()
	a.leave(9)
	b.start(t, dir, nodes, "fcr-a")
	until(t, "it has everything again", func() bool { return b.holds(200, 199) && b.peer("fcr-b").Ready && a.peer("fcr-b").Ready })
	if now := a.peer("fcr-b").Incarnation; now <= before {
		t.Errorf("incarnation %d after %d", now, before)
	}
	until(t, "the alarm is over", func() bool { return !a.diary.stands("peer.unreachable peer/fcr-b") })
	if b.diary.has("peer.diverged fcr-a") || a.diary.has("peer.diverged fcr-b") {
		t.Error("the nodes diverged")
	}
}

// takesOver: what the data plane did by itself is told.
func takesOver(t *testing.T, b *member) {
	t.Helper()
	b.becomes(pair.Active, pair.WhyDead)
	until(t, "it is told", func() bool { return b.diary.has("pair.takeover fcr-a") && b.diary.stands("pair.takeover ") })
	if p := b.peer("fcr-b"); p.Pair == nil || p.Pair.State != "active" || p.Pair.With != "fcr-a" {
		t.Errorf("%+v", p.Pair)
	}
	until(t, "the active one is not ready to take over", func() bool { return !b.peer("fcr-b").Ready })
	b.becomes(pair.Standby, pair.WhyHandedOver)
	until(t, "it is the standby again", func() bool { return b.diary.has("pair.standby fcr-a") && b.peer("fcr-b").Ready })
	var answer HandOverAnswer
	err := b.ask(MethodHandOver, HandOverRequest{NameRequest: NameRequest{Name: "fcr-a"}}, &answer)
	if !isCode(err, CodeRefused) || !strings.Contains(err.Error(), "has not the work") {
		t.Errorf("a standby handed over: %+v, %v", answer, err)
	}
}

func isCode(err error, code string) bool { return errors.Is(err, &bus.Error{Code: code}) }
