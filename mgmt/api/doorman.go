package api

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// doorman is a listener that lets in so many connections, and so many from one address. Where there is no room, the one
// that has waited longest without a request under way has to go: ten thousand that say nothing keep nobody out, not even
// somebody from the same address. Only when all are at work is the newcomer turned away.
type doorman struct {
	net.Listener
	most, perAddress int

	mu      sync.Mutex
	guests  map[net.Conn]*guest
	waiting list.List // of *guest, the longest waiting first
	houses  map[netip.Addr]*house
}

// guest is a connection.
type guest struct {
	net.Conn
	door  *doorman
	from  netip.Addr
	place *list.Element // among all that wait; nil while a request is under way
	home  *list.Element // the same, among those of its address
	gone  bool
}

// house is an address.
type house struct {
	guests  int
	waiting list.List
}

func newDoorman(l net.Listener, most, perAddress int) *doorman {
	return &doorman{Listener: l, most: most, perAddress: perAddress, guests: map[net.Conn]*guest{}, houses: map[netip.Addr]*house{}}
}

// Accept lets the next one in for whom there is room.
func (d *doorman) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g, evicted := d.admit(c)
		if evicted != nil {
			evicted.Conn.Close()
		}
		if g != nil {
			return g, nil
		}
		c.Close()
	}
}

// admit makes room, if that is needed and can be.
func (d *doorman) admit(c net.Conn) (g, evicted *guest) {
	g = &guest{Conn: c, door: d, from: addressOf(c)}
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.houses[g.from]
	if h != nil && h.guests >= d.perAddress {
		if evicted = oldest(&h.waiting); evicted == nil {
			return nil, nil
		}
	} else if len(d.guests) >= d.most {
		if evicted = oldest(&d.waiting); evicted == nil {
			return nil, nil
		}
	}
	if evicted != nil {
		d.leave(evicted)
	}
	if h = d.houses[g.from]; h == nil {
		h = &house{}
		d.houses[g.from] = h
	}
	h.guests++
	d.guests[g] = g
	d.wait(g)
	return g, evicted
}

func oldest(l *list.List) *guest {
	if e := l.Front(); e != nil {
		return e.Value.(*guest)
	}
	return nil
}

// wait puts a guest behind all that wait.
func (d *doorman) wait(g *guest) {
	d.work(g)
	g.place, g.home = d.waiting.PushBack(g), d.houses[g.from].waiting.PushBack(g)
}

// work takes it from there.
func (d *doorman) work(g *guest) {
	if g.place != nil {
		d.waiting.Remove(g.place)
		d.houses[g.from].waiting.Remove(g.home)
		g.place, g.home = nil, nil
	}
}

// leave forgets a guest.
func (d *doorman) leave(g *guest) {
	if g.gone {
		return
	}
	g.gone = true
	d.work(g)
	delete(d.guests, g)
	h := d.houses[g.from]
	if h.guests--; h.guests == 0 {
		delete(d.houses, g.from)
	}
}

// state is told by the server what a connection does.
func (d *doorman) state(c net.Conn, s http.ConnState) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	g, ok := c.(*guest)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case g.gone:
	case s == http.StateActive:
		d.work(g)
	case s == http.StateIdle:
		d.wait(g)
	}
}

// Close ends the connection. It is the server's only way to give one back: also one that was hijacked ends here.
func (g *guest) Close() error {
	g.door.mu.Lock()
	g.door.leave(g)
	g.door.mu.Unlock()
	return g.Conn.Close()
}

// dismiss ends the connections of all that wait, and lets nobody else in.
func (d *doorman) dismiss() {
	d.mu.Lock()
	d.most = 0
	var all []*guest
	for g := oldest(&d.waiting); g != nil; g = oldest(&d.waiting) {
		d.leave(g)
		all = append(all, g)
	}
	d.mu.Unlock()
	for _, g := range all {
		g.Conn.Close()
	}
}

// addressOf is the address at the other end; all of the unix socket's share the zero one. Of IPv6, /64 is one house.
func addressOf(c net.Conn) netip.Addr {
	t, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	a := t.AddrPort().Addr().Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
