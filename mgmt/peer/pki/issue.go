package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// issued is a certificate that the authority has signed, so that all of a node can be revoked by its name.
type issued struct {
	Serial      string    `json:"serial"` // hexadecimal
	Node        string    `json:"node"`
	Fingerprint string    `json:"fingerprint"`
	NotAfter    time.Time `json:"valid_until"`
}

// Init begins a cluster: an authority, and the first node's certificate. The last file to be written is the node's: what
// was cut short before is finished by another Init of the same name.
func Init(dir, cluster, node string, now Clock) (*Store, error) {
	if err := errors.Join(CheckCluster(cluster), CheckNode(node)); err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	err := locked(dir, func() error {
		if _, err := os.Stat(filepath.Join(dir, nodeFile)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("begin a cluster: this node is in one already: %s", filepath.Join(dir, nodeFile))
		}
		ca, key, err := openAuthority(dir)
		if errors.Is(err, fs.ErrNotExist) {
			ca, key, err = makeAuthority(dir, cluster, now())
		}
		if err != nil {
			return err
		}
		if of, _, err := readName(ca); err != nil || of != cluster {
			return fmt.Errorf("begin a cluster: there is an authority of cluster %s in %s already", of, dir)
		}
		return issueOwn(dir, ca, key, node, now())
	})
	if err != nil {
		return nil, err
	}
	return Open(dir, now)
}

// issueOwn makes a key and a certificate for the node that has the authority.
func issueOwn(dir string, ca *x509.Certificate, sign *ecdsa.PrivateKey, node string, now time.Time) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	der, err := issue(dir, ca, sign, node, &key.PublicKey, now)
	if err != nil {
		return err
	}
	return writePair(dir, der, key)
}

func writePair(dir string, der []byte, key *ecdsa.PrivateKey) error {
	text, err := encodePair(der, key)
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, nodeFile), text)
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return key, nil
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	return n.SetBit(n, 126, 1), nil // never zero, always of one length
}

// makeAuthority makes the authority of a cluster, its key first: a certificate without its key would be of no use.
func makeAuthority(dir, cluster string, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "authority", Organization: []string{"FC-Redirect"}, OrganizationalUnit: []string{cluster}},
		NotBefore: now.Add(-skew), NotAfter: now.Add(authorityValidity), URIs: []*url.URL{nameOf(cluster, "")},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make an authority: %w", err)
	}
	ca, err := parseAuthority(der)
	if err != nil {
		return nil, nil, err
	}
	secret, err := encodeKey(key)
	if err != nil {
		return nil, nil, err
	}
	err = write(filepath.Join(dir, signingFile), secret)
	if err == nil {
		err = write(filepath.Join(dir, authorityFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return ca, key, err
}

// parseAuthority parses a certificate of an authority such as makeAuthority makes, and no other.
func parseAuthority(der []byte) (*x509.Certificate, error) {
	if len(der) > maxCertificate {
		return nil, fmt.Errorf("authority: %d bytes, at most %d", len(der), maxCertificate)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	if _, node, err := readName(ca); err != nil || node != "" || !ca.IsCA || !ca.BasicConstraintsValid {
		return nil, errors.Join(errors.New("authority: the certificate is not one of an authority"), err)
	}
	if err := ca.CheckSignatureFrom(ca); err != nil {
		return nil, fmt.Errorf("authority: it has not signed itself: %w", err)
	}
	return ca, nil
}

// openAuthority reads the authority with its key, which is on one node alone.
func openAuthority(dir string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	text, err := readSecret(filepath.Join(dir, signingFile))
	if err != nil {
		return nil, nil, err
	}
	ca, err := readAuthority(filepath.Join(dir, authorityFile))
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil, fmt.Errorf("%s: no PEM in it", signingFile)
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", signingFile, err)
	}
	key, ok := any.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(ca.PublicKey) {
		return nil, nil, fmt.Errorf("%s is not the key of %s", signingFile, authorityFile)
	}
	return ca, key, nil
}

// issue signs a certificate for a node and its public key. Nothing else of what somebody asked for gets into it. It is
// remembered before anybody gets it: one that could not be revoked by name must not be about.
func issue(dir string, ca *x509.Certificate, sign *ecdsa.PrivateKey, node string, public *ecdsa.PublicKey, now time.Time) ([]byte, error) {
	cluster, _, err := readName(ca)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	until := now.Add(leafValidity)
	if until.After(ca.NotAfter) {
		until = ca.NotAfter
	}
	if !until.After(now) {
		return nil, fmt.Errorf("issue a certificate: the authority has run out on %s", text(ca.NotAfter))
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: node, Organization: []string{"FC-Redirect"}, OrganizationalUnit: []string{cluster}},
		NotBefore: now.Add(-skew), NotAfter: until, URIs: []*url.URL{nameOf(cluster, node)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, public, sign)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	if err := remember(dir, leaf, node, now); err != nil {
		return nil, err
	}
	return der, nil
}

// remember notes a certificate, and forgets those that have run out.
func remember(dir string, leaf *x509.Certificate, node string, now time.Time) error {
	all, err := readIssued(dir)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(i issued) bool { return now.After(i.NotAfter.Add(skew)) })
	of := 0
	for _, i := range all {
		if i.Node == node {
			of++
		}
	}
	if of >= maxIssuedPerNode || len(all) >= maxIssued {
		return fmt.Errorf("issue a certificate: node %s has %d that are valid, all nodes %d: at most %d and %d", node, of, len(all), maxIssuedPerNode, maxIssued)
	}
	all = append(all, issued{serialText(leaf.SerialNumber), node, Fingerprint(leaf), leaf.NotAfter})
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return fmt.Errorf("note a certificate: %w", err)
	}
	return write(filepath.Join(dir, issuedFile), text)
}

func readIssued(dir string) (all []issued, err error) {
	text, err := read(filepath.Join(dir, issuedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", issuedFile, err)
	}
	return all, nil
}
