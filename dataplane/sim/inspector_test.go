package sim

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

var serviceMAC = frame.MAC{0x02, 0xfc, 0x5e, 0, 0, 1}

// steeredFabric is smallFabric with a service on i0, and a switch that does what the
// appliance does: FCP frames between host one and array one go to the service, and what it
// hands back goes on with its true destination. It counts what it steered.
func steeredFabric(t *testing.T, vlan uint16, service NodeConfig, again func(n int) bool) (v *Virtual, steered *int) {
	t.Helper()
	cfg := smallFabric(100)
	for i := range cfg.Nodes {
		cfg.Nodes[i].VLAN = vlan
	}
	service.Kind, service.Iface, service.MAC = KindService, "i0", serviceMAC
	cfg.Nodes = append(cfg.Nodes, service)
	v = newVirtual(t, cfg)
	steered = new(int)
	ports := make(map[string]*Port)
	for _, p := range v.ports {
		ports[p.name] = p
	}
	home := map[string]string{"h0": "t0", "t0": "h0"}
	var back []byte // the last frame that the service handed back
	v.carry = func(from *Port, b []byte) {
		var h frame.Header
		b = append([]byte(nil), b...)
		mine := frame.Decode(b, &h) == frame.OK && h.Type == frame.TypeFCP &&
			(h.SID == 1 && h.DID == 0x0a || h.SID == 0x0a && h.DID == 1)
		switch {
		case from.name == "i0":
			if h.Src != serviceMAC || !mine {
				t.Errorf("the service sends %v of %v", h.Type, h.Src)
			}
			if bytes.Equal(b, back) {
				return // the second of a frame sent twice: its consequences are not what is tested
			}
			back = append(back[:0], b...)
			vn := frame.FPMA(frame.VN2VNFCMap, h.DID)
			copy(b, vn[:])
			if h.DID == 1 {
				v.deliver(from, ports["h0"], b)
			} else {
				v.deliver(from, ports["t0"], b)
			}
		case mine:
			*steered++
			copy(b, serviceMAC[:])
			v.deliver(from, ports["i0"], b)
			if again != nil && again(*steered) {
				v.deliver(from, ports["i0"], b)
			}
		default:
			v.deliver(from, ports[home[from.name]], b)
		}
	}
	return v, steered
}

func TestAServiceSeesEachFrameOnceAndIsNotNoticed(t *testing.T) {
	for i, delay := range []time.Duration{0, 50 * time.Microsecond} {
		v, steered := steeredFabric(t, uint16(i*100), NodeConfig{Delay: delay}, nil)
		if err := v.Run(); err != nil {
			t.Fatal(err)
		}
		r := v.Report()
		if !r.OK || r.Retries > 0 {
			t.Fatalf("delay %v: ok %v (%s), %d retries", delay, r.OK, r.Why, r.Retries)
		}
		s := r.Services[0]
		if s.FCP.Duplicates+s.FCP.Orphans+s.FCP.BadCRC+s.NotFCP+s.Malformed > 0 || s.FCP.Unique != uint64(*steered) {
			t.Errorf("delay %v: steered %d, counted %+v", delay, *steered, s.FCP)
		}
		pair := r.Pairs[0] // host one with array one
		if s.FCP.Unique != pair.FCPIn+pair.FCPOut {
			t.Errorf("delay %v: the service saw %d, the host sent %d and got %d", delay, s.FCP.Unique, pair.FCPOut, pair.FCPIn)
		}
		want := PairCount{Initiator: 1, Target: 0x0a, FromInitiator: pair.FCPOut, FromTarget: pair.FCPIn}
		if len(s.Pairs) != 1 || s.Pairs[0] != want {
			t.Errorf("delay %v: pairs %+v, want %+v", delay, s.Pairs, want)
		}
		if s.FCP.Commands != s.FCP.Responses || s.FCP.Commands != pair.Commands {
			t.Errorf("delay %v: %d commands, %d responses, %d in truth", delay, s.FCP.Commands, s.FCP.Responses, pair.Commands)
		}
	}
}

func TestAServiceTellsDuplicates(t *testing.T) {
	extra := 0
	v, steered := steeredFabric(t, 0, NodeConfig{}, func(n int) bool {
		if n%10 == 0 {
			extra++
			return true
		}
		return false
	})
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	s := v.Report().Services[0]
	if s.FCP.Duplicates != uint64(extra) || s.FCP.Unique != uint64(*steered) || extra < 50 {
		t.Errorf("steered %d and %d twice; counted %d unique, %d duplicates", *steered, extra, s.FCP.Unique, s.FCP.Duplicates)
	}
}

func TestAServiceThatCorruptsIsCaught(t *testing.T) {
	v, _ := steeredFabric(t, 0, NodeConfig{Faults: Faults{Corrupt: 0.01}}, nil)
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	if r := v.Report(); r.OK || r.VerifyErrors == 0 || r.Services[0].Faults.Corrupt == 0 {
		t.Errorf("ok %v, %d verify errors, %d corrupted", r.OK, r.VerifyErrors, r.Services[0].Faults.Corrupt)
	}
}

