package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// credential is the id of a session or a token, and its secret.
type credential struct {
	id     string
	secret string
}

// The alphabet is lower case letters and digits, so that a credential is one word wherever it is pasted.
var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

var (
	idLength     = alphabet.EncodedLen(idBytes)
	secretLength = alphabet.EncodedLen(secretBytes)
)

func newCredential() credential { return credential{random(idBytes), random(secretBytes)} }

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails: the program would end
	return alphabet.EncodeToString(b)
}

// String is the text that is shown once.
func (c credential) String() string { return c.id + "_" + c.secret }

// parseCredential reads what String wrote, and nothing else.
func parseCredential(s string) (c credential, ok bool) {
	if len(s) > maxCredential {
		return c, false
	}
	id, secret, found := strings.Cut(s, "_")
	if !found || len(id) != idLength || len(secret) != secretLength {
		return c, false
	}
	if _, err := alphabet.DecodeString(id); err != nil {
		return c, false
	}
	if b, err := alphabet.DecodeString(secret); err != nil || alphabet.EncodeToString(b) != secret {
		return c, false
	}
	return credential{id, secret}, true
}

// digest is what is stored of the secret. One round is enough: there are 256 bits to guess.
func (c credential) digest() string {
	sum := sha256.Sum256([]byte(c.secret))
	return hex.EncodeToString(sum[:])
}

// is compares with a stored digest, in a time that tells nothing.
func (c credential) is(digest string) bool {
	return subtle.ConstantTimeCompare([]byte(c.digest()), []byte(digest)) == 1
}
