package pki

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
)

// Protocols that are spoken on the port of peers (ALPN). The one is chosen before anything else is said.
const (
	PeerProtocol = "fcr-peer/1" // what peers tell each other
	CareProtocol = "fcr-care/1" // lists of revocations and renewals: between nodes with certificates
	JoinProtocol = "fcr-join/1" // from a node that has none yet
)

// base is what all our configurations have in common: TLS 1.3 and nothing before it; no tickets, so that every connection
// shows its certificate anew.
func (s *Store) base(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13, NextProtos: protocols, SessionTicketsDisabled: true,
		Time: s.now, DynamicRecordSizingDisabled: true,
	}
}

// Server is the configuration of one connection that came in. accept says whether a node that the authority knows may come
// in here; look, if not nil, sees what the other offered.
//
// crypto/tls only makes sure that the other has the key of the certificate that it shows. Everything else Verify does. It
// has to be asked once more when the handshake is over: within it the key is not proved yet, and a certificate with this
// node's own name is let through until it is, because the alarm about it must not be anybody's to raise.
func (s *Store) Server(accept func(node string) error, look func(*tls.ClientHelloInfo)) *tls.Config {
	c := s.base(PeerProtocol, CareProtocol)
	c.ClientAuth = tls.RequireAnyClientCert
	c.Certificates = []tls.Certificate{s.known.Load().own}
	c.VerifyConnection = func(state tls.ConnectionState) error {
		if state.NegotiatedProtocol == "" {
			return &Refusal{Reason: WrongProtocol, Err: errors.New("no protocol was named")}
		}
		node, err := s.Verify(state.PeerCertificates)
		if r := (*Refusal)(nil); errors.As(err, &r) && r.Reason == OwnName {
			return nil
		}
		if err != nil {
			return err
		}
		if err := accept(node); err != nil {
			return &Refusal{Reason: UnknownNode, Node: node, Fingerprint: Fingerprint(state.PeerCertificates[0]), Err: err}
		}
		return nil
	}
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if look != nil {
			look(hello)
		}
		if slices.Equal(hello.SupportedProtos, []string{JoinProtocol}) {
			return s.door(), nil
		}
		return nil, nil
	}
	return c
}

// door is for those who have no certificate yet. It shows the authority too: they know its fingerprint and nothing else.
func (s *Store) door() *tls.Config {
	k := s.known.Load()
	c := s.base(JoinProtocol)
	both := k.own
	both.Certificate = [][]byte{k.own.Leaf.Raw, k.ca.Raw}
	c.Certificates = []tls.Certificate{both}
	return c
}

// Client is the configuration of a connection to a node, which must be that one.
func (s *Store) Client(node, protocol string) *tls.Config {
	c := s.base(protocol)
	c.Certificates = []tls.Certificate{s.known.Load().own}
	c.InsecureSkipVerify = true // names of hosts mean nothing here; VerifyConnection checks everything
	c.VerifyConnection = func(state tls.ConnectionState) error {
		is, err := s.Verify(state.PeerCertificates)
		if r := (*Refusal)(nil); errors.As(err, &r) && r.Reason == OwnName { // its address leads here
			return &Refusal{Reason: WrongName, Node: r.Node, Fingerprint: r.Fingerprint, Err: fmt.Errorf("node %s was called and this node itself answers", node)}
		}
		if err != nil {
			return err
		}
		if is != node {
			return &Refusal{Reason: WrongName, Node: is, Fingerprint: Fingerprint(state.PeerCertificates[0]), Err: fmt.Errorf("node %s was called and %s answers", node, is)}
		}
		return checkProtocol(state, protocol)
	}
	return c
}

func checkProtocol(state tls.ConnectionState, protocol string) error {
	if state.NegotiatedProtocol != protocol {
		return &Refusal{Reason: WrongProtocol, Err: fmt.Errorf("the other end does not speak %s", protocol)}
	}
	return nil
}
