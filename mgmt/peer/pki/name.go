package pki

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// scheme is that of the name in a certificate: fcr://CLUSTER/NODE of a node, fcr://CLUSTER of the authority.
const scheme = "fcr"

// CheckCluster says what is wrong with the name of a cluster. It stands where a URI has its host.
func CheckCluster(name string) error {
	for i, c := range []byte(name) {
		if letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'; !letter && (i == 0 || c != '-') {
			return fmt.Errorf("cluster cannot be %q: use lower-case letters, digits and -; begin with a letter or digit", name)
		}
	}
	if name == "" || len(name) > maxName {
		return fmt.Errorf("name of the cluster: use 1 to %d characters", maxName)
	}
	return nil
}

// CheckNode is the same for the name of a node, by the rule of the configuration.
func CheckNode(name string) error {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
		if !letter && (i == 0 || c != '-' && c != '.') {
			return fmt.Errorf("node cannot be %q: use letters, digits, -, _ and .; begin with a letter or digit", name)
		}
	}
	if name == "" || len(name) > maxName {
		return fmt.Errorf("name of the node: use 1 to %d characters", maxName)
	}
	return nil
}

// nameOf is the URI of a node, or with no node of its authority.
func nameOf(cluster, node string) *url.URL {
	u := &url.URL{Scheme: scheme, Host: cluster}
	if node != "" {
		u.Path = "/" + node
	}
	return u
}

// readName takes the only name that a certificate has. A certificate for more than one name is none of ours.
func readName(c *x509.Certificate) (cluster, node string, err error) {
	if len(c.URIs) != 1 || len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses) != 0 {
		return "", "", errors.New("certificate: it has not just one name fcr://CLUSTER/NODE")
	}
	u := c.URIs[0]
	cluster, node = u.Host, strings.TrimPrefix(u.Path, "/")
	if err := CheckCluster(cluster); err != nil {
		return "", "", fmt.Errorf("certificate: %w", err)
	}
	if node != "" {
		if err := CheckNode(node); err != nil {
			return "", "", fmt.Errorf("certificate: %w", err)
		}
	}
	if u.String() != nameOf(cluster, node).String() { // user, port, query, fragment, escapes
		return "", "", errors.New("certificate: its name is not fcr://CLUSTER/NODE")
	}
	return cluster, node, nil
}

// Fingerprint is the SHA-256 of a certificate, as people compare it.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return colons(sum[:])
}

func colons(b []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", b), " ", ":")
}
