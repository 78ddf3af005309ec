package pki

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// invitation is one that stands. Its file is named by the hash of its secret: who reads the folder learns no code.
type invitation struct {
	Node  string    `json:"node"`
	Until time.Time `json:"until"`
}

// Invited is what Invite made.
type Invited struct {
	Node      string    `json:"node"`
	Code      string    `json:"code"`
	Until     time.Time `json:"until"`
	Authority string    `json:"authority_fingerprint"`
	Others    int       `json:"other_certificates"` // that the node has already, and that are valid
}

// Invite lets a node join, once, until InviteValidity has passed. The address is where this node is reached by the other.
func (s *Store) Invite(node, address string) (*Invited, error) {
	if err := errors.Join(CheckNode(node), CheckAddress(address)); err != nil {
		return nil, err
	}
	k := s.known.Load()
	if node == k.node {
		return nil, fmt.Errorf("invite %s: that is this node", node)
	}
	if _, err := os.Stat(s.path(signingFile)); err != nil {
		return nil, s.notHere("invite " + node)
	}
	c := &Code{Secret: newSecret(), Authority: sha256.Sum256(k.ca.Raw), By: k.node, Address: address}
	in := &Invited{Node: node, Code: c.String(), Until: s.now().Add(InviteValidity), Authority: Fingerprint(k.ca)}
	err := locked(s.dir, func() error {
		if _, _, err := openAuthority(s.dir); err != nil { // say now that it cannot sign, and not to the node that joins
			return err
		}
		if err := makeFolder(s.path(inviteFolder)); err != nil {
			return err
		}
		standing, err := s.sweep()
		if err != nil {
			return err
		}
		if standing >= maxInvites {
			return fmt.Errorf("invite %s: %d invitations stand already; each ends after %v", node, standing, InviteValidity)
		}
		all, err := readIssued(s.dir)
		if err != nil {
			return err
		}
		for _, i := range all {
			if i.Node == node && s.now().Before(i.NotAfter) {
				in.Others++
			}
		}
		text, err := json.Marshal(invitation{node, in.Until})
		if err != nil {
			return fmt.Errorf("invite %s: %w", node, err)
		}
		return write(s.invitePath(c.Secret[:]), text)
	})
	if err != nil {
		return nil, err
	}
	return in, nil
}

func (s *Store) invitePath(secret []byte) string {
	sum := sha256.Sum256(secret)
	return filepath.Join(s.path(inviteFolder), hex.EncodeToString(sum[:])+".json")
}

// sweep removes invitations that have ended and says how many stand.
func (s *Store) sweep() (standing int, err error) {
	files, err := os.ReadDir(s.path(inviteFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read invitations: %w", err)
	}
	for _, f := range files {
		path := filepath.Join(s.path(inviteFolder), f.Name())
		if i, err := readInvitation(path); err == nil && s.stands(i) {
			standing++
		} else if err := remove(path); err != nil {
			return standing, err
		}
	}
	return standing, nil
}

// stands says whether an invitation may still be used. One from far ahead stands neither: the clock was set back since.
func (s *Store) stands(i invitation) bool {
	left := i.Until.Sub(s.now())
	return left > 0 && left <= InviteValidity
}

func readInvitation(path string) (i invitation, err error) {
	if !strings.HasSuffix(path, ".json") {
		return i, errors.New("not an invitation")
	}
	text, err := read(path)
	if err != nil {
		return i, err
	}
	return i, json.Unmarshal(text, &i)
}

// errNoInvitation does not tell wrong from ended or used: that is nothing for strangers to know.
var errNoInvitation = errors.New("this code is not valid: it is wrong, has ended, was used, or is for another node")

// redeem turns an invitation into a certificate. The invitation is gone for good before anybody sees the certificate; who
// comes with the right secret and the wrong name does not use it up.
func (s *Store) redeem(secret []byte, node string, public *ecdsa.PublicKey) (der []byte, err error) {
	if len(secret) != secretSize {
		return nil, errNoInvitation
	}
	path := s.invitePath(secret)
	err = locked(s.dir, func() error {
		i, err := readInvitation(path)
		if errors.Is(err, fs.ErrNotExist) {
			return errNoInvitation
		}
		if err != nil {
			return err
		}
		if !s.stands(i) {
			return errors.Join(errNoInvitation, remove(path))
		}
		if i.Node != node {
			return errNoInvitation
		}
		ca, key, err := openAuthority(s.dir)
		if err != nil {
			return err
		}
		if der, err = issue(s.dir, ca, key, node, public, s.now()); err != nil {
			return err
		}
		return remove(path)
	})
	if err != nil {
		return nil, err
	}
	return der, nil
}
