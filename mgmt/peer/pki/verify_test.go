package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func leaves(s *Store) []*x509.Certificate { return []*x509.Certificate{s.known.Load().own.Leaf} }

// sign makes a certificate by an authority, changed from what issue makes.
func sign(t *testing.T, by *Store, now time.Time, public crypto.PublicKey, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	ca, key, err := openAuthority(by.dir)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := newSerial()
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "fcr-b"}, NotBefore: now.Add(-skew), NotAfter: now.Add(leafValidity),
		URIs: []*url.URL{nameOf(by.Cluster(), "fcr-b")}, KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, public, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func TestOnlyCertificatesOfTheShapeThatWeSignAreAccepted(t *testing.T) {
	c := newClock()
	a, foreign := begin(t, "prod", "fcr-a", c.now), begin(t, "prod", "fcr-a", c.now)
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	big1, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := &key.PublicKey
	if node, err := a.Verify([]*x509.Certificate{sign(t, a, c.now(), public, nil), foreign.known.Load().ca}); node != "fcr-b" || err != nil {
		t.Fatalf("the good one, with something behind it: %q %v", node, err)
	}
	name := func(s string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			u, err := url.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = []*url.URL{u}
		}
	}
	for what, x := range map[string]struct {
		leaf   *x509.Certificate
		reason Reason
	}{
		"of another authority of the same name": {sign(t, foreign, c.now(), public, nil), ForeignCA},
		"an RSA key":                            {sign(t, a, c.now(), &old.PublicKey, nil), BadCertificate},
		"another curve":                         {sign(t, a, c.now(), &big1.PublicKey, nil), BadCertificate},
		"one that can sign others":              {sign(t, a, c.now(), public, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign }), BadCertificate},
		"the authority itself":                  {a.known.Load().ca, BadCertificate},
		"for clients alone":                     {sign(t, a, c.now(), public, func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[:1] }), BadCertificate},
		"for anything":                          {sign(t, a, c.now(), public, func(c *x509.Certificate) { c.ExtKeyUsage = nil }), BadCertificate},
		"no name":                               {sign(t, a, c.now(), public, func(c *x509.Certificate) { c.URIs = nil }), BadCertificate},
		"two names":                             {sign(t, a, c.now(), public, func(c *x509.Certificate) { c.URIs = append(c.URIs, nameOf("prod", "fcr-c")) }), BadCertificate},
		"a host's name too":                     {sign(t, a, c.now(), public, func(c *x509.Certificate) { c.DNSNames = []string{"fcr-b"} }), BadCertificate},
		"an address too":                        {sign(t, a, c.now(), public, func(c *x509.Certificate) { c.IPAddresses = []net.IP{{127, 0, 0, 1}} }), BadCertificate},
		"another scheme":                        {sign(t, a, c.now(), public, name("https://prod/fcr-b")), BadCertificate},
		"a port":                                {sign(t, a, c.now(), public, name("fcr://prod:1/fcr-b")), BadCertificate},
		"a user":                                {sign(t, a, c.now(), public, name("fcr://x@prod/fcr-b")), BadCertificate},
		"a query":                               {sign(t, a, c.now(), public, name("fcr://prod/fcr-b?x")), BadCertificate},
		"a longer path":                         {sign(t, a, c.now(), public, name("fcr://prod/fcr-b/x")), BadCertificate},
		"no node":                               {sign(t, a, c.now(), public, name("fcr://prod")), BadCertificate},
		"no node, and a slash":                  {sign(t, a, c.now(), public, name("fcr://prod/")), BadCertificate},
		"an escape":                             {sign(t, a, c.now(), public, name("fcr://prod/fcr%2Db")), BadCertificate},
		"another cluster":                       {sign(t, a, c.now(), public, name("fcr://test/fcr-b")), WrongCluster},
		"this node":                             {sign(t, a, c.now(), public, name("fcr://prod/fcr-a")), OwnName},
		"a critical extension": {sign(t, a, c.now(), public, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}), BadCertificate},
	} {
		t.Run(what, func(t *testing.T) {
			node, err := a.Verify([]*x509.Certificate{x.leaf})
			want(t, err, x.reason)
			if node != "" {
				t.Errorf("it is said to be %s", node)
			}
		})
	}
	_, err = a.Verify(nil)
	want(t, err, NoCertificate)
	address, _ := serve(t, a)
	b := member(t, a, address, "fcr-b", c.now)
	forged := sign(t, foreign, c.now(), public, func(c *x509.Certificate) { c.AuthorityKeyId = a.known.Load().ca.SubjectKeyId })
	_, err = b.Verify([]*x509.Certificate{forged, b.known.Load().own.Leaf, a.known.Load().ca})
	want(t, err, ForeignCA)
}

