package bench

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"fcredirect/dataplane/frame"
)

// WriteBoot writes the boot file: a port pair and a service port per lcore, each pair a fabric of its own. Two things in
// it are the boot file's bounds rather than the bench's wishes: a real port needs mbufs for the longest frame, and
// tables have least sizes.
func (s *Scenario) WriteBoot(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "node: bench\nlcores: %s\npoll: busy\nports:\n", list(s.PollCores))
	for i, p := range s.Pairs {
		core := s.PollCores[i]
		fmt.Fprintf(b, "  - {name: %s, device: %q, role: edge, pair: %s, fabric: %d, lcore: %d}\n", EdgePort(i), p.EdgeDevice(), FabricPort(i), i, core)
		fmt.Fprintf(b, "  - {name: %s, device: %q, role: fabric, fabric: %d, lcore: %d}\n", FabricPort(i), p.FabricDevice(), i, core)
		fmt.Fprintf(b, "  - {name: %s, device: %q, role: service, fabric: %d, lcore: %d}\n", ServicePort(i), p.ServiceDevice(), i, core)
	}
	fmt.Fprintf(b, "segment:\n  flows: %d\n  logins: %d\n", max(s.Traffic.Directions, minBootTable), max(s.Traffic.Stations(), minBootTable))
	fmt.Fprintf(b, "mempool:\n  mbufs: %d\n  size: %d\n", s.Mbufs, max(s.MbufBytes, minBootMbuf))
	return b.Flush()
}

// The least that dataplane/boot accepts: tables of that many, and mbufs for its least MTU of 2,500 with headers and
// headroom, in whole cache lines.
const (
	minBootTable = 1024
	minBootMbuf  = 2688
)

func list(numbers []int) string {
	return "[" + strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ", "), "[]") + "]"
}

// WritePolicy writes the policy: per fabric, two rules whose masks catch a third of the initiators each; what is left is
// forwarded.
func (t *Traffic) WritePolicy(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "sets:")
	for pair := range t.Lcores {
		fmt.Fprintf(b, "  hosts-steered-%d: [%q]\n", pair, mask(wwpn(pair, uint8(Steer), 0)))
		fmt.Fprintf(b, "  hosts-mirrored-%d: [%q]\n", pair, mask(wwpn(pair, uint8(MirrorCommands), 0)))
		fmt.Fprintf(b, "  arrays-%d: [%q]\n", pair, mask(wwpn(pair, kindTarget, 0)))
	}
	fmt.Fprintln(b, "services:")
	for pair := range t.Lcores {
		fmt.Fprintf(b, "  - {name: inspect-%d, mode: steer, port: %s, mac: %q, on-failure: bypass}\n", pair, ServicePort(pair), ServiceMAC(pair))
		fmt.Fprintf(b, "  - {name: audit-%d, mode: mirror, port: %s}\n", pair, ServicePort(pair))
	}
	fmt.Fprintln(b, "policies:")
	for pair := range t.Lcores {
		fmt.Fprintf(b, "  - name: steer-%d\n    match: {initiator: hosts-steered-%d, target: arrays-%d, vsan: any}\n    action: redirect\n    service: inspect-%d\n",
			pair, pair, pair, pair)
		fmt.Fprintf(b, "  - name: mirror-%d\n    match: {initiator: hosts-mirrored-%d, target: arrays-%d, vsan: any}\n    action: mirror\n    frames: commands\n    service: audit-%d\n",
			pair, pair, pair, pair)
	}
	return b.Flush()
}

// mask is the first five bytes of a WWN and a star.
func mask(w frame.WWN) string { return w.String()[:len("20:00:02:fc:00:")] + "*" }

// WriteDirections writes the yardstick's policy: a line for each direction, with fabric, VLAN, S_ID, D_ID and verdict.
func (t *Traffic) WriteDirections(w io.Writer) error {
	b := bufio.NewWriter(w)
	for f := range t.AllFlows() {
		fmt.Fprintf(b, "%x %x %06x %06x %s\n", f.Pair, f.VLAN, uint32(f.Initiator), uint32(f.Target), f.Verdict)
		fmt.Fprintf(b, "%x %x %06x %06x %s\n", f.Pair, f.VLAN, uint32(f.Target), uint32(f.Initiator), f.Verdict)
	}
	return b.Flush()
}

// Numbers of the ports of pair 0 in the OpenFlow bridge.
const (
	ovsEdge    = 1
	ovsFabric  = 2
	ovsService = 3
	ovsPorts   = 3 // per pair
)

// WriteOpenFlow writes what Open vSwitch can do of it: a rule for each direction, on the pair of MAC addresses. It sees
// no FC header, so it mirrors nothing: that third is forwarded, which is in its favour.
func (t *Traffic) WriteOpenFlow(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "priority=0,actions=drop")
	for f := range t.AllFlows() {
		base := f.Pair * ovsPorts
		initiator, target := frame.FPMA(frame.VN2VNFCMap, f.Initiator), frame.FPMA(frame.VN2VNFCMap, f.Target)
		out, back := fmt.Sprintf("output:%d", base+ovsFabric), fmt.Sprintf("output:%d", base+ovsEdge)
		if f.Verdict == Steer {
			out = fmt.Sprintf("mod_dl_dst:%v,output:%d", ServiceMAC(f.Pair), base+ovsService)
			back = out
		}
		fmt.Fprintf(b, "priority=10,in_port=%d,dl_src=%v,dl_dst=%v,actions=%s\n", base+ovsEdge, initiator, target, out)
		fmt.Fprintf(b, "priority=10,in_port=%d,dl_src=%v,dl_dst=%v,actions=%s\n", base+ovsFabric, target, initiator, back)
	}
	return b.Flush()
}
