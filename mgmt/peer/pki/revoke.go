package pki

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Revocation is a certificate that nobody accepts any more.
type Revocation struct {
	Node        string    `json:"node"`
	Fingerprint string    `json:"fingerprint"`
	Serial      string    `json:"serial"`
	NotAfter    time.Time `json:"valid_until"`
}

// Revoke makes all certificates of a node worthless, or the one with a fingerprint. Only the node with the authority can;
// the others hear of it from node to node. It says which ones: none is an error.
func (s *Store) Revoke(what string) (gone []Revocation, err error) {
	err = locked(s.dir, func() error {
		ca, key, err := openAuthority(s.dir)
		if errors.Is(err, fs.ErrNotExist) {
			return s.notHere("revoke")
		}
		if err != nil {
			return err
		}
		all, err := readIssued(s.dir)
		if err != nil {
			return err
		}
		own := serialText(s.known.Load().own.Leaf.SerialNumber)
		var rest []issued
		for _, i := range all {
			if i.Node != what && !sameFingerprint(i.Fingerprint, what) {
				rest = append(rest, i)
				continue
			}
			if i.Serial == own {
				return fmt.Errorf("revoke %s: it is the certificate that this node uses: fcrctl peer rotate makes another one first", what)
			}
			gone = append(gone, Revocation{i.Node, i.Fingerprint, i.Serial, i.NotAfter})
		}
		if len(gone) == 0 {
			return fmt.Errorf("revoke %s: the authority has issued no valid certificate to a node of that name, or with that fingerprint", what)
		}
		if err := errors.Join(s.withdraw(gone), s.writeList(ca, key, gone)); err != nil {
			return err
		}
		// Only now: a certificate that is on neither list could not be found again.
		text, err := json.MarshalIndent(rest, "", " ")
		if err != nil {
			return fmt.Errorf("note what was issued: %w", err)
		}
		return write(s.path(issuedFile), text)
	})
	if err != nil {
		return nil, err
	}
	_, err = s.Reload()
	return gone, err
}

// withdraw removes the invitations of nodes: who was thrown out does not come in again by an old code.
func (s *Store) withdraw(gone []Revocation) error {
	files, err := os.ReadDir(s.path(inviteFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read invitations: %w", err)
	}
	for _, f := range files {
		path := filepath.Join(s.path(inviteFolder), f.Name())
		i, err := readInvitation(path)
		if err != nil || slices.ContainsFunc(gone, func(r Revocation) bool { return r.Node == i.Node }) {
			if err := remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// notHere says where to go for what only the authority can do.
func (s *Store) notHere(what string) error {
	if w, err := s.Authority(); err == nil {
		return fmt.Errorf("%s: the authority of the cluster is on node %s: do it there", what, w.Node)
	}
	return fmt.Errorf("%s: the authority of the cluster is not on this node", what)
}

func sameFingerprint(a, b string) bool {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, ":", "")) }
	return len(plain(b)) == 64 && plain(a) == plain(b)
}

// writeList signs a longer list, without those that have run out anyway.
func (s *Store) writeList(ca *x509.Certificate, key *ecdsa.PrivateKey, more []Revocation) error {
	old, err := readList(s.dir, ca)
	if err != nil {
		return err
	}
	now := s.now()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: ca.NotAfter}
	if old != nil {
		list.Number.Add(old.Number, list.Number)
		list.RevokedCertificateEntries = slices.Clone(old.RevokedCertificateEntries)
	}
	if len(list.RevokedCertificateEntries)+len(more) > maxRevoked {
		list.RevokedCertificateEntries = slices.DeleteFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
			return now.Sub(e.RevocationTime) > leafValidity+skew // it has run out
		})
	}
	for _, r := range more {
		serial, ok := new(big.Int).SetString(r.Serial, 16)
		if !ok {
			return fmt.Errorf("%s: %q is no serial number", issuedFile, r.Serial)
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: now})
	}
	if len(list.RevokedCertificateEntries) > maxRevoked {
		return fmt.Errorf("revoke: the list has room for %d certificates", maxRevoked)
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca, key)
	if err != nil {
		return fmt.Errorf("sign the list of revocations: %w", err)
	}
	return writeListFile(s.dir, der)
}

func writeListFile(dir string, der []byte) error {
	return write(filepath.Join(dir, revokedFile), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
}

// readList reads the list of the folder; nil where there is none.
func readList(dir string, ca *x509.Certificate) (*x509.RevocationList, error) {
	text, err := read(filepath.Join(dir, revokedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM in it", revokedFile)
	}
	list, err := parseList(block.Bytes, ca)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", revokedFile, err)
	}
	return list, nil
}

// parseList parses a list and makes sure that the authority has signed it. Whoever sent it need not be believed.
func parseList(der []byte, ca *x509.Certificate) (*x509.RevocationList, error) {
	if len(der) > maxList {
		return nil, fmt.Errorf("list of revocations: %d bytes, at most %d", len(der), maxList)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, fmt.Errorf("list of revocations: %w", err)
	}
	if err := list.CheckSignatureFrom(ca); err != nil {
		return nil, fmt.Errorf("list of revocations: not signed by the authority: %w", err)
	}
	if list.Number == nil || len(list.RevokedCertificateEntries) > maxRevoked {
		return nil, fmt.Errorf("list of revocations: it has no number, or more than %d entries", maxRevoked)
	}
	return list, nil
}

func serialsOf(list *x509.RevocationList) map[string]bool {
	serials := make(map[string]bool, len(list.RevokedCertificateEntries))
	for _, e := range list.RevokedCertificateEntries {
		serials[string(e.SerialNumber.Bytes())] = true
	}
	return serials
}

// List is the list of revocations as it goes to others; nil where nothing was revoked.
func (s *Store) List() []byte {
	if k := s.known.Load(); k.revoked != nil {
		return k.revoked.Raw
	}
	return nil
}

// Take takes over a list that another node sent, if it is newer than ours. It says whether it was.
func (s *Store) Take(der []byte) (newer bool, err error) {
	if len(der) == 0 {
		return false, nil
	}
	list, err := parseList(der, s.known.Load().ca)
	if err != nil || !older(s.known.Load().revoked, list) {
		return false, err
	}
	err = locked(s.dir, func() error {
		there, err := readList(s.dir, s.known.Load().ca)
		if err != nil || !older(there, list) {
			return err
		}
		newer = true
		return writeListFile(s.dir, der)
	})
	if err != nil {
		return false, err
	}
	_, err = s.Reload()
	return newer, err
}
