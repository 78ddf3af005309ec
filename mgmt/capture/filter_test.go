package capture

import (
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/problem"
)

var ports = []string{"edge0", "fabric0", "svc0"}

func ptr(i int) *int { return &i }

// aliases is a policy that knows host-1.
func aliases(t *testing.T) *policy.Snapshot {
	t.Helper()
	doc, err := policy.Parse("policy.yaml", []byte("aliases:\n  host-1: 20:00:00:02:fc:01:00:01\npolicies: []\n"))
	if err != nil {
		t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := policy.Open(flat)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAFilterInWordsBecomesASpec(t *testing.T) {
	p := aliases(t)
	const host, array = 0x20000002fc010001, 0x20000002fc0a0001
	for name, test := range map[string]struct {
		filter FrameFilter
		want   func(*capture.Spec)
	}{
		"nothing": {FrameFilter{}, func(*capture.Spec) {}},
		"a flow": {FrameFilter{Flow: "1-100-20000002fc010001-20000002fc0a0001"},
			func(s *capture.Spec) { s.Fabric, s.VSAN, s.A.WWPN, s.B.WWPN = 1, 100, host, array }},
		"a flow of which one end is not known": {FrameFilter{Flow: "0-0-0000000000010001-20000002fc0a0001", OneWay: true},
			func(s *capture.Spec) {
				s.Fabric, s.VSAN, s.A.ID, s.B.WWPN, s.Flags = 0, 0, 0x010001, array, capture.OneWay
			}},
		"an alias and an FC_ID": {FrameFilter{Ends: []FrameEnd{{WWPN: "host-1"}, {FCID: "0x020001"}}},
			func(s *capture.Spec) { s.A.WWPN, s.B.ID = host, 0x020001 }},
		"a WWPN in any spelling": {FrameFilter{Ends: []FrameEnd{{WWPN: "20-00-00-02-FC-01-00-01"}}}, func(s *capture.Spec) { s.A.WWPN = host }},
		"ports, fabric, VSAN": {FrameFilter{Ports: []string{"svc0", "edge0"}, Fabric: ptr(0), VSAN: ptr(4095)},
			func(s *capture.Spec) { s.Ports, s.Fabric, s.VSAN = 0b101, 0, 4095 }},
		"types and R_CTLs": {FrameFilter{Types: []string{"fcp", "0x01"}, RCtls: []string{"command", "7"}},
			func(s *capture.Spec) { s.Types.Add(8); s.Types.Add(1); s.RCtls.Add(6); s.RCtls.Add(7) }},
		"a verdict": {FrameFilter{Verdicts: []string{"steered", "blocked"}},
			func(s *capture.Spec) { s.Fates = 1<<shm.FateSteered | 1<<shm.FateDropBlocked }},
		"all drops": {FrameFilter{Verdicts: []string{"dropped"}}, func(s *capture.Spec) {
			for f := shm.Fate(0); f < shm.NumFates; f++ {
				if f.Dropped() {
					s.Fates |= 1 << f
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := capture.Everything()
			test.want(&want)
			got, err := resolve(&Request{Filter: test.filter}, ports, p)
			if err != nil || got != want {
				t.Errorf("%v\n%+v, want\n%+v", err, got, want)
			}
		})
	}
	r := Request{SnapLength: 128, AsSent: true, Limits: CaptureLimits{Frames: 9, Seconds: 7}}
	if s, err := resolve(&r, ports, nil); err != nil || s.Snap != 128 || s.Flags != capture.AsSent || s.Frames != 9 || s.Time != 7*time.Second {
		t.Errorf("%v, %+v", err, s)
	}
}

func TestWhatIsWrongWithAFilterIsNamedByItsPlaceAndNotRepeated(t *testing.T) {
	const secret = "hunter2"
	for place, r := range map[string]Request{
		"body/filter/flow":         {Filter: FrameFilter{Flow: secret}},
		"body/filter/ends/0":       {Filter: FrameFilter{Ends: []FrameEnd{{}}}},
		"body/filter/ends/1/wwpn":  {Filter: FrameFilter{Ends: []FrameEnd{{FCID: "0x010001"}, {WWPN: secret}}}},
		"body/filter/ends/0/fc_id": {Filter: FrameFilter{Ends: []FrameEnd{{FCID: secret}}}},
		"body/filter/ends":         {Filter: FrameFilter{Ends: make([]FrameEnd, 3)}},
		"body/filter/one_way":      {Filter: FrameFilter{OneWay: true}},
		"body/filter/ports":        {Filter: FrameFilter{Ports: []string{secret}}},
		"body/filter/fabric":       {Filter: FrameFilter{Fabric: ptr(16)}},
		"body/filter/vsan":         {Filter: FrameFilter{VSAN: ptr(-1)}},
		"body/filter/types":        {Filter: FrameFilter{Types: []string{secret}}},
		"body/filter/r_ctls":       {Filter: FrameFilter{RCtls: []string{"0x100"}}},
		"body/filter/verdicts":     {Filter: FrameFilter{Verdicts: []string{secret}}},
		"body/snap_length":         {SnapLength: 63},
		"body/limits/bytes":        {Limits: CaptureLimits{Bytes: MaxBytes + 1}},
		"body/limits/seconds":      {Limits: CaptureLimits{Seconds: -1}},
		"body/limits/frames":       {Limits: CaptureLimits{Frames: MaxFrames + 1}},
		"body/note":                {Note: strings.Repeat(secret, MaxNote)},
	} {
		_, err := resolve(&r, ports, nil)
		if !problem.Is(err, problem.Invalid) || problem.Of(err).Fields[0].Location != place || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", place, err)
		}
	}
	both := Request{Filter: FrameFilter{Flow: "0-0-20000002fc010001-20000002fc0a0001", VSAN: ptr(1)}}
	if _, err := resolve(&both, ports, nil); !problem.Is(err, problem.Invalid) {
		t.Errorf("a flow with another VSAN: %v", err)
	}
}

// FuzzFilter: any filter is refused or becomes a Spec that the data plane takes.
func FuzzFilter(f *testing.F) {
	f.Add("0-0-20000002fc010001-20000002fc0a0001", "host-1", "0x010001", "edge0", "fcp", "0x06", "dropped", true)
	f.Add("----", "", "", "", "", "", "", false)
	f.Fuzz(func(t *testing.T, flow, wwpn, id, port, kind, rctl, verdict string, oneWay bool) {
		filter := FrameFilter{Flow: flow, OneWay: oneWay}
		if wwpn+id != "" {
			filter.Ends = []FrameEnd{{WWPN: wwpn, FCID: id}}
		}
		for _, v := range []struct {
			text string
			into *[]string
		}{{port, &filter.Ports}, {kind, &filter.Types}, {rctl, &filter.RCtls}, {verdict, &filter.Verdicts}} {
			if v.text != "" {
				*v.into = []string{v.text}
			}
		}
		s, err := resolve(&Request{Filter: filter}, ports, nil)
		if err == nil {
			if err := s.Check(); err != nil {
				t.Errorf("%+v became what cannot be: %v", filter, err)
			}
		} else if !problem.Is(err, problem.Invalid) {
			t.Error(err)
		}
	})
}
