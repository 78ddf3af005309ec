package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/mgmt/peer/pki"
)

func TestTwoNodesKeepAConnectionOfEachGroupAndFramesCrossInOrder(t *testing.T) {
	stores := cluster(t, nil, "fcr-a", "fcr-b")
	b := newNode(stores[1], Peer{"fcr-a", "127.0.0.1:1"})
	b.run(t)
	a := newNode(stores[0], Peer{"fcr-b", b.address()})
	stop := a.run(t)
	ends := map[Group][2]*script{}
	for range NumGroups {
		x := a.session(t)
		ends[x.group] = [2]*script{x, nil}
	}
	for range NumGroups {
		x := b.session(t)
		ends[x.group] = [2]*script{ends[x.group][0], x}
	}
	for g := range NumGroups {
		x, y := ends[g][0], ends[g][1]
		if x == nil || y == nil || x.peer != "fcr-b" || y.peer != "fcr-a" {
			t.Fatalf("%v: %+v %+v", g, x, y)
		}
		for i := range uint32(50) {
			x.queue(a.Link, frameOf(i+1))
			y.queue(b.Link, frameOf(i+1), frameOf(i+1))
		}
		for i := range uint32(51) {
			if got := within(t, y.heard, "frame"); !bytes.Equal(got, frameOf(i)) {
				t.Fatalf("%v: frame %d is % x", g, i, got)
			}
		}
		for i := range 101 {
			if got := within(t, x.heard, "frame"); !bytes.Equal(got, frameOf(uint32(i+1)/2)) {
				t.Fatalf("%v: frame %d is % x", g, i, got)
			}
		}
	}
	for _, s := range slices.Concat(a.Status(), b.Status()) {
		if !s.Connected || s.Error != "" || s.Dials != (s.Peer == "fcr-b") || len(s.Fingerprint) != 95 || s.NotAfter.IsZero() {
			t.Errorf("%+v", s)
		}
	}
	a.told(t, Connected)
	stop()
	for g := range NumGroups {
		within(t, ends[g][0].ended, "end")
		within(t, ends[g][1].ended, "end")
	}
	if n := b.told(t, Ended); n.Peer != "fcr-a" || !strings.Contains(n.Text, "has ended the connection") {
		t.Errorf("%+v", n)
	}
}

func TestWhatEndsAConnectionIsSaidAndTheNextOneComes(t *testing.T) {
	stores := cluster(t, nil, "fcr-a", "fcr-b")
	b := newNode(stores[1], Peer{"fcr-a", "127.0.0.1:1"})
	b.run(t)
	a := newNode(stores[0], Peer{"fcr-b", b.address()})
	a.run(t)
	current := func() (x, y *script) {
		for x == nil || x.group != Urgent {
			x = a.session(t)
		}
		for y == nil || y.group != Urgent {
			y = b.session(t)
		}
		within(t, x.heard, "first frame")
		within(t, y.heard, "first frame")
		return x, y
	}
	x, y := current()
	y.mu.Lock()
	y.refuse = errScripted
	y.mu.Unlock()
	x.queue(a.Link, frameOf(1)) // y's answer is a last frame
	if got := within(t, x.heard, "last frame"); !bytes.Equal(got, frameOf(255)) {
		t.Errorf("the last frame is % x", got)
	}
	within(t, x.ended, "end")
	within(t, y.ended, "end")
	x, y = current()
	x.mu.Lock()
	x.err = errScripted
	x.mu.Unlock()
	x.queue(a.Link, frameOf(254))
	if got := within(t, y.heard, "last frame"); !bytes.Equal(got, frameOf(254)) {
		t.Errorf("the last frame is % x", got)
	}
	within(t, y.ended, "end")
	x, _ = current()
	x.queue(a.Link, frameOf(1)[:20]) // what the session gives is no frame: it does not leave
	within(t, x.ended, "end")
	current()
	text := a.log.text()
	if !strings.Contains(text, "scripted") || !strings.Contains(text, "does not say so") {
		t.Errorf("the log says %s", text)
	}
}

