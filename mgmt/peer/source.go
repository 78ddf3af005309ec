package peer

import (
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/peer/record"
)

// source makes records of what one segment says; of a node that stands alone it only counts. In the order in which it runs:
//
//	settle  after a start of the data plane, or of ours, it is asked for everything once more
//	pass    the rings: that of the control goroutine first, because flows depend on logins. A flow whose producer knew of
//	        more logins than we do waits for them, shortly
//	look    services and facts, now and then; a service also before a flow that depends on it
//	sweep   when all rings have told everything: what was not told again is gone
//
// What came from the partner and was only put into our tables is not ours to tell: logins that no frame showed here, and
// directions without a frame. But a node that has the work of its pair tells of all logins, because the partner may need
// them, and what it told stays told when it sees no frames any more, until the login ends. It belongs to the goroutine that
// serves the segment.
type source struct {
	seg     *attach.Segment
	own     *own           // nil: this node stands alone
	readers []*feed.Reader // one per producer, the control goroutine's last
	held    []*feed.Item   // per reader: it waits for a login
	since   time.Time      // the first of them began to wait
	known   uint32         // count of changed logins that we know of

	clock    shm.Header  // of the data plane that runs
	logins   *login.View // nil: the segment has no table
	services []shm.ServiceInfo
	usable   map[uint64]service // what was told of each service, by its key
	facts    [numFacts]fact
	serves   bool // this node has the work of its pair

	log      *slog.Logger
	settling settling
	fields   [record.MaxFields]uint64
	refs     []record.Ref
}

type service struct {
	usable bool
	flips  uint32
}

type fact struct {
	value uint64
	told  bool
}

func newSource(seg *attach.Segment, o *own, log *slog.Logger) (*source, error) {
	readers, err := feed.Open(seg.State, seg.Ctl, feed.Peer, 0)
	if err != nil {
		return nil, err
	}
	s := &source{seg: seg, own: o, log: log, readers: readers, held: make([]*feed.Item, len(readers)), usable: map[uint64]service{}}
	if view, err := login.NewView(seg.State.Bytes(shm.RegionLogins)); err == nil { // without one, what items say is all there is
		s.logins = &view
	}
	s.services = shm.Items[shm.ServiceInfo](seg.State, shm.RegionServices)
	s.calibrate()
	return s, nil
}

// calibrate takes over the clock of the data plane that runs now. One that is starting has it half written.
func (s *source) calibrate() {
	h := s.seg.State.Header()
	if boots := atomic.LoadUint64(&h.Boots); boots != s.clock.Boots && atomic.LoadUint32(&h.State) != shm.Starting {
		s.clock = *h
	}
}

// wall turns the data plane's ticks into ns since 1970.
func (s *source) wall(tsc uint64) int64 {
	if s.clock.TSCHz == 0 || tsc == 0 {
		return 0
	}
	return s.clock.Wall(tsc)
}

// pass reads up to most items from each ring, and says how many it read.
func (s *source) pass(most int, count func(*feed.Item)) (n int, err error) {
	for at := len(s.readers) - 1; at >= 0; at-- { // the control goroutine's first
		r := s.readers[at]
		before := n
		for range most {
			item := s.held[at]
			if item == nil {
				if item = r.Next(); item == nil {
					break
				}
				n++
				count(item)
			}
			if s.held[at] = nil; !s.take(at, item) {
				s.held[at] = item
				break
			}
		}
		if err := r.Err(); err != nil {
			return n, fmt.Errorf("ring of producer %d: %w", r.Producer(), err)
		}
		s.own.flush()
		read := r.Read()
		if s.held[at] != nil {
			read--
		}
		if n > before || read > r.Released() {
			if err := r.Release(read); err != nil {
				return n, fmt.Errorf("ring of producer %d: %w", r.Producer(), err)
			}
		}
	}
	return n, nil
}

// take makes changes of an item; false: not yet.
func (s *source) take(at int, item *feed.Item) bool {
	if s.own == nil {
		return true
	}
	switch h := item.Header(); h.Kind {
	case feed.KindLogin:
		s.login(item.Login(), s.settling.old(at, h.Seq))
	case feed.KindFlow:
		f := item.Flow()
		if s.early(f) {
			return false
		}
		s.flow(f, s.settling.old(at, h.Seq))
	case feed.KindSynced:
		s.settling.answer(at, item.Sync().Nonce)
	}
	return true
}

// early says whether a flow has to wait for a login that its producer knew of. What does not come in time never comes:
// the change that was counted was undone, or told before.
func (s *source) early(f *feed.FlowItem) bool {
	if int32(f.LoginGen-s.known) <= 0 {
		return false
	}
	switch now := time.Now(); {
	case s.since.IsZero():
		s.since = now
	case now.Sub(s.since) >= loginPatience:
		s.known, s.since = f.LoginGen, time.Time{}
		return false
	}
	return true
}

