package bench

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
)

// frameGap is the time between two frames of a capture, in nanoseconds. The contenders ignore it.
const frameGap = 1000

// WriteCapture writes the frames that a pair receives on its edge port, or else on its fabric port: one per flow, in an
// order shuffled by the seed. It streams: a million frames take 4 MB of memory.
func (t *Traffic) WriteCapture(w io.Writer, pair int, edge bool) error {
	buf := bufio.NewWriterSize(w, 1<<20)
	out, err := pcap.NewWriter(buf)
	if err != nil {
		return fmt.Errorf("write capture of pair %d: %w", pair, err)
	}
	builder := newFrameBuilder(t)
	for n, i := range t.order(pair, edge) {
		f := t.flow(pair, int(i))
		if err := out.Write(int64(n)*frameGap, builder.build(f, edge, n)); err != nil {
			return fmt.Errorf("write capture of pair %d: frame %d: %w", pair, n, err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("write capture of pair %d: %w", pair, err)
	}
	return nil
}

// order is a permutation of the flows of a pair, another one for each port.
func (t *Traffic) order(pair int, edge bool) []uint32 {
	stream := uint64(pair) << 1
	if edge {
		stream |= 1
	}
	order := make([]uint32, t.flows)
	for i := range order {
		order[i] = uint32(i)
	}
	random := rand.New(rand.NewPCG(t.Seed, stream))
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// frameBuilder makes frames one by one in the same memory.
type frameBuilder struct {
	t       *Traffic
	frame   []byte
	payload []byte // of data frames; the contents say nothing, but they are not all alike
	command []byte
}

func newFrameBuilder(t *Traffic) *frameBuilder {
	b := &frameBuilder{t: t, payload: make([]byte, t.FrameBytes-minFrame)}
	for i := range b.payload {
		b.payload[i] = byte(i*7 + i>>8)
	}
	read := frame.FCPCmnd{Read: true, CDB: [16]byte{0x28, 0, 0, 0, 0, 0, 0, 0, 16}, DataLength: 16 * 512} // READ(10)
	b.command = read.Append(nil)
	return b
}

// build makes the frame of a flow: from the initiator if edge is set, from the target otherwise. It is valid until the
// next call.
func (b *frameBuilder) build(f Flow, edge bool, n int) []byte {
	h := frame.Header{
		SID: f.Initiator, DID: f.Target, Tagged: f.VLAN != 0, VLAN: f.VLAN, PCP: 3,
		SOF: frame.SOFi3, EOF: frame.EOFt, Type: frame.TypeFCP, OXID: uint16(n), RXID: 0xFFFF,
	}
	if !edge {
		h.SID, h.DID = h.DID, h.SID
	}
	h.Dst, h.Src = frame.FPMA(frame.VN2VNFCMap, h.DID), frame.FPMA(frame.VN2VNFCMap, h.SID)
	payload := b.payload
	switch {
	case edge && f.Command:
		h.RCtl, h.FCtl = frame.RCtlUnsolicitedCmd, frame.FCtlRequest
		payload = b.command
	case edge && len(payload) == 0: // FCP_CONF: all that an initiator sends without a payload
		h.RCtl, h.FCtl = frame.RCtlSolicitedCtl, frame.FCtlLastSequence|frame.FCtlEndSequence
	case edge:
		h.RCtl, h.FCtl = frame.RCtlSolicitedData, frame.FCtlLastWrite
	default:
		h.RCtl, h.FCtl = frame.RCtlSolicitedData, frame.FCtlLastRead
	}
	b.frame = frame.AppendFCoE(b.frame[:0], &h, payload)
	return b.frame
}

// writeFile makes a file with what write writes, and leaves nothing behind when that fails.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = write(f)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
