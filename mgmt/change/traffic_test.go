package change

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/report"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
)

// traffic is a list of directions.
type traffic struct {
	list []Direction
	err  error
}

func (t *traffic) Directions(since time.Time, visit func(Direction)) error {
	for _, d := range t.list {
		if !d.LastSeen.Before(since) {
			visit(d)
		}
	}
	return t.err
}

func (t *traffic) Services() ([]report.Service, error) {
	return []report.Service{{Name: "inspect", Port: "svc0", Up: true, Flips: 3}}, t.err
}

func (t *traffic) Ports() (map[string]string, error) {
	return map[string]string{"svc0": "service", "edge0": "edge"}, t.err
}

func (t *traffic) Evaluations() (uint64, error) { return 42, t.err }

// add puts both directions of a flow.
func (t *traffic) add(host, target frame.WWN, vsan uint16, frames uint64, last time.Time) {
	k := flow.MakeKey(1, vsan, uint32(len(t.list)+1), 0x010203)
	t.list = append(t.list,
		Direction{Key: k, FromInitiator: true, Initiator: host, Target: target, Frames: frames, Bytes: 100 * frames, LastSeen: last},
		Direction{Key: k.Reverse(), Initiator: host, Target: target, Frames: frames, Bytes: 100 * frames, LastSeen: last})
}

const (
	host  frame.WWN = 0x200002fc01000001
	other frame.WWN = 0x200002fc01000002
	array frame.WWN = 0x200002fc0a00000a
)

const policies = `aliases: {host: 20:00:02:fc:01:00:00:01, other: 20:00:02:fc:01:00:00:02, array: 20:00:02:fc:0a:00:00:0a}
services: [{name: inspect, mode: steer, port: svc0, mac: 02:fc:5e:00:00:01}]
policies:
  - {name: one, match: {initiator: host, target: array}, action: redirect, service: inspect}
  - {name: shadow, match: {initiator: host, target: array, vsan: 5}, action: drop}
  - {name: idle, match: {initiator: 50:00:*}, action: drop}
`

// busy is a world with traffic, whose data plane runs policies.
func busy(t *testing.T) (*world, *traffic, *time.Time) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := newWorldBy(t, memory(t), func() time.Time { return now })
	tr := &traffic{}
	w.o.Traffic = tr
	w.plane.Load(1, policies)
	w.settle()
	tr.add(host, array, 5, 10, now)
	tr.add(host, array, 0, 30, now.Add(-5*time.Minute))
	tr.add(other, array, 0, 20, now)
	tr.add(other, array, 7, 1, now.Add(-time.Hour))
	tr.add(0, array, 0, 2, now)
	return w, tr, &now
}

func TestHitsSayWhatEachPolicyDecidesNow(t *testing.T) {
	w, tr, now := busy(t)
	h, err := w.Hits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if one := h.ByPolicy["one"]; one.Flows != 2 || one.Frames != 80 || one.Bytes != 8000 || one.LastHit.IsZero() {
		t.Errorf("one: %+v", one)
	}
	if h.ByPolicy["idle"] != (Hit{}) || h.Default.Flows != 3 || h.ByService["inspect"].Flows != 2 || h.Evaluations != 42 {
		t.Errorf("%+v", h)
	}
	tr.list = nil
	if again, _ := w.Hits(t.Context()); again != h {
		t.Error("a second has not passed, and it looked again")
	}
	*now = now.Add(2 * time.Second)
	if h, _ = w.Hits(t.Context()); h.ByPolicy["one"].Flows != 0 || h.ByPolicy["one"].LastHit.IsZero() {
		t.Errorf("when it was hit is forgotten: %+v", h.ByPolicy["one"])
	}
	if s := w.Shadowed(w.Draft(ActiveOne), true); len(s) != 1 || !strings.Contains(s["shadow"], "by one") {
		t.Errorf("%v", s)
	}
	if states := w.ServiceStates(); !states["inspect"].Up || states["inspect"].Flips != 3 {
		t.Errorf("%v", states)
	}
	tr.err = problem.New(problem.DataplaneUnavailable, "")
	*now = now.Add(time.Hour)
	if _, err := w.Hits(t.Context()); !problem.Is(err, problem.DataplaneUnavailable) {
		t.Error(err)
	}
}

