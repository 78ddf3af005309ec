package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/yamlconf"
)

func (v *resolver) resolveServices() {
	for i := range v.doc.Services {
		s := &v.doc.Services[i]
		v.checkName("a service", s.Name, s.at)
		what := "service " + s.Name
		if v.skip(s.Name) {
			what = "the service"
		} else if _, double := v.services[s.Name]; double {
			v.r.Errorf(s.at, "Keep one of the two.", "two services are called %s", s.Name)
		} else {
			v.services[s.Name] = i
		}
		out := resolvedService{Service: s}
		out.mac, out.hasMAC = v.mac(s, what)
		v.checkService(s, what)
		v.out.services = append(v.out.services, out)
	}
}

func (v *resolver) mac(s *Service, what string) (frame.MAC, bool) {
	if v.skip(s.MAC) {
		return frame.MAC{}, false
	}
	if s.MAC == "" {
		if s.Mode == ModeSteer {
			v.r.Errorf(s.macAt, "Add mac: and the address that the service receives on.", "%s has no mac, and mode steer needs one", what)
		}
		return frame.MAC{}, false
	}
	mac, err := frame.ParseMAC(s.MAC)
	switch {
	case err != nil:
		v.r.Errorf(s.macAt, "Write 12 hexadecimal digits, as 02:fc:5e:00:00:01.", "%s: %s is not a MAC address", what, yamlconf.Quote(s.MAC))
	case mac == (frame.MAC{}) || mac[0]&1 != 0:
		v.r.Errorf(s.macAt, "Write the address of one station: not zero, and its first byte even.", "%s: %v cannot be the address of a service", what, mac)
	}
	return mac, err == nil
}

func (v *resolver) checkService(s *Service, what string) {
	switch s.Mode {
	case unread:
		v.gap = true
	case ModeSteer:
	case ModeMirror:
		if s.OnFailure == Block {
			v.r.Errorf(s.failAt, "Remove on-failure: what is mirrored goes its way whether the service is up or not.", "%s: a mirror service cannot block", what)
		}
	case ModeVirtualTarget:
		v.r.Errorf(s.modeAt, virtualTarget.Cure, "%s: %s", what, virtualTarget.Problem)
	default:
		v.r.Errorf(s.modeAt, "", "%s: unknown mode %v", what, s.Mode)
	}
	if s.OnFailure > Block {
		v.r.Errorf(s.failAt, "", "%s: unknown on-failure %v", what, s.OnFailure)
	}
	if s.VLAN > MaxVSAN {
		v.r.Errorf(s.vlanAt, "", "%s: vlan %d is above %d", what, s.VLAN, MaxVSAN)
	}
	unprintable := func(c rune) bool { return !unicode.IsPrint(c) }
	if !v.skip(s.Port) && (s.Port == "" || len(s.Port) > MaxPort || !utf8.ValidString(s.Port) || strings.ContainsFunc(s.Port, unprintable)) {
		v.r.Errorf(s.portAt, "Name a port of role service in the boot file.", "%s: %s is no port's name", what, yamlconf.Quote(s.Port))
	}
	v.checkText(s.Note, what, s.at)
}

// checkText checks what a file cannot hold but a Document made otherwise can.
func (v *resolver) checkText(s, what string, at yamlconf.Span) {
	if len(s) > MaxNote || !utf8.ValidString(s) {
		v.r.Errorf(at, "Shorten it, and use UTF-8.", "%s: a note or ticket is too long or not text", what)
	}
}

func (v *resolver) resolveRules() {
	first := make(map[string]int, len(v.doc.Rules))
	v.out.rules = make([]resolvedRule, 0, len(v.doc.Rules))
	for i := range v.doc.Rules {
		rule := &v.doc.Rules[i]
		v.checkName("a rule", rule.Name, rule.nameAt)
		what := "rule " + rule.Name
		if v.skip(rule.Name) {
			what = "the rule"
		} else if _, double := first[rule.Name]; double {
			v.r.Errorf(rule.nameAt, "Reports count by name; give each rule its own.", "two rules are called %s", rule.Name)
		} else {
			first[rule.Name] = i
		}
		out := resolvedRule{Rule: rule, initiators: none, targets: none, vsans: none, service: none}
		out.initiators = v.condition(rule.Initiator, what+": initiator", rule.matchAt)
		out.targets = v.condition(rule.Target, what+": target", rule.matchAt)
		out.vsans = v.vsanCondition(rule, what)
		v.checkAction(rule, what)
		v.serviceOf(rule, what, &out)
		v.checkText(rule.Note, what, rule.at)
		v.checkText(rule.Ticket, what, rule.at)
		v.out.rules = append(v.out.rules, out)
	}
}

