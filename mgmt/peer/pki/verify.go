package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Reason says in a word why a certificate is not accepted. The words are stable: events carry them.
type Reason string

// The reasons.
const (
	NoCertificate  Reason = "no_certificate"
	BadCertificate Reason = "bad_certificate" // of no shape that our authority signs
	ForeignCA      Reason = "foreign_ca"
	Expired        Reason = "expired"
	NotYetValid    Reason = "not_yet_valid"
	Revoked        Reason = "revoked"
	WrongCluster   Reason = "wrong_cluster"
	OwnName        Reason = "own_name"     // it names this very node: two machines with one identity
	UnknownNode    Reason = "unknown_node" // it names a node that is not configured
	WrongName      Reason = "wrong_name"   // it names another node than the one that was called
	WrongProtocol  Reason = "wrong_protocol"
)

// Refusal is why a certificate is not accepted.
type Refusal struct {
	Reason Reason
	// Node is whom a certificate of our authority names. Within a handshake it is refused before the other end has proved
	// that it has the key, and certificates are no secret: so it says what was shown, and not who has shown it. Only
	// OwnName is proved.
	Node        string
	Fingerprint string // empty: there is none
	Err         error
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s: %v", r.Reason, r.Err) }
func (r *Refusal) Unwrap() error { return r.Err }

// Verify says which node a certificate is of, or why it is not accepted: a *Refusal. It looks at the first certificate
// alone. Whatever else was sent is of no use, because the authority signs nodes and nothing between.
//
// The signature comes first, so that nothing a stranger has written is believed, and no reason beyond foreign_ca tells
// him anything.
func (s *Store) Verify(sent []*x509.Certificate) (node string, err error) {
	if len(sent) == 0 {
		return "", &Refusal{Reason: NoCertificate, Err: errors.New("no certificate was shown")}
	}
	k, leaf, now := s.known.Load(), sent[0], s.now()
	refuse := func(reason Reason, err error) error {
		return &Refusal{Reason: reason, Node: node, Fingerprint: Fingerprint(leaf), Err: err}
	}
	if err := leaf.CheckSignatureFrom(k.ca); err != nil {
		return "", refuse(ForeignCA, fmt.Errorf("certificate: not signed by the authority of cluster %s: %w", k.cluster, err))
	}
	cluster, node, err := readName(leaf)
	if err != nil {
		return "", refuse(BadCertificate, err)
	}
	if err := checkLeaf(leaf); err != nil {
		return "", refuse(BadCertificate, err)
	}
	switch {
	case node == "":
		err = refuse(BadCertificate, errors.New("certificate: it is not one of a node"))
	case cluster != k.cluster:
		err = refuse(WrongCluster, fmt.Errorf("certificate: it is for cluster %s, this is %s", cluster, k.cluster))
	case now.Before(leaf.NotBefore) || now.Before(k.ca.NotBefore):
		err = refuse(NotYetValid, fmt.Errorf("certificate of %s: it is valid from %s, and here it is %s", node, text(leaf.NotBefore), text(now)))
	case now.After(leaf.NotAfter) || now.After(k.ca.NotAfter):
		err = refuse(Expired, fmt.Errorf("certificate of %s: it was valid until %s, and here it is %s", node, text(leaf.NotAfter), text(now)))
	case k.serials[string(leaf.SerialNumber.Bytes())]:
		err = refuse(Revoked, fmt.Errorf("certificate of %s: it was revoked", node))
	case node == k.node:
		err = refuse(OwnName, fmt.Errorf("certificate: it names %s, and that is this node", node))
	}
	if err != nil {
		return "", err
	}
	return node, nil
}

func text(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// checkLeaf makes sure that a certificate is of the only shape that issue makes.
func checkLeaf(c *x509.Certificate) error {
	key, ok := c.PublicKey.(*ecdsa.PublicKey)
	switch {
	case !ok || key.Curve != elliptic.P256():
		return errors.New("certificate: its key is not of P-256")
	case c.IsCA || !c.BasicConstraintsValid || c.KeyUsage != x509.KeyUsageDigitalSignature:
		return errors.New("certificate: it is for more than signing handshakes")
	case len(c.UnhandledCriticalExtensions) != 0:
		return errors.New("certificate: it has critical extensions that are not known")
	}
	client, server := false, false
	for _, use := range c.ExtKeyUsage {
		client, server = client || use == x509.ExtKeyUsageClientAuth, server || use == x509.ExtKeyUsageServerAuth
	}
	if !client || !server {
		return errors.New("certificate: it is not for both ends of a connection")
	}
	return nil
}
