package pki

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Dial makes a connection to an address.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// JoinOptions say who joins, and whom.
type JoinOptions struct {
	Dir     string // of this node
	Node    string // its name
	Code    string
	Address string // in place of the one in the code
	Replace bool   // an identity that is there already; not one that has an authority
	Now     Clock
	Dial    Dial // nil: net.Dialer's
}

// Join enters a cluster by a code. The key is made here and stays here.
func Join(ctx context.Context, o JoinOptions) (*Store, error) {
	code, err := ParseCode(o.Code)
	if err == nil {
		err = CheckNode(o.Node)
	}
	if err == nil && o.Address != "" {
		err = CheckAddress(o.Address)
	}
	if err != nil {
		return nil, err
	}
	if o.Address == "" {
		o.Address = code.Address
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := makeFolder(o.Dir); err != nil {
		return nil, err
	}
	if err := mayJoin(&o); err != nil {
		return nil, err
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	ca, a, err := knock(ctx, &o, code, key)
	if err != nil {
		return nil, fmt.Errorf("join by %s: %w", o.Address, err)
	}
	err = locked(o.Dir, func() error {
		if err := mayJoin(&o); err != nil {
			return err
		}
		return enter(&o, code, ca, a, key)
	})
	if err != nil {
		return nil, err
	}
	return Open(o.Dir, o.Now)
}

// mayJoin says why the folder cannot get an identity: it has one.
func mayJoin(o *JoinOptions) error {
	if _, err := os.Stat(filepath.Join(o.Dir, signingFile)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("join: the authority of a cluster is in %s: it cannot join another one", o.Dir)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, nodeFile)); !errors.Is(err, fs.ErrNotExist) && !o.Replace {
		return fmt.Errorf("join: this node is in a cluster already: %s", filepath.Join(o.Dir, nodeFile))
	}
	return nil
}

// knock asks the node that has invited. The secret leaves only when that node has shown who it is.
func knock(ctx context.Context, o *JoinOptions, code *Code, key *ecdsa.PrivateKey) (*x509.Certificate, *answer, error) {
	var ca *x509.Certificate
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{JoinProtocol}, SessionTicketsDisabled: true,
		InsecureSkipVerify: true, // there is nothing yet to verify by, but the code: VerifyConnection does it
		VerifyConnection: func(state tls.ConnectionState) (err error) {
			if ca, err = pinned(state.PeerCertificates, code, o.Now()); err != nil {
				return err
			}
			return checkProtocol(state, JoinProtocol)
		},
	}
	c, err := dialTLS(ctx, o.Dial, o.Address, config)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	ask, err := newRequest(key)
	if err != nil {
		return nil, nil, err
	}
	a, err := exchange(c, request{Version: messageVersion, Secret: code.Secret[:], Node: o.Node, Request: ask})
	return ca, a, err
}

// pinned checks the node that has invited: its authority is the one in the code, and it is the node in the code. That the
// authority has signed it would not do: any node of the cluster, one that was revoked too, could then lie in wait.
func pinned(shown []*x509.Certificate, code *Code, now time.Time) (*x509.Certificate, error) {
	if len(shown) != 2 || sha256.Sum256(shown[1].Raw) != code.Authority {
		return nil, errors.New("this is not the node that has invited: another authority")
	}
	ca, err := parseAuthority(shown[1].Raw)
	if err != nil {
		return nil, err
	}
	cluster, _, err := readName(ca)
	if err != nil {
		return nil, err
	}
	return ca, checkSigned(shown[0], ca, cluster, code.By, now)
}

// checkSigned makes sure that a certificate is of a node of a cluster, and valid now.
func checkSigned(leaf, ca *x509.Certificate, cluster, node string, now time.Time) error {
	err := errors.Join(leaf.CheckSignatureFrom(ca), checkLeaf(leaf))
	if err != nil {
		return err
	}
	switch c, n, err := readName(leaf); {
	case err != nil:
		return err
	case c != cluster || n != node:
		return fmt.Errorf("certificate: it is of node %s of cluster %s, not of %s of %s", n, c, node, cluster)
	case now.Before(leaf.NotBefore) || now.After(leaf.NotAfter):
		return fmt.Errorf("certificate: it is valid from %s to %s, and here it is %s: is the clock right?", text(leaf.NotBefore), text(leaf.NotAfter), text(now))
	}
	return nil
}

// enter checks what came back and writes it, the node's own file last: that is what makes it a member.
func enter(o *JoinOptions, code *Code, ca *x509.Certificate, a *answer, key *ecdsa.PrivateKey) error {
	cluster, _, err := readName(ca)
	if err == nil {
		err = checkReceived(a.Certificate, key, ca, cluster, o.Node, o.Now())
	}
	if err == nil && len(a.Revoked) > 0 {
		_, err = parseList(a.Revoked, ca)
	}
	if err != nil {
		return fmt.Errorf("join: what came back cannot be used: %w", err)
	}
	where, err := json.Marshal(Where{Node: code.By, Address: o.Address})
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, nodeFile)); err == nil { // replaced: in between there is none
		if err := remove(filepath.Join(o.Dir, nodeFile)); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(o.Dir, revokedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("join: %w", err)
	}
	if len(a.Revoked) > 0 {
		if err := writeListFile(o.Dir, a.Revoked); err != nil {
			return err
		}
	}
	if err := write(filepath.Join(o.Dir, whereFile), where); err != nil {
		return err
	}
	if err := write(filepath.Join(o.Dir, authorityFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})); err != nil {
		return err
	}
	return writePair(o.Dir, a.Certificate, key)
}

// checkReceived makes sure that a certificate that came is the one that was asked for.
func checkReceived(der []byte, key *ecdsa.PrivateKey, ca *x509.Certificate, cluster, node string, now time.Time) error {
	if len(der) > maxCertificate {
		return fmt.Errorf("certificate: %d bytes, at most %d", len(der), maxCertificate)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return errors.New("certificate: it is for another key")
	}
	return checkSigned(leaf, ca, cluster, node, now)
}

// dialTLS connects and shakes hands, both within handshakeTime.
func dialTLS(ctx context.Context, dial Dial, address string, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := tls.Client(raw, config)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return c, nil
}

// exchange sends a request and reads its answer.
func exchange(c *tls.Conn, r request) (*answer, error) {
	if err := c.SetDeadline(time.Now().Add(exchangeTime)); err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	if err := send(c, r); err != nil {
		return nil, err
	}
	var a answer
	if err := receive(c, maxMessage, &a); err != nil {
		return nil, err
	}
	if a.Refused != "" {
		return nil, fmt.Errorf("refused: %.200q", a.Refused)
	}
	return &a, nil
}
