package bench

import (
	"encoding/binary"
	"math/rand/v2"
	"unsafe"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
)

// traffic is one minimal frame for each direction of each flow, in the order in which they come round and round.
type traffic struct {
	flows  int
	memory []byte // frames, frameStride apart
	length uint32
	keys   []flow.Key // of the frames, in their order
}

// Each initiator talks to fanOut targets.
const fanOut = 12

func initiator(i int) (frame.FCID, frame.WWN) {
	return frame.FCID(0x010001 + i/fanOut), frame.WWN(0x2000_02FC_0100_0000 + uint64(i/fanOut))
}

func target(i int) (frame.FCID, frame.WWN) {
	n := i % fanOut * 97 % 1021 // targets are shared by initiators
	return frame.FCID(0x800001 + n), frame.WWN(0x2000_02FC_0F00_0000 + uint64(n))
}

// newTraffic makes the frames: data towards the target and data towards the initiator, in an order drawn from a fixed seed.
func newTraffic(flows int) *traffic {
	t := &traffic{flows: flows, memory: make([]byte, 2*flows*frameStride), keys: make([]flow.Key, 2*flows)}
	order := rand.New(rand.NewPCG(12, 24)).Perm(2 * flows)
	var b []byte
	for n, at := range order {
		i, back := n/2, n%2 == 1
		from, _ := initiator(i)
		to, _ := target(i)
		h := frame.Header{SOF: frame.SOFi3, EOF: frame.EOFt, Type: frame.TypeFCP, OXID: uint16(n), RXID: 0xFFFF, RCtl: frame.RCtlSolicitedData}
		h.SID, h.DID, h.FCtl = from, to, frame.FCtlLastWrite
		if back {
			h.SID, h.DID, h.FCtl = to, from, frame.FCtlLastRead
		}
		h.Dst, h.Src = frame.FPMA(frame.VN2VNFCMap, h.DID), frame.FPMA(frame.VN2VNFCMap, h.SID)
		b = frame.AppendFCoE(b[:0], &h, nil)
		t.length = uint32(copy(t.memory[at*frameStride:(at+1)*frameStride], b))
		t.keys[at] = flow.MakeKey(0, 0, uint32(h.SID), uint32(h.DID))
	}
	return t
}

func (t *traffic) frame(at int) unsafe.Pointer { return unsafe.Pointer(&t.memory[at*frameStride]) }

// fill puts all directions into a shard, as if each had been evaluated: forwarded, every third of them redirected.
func (t *traffic) fill(s *flow.Shard, now uint64) bool {
	for i := range t.flows {
		from, initiatorName := initiator(i)
		to, targetName := target(i)
		key := flow.MakeKey(0, 0, uint32(from), uint32(to))
		action := flow.Forward
		if i%3 == 1 {
			action = flow.Redirect
		}
		for _, d := range []struct {
			key    flow.Key
			orient flow.Orient
			port   uint8
		}{{key, flow.FromInitiator, 0}, {key.Reverse(), flow.FromTarget, 1}} {
			e := s.Insert(d.key, d.port, now)
			if e == nil {
				return false
			}
			e.Verdict, e.Stamp = flow.MakeVerdict(action, 1-d.port, 1-d.port, 0, 0), 1<<8|uint32(d.port)
			in := s.Info(e)
			in.Initiator, in.Target, in.Orient, in.Rule = uint64(initiatorName), uint64(targetName), d.orient, int32(i%3)
		}
	}
	return true
}

// serviceMAC is where redirected frames go.
var serviceMAC = binary.NativeEndian.Uint64([]byte{0x02, 0xFC, 0x5E, 0, 0, 1, 0, 0})

// macMask keeps the two bytes of the source MAC that lie in the same word.
var macMask = binary.NativeEndian.Uint64([]byte{0, 0, 0, 0, 0, 0, 0xff, 0xff})
