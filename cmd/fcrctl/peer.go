package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/mgmt/config"
	"fcredirect/mgmt/peer/link"
	"fcredirect/mgmt/peer/pki"
)

// The commands here are about who belongs to the cluster. They work on files of this machine, in the folder peer of the
// node's state, and a daemon that runs takes over what has changed within seconds. All else about peers is asked of the
// daemon (operation.go).

// peerPort is where nodes listen for each other when nobody says otherwise.
const peerPort = "8444"

// peering is what the local commands of the noun share.
type peering struct {
	*cli
	stateDir string
}

func (c *cli) peerCommand() *cobra.Command {
	p := &peering{cli: c}
	cmd := noun("peer", "other nodes of the cluster", p.initCommand(), p.inviteCommand(), p.joinCommand(), p.certificateCommand(), p.revokeCommand(), p.rotateCommand())
	for _, verb := range cmd.Commands() {
		verb.Flags().StringVar(&p.stateDir, "state-dir", "", "`folder` of the node's state (default: that of --node, or of the only node here)")
		_ = verb.MarkFlagDirname("state-dir")
	}
	return cmd
}

// place finds the node and its folder, as the daemon does.
func (p *peering) place() (node, dir string, err error) {
	c := &config.Config{}
	if err := c.Complete(config.Overrides{Node: p.node, Segment: p.segment, StateDir: p.stateDir}); err != nil {
		return "", "", usageError{err}
	}
	return c.Node, filepath.Join(c.StateDir, "peer"), nil
}

// store opens the folder of the node.
func (p *peering) store() (*pki.Store, error) {
	_, dir, err := p.place()
	if err != nil {
		return nil, err
	}
	return pki.Open(dir, nil)
}

func (p *peering) initCommand() *cobra.Command {
	var cluster string
	cmd := &cobra.Command{
		Use: "init --cluster NAME", Short: "begin a cluster: this node gets its authority, which invites the others", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := pki.CheckCluster(cluster); err != nil {
				return usageError{err}
			}
			node, dir, err := p.place()
			if err != nil {
				return err
			}
			s, err := pki.Init(dir, cluster, node, nil)
			if err != nil {
				return err
			}
			fmt.Fprintf(p.complaints, "fcrctl: note: keep a copy of %s in a safe place: whoever has it can let nodes in\n", filepath.Join(dir, "ca-key.pem"))
			return p.printIdentity(s.Identity())
		},
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "`name` of the cluster")
	return cmd
}

func (p *peering) inviteCommand() *cobra.Command {
	var address, serve string
	cmd := &cobra.Command{
		Use: "invite NODE", Short: "print a code by which a node joins, once, within 15 minutes", Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := pki.CheckNode(args[0]); err != nil {
				return usageError{err}
			}
			s, err := p.store()
			if err != nil {
				return err
			}
			if serve != "" {
				ctx, stop := interruptible(cmd.Context())
				defer stop()
				return p.serveInvitation(ctx, s, args[0], address, serve)
			}
			if address == "" {
				host, err := os.Hostname()
				if err != nil {
					return usageError{fmt.Errorf("--address is missing: where the other node reaches this one: %w", err)}
				}
				address = net.JoinHostPort(host, peerPort)
			}
			return p.invite(s, args[0], address)
		},
	}
	cmd.Flags().StringVar(&address, "address", "", "`host:port` at which the other node reaches this one (default: this machine's name, port "+peerPort+")")
	cmd.Flags().StringVar(&serve, "serve", "", "answer the node that joins on this `host:port`, where no daemon does yet")
	return cmd
}

// invite prints an invitation.
func (p *peering) invite(s *pki.Store, node, address string) error {
	if err := pki.CheckAddress(address); err != nil {
		return usageError{err}
	}
	in, err := s.Invite(node, address)
	if err != nil {
		return err
	}
	if in.Others > 0 {
		fmt.Fprintf(p.complaints, "fcrctl: note: node %s has a valid certificate already: fcrctl peer revoke %s first, if that machine is gone or another one\n", node, node)
	}
	return p.print(in, "", func(w io.Writer) {
		fmt.Fprintf(w, "node\t%s\nvalid until\t%s\nauthority\t%s\ncode\t%s\n", in.Node, in.Until.Format(time.RFC3339), in.Authority, in.Code)
	})
}