// login takes a login in.
func (s *source) login(l *feed.LoginItem, old bool) {
	if g := uint32(l.Generation); int32(g-s.known) > 0 {
		s.known, s.since = g, time.Time{}
	}
	key := record.Key{Kind: record.Login, ID: l.Addr}
	switch {
	case l.Header.Flags&feed.FlagEnded != 0:
		s.own.delete(laneOf(l.Lane), key)
		return
	case login.Flags(l.Flags2)&login.FromPeer != 0 && !s.serves:
		s.keep(laneOf(l.Lane), key, old)
		return
	}
	ours := *l
	ours.Flags2 &^= uint8(login.FromPeer)
	var table *login.Login
	if s.logins != nil {
		if found, ok := s.logins.Resolve(login.Addr(l.Addr)); ok && found.WWPN == frame.WWN(l.WWPN) {
			table = &found
		}
	}
	packLogin(s.fields[:], &ours, table)
	s.tell(laneOf(l.Lane), key, old, nothing)
}

// keep leaves a login told as it is, if it was: this node sees no frames now.
func (s *source) keep(lane record.Lane, key record.Key, old bool) {
	if was, live := s.own.get(key); live {
		copy(s.fields[:], was.Fields[:key.Kind.Fields()])
		s.tell(lane, key, old, nothing)
	}
}

// adopt tells of the logins that this node knew from its partner, once it has the work.
func (s *source) adopt(serves bool) {
	was := s.serves
	if s.serves = serves; was || !serves || s.logins == nil {
		return
	}
	for l := range s.logins.All() {
		if l.Flags&login.FromPeer == 0 {
			continue
		}
		packLogin(s.fields[:], &feed.LoginItem{
			Addr: uint64(l.Addr), WWPN: uint64(l.WWPN), WWNN: uint64(l.WWNN), FirstSeen: l.FirstSeen, LastSeen: l.LastSeen, MAC: l.MAC, Port: l.Port,
			Status: uint8(l.State), Claimed: uint8(l.Claimed), Observed: uint8(l.Observed), How: uint8(l.How), Flags2: uint8(l.Flags &^ login.FromPeer),
		}, &l)
		s.tell(record.High, record.Key{Kind: record.Login, ID: uint64(l.Addr)}, false, nothing)
	}
}

// flow takes a direction in: what it is, and its totals.
func (s *source) flow(f *feed.FlowItem, old bool) {
	key, totals := record.Key{Kind: record.Flow, ID: f.Key}, record.Key{Kind: record.Count, ID: f.Key}
	if f.Header.Flags&feed.FlagEnded != 0 {
		s.own.delete(laneOf(f.Lane), key)
		s.own.delete(record.Normal, totals)
		return
	}
	if f.Frames == 0 {
		return
	}
	packFlow(s.fields[:], f, s.wall)
	s.tell(laneOf(f.Lane), key, old, func(refs []record.Ref) []record.Ref {
		for _, end := range []uint64{flow.Key(f.Key).Source(), flow.Key(f.Key).Destination()} {
			refs = s.own.ref(refs, record.Key{Kind: record.Login, ID: end})
		}
		if f.Service < 0 {
			return refs
		}
		if service := s.service(int(f.Service)); service != (record.Key{}) {
			refs = s.own.ref(refs, service)
		}
		return refs
	})
	packCount(s.fields[:], f, s.wall)
	s.tell(record.Normal, totals, old, func(refs []record.Ref) []record.Ref {
		return append(refs, record.Ref{Origin: s.own.slot, Key: key})
	})
}

// tell puts a record. When everything is told once more, each is put though it says what is known already: what has an old
// version then is gone.
func (s *source) tell(lane record.Lane, key record.Key, old bool, depends func([]record.Ref) []record.Ref) {
	fields := s.fields[:key.Kind.Fields()]
	is, live := s.own.news(key, fields, s.settling.than(key, old))
	if !is {
		return
	}
	s.refs = depends(s.refs[:0])
	s.own.put(lane, key, live, fields, s.refs...)
	s.settling.put(key, old)
}

// nothing is what a login depends on.
func nothing(refs []record.Ref) []record.Ref { return refs }

// laneOf is the lane of an item. One beyond those that there are would be a newer data plane's: the least urgent.
func laneOf(l feed.Lane) record.Lane { return min(record.Lane(l), record.Normal) }

// look notes what stands in pages, and has the data plane tell everything where that is needed.
func (s *source) look() {
	if s.own == nil {
		return
	}
	s.calibrate()
	s.lookServices()
	state := s.seg.State
	inline := pairOf(state)
	s.adopt(inline != nil && inline.forwards())
	alive, h := state.Alive(), state.Header()
	s.fact(FactABI, uint64(h.ABI))
	s.fact(FactEpoch, s.seg.Epoch)
	s.fact(FactPorts, portsHash(state))
	s.fact(FactAlive, oneIf(alive))
	if c := shm.Items[shm.Control](state, shm.RegionControl); len(c) == 1 {
		s.fact(FactPolicy, atomic.LoadUint64(&c[0].PolicyHash))
	}
	if page := command.PageOf(state); page != nil {
		if r, ok := page.Get(); ok {
			s.fact(FactRevision, r.Revision)
			s.fact(FactWindow, oneIf(r.Deadline != 0))
		}
	}
	if alive && atomic.LoadUint32(&h.State) == shm.Running {
		s.settle()
	}
	s.sweep()
	s.own.flush()
}

