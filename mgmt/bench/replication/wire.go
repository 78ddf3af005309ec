package replication

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/bench/relay"
	"fcredirect/mgmt/peer/wire"
)

// tally is what a run cost on its connections.
type tally struct {
	messages, answers   uint64 // from the node whose changes they are, and back
	bytes, backBytes    uint64 // as the sockets have them: with TLS, without the headers of TCP and IP
	packets, backPacket uint64
	stages              wire.Stages
}

func (t *tally) add(o tally) {
	t.bytes, t.backBytes = t.bytes+o.bytes, t.backBytes+o.backBytes
	t.packets, t.backPacket = t.packets+o.packets, t.backPacket+o.backPacket
}

func (t tally) minus(o tally) tally {
	s, p := t.stages, o.stages
	return tally{
		t.messages - o.messages, t.answers - o.answers, t.bytes - o.bytes, t.backBytes - o.backBytes, t.packets - o.packets, t.backPacket - o.backPacket,
		wire.Stages{
			Updates: s.Updates - p.Updates, Raw: s.Raw - p.Raw, Latest: s.Latest - p.Latest, Columns: s.Columns - p.Columns, Zstd: s.Zstd - p.Zstd,
			Frames: s.Frames - p.Frames,
		},
	}
}

// counted is the sender's end of a connection.
type counted struct {
	*net.TCPConn
	sent, received atomic.Uint64
	out, in        atomic.Uint64 // packets, when it was last asked
}

func (c *counted) Write(b []byte) (int, error) {
	c.sent.Add(uint64(len(b))) // before anybody can see it
	n, err := c.TCPConn.Write(b)
	if n < len(b) {
		c.sent.Add(-uint64(len(b) - n))
	}
	return n, err
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	c.received.Add(uint64(n))
	return n, err
}

// segment is the most that a packet on Ethernet carries. Loopback makes larger ones, which are counted as several.
const segment = 1448

// tally counts bytes by itself and asks the kernel for packets. Of a closed connection it is what it was before.
func (c *counted) tally() tally {
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
				c.out.Store(uint64(info.Segs_out))
				c.in.Store(uint64(info.Segs_in))
			}
		})
	}
	t := tally{bytes: c.sent.Load(), backBytes: c.received.Load()}
	t.packets, t.backPacket = max(c.out.Load(), (t.bytes+segment-1)/segment), max(c.in.Load(), (t.backBytes+segment-1)/segment)
	return t
}

// line is the way from one node to the other: straight, or through a relay.
type line struct {
	listener net.Listener
	relay    *relay.Relay
	address  string // where to dial
}

// openLine makes a line with a rate, in bits a second; 0: straight.
func openLine(rate float64) (*line, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	way := &line{listener: l, address: l.Addr().String()}
	if rate > 0 {
		near, err := relay.Listen("127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		way.relay = relay.New(near, relay.To(way.address), 1)
		way.relay.Shape(relay.Shape{Rate: rate}, relay.Shape{Rate: rate})
		way.address = way.relay.Addr()
	}
	return way, nil
}

func (l *line) dial(ctx context.Context) (*counted, error) {
	conn, err := (&net.Dialer{Timeout: ioLimit}).DialContext(ctx, "tcp", l.address)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return &counted{TCPConn: conn.(*net.TCPConn)}, nil
}

func (l *line) close() error {
	err := l.listener.Close()
	if errors.Is(err, net.ErrClosed) { // who listened has closed it
		err = nil
	}
	if l.relay != nil {
		err = errors.Join(err, l.relay.Close())
	}
	return err
}
