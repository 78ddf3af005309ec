package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fcredirect/mgmt/api"
	"fcredirect/mgmt/config"
)

func checkCommand() *cobra.Command {
	var p place
	c := &cobra.Command{
		Use: "check [--config FILE]", Short: "validate a configuration, and say what it means", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return check(c.OutOrStdout(), &p) },
	}
	p.flags(c)
	return c
}

func check(out io.Writer, p *place) error {
	var warnings []error
	c, _, err := p.load(func(w error) { warnings = append(warnings, w) })
	if err != nil {
		return err
	}
	explain(out, c)
	for _, w := range warnings {
		fmt.Fprintln(out, "warning:", w)
	}
	if err := coresAreHere(c); err != nil { // the file may be meant for another machine
		fmt.Fprintln(out, "warning: not on this machine:", err)
	}
	return nil
}

func explain(out io.Writer, c *config.Config) {
	segment := c.Segment
	if segment == "" {
		segment = "that of the node"
	}
	fmt.Fprintf(out, "node %s: segment %s, state in %s, sockets in %s\n", c.Node, segment, c.StateDir, c.RunDir)
	if c.Database.Embedded() {
		fmt.Fprintf(out, "database: a private PostgreSQL in %s, run by %s where this is root\n", c.Database.DataDir, c.Database.User)
	} else {
		fmt.Fprintf(out, "database: by a DSN, at most %d connections for each process\n", c.Database.Connections)
	}
	if c.Role("api") != nil {
		explainAPI(out, c)
	}
	explainPeers(out, c)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROCESS\tROLE\tSHARD\tINSTANCE\tCORES\tMEMORY\tBATCH\tSTARTS AFTER\tIF ILL")
	for _, process := range c.Processes() {
		for _, i := range c.Instances(process) {
			r := i.Role
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", process, r.Name, i.Shard, i.Number,
				list(r.Cores, "all"), size(r.Memory), number(r.Batch), orDash(strings.Join(r.DependsOn, ",")), ifIll(r))
		}
	}
	w.Flush()
	for i := range c.Roles {
		r := &c.Roles[i]
		planned := 0
		for _, process := range c.Processes() {
			for _, i := range c.Instances(process) {
				if i.Role == r {
					planned++
				}
			}
		}
		if spare := r.Replicas - planned; spare > 0 {
			fmt.Fprintf(out, "role %s: %d of %d replicas are for processes started with --roles %s\n", r.Name, spare, r.Replicas, r.Name)
		}
	}
}

func explainAPI(out io.Writer, c *config.Config) {
	where := "on its socket alone"
	if len(c.API.Listen) > 0 {
		where = "HTTPS on " + strings.Join(c.API.Listen, ", ")
	}
	certificate := "a certificate that it makes"
	if c.API.Certificate != "" {
		certificate = c.API.Certificate
	}
	fmt.Fprintf(out, "api: %s, with %s, and %s\n", where, certificate, filepath.Join(c.RunDir, api.SocketName))
}

func explainPeers(out io.Writer, c *config.Config) {
	if c.Peer.Alone() {
		return
	}
	var others []string
	for _, n := range c.Peer.Nodes {
		if n.Name != c.Node {
			others = append(others, n.Name+" at "+n.Address)
		}
	}
	fmt.Fprintf(out, "peers: %s; listens on %s, partner %s\n", strings.Join(others, ", "), c.Peer.Listen, orDash(c.Peer.Partner))
}

func ifIll(r *config.Role) string {
	h := r.Health
	return fmt.Sprintf("%s after %d × %v", h.Action, h.Threshold, h.Interval)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

func size(bytes int64) string {
	if bytes == 0 {
		return "-"
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

func list(cores []int, none string) string {
	if len(cores) == 0 {
		return none
	}
	return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(cores), "[]")), ",")
}
