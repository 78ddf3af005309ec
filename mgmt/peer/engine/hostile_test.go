package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
	"fcredirect/mgmt/peer/wire"
)

// stranger is a peer that is not an engine: it says what a test lets it say.
type stranger struct {
	t        *testing.T
	conn     *Conn
	sequence uint64
	enc      *wire.Encoder
}

func newStranger(t *testing.T, e *Engine, name string) *stranger {
	c, err := e.Connect(1, name, Urgent)
	if err != nil {
		t.Fatal(err)
	}
	return &stranger{t: t, conn: c, enc: wire.NewEncoder(wire.Options{Dictionary: wire.DefaultDictionary, Zstd: true})}
}

func (s *stranger) frame(t wire.Type, payload []byte) []byte {
	s.sequence++
	frame, err := wire.End(append(wire.Begin(nil, t), payload...), 0, s.sequence)
	if err != nil {
		s.t.Fatal(err)
	}
	return frame
}

func (s *stranger) hello(change func(*wire.Hello)) []byte {
	h := wire.Hello{Version: wire.Version, MinVersion: wire.MinVersion, Capabilities: wire.CanZstd, Dictionary: wire.DefaultDictionary,
		Shapes: wire.Shapes(), Cluster: "test", Node: "b", Instance: [16]byte{9}, Incarnation: 1, Nodes: []string{"a", "b", "c"}}
	if change != nil {
		change(&h)
	}
	return s.frame(wire.TypeHello, h.Append(nil))
}

func (s *stranger) unit(u wire.Unit) []byte {
	payload, err := s.enc.Append(nil, &u)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.frame(wire.TypeUnit, payload)
}

func (s *stranger) greeted() *stranger {
	if err := s.conn.Receive(1, s.hello(nil)); err != nil {
		s.t.Fatal(err)
	}
	return s
}

func alone(t *testing.T) *Engine {
	w := newWorld(t, nil, "a", "b", "c")
	w.put("a", record.High, login(1), 1)
	return w.engines["a"]
}

