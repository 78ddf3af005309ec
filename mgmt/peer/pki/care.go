package pki

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Due says whether it is time for another certificate. One that is not valid yet was made while a clock was wrong.
func (s *Store) Due() bool {
	leaf, now := s.known.Load().own.Leaf, s.now()
	return !now.Before(renewAt(leaf)) || now.Before(leaf.NotBefore)
}

// Call exchanges lists of revocations with a node, and with renew asks it for another certificate, as the one that has the
// authority can give it. It says whether a newer list came.
func (s *Store) Call(ctx context.Context, dial Dial, node, address string, renew bool) (newer bool, err error) {
	c, err := dialTLS(ctx, dial, address, s.Client(node, CareProtocol))
	if err != nil {
		return false, fmt.Errorf("call node %s: %w", node, err)
	}
	defer c.Close()
	r := request{Version: messageVersion, Revoked: s.List()}
	if !renew {
		a, err := exchange(c, r)
		if err != nil {
			return false, fmt.Errorf("call node %s: %w", node, err)
		}
		return s.Take(a.Revoked)
	}
	key, err := newKey()
	if err != nil {
		return false, err
	}
	if r.Request, err = newRequest(key); err != nil {
		return false, err
	}
	a, err := exchange(c, r)
	if err != nil {
		return false, fmt.Errorf("call node %s: %w", node, err)
	}
	if newer, err = s.Take(a.Revoked); err != nil {
		return newer, err
	}
	err = locked(s.dir, func() error {
		k := s.known.Load()
		if err := checkReceived(a.Certificate, key, k.ca, k.cluster, k.node, s.now()); err != nil {
			return fmt.Errorf("renew: what came back cannot be used: %w", err)
		}
		return writePair(s.dir, a.Certificate, key)
	})
	if err == nil {
		_, err = s.Reload()
	}
	return newer, err
}

// Rotate gets this node another key and certificate: from its own authority, else from the node that has it, at the
// address that is given or where it was last reached. The old certificate stays valid until it is revoked or runs out, so
// that nothing is lost if this is cut short.
func (s *Store) Rotate(ctx context.Context, dial Dial, address string) error {
	if _, err := os.Stat(s.path(signingFile)); err == nil {
		err := locked(s.dir, func() error {
			ca, key, err := openAuthority(s.dir)
			if err != nil {
				return err
			}
			return issueOwn(s.dir, ca, key, s.Node(), s.now())
		})
		if err == nil {
			_, err = s.Reload()
		}
		return err
	}
	w, err := s.Authority()
	if err != nil {
		return err
	}
	if address == "" {
		address = w.Address
	}
	if address == "" {
		return errors.New("rotate: nobody knows where the node with the authority is reached: say its address")
	}
	_, err = s.Call(ctx, dial, w.Node, address, true)
	return err
}
