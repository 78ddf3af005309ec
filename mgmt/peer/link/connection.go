package link

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"fcredirect/mgmt/peer/pki"
	"fcredirect/mgmt/peer/wire"
)

// connection is one that stands: its other end has proved who it is.
type connection struct {
	link    *Link
	at      place
	tls     *tls.Conn
	leaf    *x509.Certificate // of the peer
	session Session
	since   time.Time
	wake    chan struct{}
	last    chan struct{} // closed when the writer is to come to its end

	heard bool // a frame came; the reader's, until it has ended

	once sync.Once
	why  error // set before last is closed
}

// carry runs a connection until it ends, and says why it did.
func (l *Link) carry(ctx context.Context, t *tls.Conn, at place) error {
	c := &connection{
		link: l, at: at, tls: t, leaf: t.ConnectionState().PeerCertificates[0], since: time.Now(),
		wake: make(chan struct{}, 1), last: make(chan struct{}),
	}
	if err := l.take(c); err != nil {
		l.log.Warn("a connection of a peer was not taken", "node", at.peer, "group", at.group.String(), "error", shorten(err.Error()))
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.end(errStopped) })
	defer stop()
	var reader sync.WaitGroup
	reader.Go(func() { c.end(c.read()) })
	c.end(c.write())
	t.NetConn().Close() // ends the reader; a close of TLS would wait for a peer that reads nothing
	reader.Wait()
	c.session.Close(l.o.Now())
	l.leave(c)
	if c.heard {
		why := shorten(c.why.Error())
		l.log.Info("a connection to a peer ended", "node", at.peer, "group", at.group.String(), "address", t.RemoteAddr().String(), "why", why)
		l.notify(Notice{Kind: Ended, Peer: at.peer, Group: at.group, Address: t.RemoteAddr().String(), Text: why})
	}
	return c.why
}

// begun tells that a connection stands: a frame came. Until then it is not known whether the other end has accepted this
// node's certificate, for in TLS 1.3 it answers later.
func (c *connection) begun() {
	c.heard = true
	c.link.back.Store(true)
	address, print := c.tls.RemoteAddr().String(), pki.Fingerprint(c.leaf)
	c.link.log.Info("connected to a peer", "node", c.at.peer, "group", c.at.group.String(), "address", address, "fingerprint", print)
	c.link.attempted(c.at, func(a *attempt) { a.count, a.err = 0, "" })
	c.link.notify(Notice{Kind: Connected, Peer: c.at.peer, Group: c.at.group, Address: address, Fingerprint: print})
}

// take puts a connection in its place, and ends the one that was there: its other end has given it up, or is another
// machine with the same certificate, which the engine finds out.
func (l *Link) take(c *connection) error {
	l.entering.Lock()
	defer l.entering.Unlock()
	l.mu.Lock()
	old, closed := l.conns[c.at], l.closed
	l.mu.Unlock()
	if closed {
		return errStopped
	}
	if old != nil {
		old.end(errReplaced)
	}
	s, err := l.o.Connect(l.o.Now(), c.at.peer, c.at.group)
	if err != nil {
		return fmt.Errorf("connect %s of node %s: %w", c.at.group, c.at.peer, err)
	}
	c.session = s
	l.sessions.Store(s, c)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c.at] = c
	if l.closed { // closeAll did not see it
		c.end(errStopped)
	}
	return nil
}

// leave gives its place back.
func (l *Link) leave(c *connection) {
	l.sessions.Delete(c.session)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns[c.at] == c {
		delete(l.conns, c.at)
	}
	if a := l.calls[c.at]; a == nil {
		l.calls[c.at] = &attempt{err: shorten(c.why.Error())}
	} else {
		a.err = shorten(c.why.Error())
	}
}

// end says that a connection is to come to its end, and why; the first reason counts. It does not wait.
func (c *connection) end(why error) {
	c.once.Do(func() {
		c.why = why
		close(c.last)
		_ = c.tls.SetWriteDeadline(time.Now().Add(farewell)) // the writer may be stuck
	})
}

// read takes frames until something is wrong.
func (c *connection) read() error {
	r := newFrameReader(c.tls, &c.link.o.Settings)
	for {
		frame, err := r.next()
		if err != nil {
			return c.ended(err)
		}
		if err := c.session.Receive(c.link.o.Now(), frame); err != nil {
			return fmt.Errorf("what the peer sent: %w", err)
		}
		if !c.heard {
			c.begun()
		}
	}
}