func TestADryRunTellsWhichFlowsGetAnotherVerdict(t *testing.T) {
	w, _, _ := busy(t)
	w.mustEdit("alice", draft.Edit{Op: draft.Delete, Kind: draft.KindPolicy, Name: "one"})
	w.mustEdit("alice", draft.Edit{Op: draft.Put, Kind: draft.KindPolicy, Name: "rest", Policy: &draft.Policy{Match: draft.Match{Initiator: []string{"other"}}, Action: "drop"}})
	r, err := w.DryRun(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if r.Flows != 4 || r.Changed != 3 || r.OtherRule != 0 || len(r.Changes) != 3 || len(r.Counts) != 3 || !r.Complete {
		t.Fatalf("%+v", r)
	}
	var got []string
	for _, c := range r.Changes {
		got = append(got, fmt.Sprintf("%s %d %s %s>%s %s %d", c.InitiatorAlias, c.VSAN, c.From.Action, c.From.Policy, c.To.Action, c.To.Policy, c.Frames))
	}
	if want := []string{"host 0 redirect one>forward  60", "other 0 forward >drop rest 40", "host 5 redirect one>drop shadow 20"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if r.Changes[0].Flow != "1-0-200002fc01000001-200002fc0a00000a" {
		t.Errorf("%+v", r.Changes[0])
	}
	if again, err := w.LastDryRun(r.ID); err != nil || again != r {
		t.Error(err)
	}
	for range dryRunsKept {
		if _, err := w.DryRun(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.LastDryRun(r.ID); !problem.Is(err, problem.Gone) {
		t.Error(err)
	}
	if _, err := w.DryRun(t.Context(), 0); !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
}

func TestAnEvaluationExplainsPolicyByPolicy(t *testing.T) {
	w, _, _ := busy(t)
	x, err := w.Evaluate(w.Draft(ActiveOne), Question{Initiator: "host", Target: "200002FC0A00000A", VSAN: 5, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if x.Verdict != (Verdict{Action: "redirect", Policy: "one", Service: "inspect", OnFailure: "bypass"}) || x.TargetAlias != "array" || x.Omitted != 1 ||
		len(x.Rules) != 2 || !x.Rules[0].Decides || !strings.Contains(x.Rules[1].Why, "decided before") {
		t.Errorf("%+v", x)
	}
	if x, err = w.Evaluate(w.Draft(ActiveOne), Question{Target: "array", All: true, Limit: 2}); err != nil || x.Verdict.Action != "forward" || x.Initiator != "" || len(x.Rules) != 2 || x.Omitted != 1 {
		t.Errorf("%+v %v", x, err)
	}
	if _, err = w.Evaluate(w.Draft(ActiveOne), Question{Initiator: "nobody"}); !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
}

func TestAValidationLeadsToTheObject(t *testing.T) {
	w, tr, _ := busy(t)
	w.mustEdit("alice", draft.Edit{Op: draft.Put, Kind: draft.KindService, Name: "lost", Service: &draft.Service{Mode: "mirror", Port: "edge0"}})
	v := w.Validate(w.Draft(PendingOne))
	var got []string
	for _, f := range v.Findings {
		got = append(got, f.Severity+" "+f.Code+" "+f.Object)
		if f.Line == 0 || f.Message == "" {
			t.Errorf("%+v", f)
		}
	}
	want := []string{"error port_unknown services/lost/port", "warning alias_unused aliases/other", "warning service_unused services/lost", "warning rule_shadowed policies/shadow"}
	if v.Valid || v.Errors != 1 || v.Warnings != 3 || !slices.Equal(got, want) {
		t.Errorf("%+v\n%q", v, got)
	}
	tr.err = errors.New("no segment")
	if v = w.Validate(w.Draft(PendingOne)); !v.Valid {
		t.Errorf("without a data plane: %+v", v)
	}
	bad := *w.Draft(PendingOne)
	bad.Policies = append(slices.Clone(bad.Policies), &draft.Policy{Name: "bad", Action: "redirect", Service: "gone"})
	if v = w.Validate(&bad); v.Valid || v.Findings[0].Object != "policies/bad/service" || v.Findings[0].Kind != "policy" || v.Findings[0].Field != "service" {
		t.Errorf("%+v", v.Findings)
	}
}
