package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/client"
)

// A policy file is applied in these steps: it becomes the pending configuration, is validated and shown beside what is
// active, then decides, and waits to be confirmed. Each step can be done by itself with fcrctl change.

const documentPath = "/api/v1/change/document"

// policyDocument is a configuration as the interface takes and gives it.
type policyDocument struct {
	YAML string `json:"yaml"`
}

type finding struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Object   string `json:"object"`
	Line     int    `json:"line"`
	Message  string `json:"message"`
	Cure     string `json:"cure"`
}

// applied is what came of an application.
type applied struct {
	Revision    uint64  `json:"revision"`
	Policy      string  `json:"policy,omitempty"`
	Changed     bool    `json:"changed"`
	SecondsLeft float64 `json:"seconds_left,omitempty"`
}

func (c *cli) diffCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "diff [-f FILE]", Short: "what a policy file, or what is pending, changes in the active configuration", Args: cobra.NoArgs,
		Long: "Compares a policy file with the active configuration, or without --file what is pending. Changes nothing. The exit code is 0 also\n" +
			"where they differ.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			cl, err := c.connect()
			if err != nil {
				return err
			}
			var next []byte
			if file != "" {
				if next, err = readInput(file); err != nil {
					return usageError{err}
				}
			}
			text, err := difference(ctx, cl, next)
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.out, printable(text))
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "policy `file`; - is standard input")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml")
	return cmd
}

// difference is what a policy, or what is pending (nil), changes; empty: nothing.
func difference(ctx context.Context, cl *client.Client, text []byte) (string, error) {
	active, err := readDocument(ctx, cl, "active")
	if err != nil {
		return "", err
	}
	var next policyDocument
	if text == nil {
		next, err = readDocument(ctx, cl, "pending")
	} else {
		next, err = sendDocument(ctx, cl, text, true)
	}
	if err != nil {
		return "", err
	}
	return draft.Unified(active.YAML, next.YAML, "active", "pending"), nil
}

func readDocument(ctx context.Context, cl *client.Client, on string) (d policyDocument, err error) {
	answer, err := cl.Do(ctx, client.Request{Method: http.MethodGet, Path: documentPath, Query: url.Values{"on": {on}, "form": {"yaml"}}})
	if err == nil {
		err = answer.Decode(&d)
	}
	return d, err
}

// sendDocument makes a policy the pending configuration, or with dry only asks how it would read.
func sendDocument(ctx context.Context, cl *client.Client, text []byte, dry bool) (d policyDocument, err error) {
	now, err := cl.Do(ctx, client.Request{Method: http.MethodGet, Path: documentPath, Query: url.Values{"form": {"yaml"}}})
	if err != nil {
		return d, err
	}
	query := url.Values{"form": {"yaml"}}
	if dry {
		query.Set("dry_run", "true")
	}
	answer, err := cl.Do(ctx, client.Request{
		Method: http.MethodPut, Path: documentPath, Query: query, Header: http.Header{"If-Match": {now.ETag}}, Body: policyDocument{string(text)},
	})
	if err == nil {
		err = answer.Decode(&d)
	}
	return d, err
}

// applyOptions is what the flags of apply say.
type applyOptions struct {
	file, note, ticket string
	window             time.Duration
	yes, dry           bool
}

func (c *cli) applyCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "make a policy file decide, with a way back", Args: cobra.NoArgs,
		Long: "Makes a policy file the pending configuration, validates it, shows what it changes, asks, and applies it. It must be confirmed with\n" +
			"fcrctl change confirm within the window, else the data plane takes it back by itself. A file that changes nothing is not applied.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			cl, err := c.connect()
			if err != nil {
				return err
			}
			return c.apply(ctx, cl, &o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "policy `file`; - is standard input (required)")
	f.DurationVar(&o.window, "window", time.Minute, "within which it must be confirmed")
	f.StringVar(&o.note, "note", "", "why, for the history")
	f.StringVar(&o.ticket, "ticket", "", "its number elsewhere, for the history")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.dry, "dry-run", false, "only say what would change")
	_ = cmd.MarkFlagRequired("file")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml")
	return cmd
}

func (c *cli) apply(ctx context.Context, cl *client.Client, o *applyOptions) error {
	text, err := readInput(o.file) // once: standard input has it once, and what was shown is what is applied
	if err != nil {
		return usageError{err}
	}
	changes, err := difference(ctx, cl, text)
	if err != nil {
		return err
	}
	if changes == "" {
		return c.tellApplied(&applied{})
	}
	fmt.Fprint(c.complaints, printable(changes))
	if o.dry {
		return c.tellApplied(&applied{Changed: true})
	}
	if !o.yes {
		if err := askWhether("Apply this?"); err != nil {
			return err
		}
	}
	if _, err := sendDocument(ctx, cl, text, false); err != nil {
		return err
	}
	if err := c.validate(ctx, cl); err != nil {
		return err
	}
	order := map[string]any{"window_s": o.window.Seconds()}
	if o.note != "" {
		order["note"] = o.note
	}
	if o.ticket != "" {
		order["ticket"] = o.ticket
	}
	answer, err := cl.Do(ctx, client.Request{Method: http.MethodPost, Path: "/api/v1/change/apply", Body: order})
	if err != nil {
		return err
	}
	done := applied{Changed: true}
	if err := answer.Decode(&done); err != nil {
		return err
	}
	done.Changed = true
	return c.tellApplied(&done)
}

// validate shows what is wrong with the pending configuration, and fails if something is.
func (c *cli) validate(ctx context.Context, cl *client.Client) error {
	answer, err := cl.Do(ctx, client.Request{Method: http.MethodPost, Path: "/api/v1/change/validate"})
	if err != nil {
		return err
	}
	var result struct {
		Findings []finding `json:"findings"`
	}
	if err := answer.Decode(&result); err != nil {
		return err
	}
	wrong := false
	for _, f := range result.Findings {
		fmt.Fprintf(c.complaints, "fcrctl: %s\n", printable(f.Severity+": "+f.Object+": "+f.Message))
		wrong = wrong || f.Severity == "error"
	}
	if wrong {
		return errors.New("the configuration cannot be applied; it is pending, so that it can be mended: fcrctl change validate")
	}
	return nil
}

func (c *cli) tellApplied(a *applied) error {
	return c.print(a, "", func(w io.Writer) {
		switch {
		case !a.Changed:
			fmt.Fprintln(w, "no change")
		case a.Revision == 0:
			fmt.Fprintln(w, "this would change; nothing was done")
		case a.SecondsLeft > 0:
			fmt.Fprintf(w, "revision %d decides; it is taken back in %.0f s unless you say: fcrctl change confirm\n", a.Revision, a.SecondsLeft)
		default:
			fmt.Fprintf(w, "revision %d decides and is confirmed\n", a.Revision)
		}
	})
}

// askWhether asks on the terminal.
func askWhether(question string) error {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return usageError{errors.New("there is no terminal to ask on: --yes applies without asking")}
	}
	defer tty.Close()
	fmt.Fprintf(tty, "%s [y/N] ", question)
	line, err := bufio.NewReader(io.LimitReader(tty, 100)).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return errors.New("not applied")
	}
	return nil
}
