package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/dataplane/yamlconf"
)

func (c *cli) policyCommand() *cobra.Command {
	var q question
	var file string
	explain := &cobra.Command{
		Use: "explain --initiator W --target W [--vsan N]", Short: "which rule decides on a pair, and why", Args: cobra.NoArgs,
		Long: "Asks the active policy (or, with --file, a document) about an initiator and a target, each a WWPN in any spelling or an alias.",
		RunE: func(*cobra.Command, []string) error {
			if q.vsan > policy.MaxVSAN {
				return usageError{fmt.Errorf("--vsan %d: want 0 to %d", q.vsan, policy.MaxVSAN)}
			}
			if file != "" {
				s, err := compileFile(file)
				if err != nil {
					return err
				}
				return c.explain(s, &q)
			}
			return c.withSegment(func(f *shm.File) error {
				s, err := report.ReadPolicy(f)
				if err != nil {
					return err
				}
				return c.explain(s, &q)
			})
		},
	}
	flags := explain.Flags()
	flags.StringVar(&q.initiator, "initiator", "", "`WWPN` or alias (required)")
	flags.StringVar(&q.target, "target", "", "`WWPN` or alias (required)")
	flags.Uint16Var(&q.vsan, "vsan", 0, "VSAN or VLAN, 0 for untagged")
	flags.StringVar(&file, "file", "", "ask this `document` instead of the active policy")
	_ = explain.MarkFlagRequired("initiator")
	_ = explain.MarkFlagRequired("target")
	_ = explain.MarkFlagFilename("file", "yaml", "yml")
	c.completeNames(explain)
	return noun("policy", "the active policy", explain)
}

// question is what policy explain is asked.
type question struct {
	initiator, target string
	vsan              uint16
}

// explain answers by a policy, which is nil when none is active.
func (c *cli) explain(s *policy.Snapshot, q *question) error {
	initiator, err := lookup(s, q.initiator)
	if err != nil {
		return usageError{fmt.Errorf("--initiator: %w", err)}
	}
	target, err := lookup(s, q.target)
	if err != nil {
		return usageError{fmt.Errorf("--target: %w", err)}
	}
	out := explanation{Initiator: initiator.String(), Target: target.String(), VSAN: q.vsan, Rules: []ruleAnswer{}}
	if s == nil {
		out.Verdict, out.Outcome = policy.Forward.String(), "forward: no policy is active"
		return c.print(out, "", func(w io.Writer) {
			fmt.Fprintf(w, "%s -> %s, VSAN %d\n%s\n", out.Initiator, out.Target, out.VSAN, out.Outcome)
		})
	}
	x := s.Explain(initiator, target, q.vsan)
	if c.output == "table" {
		return x.WriteText(c.out)
	}
	out.Verdict, out.CommandsOnly, out.Outcome = x.Verdict.Action.String(), x.Verdict.CommandsOnly, x.Outcome()
	if x.Verdict.Rule >= 0 {
		out.Rule = s.Rule(int(x.Verdict.Rule)).Name
	}
	if x.Verdict.Service >= 0 {
		out.Service = s.Service(int(x.Verdict.Service)).Name
	}
	for i := range x.Rules {
		r := &x.Rules[i]
		out.Rules = append(out.Rules, ruleAnswer{Rule: s.Rule(r.Rule).Name, Matches: r.Matches(), Decides: r.Decides, Why: x.Why(i)})
	}
	return c.print(out, "", nil)
}

// explanation is the JSON of policy explain.
type explanation struct {
	Initiator    string       `json:"initiator"`
	Target       string       `json:"target"`
	VSAN         uint16       `json:"vsan"`
	Verdict      string       `json:"verdict"`
	CommandsOnly bool         `json:"commands_only"`
	Rule         string       `json:"rule,omitempty"`
	Service      string       `json:"service,omitempty"`
	Outcome      string       `json:"outcome"`
	Rules        []ruleAnswer `json:"rules"`
}

type ruleAnswer struct {
	Rule    string `json:"rule"`
	Matches bool   `json:"matches"`
	Decides bool   `json:"decides"`
	Why     string `json:"why"`
}

func compileFile(path string) (*policy.Snapshot, error) {
	text, err := yamlconf.ReadFile(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("read policy: %w", err)}
	}
	doc, err := policy.Parse(path, text)
	if err != nil {
		return nil, usageError{err}
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		return nil, usageError{err}
	}
	return policy.Open(flat)
}
