package api

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fcredirect/mgmt/config"
)

// certificates is what the role shows to those who connect: the files that the configuration names, else a pair that it
// made for itself. Files that change are taken over while it serves; ones that cannot be used leave the old pair in place.
type certificates struct {
	cert, key string
	own       bool     // the files are ours to write; else the configuration names them
	names     []string // of a certificate of our own
	hosts     []string // that the configuration lists
	log       *slog.Logger
	every     time.Duration // that it is seen whether the files have changed

	current atomic.Pointer[tls.Certificate]

	mu   sync.Mutex // one change at a time; guards seen
	seen [2]stamp   // of the files, as they were read
}

// stamp tells one content of a file from another.
type stamp struct {
	size  int64
	inode uint64
	at    time.Time
}

// newCertificates reads the pair, or makes one.
func newCertificates(dir string, c *config.Config, log *slog.Logger) (*certificates, error) {
	s := &certificates{cert: c.API.Certificate, key: c.API.Key, hosts: c.API.Hosts, log: log, every: look}
	if s.cert == "" {
		s.cert, s.key, s.own = filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem"), true
		s.names = namesOf(c)
	}
	if err := s.read(); err == nil && !s.old() {
		return s, nil
	} else if !s.own {
		return nil, err
	}
	return s, s.make()
}

// old says whether a certificate that we made has to be renewed. One that an admin brought is his to renew.
func (s *certificates) old() bool {
	leaf := s.current.Load().Leaf
	return s.own && made(leaf) && time.Until(leaf.NotAfter) < renewal
}

// made says whether a certificate is one of selfSigned.
func made(leaf *x509.Certificate) bool {
	return bytes.Equal(leaf.RawIssuer, leaf.RawSubject) && slices.Equal(leaf.Subject.Organization, []string{organization})
}

const organization = "FC-Redirect"

// run looks after the files until ctx ends.
func (s *certificates) run(ctx context.Context) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.renew(); err != nil {
			s.log.Error("the certificate stays as it was", "file", s.cert, "error", err)
		}
	}
}

// renew takes over what has changed, and makes a new one of ours in time.
func (s *certificates) renew() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.old() {
		return s.make()
	}
	now := [2]stamp{stampOf(s.cert), stampOf(s.key)}
	if now == s.seen {
		return nil
	}
	if err := s.read(); err != nil {
		s.seen = now // it is said once for each change
		return err
	}
	s.log.Info("shows another certificate", "fingerprint", s.fingerprint())
	return nil
}

// read takes the files, if they belong together and have not run out.
func (s *certificates) read() error {
	seen := [2]stamp{stampOf(s.cert), stampOf(s.key)}
	cert, err := readBounded(s.cert)
	if err != nil {
		return err
	}
	key, err := readBounded(s.key)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("certificate %s and key %s: %w", s.cert, s.key, err)
	}
	if time.Now().After(pair.Leaf.NotAfter) && !s.own {
		s.log.Warn("the certificate has run out", "file", s.cert, "at", pair.Leaf.NotAfter)
	}
	s.seen = seen
	s.current.Store(&pair)
	return nil
}

// make makes a pair of ours and writes it, the key first: a reader in between finds that they do not belong together.
func (s *certificates) make() error {
	cert, key, err := selfSigned(s.names, time.Now())
	if err != nil {
		return err
	}
	if err := s.put(cert, key); err != nil {
		return err
	}
	s.log.Info("made a certificate", "file", s.cert, "fingerprint", s.fingerprint(), "until", s.current.Load().Leaf.NotAfter)
	return nil
}

// put writes a pair and takes it over.
func (s *certificates) put(cert, key []byte) error {
	if err := errors.Join(write(s.key, key), write(s.cert, cert)); err != nil {
		return err
	}
	return s.read()
}

// fingerprint is what an admin compares with what a client shows.
func (s *certificates) fingerprint() string {
	return fingerprintOf(s.current.Load().Leaf)
}

func fingerprintOf(leaf *x509.Certificate) string {
	sum := digestOf(leaf)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func digestOf(leaf *x509.Certificate) [sha256.Size]byte { return sha256.Sum256(leaf.Raw) }

// knows says whether a name is the appliance's: the configuration lists it, or the certificate is for it.
func (s *certificates) knows(name string) bool {
	return slices.ContainsFunc(s.hosts, func(h string) bool { return strings.EqualFold(h, name) }) || s.current.Load().Leaf.VerifyHostname(name) == nil
}

// config is for a server: TLS 1.2 at least, with the suites that Go holds for good.
func (s *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.current.Load(), nil },
	}
}

// selfSigned makes a pair, as PEM.
func selfSigned(names []string, now time.Time) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, fmt.Errorf("make a serial number: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0][:min(len(names[0]), 64)], Organization: []string{organization}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validity), // clocks differ
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, name := range names[:min(len(names), maxNames)] {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &private.PublicKey, private)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("write a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), nil
}

// namesOf are the names and addresses under which the machine may be called, each once.
func namesOf(c *config.Config) []string {
	names := []string{}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	names = append(names, c.Node, "localhost", "127.0.0.1", "::1")
	names = append(names, c.API.Hosts...)
	for _, listen := range c.API.Listen {
		if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
			names = append(names, host)
		}
	}
	addresses, _ := net.InterfaceAddrs() // none: the others do
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			names = append(names, n.IP.String())
		}
	}
	var all []string
	for _, name := range names {
		name = strings.ToLower(name)
		if ip := net.ParseIP(name); ip != nil {
			name = ip.String()
		}
		if name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(text) > maxPEM {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxPEM)
	}
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return bytes.TrimSpace(text), nil
}

// write puts a file in place as a whole, for the owner alone.
func write(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-") // 0600
	if err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write certificate: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

func stampOf(path string) stamp {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{st.Size(), st.Sys().(*syscall.Stat_t).Ino, st.ModTime()}
}