// serveInvitation prints an invitation and answers it, until the node has joined or the time is over.
func (p *peering) serveInvitation(ctx context.Context, s *pki.Store, node, address, listen string) error {
	ctx, cancel := context.WithTimeout(ctx, pki.InviteValidity)
	defer cancel()
	in, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("answer the invitation: %w (where the daemon listens for peers it answers, and --serve is not needed)", err)
	}
	defer in.Close()
	if address == "" {
		address = in.Addr().String()
	}
	joined := false
	l, err := link.New(link.Options{
		Store: s, Now: func() int64 { return 0 }, Listener: func(context.Context) (net.Listener, error) { return in, nil },
		Connect: func(int64, string, link.Group) (link.Session, error) { return nil, errors.New("this is no daemon") },
		Notify: func(n link.Notice) {
			switch n.Kind {
			case link.Refused:
				fmt.Fprintf(p.complaints, "fcrctl: note: a connection from %s was refused: %s\n", n.Address, printable(n.Text))
			case link.Joined:
				if n.Peer == node {
					joined = true
					cancel()
				}
			}
		},
	})
	if err != nil {
		return err
	}
	var failed error
	if err := l.Run(ctx, func() {
		if failed = p.invite(s, node, address); failed != nil {
			cancel()
		}
	}); err != nil || failed != nil {
		return errors.Join(failed, err)
	}
	if !joined {
		return fmt.Errorf("node %s has not joined", node)
	}
	fmt.Fprintf(p.complaints, "fcrctl: node %s has joined\n", node)
	return nil
}

func (p *peering) joinCommand() *cobra.Command {
	var address string
	var replace bool
	cmd := &cobra.Command{
		Use: "join [CODE]", Short: "enter a cluster by the code of an invitation; without CODE it is read from standard input", Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			code, err := p.code(args)
			if err != nil {
				return err
			}
			node, dir, err := p.place()
			if err != nil {
				return err
			}
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			s, err := pki.Join(ctx, pki.JoinOptions{Dir: dir, Node: node, Code: code, Address: address, Replace: replace})
			if err != nil {
				return err
			}
			return p.printIdentity(s.Identity())
		},
	}
	cmd.Flags().StringVar(&address, "address", "", "`host:port` of the node that has invited, in place of the one in the code")
	cmd.Flags().BoolVar(&replace, "replace", false, "give up the certificate that this node has already")
	return cmd
}

// code takes the code from the arguments or from standard input, and says what is wrong with it before anybody is asked.
func (p *peering) code(args []string) (string, error) {
	if len(args) == 0 {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 4096)).ReadString('\n')
		if err != nil && line == "" {
			return "", usageError{errors.New("the code is missing: give it as an argument or on standard input")}
		}
		args = []string{strings.TrimSpace(line)}
	}
	if _, err := pki.ParseCode(args[0]); err != nil {
		return "", usageError{err}
	}
	return args[0], nil
}

func (p *peering) certificateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "certificate", Short: "who this node is to the others, with fingerprints to compare", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := p.store()
			if err != nil {
				return err
			}
			return p.printIdentity(s.Identity())
		},
	}
}

func (p *peering) printIdentity(id pki.Identity) error {
	return p.print(id, "", func(w io.Writer) {
		state := "valid"
		switch {
		case id.Revoked:
			state = "revoked"
		case time.Now().After(id.NotAfter):
			state = "expired"
		}
		fmt.Fprintf(w, "cluster\t%s\nnode\t%s\nfingerprint\t%s\nauthority\t%s\n", id.Cluster, id.Node, id.Fingerprint, id.Authority)
		fmt.Fprintf(w, "state\t%s until %s, renewed from %s\nhas the authority\t%s\n", state, id.NotAfter.Format(time.RFC3339), id.RenewAt.Format(time.RFC3339), yes(id.Signs))
	})
}

func (p *peering) revokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NODE|FINGERPRINT", Short: "throw a node out: none of its certificates is accepted any more, or not the one with the fingerprint", Args: cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := p.store()
			if err != nil {
				return err
			}
			gone, err := s.Revoke(args[0])
			if err != nil {
				return err
			}
			return p.print(gone, "NODE FINGERPRINT VALID-UNTIL", func(w io.Writer) {
				for _, r := range gone {
					fmt.Fprintf(w, "%s\t%s\t%s\n", r.Node, r.Fingerprint, r.NotAfter.Format(time.RFC3339))
				}
			})
		},
	}
}

func (p *peering) rotateCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use: "rotate", Short: "get this node another key and certificate now", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.store()
			if err != nil {
				return err
			}
			if address != "" {
				if err := pki.CheckAddress(address); err != nil {
					return usageError{err}
				}
			}
			old := s.Identity().Fingerprint
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			if err := s.Rotate(ctx, nil, address); err != nil {
				return err
			}
			fmt.Fprintf(p.complaints, "fcrctl: note: the old certificate stays valid; if its key may be known: fcrctl peer revoke %s, on the node with the authority\n", old)
			return p.printIdentity(s.Identity())
		},
	}
	cmd.Flags().StringVar(&address, "address", "", "`host:port` of the node with the authority (default: where it was when this node joined)")
	return cmd
}
