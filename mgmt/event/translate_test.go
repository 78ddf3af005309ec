package event

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

const wallStart = 1_767_225_600_000_000_000 // 2026-01-01 00:00 UTC

// segment has two ports and room for policies. Its TSC is nanoseconds since 1970.
func segment(t testing.TB) *shm.Segment {
	t.Helper()
	seg, err := shm.Create(shm.Config{
		Dir: t.TempDir(), Node: "a", TSCHz: 1e9, Ctl: []shm.RegionSpec{{Name: shm.RegionCursors, Stride: 64, Count: 1}},
		State: []shm.RegionSpec{
			{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1}, {Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 2},
			{Name: fmt.Sprintf(shm.RegionPolicy, 0), Stride: 1 << 16, Count: 1}, {Name: fmt.Sprintf(shm.RegionPolicy, 1), Stride: 1 << 16, Count: 1},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	h := seg.State.Header()
	h.StartNS, h.TSCStart = wallStart, wallStart
	for i, name := range []string{"edge0", "fabric0"} {
		copy(shm.Items[shm.PortInfo](seg.State, shm.RegionPorts)[i].Name[:], name)
	}
	control(seg).PolicySlot = shm.NoPolicy
	return seg
}

func control(seg *shm.Segment) *shm.Control {
	return &shm.Items[shm.Control](seg.State, shm.RegionControl)[0]
}

// apply puts a policy in force, as a new generation.
func apply(t testing.TB, seg *shm.Segment, text string) {
	t.Helper()
	doc, err := policy.Parse("p.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	slot := (control(seg).Generation + 1) % 2
	if shm.PutPolicy(seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, slot)), flat) == nil {
		t.Fatal("the policy does not fit")
	}
	control(seg).PolicySlot = slot
	control(seg).Generation++
}

const (
	watch = `
services: [{name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01"}]
policies: [{name: watch, match: {initiator: 20:00:02:fc:01:00:00:01}, action: redirect, service: inspect}]
`
	guard = `
services: [{name: vault, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01"}]
policies: [{name: stop, match: {initiator: 20:00:02:fc:01:00:00:09}, action: drop}, {name: guard, match: {initiator: 20:00:02:fc:01:00:00:01}, action: redirect, service: vault}]
`
)

func item(t feed.Type, fill func(*feed.Item)) *feed.Item {
	i := &feed.Item{}
	*i.Header() = feed.Header{Seq: 7, TSC: wallStart + 2e9, Kind: feed.KindEvent, Producer: 3, Type: t}
	fill(i)
	return i
}

func flowItem(t feed.Type, fill func(*feed.FlowItem)) *feed.Item {
	return item(t, func(i *feed.Item) {
		f := i.Flow()
		f.Serial, f.Key = 5, uint64(flow.MakeKey(1, 100, 0x010203, 0x0a0b0c))
		f.Initiator, f.Target, f.Frames, f.Bytes, f.Created, f.LastSeen = 0x2000_02fc_0100_0001, 0, 10, 640, wallStart+1e9, wallStart+2e9
		f.Rule, f.Service, f.OldRule, f.OldService, f.Orient, f.InPort = -1, -1, -1, -1, uint8(flow.FromInitiator), 1
		fill(f)
	})
}

const flowStart = `{"serial":5,"from_initiator":true,"fabric":1,"vsan":100,"s_id":"0x010203","d_id":"0x0a0b0c","initiator":"20:00:02:fc:01:00:00:01","in_port":"fabric0",`

const flowEnd = `"frames":10,"bytes":640,"errors":0,"created":"2026-01-01T00:00:01Z","last_seen":"2026-01-01T00:00:02Z"`

func TestItemsBecomeEventsWithNames(t *testing.T) {
	seg := segment(t)
	tr := NewTranslator(seg.State)
	apply(t, seg, watch) // generation 1
	redirected := func(f *feed.FlowItem) { f.Action, f.Rule, f.Service, f.Generation = uint8(policy.Redirect), 0, 0, 1 }
	loginItem := func(kind feed.Type) *feed.Item {
		return item(kind, func(i *feed.Item) {
			l := i.Login()
			l.Addr, l.WWPN, l.OldWWPN = uint64(login.At(1, 100, 0x010203)), 0x2000_02fc_0100_0001, 0x2000_02fc_0100_0002
			l.MAC, l.Port, l.Status, l.Claimed = frame.MAC{14, 0xfc, 0, 1, 2, 3}, 0, uint8(login.Live), uint8(login.Target)
			l.How, l.Cause, l.Flags2, l.FirstSeen, l.Generation, l.Incarnation = uint8(login.ByLogin), uint8(login.DuplicateName), uint8(login.Contested), wallStart, 9, 2
		})
	}
	const loginFields = `{"fabric":1,"vsan":100,"fc_id":"0x010203","wwpn":"20:00:02:fc:01:00:00:01","mac":"0e:fc:00:01:02:03","port":"edge0","state":"live",` +
		`"role":"target","how":"login","cause":"duplicate_name","contested":true,"first_seen":"2026-01-01T00:00:00Z","generation":9,"incarnation":2`
	name := func(kind feed.Type, fill func(*feed.NameItem)) *feed.Item {
		return item(kind, func(i *feed.Item) {
			copy(i.Name().Name[:], "thing")
			fill(i.Name())
		})
	}
	for _, c := range []struct {
		name string
		item *feed.Item
		want Type
		json string
	}{
		{"a flow", flowItem(feed.FlowCreated, redirected), FlowCreated, flowStart + `"verdict":"redirect","rule":"watch","service":"inspect","state":"active","generation":1,` + flowEnd + `}`},
		{"a flow's end", flowItem(feed.FlowEnded, func(f *feed.FlowItem) { redirected(f); f.State, f.Generation = feed.Ended, 9; f.InPort = 77 }), FlowEnded,
			`{"serial":5,"from_initiator":true,"fabric":1,"vsan":100,"s_id":"0x010203","d_id":"0x0a0b0c","initiator":"20:00:02:fc:01:00:00:01",` +
				`"verdict":"redirect","rule":"#0","service":"#0","state":"ended","generation":9,` + flowEnd + `}`},
		{"a verdict", flowItem(feed.FlowVerdict, redirected), FlowVerdict, flowStart + `"verdict":"redirect","rule":"watch","service":"inspect","state":"active","generation":1,` + flowEnd +
			`,"old_verdict":"forward","old_state":"active"}`},
		{"a flow that lost its service", flowItem(feed.FlowVerdict, func(f *feed.FlowItem) {
			redirected(f)
			f.State, f.OldAction, f.OldRule, f.OldService = feed.Blocked, uint8(policy.Redirect), 0, 0
		}), FlowFailed, flowStart + `"verdict":"redirect","rule":"watch","service":"inspect","state":"blocked","generation":1,` + flowEnd +
			`,"old_verdict":"redirect","old_rule":"watch","old_service":"inspect","old_state":"active"}`},
		{"a flow that has it back", flowItem(feed.FlowVerdict, func(f *feed.FlowItem) { f.OldState = feed.Bypassed; f.OldRule = 4; f.OldAction = 1 }), FlowRecovered,
			flowStart + `"verdict":"forward","state":"active","generation":0,` + flowEnd + `,"old_verdict":"redirect","old_rule":"#4","old_state":"bypassed"}`},
		{"a login", loginItem(feed.LoginUp), LoginUp, loginFields + `}`},
		{"a conflict", loginItem(feed.LoginConflict), LoginConflict, loginFields + `,"old_wwpn":"20:00:02:fc:01:00:00:02"}`},
		{"a port", name(feed.PortDown, func(n *feed.NameItem) { n.Index = 1 }), PortDown, `{"name":"thing","index":1}`},
		{"a policy", name(feed.PolicyApplied, func(n *feed.NameItem) { n.Generation, n.Hash, n.Index = 1, 0xabc, -1 }), PolicyApplied,
			`{"name":"thing","policy":"0000000000000abc","generation":1}`},
		{"no policy", name(feed.PolicyApplied, func(n *feed.NameItem) { n.Name = [80]byte{} }), PolicyApplied, `{"policy":"none","generation":0}`},
		{"a revision that nobody confirmed", item(feed.PolicyExpired, func(i *feed.Item) {
			c := i.Change()
			c.Revision, c.Confirmed, c.Hash, c.Window, c.Generation, c.Document[0] = 8, 7, 0xabc, int64(90*time.Second), 12, 0xde
		}), PolicyExpired, `{"revision":8,"confirmed":7,"policy":"0000000000000abc","document":"de` + strings.Repeat("00", 31) + `","generation":12,"window_ms":90000}`},
		{"an lcore", name(feed.LcoreResumed, func(n *feed.NameItem) { n.Nanos = 3_700_000_000 }), LcoreResumed, `{"name":"thing","index":0,"away_ms":3700}`},
		{"a gap", item(0, func(i *feed.Item) { i.Header().Kind, i.Gap().Lost, i.Gap().First = feed.KindGap, 12, wallStart }), LogGap,
			`{"producer":3,"lost":12,"since":"2026-01-01T00:00:00Z"}`},
	} {
		e, ok := tr.Event(99, c.item)
		if !ok || e.Type != c.want || string(e.Fields) != c.json || e.Origin != (Origin{99, 3, 7}) || e.At.UnixNano() != wallStart+2e9 {
			t.Errorf("%s: %v %+v\n%s\nwant\n%s", c.name, e.Type, e.Origin, e.Fields, c.json)
		}
		holdToCatalogue(t, c.name, &e)
	}
	if _, ok := tr.Event(99, item(0, func(i *feed.Item) { i.Header().Kind = feed.KindSynced })); ok {
		t.Error("the end of a synchronization is no event")
	}
	if e, ok := tr.Event(99, item(1000, func(i *feed.Item) {})); !ok || e.Type != LogUnknown || len(e.Fields) < 200 {
		t.Errorf("of a later version: %v %s", e.Type, e.Fields)
	}
}

// holdToCatalogue finds fields that the event's entry does not declare, or declares otherwise.
func holdToCatalogue(t *testing.T, name string, e *Event) {
	t.Helper()
	c := Lookup(e.Type)
	for field, v := range decoded(e) {
		found := false
		for _, d := range c.Fields {
			if d.Name != field {
				continue
			}
			found = true
			switch v := v.(type) {
			case float64:
				found = d.Kind == Number
			case bool:
				found = d.Kind == Truth
			case string:
				_, err := time.Parse(time.RFC3339Nano, v)
				found = d.Kind == Text || d.Kind == Time && err == nil
			}
		}
		if !found {
			t.Errorf("%s: %s has no such field %s", name, c.Name, field)
		}
	}
}

// What a verdict was before is named by a policy that can have given it; where two can, the index stands.
func TestOldVerdictsAreNamedWhenItIsSure(t *testing.T) {
	seg := segment(t)
	tr := NewTranslator(seg.State)
	see := func() { tr.policy(control(seg).Generation) }
	apply(t, seg, watch) // 1: rule 0 redirects to service 0
	see()
	apply(t, seg, watch) // 2: the same, a service came up
	see()
	apply(t, seg, guard) // 3: rule 0 drops, rule 1 redirects to service 0
	see()
	for _, c := range []struct {
		name            string
		generation      uint32
		action          policy.Action
		rule            int32
		service         int16
		wants, service2 string
	}{
		{"the policy before", 3, policy.Redirect, 0, 0, "watch", "inspect"},
		{"this policy, after a login changed", 3, policy.Redirect, 1, 0, "guard", "vault"},
		{"this policy's drop", 3, policy.Drop, 0, -1, "stop", ""},
		{"none of them", 3, policy.Mirror, 0, 0, "#0", "#0"},
		{"before any", 1, policy.Redirect, 1, 0, "#1", "#0"},
		{"the default", 3, policy.Forward, -1, -1, "", ""},
	} {
		e, _ := tr.Event(1, flowItem(feed.FlowVerdict, func(f *feed.FlowItem) {
			f.Generation, f.OldAction, f.OldRule, f.OldService = c.generation, uint8(c.action), c.rule, c.service
		}))
		got := decoded(&e)
		if fmt.Sprint(got["old_rule"]) != orNil(c.wants) || fmt.Sprint(got["old_service"]) != orNil(c.service2) {
			t.Errorf("%s: rule %v, service %v", c.name, got["old_rule"], got["old_service"])
		}
	}
	for range 2 * keptPolicies {
		apply(t, seg, watch)
		see()
	}
	if len(tr.policies) != keptPolicies || tr.policy(3) != nil || tr.policy(control(seg).Generation) == nil {
		t.Errorf("%d policies are kept", len(tr.policies))
	}
}

func orNil(s string) string {
	if s == "" {
		return "<nil>"
	}
	return s
}

// Nothing in an item is trusted: any bytes give an event that the log takes, or none.
func FuzzAnyItemIsTranslated(f *testing.F) {
	seg := segment(f)
	apply(f, seg, watch)
	tr := NewTranslator(seg.State)
	for _, kind := range []feed.Type{feed.FlowVerdict, feed.LoginConflict, feed.PolicyApplied, feed.LcoreResumed, 999} {
		f.Add(item(kind, func(*feed.Item) {})[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var i feed.Item
		copy(i[:], b)
		if e, ok := tr.Event(1, &i); ok {
			if len(e.Fields) > MaxFields {
				t.Fatalf("%d bytes", len(e.Fields))
			}
			decoded(&e)
			holdToCatalogue(t, "fuzzed", &e)
		}
	})
}

func BenchmarkTranslateAFlow(b *testing.B) {
	seg := segment(b)
	apply(b, seg, watch)
	tr := NewTranslator(seg.State)
	i := flowItem(feed.FlowVerdict, func(f *feed.FlowItem) { f.Action, f.Rule, f.Service, f.Generation = 1, 0, 0, 1 })
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := tr.Event(1, i); !ok {
			b.Fatal("no event")
		}
	}
}
