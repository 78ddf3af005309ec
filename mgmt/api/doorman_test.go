package api

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// visitor is a connection from an address.
type visitor struct {
	net.Conn
	from   net.Addr
	closed bool
}

func (v *visitor) RemoteAddr() net.Addr { return v.from }
func (v *visitor) Close() error         { v.closed = true; return nil }

// queue is a listener with connections that have come.
type queue struct{ conns []net.Conn }

func (q *queue) Accept() (net.Conn, error) {
	if len(q.conns) == 0 {
		return nil, io.EOF
	}
	c := q.conns[0]
	q.conns = q.conns[1:]
	return c, nil
}
func (q *queue) Close() error   { return nil }
func (q *queue) Addr() net.Addr { return &net.TCPAddr{} }

// from is an address of house h, and room r in it.
func from(h, r byte) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, h, 15: r}), 1000))
}

// TestNobodyIsKeptOutByThoseWhoWait: whatever connections do, there are never more than may be, of all and of an address; a
// newcomer is turned away only when all in his way are at work; and who is at work is never put out.
func TestNobodyIsKeptOutByThoseWhoWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := &queue{}
		d := newDoorman(q, 6, 3)
		at := map[*guest]bool{} // those that are in; true: at work
		house := func(g *guest) (all, busy int) {
			for other, works := range at {
				if other.from == g.from {
					all++
					if works {
						busy++
					}
				}
			}
			return all, busy
		}
		pick := func() *guest {
			var all []*guest
			for e := range d.guests {
				all = append(all, e.(*guest))
			}
			if len(all) == 0 {
				return nil
			}
			return all[rapid.IntRange(0, len(all)-1).Draw(t, "who")]
		}
		t.Repeat(map[string]func(*rapid.T){
			"comes": func(t *rapid.T) {
				v := &visitor{from: from(rapid.ByteRange(1, 3).Draw(t, "house"), rapid.Byte().Draw(t, "room"))}
				busy := 0
				for _, works := range at {
					if works {
						busy++
					}
				}
				q.conns = append(q.conns, v)
				c, err := d.Accept()
				for g := range at {
					if g.Conn.(*visitor).closed {
						if at[g] {
							t.Fatal("one at work was put out")
						}
						delete(at, g)
					}
				}
				if err != nil { // turned away
					if !v.closed {
						t.Fatal("neither in nor out")
					}
					if _, mine := house(&guest{from: addressOf(v)}); busy < 6 && mine < 3 {
						t.Fatalf("turned away, with %d at work, %d of them from there", busy, mine)
					}
					return
				}
				at[c.(*guest)] = false
			},
			"works": func(t *rapid.T) {
				if g := pick(); g != nil {
					d.state(g, http.StateActive)
					at[g] = true
				}
			},
			"waits": func(t *rapid.T) {
				if g := pick(); g != nil {
					d.state(g, http.StateIdle)
					at[g] = false
				}
			},
			"goes": func(t *rapid.T) {
				if g := pick(); g != nil {
					g.Close()
					g.Close() // a server does so twice
					delete(at, g)
				}
			},
			"": func(t *rapid.T) {
				waiting := 0
				for g, works := range at {
					if all, _ := house(g); all > 3 || d.houses[g.from].guests != all {
						t.Fatalf("%d of one house, %d counted", all, d.houses[g.from].guests)
					}
					if !works {
						waiting++
					}
				}
				if len(at) > 6 || len(d.guests) != len(at) || d.waiting.Len() != waiting {
					t.Fatalf("%d in, %d counted, %d of %d wait", len(at), len(d.guests), d.waiting.Len(), waiting)
				}
			},
		})
	})
}