func TestTimeIsJudgedWithADayOfRoomBeforeAndNoneAfter(t *testing.T) {
	c := newClock()
	a := begin(t, "prod", "fcr-a", c.now)
	address, _ := serve(t, a)
	b := member(t, a, address, "fcr-b", c.now)
	for _, x := range []struct {
		off    time.Duration
		reason Reason
	}{{0, ""}, {-time.Hour, ""}, {time.Hour, ""}, {-skew, ""}, {-skew - time.Second, NotYetValid}, {leafValidity, ""}, {leafValidity + time.Second, Expired}} {
		c.advance(x.off)
		node, err := a.Verify(leaves(b))
		switch {
		case x.reason != "":
			want(t, err, x.reason)
		case err != nil || node != "fcr-b":
			t.Errorf("%v off: %v", x.off, err)
		}
		c.advance(-x.off)
	}
	c.advance(leafValidity * 2 / 3)
	if !a.Due() {
		t.Error("not due after two thirds")
	}
	c.advance(-48 * time.Hour)
	if a.Due() {
		t.Error("due too early")
	}
	c.advance(-48*time.Hour - leafValidity*2/3)
	if !a.Due() {
		t.Error("one that is not valid yet is not due")
	}
	c.advance(48*time.Hour + leafValidity*2/3)
	c.advance(authorityValidity - 300*24*time.Hour) // the authority has less left than a certificate lasts
	in, err := Open(a.dir, c.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Rotate(t.Context(), nil, ""); err != nil || in.Identity().NotAfter.After(in.known.Load().ca.NotAfter) {
		t.Errorf("a certificate outlives the authority: %v", err)
	}
	c.advance(authorityValidity)
	if err := in.Rotate(t.Context(), nil, ""); err == nil || !strings.Contains(err.Error(), "run out") {
		t.Errorf("an authority that has run out signs: %v", err)
	}
}

func TestFilesAreForTheirOwnerAloneAndKeysThatOthersCanReadAreRefused(t *testing.T) {
	a := begin(t, "prod", "fcr-a", nil)
	if _, err := a.Invite("fcr-b", "a:1"); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(a.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		if st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, st.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{nodeFile, signingFile} {
		if err := os.Chmod(a.path(file), 0o640); err != nil {
			t.Fatal(err)
		}
		_, opened := Open(a.dir, nil)
		_, signed := a.Invite("fcr-b", "a:1")
		if file == nodeFile && opened == nil || file == signingFile && signed == nil {
			t.Errorf("%s: %v %v", file, opened, signed)
		}
		if err := os.Chmod(a.path(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatABeginningLeftHalfDoneIsFinishedAndNothingIsReplaced(t *testing.T) {
	a := begin(t, "prod", "fcr-a", nil)
	authority := a.Identity().Authority
	if _, err := Init(a.dir, "prod", "fcr-a", nil); err == nil || !strings.Contains(err.Error(), "in one already") {
		t.Errorf("twice: %v", err)
	}
	if err := os.Remove(a.path(nodeFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(a.dir, nil); err != ErrAbsent {
		t.Errorf("half done: %v", err)
	}
	if _, err := Init(a.dir, "test", "fcr-a", nil); err == nil || !strings.Contains(err.Error(), "of cluster prod") {
		t.Errorf("another cluster over it: %v", err)
	}
	again, err := Init(a.dir, "prod", "fcr-a", nil)
	if err != nil || again.Identity().Authority != authority {
		t.Errorf("finished: %v", err)
	}
	if err := os.WriteFile(a.path(nodeFile), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(a.dir, nil); err == nil {
		t.Error("nonsense is opened")
	}
	before := again.Identity()
	if _, err := again.Reload(); err == nil || again.Identity() != before {
		t.Errorf("nonsense is taken over: %v", err)
	}
	if _, err := again.Reload(); err != nil {
		t.Errorf("it is told twice: %v", err)
	}
	half := filepath.Join(t.TempDir(), "peer") // only the key was written
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(a.path(signingFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, signingFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Init(half, "prod", "fcr-a", nil); err != nil || s.Identity().Authority == authority {
		t.Errorf("a key without its certificate: %v", err)
	}
}

func TestNamesThatCannotBeAreRefused(t *testing.T) {
	for _, x := range [][2]string{{"", "a"}, {"Prod", "a"}, {"a.b", "a"}, {"a/b", "a"}, {"-a", "a"}, {"prod", ""}, {"prod", "../a"}, {strings.Repeat("a", 64), "a"}} {
		if _, err := Init(filepath.Join(t.TempDir(), "peer"), x[0], x[1], nil); err == nil {
			t.Errorf("cluster %q, node %q", x[0], x[1])
		}
	}
	if got := colons([]byte{0, 0xab, 0x10}); got != "00:AB:10" {
		t.Errorf("fingerprints look like %s", got)
	}
}

// Whatever a stranger shows, judging it ends, and not in his favour.
func FuzzVerify(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "peer")
	a, err := Init(dir, "prod", "fcr-a", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(a.known.Load().ca.Raw)
	f.Add(a.known.Load().own.Leaf.Raw)
	f.Add([]byte{0x30, 0x82})
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		if node, err := a.Verify([]*x509.Certificate{c}); err == nil {
			t.Errorf("accepted as %s", node)
		}
	})
}

// What nodes say about certificates is read whole, or is an error.
func FuzzReceive(f *testing.F) {
	var b bytes.Buffer
	if err := send(&b, request{Version: 1, Node: "fcr-b", Request: []byte{1}}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, text []byte) {
		var r request
		if receive(bytes.NewReader(text), maxKnock, &r) == nil && len(text) < 4+2 {
			t.Errorf("% x is a message", text)
		}
		_, _ = parseRequest(r.Request)
		_, _ = parseRequest(text)
		_, _ = parseAuthority(text)
	})
}

func TestACertificateOfTheFolderMustBeSignedByItsAuthority(t *testing.T) {
	a, b := begin(t, "prod", "fcr-a", nil), begin(t, "prod", "fcr-a", nil)
	other := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.known.Load().ca.Raw})
	if err := write(a.path(authorityFile), other); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(a.dir, nil); err == nil || !strings.Contains(err.Error(), "not signed by") {
		t.Errorf("opened: %v", err)
	}
	if _, _, err := openAuthority(a.dir); err == nil || !strings.Contains(err.Error(), "is not the key of") {
		t.Errorf("signs: %v", err)
	}
}
