package flowindex

import (
	"math"
	"strings"

	"fcredirect/dataplane/flow"
)

// Position is where a page ended: the next one begins behind it. Flows that come before it by then are not shown any
// more, those that have come behind it are.
type Position struct {
	Value uint64   `json:"v"`
	Names []string `json:"n,omitempty"` // instead of Value, where that is made of the places of names
	Key   flow.Key `json:"k"`
}

// order is how flows are sorted: by a number each, made so that the list is in its ascending order, then by key.
type order struct {
	values     func(c *chunk, rows []uint16, out []uint64)
	descending bool
	names      *nameTable // the values are places of these names
	ends       func(c *chunk, i uint16) (first, second uint32)
}

// Orders are what a list may be sorted by; with - before it the greatest comes first. The first one is the usual one.
func Orders() []string {
	return []string{
		"id", "initiator", "target", "verdict", "state", "policy", "service", "frames", "bytes", "errors", "frame_rate", "byte_rate", "last_seen", "created",
	}
}

// orderOf makes an order ready for an image; nil when there is none of that name.
func (x *Index) orderOf(img *image, sort string) *order {
	name, descending := strings.CutPrefix(sort, "-")
	o := &order{descending: descending}
	switch name {
	case "initiator", "target":
		o.names = x.names.of(img)
		o.ends = func(c *chunk, i uint16) (uint32, uint32) { return c.initiator[i], c.target[i] }
		if name == "target" {
			o.ends = func(c *chunk, i uint16) (uint32, uint32) { return c.target[i], c.initiator[i] }
		}
		o.values = each(func(c *chunk, i uint16) uint64 {
			first, second := o.ends(c, i)
			return o.names.placeOf(first)<<32 | o.names.placeOf(second)
		})
	default:
		value := columns[name]
		if name == "" {
			value = columns["id"]
		}
		if value == nil {
			return nil
		}
		o.values = each(value)
	}
	return o
}

// columns are the orders by a number that stands in the row.
var columns = map[string]func(c *chunk, i uint16) uint64{
	"id":         func(c *chunk, i uint16) uint64 { return uint64(c.key[i]) },
	"verdict":    func(c *chunk, i uint16) uint64 { return uint64(c.action[i]) },
	"state":      func(c *chunk, i uint16) uint64 { return uint64(c.state[i]) },
	"policy":     func(c *chunk, i uint16) uint64 { return uint64(int64(c.rule[i]) + 1) },
	"service":    func(c *chunk, i uint16) uint64 { return uint64(int64(c.service[i]) + 1) },
	"frames":     func(c *chunk, i uint16) uint64 { return c.frames[i][0] + c.frames[i][1] },
	"bytes":      func(c *chunk, i uint16) uint64 { return c.bytes[i][0] + c.bytes[i][1] },
	"errors":     func(c *chunk, i uint16) uint64 { return uint64(c.errors[i]) },
	"frame_rate": func(c *chunk, i uint16) uint64 { return uint64(math.Float32bits(c.frameRate[i])) }, // none is negative
	"byte_rate":  func(c *chunk, i uint16) uint64 { return uint64(math.Float32bits(c.byteRate[i])) },
	"last_seen":  func(c *chunk, i uint16) uint64 { return c.lastSeen[i] },
	"created":    func(c *chunk, i uint16) uint64 { return c.created[i] },
}

func each(value func(c *chunk, i uint16) uint64) func(*chunk, []uint16, []uint64) {
	return func(c *chunk, rows []uint16, out []uint64) {
		for n, i := range rows {
			out[n] = value(c, i)
		}
	}
}

// fill writes the values of rows.
func (o *order) fill(c *chunk, rows []uint16, out []uint64) {
	o.values(c, rows, out)
	if o.descending {
		for n := range rows {
			out[n] = ^out[n]
		}
	}
}

// position is where a candidate stands, for a cursor.
func (o *order) position(img *image, last candidate) *Position {
	p := &Position{Value: last.value, Key: last.key}
	if o.names != nil {
		c, i := img.row(last.row)
		first, second := o.ends(c, i)
		p.Value, p.Names = 0, []string{o.names.shown[first], o.names.shown[second]}
	}
	return p
}

// start is the candidate that a page begins behind.
func (o *order) start(p *Position) candidate {
	if o.names == nil || len(p.Names) != 2 {
		return candidate{value: p.Value, key: p.Key}
	}
	value := o.names.place(p.Names[0])<<32 | o.names.place(p.Names[1])
	if o.descending {
		value = ^value
	}
	return candidate{value: value, key: p.Key}
}

func (i *image) row(n uint32) (*chunk, uint16) {
	return i.chunks[n>>chunkBits], uint16(n & (rowsPerChunk - 1))
}
