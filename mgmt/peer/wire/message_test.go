package wire

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fcredirect/mgmt/peer/record"
)

// message is what every message can do.
type message interface {
	Append(dst []byte) []byte
	Parse(payload []byte) error
}

func messages() map[string]message {
	at := At{Slot: 3, Stream: record.Counts, Incarnation: 9, Version: 1 << 40}
	positions := []Position{{Slot: 0, Incarnation: 1}, {Slot: 15, Incarnation: 7, Applied: [record.NumStreams]uint64{5, 1 << 63}}}
	return map[string]message{
		"hello": &Hello{Version: Version, MinVersion: MinVersion, Capabilities: CanZstd, Group: 1, Dictionary: DefaultDictionary,
			Shapes: Shapes(), Cluster: "lab", Node: "b", Instance: [16]byte{1, 15: 2}, Incarnation: 4, Nodes: []string{"a", "b"},
			Known: []Known{{Position: positions[1], Instance: [16]byte{7}}}, Wall: -1},
		"ack":       &Ack{Sequence: 77, Positions: positions},
		"heartbeat": &Heartbeat{Stamp: 1, Echo: 1 << 63, Held: 3, Wall: 1 << 60, Positions: positions},
		"want":      &Want{Streams: []At{at, {}}},
		"digest":    &Digest{At: at, Records: 12000, Sum: Sum{1, ^uint64(0)}},
		"buckets":   &Buckets{At: at, Sums: [NumBuckets]Sum{0: {1, 2}, 255: {3, 4}}},
		"bye":       &Bye{Reason: DuplicateNode, Text: "another b is connected"},
	}
}

// fresh is an empty message of the same type.
func fresh(m message) message {
	return reflect.New(reflect.TypeOf(m).Elem()).Interface().(message)
}

func TestMessagesComeOutAsTheyWentIn(t *testing.T) {
	for name, m := range messages() {
		got := fresh(m)
		if err := got.Parse(m.Append(nil)); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: %v, error %v; want %v", name, got, err, m)
		}
	}
}

