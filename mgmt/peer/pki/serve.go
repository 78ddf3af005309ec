package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Served is what came of a connection that was handed to Serve.
type Served struct {
	Protocol    string
	Node        string // that joined, or called
	Fingerprint string // of a certificate that was issued
	List        bool   // a newer list of revocations came with it
}

// Serve answers one request on a connection whose handshake has been made with a configuration of Server, and that
// speaks JoinProtocol or CareProtocol. Closing it is the caller's.
func (s *Store) Serve(c *tls.Conn) (Served, error) {
	// Time of the machine, not of the clock that judges certificates: it is a deadline.
	if err := c.SetDeadline(time.Now().Add(exchangeTime)); err != nil {
		return Served{}, fmt.Errorf("serve: %w", err)
	}
	state := c.ConnectionState()
	switch state.NegotiatedProtocol {
	case JoinProtocol:
		return s.admit(c)
	case CareProtocol:
		return s.care(c, state)
	}
	return Served{}, fmt.Errorf("serve: protocol %q is not for certificates", state.NegotiatedProtocol)
}

// admit lets a node join.
func (s *Store) admit(c *tls.Conn) (Served, error) {
	done := Served{Protocol: JoinProtocol}
	var r request
	if err := receive(c, maxKnock, &r); err != nil {
		return done, err
	}
	public, err := parseRequest(r.Request)
	if err == nil && r.Version != messageVersion {
		err = fmt.Errorf("join: version %d is not spoken here", r.Version)
	}
	if err == nil {
		err = CheckNode(r.Node)
	}
	var der []byte
	if err == nil {
		der, err = s.redeem(r.Secret, r.Node, public)
	}
	if err != nil {
		return done, errors.Join(err, send(c, answer{Refused: outwards(err)}))
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return done, fmt.Errorf("join: %w", err)
	}
	done.Node, done.Fingerprint = r.Node, Fingerprint(leaf)
	return done, send(c, answer{Certificate: der, Revoked: s.List()})
}

// outwards is what somebody is told who may be anybody: whether the code was good, and nothing about this machine.
func outwards(err error) string {
	if errors.Is(err, errNoInvitation) {
		return errNoInvitation.Error()
	}
	return "the node that has invited cannot do it; its log says why"
}

// care exchanges lists of revocations with a node, and renews its certificate where it asks for that.
func (s *Store) care(c *tls.Conn, state tls.ConnectionState) (done Served, err error) {
	done.Protocol = CareProtocol
	if done.Node, err = s.Verify(state.PeerCertificates); err != nil {
		return done, err
	}
	var r request
	if err := receive(c, maxMessage, &r); err != nil {
		return done, err
	}
	if r.Version != messageVersion {
		return done, errors.Join(fmt.Errorf("care: version %d is not spoken here", r.Version), send(c, answer{Refused: "this version is not spoken here"}))
	}
	if done.List, err = s.Take(r.Revoked); err != nil {
		return done, errors.Join(err, send(c, answer{Refused: "the list of revocations is not one of this cluster"}))
	}
	// The list that came may name the one who brought it.
	if _, err := s.Verify(state.PeerCertificates); err != nil {
		return done, err
	}
	a := answer{Revoked: s.List()}
	if len(r.Request) > 0 {
		if a.Certificate, err = s.renew(r.Request, state.PeerCertificates); err != nil {
			a.Refused = err.Error() // to one of ours
		} else if leaf, err := x509.ParseCertificate(a.Certificate); err == nil {
			done.Fingerprint = Fingerprint(leaf)
		}
	}
	return done, errors.Join(err, send(c, a))
}

// renew signs another certificate for a node that has shown a valid one. That is looked at again under the lock: somebody
// may be revoking it, and what is issued afterwards would not be among what he revokes.
func (s *Store) renew(der []byte, shown []*x509.Certificate) (signed []byte, err error) {
	public, err := parseRequest(der)
	if err != nil {
		return nil, err
	}
	err = locked(s.dir, func() error {
		if _, err := s.Reload(); err != nil {
			return err
		}
		node, err := s.Verify(shown)
		if err != nil {
			return err
		}
		ca, key, err := openAuthority(s.dir)
		if errors.Is(err, fs.ErrNotExist) {
			return s.notHere("renew")
		}
		if err != nil {
			return err
		}
		signed, err = issue(s.dir, ca, key, node, public, s.now())
		return err
	})
	return signed, err
}
