package bench

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A message is its length (4 bytes), a number (8), and updates; its answer is the number.
const messageHeader = 12

// client is a connection to a helper that keeps updates and answers. It belongs to one goroutine.
type client struct {
	conn     net.Conn
	buf      []byte
	number   uint64
	known    book // nil: every update is sent whole
	messages uint64
	bytes    uint64 // sent and received, as the program has them: without the headers of TCP and IP
}

func dial(network, address string, deltas bool) (*client, error) {
	conn, err := net.DialTimeout(network, address, operationTimeout)
	if err != nil {
		return nil, fmt.Errorf("bench: helper at %s: %w", address, err)
	}
	c := &client{conn: conn}
	if deltas {
		c.known = book{}
	}
	return c, nil
}

// send sends updates in one message and waits for the answer.
func (c *client) send(updates []update) error {
	c.number++
	c.buf = binary.LittleEndian.AppendUint64(append(c.buf[:0], 0, 0, 0, 0), c.number)
	if c.known != nil {
		c.buf = c.known.encode(c.buf, updates)
	} else {
		for i := range updates {
			c.buf = updates[i].append(append(c.buf, whole))
		}
	}
	binary.LittleEndian.PutUint32(c.buf, uint32(len(c.buf)))
	if err := c.conn.SetDeadline(time.Now().Add(operationTimeout)); err != nil {
		return fmt.Errorf("bench: helper: %w", err)
	}
	if _, err := c.conn.Write(c.buf); err != nil {
		return fmt.Errorf("bench: helper: %w", err)
	}
	var answer [8]byte
	if _, err := io.ReadFull(c.conn, answer[:]); err != nil {
		return fmt.Errorf("bench: helper: %w", err)
	}
	if got := binary.LittleEndian.Uint64(answer[:]); got != c.number {
		return fmt.Errorf("bench: helper: answer %d to message %d", got, c.number)
	}
	c.messages++
	c.bytes += uint64(len(c.buf) + len(answer))
	return nil
}

func (c *client) close() error { return c.conn.Close() }

// receive serves one connection of a helper until it ends.
func receive(conn net.Conn, keep func(b []byte) error) error {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 1<<16)
	var head [messageHeader]byte
	var body []byte
	for {
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		n := binary.LittleEndian.Uint32(head[:])
		if n < messageHeader || n > messageMax {
			return errMessage
		}
		if n -= messageHeader; int(n) > cap(body) {
			body = make([]byte, n)
		}
		body = body[:n]
		if _, err := io.ReadFull(in, body); err != nil {
			return err
		}
		if err := keep(body); err != nil {
			return err
		}
		if _, err := conn.Write(head[4:]); err != nil {
			return err
		}
	}
}