func TestAServiceThatDropsIsSurvived(t *testing.T) {
	v, _ := steeredFabric(t, 0, NodeConfig{Faults: Faults{Loss: 0.02}}, nil)
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	if r := v.Report(); !r.OK || r.Retries == 0 || r.Faults.Loss == 0 {
		t.Errorf("ok %v (%s), %d retries of %d lost", r.OK, r.Why, r.Retries, r.Faults.Loss)
	}
}

func TestATapCountsAndHandsNothingBack(t *testing.T) {
	cfg := smallFabric(50)
	cfg.Nodes = append(cfg.Nodes, NodeConfig{Kind: KindService, Iface: "i0", MAC: serviceMAC, Mode: ModeTap})
	r := runVirtual(t, cfg) // the switch floods a tap, as a mirror port would
	s := r.Services[0]
	if !r.OK || s.FramesOut != 0 || s.FCP.Unique != r.FCPOut || s.FCP.Duplicates > 0 || len(s.Pairs) != 4 {
		t.Errorf("ok %v, %d handed back, saw %d of %d FCP frames, %d pairs", r.OK, s.FramesOut, s.FCP.Unique, r.FCPOut, len(s.Pairs))
	}
}

func TestCensusFollowsExchanges(t *testing.T) {
	const eDTOV = int64(2e9)
	command := frame.Header{RCtl: frame.RCtlUnsolicitedCmd, SID: 1, DID: 2, FCtl: frame.FCtlRequest, CRC: 7}
	data := frame.Header{RCtl: frame.RCtlSolicitedData, SID: 2, DID: 1, FCtl: frame.FCtlReadData, SeqID: 1}
	response := frame.Header{RCtl: frame.RCtlCommandStatus, SID: 2, DID: 1, FCtl: frame.FCtlReply, SeqID: 2}
	other := command
	other.CRC = 8
	type step struct {
		h         frame.Header
		at        int64
		duplicate bool
	}
	for _, tc := range []struct {
		name    string
		steps   []step
		orphans uint64
	}{
		{"an OX_ID used again at once is no duplicate", []step{
			{command, 0, false}, {data, 1, false}, {response, 2, false},
			{command, 3, false}, {data, 4, false}, {response, 5, false}}, 0},
		{"each frame twice is", []step{
			{command, 0, false}, {command, 0, true}, {data, 1, false}, {data, 1, true}, {response, 2, false}, {response, 2, true}}, 0},
		{"a command repeated after E_D_TOV is a new one", []step{
			{command, 0, false}, {command, eDTOV + 1, false}, {data, eDTOV + 2, false}}, 0},
		{"another command in the place of one that never ended is new", []step{
			{command, 0, false}, {data, 1, false}, {other, 2, false}, {data, 3, false}}, 0},
		{"the same data of another initiator is no duplicate", []step{
			{command, 0, false}, {data, 1, false}, {frame.Header{RCtl: 1, SID: 2, DID: 3, FCtl: frame.FCtlReadData, SeqID: 1}, 2, false}}, 1},
		{"frames without a command are orphans once for the exchange", []step{
			{data, 0, false}, {response, 1, false}, {data, 2, true}}, 1},
		{"the same exchange in another VLAN is another", []step{
			{command, 0, false}, {frame.Header{RCtl: 6, SID: 1, DID: 2, FCtl: frame.FCtlRequest, CRC: 7, VLAN: 9}, 1, false}}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := NewCensus()
			duplicates := uint64(0)
			for i, s := range tc.steps {
				if got := c.Count(&s.h, true, s.at, eDTOV); got != s.duplicate {
					t.Errorf("step %d: duplicate is %v", i+1, got)
				}
				if s.duplicate {
					duplicates++
				}
			}
			if c.Frames != uint64(len(tc.steps)) || c.Duplicates != duplicates || c.Unique+c.Duplicates != c.Frames || c.Orphans != tc.orphans {
				t.Errorf("counters %+v", c.CensusCounters)
			}
		})
	}
}

func TestCensusIsBounded(t *testing.T) {
	c := NewCensus()
	for i := range maxCensusExchanges + 100 {
		h := frame.Header{RCtl: frame.RCtlUnsolicitedCmd, SID: frame.FCID(i>>16 + 1), DID: frame.FCID(i>>4&0xFFF) + 0x1000, OXID: uint16(i & 0xF), FCtl: frame.FCtlRequest}
		h.SID += frame.FCID(i>>16) + 1
		c.Count(&h, true, 0, 1)
	}
	if len(c.exchanges) > maxCensusExchanges || c.Forgotten == 0 && len(c.exchanges) == maxCensusExchanges+100 {
		t.Errorf("%d exchanges kept, %d forgotten", len(c.exchanges), c.Forgotten)
	}
	if c.Forgotten != 100 {
		t.Errorf("%d forgotten, want 100", c.Forgotten)
	}
}

func TestCountFilesAreWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "count.json")
	v, _ := steeredFabric(t, 0, NodeConfig{CountFile: path}, nil)
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	if err := v.WriteCounts(false); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got InspectorReport
	if err := json.Unmarshal(b, &got); err != nil || got.FCP != v.Report().Services[0].FCP {
		t.Errorf("the file says %+v (%v)", got.FCP, err)
	}
	if err := WriteJSON(filepath.Join(t.TempDir(), "no", "such", "place"), got); err == nil {
		t.Error("writing into a folder that is not there succeeded")
	}
}
