package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"fcredirect/mgmt/client"
)

// context is a context as printed: whether it has a token, and not which.
type contextRow struct {
	Name    string `json:"name"`
	Server  string `json:"server"`
	Token   bool   `json:"token"`
	Current bool   `json:"current"`
}

// contextCommand keeps the file that says which appliances there are.
func (c *cli) contextCommand() *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "appliances that are known", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return c.listContexts()
	}}
	use := &cobra.Command{Use: "use NAME", Short: "ask this one from now on; - for the daemon on this machine", Args: cobra.ExactArgs(1), ValidArgsFunction: c.completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			return changeContexts(func(all *client.Contexts) error {
				if all.Current = strings.TrimPrefix(args[0], "-"); all.Current == "" {
					return nil
				}
				_, err := all.Find(all.Current)
				return err
			})
		}}
	remove := &cobra.Command{Use: "delete NAME", Short: "forget one", Args: cobra.ExactArgs(1), ValidArgsFunction: c.completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			return changeContexts(func(all *client.Contexts) error { all.Delete(args[0]); return nil })
		}}
	return noun("context", "which appliance, and as whom", list, use, c.setContext(), remove)
}

// setContext takes server, CA and fingerprint from the flags that every command has, and the token from a file.
func (c *cli) setContext() *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use: "set NAME --server ADDRESS [--token-file FILE] [--ca FILE | --fingerprint SHA256]", Short: "add one, or change it", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if c.remote.server == "" {
				return usageError{errors.New("--server is missing")}
			}
			x := client.Context{Name: args[0], Server: c.remote.server, CA: c.remote.ca, Fingerprint: c.remote.fingerprint}
			if token != "" {
				text, err := readInput(token)
				if err != nil {
					return err
				}
				x.Token = strings.TrimSpace(string(text))
			}
			return changeContexts(func(all *client.Contexts) error {
				if all.Current == "" {
					all.Current = x.Name
				}
				return all.Put(x)
			})
		},
	}
	cmd.Flags().StringVar(&token, "token-file", "", "`file` with the token; - is standard input")
	return cmd
}

func (c *cli) listContexts() error {
	all, err := readContexts()
	if err != nil {
		return err
	}
	rows := []contextRow{}
	for _, x := range all.Contexts {
		rows = append(rows, contextRow{x.Name, x.Server, x.Token != "", x.Name == all.Current})
	}
	return c.print(rows, "NAME SERVER TOKEN CURRENT", func(w io.Writer) {
		for _, r := range rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Name, r.Server, yes(r.Token), yes(r.Current))
		}
	})
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func changeContexts(change func(*client.Contexts) error) error {
	path, err := client.ContextsPath()
	if err != nil {
		return err
	}
	all, err := client.ReadContexts(path)
	if err != nil {
		return err
	}
	if err := change(all); err != nil {
		return usageError{err}
	}
	return all.Write()
}

func (c *cli) completeContexts(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	if all, err := readContexts(); err == nil {
		for _, x := range all.Contexts {
			names = append(names, x.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
