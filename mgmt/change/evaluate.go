package change

import (
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
)

// Verdict is what a configuration says of a flow.
type Verdict struct {
	Action    string `json:"action" enum:"forward,redirect,mirror,drop"`
	Policy    string `json:"policy,omitempty" doc:"The policy that decides; absent: none does, and it is forwarded."`
	Service   string `json:"service,omitempty"`
	Frames    string `json:"frames,omitempty" doc:"commands: a mirror copies commands alone."`
	OnFailure string `json:"on_failure,omitempty"`
}

// RuleAnswer says of one policy whether it decides, and why not.
type RuleAnswer struct {
	Position  int    `json:"position"`
	Policy    string `json:"policy"`
	Decides   bool   `json:"decides"`
	Initiator bool   `json:"initiator" doc:"The condition on the initiator holds."`
	Target    bool   `json:"target"`
	VSAN      bool   `json:"vsan"`
	Disabled  bool   `json:"disabled,omitempty"`
	Why       string `json:"why"`
}

// Explanation is a verdict with its reasons.
type Explanation struct {
	Initiator      string       `json:"initiator" doc:"The WWPN; empty: not known."`
	InitiatorAlias string       `json:"initiator_alias,omitempty"`
	Target         string       `json:"target"`
	TargetAlias    string       `json:"target_alias,omitempty"`
	VSAN           uint16       `json:"vsan"`
	Verdict        Verdict      `json:"verdict"`
	Text           string       `json:"text" doc:"The verdict in words."`
	Rules          []RuleAnswer `json:"rules" doc:"Policies in their order."`
	Omitted        int          `json:"omitted" doc:"Policies that are not listed: beyond the limit, or of which no condition but any holds."`
}

// Question asks for a verdict.
type Question struct {
	Initiator, Target string // an alias or a WWPN; empty: not known
	VSAN              uint16
	All               bool // list also policies that have nothing to do with it
	Limit             int  // of listed policies
}

// Evaluate asks a configuration about a flow, with the evaluator that the lcores use.
func (s *Service) Evaluate(d *draft.Draft, q Question) (*Explanation, error) {
	c := s.compile(d)
	if err := c.problem(); err != nil {
		return nil, err
	}
	initiator, err := lookup(d, q.Initiator, "body/initiator")
	if err != nil {
		return nil, err
	}
	target, err := lookup(d, q.Target, "body/target")
	if err != nil {
		return nil, err
	}
	x := c.snapshot.Explain(initiator, target, q.VSAN)
	out := &Explanation{
		InitiatorAlias: c.snapshot.AliasOf(initiator), TargetAlias: c.snapshot.AliasOf(target), VSAN: q.VSAN, Verdict: verdictOf(c.snapshot, x.Verdict),
		Text: x.Outcome(), Rules: []RuleAnswer{}, Initiator: wwnText(initiator), Target: wwnText(target),
	}
	for i := range x.Rules {
		r := &x.Rules[i]
		name := d.Policies[i]
		near := r.Matches() || r.Initiator && len(name.Match.Initiator) > 0 || r.Target && len(name.Match.Target) > 0
		if len(out.Rules) >= q.Limit && !r.Decides || !near && !q.All {
			out.Omitted++
			continue
		}
		out.Rules = append(out.Rules, RuleAnswer{
			Position: i + 1, Policy: name.Name, Decides: r.Decides, Initiator: r.Initiator, Target: r.Target, VSAN: r.VSAN, Disabled: r.Disabled, Why: x.Why(i),
		})
	}
	return out, nil
}

func wwnText(w frame.WWN) string {
	if w == 0 {
		return ""
	}
	return w.String()
}

func lookup(d *draft.Draft, name, where string) (frame.WWN, error) {
	if name == "" {
		return 0, nil
	}
	if a := d.Alias(name); a != nil {
		name = a.WWPN
	}
	w, err := frame.ParseWWN(name)
	if err != nil || w == 0 {
		return 0, problem.New(problem.Invalid, "").At(where, "must be an alias or a WWPN")
	}
	return w, nil
}

// verdictOf puts a verdict in words.
func verdictOf(p *policy.Snapshot, v policy.Verdict) Verdict {
	out := Verdict{Action: v.Action.String()}
	if v.Rule >= 0 {
		out.Policy = p.Rule(int(v.Rule)).Name
	}
	if v.Service >= 0 {
		out.Service = p.Service(int(v.Service)).Name
	}
	if v.CommandsOnly {
		out.Frames = "commands"
	}
	if v.OnFailure != policy.Unsaid {
		out.OnFailure = v.OnFailure.String()
	}
	return out
}
