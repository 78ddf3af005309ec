package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/peer/pki"
)

// keepDialling keeps a connection to a peer, until ctx ends.
func (l *Link) keepDialling(ctx context.Context, p Peer, g Group) {
	at := place{p.Name, g}
	wait := backOff{min: l.o.Settings.RetryMin, max: l.o.Settings.RetryMax}
	for ctx.Err() == nil {
		began := time.Now()
		l.attempted(at, func(a *attempt) { a.at, a.next = began, time.Time{} })
		err := l.dial(ctx, p, g)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= settled {
			wait.last = 0
		}
		// What an attempt took counts: one that waited for an answer in vain has waited.
		d := max(wait.next()-time.Since(began), (&backOff{min: wait.min, max: wait.min}).next())
		l.attempted(at, func(a *attempt) { a.count, a.err, a.next = a.count+1, shorten(err.Error()), time.Now().Add(d) })
		sleep(ctx, d)
	}
}

// backOff doubles up to a bound. A random half of it keeps nodes that lost each other at the same moment from meeting
// again and again.
type backOff struct{ min, max, last time.Duration }

func (b *backOff) next() time.Duration {
	b.last = min(max(2*b.last, b.min), b.max)
	return b.last/2 + rand.N(b.last/2+1)
}

// dial makes a connection and carries it until it ends. There is always a reason why it did.
func (l *Link) dial(ctx context.Context, p Peer, g Group) error {
	c, err := l.call(ctx, p)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(l.o.Settings.Handshake)); err != nil {
		return fmt.Errorf("connect to %s: %w", p.Address, err)
	}
	b := preface(g)
	if _, err := c.Write(b[:]); err != nil {
		return fmt.Errorf("connect to %s: %w", p.Address, err)
	}
	return l.carry(ctx, c, place{p.Name, g})
}

// call connects and shakes hands.
func (l *Link) call(ctx context.Context, p Peer) (*tls.Conn, error) {
	dial := l.o.Dial
	if dial == nil {
		dial = (&net.Dialer{KeepAliveConfig: l.keepAlive()}).DialContext
	}
	soon, cancel := context.WithTimeout(ctx, l.o.Settings.Connect)
	raw, err := dial(soon, "tcp", p.Address)
	cancel()
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", p.Address, err)
	}
	l.tune(raw)
	ctx, cancel = context.WithTimeout(ctx, l.o.Settings.Handshake)
	defer cancel()
	c := tls.Client(raw, l.o.Store.Client(p.Name, pki.PeerProtocol))
	if err := c.HandshakeContext(ctx); err != nil {
		raw.Close()
		if reason, refusal := reasonOf(err, nil); reason != "" && reason != SlowHandshake && !errors.Is(err, context.Canceled) {
			l.refuse(raw.RemoteAddr(), reason, refusal, err)
		}
		return nil, fmt.Errorf("connect to %s: %w", p.Address, err)
	}
	return c, nil
}

func (l *Link) keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: l.o.Settings.KeepAlive, Interval: l.o.Settings.KeepAlive, Count: 3}
}

// tune makes the kernel give up a connection as soon as we do, whose other end takes nothing any more. Frames leave at
// once: Go sets TCP_NODELAY.
func (l *Link) tune(c net.Conn) {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // without it the deadlines of writes do the same, a little later
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(l.o.Settings.Stall.Milliseconds()))
	})
}
