package link

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fcredirect/mgmt/peer/pki"
)

// dialPeer connects as a node does, up to the preface.
func dialPeer(t *testing.T, as *pki.Store, to *node, g Group) *tls.Conn {
	t.Helper()
	c := tls.Client(dialRaw(t, to.address()), as.Client(to.store.Node(), pki.PeerProtocol))
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	b := preface(g)
	if _, err := c.Write(b[:]); err != nil {
		t.Fatal(err)
	}
	return c
}

func serverOf(raw net.Conn, s *pki.Store) *tls.Conn {
	return tls.Server(raw, s.Server(func(string) error { return nil }, nil))
}

// clock is one that a test sets.
type clock struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

func (c *clock) set(off time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = off
}

func TestWhoeverIsNoPeerIsRefusedAndTheReasonIsTold(t *testing.T) {
	at := &clock{}
	stores := cluster(t, at.now, "fcr-m", "fcr-a", "fcr-b", "fcr-c", "fcr-z")
	m, a, revoked, unknown, above := stores[0], stores[1], stores[2], stores[3], stores[4]
	foreign := cluster(t, at.now, "fcr-m", "fcr-a")[1]
	if _, err := m.Revoke("fcr-b"); err != nil {
		t.Fatal(err)
	}
	listening := func(handshake time.Duration) *node {
		n := newNode(m, Peer{"fcr-a", "127.0.0.1:1"}, Peer{"fcr-b", "127.0.0.1:1"}, Peer{"fcr-z", "127.0.0.1:1"})
		n.options.Settings.Handshake, n.options.Settings.RefusalEvery = handshake, time.Nanosecond
		n.options.Settings.Reload = time.Hour // nothing is renewed while the clock is wrong
		n.run(t)
		return n
	}
	n, hasty := listening(10*time.Second), listening(200*time.Millisecond)
	as := func(s *pki.Store, change func(*tls.Config)) func(net.Conn) {
		return func(c net.Conn) {
			config := s.Client("fcr-m", pki.PeerProtocol)
			config.VerifyConnection = nil // it would find itself in the wrong place
			if change != nil {
				change(config)
			}
			x := tls.Client(c, config)
			_, _ = x.Write(append([]byte("fcrp\x01\x00\x00\x00"), frameOf(1)...))
			_, _ = io.ReadAll(x)
		}
	}
	say := func(s string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Write([]byte(s))
			_, _ = io.ReadAll(c)
		}
	}
	for _, x := range []struct {
		name   string
		reason pki.Reason
		node   string
		off    time.Duration
		do     func(net.Conn)
	}{
		{"plain HTTP", NotTLS, "", 0, say("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
		{"frames without TLS", NotTLS, "", 0, say(string(frameOf(1)))},
		{"garbage", NotTLS, "", 0, say("\xff\x00\xde\xad\xbe\xef 0123456789")},
		{"garbage that begins as TLS does", BadHandshake, "", 0, say("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")},
		{"a record that is too long", NotTLS, "", 0, say("\x16\x03\x01\xff\xff\x01\x00\x00\x01\x00")},
		{"nothing at all", SlowHandshake, "", 0, say("")},
		{"half a handshake", SlowHandshake, "", 0, say("\x16\x03\x01\x02\x00\x01\x00")},
		{"TLS 1.2", OldTLS, "", 0, as(a, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 })},
		{"no certificate", pki.NoCertificate, "", 0, as(a, func(c *tls.Config) { c.Certificates = nil })},
		{"a certificate of another authority", pki.ForeignCA, "", 0, as(foreign, nil)},
		{"an expired certificate", pki.Expired, "fcr-a", 366 * 24 * time.Hour, as(a, nil)},
		{"one that is not valid yet", pki.NotYetValid, "fcr-a", -48 * time.Hour, as(a, nil)},
		{"a revoked certificate", pki.Revoked, "fcr-b", 0, as(revoked, nil)},
		{"a node that is not configured", pki.UnknownNode, "fcr-c", 0, as(unknown, nil)},
		{"this node's own name", pki.OwnName, "fcr-m", 0, as(m, nil)},
		{"a node that this one dials", WrongDirection, "fcr-z", 0, as(above, nil)},
		{"no protocol", pki.WrongProtocol, "", 0, as(a, func(c *tls.Config) { c.NextProtos = nil })},
		{"another protocol", pki.WrongProtocol, "", 0, as(a, func(c *tls.Config) { c.NextProtos = []string{"h2"} })},
		{"a join and a peer at once", pki.NoCertificate, "", 0, as(a, func(c *tls.Config) {
			c.NextProtos, c.Certificates = []string{pki.JoinProtocol, pki.PeerProtocol}, nil
		})},
		{"a join without an invitation", BadKnock, "", 0, as(a, func(c *tls.Config) { c.NextProtos = []string{pki.JoinProtocol} })},
	} {
		t.Run(x.name, func(t *testing.T) {
			at.set(x.off)
			defer at.set(0)
			n := n
			if x.reason == SlowHandshake {
				n = hasty
			}
			c := dialRaw(t, n.address())
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			x.do(c)
			got := n.told(t, Refused)
			if got.Reason != x.reason || got.Peer != x.node || got.Address == "" || got.Text == "" || (x.node != "") != (got.Fingerprint != "") && x.reason != pki.ForeignCA {
				t.Errorf("%+v", got)
			}
		})
	}
	if len(n.sessions) != 0 {
		t.Errorf("%d of them got in", len(n.sessions))
	}
	for name, x := range map[string]struct{ off time.Duration }{"right": {0}, "an hour behind": {-time.Hour}, "an hour ahead": {time.Hour}} {
		at.set(x.off)
		c := dialPeer(t, a, n, Urgent)
		if s := n.session(t); s.peer != "fcr-a" || s.group != Urgent {
			t.Errorf("%s: %+v", name, s)
		}
		c.Close()
	}
	if text := n.log.text(); strings.Contains(text, "PRIVATE") || !strings.Contains(text, "reason=foreign_ca") {
		t.Errorf("the log says %s", text)
	}
}