func TestANewConnectionTakesThePlaceOfTheOldOne(t *testing.T) {
	stores := cluster(t, nil, "fcr-a", "fcr-b")
	b := newNode(stores[1], Peer{"fcr-a", "127.0.0.1:1"})
	b.run(t)
	first, second := dialPeer(t, stores[0], b, Bulk), (*script)(nil)
	old := b.session(t)
	if _, err := first.Write(frameOf(7)); err != nil {
		t.Fatal(err)
	}
	within(t, old.heard, "frame")
	dialPeer(t, stores[0], b, Bulk)
	second = b.session(t)
	within(t, old.ended, "end")
	if n := b.told(t, Ended); !strings.Contains(n.Text, "took its place") {
		t.Errorf("%+v", n)
	}
	if s := b.Status()[Bulk]; !s.Connected || s.Address == first.LocalAddr().String() {
		t.Errorf("%+v", s)
	}
	select {
	case <-second.ended:
		t.Error("the new one ended too")
	default:
	}
}

// A peer that accepts and never reads is given up, and the connection to another one does not notice.
func TestAPeerThatNeverReadsIsGivenUpAndOthersDoNotNotice(t *testing.T) {
	stores := cluster(t, nil, "fcr-a", "fcr-b", "fcr-c")
	c := newNode(stores[2], Peer{"fcr-a", "127.0.0.1:1"}, Peer{"fcr-b", "127.0.0.1:1"})
	c.run(t)
	stuck := newNode(stores[1])
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go holdOpen(listener, stuck.store)
	a := newNode(stores[0], Peer{"fcr-b", listener.Addr().String()}, Peer{"fcr-c", c.address()})
	a.options.Settings.Stall = 200 * time.Millisecond
	big := make([]byte, 100_000)
	copy(big, frameOf(0))
	big[0], big[1], big[2], big[3] = 0xa0, 0x86, 1, 0
	a.always = nil
	a.options.Connect = func(_ int64, peer string, g Group) (Session, error) {
		s := &script{peer: peer, group: g, heard: make(chan []byte, 1000), ended: make(chan struct{}), say: [][]byte{frameOf(0)}}
		if peer == "fcr-b" {
			s.always = big
		}
		a.sessions <- s
		return s, nil
	}
	a.run(t)
	var toB, toC *script
	for toB == nil || toC == nil {
		switch s := a.session(t); {
		case s.peer == "fcr-b" && s.group == Urgent && toB == nil:
			toB = s
		case s.peer == "fcr-c" && s.group == Urgent:
			toC = s
		}
	}
	from := c.session(t)
	if from.group != Urgent {
		from = c.session(t)
	}
	within(t, toB.ended, "end of the stuck one")
	toC.queue(a.Link, frameOf(9))
	within(t, from.heard, "first frame")
	if got := within(t, from.heard, "frame"); !bytes.Equal(got, frameOf(9)) {
		t.Errorf("% x", got)
	}
	until(t, "why is shown", func() bool { return strings.Contains(a.Status()[0].Error, "has read nothing for 200ms") })
}

// holdOpen shakes hands and does nothing more.
func holdOpen(l net.Listener, s *pki.Store) {
	var all []net.Conn
	for {
		raw, err := l.Accept()
		if err != nil {
			for _, c := range all {
				c.Close()
			}
			return
		}
		c := serverOf(raw, s)
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_ = c.Handshake()
		all = append(all, raw)
	}
}

// Attempts come at first after 50 to 100 ms, then twice as late each time up to 5 to 10 s, and no two nodes keep in step.
func TestAttemptsAreFartherAndFartherApartAndNeverInStep(t *testing.T) {
	store := cluster(t, nil, "fcr-a")[0]
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		attempts := map[string][]time.Time{}
		o := Options{
			Store: store, Now: now, Peers: []Peer{{"fcr-b", "b:1"}, {"fcr-c", "c:1"}}, Connect: func(int64, string, Group) (Session, error) { return nil, errScripted },
			Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				attempts[address] = append(attempts[address], time.Now())
				return nil, errScripted
			},
		}
		o.Settings = Defaults()
		o.Settings.RetryMax, o.Settings.CareEvery = 10*time.Second, 1000*time.Hour
		l, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if err := l.Run(ctx, nil); err != nil {
			t.Fatal(err)
		}
		total := 0
		for address, all := range attempts {
			total += len(all)
			if gap := all[len(all)-1].Sub(all[len(all)-4]); gap < 5*time.Second {
				t.Errorf("%s: the last attempts are %v apart", address, gap)
			}
		}
		if total < 4*(7+10) || total > 4*(7+25) {
			t.Errorf("%d attempts in two minutes", total)
		}
		if s := l.Status()[0]; s.Connected || s.Attempts < 10 || !strings.Contains(s.Error, "scripted") || s.NextAttempt.IsZero() {
			t.Errorf("%+v", s)
		}
	})
	var waits [2][12]time.Duration
	for i := range waits {
		b := backOff{min: 100 * time.Millisecond, max: 10 * time.Second}
		for j := range waits[i] {
			waits[i][j] = b.next()
			most := min(100*time.Millisecond<<j, 10*time.Second)
			if waits[i][j] < most/2 || waits[i][j] > most {
				t.Errorf("wait %d is %v, want %v to %v", j, waits[i][j], most/2, most)
			}
		}
	}
	if waits[0] == waits[1] {
		t.Error("two nodes keep in step")
	}
}

