package link

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"fcredirect/mgmt/peer/pki"
)

// preface is what the node that dials says first: what the connection is for. All that follows are frames.
const prefaceSize = 8

func preface(g Group) [prefaceSize]byte {
	return [prefaceSize]byte{'f', 'c', 'r', 'p', 1, byte(g)}
}

func parsePreface(b [prefaceSize]byte) (Group, error) {
	g := Group(b[5])
	if want := preface(g); g >= NumGroups || !bytes.Equal(b[:], want[:]) {
		return 0, fmt.Errorf("preface: % x is none", b)
	}
	return g, nil
}

// listen takes connections until ctx ends. The address may be taken for some time.
func (l *Link) listen(ctx context.Context, ready func()) {
	open := l.o.Listener
	if open == nil {
		config := net.ListenConfig{KeepAliveConfig: l.keepAlive()}
		open = func(ctx context.Context) (net.Listener, error) { return config.Listen(ctx, "tcp", l.o.Listen) }
	}
	for ctx.Err() == nil {
		in, err := open(ctx)
		if err == nil {
			address := in.Addr()
			l.address.Store(&address)
			l.log.Info("listens for peers", "address", address.String(), "fingerprint", l.o.Store.Identity().Fingerprint)
			ready()
			err = l.acceptAll(ctx, in)
			l.address.Store(nil)
		}
		if ctx.Err() != nil {
			return
		}
		l.log.Error("cannot listen for peers; tries again", "address", l.o.Listen, "error", err)
		sleep(ctx, listenAgain)
	}
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// acceptAll serves a listener.
func (l *Link) acceptAll(ctx context.Context, in net.Listener) error {
	var all sync.WaitGroup
	defer all.Wait()
	stop := context.AfterFunc(ctx, func() { in.Close() })
	defer stop()
	defer in.Close()
	for failures := 0; ; {
		c, err := in.Accept()
		if err != nil {
			if failures++; ctx.Err() != nil || errors.Is(err, net.ErrClosed) || failures > 100 {
				return fmt.Errorf("accept: %w", err)
			}
			sleep(ctx, 50*time.Millisecond) // no descriptor is free, for one
			continue
		}
		failures = 0
		v := l.gate.admit(c, time.Now())
		if v == nil {
			l.refuse(c.RemoteAddr(), TooMany, nil, errors.New("connections come too often"))
			c.Close()
			continue
		}
		all.Go(func() {
			defer c.Close()
			defer l.gate.release(v)
			l.receive(ctx, v)
		})
	}
}

// receive takes a connection from its first byte to what it is for.
func (l *Link) receive(ctx context.Context, v *visitor) {
	stop := context.AfterFunc(ctx, func() { v.conn.Close() })
	defer stop()
	l.tune(v.conn)
	var hello *tls.ClientHelloInfo
	config := l.o.Store.Server(l.mayCall, func(h *tls.ClientHelloInfo) { hello = h })
	c := tls.Server(v.conn, config)
	if err := c.SetDeadline(time.Now().Add(l.o.Settings.Handshake)); err != nil {
		return
	}
	if err := c.Handshake(); err != nil {
		if reason, refusal := reasonOf(err, hello); reason != "" && ctx.Err() == nil {
			l.refuse(v.conn.RemoteAddr(), reason, refusal, err)
		}
		return
	}
	state := c.ConnectionState()
	if state.NegotiatedProtocol == pki.JoinProtocol {
		l.serve(v, c, "")
		return
	}
	// Now the other end has proved that it has the key, and not before (see pki.Store.Server).
	node, err := l.o.Store.Verify(state.PeerCertificates)
	if err != nil {
		reason, refusal := reasonOf(err, hello)
		l.refuse(v.conn.RemoteAddr(), reason, refusal, err)
		return
	}
	if state.NegotiatedProtocol == pki.CareProtocol {
		l.serve(v, c, node)
		return
	}
	at, ok := l.greet(v, c, node)
	if !ok || !stop() {
		return
	}
	l.gate.befriend(v)
	l.gate.release(v)
	_ = l.carry(ctx, c, at) // it has told why it ended
}

// mayCall says whether a node of the cluster may connect to this one.
func (l *Link) mayCall(node string) error {
	if _, ok := l.peer(node); !ok {
		return fmt.Errorf("node %s is not among the peers of this node", node)
	}
	return nil
}

// serve answers those who join, and a peer that asks about certificates.
func (l *Link) serve(v *visitor, c *tls.Conn, node string) {
	if node != "" {
		if !l.careFor(node, 1) {
			return
		}
		defer l.careFor(node, -1)
	}
	done, err := l.o.Store.Serve(c)
	switch {
	case err != nil && done.Protocol == pki.JoinProtocol:
		l.refuse(v.conn.RemoteAddr(), BadKnock, nil, err)
	case err != nil:
		l.log.Warn("an exchange about certificates failed", "node", done.Node, "error", shorten(err.Error()))
	case done.Protocol == pki.JoinProtocol:
		l.log.Info("a node has joined", "node", done.Node, "fingerprint", done.Fingerprint)
		l.notify(Notice{Kind: Joined, Peer: done.Node, Address: v.conn.RemoteAddr().String(), Fingerprint: done.Fingerprint})
	case done.Fingerprint != "":
		l.log.Info("a node has another certificate", "node", done.Node, "fingerprint", done.Fingerprint)
		l.notify(Notice{Kind: Renewed, Peer: done.Node, Fingerprint: done.Fingerprint})
	}
	if done.List {
		nudge(l.changed)
	}
}

// careFor counts exchanges with a peer; it says whether there is room for one more.
func (l *Link) careFor(node string, by int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if by > 0 && l.care[node] >= maxCare {
		return false
	}
	l.care[node] += by
	return true
}

// greet finds out what a connection of a peer is for.
func (l *Link) greet(v *visitor, c *tls.Conn, node string) (at place, ok bool) {
	who := &pki.Refusal{Node: node, Fingerprint: pki.Fingerprint(c.ConnectionState().PeerCertificates[0])}
	if node > l.self {
		l.refuse(v.conn.RemoteAddr(), WrongDirection, who, errors.New("it is this node that dials that one"))
		return at, false
	}
	var b [prefaceSize]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		return at, false
	}
	g, err := parsePreface(b)
	if err != nil {
		l.refuse(v.conn.RemoteAddr(), BadHandshake, who, err)
		return at, false
	}
	return place{node, g}, true
}
