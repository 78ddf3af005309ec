package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/stats"
)

// statsTimeout is how long a command waits for counts: the role gives a question 10 s.
const statsTimeout = 15 * time.Second

// statsFlags are what the flags of both verbs say.
type statsFlags struct {
	of, name, since, until                           string
	initiator, target, vsan, policy, service, inPort string
	by                                               string
	n                                                int
	step                                             time.Duration
}

// counted is what stats show prints.
type counted struct {
	Total  stats.Total  `json:"total"`
	Series stats.Series `json:"series"`
}

func (c *cli) statsCommand() *cobra.Command {
	var topFlags, showFlags statsFlags
	top := &cobra.Command{
		Use: "top", Short: "who had most", Args: cobra.NoArgs,
		Long: "Lists those that counted most in a time, of any kind and by any counter. By rate they are in the order of their highest\n" +
			"bytes per second in any second, minute or hour, whichever suits the range.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withStats(&topFlags, func(r *stats.Request, names *policy.Snapshot) error { return c.statsTop(cmd.Context(), r, names) })
		},
	}
	c.statsFlags(top, &topFlags)
	top.Flags().StringVar(&topFlags.by, "by", string(stats.Bytes), "order: "+joined(stats.Counters))
	top.Flags().IntVarP(&topFlags.n, "number", "n", 10, "the first so many")
	_ = top.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(strings.Split(joined(stats.Counters), ", "), cobra.ShellCompDirectiveNoFileComp))
	show := &cobra.Command{
		Use: "show", Short: "how much was counted, and when", Args: cobra.NoArgs,
		Long: "Shows the total and its course. A point at which nobody measured is shown as -, and one without traffic as 0.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withStats(&showFlags, func(r *stats.Request, _ *policy.Snapshot) error { return c.statsShow(cmd.Context(), r) })
		},
	}
	c.statsFlags(show, &showFlags)
	show.Flags().StringVar(&showFlags.name, "name", "", "of which: INITIATOR,TARGET[,VSAN] of a flow; a WWPN or alias; a name; a VSAN")
	show.Flags().DurationVar(&showFlags.step, "step", 0, "`time` between two points (default: what suits the range)")
	return noun("stats", "what was counted, over any time", top, show)
}

// statsFlags makes the flags that both verbs have.
func (c *cli) statsFlags(cmd *cobra.Command, f *statsFlags) {
	flags := cmd.Flags()
	flags.StringVar(&f.of, "of", string(stats.OfFlow), "kind: "+joined(stats.Kinds))
	flags.StringVar(&f.since, "since", "10m", "from when: a `time` ago (90s, 10m, 2h, 7d) or a moment (2026-11-22T12:00:00Z)")
	flags.StringVar(&f.until, "until", "", "until when, likewise (default: now)")
	flags.StringVar(&f.initiator, "initiator", "", "only flows of this `WWPN` or alias")
	flags.StringVar(&f.target, "target", "", "only flows with this `WWPN` or alias")
	flags.StringVar(&f.vsan, "vsan", "", "only this VSAN or VLAN, 0 for untagged")
	flags.StringVar(&f.policy, "policy", "", "only what this `rule` decided, - for what no rule did")
	flags.StringVar(&f.service, "service", "", "only what went to this service, - for none")
	flags.StringVar(&f.inPort, "port", "", "only this port; of flows, only what enters there")
	c.completeNames(cmd)
	_ = cmd.RegisterFlagCompletionFunc("of", cobra.FixedCompletions(strings.Split(joined(stats.Kinds), ", "), cobra.ShellCompDirectiveNoFileComp))
}

func joined[T ~string](names []T) string {
	var list []string
	for _, n := range names {
		list = append(list, string(n))
	}
	return strings.Join(list, ", ")
}

// withStats makes a request out of the flags, with the names that the active policy gives.
func (c *cli) withStats(f *statsFlags, do func(*stats.Request, *policy.Snapshot) error) error {
	now := time.Now()
	return c.withSegment(func(file *shm.File) error {
		names := report.Policy(file)
		r, err := f.request(names, now)
		if err != nil {
			return usageError{err}
		}
		return do(r, names)
	})
}