// A certificate is no secret: who has this node's own without its key does not raise the alarm that is for those who have it.
func TestACertificateWithoutItsKeyProvesNothing(t *testing.T) {
	stores := cluster(t, nil, "fcr-m", "fcr-a")
	n := newNode(stores[0], Peer{"fcr-a", "127.0.0.1:1"})
	n.options.Settings.RefusalEvery = time.Nanosecond
	n.run(t)
	for _, of := range stores {
		config := stores[1].Client("fcr-m", pki.PeerProtocol)
		shown := of.Client("x", "x").Certificates[0]
		shown.PrivateKey = cluster(t, nil, "fcr-x")[0].Client("x", "x").Certificates[0].PrivateKey
		config.Certificates = []tls.Certificate{shown}
		c := tls.Client(dialRaw(t, n.address()), config)
		_, _ = c.Write([]byte("fcrp\x01\x00\x00\x00"))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("it is answered")
		}
		if got := n.told(t, Refused); got.Reason != BadHandshake || got.Peer != "" {
			t.Errorf("%+v", got)
		}
	}
	if len(n.sessions) != 0 {
		t.Error("it got in")
	}
}

func TestAPrefaceThatIsNoneIsRefused(t *testing.T) {
	for _, b := range []string{"fcrp\x01\x02\x00\x00", "fcrp\x02\x00\x00\x00", "fcrp\x01\x00\x00\x01", "GET / HT"} {
		if g, err := parsePreface([prefaceSize]byte([]byte(b))); err == nil {
			t.Errorf("%q is for %v", b, g)
		}
	}
	stores := cluster(t, nil, "fcr-m", "fcr-a")
	n := newNode(stores[0], Peer{"fcr-a", "127.0.0.1:1"})
	n.run(t)
	c := tls.Client(dialRaw(t, n.address()), stores[1].Client("fcr-m", pki.PeerProtocol))
	if _, err := c.Write([]byte("fcrp\x01\x07\x00\x00")); err != nil {
		t.Fatal(err)
	}
	if got := n.told(t, Refused); got.Reason != BadHandshake || got.Peer != "fcr-a" {
		t.Errorf("%+v", got)
	}
}

