package bench

import (
	"io"
	"maps"
	"net"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func drawUpdate(t *rapid.T, serials uint64) update {
	u := update{
		Serial: rapid.Uint64Range(1, serials).Draw(t, "serial"), Frames: rapid.Uint64().Draw(t, "frames"), Bytes: rapid.Uint64().Draw(t, "bytes"),
		LastSeen: rapid.Uint64().Draw(t, "seen"), Action: uint8(rapid.IntRange(0, 3).Draw(t, "action")), Rule: rapid.Int32().Draw(t, "rule"),
		Service: rapid.Int16().Draw(t, "service"),
	}
	if rapid.Bool().Draw(t, "small") {
		u.Frames, u.Bytes, u.LastSeen, u.Rule, u.Service = u.Frames%1000, u.Bytes%1000, u.LastSeen%1000, 0, 0
	}
	return u
}

// Whatever is sent, the other side has it afterwards, also where only growth was sent.
func TestBothEndsOfAConnectionKnowTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ours, theirs, want := book{}, book{}, map[uint64]update{}
		for range rapid.IntRange(1, 20).Draw(t, "batches") {
			var batch []update
			for range rapid.IntRange(0, 10).Draw(t, "updates") {
				u := drawUpdate(t, 6)
				batch = append(batch, u)
				want[u.Serial] = u
			}
			n, err := theirs.decode(ours.encode(nil, batch))
			if err != nil || n != len(batch) {
				t.Fatalf("%d of %d updates, %v", n, len(batch), err)
			}
		}
		if !maps.Equal(theirs, book(want)) || !maps.Equal(ours, theirs) {
			t.Fatalf("sent %v, there is %v", want, theirs)
		}
	})
}

func TestAKnownFlowIsSentInAFewBytes(t *testing.T) {
	k := book{}
	u := update{Serial: 7, Frames: 1_000_000, Bytes: 60_000_000, LastSeen: 1e15}
	first := len(k.encode(nil, []update{u}))
	u.Frames, u.Bytes, u.LastSeen = u.Frames+100, u.Bytes+6000, u.LastSeen+10_000_000
	second := len(k.encode(nil, []update{u}))
	if first != 1+updateBytes || second > 10 {
		t.Errorf("%d bytes, then %d", first, second)
	}
}

func FuzzAMessageThatMakesNoSenseIsRefused(f *testing.F) {
	whole := book{}.encode(nil, []update{{Serial: 3, Frames: 9}})
	f.Add(whole)
	f.Add(whole[:40])
	f.Add([]byte{grown, 1, 1, 1, 1})
	f.Add(append(whole, grown, 0, 1, 1, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		known := book{}
		n, err := known.decode(b)
		if err == nil && n > 0 && len(known) == 0 || len(known) > n+1 {
			t.Errorf("%d updates, %d flows, %v", n, len(known), err)
		}
	})
}

func TestAHelperAnswersMessagesAndRefusesNonsense(t *testing.T) {
	defer goleak.VerifyNone(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	known, ended := book{}, make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			err = receive(conn, func(b []byte) error { _, err := known.decode(b); return err })
		}
		ended <- err
	}()
	c, err := dial("tcp", l.Addr().String(), true)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(3) {
		if err := c.send([]update{{Serial: 1, Frames: i}, {Serial: 2, Frames: 2 * i}}); err != nil {
			t.Fatal(err)
		}
	}
	if c.messages != 3 || c.bytes < 3*(messageHeader+8) {
		t.Errorf("%d messages, %d bytes", c.messages, c.bytes)
	}
	if _, err := c.conn.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}); err != nil { // a length below that of its header
		t.Fatal(err)
	}
	if err := <-ended; err != errMessage || known[2].Frames != 4 {
		t.Errorf("it ended with %v, and knows %v", err, known)
	}
	if _, err := c.conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection is still there: %v", err)
	}
	if err := c.send(nil); err == nil {
		t.Error("a message to nobody was answered")
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
}