func (f *statsFlags) request(names *policy.Snapshot, now time.Time) (*stats.Request, error) {
	r := &stats.Request{Of: stats.Kind(f.of), By: stats.Counter(f.by), N: f.n, Step: int(f.step / time.Second)}
	if f.step < 0 || f.step%time.Second != 0 {
		return nil, fmt.Errorf("--step %v: want whole seconds", f.step)
	}
	if r.By != "" && f.n < 1 {
		return nil, fmt.Errorf("-n %d: want 1 to %d", f.n, stats.MaxTop)
	}
	var err error
	if r.From, err = whenOf(f.since, now); err != nil {
		return nil, fmt.Errorf("--since %w", err)
	}
	if r.To, err = whenOf(cmp.Or(f.until, "0s"), now); err != nil {
		return nil, fmt.Errorf("--until %w", err)
	}
	if err := f.unfold(r.Of); err != nil {
		return nil, err
	}
	if err := f.key(r, names); err != nil {
		return nil, err
	}
	return r, r.Check(now, r.By == "")
}

// whenOf reads a moment, or a time before now. Days and weeks may end a time of their own: 7d, 2w.
func whenOf(s string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at.UTC(), nil
	}
	if n := len(s) - 1; n > 0 {
		if day, ok := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s[n]]; ok {
			if days, err := strconv.ParseUint(s[:n], 10, 16); err == nil {
				return now.Add(-time.Duration(days) * day).UTC(), nil
			}
		}
	}
	ago, err := time.ParseDuration(s)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("%q: want a time ago such as 90s, 10m, 2h, 7d, or a moment such as 2026-11-22T12:00:00Z", s)
	}
	return now.Add(-ago).UTC(), nil
}

// unfold puts what --name says into the flag that says the same of a kind.
func (f *statsFlags) unfold(of stats.Kind) error {
	if f.name == "" {
		return nil
	}
	places := map[stats.Kind][]*string{
		stats.OfFlow: {&f.initiator, &f.target, &f.vsan}, stats.OfInitiator: {&f.initiator}, stats.OfTarget: {&f.target}, stats.OfPort: {&f.inPort},
		stats.OfPolicy: {&f.policy}, stats.OfService: {&f.service}, stats.OfVSAN: {&f.vsan},
	}[of]
	names := []string{f.name}
	if of == stats.OfFlow {
		names = strings.Split(f.name, ",")
	}
	if len(names) > len(places) || of == stats.OfFlow && len(names) < 2 {
		return fmt.Errorf("--name %q does not name one %s", f.name, of)
	}
	for i, n := range names {
		if *places[i] != "" && *places[i] != n {
			return fmt.Errorf("--name %q and another flag name different ones: %q and %q", f.name, n, *places[i])
		}
		*places[i] = n
	}
	return nil
}

// key puts the flags that select into the request.
func (f *statsFlags) key(r *stats.Request, names *policy.Snapshot) error {
	for _, end := range []struct {
		flag, name string
		wwpn       **frame.WWN
	}{{"--initiator", f.initiator, &r.Initiator}, {"--target", f.target, &r.Target}} {
		if end.name == "" {
			continue
		}
		wwpn, err := lookup(names, end.name)
		if err != nil {
			return fmt.Errorf("%s: %w", end.flag, err)
		}
		*end.wwpn = &wwpn
	}
	if f.vsan != "" {
		vsan, err := strconv.ParseUint(f.vsan, 10, 16)
		if err != nil || vsan > policy.MaxVSAN {
			return fmt.Errorf("--vsan %q: want 0 to %d", f.vsan, policy.MaxVSAN)
		}
		n := int(vsan)
		r.VSAN = &n
	}
	for _, name := range []struct {
		flag string
		key  **string
	}{{f.policy, &r.Policy}, {f.service, &r.Service}, {f.inPort, &r.Port}} {
		if name.flag == "" {
			continue
		}
		s := name.flag
		if s == "-" {
			s = ""
		}
		*name.key = &s
	}
	return nil
}

func (c *cli) statsTop(ctx context.Context, r *stats.Request, names *policy.Snapshot) error {
	var top stats.Top
	if err := c.askStats(ctx, r, map[string]any{"stats.top": &top}); err != nil {
		return err
	}
	title, peak := nameTitle(r.Of), ""
	if r.By == stats.Rate {
		peak = " PEAK_MBIT/S"
	}
	if c.output != "json" {
		c.noteRange(&top.Range, fmt.Sprintf("%d of %d", len(top.Rows), top.Groups))
	}
	return c.print(top, title+" FRAMES BYTES ERRORS FRAMES/S MBIT/S"+peak, func(w io.Writer) {
		for _, row := range top.Rows {
			fmt.Fprintf(w, "%s\t%s", rowName(r.Of, &row.Key, names), countCells(&row.Counts))
			if r.By == stats.Rate {
				fmt.Fprintf(w, "\t%s", megabits(row.Peak))
			}
			fmt.Fprintln(w)
		}
	})
}