func oneIf(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

// portsHash says whether two nodes have their ports laid out alike: then an index means the same on both.
func portsHash(state *shm.File) uint64 {
	h := fnv.New64a()
	for _, p := range shm.Items[shm.PortInfo](state, shm.RegionPorts) {
		fmt.Fprintf(h, "%s %d %d %d;", shm.Text(p.Name[:]), p.Role, p.Fabric, p.Pair)
	}
	return h.Sum64()
}

// fact tells one, if it is news.
func (s *source) fact(number int, value uint64) {
	f := &s.facts[number]
	if f.told && f.value == value {
		return
	}
	*f = fact{value, true}
	key := record.Key{Kind: record.Node, ID: uint64(number)}
	s.fields[record.NodeValue], s.fields[record.NodeSince] = value, uint64(time.Now().UnixNano())
	_, live := s.own.get(key)
	s.own.put(record.High, key, live, s.fields[:record.Node.Fields()])
}

// lookServices tells of all services, and of those that the policy has no longer.
func (s *source) lookServices() {
	there := map[uint64]bool{}
	for i := range s.services {
		there[s.service(i).ID] = true
	}
	for id := range s.usable {
		if !there[id] {
			delete(s.usable, id)
			s.own.delete(record.High, record.Key{Kind: record.Service, ID: id})
		}
	}
}

// service tells whether a service is usable, if that is news, and gives its key: the zero key when there is none.
func (s *source) service(index int) (key record.Key) {
	if index >= len(s.services) {
		return key
	}
	info := &s.services[index]
	name := shm.Text(info.Name[:])
	if name == "" {
		return key
	}
	key = serviceKey(name)
	now := service{usable: info.Up != 0, flips: atomic.LoadUint32(&info.Flips)}
	if was, told := s.usable[key.ID]; told && was == now {
		return key
	}
	s.usable[key.ID] = now
	lane := record.High
	if !now.usable {
		lane = record.Immediate
	}
	var fields [record.MaxFields]uint64
	packService(fields[:], name, now.usable, time.Now().UnixNano())
	_, live := s.own.get(key)
	s.own.put(lane, key, live, fields[:record.Service.Fields()])
	return key
}

// settle asks the data plane for everything, once after each start of it, and when it had to leave out something.
func (s *source) settle() {
	boots, unreported := atomic.LoadUint64(&s.seg.State.Header().Boots), uint64(0)
	rings := ringsOf(s.seg)
	for _, r := range rings {
		unreported += r.Unreported
	}
	t := &s.settling
	if len(rings) != len(s.readers) || !t.due(boots, unreported, time.Now()) {
		return
	}
	*t = settling{nonce: rand.Uint64() | 1, boots: boots, unreported: unreported, answered: make([]bool, len(rings)), before: map[record.Key]struct{}{}, done: t.done}
	for i, r := range rings {
		t.upto = append(t.upto, r.Offered)
		s.readers[i].Resync(t.nonce)
	}
	s.log.Info("peer: the data plane is asked for everything", "boots", boots, "unreported", unreported)
	s.own.flush()
	for stream := range t.since {
		t.since[stream] = s.own.engine.Vector()[s.own.slot].Versions[stream]
	}
}

// ringsOf are the rings for peers.
func ringsOf(seg *attach.Segment) (rings []feed.Ring) {
	for _, r := range feed.Rings(seg.State, seg.Ctl) {
		if r.Consumer == feed.Peer {
			rings = append(rings, r)
		}
	}
	return rings
}

// sweep deletes what was not told again.
func (s *source) sweep() {
	t := &s.settling
	if t.nonce == 0 || !t.complete() {
		return
	}
	s.own.flush()
	var gone []record.Key
	for _, kind := range []record.Kind{record.Login, record.Flow, record.Count} {
		s.own.engine.Each(s.own.slot, kind, func(r *record.Record) bool {
			if _, old := t.before[r.Key]; !r.Gone && (old || r.Version <= t.since[kind.Stream()]) {
				gone = append(gone, r.Key)
			}
			return true
		})
	}
	s.own.engine.Each(s.own.slot, record.Service, func(r *record.Record) bool {
		if _, told := s.usable[r.ID]; !told && !r.Gone { // of the segment before
			gone = append(gone, r.Key)
		}
		return true
	})
	for _, key := range gone {
		s.own.delete(record.High, key)
	}
	s.own.flush()
	t.nonce, t.before, t.done, t.ended = 0, nil, true, time.Now()
	s.log.Info("peer: the data plane has told everything", "gone", len(gone))
}