func TestWhoAnswersInTheNameOfAPeerIsRefused(t *testing.T) {
	stores := cluster(t, nil, "fcr-a", "fcr-b", "fcr-c")
	foreign := cluster(t, nil, "fcr-x", "fcr-b")[1]
	only12 := stores[1].Server(func(string) error { return nil }, nil)
	only12.MinVersion, only12.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	gone := stores[1].Server(func(string) error { return io.ErrClosedPipe }, nil)
	for name, x := range map[string]struct {
		reason pki.Reason
		serve  func(net.Conn)
	}{
		"another node":             {pki.WrongName, func(c net.Conn) { _ = serverOf(c, stores[2]).Handshake() }},
		"this node itself":         {pki.WrongName, func(c net.Conn) { _ = serverOf(c, stores[0]).Handshake() }},
		"one of another authority": {pki.ForeignCA, func(c net.Conn) { _ = serverOf(c, foreign).Handshake() }},
		"plain":                    {NotTLS, func(c net.Conn) { _, _ = c.Write([]byte("220 hello, this is mail\r\n")) }},
		"TLS 1.2":                  {RefusedThere, func(c net.Conn) { _ = tls.Server(c, only12).Handshake() }},
		"one that refuses this one": {RefusedThere, func(c net.Conn) {
			_ = tls.Server(c, gone).Handshake()
			time.Sleep(20 * time.Millisecond) // so that the alert arrives before the end of the connection
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			all.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_ = c.SetDeadline(time.Now().Add(5 * time.Second))
					x.serve(c)
					c.Close()
				}
			})
			t.Cleanup(func() { l.Close(); all.Wait() })
			a := newNode(stores[0], Peer{"fcr-b", l.Addr().String()})
			a.first = nil
			stop := a.run(t)
			defer stop()
			for got := a.told(t, Refused); got.Reason != x.reason; got = a.told(t, Refused) {
				if x.reason != RefusedThere {
					t.Errorf("%+v", got)
				}
			}
			until(t, "why is shown", func() bool { s := a.Status()[0]; return !s.Connected && s.Error != "" && s.Attempts > 0 })
			for len(a.notices) > 0 {
				if n := <-a.notices; n.Kind == Connected {
					t.Error("it is said to be connected")
				}
			}
		})
	}
}

// Many who say nothing keep no peer out, though they come from its own address.
func TestThoseWhoSayNothingKeepNobodyOut(t *testing.T) {
	stores := cluster(t, nil, "fcr-m", "fcr-a")
	n := newNode(stores[0], Peer{"fcr-a", "127.0.0.1:1"})
	n.run(t)
	for range 25 {
		dialRaw(t, n.address())
	}
	c := dialPeer(t, stores[1], n, Urgent)
	defer c.Close()
	if s := n.session(t); s.peer != "fcr-a" {
		t.Errorf("%+v", s)
	}
	for range 30 { // and too many at once are told as such
		dialRaw(t, n.address())
	}
	for n.told(t, Refused).Reason != TooMany {
	}
}

// conn is one of an address, for the gate.
type conn struct {
	net.Conn
	from   string
	closed bool
}

func (c *conn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}
func (c *conn) Close() error { c.closed = true; return nil }

