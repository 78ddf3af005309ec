package link

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// gate lets in connections that are nobody's yet: so many at a time, so many of one address, so often. Where there is no
// room the one that has taken longest goes, because a peer is through its handshake in milliseconds, and who means harm
// takes all the time there is.
type gate struct {
	strangers *rate.Limiter
	others    *rate.Limiter // of addresses that there is no room to remember

	mu      sync.Mutex
	waiting list.List // of *visitor, the longest first
	houses  map[netip.Addr]*house
	friends map[netip.Addr]bool // that peers came from
	swept   time.Time
}

// house is an address.
type house struct {
	rate    *rate.Limiter
	waiting list.List
}

// visitor is a connection that is nobody's yet.
type visitor struct {
	conn  net.Conn
	from  netip.Addr
	place *list.Element // among all
	home  *list.Element // among those of its address
}

func newGate() *gate {
	return &gate{
		strangers: rate.NewLimiter(strangerRate, strangerBurst), others: rate.NewLimiter(addressRate, addressBurst),
		houses: map[netip.Addr]*house{}, friends: map[netip.Addr]bool{},
	}
}

// admit takes a connection in, or not: then its address, or all strangers together, come too often. Whoever has to make
// room for it is closed.
func (g *gate) admit(c net.Conn, now time.Time) *visitor {
	v := &visitor{conn: c, from: addressOf(c.RemoteAddr())}
	g.mu.Lock()
	h := g.houses[v.from]
	if h == nil {
		h = g.build(v.from, now)
	}
	if !h.rate.AllowN(now, 1) || !g.friends[v.from] && !g.strangers.AllowN(now, 1) {
		g.forget(v.from, h)
		g.mu.Unlock()
		return nil
	}
	var out *visitor
	switch {
	case h.waiting.Len() >= maxPendingPerAddress:
		out = h.waiting.Front().Value.(*visitor)
	case g.waiting.Len() >= maxPending:
		out = g.waiting.Front().Value.(*visitor)
	}
	if out != nil {
		g.leave(out)
	}
	if g.houses[v.from] == nil { // the one that left was its last
		g.houses[v.from] = h
	}
	v.place, v.home = g.waiting.PushBack(v), h.waiting.PushBack(v)
	g.mu.Unlock()
	if out != nil {
		out.conn.Close()
	}
	return v
}

// build begins to remember an address. Where there is no room, one goes that has not come for as long as it takes to be
// owed nothing; if there is none such, the new one shares its rate with all others of its kind.
func (g *gate) build(a netip.Addr, now time.Time) *house {
	if len(g.houses) >= maxAddresses && now.Sub(g.swept) >= time.Second {
		g.swept = now
		for old, h := range g.houses {
			if h.waiting.Len() == 0 && h.rate.TokensAt(now) >= addressBurst {
				delete(g.houses, old)
			}
		}
	}
	h := &house{rate: g.others}
	if len(g.houses) < maxAddresses {
		h.rate = rate.NewLimiter(addressRate, addressBurst)
	}
	g.houses[a] = h
	return h
}

// leave forgets a visitor; the address stays for its rate, if it has one of its own.
func (g *gate) leave(v *visitor) {
	if v.place == nil {
		return
	}
	h := g.houses[v.from]
	g.waiting.Remove(v.place)
	h.waiting.Remove(v.home)
	v.place, v.home = nil, nil
	g.forget(v.from, h)
}

// forget lets go of an address that has no rate of its own, once nobody of it waits.
func (g *gate) forget(a netip.Addr, h *house) {
	if h.waiting.Len() == 0 && h.rate == g.others {
		delete(g.houses, a)
	}
}

// release is leave for those who were not put out: the connection is somebody's now, or ended.
func (g *gate) release(v *visitor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(v)
}

// befriend remembers that a peer came from an address.
func (g *gate) befriend(v *visitor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.friends) >= maxFriends {
		clear(g.friends)
	}
	g.friends[v.from] = true
}

// addressOf is the address at the other end. Of IPv6, a /64 is one.
func addressOf(a net.Addr) netip.Addr {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := t.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return ip
}
