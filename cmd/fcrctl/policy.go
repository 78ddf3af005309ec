package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/dataplane/yamlconf"
)

func (c *cli) policyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "the active policy", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return usageError{fmt.Errorf("policy: want a verb: explain")}
	}}
	var initiator, target, file string
	var vsan uint16
	explain := &cobra.Command{
		Use: "explain --initiator W --target W [--vsan N]", Short: "which rule decides on a pair, and why", Args: cobra.NoArgs,
		Long: "Asks the active policy (or, with --file, a document) about an initiator and a target, each a WWPN in any spelling or an alias.",
		RunE: func(*cobra.Command, []string) error {
			if file != "" {
				s, err := compileFile(file)
				if err != nil {
					return err
				}
				return c.explain(s, initiator, target, vsan)
			}
			return c.withSegment(func(f *shm.File) error { return c.explain(report.Policy(f), initiator, target, vsan) })
		},
	}
	explain.Flags().StringVar(&initiator, "initiator", "", "WWPN or alias (required)")
	explain.Flags().StringVar(&target, "target", "", "WWPN or alias (required)")
	explain.Flags().Uint16Var(&vsan, "vsan", 0, "VSAN or VLAN, 0 for untagged")
	explain.Flags().StringVar(&file, "file", "", "ask this document instead of the active policy")
	explain.MarkFlagRequired("initiator")
	explain.MarkFlagRequired("target")
	cmd.AddCommand(explain)
	return cmd
}

func (c *cli) explain(s *policy.Snapshot, initiator, target string, vsan uint16) error {
	if s == nil {
		return fmt.Errorf("no policy is active: everything is forwarded")
	}
	var ends [2]frame.WWN
	for i, name := range []string{initiator, target} {
		w, ok := s.Lookup(name)
		if !ok {
			return usageError{fmt.Errorf("%q is neither a WWPN nor an alias of the policy", name)}
		}
		ends[i] = w
	}
	x := s.Explain(ends[0], ends[1], vsan)
	if c.output == "table" {
		return x.WriteText(c.out)
	}
	out := explanation{
		Initiator: ends[0].String(), Target: ends[1].String(), VSAN: vsan,
		Verdict: x.Verdict.Action.String(), CommandsOnly: x.Verdict.CommandsOnly, Outcome: x.Outcome(),
	}
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
	f, err := os.Open(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("read policy: %w", err)}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, yamlconf.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
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