// ended says in words why nothing can be read any more.
func (c *connection) ended(err error) error {
	if reason, _ := reasonOf(err, nil); reason == RefusedThere && !c.heard {
		err = fmt.Errorf("the peer does not accept this node's certificate, its log says why: %w", err)
		c.link.refuse(c.tls.RemoteAddr(), RefusedThere, nil, err)
		return err
	}
	switch {
	case errors.Is(err, io.EOF) && !c.heard:
		return errors.New("the peer has ended the connection without a word: its log says why")
	case errors.Is(err, io.EOF):
		return errors.New("the peer has ended the connection")
	}
	return err
}

// frameReader cuts a stream into frames.
type frameReader struct {
	in   *bufio.Reader
	conn net.Conn
	s    *Settings
	buf  []byte
}

func newFrameReader(c net.Conn, s *Settings) *frameReader {
	return &frameReader{in: bufio.NewReaderSize(c, bufferSize), conn: c, s: s}
}

// next reads a whole frame, which is valid until it is called again. It may begin within Silence, and once begun has
// Frame until its end: bytes that drip do not keep a connection alive.
func (r *frameReader) next() ([]byte, error) {
	if err := r.within(r.s.Silence); err != nil {
		return nil, err
	}
	if _, err := r.in.Peek(1); err != nil {
		return nil, timely(err, "nothing came for %v", r.s.Silence)
	}
	if err := r.within(r.s.Frame); err != nil {
		return nil, err
	}
	head, err := r.in.Peek(4)
	if err != nil {
		return nil, timely(short(err), "a frame was not whole after %v", r.s.Frame)
	}
	n, err := wire.Length(head)
	if err != nil {
		return nil, err
	}
	if n > r.s.FrameBytes {
		return nil, fmt.Errorf("a frame of %d bytes, at most %d", n, r.s.FrameBytes)
	}
	for r.buf = r.buf[:0]; len(r.buf) < n; {
		at := len(r.buf)
		step := min(n-at, max(at, bufferSize)) // memory for twice what has come, whatever the length says
		r.buf = append(r.buf, make([]byte, step)...)
		if _, err := io.ReadFull(r.in, r.buf[at:]); err != nil {
			return nil, timely(short(err), "a frame was not whole after %v", r.s.Frame)
		}
	}
	return r.buf, nil
}

func (r *frameReader) within(d time.Duration) error {
	if err := r.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

// short makes the end within a frame an error of its own: it is not the end of a connection in good order.
func short(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// timely says in words what a deadline meant.
func timely(err error, format string, d time.Duration) error {
	var n net.Error
	if errors.As(err, &n) && n.Timeout() {
		return fmt.Errorf(format, d)
	}
	return err
}

// write sends what the session has to say, until the connection is to end; then what it has to say at last.
func (c *connection) write() error {
	var buf []byte
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-c.last:
			return c.farewell(buf)
		default:
		}
		if err := c.session.Err(); err != nil {
			c.end(err)
			return c.farewell(buf)
		}
		now := c.link.o.Now()
		frame, wake := c.session.Next(now, buf[:0])
		if len(frame) > 0 {
			if err := c.send(frame, c.link.o.Settings.Stall); err != nil {
				return err
			}
			if cap(frame) <= wire.MaxFrame {
				buf = frame
			}
			continue
		}
		timer.Reset(min(max(time.Duration(wake-now), minWait), maxWait))
		select {
		case <-c.last:
		case <-c.wake:
		case <-timer.C:
		}
	}
}

// minWait keeps a session that wants to be asked at once, and then has nothing, from taking a processor for itself.
// maxWait is for one that does not know.
const (
	minWait = 50 * time.Microsecond
	maxWait = time.Minute
)

func (c *connection) send(frame []byte, most time.Duration) error {
	if len(frame) > c.link.o.Settings.FrameBytes || len(frame) < wire.Overhead || int(binary.LittleEndian.Uint32(frame)) != len(frame) {
		return fmt.Errorf("a frame to send is %d bytes long and does not say so, or is too long", len(frame))
	}
	if err := c.tls.SetWriteDeadline(time.Now().Add(most)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if _, err := c.tls.Write(frame); err != nil {
		return timely(fmt.Errorf("write: %w", err), "the peer has read nothing for %v", most)
	}
	return nil
}

// farewell sends one frame more, if the session has one, so that the peer knows why; but does not wait long.
func (c *connection) farewell(buf []byte) error {
	if frame, _ := c.session.Next(c.link.o.Now(), buf[:0]); len(frame) > 0 {
		if err := c.send(frame, farewell); err != nil {
			return err
		}
	}
	if err := c.tls.SetWriteDeadline(time.Now().Add(farewell)); err == nil {
		_ = c.tls.CloseWrite() // the peer knows that this is the end; if it does not hear it, it sees the connection go
	}
	return c.why
}