// A peer that answers nothing, for the network is cut, is tried so often that the end of the cut is seen within a second or so.
func TestAnAttemptThatGetsNoAnswerIsGivenUpSoonAndTheNextFollowsAtOnce(t *testing.T) {
	store := cluster(t, nil, "fcr-a")[0]
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		o := Options{
			Store: store, Now: now, Peers: []Peer{{"fcr-b", "b:1"}}, Connect: func(int64, string, Group) (Session, error) { return nil, errScripted },
			Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				attempts.Add(1)
				<-ctx.Done()
				return nil, ctx.Err()
			},
		}
		o.Settings = Defaults()
		o.Settings.CareEvery, o.Settings.Reload = 1000*time.Hour, time.Hour
		l, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := l.Run(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if n := attempts.Load(); n < 2*54 || n > 2*60 {
			t.Errorf("%d attempts for two groups in a minute", n)
		}
	})
}

func TestFramesAreCutAsTheyWereSentHoweverTheyCome(t *testing.T) {
	var stream []byte
	var sent [][]byte
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		f := frameOf(uint32(i))
		n := len(f) + random.IntN(1<<random.IntN(18))
		f = append(f, make([]byte, n-len(f))...)
		f[0], f[1], f[2], f[3] = byte(n), byte(n>>8), byte(n>>16), 0
		sent = append(sent, f)
		stream = append(stream, f...)
	}
	there, here := loopback(t)
	go func() {
		defer there.Close()
		for len(stream) > 0 {
			n := min(len(stream), 1+random.IntN(50_000))
			if _, err := there.Write(stream[:n]); err != nil {
				return
			}
			stream = stream[n:]
		}
	}()
	s := Defaults()
	r := newFrameReader(here, &s)
	for i, want := range sent {
		got, err := r.next()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("frame %d: %d bytes, want %d: %v", i, len(got), len(want), err)
		}
	}
	if _, err := r.next(); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("the end: %v", err)
	}
}

// loopback is a connection, both ends.
func loopback(t *testing.T) (there, here net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	here = dialRaw(t, l.Addr().String())
	if there, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return there, here
}

func TestFramesThatCannotBeEndTheConnection(t *testing.T) {
	whole := frameOf(1)
	for name, x := range map[string]struct {
		bytes []byte
		want  string
	}{
		"longer than any":    {[]byte{0xff, 0xff, 0xff, 0xff}, "out of bounds"},
		"longer than agreed": {[]byte{0x01, 0x00, 0x01, 0x00}, "at most 65536"},
		"shorter than any":   {[]byte{3, 0, 0, 0}, "out of bounds"},
		"cut in its length":  {whole[:3], "unexpected EOF"},
		"cut":                {whole[:len(whole)-1], "unexpected EOF"},
	} {
		there, here := loopback(t)
		_, _ = there.Write(x.bytes)
		there.Close()
		s := Defaults()
		s.FrameBytes = 1 << 16
		r := newFrameReader(here, &s)
		if _, err := r.next(); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", name, err)
		}
		here.Close()
	}
}

