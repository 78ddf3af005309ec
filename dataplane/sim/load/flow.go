package load

import (
	"fmt"
	"math"

	"fcredirect/dataplane/frame"
)

// MaxFlows bounds a run: a template of the frame's head and counters for each, 128 bytes.
const MaxFlows = 1 << 20

// Shape says which flows there are. Flow i goes from initiator i / Targets to target
// i % Targets, so Flows flows have Flows / Targets initiators.
type Shape struct {
	Flows   int
	Targets int    // how many; 0 takes about the square root of Flows
	VLAN    uint16 // 0: no tag
	Bytes   int    // length of the Ethernet frame, without FCS
}

// Complete fills in and checks.
func (s *Shape) Complete() error {
	if s.Flows < 1 || s.Flows > MaxFlows {
		return fmt.Errorf("load: flows is %d: want 1 to %d", s.Flows, MaxFlows)
	}
	if s.Targets == 0 {
		s.Targets = int(math.Ceil(math.Sqrt(float64(s.Flows))))
	}
	head := frame.EthHeaderLen + frame.FCoEHeaderLen + frame.FCHeaderLen + frame.FCoETrailerLen
	if s.VLAN != 0 {
		head += frame.TagLen
	}
	switch {
	case s.Targets < 1 || s.Targets > maxPorts || s.Initiators() > maxPorts:
		return fmt.Errorf("load: %d initiators and %d targets: at most %d of each", s.Initiators(), s.Targets, maxPorts)
	case s.Bytes < head || s.Bytes > head+frame.MaxPayload || (s.Bytes-head)%4 != 0:
		return fmt.Errorf("load: frame bytes is %d: want %d to %d in steps of 4", s.Bytes, head, head+frame.MaxPayload)
	}
	return nil
}

// Addresses 0x0001 to 0x7FFF are initiators, 0x8001 to 0xFFFE targets: VN2VN has 16 bits.
const (
	maxPorts        = 0x7FFE
	firstInitiator  = 0x0001
	firstTarget     = 0x8001
	initiatorPrefix = 0x200002fc20000000 // WWPN; the address is in the low bits
	targetPrefix    = 0x200002fc30000000
)

// Initiators is how many there are.
func (s *Shape) Initiators() int { return (s.Flows + s.Targets - 1) / s.Targets }

// Initiator is the address of initiator i, Target that of target i.
func (s *Shape) Initiator(i int) frame.FCID { return firstInitiator + frame.FCID(i) }

// Target is the address of target i.
func (s *Shape) Target(i int) frame.FCID { return firstTarget + frame.FCID(i) }

// Ports of flow i.
func (s *Shape) Ports(flow int) (initiator, target frame.FCID) {
	return s.Initiator(flow / s.Targets), s.Target(flow % s.Targets)
}

// Flow is the number of the flow between two addresses.
func (s *Shape) Flow(sid, did frame.FCID) (int, bool) {
	i, t := int(sid)-firstInitiator, int(did)-firstTarget
	flow := i*s.Targets + t
	ok := i >= 0 && t >= 0 && t < s.Targets && flow < s.Flows
	return flow, ok
}

// Name is the WWPN that Announce gives an address.
func Name(id frame.FCID) frame.WWN {
	if id >= firstTarget {
		return targetPrefix | frame.WWN(id)
	}
	return initiatorPrefix | frame.WWN(id)
}

// template is the frame of a flow with number 0: one frame of write data.
func (s *Shape) template(flow int) []byte {
	sid, did := s.Ports(flow)
	head := frame.EthHeaderLen + frame.FCoEHeaderLen + frame.FCHeaderLen + frame.FCoETrailerLen
	if s.VLAN != 0 {
		head += frame.TagLen
	}
	payload := make([]byte, s.Bytes-head)
	for i := range payload {
		payload[i] = byte(i*7 + flow)
	}
	h := frame.Header{
		Dst: frame.FPMA(frame.VN2VNFCMap, did), Src: frame.FPMA(frame.VN2VNFCMap, sid),
		Tagged: s.VLAN != 0, VLAN: s.VLAN, SOF: frame.SOFi3, EOF: frame.EOFt,
		RCtl: frame.RCtlSolicitedData, Type: frame.TypeFCP, FCtl: frame.FCtlLastWrite,
		DID: did, SID: sid, SeqID: 1, OXID: uint16(flow),
	}
	return frame.AppendFCoE(nil, &h, payload)
}

// Claims are the VN2VN frames by which the initiators, or the targets, of the shape make
// themselves known: a claim and a beacon for each.
func (s *Shape) Claims(targets bool) [][]byte {
	count, id := s.Initiators(), s.Initiator
	if targets {
		count, id = s.Targets, s.Target
	}
	features := frame.FC4Initiator
	if targets {
		features = frame.FC4Target
	}
	var frames [][]byte
	for i := range count {
		frames = append(frames, s.claim(id(i), frame.FIPClaimNotification, features), s.claim(id(i), frame.FIPBeacon, features))
	}
	return frames
}

func (s *Shape) claim(id frame.FCID, sub, features uint8) []byte {
	name := Name(id)
	var enode frame.MAC
	for i := range enode {
		enode[i] = byte(name >> (40 - 8*i))
	}
	vn := frame.FPMA(frame.VN2VNFCMap, id)
	list := frame.AppendMACDesc(nil, enode)
	list = frame.AppendNameDesc(list, name&^(0xFFFF<<48)|0x1000<<48)
	list = frame.AppendVNPortDesc(list, frame.VNPort{MAC: vn, ID: id, WWPN: name})
	f := frame.FIPFrame{
		Dst: frame.AllVN2VNMACs, Src: enode, Tagged: s.VLAN != 0, VLAN: s.VLAN,
		Op: frame.FIPVN2VN, Sub: sub,
	}
	if sub == frame.FIPBeacon {
		f.Src = vn
	} else {
		var fc4 frame.FC4Features
		fc4.Set(frame.TypeFCP, features)
		list = frame.AppendFC4FeaturesDesc(list, &fc4)
		list = frame.AppendMaxFCoESizeDesc(list, frame.FCoEHeaderLen+frame.MaxFCLen+frame.FCoETrailerLen)
	}
	f.List = list
	return frame.AppendFIP(nil, &f)
}
