package pki

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// ErrAbsent says that the node is in no cluster: nobody ran init or join here.
var ErrAbsent = errors.New("this node is in no cluster: fcrctl peer init begins one, fcrctl peer join enters one")

// Clock says what time it is.
type Clock func() time.Time

// Store is the folder of a node, read.
type Store struct {
	dir string
	now Clock

	known atomic.Pointer[known]

	mu   sync.Mutex // one Reload at a time; guards seen
	seen [3]stamp
}

// known is all that is needed to show and to judge certificates. It is never changed, only replaced.
type known struct {
	cluster, node string
	ca            *x509.Certificate
	own           tls.Certificate
	revoked       *x509.RevocationList // nil: nothing was
	serials       map[string]bool      // of those, by the bytes of the number
}

// Open reads the folder. A nil clock is the system's.
func Open(dir string, now Clock) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	s := &Store{dir: dir, now: now}
	if _, err := os.Stat(filepath.Join(dir, nodeFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrAbsent
	}
	if _, err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload takes over files that have changed, and says whether any had. What cannot be used leaves everything as it was,
// and is told once for each change.
func (s *Store) Reload() (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := [3]stamp{stampOf(s.path(authorityFile)), stampOf(s.path(nodeFile)), stampOf(s.path(revokedFile))}
	if now == s.seen {
		return false, nil
	}
	s.seen = now
	k, err := readAll(s.dir)
	if err != nil {
		return false, err
	}
	if old := s.known.Load(); old != nil {
		if old.cluster != k.cluster || old.node != k.node {
			return false, fmt.Errorf("%s: it is of node %s of cluster %s now, and was of %s of %s: start anew to be another one", s.path(nodeFile), k.node, k.cluster, old.node, old.cluster)
		}
		if old.ca.Equal(k.ca) && older(k.revoked, old.revoked) {
			return false, fmt.Errorf("%s: it is older than the list that was there: it is not taken", s.path(revokedFile))
		}
	}
	s.known.Store(k)
	return true, nil
}

func older(list, than *x509.RevocationList) bool {
	return than != nil && (list == nil || list.Number.Cmp(than.Number) < 0)
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func readAll(dir string) (*known, error) {
	k := &known{}
	var err error
	if k.ca, err = readAuthority(filepath.Join(dir, authorityFile)); err != nil {
		return nil, err
	}
	if k.own, err = readPair(filepath.Join(dir, nodeFile)); err != nil {
		return nil, err
	}
	if k.cluster, k.node, err = readName(k.own.Leaf); err != nil {
		return nil, fmt.Errorf("%s: %w", nodeFile, err)
	}
	if of, _, err := readName(k.ca); err != nil || of != k.cluster || k.node == "" {
		return nil, fmt.Errorf("%s and %s are not of one cluster", authorityFile, nodeFile)
	}
	if err := k.own.Leaf.CheckSignatureFrom(k.ca); err != nil {
		return nil, fmt.Errorf("%s is not signed by %s: %w", nodeFile, authorityFile, err)
	}
	if k.revoked, err = readList(dir, k.ca); err != nil {
		return nil, err
	}
	if k.revoked != nil {
		k.serials = serialsOf(k.revoked)
	}
	return k, nil
}

// readAuthority reads the certificate of an authority and makes sure that it is one.
func readAuthority(path string) (*x509.Certificate, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM in it", path)
	}
	ca, err := parseAuthority(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ca, nil
}

// readPair reads a certificate and its key from one file.
func readPair(path string) (tls.Certificate, error) {
	text, err := readSecret(path)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s: %w", path, err)
	}
	pair.Certificate = pair.Certificate[:1]
	return pair, nil
}

func encodePair(der []byte, key *ecdsa.PrivateKey) ([]byte, error) {
	secret, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), secret...), nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), nil
}

// Cluster is the name of the cluster.
func (s *Store) Cluster() string { return s.known.Load().cluster }

// Node is the name of this node.
func (s *Store) Node() string { return s.known.Load().node }

// Identity is what there is to show of a node's certificate.
type Identity struct {
	Cluster     string    `json:"cluster"`
	Node        string    `json:"node"`
	Fingerprint string    `json:"fingerprint"`
	Serial      string    `json:"serial"`
	Authority   string    `json:"authority_fingerprint"`
	NotAfter    time.Time `json:"valid_until"`
	RenewAt     time.Time `json:"renewed_from"`
	Revoked     bool      `json:"revoked"`
	Signs       bool      `json:"has_authority"` // the authority's key is here
}

// Identity is that of this node.
func (s *Store) Identity() Identity {
	k := s.known.Load()
	_, err := os.Stat(s.path(signingFile))
	leaf := k.own.Leaf
	return Identity{
		Cluster: k.cluster, Node: k.node, Fingerprint: Fingerprint(leaf), Serial: serialText(leaf.SerialNumber), Authority: Fingerprint(k.ca),
		NotAfter: leaf.NotAfter, RenewAt: renewAt(leaf), Revoked: k.serials[string(leaf.SerialNumber.Bytes())], Signs: err == nil,
	}
}

func serialText(n *big.Int) string { return fmt.Sprintf("%x", n) }

func renewAt(leaf *x509.Certificate) time.Time {
	begin := leaf.NotBefore.Add(skew)
	return begin.Add(time.Duration(float64(leaf.NotAfter.Sub(begin)) * renewAfter))
}

// Where is who has the authority, as it was when this node joined.
type Where struct {
	Node    string `json:"node"`
	Address string `json:"address"`
}

// Authority says which node has the authority and where it was reached; this node itself where it has it.
func (s *Store) Authority() (Where, error) {
	var w Where
	if _, err := os.Stat(s.path(signingFile)); err == nil {
		return Where{Node: s.Node()}, nil
	}
	text, err := read(s.path(whereFile))
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(text, &w); err != nil {
		return w, fmt.Errorf("%s: %w", whereFile, err)
	}
	return w, CheckNode(w.Node)
}
