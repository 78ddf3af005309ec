package sim

import (
	"fmt"
	"math/rand/v2"

	"fcredirect/dataplane/frame"
)

// Faults are probabilities, from 0 to 1, that a frame leaving a node suffers each fate.
// They are tried in the order below and the first that hits is the only one.
type Faults struct {
	// Loss: the frame is not sent.
	Loss float64 `yaml:"loss" json:"loss,omitempty"`
	// BadCRC: one bit of the frame is wrong, and the FC CRC does not match.
	BadCRC float64 `yaml:"bad-crc" json:"bad_crc,omitempty"`
	// Short: bytes are missing at the end, so the trailer is not where it should be.
	Short float64 `yaml:"short" json:"short,omitempty"`
	// WrongEOF: the end of frame says that the frame is invalid, or nothing known.
	WrongEOF float64 `yaml:"wrong-eof" json:"wrong_eof,omitempty"`
	// Duplicate: the frame is sent twice.
	Duplicate float64 `yaml:"duplicate" json:"duplicate,omitempty"`
	// Reorder: the frame is held back until one to four others have passed it.
	Reorder float64 `yaml:"reorder" json:"reorder,omitempty"`
	// Corrupt: one bit of an FCP_DATA payload is wrong and the CRC is made to match.
	// Only the comparison of what was read can find it.
	Corrupt float64 `yaml:"corrupt" json:"corrupt,omitempty"`

	// Scope says which frames: "fcp" (the default) are those of TYPE FCP, "fc" all FCoE,
	// "all" FIP too.
	Scope string `yaml:"scope" json:"scope,omitempty"`
}

func (f *Faults) validate() error {
	for _, p := range []struct {
		name string
		p    float64
	}{
		{"loss", f.Loss}, {"bad-crc", f.BadCRC}, {"short", f.Short}, {"wrong-eof", f.WrongEOF},
		{"duplicate", f.Duplicate}, {"reorder", f.Reorder}, {"corrupt", f.Corrupt},
	} {
		if !(p.p >= 0 && p.p <= 1) {
			return fmt.Errorf("faults: %s is %v: want a probability from 0 to 1", p.name, p.p)
		}
	}
	switch f.Scope {
	case "", "fcp", "fc", "all":
		return nil
	}
	return fmt.Errorf("faults: scope is %q: want fcp, fc or all", f.Scope)
}

func (f *Faults) any() bool {
	return f.Loss+f.BadCRC+f.Short+f.WrongEOF+f.Duplicate+f.Reorder+f.Corrupt > 0
}

// FaultCounters count what was done to frames.
type FaultCounters struct {
	Loss      uint64 `json:"loss"`
	BadCRC    uint64 `json:"bad_crc"`
	Short     uint64 `json:"short"`
	WrongEOF  uint64 `json:"wrong_eof"`
	Duplicate uint64 `json:"duplicate"`
	Reorder   uint64 `json:"reorder"`
	Corrupt   uint64 `json:"corrupt"`
}

// Total is all of them.
func (c *FaultCounters) Total() uint64 {
	return c.Loss + c.BadCRC + c.Short + c.WrongEOF + c.Duplicate + c.Reorder + c.Corrupt
}

func (c *FaultCounters) add(o FaultCounters) {
	c.Loss += o.Loss
	c.BadCRC += o.BadCRC
	c.Short += o.Short
	c.WrongEOF += o.WrongEOF
	c.Duplicate += o.Duplicate
	c.Reorder += o.Reorder
	c.Corrupt += o.Corrupt
}

// injector does it to the frames of one node, with dice of its own, so that another
// node's traffic does not change its fate.
type injector struct {
	faults Faults
	rng    *rand.Rand
	n      FaultCounters
	held   []heldFrame
}

// heldFrame waits until `after` more frames have passed it.
type heldFrame struct {
	frame []byte
	after int
}

