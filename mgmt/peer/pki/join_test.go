package pki

import (
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestANodeJoinsByACodeOnceInItsNameAndInTime(t *testing.T) {
	c := newClock()
	a := begin(t, "prod", "fcr-a", c.now)
	address, _ := serve(t, a)
	dir := func() string { return filepath.Join(t.TempDir(), "peer") }
	join := func(node, code string) error {
		_, err := Join(t.Context(), JoinOptions{Dir: dir(), Node: node, Code: code, Now: c.now})
		return err
	}
	in, err := a.Invite("fcr-b", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := join("fcr-c", in.Code); err == nil || !strings.Contains(err.Error(), "not valid") {
		t.Errorf("in another name: %v", err)
	}
	code, err := ParseCode(in.Code)
	if err != nil {
		t.Fatal(err)
	}
	code.Secret[3] ^= 1
	if err := join("fcr-b", code.String()); err == nil || !strings.Contains(err.Error(), "not valid") {
		t.Errorf("with another secret: %v", err)
	}
	c.advance(InviteValidity - time.Second)
	b, err := Join(t.Context(), JoinOptions{Dir: dir(), Node: "fcr-b", Code: " " + strings.ToLower(in.Code[:20]) + "\n" + in.Code[20:], Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	if id := b.Identity(); id.Cluster != "prod" || id.Node != "fcr-b" || id.Authority != in.Authority || id.Signs || id.Authority != a.Identity().Authority {
		t.Errorf("it is %+v", id)
	}
	if w, err := b.Authority(); err != nil || w != (Where{"fcr-a", address}) {
		t.Errorf("authority: %v %v", w, err)
	}
	if node, err := a.Verify(leaves(b)); node != "fcr-b" || err != nil {
		t.Errorf("a says of b: %q %v", node, err)
	}
	if node, err := b.Verify(leaves(a)); node != "fcr-a" || err != nil {
		t.Errorf("b says of a: %q %v", node, err)
	}
	if err := join("fcr-b", in.Code); err == nil || !strings.Contains(err.Error(), "not valid") {
		t.Errorf("once more: %v", err)
	}
	late, err := a.Invite("fcr-c", address)
	if err != nil {
		t.Fatal(err)
	}
	c.advance(InviteValidity)
	if err := join("fcr-c", late.Code); err == nil || !strings.Contains(err.Error(), "not valid") {
		t.Errorf("too late: %v", err)
	}
	if left, err := os.ReadDir(a.path(inviteFolder)); err != nil || len(left) != 0 {
		t.Errorf("invitations left: %v %v", left, err)
	}
}

func TestANodeWhoseClockIsAnHourOffJoinsAndIsAccepted(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		right, wrong := newClock(), newClock()
		wrong.advance(off)
		a := begin(t, "prod", "fcr-a", right.now)
		address, _ := serve(t, a)
		b := member(t, a, address, "fcr-b", wrong.now)
		if newer, err := call(t, b, "fcr-a", address, true); newer || err != nil {
			t.Errorf("%v off: %v", off, err)
		}
		if node, err := b.Verify(leaves(a)); node != "fcr-a" || err != nil {
			t.Errorf("%v off: %v", off, err)
		}
	}
}

func TestOfTwoThatComeWithTheSameCodeAtOnceOneJoins(t *testing.T) {
	a := begin(t, "prod", "fcr-a", nil)
	address, _ := serve(t, a)
	in, err := a.Invite("fcr-b", address)
	if err != nil {
		t.Fatal(err)
	}
	var joined atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		dir := filepath.Join(t.TempDir(), "peer")
		all.Go(func() {
			if _, err := Join(t.Context(), JoinOptions{Dir: dir, Node: "fcr-b", Code: in.Code}); err == nil {
				joined.Add(1)
			} else if !strings.Contains(err.Error(), "not valid") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if joined.Load() != 1 {
		t.Errorf("%d have joined", joined.Load())
	}
	if all, err := readIssued(a.dir); err != nil || len(all) != 2 {
		t.Errorf("issued: %v %v", all, err)
	}
}

// Somebody between the two sees neither the secret nor gets a certificate: not with an authority of his own, and not as
// another node of the same cluster.
func TestTheSecretGoesToNobodyButTheNodeThatHasInvited(t *testing.T) {
	a := begin(t, "prod", "fcr-a", nil)
	address, _ := serve(t, a)
	other := member(t, a, address, "fcr-c", nil)
	foreign := begin(t, "prod", "fcr-a", nil)
	in, err := a.Invite("fcr-b", address)
	if err != nil {
		t.Fatal(err)
	}
	forged := foreign.door()
	forged.Certificates[0].Certificate[1] = a.known.Load().ca.Raw // the right authority beside a certificate that it has not signed
	alone := a.door()
	alone.Certificates[0].Certificate = alone.Certificates[0].Certificate[:1]
	silent := a.door()
	silent.NextProtos = nil
	for name, config := range map[string]*tls.Config{
		"another node of the cluster": other.door(), "another authority": foreign.door(), "a forged chain": forged,
		"no authority shown": alone, "no protocol": silent,
	} {
		t.Run(name, func(t *testing.T) {
			said := make(chan []byte, 1)
			lurk := listenTLS(t, config, said)
			_, err := Join(t.Context(), JoinOptions{Dir: filepath.Join(t.TempDir(), "peer"), Node: "fcr-b", Code: in.Code, Address: lurk})
			if err == nil {
				t.Error("it has joined")
			}
			if b := <-said; len(b) > 0 {
				t.Errorf("%d bytes were said to it", len(b))
			}
		})
	}
	if _, err := Join(t.Context(), JoinOptions{Dir: filepath.Join(t.TempDir(), "peer"), Node: "fcr-b", Code: in.Code}); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

// listenTLS takes one connection and gives what was said on it.
func listenTLS(t *testing.T, config *tls.Config, said chan<- []byte) string {
	t.Helper()
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		raw, err := in.Accept()
		if err != nil {
			said <- nil
			return
		}
		defer raw.Close()
		b := make([]byte, 1000)
		n, _ := tls.Server(raw, config).Read(b)
		said <- b[:n]
	})
	t.Cleanup(func() { in.Close(); done.Wait() })
	return in.Addr().String()
}

func TestANodeThatIsInAClusterJoinsNoOtherUnlessTold(t *testing.T) {
	a := begin(t, "prod", "fcr-a", nil)
	address, _ := serve(t, a)
	b := member(t, a, address, "fcr-b", nil)
	before := b.Identity().Fingerprint
	again := func(dir, node string, replace bool) error {
		in, err := a.Invite(node, address)
		if err != nil {
			return err
		}
		_, err = Join(t.Context(), JoinOptions{Dir: dir, Node: node, Code: in.Code, Replace: replace})
		return err
	}
	if err := again(b.dir, "fcr-b", false); err == nil || !strings.Contains(err.Error(), "in a cluster already") {
		t.Errorf("without being told: %v", err)
	}
	if _, err := b.Revoke("fcr-b"); err == nil || !strings.Contains(err.Error(), "on node fcr-a") {
		t.Errorf("who is not the authority revokes: %v", err)
	}
	if _, err := b.Invite("fcr-c", address); err == nil || !strings.Contains(err.Error(), "on node fcr-a") {
		t.Errorf("who is not the authority invites: %v", err)
	}
	if _, err := a.Revoke("fcr-b"); err != nil {
		t.Fatal(err)
	}
	if err := again(b.dir, "fcr-b", true); err != nil {
		t.Fatal(err)
	}
	if changed, err := b.Reload(); !changed || err != nil || b.Identity().Fingerprint == before || b.Identity().Revoked {
		t.Errorf("replaced: %v %v %+v", changed, err, b.Identity())
	}
	if err := os.Remove(b.path(nodeFile)); err != nil { // as if it had been killed before it wrote the last file
		t.Fatal(err)
	}
	if _, err := Open(b.dir, nil); err != ErrAbsent {
		t.Errorf("half joined: %v", err)
	}
	if err := again(b.dir, "fcr-b", false); err != nil {
		t.Errorf("half joined, and once more: %v", err)
	}
	foreign := begin(t, "test", "fcr-b", nil)
	if err := again(foreign.dir, "fcr-b", true); err == nil || !strings.Contains(err.Error(), "the authority of a cluster") {
		t.Errorf("who has an authority joins: %v", err)
	}
	if err := again(filepath.Join(t.TempDir(), "peer"), "fcr-a", false); err == nil || !strings.Contains(err.Error(), "that is this node") {
		t.Errorf("it invites itself: %v", err)
	}
}

func TestInvitationsAreBounded(t *testing.T) {
	c := newClock()
	a := begin(t, "prod", "fcr-a", c.now)
	for range maxInvites {
		if _, err := a.Invite("fcr-b", "a:1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Invite("fcr-b", "a:1"); err == nil {
		t.Error("one more")
	}
	c.advance(InviteValidity)
	if in, err := a.Invite("fcr-b", "a:1"); err != nil || in.Others != 0 {
		t.Errorf("after they have ended: %v", err)
	}
	if left, err := os.ReadDir(a.path(inviteFolder)); err != nil || len(left) != 1 {
		t.Errorf("left: %d %v", len(left), err)
	}
	for _, bad := range []string{"", "a", "a:", ":1", "a b:1", strings.Repeat("a", 300) + ":1"} {
		if _, err := a.Invite("fcr-b", bad); err == nil {
			t.Errorf("address %q", bad)
		}
	}
	for _, bad := range []string{"", "../x", "-a", "a/b", "a\n", "ä", strings.Repeat("a", 64)} {
		if _, err := a.Invite(bad, "a:1"); err == nil {
			t.Errorf("node %q", bad)
		}
	}
}

// What a stranger sends after the handshake of a join is bounded, and refused without a word about this machine.
func TestWhatAStrangerKnocksWith(t *testing.T) {
	a := begin(t, "prod", "fcr-a", nil)
	address, answers := serve(t, a)
	in, err := a.Invite("fcr-b", address)
	if err != nil {
		t.Fatal(err)
	}
	code, err := ParseCode(in.Code)
	if err != nil {
		t.Fatal(err)
	}
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	ask, err := newRequest(key)
	if err != nil {
		t.Fatal(err)
	}
	spoiled := append([]byte{}, ask...)
	spoiled[len(spoiled)-1] ^= 1
	good := request{Version: messageVersion, Secret: code.Secret[:], Node: "fcr-b", Request: ask}
	knock := func(r request) (*answer, error) {
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{JoinProtocol}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return exchange(c, r)
	}
	for name, change := range map[string]func(*request){
		"another version":          func(r *request) { r.Version = 2 },
		"no secret":                func(r *request) { r.Secret = nil },
		"a short secret":           func(r *request) { r.Secret = r.Secret[:15] },
		"a path for a secret":      func(r *request) { r.Secret = []byte("../../../node.pem") },
		"the name of the inviter":  func(r *request) { r.Node = "fcr-a" },
		"a path for a name":        func(r *request) { r.Node = "../fcr-b" },
		"no request":               func(r *request) { r.Request = nil },
		"a key it does not have":   func(r *request) { r.Request = spoiled },
		"a request that is no DER": func(r *request) { r.Request = []byte("nonsense") },
		"far too much":             func(r *request) { r.Revoked = make([]byte, maxKnock) },
	} {
		r := good
		change(&r)
		_, err := knock(r)
		if err == nil {
			t.Errorf("%s: granted", name)
		}
		if err != nil && (strings.Contains(err.Error(), a.dir) || strings.Contains(err.Error(), "x509")) {
			t.Errorf("%s: it was told %v", name, err)
		}
		if s := <-answers; s.err == nil || s.Protocol != JoinProtocol || s.Node != "" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if got, err := knock(good); err != nil || len(got.Certificate) == 0 {
		t.Errorf("the good one: %v", err)
	}
	<-answers
}

func TestCodesAreReadBackAndWhatIsNotOneIsSaidSo(t *testing.T) {
	c := &Code{Secret: newSecret(), Authority: sha256.Sum256([]byte("ca")), By: "fcr-a", Address: "[2001:db8::1]:8444"}
	got, err := ParseCode(c.String())
	if err != nil || *got != *c {
		t.Fatalf("%+v %v", got, err)
	}
	text := c.String()
	for name, bad := range map[string]string{
		"nothing": "", "cut": text[:len(text)-2], "one letter wrong": flip(text, 40), "another version": "FCR2" + text[4:], "not base32": text + "1",
		"too long": text + strings.Repeat("A", 2000), "short": "FCR1-AAAA",
	} {
		if got, err := ParseCode(bad); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, bad := range map[string]Code{
		"no name": {Address: "a:1"}, "a path": {By: "../a", Address: "a:1"}, "no address": {By: "a"}, "no port": {By: "a", Address: "a"},
		"a long name": {By: strings.Repeat("a", 200), Address: "a:1"},
	} {
		if got, err := ParseCode(bad.String()); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if errors.Is(err, errNoInvitation) {
		t.Error("a code that is not whole is not the same as one that is refused")
	}
}

func flip(s string, at int) string {
	other := byte('A')
	if s[at] == other {
		other = 'B'
	}
	return s[:at] + string(other) + s[at+1:]
}

func FuzzParseCode(f *testing.F) {
	c := &Code{Secret: newSecret(), By: "fcr-a", Address: "10.0.0.1:8444"}
	f.Add(c.String())
	f.Add("FCR1-")
	f.Add("fcr1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCode(s)
		if err != nil {
			return
		}
		again, err := ParseCode(c.String())
		if err != nil || *again != *c {
			t.Errorf("%q: %+v, and again %+v %v", s, c, again, err)
		}
	})
}
