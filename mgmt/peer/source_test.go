package peer

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/login"
	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

// alone is a source of the first of two nodes, which is given items by hand.
func alone(t testing.TB) *source {
	t.Helper()
	e, err := engine.New(engine.Config{Self: "a", Nodes: []string{"a", "b"}, Incarnation: 1, Instance: [16]byte{1}, Settings: engine.Defaults()})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	return &source{own: newOwn(e, func() int64 { return int64(time.Since(began)) }, 0, 1), usable: map[uint64]service{}, log: slog.New(slog.DiscardHandler)}
}

func loginItem(addr uint64, change func(*feed.LoginItem)) *feed.Item {
	item := &feed.Item{}
	l := item.Login()
	l.Kind, l.Lane, l.Addr, l.WWPN, l.Generation = feed.KindLogin, feed.High, addr, 7, 1
	if change != nil {
		change(l)
	}
	return item
}

func flowItem(key flow.Key, change func(*feed.FlowItem)) *feed.Item {
	item := &feed.Item{}
	f := item.Flow()
	f.Kind, f.Lane, f.Key, f.Frames, f.Service, f.Rule = feed.KindFlow, feed.High, uint64(key), 1, -1, -1
	if change != nil {
		change(f)
	}
	return item
}

var (
	aKey  = flow.MakeKey(1, 100, 0x010000, 0x020000)
	aHost = uint64(login.At(1, 100, 0x010000))
)

// live is the keys of all records that there are.
func (s *source) live() (all []string) {
	s.own.flush()
	for _, kind := range []record.Kind{record.Login, record.Flow, record.Count, record.Service, record.Node} {
		s.own.engine.Each(0, kind, func(r *record.Record) bool {
			if !r.Gone {
				all = append(all, fmt.Sprintf("%v %x", kind, r.ID))
			}
			return true
		})
	}
	slices.Sort(all)
	return all
}

func TestItemsBecomeRecords(t *testing.T) {
	host, f, c := fmt.Sprintf("login %x", aHost), fmt.Sprintf("flow %x", uint64(aKey)), fmt.Sprintf("count %x", uint64(aKey))
	for _, tt := range []struct {
		name  string
		items []*feed.Item
		want  []string
	}{
		{"a login", []*feed.Item{loginItem(aHost, nil)}, []string{host}},
		{"one that is gone", []*feed.Item{loginItem(aHost, nil), loginItem(aHost, func(l *feed.LoginItem) { l.Header.Flags = feed.FlagEnded })}, nil},
		{"one that the partner told of is not ours", []*feed.Item{loginItem(aHost, func(l *feed.LoginItem) { l.Flags2 = uint8(login.FromPeer) })}, nil},
		{"one of ours stays told when no frames are seen", []*feed.Item{loginItem(aHost, nil), loginItem(aHost, func(l *feed.LoginItem) { l.Flags2 = uint8(login.FromPeer) })}, []string{host}},
		{"until it ends", []*feed.Item{
			loginItem(aHost, nil), loginItem(aHost, func(l *feed.LoginItem) { l.Flags2 = uint8(login.FromPeer) }),
			loginItem(aHost, func(l *feed.LoginItem) { l.Header.Flags, l.Flags2 = feed.FlagEnded, uint8(login.FromPeer) }),
		}, nil},
		{"a direction and its totals", []*feed.Item{flowItem(aKey, nil)}, []string{c, f}},
		{"one without a frame", []*feed.Item{flowItem(aKey, func(f *feed.FlowItem) { f.Frames = 0 })}, nil},
		{"one that ended", []*feed.Item{flowItem(aKey, nil), flowItem(aKey, func(f *feed.FlowItem) { f.Header.Flags = feed.FlagEnded })}, nil},
		{"an end of what nobody knows", []*feed.Item{flowItem(aKey, func(f *feed.FlowItem) { f.Header.Flags = feed.FlagEnded })}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := alone(t)
			for _, item := range tt.items {
				if !s.take(0, item) {
					t.Fatal("an item waits")
				}
			}
			if got := s.live(); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if n := s.own.live[record.State].Load() + s.own.live[record.Counts].Load(); n != int64(len(tt.want)) {
				t.Errorf("%d are counted", n)
			}
		})
	}
}