// Bytes that drip do not keep a connection: a frame has to be whole in time, and one has to come.
func TestAConnectionThatDripsOrIsSilentEnds(t *testing.T) {
	for name, x := range map[string]struct {
		drip time.Duration
		want string
	}{"drips": {2 * time.Second, "a frame was not whole after 10s"}, "silent": {0, "nothing came for 15s"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				there, here := net.Pipe()
				var dripping sync.WaitGroup
				defer dripping.Wait()
				dripping.Go(func() {
					for _, b := range frameOf(1) {
						if x.drip == 0 {
							return
						}
						if _, err := there.Write([]byte{b}); err != nil {
							return
						}
						time.Sleep(x.drip)
					}
				})
				s := Defaults()
				s.Silence = 15 * time.Second
				began := time.Now()
				r := newFrameReader(here, &s)
				_, err := r.next()
				if err == nil || err.Error() != x.want {
					t.Errorf("%v", err)
				}
				if took := time.Since(began); took > 16*time.Second {
					t.Errorf("after %v", took)
				}
				here.Close()
				there.Close()
			})
		})
	}
}

func TestOptionsThatCannotBeAreRefused(t *testing.T) {
	stores := cluster(t, nil, "fcr-a")
	good := newNode(stores[0], Peer{"fcr-b", "b:1"}).options
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no store": func(o *Options) { o.Store = nil }, "no clock": func(o *Options) { o.Now = nil }, "no engine": func(o *Options) { o.Connect = nil },
		"itself": func(o *Options) { o.Peers = []Peer{{"fcr-a", "a:1"}} }, "one twice": func(o *Options) { o.Peers = append(o.Peers, o.Peers[0]) },
		"no time": func(o *Options) { o.Settings.Stall = 0 }, "retries that shrink": func(o *Options) { o.Settings.RetryMax = 1 },
		"too many": func(o *Options) {
			for i := range 16 {
				o.Peers = append(o.Peers, Peer{fmt.Sprint("n", i), "n:1"})
			}
		},
	} {
		o := good
		o.Peers = slices.Clone(o.Peers)
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if errors.Is(errStopped, errReplaced) {
		t.Error("two reasons are one")
	}
}

// bytesConn is a connection over which just these bytes come.
type bytesConn struct {
	net.Conn
	*bytes.Reader
}

func (bytesConn) SetReadDeadline(time.Time) error { return nil }
func (c bytesConn) Read(b []byte) (int, error)    { return c.Reader.Read(b) }

// Whatever comes, it is cut into frames that say how long they are, or the connection ends.
func FuzzFrames(f *testing.F) {
	f.Add(slices.Concat(frameOf(1), frameOf(2)))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add(frameOf(1)[:7])
	f.Fuzz(func(t *testing.T, b []byte) {
		s := Defaults()
		s.FrameBytes = 1 << 12
		r := newFrameReader(bytesConn{Reader: bytes.NewReader(b)}, &s)
		for at := 0; ; {
			frame, err := r.next()
			if err != nil {
				return
			}
			if len(frame) > s.FrameBytes || !bytes.Equal(frame, b[at:at+len(frame)]) {
				t.Fatalf("at %d: %d bytes", at, len(frame))
			}
			at += len(frame)
		}
	})
}

// sink is a session that takes everything and says nothing.
type sink struct{ came atomic.Int64 }

func (s *sink) Receive(int64, []byte) error              { s.came.Add(1); return nil }
func (s *sink) Next(now int64, _ []byte) ([]byte, int64) { return nil, now + int64(time.Second) }
func (s *sink) Err() error                               { return nil }
func (s *sink) Close(int64)                              {}

// BenchmarkFrames sends frames of 64 KiB over connections of the loopback, encrypted, and reads them.
func BenchmarkFrames(b *testing.B) {
	stores := cluster(b, nil, "fcr-a", "fcr-b")
	big := append(frameOf(1), make([]byte, 64<<10-len(frameOf(1)))...)
	big[0], big[1], big[2], big[3] = 0, 0, 1, 0
	all := &sink{}
	to := newNode(stores[1], Peer{"fcr-a", "127.0.0.1:1"})
	to.options.Connect = func(_ int64, _ string, g Group) (Session, error) {
		if g == Bulk {
			return nil, errScripted
		}
		return all, nil
	}
	to.run(b)
	from := newNode(stores[0], Peer{"fcr-b", to.address()})
	from.first, from.always = nil, big
	from.run(b)
	until(b, "frames come", func() bool { return all.came.Load() > 0 })
	b.SetBytes(int64(len(big)))
	began, n := all.came.Load(), int64(0)
	for b.Loop() {
		for n++; all.came.Load()-began < n; {
			runtime.Gosched()
		}
	}
}