func (c *cli) statsShow(ctx context.Context, r *stats.Request) error {
	var all counted
	if err := c.askStats(ctx, r, map[string]any{"stats.total": &all.Total, "stats.series": &all.Series}); err != nil {
		return err
	}
	if c.output != "json" {
		c.noteRange(&all.Series.Range, fmt.Sprintf("points of %v from samples of %s", time.Duration(all.Series.Step)*time.Second, all.Series.Level))
	}
	return c.print(all, "AT FRAMES BYTES ERRORS FRAMES/S MBIT/S MEASURED", func(w io.Writer) {
		for _, p := range all.Series.Points {
			cells := "-\t-\t-\t-\t-"
			if p.Counts != nil {
				cells = countCells(p.Counts)
			}
			fmt.Fprintf(w, "%s\t%s\t%.0f%%\n", p.At.UTC().Format(time.RFC3339), cells, 100*p.Measured)
		}
		fmt.Fprintf(w, "total\t%s\t%.0f%%\n", countCells(&all.Total.Counts), 100*all.Total.Measured/all.Total.To.Sub(all.Total.From).Seconds())
	})
}

// noteRange says on standard error what an answer is about: it may be wider than what was asked for.
func (c *cli) noteRange(r *stats.Range, what string) {
	fmt.Fprintf(c.complaints, "fcrctl: %s to %s, %s\n", r.From.UTC().Format(time.RFC3339), r.To.UTC().Format(time.RFC3339), what)
}

func countCells(c *stats.Counts) string {
	return fmt.Sprintf("%d\t%d\t%d\t%.1f\t%s", c.Frames, c.Bytes, c.Errors, c.FrameRate, megabits(c.ByteRate))
}

func nameTitle(of stats.Kind) string {
	if of == stats.OfFlow {
		return "INITIATOR TARGET VSAN"
	}
	return strings.ToUpper(string(of))
}

// rowName is how a table names a row.
func rowName(of stats.Kind, k *stats.Key, names *policy.Snapshot) string {
	wwpn := func(w *frame.WWN) string {
		if w == nil || *w == 0 {
			return "(unknown)"
		}
		if names != nil {
			return cmp.Or(names.AliasOf(*w), w.String())
		}
		return w.String()
	}
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return dash(*s)
	}
	vsan := "-"
	if k.VSAN != nil {
		vsan = strconv.Itoa(*k.VSAN)
	}
	switch of {
	case stats.OfFlow:
		return wwpn(k.Initiator) + "\t" + wwpn(k.Target) + "\t" + vsan
	case stats.OfInitiator:
		return wwpn(k.Initiator)
	case stats.OfTarget:
		return wwpn(k.Target)
	case stats.OfPort:
		return text(k.Port)
	case stats.OfPolicy:
		return text(k.Policy)
	case stats.OfService:
		return text(k.Service)
	case stats.OfVSAN:
		return vsan
	}
	return "all"
}

// askStats asks role telemetry by each method, with the same request.
func (c *cli) askStats(ctx context.Context, r *stats.Request, answers map[string]any) error {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	request, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("ask for counts: %w", err)
	}
	b, err := bus.Dial(ctx, attach.Place{Dir: c.segment, Node: c.node})
	if err != nil {
		return err
	}
	for method, answer := range answers {
		var reply []byte
		if reply, err = b.Call(ctx, "telemetry", method, request); err == nil {
			err = json.Unmarshal(reply, answer)
		}
		if err != nil {
			break
		}
	}
	if err = errors.Join(err, b.Close()); errors.Is(err, bus.ErrNoRole) {
		return fmt.Errorf("nobody answers for samples on this node: role telemetry does not run: start fcr-mgmtd, or fcrctl role start telemetry: %w", err)
	}
	if err != nil {
		return fmt.Errorf("ask role telemetry for counts: %w", err)
	}
	return nil
}