func TestWhatAHeldNodeToldOnceIsNotSweptWhenToldAgain(t *testing.T) {
	s := alone(t)
	s.take(0, loginItem(aHost, nil))
	s.own.flush()
	s.settling = settling{nonce: 9, upto: []uint64{100}, answered: make([]bool, 1), before: map[record.Key]struct{}{}, since: s.own.engine.Vector()[0].Versions}
	s.take(0, loginItem(aHost, func(l *feed.LoginItem) { l.Seq, l.Flags2 = 101, uint8(login.FromPeer) }))
	s.settling.answer(0, 9)
	s.sweep()
	if want := []string{fmt.Sprintf("login %x", aHost)}; !slices.Equal(s.live(), want) || !s.settling.done {
		t.Errorf("left %v", s.live())
	}
}

func TestANodeThatHasTheWorkTellsOfWhatItKnewFromItsPartner(t *testing.T) {
	s := alone(t)
	table, err := login.NewTable(make([]byte, (1+login.Slots(64))*login.SlotSize), 64, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.logins = &table.View
	l := login.Login{Addr: login.Addr(aHost), WWPN: 7, Port: 3, State: login.Live, How: login.ByLogin, Flags: login.FromPeer | login.Vouched, FirstSeen: 1, LastSeen: 1}
	if !table.Put(&l) {
		t.Fatal("no place")
	}
	s.adopt(false)
	if got := s.live(); got != nil {
		t.Errorf("standing by it tells of %v", got)
	}
	s.adopt(true)
	r, live := s.own.get(record.Key{Kind: record.Login, ID: aHost})
	if got := loginOf(&r); !live || got.WWPN != 7 || got.Port != 3 || got.Flags != login.Vouched {
		t.Errorf("it tells of %+v, %v", got, live)
	}
	s.adopt(false)
	s.take(0, loginItem(aHost, func(l *feed.LoginItem) { l.Flags2 = uint8(login.FromPeer) }))
	if len(s.live()) != 1 {
		t.Error("it is not told any more when the work is given back")
	}
}

func TestADirectionDependsOnItsLoginsAndItsTotalsOnIt(t *testing.T) {
	s := alone(t)
	s.take(0, loginItem(aHost, nil))
	s.take(0, flowItem(aKey, nil))
	var refs []string
	for _, c := range s.own.changes {
		for _, r := range c.refs[:c.nrefs] {
			refs = append(refs, fmt.Sprintf("%v after %v", c.key.Kind, r.Key.Kind))
		}
	}
	if want := []string{"flow after login", "count after flow"}; !slices.Equal(refs, want) {
		t.Errorf("%v, want %v", refs, want)
	}
}

func TestWhatChangesInCountersAloneIsNoChangeOfTheFlow(t *testing.T) {
	s := alone(t)
	s.take(0, flowItem(aKey, nil))
	s.own.flush()
	s.take(0, flowItem(aKey, func(f *feed.FlowItem) { f.Frames, f.Lane = 2, feed.Normal }))
	s.own.flush()
	changes := s.own.engine.Stats().Changes
	if changes[record.High] != 1 || changes[record.Normal] != 2 {
		t.Errorf("changes by lane %v", changes)
	}
	s.take(0, flowItem(aKey, func(f *feed.FlowItem) { f.Frames, f.Lane, f.State = 2, feed.Immediate, feed.Blocked }))
	s.own.flush()
	if changes = s.own.engine.Stats().Changes; changes[record.Immediate] != 1 {
		t.Errorf("a flow that lost its service: %v", changes)
	}
}

func TestAFlowWaitsForTheLoginsThatItsProducerKnew(t *testing.T) {
	s := alone(t)
	later := flowItem(aKey, func(f *feed.FlowItem) { f.LoginGen = 3 })
	if s.take(0, later) {
		t.Error("it did not wait")
	}
	s.take(1, loginItem(aHost, func(l *feed.LoginItem) { l.Generation = 3 }))
	if !s.take(0, later) {
		t.Error("it waits for what is there")
	}
	never := flowItem(aKey, func(f *feed.FlowItem) { f.LoginGen = 5 })
	if s.take(0, never) {
		t.Error("it did not wait")
	}
	s.since = time.Now().Add(-loginPatience)
	if !s.take(0, never) || !s.take(0, never) {
		t.Error("it waits for what does not come")
	}
}

// TestWhatIsNotToldAgainIsGone: whatever was there and whatever is told, once all rings have answered the records are those
// that were told since the wish, by items that came after it.
func TestWhatIsNotToldAgainIsGone(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := alone(t)
		key := func(label string) flow.Key {
			return flow.MakeKey(1, 100, 1, uint32(rapid.IntRange(2, 9).Draw(r, label)))
		}
		for range rapid.IntRange(0, 8).Draw(r, "before") {
			s.take(0, flowItem(key("key"), nil))
		}
		s.own.flush()
		v := s.own.engine.Vector()[0].Versions
		s.settling = settling{nonce: 9, upto: []uint64{100, 0}, answered: make([]bool, 2), before: map[record.Key]struct{}{}, since: v}
		want := map[string]bool{}
		for n := range rapid.IntRange(0, 12).Draw(r, "since") {
			k, old, ended := key("key"), rapid.Bool().Draw(r, "old"), rapid.Bool().Draw(r, "ended")
			old = old && len(want) == 0 // items from before the wish come first
			s.take(0, flowItem(k, func(f *feed.FlowItem) {
				if f.Seq = 101; old {
					f.Seq = 100
				}
				if f.Frames = uint64(n + 1); ended {
					f.Header.Flags = feed.FlagEnded
				}
			}))
			for _, name := range []string{fmt.Sprintf("flow %x", uint64(k)), fmt.Sprintf("count %x", uint64(k))} {
				if !old {
					want[name] = !ended
				}
			}
		}
		s.sweep()
		if s.settling.done {
			r.Fatal("it was swept before all rings had answered")
		}
		s.settling.answer(0, 9)
		s.settling.answer(1, 8) // of another wish
		s.sweep()
		if s.settling.done {
			r.Fatal("it was swept before all rings had answered")
		}
		s.settling.answer(1, 9)
		s.sweep()
		var all []string
		for name, is := range want {
			if is {
				all = append(all, name)
			}
		}
		slices.Sort(all)
		if got := s.live(); !slices.Equal(got, all) || !s.settling.done {
			r.Fatalf("left %v, want %v", got, all)
		}
	})
}

func TestWhatIsLeftOutWhileEverythingIsToldDoesNotBeginItAgain(t *testing.T) {
	now := time.Unix(1000, 0)
	under := settling{nonce: 5, boots: 1, unreported: 3, ended: now}
	over := settling{boots: 1, unreported: 3, ended: now}
	for i, c := range []struct {
		t                 settling
		boots, unreported uint64
		after             time.Duration
		want              bool
	}{
		{under, 1, 3, time.Hour, false},
		{under, 1, 4, time.Hour, false},
		{under, 2, 3, 0, true},
		{over, 1, 3, time.Hour, false},
		{over, 1, 4, 0, false},
		{over, 1, 4, askAgain, true},
		{settling{}, 1, 0, 0, true},
	} {
		if got := c.t.due(c.boots, c.unreported, now.Add(c.after)); got != c.want {
			t.Errorf("%d: due: %v", i, got)
		}
	}
}
