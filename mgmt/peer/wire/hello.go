package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"fcredirect/mgmt/peer/record"
)

// Capability is a bit for something that a node can do beyond its version. Those that only one of two has are not used.
type Capability uint64

// The capabilities.
const (
	CanZstd Capability = 1 << iota // reads units that are compressed
)

// Position is how far a node has the records of another one.
type Position struct {
	Slot        uint8
	Incarnation uint64 // 0: knows nothing of it
	Applied     [record.NumStreams]uint64
}

// Known is the position, and whom it is about: two nodes with one name have different instances.
type Known struct {
	Position
	Instance [16]byte
}

// Hello is the first frame of each direction.
type Hello struct {
	Version, MinVersion uint16
	Capabilities        Capability
	Group               uint8 // which of the connections between the two this is
	Dictionary          uint32
	Shapes              uint64 // Shapes of the program
	Cluster, Node       string
	Instance            [16]byte // drawn at random when the node's files were made
	Incarnation         uint64
	Nodes               []string // all of the cluster, sorted: the place of a name is its slot
	Known               []Known  // by slot
	Wall                int64    // ns since 1970, for display only
}

// Append appends the message. What is beyond the limits is refused by who reads it.
func (h *Hello) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, h.Version)
	dst = binary.LittleEndian.AppendUint16(dst, h.MinVersion)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Capabilities))
	dst = append(dst, h.Group)
	dst = binary.LittleEndian.AppendUint64(dst, h.Shapes)
	dst = binary.AppendUvarint(dst, uint64(h.Dictionary))
	dst = appendText(dst, h.Cluster)
	dst = appendText(dst, h.Node)
	dst = append(dst, h.Instance[:]...)
	dst = binary.AppendUvarint(dst, h.Incarnation)
	dst = binary.AppendUvarint(dst, uint64(len(h.Nodes)))
	for _, name := range h.Nodes {
		dst = appendText(dst, name)
	}
	dst = binary.AppendUvarint(dst, uint64(len(h.Known)))
	for i := range h.Known {
		dst = h.Known[i].append(dst)
		dst = append(dst, h.Known[i].Instance[:]...)
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(h.Wall))
}

// Parse reads the message. What a later version appends is left aside, so that two versions can tell each other that they
// are two; it is looked at only when the version is ours.
func (h *Hello) Parse(payload []byte) error {
	r := reader{rest: payload}
	h.Version = uint16(r.byte()) | uint16(r.byte())<<8
	h.MinVersion = uint16(r.byte()) | uint16(r.byte())<<8
	r.check(h.MinVersion > 0 && h.MinVersion <= h.Version)
	h.Capabilities = Capability(r.uint64())
	h.Group = r.byte()
	h.Shapes = r.uint64()
	h.Dictionary = uint32(r.count(MaxDictionary))
	h.Cluster, h.Node = r.text(MaxName), r.text(MaxName)
	copy(h.Instance[:], r.bytes(len(h.Instance)))
	h.Incarnation = r.uvarint()
	h.Nodes = h.Nodes[:0]
	for n := r.count(MaxNodes); n > 0; n-- {
		h.Nodes = append(h.Nodes, r.text(MaxName))
	}
	for i := 1; i < len(h.Nodes); i++ {
		r.check(h.Nodes[i-1] < h.Nodes[i])
	}
	h.Known = h.Known[:0]
	for n, next := r.count(MaxNodes), 0; n > 0; n-- {
		var k Known
		next = k.parse(&r, next)
		copy(k.Instance[:], r.bytes(len(k.Instance)))
		h.Known = append(h.Known, k)
	}
	h.Wall = int64(r.uint64())
	if !r.bad && h.Version > Version {
		r.rest = nil
	}
	return r.end("hello")
}

// Agreement is what two hellos come to.
type Agreement struct {
	Version      uint16
	Capabilities Capability
	Dictionary   int // keys of each kind, in both directions
}

// Errors of an agreement.
var (
	ErrVersion = errors.New("no version in common")
	ErrShapes  = errors.New("the same version, but records of other shapes")
)

// Agree finds what both nodes can.
func Agree(ours, theirs *Hello) (Agreement, error) {
	a := Agreement{
		Version:      min(ours.Version, theirs.Version),
		Capabilities: ours.Capabilities & theirs.Capabilities,
		Dictionary:   int(min(ours.Dictionary, theirs.Dictionary)),
	}
	if a.Version < max(ours.MinVersion, theirs.MinVersion) {
		return a, fmt.Errorf("hello: %w: ours %d..%d, theirs %d..%d", ErrVersion,
			ours.MinVersion, ours.Version, theirs.MinVersion, theirs.Version)
	}
	if ours.Shapes != theirs.Shapes {
		return a, fmt.Errorf("hello: %w: ours %016x, theirs %016x", ErrShapes, ours.Shapes, theirs.Shapes)
	}
	return a, nil
}

// Options are those of the coders of the connection.
func (a Agreement) Options() Options {
	return Options{Dictionary: a.Dictionary, Zstd: a.Capabilities&CanZstd != 0}
}

// Shapes is a number for the shapes of all kinds of records that this program knows. Programs with different ones would
// read each other's columns wrongly.
func Shapes() uint64 {
	const prime = 1099511628211 // FNV-1a
	sum := uint64(14695981039346656037)
	add := func(b uint8) { sum = (sum ^ uint64(b)) * prime }
	for k := record.None + 1; k.Known(); k++ {
		add(uint8(k))
		add(uint8(k.Stream()))
		add(uint8(k.Fields()))
		for f := range k.Fields() {
			add(uint8(k.Change(f)))
		}
	}
	return sum
}