func TestTheGateMakesRoomAtTheCostOfWhoTakesLongest(t *testing.T) {
	g, at := newGate(), time.Now()
	var all []*conn
	enter := func(from string) *visitor {
		c := &conn{from: from}
		all = append(all, c)
		return g.admit(c, at)
	}
	for i := range maxPendingPerAddress + 1 {
		if v := enter("10.0.0.1:1"); v == nil || all[0].closed != (i == maxPendingPerAddress) {
			t.Fatalf("%d of one address: %v", i+1, v)
		}
	}
	for i := range maxPending {
		if enter("10.1.0."+string(rune('0'+i%10))+":1") == nil {
			t.Fatalf("%d of others", i)
		}
	}
	open := 0
	for _, c := range all {
		if !c.closed {
			open++
		}
	}
	if open != maxPending || g.waiting.Len() != maxPending {
		t.Errorf("%d are open, %d wait", open, g.waiting.Len())
	}
	refused := 0
	for range 300 {
		if enter("10.0.0.1:1") == nil {
			refused++
		}
	}
	if refused < 300-addressBurst {
		t.Errorf("of 300 of one address %d are refused", refused)
	}
	if a, b := addressOf((&conn{from: "[2001:db8::1]:1"}).RemoteAddr()), addressOf((&conn{from: "[2001:db8::ffff:2]:1"}).RemoteAddr()); a != b {
		t.Errorf("%v and %v are two", a, b)
	}
}

func TestStrangersAreSlowedDownTogetherAndAPeersAddressIsNot(t *testing.T) {
	g, at := newGate(), time.Now()
	friend := g.admit(&conn{from: "192.0.2.1:1"}, at)
	g.befriend(friend)
	g.release(friend)
	in := 0
	for i := range 3 * maxAddresses {
		c := &conn{from: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1).String()}
		if v := g.admit(c, at); v != nil {
			in++
			g.release(v)
		}
	}
	if in != strangerBurst-1 { // the friend was one too
		t.Errorf("%d strangers came in at once", in)
	}
	if len(g.houses) > maxAddresses {
		t.Errorf("%d addresses are remembered", len(g.houses))
	}
	if v := g.admit(&conn{from: "192.0.2.1:2"}, at); v == nil {
		t.Error("the peer is kept out")
	} else {
		g.release(v)
	}
	later := at.Add(time.Minute)
	if v := g.admit(&conn{from: "198.51.100.1:1"}, later); v == nil || v.home == nil || g.houses[v.from].rate == g.others {
		t.Error("old addresses are not forgotten")
	}
}

func TestTheSameRefusalIsToldOnceAMinuteAndCounted(t *testing.T) {
	b, at := newBook(time.Minute), time.Now()
	if n, tell := b.note("10.0.0.1", NotTLS, at); n != 1 || !tell {
		t.Errorf("first: %d %v", n, tell)
	}
	for range 999 {
		if _, tell := b.note("10.0.0.1", NotTLS, at.Add(59*time.Second)); tell {
			t.Fatal("told again")
		}
	}
	if n, tell := b.note("10.0.0.1", OldTLS, at); n != 1 || !tell {
		t.Errorf("another reason: %d %v", n, tell)
	}
	if n, tell := b.note("10.0.0.1", NotTLS, at.Add(time.Minute)); n != 1000 || !tell {
		t.Errorf("a minute later: %d %v", n, tell)
	}
	for i := range 3 * maxRefusals {
		b.note(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}).String(), NotTLS, at.Add(time.Minute))
	}
	if len(b.seen) > maxRefusals+1 {
		t.Errorf("%d are remembered", len(b.seen))
	}
	if got := shorten("a\nb\x1b[31m" + strings.Repeat("x", 1000)); len(got) != 300 || strings.ContainsAny(got, "\n\x1b") {
		t.Errorf("%q", got)
	}
}