func TestAHelloThatDoesNotFitIsRefused(t *testing.T) {
	for name, change := range map[string]func(*wire.Hello){
		"of another cluster":                    func(h *wire.Hello) { h.Cluster = "other" },
		"of another node":                       func(h *wire.Hello) { h.Node = "c" },
		"of another group":                      func(h *wire.Hello) { h.Group = uint8(Bulk) },
		"with other nodes":                      func(h *wire.Hello) { h.Nodes = []string{"a", "b"} },
		"of a later version":                    func(h *wire.Hello) { h.Version, h.MinVersion = 9, 9 },
		"with other shapes":                     func(h *wire.Hello) { h.Shapes++ },
		"without an incarnation":                func(h *wire.Hello) { h.Incarnation = 0 },
		"of the last incarnation that there is": func(h *wire.Hello) { h.Incarnation = 1<<64 - 1 },
		"that knows an incarnation of ours after which none can follow": func(h *wire.Hello) {
			h.Known = []wire.Known{{Position: wire.Position{Incarnation: 1<<64 - 1}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := alone(t)
			s := newStranger(t, e, "b")
			err := s.conn.Receive(1, s.hello(change))
			if err == nil || s.conn.Err() == nil {
				t.Fatal("it is taken")
			}
			var end *ending
			if !errors.As(err, &end) || end.reason != wire.Unacceptable {
				t.Errorf("refused with %v", err)
			}
			frame, _ := s.conn.Next(1, nil)
			if f, err := wire.Parse(frame); err != nil || f.Type != wire.TypeBye {
				t.Errorf("the peer is not told why: %v %v", f.Type, err)
			}
			if frame, wake := s.conn.Next(1, nil); len(frame) != 0 || wake != never {
				t.Error("something is said after the last word")
			}
			if e.Peers(1)[0].Connected[Urgent] {
				t.Error("it counts as connected")
			}
		})
	}
}

func TestWhatDoesNotFitEndsTheConnection(t *testing.T) {
	full := func(u wire.Unit) wire.Unit {
		u.Incarnation, u.First, u.Last = max(u.Incarnation, 1), true, true
		return u
	}
	for name, frames := range map[string]func(s *stranger) [][]byte{
		"nothing": func(s *stranger) [][]byte { return [][]byte{nil} },
		"garbage": func(s *stranger) [][]byte { return [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n")} },
		"a gap": func(s *stranger) [][]byte {
			s.sequence++
			return [][]byte{s.frame(wire.TypeWant, (&wire.Want{}).Append(nil))}
		},
		"a second time": func(s *stranger) [][]byte {
			f := s.frame(wire.TypeWant, (&wire.Want{}).Append(nil))
			return [][]byte{f, f}
		},
		"a second hello":  func(s *stranger) [][]byte { return [][]byte{s.hello(nil)} },
		"an unknown type": func(s *stranger) [][]byte { return [][]byte{retype(s.frame(wire.TypeWant, nil), 77)} },
		"an acknowledgement of what was never sent": func(s *stranger) [][]byte {
			return [][]byte{s.frame(wire.TypeAck, (&wire.Ack{Sequence: 1 << 40}).Append(nil))}
		},
		"records of ours":   func(s *stranger) [][]byte { return [][]byte{s.unit(full(wire.Unit{Origin: 0, Reset: true, To: 1}))} },
		"records of nobody": func(s *stranger) [][]byte { return [][]byte{s.unit(full(wire.Unit{Origin: 9, Reset: true, To: 1}))} },
		"a dependency on nobody": func(s *stranger) [][]byte {
			return [][]byte{s.unit(full(wire.Unit{Origin: 1, Reset: true, To: 1, Deps: []wire.At{{Slot: 9, Incarnation: 1}}}))}
		},
		"a part without a beginning": func(s *stranger) [][]byte {
			return [][]byte{s.unit(wire.Unit{Origin: 1, Incarnation: 1, To: 1, Last: true})}
		},
		"parts of two units": func(s *stranger) [][]byte {
			return [][]byte{s.unit(wire.Unit{Origin: 1, Incarnation: 1, To: 5, First: true, Reset: true}), s.unit(wire.Unit{Origin: 1, Incarnation: 1, To: 6, Last: true})}
		},
		"counts that go ahead": func(s *stranger) [][]byte {
			return [][]byte{s.unit(full(wire.Unit{Origin: 1, Stream: record.Counts, Express: true, To: 5}))}
		},
		"a digest of another node": func(s *stranger) [][]byte {
			return [][]byte{s.frame(wire.TypeDigest, (&wire.Digest{At: wire.At{Slot: 2, Incarnation: 1}}).Append(nil))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := alone(t)
			s := newStranger(t, e, "b").greeted()
			var err error
			for _, frame := range frames(s) {
				if err = s.conn.Receive(2, frame); err != nil {
					break
				}
			}
			if err == nil || s.conn.Err() == nil {
				t.Fatal("it is taken")
			}
			if err := s.conn.Receive(3, s.frame(wire.TypeWant, (&wire.Want{}).Append(nil))); !errors.Is(err, ErrClosed) {
				t.Errorf("after that: %v", err)
			}
			s.conn.Close(4)
			s.conn.Close(5)
		})
	}
}

// retype changes the type of a frame, and makes its checksum right.
func retype(frame []byte, t byte) []byte {
	frame[4] = t
	body := frame[:len(frame)-4]
	binary.LittleEndian.PutUint32(frame[len(body):], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return frame
}

func TestNobodySpeaksBeforeHello(t *testing.T) {
	s := newStranger(t, alone(t), "b")
	if err := s.conn.Receive(1, s.frame(wire.TypeHeartbeat, (&wire.Heartbeat{Stamp: 1}).Append(nil))); err == nil {
		t.Error("it is taken")
	}
	if _, err := alone(t).Connect(1, "nobody", Urgent); !errors.Is(err, ErrUnknownPeer) {
		t.Errorf("a connection to nobody: %v", err)
	}
}

func TestAWantForAnythingDoesNoHarm(t *testing.T) {
	e := alone(t)
	s := newStranger(t, e, "b").greeted()
	for _, at := range []wire.At{{Slot: 0, Incarnation: 99, Version: 1 << 60}, {Slot: 0, Stream: record.Counts, Incarnation: 1, Version: 1 << 60}, {Slot: 1}, {Slot: 2, Version: 5}, {Slot: 15}} {
		if err := s.conn.Receive(2, s.frame(wire.TypeWant, (&wire.Want{Streams: []wire.At{at}}).Append(nil))); err != nil {
			t.Fatal(err)
		}
		for frame, _ := s.conn.Next(3, nil); len(frame) > 0; frame, _ = s.conn.Next(3, nil) {
		}
	}
}

func TestDamagedFramesNeverDoMoreThanEndTheConnection(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	for i := range uint64(300) {
		w.put("a", record.High, login(i), i)
	}
	c := w.dial("a", "b", Urgent)
	var frames [][]byte
	for range 50 { // the frames of an undisturbed connection
		for i := range c.ends {
			if frame, _ := c.ends[i].Next(w.now, nil); len(frame) > 0 {
				if i == 0 {
					frames = append(frames, slices.Clone(frame))
				}
				if err := c.ends[1-i].Receive(w.now, frame); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.now += ms
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		e := newWorld(t, nil, "a", "b").engines["b"]
		conn, err := e.Connect(1, "a", Urgent)
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range frames {
			frame = slices.Clone(frame)
			if random.IntN(3) == 0 {
				frame[random.IntN(len(frame))] ^= 1 << random.IntN(8)
			}
			if random.IntN(2) == 0 && len(frame) > 20 {
				body := frame[:len(frame)-4]
				binary.LittleEndian.PutUint32(frame[len(body):], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
			}
			if conn.Receive(2, frame) != nil {
				break
			}
			conn.Next(2, nil)
		}
		conn.Close(3)
	}
}

func TestSettingsThatCannotBeAreNamed(t *testing.T) {
	s := Defaults()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	s.NormalMax, s.BufferBytes = 1e9, 1
	if err := s.Check(); err == nil || fmt.Sprint(err) != "normal_max is 1s, must be from 0s to 100ms\nbuffer_bytes is 1, must be from 4096 to 1048576" {
		t.Errorf("says %v", err)
	}
	for _, c := range []Config{
		{Self: "x", Nodes: []string{"a", "b"}, Incarnation: 1, Settings: Defaults()},
		{Self: "a", Nodes: []string{"a", "a"}, Incarnation: 1, Settings: Defaults()},
		{Self: "a", Nodes: []string{"a", "b"}, Settings: Defaults()},
		{Self: "a", Nodes: []string{"a", "b"}, Incarnation: 1},
		{Self: "a", Nodes: make([]string, 17), Incarnation: 1, Settings: Defaults()},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// theOrigin lets a hear of c itself.
func theOrigin(t *testing.T, e *Engine) *stranger {
	s := newStranger(t, e, "c")
	hello := func(h *wire.Hello) {
		h.Node, h.Instance = "c", [16]byte{7}
		h.Known = []wire.Known{{Position: wire.Position{Slot: 2, Incarnation: 1}}}
	}
	if err := s.conn.Receive(1, s.hello(hello)); err != nil {
		t.Fatal(err)
	}
	return s
}

func whole(origin uint8, incarnation, to uint64, records ...record.Record) wire.Unit {
	return wire.Unit{Origin: origin, Incarnation: incarnation, First: true, Last: true, Reset: true, To: to, Records: records}
}

func of(id, version uint64) record.Record {
	return record.Record{Key: login(id), Version: version, Fields: [record.MaxFields]uint64{version}}
}

func TestNobodySpeaksForANodeThatSpeaksForItself(t *testing.T) {
	lies := map[string]func() wire.Unit{
		"a unit of all that it will ever say": func() wire.Unit { return whole(2, 1, 1<<60, of(1, 1<<59)) },
		"a later incarnation":                 func() wire.Unit { return whole(2, 1<<60, 5, of(1, 5)) },
		"a unit that waits for ever": func() wire.Unit {
			u := whole(2, 1, 1<<60)
			u.Deps = []wire.At{{Slot: 1, Incarnation: 9, Version: 9}}
			return u
		},
		"a change ahead of all others": func() wire.Unit {
			u := whole(2, 1, 1<<60, of(1, 1<<59))
			u.Reset, u.Express = false, true
			return u
		},
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			e := alone(t)
			b, c := newStranger(t, e, "b").greeted(), theOrigin(t, e)
			if err := c.conn.Receive(2, c.unit(whole(2, 1, 1, of(1, 1)))); err != nil {
				t.Fatal(err)
			}
			if err := b.conn.Receive(2, b.unit(lie())); err != nil {
				t.Fatal(err)
			}
			next := whole(2, 1, 2, of(1, 2))
			next.Reset, next.From = false, 1
			if err := c.conn.Receive(3, c.unit(next)); err != nil {
				t.Fatal(err)
			}
			if r, _ := e.Get(2, login(1)); r.Version != 2 {
				t.Errorf("it stands at %d", r.Version)
			}
		})
	}
}

func TestWhatOthersLeftUnfinishedDoesNotStandInANodesWay(t *testing.T) {
	for name, lie := range map[string]wire.Unit{
		"held":  {Origin: 2, Incarnation: 1, First: true, Last: true, Reset: true, To: 1 << 60, Deps: []wire.At{{Slot: 1, Incarnation: 9, Version: 9}}},
		"begun": {Origin: 2, Incarnation: 9, First: true, Reset: true, To: 5},
	} {
		for _, leaves := range []bool{false, true} {
			e := alone(t)
			b := newStranger(t, e, "b").greeted()
			if err := b.conn.Receive(2, b.unit(lie)); err != nil {
				t.Fatal(err)
			}
			if leaves {
				b.conn.Close(3)
				if o := e.origins[2]; o.held[record.State] != nil || o.next != nil && lie.Incarnation > 1 {
					t.Errorf("%s: it stays when who brought it has left", name)
				}
			}
			c := theOrigin(t, e)
			if err := c.conn.Receive(4, c.unit(whole(2, 1, 1, of(1, 1)))); err != nil {
				t.Fatal(err)
			}
			if r, _ := e.Get(2, login(1)); r.Version != 1 {
				t.Errorf("%s: it stands at %d", name, r.Version)
			}
		}
	}
}

func TestAFarIncarnationIsNotBelieved(t *testing.T) {
	e := alone(t)
	claim := func(incarnation uint64) error {
		s := newStranger(t, e, "b")
		return s.conn.Receive(1, s.hello(func(h *wire.Hello) {
			h.Known = []wire.Known{{Position: wire.Position{Incarnation: incarnation}}}
		}))
	}
	if claim(maxStep+2) == nil || e.Incarnation() != 1 {
		t.Errorf("it is taken, ours is %d", e.Incarnation())
	}
	if err := claim(maxStep + 1); err != nil || e.Incarnation() != maxStep+2 {
		t.Errorf("%v, ours is %d", err, e.Incarnation())
	}
	s := newStranger(t, e, "b").greeted()
	if err := s.conn.Receive(2, s.unit(whole(2, maxStep+1, 1, of(1, 1)))); err != nil || e.origins[2].incarnation != 0 {
		t.Errorf("%v, another's is %d", err, e.origins[2].incarnation)
	}
}

func TestStagingHasABoundForAllOfAConnection(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Settings.RecordsMax, c.Settings.TombstonesMax = 8000, 1 }, "a", "b", "c")
	s := newStranger(t, w.engines["a"], "b").greeted()
	most := 0
	for origin := range uint8(2) {
		for i := range uint64(4) {
			u := wire.Unit{Origin: origin + 1, Incarnation: 1, First: i == 0, Reset: true, To: 1 << 40}
			for j := range uint64(2000) {
				u.Records = append(u.Records, of(i<<20|j, i<<20|j+1))
			}
			if err := s.conn.Receive(2, s.unit(u)); err != nil {
				t.Fatal(err)
			}
			most = max(most, s.conn.staged)
		}
	}
	if most > 8000+alongMax || s.conn.staged != 8000 {
		t.Errorf("%d are staged, %d at once", s.conn.staged, most)
	}
}

func TestARepairHasOnlyRecordsOfItsBucket(t *testing.T) {
	e := alone(t)
	s := newStranger(t, e, "b").greeted()
	r := of(1, 1)
	at := wire.At{Slot: 1, Incarnation: 1, Version: 5}
	payload, err := s.enc.AppendRepair(nil, &wire.Repair{At: at, Bucket: uint8(replica.BucketOf(r.Key)) + 1, First: true, Records: []record.Record{r}})
	if err != nil {
		t.Fatal(err)
	}
	if s.conn.Receive(2, s.frame(wire.TypeRepair, payload)) == nil || s.conn.repair != nil {
		t.Error("another's is kept")
	}
}

func TestTwoChangesOfOneVersionAreNotTaken(t *testing.T) {
	w := newWorld(t, nil, "a", "b", "c")
	b := newStranger(t, w.engines["a"], "b").greeted()
	u := whole(2, 1, 9, of(1, 3))
	if err := b.conn.Receive(2, b.unit(u)); err != nil {
		t.Fatal(err)
	}
	u = wire.Unit{Origin: 2, Incarnation: 1, First: true, Last: true, Express: true, To: 20, Records: []record.Record{of(5, 20)}}
	if err := b.conn.Receive(3, b.unit(u)); err != nil {
		t.Fatal(err)
	}
	u.Records = []record.Record{of(6, 20)}
	if err := b.conn.Receive(4, b.unit(u)); err != nil || len(w.engines["a"].origins[2].early) != 1 {
		t.Errorf("%v: two changes have one version", err)
	}
}

func TestWhatIsHeldIsReleasedOverTheNextConnection(t *testing.T) {
	for _, again := range []uint64{4, 5, 6} { // where the unit reaches when it comes once more
		e := alone(t)
		held := whole(1, 1, 5, of(1, 1))
		held.Deps = []wire.At{{Slot: 2, Incarnation: 1, Version: 5}}
		before := whole(2, 1, 1, of(1, 1))
		early := wire.Unit{Origin: 2, Incarnation: 1, First: true, Last: true, Express: true, To: 5, Records: []record.Record{of(5, 5)}}
		s := newStranger(t, e, "b").greeted()
		for _, u := range []wire.Unit{before, held} {
			if err := s.conn.Receive(2, s.unit(u)); err != nil {
				t.Fatal(err)
			}
		}
		s.conn.Close(3)
		s = newStranger(t, e, "b").greeted()
		if r, _ := e.Get(1, login(1)); r.Version != 0 {
			t.Fatal("it was not held")
		}
		held.To = again
		for _, u := range []wire.Unit{early, held} {
			if err := s.conn.Receive(4, s.unit(u)); err != nil {
				t.Fatal(err)
			}
		}
		if r, _ := e.Get(1, login(1)); r.Version != 1 {
			t.Errorf("when it reaches to %d it is held for ever", again)
		}
	}
}

func TestWhatANodeNeverSaidIsTakenBackWhenItSpeaks(t *testing.T) {
	e := alone(t)
	b := newStranger(t, e, "b").greeted()
	lie := wire.Unit{Origin: 2, Incarnation: 1, First: true, Last: true, Express: true, To: 1 << 60, Records: []record.Record{of(1, 1<<59), of(2, 1<<58)}}
	for _, u := range []wire.Unit{whole(2, 1, 1, of(1, 1)), lie} {
		if err := b.conn.Receive(2, b.unit(u)); err != nil {
			t.Fatal(err)
		}
	}
	if r, _ := e.Get(2, login(1)); r.Version != 1<<59 {
		t.Fatal("it was not taken: the test tests nothing")
	}
	c := theOrigin(t, e)
	said := func(now int64, echo, version uint64) error {
		h := wire.Heartbeat{Stamp: 1, Echo: echo, Positions: []wire.Position{{Slot: 2, Incarnation: 1, Applied: [record.NumStreams]uint64{version}}}}
		return c.conn.Receive(now, c.frame(wire.TypeHeartbeat, h.Append(nil)))
	}
	if err := said(3, 2, 1); err != nil {
		t.Fatal(err)
	}
	if r, _ := e.Get(2, login(1)); r.Version != 1<<59 {
		t.Error("it is taken back though it may have been said since")
	}
	if err := said(4, 3, 1); err != nil {
		t.Fatal(err)
	}
	if r, _ := e.Get(2, login(1)); r.Version != 1 {
		t.Errorf("it stands at %d", r.Version)
	}
	if _, ok := e.Get(2, login(2)); ok {
		t.Error("what never was is there")
	}
	if err := said(5, 4, 0); err == nil {
		t.Error("a stream that goes further than its node is left as it is")
	}
}

func TestUnitsThatWaitForEachOtherAreSeenTogetherOrNotAtAll(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Settings.RecordsMax, c.Settings.TombstonesMax = 1, 10 }, "a", "b", "c")
	e := w.engines["a"]
	b, c := newStranger(t, e, "b").greeted(), theOrigin(t, e)
	first, second := whole(1, 1, 5, of(1, 1)), whole(2, 1, 5, of(1, 1), of(2, 2)) // of which there is no room for the second
	first.Deps = []wire.At{{Slot: 2, Incarnation: 1, Version: 5}}
	second.Deps = []wire.At{{Slot: 1, Incarnation: 1, Version: 5}}
	if err := b.conn.Receive(2, b.unit(first)); err != nil {
		t.Fatal(err)
	}
	if err := c.conn.Receive(3, c.unit(second)); err != nil {
		t.Fatal(err)
	}
	if _, ok := e.Get(1, login(1)); ok {
		t.Error("half of it is seen")
	}
	if w.told("a", Refused) != 1 {
		t.Errorf("notices: %v", w.notices["a"])
	}
}

func TestAMessageThatFindsNoRoomDoesNotSpin(t *testing.T) {
	w := newWorld(t, small, "a", "b")
	cable := w.dial("a", "b", Urgent)
	w.run(20 * ms)
	cable.mute[1] = true // nothing is acknowledged
	for _, size := range []int{1000, 8000} {
		if err := w.engines["a"].Send("b", make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		if frame, wake := cable.ends[0].Next(w.now, nil); len(frame) == 0 && wake <= w.now {
			t.Fatal("it is to be asked again at once")
		}
	}
}
