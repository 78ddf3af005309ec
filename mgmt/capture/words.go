package capture

import (
	"fmt"
	"strings"
	"sync/atomic"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// words makes the comments of frames: verdict: steered; rule: backup; service: inspect. Rules and services have numbers in
// a record, which mean something only with the policy of their generation.
type words struct {
	policies map[uint32]*policy.Snapshot // by generation; nil: there was none, or it is not known any more
	made     map[reason]string
}

// reason is all that a comment says.
type reason struct {
	fate, flags, action uint8
	service             int16
	rule                int32
	generation          uint32
}

// maxPolicies bounds the policies that are remembered: what changes more often is named by number.
const maxPolicies = 4

func (w *words) of(state *shm.File, r *capture.Record) string {
	why := reason{r.Fate, r.Flags, r.Action, r.Service, r.Rule, r.Generation}
	if text, ok := w.made[why]; ok {
		return text
	}
	if w.made == nil || len(w.made) >= maxComments {
		w.made = map[reason]string{}
	}
	text := why.text(w.policy(state, r.Generation))
	w.made[why] = text
	return text
}

// policy is that of a generation, as long as it is the active one when it is first asked for.
func (w *words) policy(state *shm.File, generation uint32) *policy.Snapshot {
	if generation == 0 {
		return nil
	}
	if p, ok := w.policies[generation]; ok {
		return p
	}
	if w.policies == nil || len(w.policies) >= maxPolicies {
		w.policies = map[uint32]*policy.Snapshot{}
	}
	var found *policy.Snapshot
	if pages := shm.Items[shm.Control](state, shm.RegionControl); len(pages) == 1 && atomic.LoadUint32(&pages[0].Generation) == generation {
		found = report.Policy(state)
		if atomic.LoadUint32(&pages[0].Generation) != generation {
			found = nil
		}
	}
	w.policies[generation] = found
	return found
}

func (r reason) text(p *policy.Snapshot) string {
	var b strings.Builder
	if r.flags&capture.FlagSent != 0 {
		b.WriteString("as sent; ")
	}
	fmt.Fprintf(&b, "verdict: %s", shm.Fate(r.fate))
	if r.flags&capture.FlagCarried != 0 {
		b.WriteString("; by the lcore of its flow")
	}
	if r.generation == 0 {
		return b.String()
	}
	switch {
	case r.rule < 0:
		b.WriteString("; rule: default")
	case p != nil && int(r.rule) < p.Rules():
		fmt.Fprintf(&b, "; rule: %s", p.Rule(int(r.rule)).Name)
	default:
		fmt.Fprintf(&b, "; rule: number %d of generation %d", r.rule, r.generation)
	}
	if r.service < 0 {
		return b.String()
	}
	word := "service"
	if r.action == flow.Mirror {
		word = "mirrored to"
	}
	if p != nil && int(r.service) < p.Services() {
		fmt.Fprintf(&b, "; %s: %s", word, p.Service(int(r.service)).Name)
	} else {
		fmt.Fprintf(&b, "; %s: number %d", word, r.service)
	}
	return b.String()
}
