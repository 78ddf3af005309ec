package wire

import (
	"encoding/binary"

	"fcredirect/mgmt/peer/record"
)

// append appends a position.
func (p *Position) append(dst []byte) []byte {
	dst = append(dst, p.Slot)
	dst = binary.AppendUvarint(dst, p.Incarnation)
	for _, v := range p.Applied {
		dst = binary.AppendUvarint(dst, v)
	}
	return dst
}

// parse reads a position, whose slot must be next or a later one, and says what the next may be: a list of positions has
// each slot once.
func (p *Position) parse(r *reader, next int) int {
	p.Slot = r.slot()
	r.check(int(p.Slot) >= next)
	p.Incarnation = r.uvarint()
	for i := range p.Applied {
		p.Applied[i] = r.uvarint()
	}
	return int(p.Slot) + 1
}

func appendPositions(dst []byte, all []Position) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(all)))
	for i := range all {
		dst = all[i].append(dst)
	}
	return dst
}

func parsePositions(r *reader, all []Position) []Position {
	for n, next := r.count(MaxNodes), 0; n > 0; n-- {
		var p Position
		next = p.parse(r, next)
		all = append(all, p)
	}
	return all
}

// Ack says what its sender has taken in of this connection, and what it has applied by now.
type Ack struct {
	Sequence  uint64 // all frames up to this one were taken in
	Positions []Position
}

// Append appends the message.
func (a *Ack) Append(dst []byte) []byte {
	return appendPositions(binary.AppendUvarint(dst, a.Sequence), a.Positions)
}

// Parse reads the message into a, and uses its memory again.
func (a *Ack) Parse(payload []byte) error {
	r := reader{rest: payload}
	a.Sequence = r.uvarint()
	a.Positions = parsePositions(&r, a.Positions[:0])
	return r.end("ack")
}

// Heartbeat says that its sender lives. The time of a round trip is now − Echo − Held, all by the clock of the one who
// sent Echo.
type Heartbeat struct {
	Stamp     uint64 // sender's monotonic clock, ns
	Echo      uint64 // the last Stamp that it heard; 0: none
	Held      uint64 // ns between hearing that one and sending this
	Wall      int64  // ns since 1970, for display only
	Positions []Position
}

// Append appends the message.
func (h *Heartbeat) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, h.Stamp)
	dst = binary.AppendUvarint(dst, h.Echo)
	dst = binary.AppendUvarint(dst, h.Held)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Wall))
	return appendPositions(dst, h.Positions)
}

// Parse reads the message into h, and uses its memory again.
func (h *Heartbeat) Parse(payload []byte) error {
	r := reader{rest: payload}
	h.Stamp, h.Echo, h.Held = r.uvarint(), r.uvarint(), r.uvarint()
	h.Wall = int64(r.uint64())
	h.Positions = parsePositions(&r, h.Positions[:0])
	return r.end("heartbeat")
}

// At is a place in the history of a node: a version of one of its streams.
type At struct {
	Slot        uint8
	Stream      record.Stream
	Incarnation uint64
	Version     uint64
}

func (a *At) append(dst []byte) []byte {
	dst = append(dst, a.Slot, uint8(a.Stream))
	return binary.AppendUvarint(binary.AppendUvarint(dst, a.Incarnation), a.Version)
}

func (a *At) parse(r *reader) {
	a.Slot, a.Stream = r.slot(), r.stream()
	a.Incarnation, a.Version = r.uvarint(), r.uvarint()
}

// Want asks for streams from after a version on: of the peer itself, or of somebody whom it knows more of.
type Want struct{ Streams []At }

// Append appends the message.
func (w *Want) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(w.Streams)))
	for i := range w.Streams {
		dst = w.Streams[i].append(dst)
	}
	return dst
}

// Parse reads the message into w, and uses its memory again.
func (w *Want) Parse(payload []byte) error {
	r := reader{rest: payload}
	w.Streams = w.Streams[:0]
	for n := r.count(MaxWants); n > 0; n-- {
		var a At
		a.parse(&r)
		w.Streams = append(w.Streams, a)
	}
	return r.end("want")
}

// Sum is a sum over records: 128 bits.
type Sum struct{ Lo, Hi uint64 }

// Digest says what the sender's copy of a stream sums up to, at exactly this version.
type Digest struct {
	At      At
	Records uint64
	Sum     Sum
}

// Append appends the message.
func (d *Digest) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(d.At.append(dst), d.Records)
	return appendSum(dst, d.Sum)
}

// Parse reads the message.
func (d *Digest) Parse(payload []byte) error {
	r := reader{rest: payload}
	d.At.parse(&r)
	d.Records = r.uvarint()
	d.Sum = Sum{r.uint64(), r.uint64()}
	return r.end("digest")
}

// Buckets is a digest in parts, each of the keys of one hash. Who gets it answers with a Repair of each that differs.
type Buckets struct {
	At   At
	Sums [NumBuckets]Sum
}

// Append appends the message: 4 KiB.
func (b *Buckets) Append(dst []byte) []byte {
	dst = b.At.append(dst)
	for _, s := range b.Sums {
		dst = appendSum(dst, s)
	}
	return dst
}

// Parse reads the message.
func (b *Buckets) Parse(payload []byte) error {
	r := reader{rest: payload}
	b.At.parse(&r)
	for i := range b.Sums {
		b.Sums[i] = Sum{r.uint64(), r.uint64()}
	}
	return r.end("buckets")
}

func appendSum(dst []byte, s Sum) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, s.Lo), s.Hi)
}

// Reason is why a connection ends. The values cross nodes of different versions: append only.
type Reason uint8

// The reasons.
const (
	Unsaid        Reason = iota
	Leaving              // the role stops
	Unacceptable         // no version or no shapes in common, other nodes, another cluster
	DuplicateNode        // somebody else is connected by that name
	Protocol             // what was received cannot be right
	Replaced             // a newer connection of the same pair and group
	Silent               // nothing was heard for too long
	Outdated             // the peer must begin a higher incarnation: another one of its name was known
	numReasons
)

var reasonNames = [numReasons]string{"unsaid", "leaving", "unacceptable", "duplicate_node", "protocol", "replaced", "silent", "outdated"}

// String is the reason's name, lower case, stable.
func (r Reason) String() string {
	if r < numReasons {
		return reasonNames[r]
	}
	return "unknown"
}

// Bye is the last frame of a connection that ends in order.
type Bye struct {
	Reason Reason // one that is not known is taken for what it is: its number
	Text   string // for people; cut to MaxText bytes
}

// Append appends the message.
func (b *Bye) Append(dst []byte) []byte {
	return appendText(append(dst, uint8(b.Reason)), b.Text[:min(len(b.Text), MaxText)])
}

// Parse reads the message.
func (b *Bye) Parse(payload []byte) error {
	r := reader{rest: payload}
	b.Reason, b.Text = Reason(r.byte()), r.text(MaxText)
	return r.end("bye")
}