func newInjector(f Faults, seed uint64) *injector {
	if !f.any() {
		return nil
	}
	return &injector{faults: f, rng: rand.New(rand.NewPCG(seed, 0xFA17))}
}

// apply sends the frame on, or what has become of it. It may change the bytes. A nil
// injector changes nothing.
func (j *injector) apply(b []byte, send func([]byte)) {
	if j == nil {
		send(b)
		return
	}
	held := len(j.held)
	var h frame.Header
	if reason := frame.Decode(b, &h); j.inScope(reason, &h) {
		j.maim(b, &h, send)
	} else {
		send(b)
	}
	j.release(held, send)
}

func (j *injector) inScope(reason frame.Reason, h *frame.Header) bool {
	switch j.faults.Scope {
	case "all":
		return reason == frame.OK || reason == frame.FIP
	case "fc":
		return reason == frame.OK
	}
	return reason == frame.OK && h.Type == frame.TypeFCP
}

func (j *injector) maim(b []byte, h *frame.Header, send func([]byte)) {
	f := &j.faults
	fcoe := h.EtherType == frame.EtherTypeFCoE
	switch {
	case j.hits(f.Loss):
		j.n.Loss++
	case fcoe && j.hits(f.BadCRC):
		// Behind the addresses, so that the frame still finds its receiver.
		at := h.FCOffset + 8 + j.rng.IntN(h.PayloadEnd-h.FCOffset-8)
		b[at] ^= 1 << j.rng.IntN(8)
		j.n.BadCRC++
		send(b)
	case fcoe && j.hits(f.Short):
		j.n.Short++
		send(b[:len(b)-1-j.rng.IntN(min(64, len(b)-frame.EthHeaderLen-1))])
	case fcoe && j.hits(f.WrongEOF):
		ends := [...]uint8{frame.EOFni, frame.EOFa, frame.EOFdti, 0x00, 0xFF}
		b[h.PayloadEnd+4] = ends[j.rng.IntN(len(ends))]
		j.n.WrongEOF++
		send(b)
	case j.hits(f.Duplicate):
		j.n.Duplicate++
		send(b)
		send(b)
	case j.hits(f.Reorder) && len(j.held) < maxHeldFrames:
		j.n.Reorder++
		j.held = append(j.held, heldFrame{append([]byte(nil), b...), 1 + j.rng.IntN(4)})
	case fcoe && h.RCtl == frame.RCtlSolicitedData && h.PayloadEnd > h.PayloadOffset && j.hits(f.Corrupt):
		j.n.Corrupt++
		corrupt(b, h, j.rng)
		send(b)
	default:
		send(b)
	}
}

// corrupt flips a bit of the payload and makes the CRC good again.
func corrupt(b []byte, h *frame.Header, rng *rand.Rand) {
	b[h.PayloadOffset+rng.IntN(h.PayloadEnd-h.PayloadOffset)] ^= 1 << rng.IntN(8)
	crc := frame.CRC(b[h.FCOffset:h.PayloadEnd])
	b[h.PayloadEnd], b[h.PayloadEnd+1], b[h.PayloadEnd+2], b[h.PayloadEnd+3] =
		byte(crc), byte(crc>>8), byte(crc>>16), byte(crc>>24)
}

func (j *injector) hits(p float64) bool { return p > 0 && j.rng.Float64() < p }

// release lets one frame pass each of the first n held ones and sends those whose time it is.
func (j *injector) release(n int, send func([]byte)) {
	kept := j.held[:0]
	for i, h := range j.held {
		if i < n {
			h.after--
		}
		if h.after <= 0 {
			send(h.frame)
			continue
		}
		kept = append(kept, h)
	}
	clear(j.held[len(kept):])
	j.held = kept
}

// flush sends every held frame: with nothing following, it would wait for ever.
func (j *injector) flush(send func([]byte)) {
	if j == nil {
		return
	}
	for _, h := range j.held {
		send(h.frame)
	}
	j.held = j.held[:0]
}