func TestAMessageThatIsCutOrGoesOnIsRefused(t *testing.T) {
	for name, m := range messages() {
		whole := m.Append(nil)
		for n := range whole {
			if err := fresh(m).Parse(whole[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s of %d bytes, cut to %d: %v", name, len(whole), n, err)
			}
		}
		if err := fresh(m).Parse(append(whole, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s with a byte behind it: %v", name, err)
		}
	}
}

func TestMessagesBeyondTheLimitsAreRefused(t *testing.T) {
	hello := func(change func(h *Hello)) message {
		h := *messages()["hello"].(*Hello)
		change(&h)
		return &h
	}
	many := make([]Position, MaxNodes+1)
	for name, m := range map[string]message{
		"a name too long":                    hello(func(h *Hello) { h.Node = strings.Repeat("n", MaxName+1) }),
		"too many nodes":                     hello(func(h *Hello) { h.Nodes = strings.Split("abcdefghijklmnopq", "") }),
		"nodes not in order":                 hello(func(h *Hello) { h.Nodes = []string{"b", "a"} }),
		"a node twice":                       hello(func(h *Hello) { h.Nodes = []string{"a", "a"} }),
		"a dictionary too large":             hello(func(h *Hello) { h.Dictionary = MaxDictionary + 1 }),
		"no lowest version":                  hello(func(h *Hello) { h.MinVersion = 0 }),
		"a lowest version above the version": hello(func(h *Hello) { h.MinVersion = h.Version + 1 }),
		"a slot that no node has":            &Ack{Positions: []Position{{Slot: MaxNodes}}},
		"a slot twice":                       &Ack{Positions: []Position{{Slot: 2}, {Slot: 2}}},
		"slots not in order":                 &Heartbeat{Positions: []Position{{Slot: 2}, {Slot: 1}}},
		"too many positions":                 &Ack{Positions: many},
		"too many wishes":                    &Want{Streams: make([]At, MaxWants+1)},
		"a stream that nobody knows":         &Digest{At: At{Stream: record.NumStreams}},
	} {
		if err := fresh(m).Parse(m.Append(nil)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAByeIsCutToItsLimit(t *testing.T) {
	var got Bye
	if err := got.Parse((&Bye{Reason: Leaving, Text: strings.Repeat("x", 5000)}).Append(nil)); err != nil || len(got.Text) != MaxText {
		t.Errorf("%d bytes, error %v", len(got.Text), err)
	}
}

func TestNodesAgreeOnWhatBothCan(t *testing.T) {
	ours := messages()["hello"].(*Hello)
	for name, c := range map[string]struct {
		change func(h *Hello)
		want   Agreement
		err    error
	}{
		"the same":          {func(*Hello) {}, Agreement{1, CanZstd, DefaultDictionary}, nil},
		"without zstd":      {func(h *Hello) { h.Capabilities = 1 << 60 }, Agreement{1, 0, DefaultDictionary}, nil},
		"a newer one":       {func(h *Hello) { h.Version = 7 }, Agreement{1, CanZstd, DefaultDictionary}, nil},
		"too new":           {func(h *Hello) { h.Version, h.MinVersion = 7, 2 }, Agreement{}, ErrVersion},
		"less memory":       {func(h *Hello) { h.Dictionary = 100 }, Agreement{1, CanZstd, 100}, nil},
		"other shapes":      {func(h *Hello) { h.Shapes++ }, Agreement{}, ErrShapes},
		"too new, no shape": {func(h *Hello) { h.Version, h.MinVersion, h.Shapes = 7, 2, 0 }, Agreement{}, ErrVersion},
	} {
		theirs := *ours
		c.change(&theirs)
		got, err := Agree(ours, &theirs)
		if !errors.Is(err, c.err) || err == nil && got != c.want {
			t.Errorf("%s: %+v, error %v", name, got, err)
		}
	}
}

func TestAHelloOfALaterVersionMayGoOn(t *testing.T) {
	h := *messages()["hello"].(*Hello)
	h.Version++
	var got Hello
	if err := got.Parse(append(h.Append(nil), "what is to come"...)); err != nil || got.Version != h.Version {
		t.Errorf("version %d, error %v", got.Version, err)
	}
}

func TestThereIsACoderForEveryKind(t *testing.T) {
	if kinds != int(record.Node)+1 || record.Kind(kinds).Known() {
		t.Error("there are more kinds than coders for them")
	}
}

func TestFramesComeOutAsTheyWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := Type(rapid.IntRange(1, int(numTypes)-1).Draw(t, "type"))
		sequence, payload := rapid.Uint64().Draw(t, "sequence"), rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		before := rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "before")
		buffer, err := End(append(Begin(slices.Clone(before), typ), payload...), len(before), sequence)
		if err != nil {
			t.Fatal(err)
		}
		frame := buffer[len(before):]
		if n, err := Length(frame[:4]); err != nil || n != len(frame) {
			t.Fatalf("length %d of %d, error %v", n, len(frame), err)
		}
		f, err := Parse(frame)
		if err != nil || f.Type != typ || f.Sequence != sequence || !bytes.Equal(f.Payload, payload) {
			t.Fatalf("%+v, error %v", f, err)
		}
		at, flip := rapid.IntRange(0, len(frame)-1).Draw(t, "at"), rapid.ByteRange(1, 255).Draw(t, "flip")
		frame[at] ^= flip
		if _, err := Parse(frame); err == nil {
			t.Fatalf("byte %d was changed by %x, and nobody noticed", at, flip)
		}
	})
}

func TestFramesOfImpossibleLengthAreRefused(t *testing.T) {
	for _, n := range []uint32{0, 1, Overhead - 1, MaxFrame + 1, 1 << 31, 1<<32 - 1} {
		if got, err := Length([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}); !errors.Is(err, ErrLength) {
			t.Errorf("%d bytes: %d, error %v", n, got, err)
		}
	}
	if _, err := End(append(Begin(nil, TypeMessage), make([]byte, MaxPayload+1)...), 0, 1); !errors.Is(err, ErrLength) {
		t.Errorf("a payload that is too long: %v", err)
	}
	longest, err := End(append(Begin(nil, TypeMessage), make([]byte, MaxPayload)...), 0, 1)
	if err != nil || len(longest) != MaxFrame {
		t.Errorf("the longest frame: %d bytes, error %v", len(longest), err)
	}
	if _, err := Parse(append(longest, 0)); !errors.Is(err, ErrLength) {
		t.Errorf("a frame with a byte behind it: %v", err)
	}
}

func TestFramesOfUnknownTypesAreRefused(t *testing.T) {
	for _, typ := range []Type{TypeNone, numTypes, 255} {
		frame, _ := End(Begin(nil, typ), 0, 1)
		if _, err := Parse(frame); !errors.Is(err, ErrMalformed) {
			t.Errorf("type %d: %v", typ, err)
		}
	}
	flagged := Begin(nil, TypeAck)
	flagged[6] = 1
	flagged, _ = End(flagged, 0, 1)
	if _, err := Parse(flagged); !errors.Is(err, ErrMalformed) {
		t.Errorf("flags: %v", err)
	}
	if Type(200).String() != "unknown" || TypeBye.String() != "bye" || Reason(99).String() != "unknown" || Outdated.String() != "outdated" {
		t.Error("names")
	}
}

func FuzzFrame(f *testing.F) {
	frame, _ := End(append(Begin(nil, TypeBye), 1, 2, 3), 0, 9)
	f.Add(frame)
	f.Add([]byte{20, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Parse(data)
		if err != nil {
			return
		}
		again, err := End(append(Begin(nil, got.Type), got.Payload...), 0, got.Sequence)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x was read as %+v, which is %x (%v)", data, got, again, err)
		}
	})
}

// FuzzMessage gives bytes to every parser of messages. Each has one form only: what is read and written again is the same.
func FuzzMessage(f *testing.F) {
	names := []string{"hello", "ack", "heartbeat", "want", "digest", "buckets", "bye"}
	for i, name := range names {
		f.Add(uint8(i), messages()[name].Append(nil))
	}
	all := messages()
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		m := fresh(all[names[int(which)%len(names)]])
		if m.Parse(data) != nil {
			return
		}
		again := m.Append(nil)
		if h, ok := m.(*Hello); ok && h.Version > Version {
			data = data[:min(len(data), len(again))]
		}
		if !bytes.Equal(again, data) {
			t.Errorf("%x was read as %+v, which is %x", data, m, again)
		}
	})
}
