package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestARevocationGoesFromNodeToNodeAndIsNeverTakenBack(t *testing.T) {
	c := newClock()
	a := begin(t, "prod", "fcr-a", c.now)
	toA, answers := serve(t, a)
	b, d, e := member(t, a, toA, "fcr-b", c.now), member(t, a, toA, "fcr-d", c.now), member(t, a, toA, "fcr-e", c.now)
	for range 3 {
		<-answers
	}
	toB, heard := serve(t, b)
	first, err := a.Invite("fcr-d", toA)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := a.Revoke("fcr-d")
	if err != nil || len(gone) != 1 || gone[0].Fingerprint != d.Identity().Fingerprint {
		t.Fatalf("%v %v", gone, err)
	}
	_, err = a.Verify(leaves(d))
	want(t, err, Revoked)
	if _, err := Join(t.Context(), JoinOptions{Dir: filepath.Join(t.TempDir(), "peer"), Node: "fcr-d", Code: first.Code, Now: c.now}); err == nil {
		t.Error("who was thrown out comes in again by an old code")
	}
	if s := <-answers; s.err == nil {
		t.Error("that was granted")
	}
	if newer, err := call(t, a, "fcr-b", toB, false); newer || err != nil {
		t.Fatalf("a calls b: %v %v", newer, err)
	}
	if s := <-heard; !s.List || s.Node != "fcr-a" {
		t.Errorf("b has heard %+v", s)
	}
	if newer, err := call(t, e, "fcr-b", toB, false); !newer || err != nil {
		t.Errorf("e asks b: %v %v", newer, err)
	}
	<-heard
	for _, s := range []*Store{b, e} {
		_, err := s.Verify(leaves(d))
		want(t, err, Revoked)
	}
	if _, err := call(t, d, "fcr-b", toB, false); err == nil {
		t.Error("a revoked node is answered")
	}
	want(t, (<-heard).err, Revoked)
	if _, err := call(t, d, "fcr-a", toA, true); err == nil {
		t.Error("a revoked node gets another certificate")
	}
	want(t, (<-answers).err, Revoked)

	old := a.List()
	if _, err := a.Revoke(e.Identity().Fingerprint); err != nil {
		t.Fatal(err)
	}
	if newer, err := b.Take(a.List()); !newer || err != nil {
		t.Fatalf("the next list: %v %v", newer, err)
	}
	if newer, err := b.Take(old); newer || err != nil {
		t.Errorf("an older list: %v %v", newer, err)
	}
	late := member(t, a, toA, "fcr-f", c.now)
	if err := os.Remove(late.path(revokedFile)); err != nil {
		t.Fatal(err)
	}
	blind, err := Open(late.dir, c.now) // it does not know what another process takes meanwhile
	if err != nil {
		t.Fatal(err)
	}
	if newer, err := late.Take(a.List()); newer || err != nil { // it has that in memory
		t.Errorf("the same list: %v %v", newer, err)
	}
	if err := writeListFile(late.dir, a.List()); err != nil {
		t.Fatal(err)
	}
	if newer, err := blind.Take(old); newer || err != nil || !bytes.Equal(blind.List(), a.List()) {
		t.Errorf("an older list than the folder has: %v %v", newer, err)
	}
	if err := writeListFile(b.dir, old); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Reload(); err == nil || !strings.Contains(err.Error(), "older") {
		t.Errorf("an older list in the folder: %v", err)
	}
	_, err = b.Verify(leaves(e))
	want(t, err, Revoked)
}

// A command revokes while the daemon, which has not looked at the folder since, is asked for another certificate.
func TestWhoIsBeingRevokedIsNotRenewed(t *testing.T) {
	a := begin(t, "prod", "fcr-a", nil)
	toA, answers := serve(t, a)
	b := member(t, a, toA, "fcr-b", nil)
	<-answers
	command, err := Open(a.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := command.Revoke("fcr-b"); err != nil {
		t.Fatal(err)
	}
	before := b.Identity()
	if err := b.Rotate(t.Context(), nil, ""); err == nil || b.Identity().Fingerprint != before.Fingerprint {
		t.Errorf("it is renewed: %v", err)
	}
	if s := <-answers; s.Fingerprint != "" {
		t.Errorf("it was answered with %+v", s)
	} else {
		want(t, s.err, Revoked)
	}
	if all, err := readIssued(a.dir); err != nil || len(all) != 1 {
		t.Errorf("issued: %v %v", all, err)
	}
}

func TestAListThatTheAuthorityHasNotSignedIsNotTaken(t *testing.T) {
	a := begin(t, "prod", "fcr-a", nil)
	address, _ := serve(t, a)
	b, d := member(t, a, address, "fcr-b", nil), member(t, a, address, "fcr-d", nil)
	foreign := begin(t, "prod", "fcr-a", nil)
	member(t, foreign, first(serve(t, foreign)), "fcr-d", nil)
	if _, err := foreign.Revoke("fcr-d"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Revoke("fcr-d"); err != nil {
		t.Fatal(err)
	}
	spoiled := append([]byte{}, a.List()...)
	spoiled[len(spoiled)-1] ^= 1
	own := b.known.Load().own
	node, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(99), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)},
		&x509.Certificate{SubjectKeyId: []byte{1}, KeyUsage: x509.KeyUsageCRLSign, RawSubject: a.known.Load().ca.RawSubject, PublicKey: own.Leaf.PublicKey},
		own.PrivateKey.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]byte{
		"of another authority": foreign.List(), "spoiled": spoiled, "nonsense": []byte("nonsense"), "far too long": make([]byte, maxList+1),
		"signed by a node": node,
	} {
		if newer, err := b.Take(list); newer || err == nil {
			t.Errorf("%s: %v %v", name, newer, err)
		}
	}
	if node, err := b.Verify(leaves(d)); node != "fcr-d" || err != nil {
		t.Errorf("b says of d: %v", err)
	}
	if newer, err := b.Take(a.List()); !newer || err != nil {
		t.Errorf("the right one: %v %v", newer, err)
	}
}

