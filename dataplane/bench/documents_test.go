package bench

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
)

func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var documentConfigs = []Config{{Directions: 24000}, {Directions: 2400, Lcores: 3, VLAN: 100}, {Directions: 1_000_000}}

func TestBootFileIsAccepted(t *testing.T) {
	for _, c := range documentConfigs {
		s := scenarioForTest(t, c)
		for i := range s.PollCores {
			s.PollCores[i] = i + 1
		}
		got, warnings, err := boot.Parse(BootFile, written(t, s.WriteBoot))
		if err != nil || len(warnings) != 0 {
			t.Fatalf("%+v: %v, warnings %v", c, err, warnings)
		}
		if len(got.Ports) != 3*len(s.Pairs) || len(got.Pairs) != len(s.Pairs) || got.Segment.Flows < c.Directions || got.Poll != boot.Busy {
			t.Errorf("%+v: %+v", c, got)
		}
		for i, p := range got.Pairs {
			edge := got.Ports[p.Edge]
			if edge.Name != EdgePort(i) || edge.Device != s.Pairs[i].EdgeDevice() || int(edge.Fabric) != i || p.Lcore != s.PollCores[i] {
				t.Errorf("%+v: pair %d is %+v", c, i, edge)
			}
		}
	}
}

// TestPolicyGivesEachFlowItsVerdict asks the real evaluator about every flow.
func TestPolicyGivesEachFlowItsVerdict(t *testing.T) {
	for _, c := range documentConfigs {
		traffic := newTraffic(t, c)
		doc, err := policy.Parse(PolicyFile, written(t, traffic.WritePolicy))
		if err != nil {
			t.Fatal(err)
		}
		flat, warnings, err := policy.Compile(doc)
		if err != nil || len(warnings) != 0 {
			t.Fatalf("%+v: %v, warnings %v", c, err, warnings)
		}
		snapshot, err := policy.Open(flat)
		if err != nil {
			t.Fatal(err)
		}
		names := map[[2]uint32]frame.WWN{}
		for l := range traffic.Logins() {
			names[[2]uint32{uint32(l.Fabric), uint32(l.ID)}] = l.WWPN
		}
		for f := range traffic.AllFlows() {
			initiator, target := names[[2]uint32{uint32(f.Pair), uint32(f.Initiator)}], names[[2]uint32{uint32(f.Pair), uint32(f.Target)}]
			v := snapshot.Evaluate(initiator, target, f.VLAN)
			want := map[Verdict]string{
				Forward: "forward false -1", Steer: fmt.Sprintf("redirect false %d", 2*f.Pair), MirrorCommands: fmt.Sprintf("mirror true %d", 2*f.Pair+1),
			}[f.Verdict]
			if got := fmt.Sprintf("%v %v %d", v.Action, v.CommandsOnly, v.Service); got != want {
				t.Fatalf("%+v: %v to %v: %s, want %s", f, initiator, target, got, want)
			}
		}
		for pair := range traffic.Lcores {
			if s := snapshot.Service(2 * pair); s.Port != ServicePort(pair) || s.MAC != ServiceMAC(pair) {
				t.Errorf("service %d is %+v", 2*pair, s)
			}
		}
	}
}

func TestRivalsTablesSayTheSame(t *testing.T) {
	traffic := newTraffic(t, Config{Directions: 240, Lcores: 2, VLAN: 0x64})
	directions := strings.Split(strings.TrimSpace(string(written(t, traffic.WriteDirections))), "\n")
	rules := strings.Split(strings.TrimSpace(string(written(t, traffic.WriteOpenFlow))), "\n")
	if len(directions) != 240 || len(rules) != 241 || rules[0] != "priority=0,actions=drop" {
		t.Fatalf("%d directions, %d rules, the first %q", len(directions), len(rules), rules[0])
	}
	n := 0
	for f := range traffic.AllFlows() {
		out, back := []string{"output:2", "output:1"}, []string{"output:5", "output:4"}
		to := [][]string{out, back}[f.Pair]
		if f.Verdict == Steer {
			service := fmt.Sprintf("mod_dl_dst:%v,output:%d", ServiceMAC(f.Pair), 3+3*f.Pair)
			to = []string{service, service}
		}
		for k, ids := range [][2]frame.FCID{{f.Initiator, f.Target}, {f.Target, f.Initiator}} {
			if want := fmt.Sprintf("%x 64 %06x %06x %v", f.Pair, uint32(ids[0]), uint32(ids[1]), f.Verdict); directions[n] != want {
				t.Fatalf("direction %d: %q, want %q", n, directions[n], want)
			}
			want := fmt.Sprintf("priority=10,in_port=%d,dl_src=%v,dl_dst=%v,actions=%s", 3*f.Pair+1+k,
				frame.FPMA(frame.VN2VNFCMap, ids[0]), frame.FPMA(frame.VN2VNFCMap, ids[1]), to[k])
			if rules[n+1] != want {
				t.Fatalf("rule %d: %q, want %q", n+1, rules[n+1], want)
			}
			n++
		}
	}
}
