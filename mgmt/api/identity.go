package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"time"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Certificate is what the appliance shows to those who connect, without its key.
type Certificate struct {
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Serial      string    `json:"serial"`
	Names       []string  `json:"names" doc:"The names and addresses that it is for."`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Fingerprint string    `json:"fingerprint" doc:"SHA-256 of the certificate: what an admin compares with what a client shows." example:"sha256:6b86b273ff34fce1..."`
	Source      string    `json:"source" enum:"made,given,configured" doc:"Made by the appliance, given over this interface, or in files that the configuration names."`
}

// CertificateDraft is a pair that an admin gives.
type CertificateDraft struct {
	Certificate string `json:"certificate" minLength:"1" maxLength:"65536" doc:"PEM: the certificate, and those that lead to its issuer."`
	Key         string `json:"key" secret:"true" writeOnly:"true" minLength:"1" maxLength:"16384" doc:"PEM: its private key, not encrypted. It never comes back."`
}

type putCertificate struct {
	rest.Precondition
	rest.DryRun
	Body CertificateDraft
}

type deleteCertificate struct {
	rest.Precondition
	rest.DryRun
}

// identify registers the certificate.
func (a *assembly) identify() error {
	const path = "/api/v1/certificate"
	rest.Register(a.rest, rest.Operation{
		ID: "get-certificate", Method: http.MethodGet, Path: path, Tag: "certificate", Permission: auth.SystemRead, Summary: "The certificate of HTTPS",
	}, func(context.Context, *nothing) (*rest.Item[Certificate], error) { return a.own.item(), nil })
	rest.Register(a.rest, rest.Operation{
		ID: "put-certificate", Method: http.MethodPut, Path: path, Tag: "certificate", Permission: auth.SystemWrite, Audit: "certificate.put",
		Summary: "Give the appliance a certificate", Errors: []problem.Code{problem.Conflict, problem.PreconditionFailed, problem.PreconditionRequired},
		Description: "It is shown from the next connection on. A pair that does not belong together, or has run out, is refused.",
	}, a.putCertificate)
	rest.Register(a.rest, rest.Operation{
		ID: "delete-certificate", Method: http.MethodDelete, Path: path, Tag: "certificate", Permission: auth.SystemWrite, Audit: "certificate.delete",
		Summary: "Let the appliance make a certificate for itself", Errors: []problem.Code{problem.Conflict, problem.PreconditionFailed, problem.PreconditionRequired},
	}, a.deleteCertificate)
	return nil
}

func (a *assembly) putCertificate(ctx context.Context, in *putCertificate) (*rest.Item[Certificate], error) {
	pair, err := tls.X509KeyPair([]byte(in.Body.Certificate), []byte(in.Body.Key))
	if err != nil { // its text may have parts of the key
		return nil, problem.New(problem.Invalid, "Certificate and key are not a pair in PEM.").
			At("body/certificate", "must be a certificate in PEM").At("body/key", "must be its private key in PEM, not encrypted")
	}
	if now := time.Now(); now.After(pair.Leaf.NotAfter) || now.Before(pair.Leaf.NotBefore) {
		return nil, problem.New(problem.Invalid, "").At("body/certificate", "is valid from %s to %s alone", stamped(pair.Leaf.NotBefore), stamped(pair.Leaf.NotAfter))
	}
	return a.own.change(ctx, in.Precondition, in.DryRun, &pair, func() error { return a.own.put([]byte(in.Body.Certificate), []byte(in.Body.Key)) })
}

func (a *assembly) deleteCertificate(ctx context.Context, in *deleteCertificate) (*rest.Item[Certificate], error) {
	return a.own.change(ctx, in.Precondition, in.DryRun, nil, a.own.make)
}

// change does what replaces the pair, if that is ours to do.
func (s *certificates) change(ctx context.Context, p rest.Precondition, dry rest.DryRun, next *tls.Certificate, do func() error) (*rest.Item[Certificate], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.own {
		return nil, problem.New(problem.Conflict, "The configuration names the files of the certificate: replace these, they are read again.")
	}
	now := s.item()
	if err := p.Check(versionOf(s.current.Load().Leaf)); err != nil {
		return nil, err
	}
	audit.Object(ctx, "certificate")
	audit.Before(ctx, now.Body)
	if dry.DryRun {
		if next == nil {
			return now, nil
		}
		return rest.One(s.describe(next.Leaf), versionOf(next.Leaf)), nil
	}
	if err := do(); err != nil {
		return nil, err
	}
	audit.After(ctx, s.item().Body)
	return s.item(), nil
}

func (s *certificates) item() *rest.Item[Certificate] {
	leaf := s.current.Load().Leaf
	return rest.One(s.describe(leaf), versionOf(leaf))
}

func (s *certificates) describe(leaf *x509.Certificate) Certificate {
	c := Certificate{
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Serial: hex.EncodeToString(leaf.SerialNumber.Bytes()), Names: []string{},
		NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(), Fingerprint: fingerprintOf(leaf), Source: "given",
	}
	c.Names = append(c.Names, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	switch {
	case !s.own:
		c.Source = "configured"
	case made(leaf):
		c.Source = "made"
	}
	return c
}

// versionOf is the version of a certificate: of its digest, as much as a number of JSON keeps.
func versionOf(leaf *x509.Certificate) uint64 {
	sum := digestOf(leaf)
	return binary.BigEndian.Uint64(sum[:])>>11 | 1
}

func stamped(t time.Time) string { return t.UTC().Format(time.RFC3339) }
