package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/engine"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/revision"
)

func checkCommand() *cobra.Command {
	var bootPath, policyPath string
	c := &cobra.Command{
		Use: "check --boot BOOT [--policy POLICY]", Short: "validate a boot file and a policy, and explain them", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return check(c.OutOrStdout(), bootPath, policyPath) },
	}
	c.Flags().StringVar(&bootPath, "boot", "", "boot file (required)")
	c.Flags().StringVar(&policyPath, "policy", "", "policy document")
	c.MarkFlagRequired("boot")
	return c
}

func check(out io.Writer, bootPath, policyPath string) error {
	cfg, warnings, err := boot.Load(bootPath)
	if err != nil {
		return usageError{err}
	}
	explainBoot(out, cfg)
	for _, w := range warnings {
		fmt.Fprintln(out, "warning:", w)
	}
	if err := lcoresAreHere(cfg); err != nil { // the file may be meant for another machine
		fmt.Fprintln(out, "warning: not on this machine:", err)
	}
	explainConfirmed(out, cfg)
	if policyPath == "" {
		return nil
	}
	s, policyWarnings, err := readPolicy(policyPath, cfg)
	if err != nil {
		return err
	}
	explainPolicy(out, s)
	for _, w := range policyWarnings {
		fmt.Fprintln(out, "warning:", w.Diagnostic)
	}
	return nil
}

// explainConfirmed says what run would begin with, if a policy was ever confirmed on this machine.
func explainConfirmed(out io.Writer, cfg *boot.Config) {
	saved, flat, found, err := revision.Look(cfg.StateDir, cfg.Node)
	switch {
	case !found && errors.Is(err, revision.ErrNone):
		return
	case err != nil:
		fmt.Fprintln(out, "warning:", err)
	}
	if !found {
		return
	}
	fmt.Fprintf(out, "confirmed: revision %d, policy %x, in %s\n", saved.Revision, saved.Hash[:8], cfg.StateDir)
	if len(flat) > 0 {
		if err := engine.CheckPolicy(flat, cfg); err != nil {
			fmt.Fprintln(out, "warning: run will not start with it:", err)
		}
	}
}

func explainBoot(out io.Writer, c *boot.Config) {
	fmt.Fprintf(out, "node %s: lcores on CPUs %v, polling %s\n", c.Node, c.Lcores, c.Poll)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PORT\tROLE\tPAIR\tFABRIC\tLCORE\tMTU\tDEVICE")
	for _, p := range c.Ports {
		pair := "-"
		if p.Peer >= 0 {
			pair = c.Ports[p.Peer].Name
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\n", p.Name, p.Role, pair, p.Fabric, p.Lcore, p.MTU, p.Device)
	}
	w.Flush()
	fmt.Fprintf(out, "segment: %d directions, %d logins, hugepages %s; drop timeout %v\n", c.Segment.Flows, c.Segment.Logins, c.Segment.HugePages, c.DropTimeout)
}

func explainPolicy(out io.Writer, s *policy.Snapshot) {
	fmt.Fprintf(out, "\npolicy %s: %d rules, %d services, %d aliases, %d bytes compiled; the first rule that matches decides\n", s.ID(), s.Rules(), s.Services(), s.Aliases(), s.Size())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "#\tRULE\tINITIATOR\tTARGET\tVSAN\tDOES")
	for i := range s.Rules() {
		r := s.Rule(i)
		does := []string{r.Action.String()}
		if r.Service >= 0 {
			service := s.Service(r.Service)
			does = append(does, fmt.Sprintf("service %s on port %s", service.Name, service.Port))
		}
		if r.CommandsOnly {
			does = append(does, "commands only")
		}
		if r.Action == policy.Redirect {
			does = append(does, "on failure "+r.OnFailure.String())
		}
		if r.Disabled {
			does = append(does, "disabled")
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", i+1, r.Name, r.Initiator, r.Target, r.VSAN, strings.Join(does, ", "))
	}
	fmt.Fprintln(w, "\tno rule matches\tany\tany\tany\tforward")
	w.Flush()
}

// readPolicy parses and compiles a policy and holds it against the boot file, where there is one.
func readPolicy(path string, cfg *boot.Config) (*policy.Snapshot, []policy.Warning, error) {
	flat, warnings, err := compileFile(path, cfg)
	if err != nil {
		return nil, nil, err
	}
	s, err := policy.Open(flat)
	return s, warnings, err
}

func compileFile(path string, cfg *boot.Config) ([]byte, []policy.Warning, error) {
	text, err := policy.ReadFile(path)
	if err != nil {
		return nil, nil, usageError{err}
	}
	return compileText(path, text, cfg)
}

func compileText(name string, text []byte, cfg *boot.Config) ([]byte, []policy.Warning, error) {
	doc, err := policy.Parse(name, text)
	if err != nil {
		return nil, nil, usageError{err}
	}
	flat, warnings, err := policy.Compile(doc)
	if err != nil {
		return nil, nil, usageError{err}
	}
	if cfg != nil {
		if err := doc.CheckPorts(cfg.RoleOf); err != nil {
			return nil, nil, usageError{err}
		}
		if err := engine.CheckPolicy(flat, cfg); err != nil {
			return nil, nil, usageError{fmt.Errorf("%s: %w", name, err)}
		}
	}
	return flat, warnings, nil
}

// compilePolicy is compileFile for a caller that shows no warnings.
func compilePolicy(path string, cfg *boot.Config) ([]byte, error) {
	flat, _, err := compileFile(path, cfg)
	return flat, err
}

// source is what the child of run compiles: a file, which may be kept as a document, or a document.
type source struct{ policy, into, document, from, boot string }

// read gives the text, its SHA-256, and the name by which messages call it.
func (s *source) read() (name string, text []byte, sha [32]byte, err error) {
	if s.document != "" {
		b, err := hex.DecodeString(s.document)
		if err != nil || len(b) != len(sha) {
			return "", nil, sha, usageError{fmt.Errorf("document %q: not a SHA-256", s.document)}
		}
		sha = [32]byte(b)
		text, err = command.Document(s.from, sha)
		return "policy", text, sha, err
	}
	if text, err = policy.ReadFile(s.policy); err != nil {
		return "", nil, sha, usageError{err}
	}
	if s.into != "" {
		sha, err = command.Keep(s.into, text)
		return s.policy, text, sha, err
	}
	return s.policy, text, sha256.Sum256(text), nil
}

// compileCommand is the short-lived child of run: the SHA-256 of the text and the compiled policy on standard output,
// complaints on standard error.
func compileCommand() *cobra.Command {
	var s source
	c := &cobra.Command{Use: "compile", Hidden: true, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		var cfg *boot.Config
		if s.boot != "" {
			var err error
			if cfg, _, err = boot.Load(s.boot); err != nil {
				return usageError{err}
			}
		}
		name, text, sha, err := s.read()
		if err != nil {
			return err
		}
		flat, _, err := compileText(name, text, cfg)
		if err != nil {
			return err
		}
		if _, err = os.Stdout.Write(sha[:]); err == nil {
			_, err = os.Stdout.Write(flat)
		}
		return err
	}}
	c.Flags().StringVar(&s.boot, "boot", "", "hold it against this boot file")
	c.Flags().StringVar(&s.policy, "policy", "", "policy document")
	c.Flags().StringVar(&s.into, "into", "", "folder in which its text is kept")
	c.Flags().StringVar(&s.document, "document", "", "SHA-256 of a document, in place of a file")
	c.Flags().StringVar(&s.from, "from", "", "folder of the document")
	return c
}