func first(address string, _ <-chan served) string { return address }

func TestACertificateIsRenewedByTheAuthorityAndTheOldOneHoldsUntilItIsRevoked(t *testing.T) {
	c := newClock()
	a := begin(t, "prod", "fcr-a", c.now)
	toA, _ := serve(t, a)
	b := member(t, a, toA, "fcr-b", c.now)
	toB, _ := serve(t, b)
	e := member(t, a, toA, "fcr-e", c.now)
	before, was := b.Identity(), leaves(b)
	c.advance(leafValidity * 3 / 4)
	if !b.Due() {
		t.Error("not due")
	}
	if err := b.Rotate(t.Context(), nil, ""); err != nil {
		t.Fatal(err)
	}
	if now := b.Identity(); now.Fingerprint == before.Fingerprint || !now.NotAfter.After(before.NotAfter) || b.Due() || now.Node != "fcr-b" {
		t.Errorf("%+v", now)
	}
	for _, shown := range [][]*x509.Certificate{was, leaves(b)} {
		if node, err := a.Verify(shown); node != "fcr-b" || err != nil {
			t.Errorf("%q %v", node, err)
		}
	}
	if gone, err := a.Revoke(before.Fingerprint); err != nil || len(gone) != 1 {
		t.Errorf("%v %v", gone, err)
	}
	_, err := a.Verify(was)
	want(t, err, Revoked)
	if _, err := a.Verify(leaves(b)); err != nil {
		t.Errorf("the new one: %v", err)
	}
	kept := e.Identity()
	if err := e.Rotate(t.Context(), nil, toB); err == nil || e.Identity() != kept {
		t.Errorf("another node than the authority answers: %v", err)
	}
	if _, err := call(t, e, "fcr-b", toB, true); err == nil || !strings.Contains(err.Error(), "fcr-a") || e.Identity() != kept {
		t.Errorf("who is not the authority renews: %v", err)
	}
	mine := a.Identity()
	if err := a.Rotate(t.Context(), nil, ""); err != nil || a.Identity().Fingerprint == mine.Fingerprint {
		t.Errorf("the authority's own: %v", err)
	}
	if _, err := a.Revoke("fcr-a"); err == nil || !strings.Contains(err.Error(), "rotate") {
		t.Errorf("the authority revokes what it uses: %v", err)
	}
	if gone, err := a.Revoke(strings.ToLower(strings.ReplaceAll(mine.Fingerprint, ":", ""))); err != nil || len(gone) != 1 {
		t.Errorf("its old one: %v %v", gone, err)
	}
	if _, err := a.Revoke("fcr-z"); err == nil {
		t.Error("nobody is revoked")
	}
	c.advance(leafValidity + time.Second)
	if err := b.Rotate(t.Context(), nil, ""); err == nil {
		t.Error("a certificate that has run out is renewed")
	}
}

func TestANodeThatAsksWithoutEndGetsOnlySoMany(t *testing.T) {
	a := begin(t, "prod", "fcr-a", nil)
	toA, _ := serve(t, a)
	b := member(t, a, toA, "fcr-b", nil)
	for range maxIssuedPerNode - 1 {
		if err := b.Rotate(t.Context(), nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Rotate(t.Context(), nil, ""); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("one more: %v", err)
	}
	member(t, a, toA, "fcr-d", nil)
	gone, err := a.Revoke("fcr-b")
	if err != nil || len(gone) != maxIssuedPerNode {
		t.Errorf("%d are revoked: %v", len(gone), err)
	}
	_, err = a.Verify(leaves(b))
	want(t, err, Revoked)
}
