package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

// lookPeriod is how often it is looked whether what was ordered has happened.
const lookPeriod = 20 * time.Millisecond

// role is an instance of a role, as printed.
type role struct {
	Role      string `json:"role"`
	Shard     int    `json:"shard"`
	Instance  int    `json:"instance"`
	State     string `json:"state"`
	Active    bool   `json:"active"`
	Alive     bool   `json:"alive"`
	Wanted    string `json:"wanted"`
	PID       int    `json:"pid"`
	Version   string `json:"version"`
	ABI       int    `json:"abi"`
	Endpoint  string `json:"endpoint,omitempty"`
	Since     string `json:"since"`
	Claimed   string `json:"claimed"`
	Heartbeat int64  `json:"heartbeat_age_ms"`
	Restarts  int    `json:"restarts"`
	Health    string `json:"health"`
	LastError string `json:"last_error"`
}

const deadState = "dead"

func roleOf(in registry.Instance) role {
	r := role{
		Role: in.Role, Shard: in.Shard, Instance: in.Number, State: in.State.String(), Active: in.Active, Alive: in.Alive, Wanted: "run", PID: in.PID,
		Version: in.Version, ABI: in.ABI, Endpoint: in.Endpoint, Since: utc(in.Since), Claimed: utc(in.Claimed),
		Heartbeat: in.Heartbeat.Milliseconds(), Restarts: in.Restarts, Health: in.Health, LastError: in.Error,
	}
	if in.PID != 0 && !in.Alive {
		r.State = deadState
	}
	if in.Stop {
		r.Wanted = "stop"
	}
	return r
}

func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (c *cli) roleCommand() *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "who runs which role, and how it fares", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return c.withCtl(func(_, ctl *shm.File) error { return c.listRoles(ctl) })
	}}
	return noun("role", "roles of the management daemon", list, c.roleOrder(registry.Start), c.roleOrder(registry.Stop), c.roleOrder(registry.Restart))
}

// withCtl is withSegment with the file that other processes write.
func (c *cli) withCtl(do func(state, ctl *shm.File) error) error {
	return c.withSegment(func(state *shm.File) error {
		dir, err := shm.Find(c.segment, c.node)
		if err != nil {
			return err
		}
		ctl, err := shm.Open(filepath.Join(dir, "ctl"), false)
		if err != nil {
			return err
		}
		defer ctl.Close()
		return do(state, ctl)
	})
}

func (c *cli) listRoles(ctl *shm.File) error {
	t, err := registry.NewTable(ctl)
	if err != nil {
		return err
	}
	roles := []role{}
	for _, in := range t.List() {
		roles = append(roles, roleOf(in))
	}
	return c.printRoles(roles)
}

func (c *cli) printRoles(roles []role) error {
	return c.print(roles, "ROLE SHARD INSTANCE STATE PID VERSION SINCE HEARTBEAT RESTARTS HEALTH", func(w io.Writer) {
		for _, r := range roles {
			heartbeat, pid := "-", "-"
			if r.PID != 0 {
				pid, heartbeat = fmt.Sprint(r.PID), fmt.Sprintf("%.1fs", float64(r.Heartbeat)/1000)
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", r.Role, r.Shard, r.Instance, r.state(), pid, dash(r.Version), dash(r.Since),
				heartbeat, r.Restarts, dash(cmp.Or(r.Health, r.LastError)))
		}
	})
}

// state is the state in one word, and what is wanted where that is something else.
func (r *role) state() string {
	if r.Wanted == "stop" && r.State != registry.Stopped.String() {
		return r.State + " (to stop)"
	}
	return r.State
}

// roleOrder makes the command that gives an order and waits until it has happened.
func (c *cli) roleOrder(what registry.Command) *cobra.Command {
	shard, timeout := registry.AllShards, 30*time.Second
	short := map[registry.Command]string{
		registry.Start: "let a role run that was stopped", registry.Stop: "stop a role until it is started, also over a restart of its process",
		registry.Restart: "stop a role and start it anew",
	}[what]
	cmd := &cobra.Command{Use: what.String() + " NAME", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		if shard < registry.AllShards {
			return usageError{fmt.Errorf("--shard %d: want 0 or more", shard)}
		}
		ctx, stop := context.WithTimeout(cmd.Context(), timeout)
		defer stop()
		return c.order(ctx, args[0], shard, what)
	}}
	cmd.Flags().IntVar(&shard, "shard", shard, "`N`: only this shard (default: all)")
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait until it has happened")
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		if len(args) == 0 {
			names = c.roleNames()
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

// roleNames is for completion.
func (c *cli) roleNames() (names []string) {
	c.complaints = io.Discard
	_ = c.withCtl(func(_, ctl *shm.File) error {
		t, err := registry.NewTable(ctl)
		if err == nil {
			for _, in := range t.List() {
				names = append(names, in.Role)
			}
		}
		return err
	})
	return slices.Compact(names)
}

func (c *cli) order(ctx context.Context, name string, shard int, what registry.Command) error {
	seg, err := attach.Open(attach.Place{Dir: c.segment, Node: c.node})
	if err != nil {
		return err
	}
	defer seg.Close()
	t, err := registry.NewTable(seg.Ctl)
	if err != nil {
		return err
	}
	orders, err := t.Command(name, shard, what)
	if errors.Is(err, registry.ErrNoRole) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	return c.follow(ctx, seg, t, orders)
}

// follow waits until all orders are fulfilled and prints what became of their instances.
func (c *cli) follow(ctx context.Context, seg *attach.Segment, t *registry.Table, orders []registry.Order) error {
	tick := time.NewTicker(lookPeriod)
	defer tick.Stop()
	for {
		roles, open := []role{}, error(nil)
		for _, o := range orders {
			done, in := t.Fulfilled(o)
			if in.PID != 0 || done {
				roles = append(roles, roleOf(in))
			}
			if done {
				continue
			}
			if !in.Alive && !someoneLives(t, o) {
				return fmt.Errorf("role %s, shard %d: %s is noted, but no living process has the role: is fcr-mgmtd running?", o.Role, o.Shard, o.Command)
			}
			open = fmt.Errorf("role %s, shard %d: not done: it is %s in process %d%s", o.Role, o.Shard, in.State, in.PID, because(in))
		}
		if open == nil {
			return c.printRoles(roles)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w (%s is still wanted)", open, orders[0].Command)
		}
		if seg.Replaced() {
			return errors.New("the data plane made its segment anew and forgot the order: give it again")
		}
	}
}

// someoneLives says whether a standby may take over from the one that is gone.
func someoneLives(t *registry.Table, o registry.Order) bool {
	return slices.ContainsFunc(t.List(), func(in registry.Instance) bool { return in.Role == o.Role && in.Shard == o.Shard && in.Alive })
}

func because(in registry.Instance) string {
	if why := cmp.Or(in.Health, in.Error); why != "" {
		return ": " + why
	}
	return ""
}
