package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Relay is a link from its address to a target.
type Relay struct {
	listener net.Listener
	dial     func(context.Context) (net.Conn, error)
	to, from *transmitter // towards the target, and back
	ctx      context.Context
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	refuse bool
	open   map[*crossing]struct{}
	stats  Stats
}

// Stats is what the relay has seen.
type Stats struct {
	Connections int // accepted
	Refused     int // closed at once, by wish or because the target could not be reached
	Open        int
	To, From    Direction
}

// crossing is one connection and its other half.
type crossing struct{ near, far net.Conn }

func (c *crossing) close() {
	c.near.Close()
	c.far.Close()
}

// reset ends both halves as a broken link does.
func (c *crossing) reset() {
	for _, conn := range []net.Conn{c.near, c.far} {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // the connection may be gone
		}
		conn.Close()
	}
}

// Listen opens a socket for a relay, with the small receive buffer that makes its queue what it says. It belongs to the
// network namespace of the calling thread.
func Listen(address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{Control: small}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	return l, nil
}

func small(_, _ string, raw syscall.RawConn) (err error) {
	return errors.Join(err, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, socketBytes)
	}))
}

// To connects to an address, with buffers as Listen has them.
func To(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: dialTimeout, Control: small}).DialContext(ctx, "tcp", address)
	}
}

// New starts a relay that owns the listener. Equal seeds draw equal delays and losses.
func New(l net.Listener, dial func(context.Context) (net.Conn, error), seed uint64) *Relay {
	r := &Relay{listener: l, dial: dial, to: newTransmitter(seed, 1), from: newTransmitter(seed, 2), open: map[*crossing]struct{}{}}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.running.Go(r.accept)
	return r
}

// Addr is where it listens.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Shape changes both directions, at once and for all connections.
func (r *Relay) Shape(to, from Shape) {
	r.to.set(to)
	r.from.set(from)
}

// Refuse makes it close every newcomer at once, or take them again.
func (r *Relay) Refuse(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = yes
}

// Cut resets all connections, and says how many.
func (r *Relay) Cut() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		c.reset()
	}
	return len(r.open)
}

// Stats is what it has seen so far.
func (r *Relay) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Open, s.To, s.From = len(r.open), r.to.counted(), r.from.counted()
	return s
}

// Close ends it with all its connections.
func (r *Relay) Close() error {
	r.stop()
	err := r.listener.Close()
	r.mu.Lock()
	for c := range r.open {
		c.close()
	}
	r.mu.Unlock()
	r.running.Wait()
	return err
}

func (r *Relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return // it is closed
		}
		r.running.Go(func() { r.serve(near) })
	}
}

func (r *Relay) serve(near net.Conn) {
	r.mu.Lock()
	refuse := r.refuse
	r.stats.Connections++
	r.mu.Unlock()
	var far net.Conn
	err := errors.New("refused")
	if !refuse {
		far, err = r.dial(r.ctx)
	}
	r.mu.Lock()
	if err != nil || r.ctx.Err() != nil {
		r.stats.Refused++
		r.mu.Unlock()
		near.Close()
		if far != nil {
			far.Close()
		}
		return
	}
	c := &crossing{near, far}
	r.open[c] = struct{}{}
	r.mu.Unlock()
	var halves sync.WaitGroup
	halves.Go(func() { r.pipe(c, near, far, r.to) })
	halves.Go(func() { r.pipe(c, far, near, r.from) })
	halves.Wait()
	c.close()
	r.mu.Lock()
	delete(r.open, c)
	r.mu.Unlock()
}

// parcel is a chunk on its way; the last one has none.
type parcel struct {
	chunk []byte
	at    time.Time
}

// pipe carries one direction of one connection until it ends. Whatever goes wrong ends both directions, but an orderly
// end of one is handed on and leaves the other.
func (r *Relay) pipe(c *crossing, src, dst net.Conn, t *transmitter) {
	way := make(chan parcel, chunksInFlight)
	var writer sync.WaitGroup
	writer.Go(func() {
		if !r.deliver(dst, t, way) {
			c.close()
			for range way { // until the reader has seen it
			}
		}
	})
	r.fetch(src, t, way)
	close(way)
	writer.Wait()
}

// fetch reads and says when each chunk arrives.
func (r *Relay) fetch(src net.Conn, t *transmitter, way chan<- parcel) {
	segments := segmentsOf(src)
	last := time.Now()
	for r.passes(t) && r.pause(t.full(time.Now())) {
		chunk := make([]byte, chunkBytes)
		n, err := src.Read(chunk)
		if n > 0 {
			chunk = chunk[:n]
			at := t.take(time.Now(), chunk, segments(n))
			if at.Before(last) {
				at = last
			}
			last = at
			way <- parcel{chunk, at}
		}
		if err != nil {
			way <- parcel{at: last}
			return
		}
	}
}

// deliver writes each chunk when it is due; false when the connection is lost.
func (r *Relay) deliver(dst net.Conn, t *transmitter, way <-chan parcel) bool {
	for p := range way {
		if !r.pause(time.Until(p.at)-early) || !r.passes(t) {
			return false
		}
		if p.chunk == nil {
			tcp, ok := dst.(*net.TCPConn)
			return ok && tcp.CloseWrite() == nil
		}
		if _, err := dst.Write(p.chunk); err != nil {
			return false
		}
	}
	return false
}

// passes waits while the direction is stopped; false when the relay ends.
func (r *Relay) passes(t *transmitter) bool {
	for {
		s, changed := t.now()
		if !s.Stop {
			return r.ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-r.ctx.Done():
			return false
		}
	}
}

// pause waits; false when the relay ends.
func (r *Relay) pause(d time.Duration) bool {
	if d <= 0 {
		return r.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// segmentsOf tells in how many packets what was read came. Where the kernel does not say, as few as it could be.
func segmentsOf(conn net.Conn) func(n int) int {
	var raw syscall.RawConn
	if tcp, ok := conn.(*net.TCPConn); ok {
		raw, _ = tcp.SyscallConn()
	}
	var before uint32
	return func(n int) int {
		least := (n + segmentBytes - 1) / segmentBytes
		if raw == nil {
			return least
		}
		var info *unix.TCPInfo
		err := raw.Control(func(fd uintptr) { info, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
		if err != nil || info == nil {
			return least
		}
		came := int(info.Data_segs_in - before)
		before = info.Data_segs_in
		return max(least, came)
	}
}