func TestARevocationEndsTheConnectionThatStandsAndSpreads(t *testing.T) {
	stores := cluster(t, nil, "fcr-a", "fcr-b", "fcr-c")
	c := newNode(stores[2], Peer{"fcr-a", "127.0.0.1:1"}, Peer{"fcr-b", "127.0.0.1:1"})
	c.run(t)
	a := newNode(stores[0], Peer{"fcr-b", "127.0.0.1:1"}, Peer{"fcr-c", c.address()})
	a.run(t)
	b := dialPeer(t, stores[1], c, Urgent)
	if _, err := b.Write(frameOf(1)); err != nil {
		t.Fatal(err)
	}
	var ofB *script
	for ofB == nil || ofB.peer != "fcr-b" {
		ofB = c.session(t)
	}
	within(t, ofB.heard, "frame")
	if _, err := stores[0].Revoke("fcr-b"); err != nil {
		t.Fatal(err)
	}
	nudge(a.changed) // it would see the file within seconds
	within(t, ofB.ended, "end")
	if n := c.told(t, Ended); n.Peer != "fcr-b" || !strings.Contains(n.Text, "revoked") {
		t.Errorf("%+v", n)
	}
	a.told(t, Revocations)
	until(t, "the other peer stays", func() bool { return c.Status()[Urgent].Connected && c.Status()[Bulk].Connected })
	for len(c.notices) > 0 {
		if n := <-c.notices; n.Kind == Ended && n.Peer == "fcr-a" {
			t.Errorf("another peer went too: %+v", n)
		}
	}
}

// Who was away when something was revoked hears of it when he is back.
func TestAPeerThatComesBackGetsTheListThatItMissed(t *testing.T) {
	stores := cluster(t, nil, "fcr-a", "fcr-b", "fcr-c")
	if _, err := stores[0].Revoke("fcr-c"); err != nil {
		t.Fatal(err)
	}
	b := newNode(stores[1], Peer{"fcr-a", "127.0.0.1:1"})
	b.run(t)
	a := newNode(stores[0], Peer{"fcr-b", b.address()})
	a.options.Settings.Reload = 10 * time.Millisecond
	a.options.Settings.CareEvery = 1000 * time.Hour
	gone := make(chan struct{})
	a.options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		select {
		case <-gone:
			return (&net.Dialer{}).DialContext(ctx, network, address)
		default:
			return nil, errScripted
		}
	}
	a.run(t)
	until(t, "the first round has failed", func() bool { return a.Status()[0].Attempts > 10 })
	close(gone)
	b.told(t, Revocations)
	if len(stores[1].List()) == 0 {
		t.Error("it has no list")
	}
}

func TestACertificateIsRenewedOverTheConnectionOfItsNode(t *testing.T) {
	at := &clock{}
	stores := cluster(t, at.now, "fcr-a", "fcr-b")
	a := newNode(stores[0], Peer{"fcr-b", "127.0.0.1:1"})
	a.run(t)
	b := newNode(stores[1], Peer{"fcr-a", a.address()})
	b.run(t)
	before := stores[1].Identity().Fingerprint
	at.set(300 * 24 * time.Hour)
	nudge(b.news)
	if n := b.told(t, Renewed); n.Fingerprint == before || n.Fingerprint != stores[1].Identity().Fingerprint {
		t.Errorf("%+v", n)
	}
	for n := a.told(t, Renewed); n.Peer != "fcr-b"; n = a.told(t, Renewed) {
	}
}

// An invitation is answered by the port of peers, and its code is nowhere in the log.
func TestANodeJoinsByThePortOfPeers(t *testing.T) {
	stores := cluster(t, nil, "fcr-a")
	a := newNode(stores[0])
	a.run(t)
	in, err := stores[0].Invite("fcr-b", a.address())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	o := pki.JoinOptions{Dir: filepath.Join(t.TempDir(), "peer"), Node: "fcr-b", Code: in.Code}
	b, err := pki.Join(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if n := a.told(t, Joined); n.Peer != "fcr-b" || n.Fingerprint != b.Identity().Fingerprint {
		t.Errorf("%+v", n)
	}
	o.Dir = filepath.Join(t.TempDir(), "peer")
	if _, err := pki.Join(ctx, o); err == nil {
		t.Error("twice")
	}
	if n := a.told(t, Refused); n.Reason != BadKnock {
		t.Errorf("%+v", n)
	}
	if text := a.log.text(); strings.Contains(text, in.Code) || strings.Contains(text, in.Code[5:30]) {
		t.Error("the log has the code")
	}
}