// condition resolves the terms of one end into an interned set; none is any.
func (v *resolver) condition(terms []Term, what string, at yamlconf.Span) int {
	if len(terms) == 0 {
		return none
	}
	if len(terms) == 1 {
		if i, ok := v.sets[terms[0].Text]; ok {
			v.out.setUsed[terms[0].Text] = true
			return i
		}
	}
	members := make([]Prefix, 0, len(terms))
	ok := true
	for _, t := range terms {
		if i, isSet := v.sets[t.Text]; isSet {
			v.out.setUsed[t.Text] = true
			if i == none || !v.expand(len(v.out.wwnSets[i]), at) {
				ok = false
				continue
			}
			members = append(members, v.out.wwnSets[i]...)
			continue
		}
		p, found := v.single(t, what)
		members = append(members, p)
		ok = ok && found
	}
	if !ok || !v.expand(len(terms), at) {
		return none
	}
	return v.intern(members, terms, what, at)
}

func (v *resolver) vsanCondition(rule *Rule, what string) int {
	if len(rule.VSAN) == 0 {
		return none
	}
	for _, r := range rule.VSAN {
		if r.From > r.To || r.To > MaxVSAN {
			v.r.Errorf(r.at, "", "%s: vsan range %d-%d", what, r.From, r.To)
			return none
		}
	}
	ranges := normalizeVSANs(rule.VSAN)
	key := make([]byte, 0, 4*len(ranges))
	for _, r := range ranges {
		key = append(key, byte(r.From>>8), byte(r.From), byte(r.To>>8), byte(r.To))
	}
	if i, ok := v.vsans[string(key)]; ok {
		return i
	}
	i := len(v.out.vsanSets)
	v.out.vsanSets = append(v.out.vsanSets, ranges)
	v.vsans[string(key)] = i
	return i
}

// checkAction holds the keys of a rule against its action.
func (v *resolver) checkAction(rule *Rule, what string) {
	switch rule.Action {
	case unread:
		v.gap = true
		return
	case Redirect, Mirror:
		if rule.Service == "" {
			v.r.Errorf(rule.actionAt, "Add service: and the name of one.", "%s has no service, and action %v needs one", what, rule.Action)
		}
	case Forward, Drop:
		if rule.Service != "" {
			v.r.Errorf(rule.serviceAt, "Remove service, or make it action: redirect or mirror.", "%s: action %v takes no service", what, rule.Action)
		}
	default:
		v.r.Errorf(rule.actionAt, "", "%s: unknown action %v", what, rule.Action)
	}
	if (rule.CommandsOnly || rule.framesAt != (yamlconf.Span{})) && rule.Action != Mirror {
		at := rule.framesAt
		v.r.Errorf(at, "Remove frames; a part of a command cannot go another way than the rest.", "%s: frames goes with action mirror only", what)
	}
	if rule.OnFailure != Unsaid && rule.Action != Redirect {
		v.r.Errorf(rule.failAt, "Remove on-failure.", "%s: on-failure goes with action redirect only", what)
	}
	if rule.OnFailure > Block {
		v.r.Errorf(rule.failAt, "", "%s: unknown on-failure %v", what, rule.OnFailure)
	}
}

// serviceOf looks up a rule's service and checks that it does what the action asks.
func (v *resolver) serviceOf(rule *Rule, what string, out *resolvedRule) {
	if rule.Service == "" || v.skip(rule.Service) || rule.Action != Redirect && rule.Action != Mirror {
		return
	}
	i, ok := v.services[rule.Service]
	if !ok {
		cure := "Define it under services."
		if near := yamlconf.Nearest(rule.Service, v.serviceNames); near != "" {
			cure = "Did you mean " + near + "? " + cure
		} else if len(v.services) == 0 {
			cure = "There are no services yet. " + cure
		}
		v.r.Errorf(rule.serviceAt, cure, "%s: no service is called %s", what, yamlconf.Quote(rule.Service))
		return
	}
	s := v.doc.Services[i]
	switch {
	case rule.Action == Redirect && s.Mode == ModeMirror:
		v.r.Errorf(rule.serviceAt, "Use action: mirror, or a service with mode: steer.", "%s redirects to %s, whose mode is mirror", what, s.Name)
	case rule.Action == Mirror && s.Mode == ModeSteer:
		v.r.Errorf(rule.serviceAt, "Use action: redirect, or a service with mode: mirror: a steer service would hand the copies back.", "%s mirrors to %s, whose mode is steer", what, s.Name)
	}
	out.service = i
	if rule.Action == Redirect {
		out.onFailure = rule.OnFailure
		if out.onFailure == Unsaid {
			out.onFailure = s.failureAnswer()
		}
	}
}

// serviceNames yields the names of services, for cures.
func (v *resolver) serviceNames(yield func(string) bool) {
	for i := range v.doc.Services {
		if !yield(v.doc.Services[i].Name) {
			return
		}
	}
}

// failureAnswer is what a service does when its file says nothing else.
func (s *Service) failureAnswer() OnFailure {
	if s.OnFailure == Unsaid {
		return Bypass
	}
	return s.OnFailure
}

// conditionText is a condition as it was written, for Explain, cut where it gets long.
func conditionText(terms []Term) string {
	if len(terms) == 0 {
		return anyWord
	}
	if len(terms) == 1 {
		return terms[0].Text
	}
	var b strings.Builder
	for i, t := range terms {
		if b.Len() > maxCondition {
			b.WriteString(", …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(t.Text)
	}
	return b.String()
}
