package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// between gives the two ends of a connection through a relay.
func between(t *testing.T) (r *Relay, near, far net.Conn) {
	t.Helper()
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r = New(l, To(target.Addr().String()), 1)
	if near, err = net.Dial("tcp", r.Addr()); err != nil {
		t.Fatal(err)
	}
	if far, err = target.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
		if err := errors.Join(r.Close(), target.Close()); err != nil {
			t.Error(err)
		}
	})
	return r, near, far
}

// patience is how long tests wait for what comes at once on a machine that has time for it.
const patience = 30 * time.Second

// crosses sends a message and gives how long it took; an error when it does not come within the limit.
func crosses(t *testing.T, from, to net.Conn, message []byte, limit time.Duration) (time.Duration, error) {
	t.Helper()
	begun := time.Now()
	go from.Write(message)
	if err := to.SetReadDeadline(begun.Add(limit)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(message))
	if _, err := io.ReadFull(to, got); err != nil {
		return 0, err
	}
	if !bytes.Equal(got, message) {
		return 0, errors.New("it is another")
	}
	return time.Since(begun), nil
}

func TestWhatGoesInComesOutInBothDirectionsAndIsCounted(t *testing.T) {
	r, near, far := between(t)
	message := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		if _, err := crosses(t, way[0], way[1], message, patience); err != nil {
			t.Fatal(err)
		}
	}
	s := r.Stats()
	if s.Connections != 1 || s.Open != 1 || s.To.Bytes != uint64(len(message)) || s.From.Bytes != s.To.Bytes || s.To.Packets < uint64(len(message)/segmentBytes) {
		t.Errorf("%+v", s)
	}
}

func TestTheEndOfOneDirectionLeavesTheOther(t *testing.T) {
	_, near, far := between(t)
	if err := near.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := far.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("%d, %v", n, err)
	}
	if _, err := crosses(t, far, near, []byte("still here"), patience); err != nil {
		t.Fatal(err)
	}
}

func TestTheRateCountsThePacketsOfSmallMessages(t *testing.T) {
	r, near, far := between(t)
	const rate, messages, size = 8e6, 1000, 96
	r.Shape(Shape{Rate: rate}, Shape{})
	begun := time.Now()
	var arrived atomic.Int32
	go func() {
		for i := range int32(messages) {
			for i-arrived.Load() >= 8 { // more would go in fewer packets when the relay gets no CPU
				runtime.Gosched()
			}
			if _, err := near.Write(make([]byte, size)); err != nil {
				return
			}
		}
	}()
	defer arrived.Store(messages)
	if err := far.SetReadDeadline(begun.Add(patience)); err != nil {
		t.Fatal(err)
	}
	for range messages {
		if _, err := io.ReadFull(far, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		arrived.Add(1)
	}
	took, d := time.Since(begun), r.Stats().To
	least := time.Duration(8*float64(d.Bytes+d.Packets*Overhead)/rate*float64(time.Second)) - early - time.Millisecond
	if took < least || d.Packets < messages/10 {
		t.Errorf("%d bytes in %d packets took %v, want %v at least", d.Bytes, d.Packets, took, least)
	}
}

func TestARateThatIsSetBeforeTheFirstConnectionLetsItThrough(t *testing.T) {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := New(l, To(target.Addr().String()), 1)
	defer r.Close()
	r.Shape(Shape{Rate: 60e6}, Shape{Rate: 60e6})
	near, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := target.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		if _, err := crosses(t, way[0], way[1], []byte("hello"), patience); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDelayAndLossMakeItLate(t *testing.T) {
	for name, shape := range map[string]Shape{
		"delay": {Delay: 80 * time.Millisecond},
		"loss":  {Loss: 1, Resend: 80 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			r, near, far := between(t)
			r.Shape(shape, Shape{})
			if took, err := crosses(t, near, far, []byte("late"), patience); err != nil || took < 79*time.Millisecond {
				t.Errorf("%v, %v", took, err)
			}
		})
	}
}

func TestOrderIsKeptWhateverTheJitter(t *testing.T) {
	r, near, far := between(t)
	r.Shape(Shape{Jitter: 5 * time.Millisecond, Loss: 0.1, Resend: 10 * time.Millisecond}, Shape{})
	message := make([]byte, 20*chunkBytes)
	for i := range message {
		message[i] = byte(i / 64)
	}
	if _, err := crosses(t, near, far, message, patience); err != nil {
		t.Fatal(err)
	}
}

func TestAStoppedDirectionIsSilentAndTheOtherIsNot(t *testing.T) {
	r, near, far := between(t)
	r.Shape(Shape{Stop: true}, Shape{})
	if _, err := crosses(t, far, near, []byte("back"), patience); err != nil {
		t.Fatal(err)
	}
	if _, err := crosses(t, near, far, []byte("there"), 50*time.Millisecond); err == nil {
		t.Fatal("it crossed")
	}
	r.Shape(Shape{}, Shape{})
	if err := far.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(far, make([]byte, len("there"))); err != nil {
		t.Fatalf("after healing: %v", err)
	}
}

func TestACutIsSeenByBothEndsAndRefusedIsRefused(t *testing.T) {
	r, near, far := between(t)
	r.Refuse(true)
	n := r.Cut()
	for end := time.Now().Add(patience); n == 0 && time.Now().Before(end); n = r.Cut() { // the relay may not have noted it yet
		time.Sleep(time.Millisecond)
	}
	if n != 1 {
		t.Fatalf("%d cut", n)
	}
	for _, c := range []net.Conn{near, far} {
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		var late net.Error
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.As(err, &late) && late.Timeout() {
			t.Fatalf("not cut: %v", err)
		}
	}
	again, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Read(make([]byte, 1)); err == nil {
		t.Fatal("taken")
	}
	if s := r.Stats(); s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

func TestCorruptionTurnsOneBit(t *testing.T) {
	r, near, far := between(t)
	r.Shape(Shape{Corrupt: 1}, Shape{})
	if _, err := near.Write([]byte{0, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(far, got); err != nil {
		t.Fatal(err)
	}
	bits := 0
	for _, b := range got {
		for ; b != 0; b &= b - 1 {
			bits++
		}
	}
	if bits != 1 {
		t.Errorf("%x", got)
	}
}

func TestATargetThatIsNotThereIsARefusal(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := New(l, func(context.Context) (net.Conn, error) { return nil, errors.New("nobody") }, 1)
	defer r.Close()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatal("taken")
	}
}
