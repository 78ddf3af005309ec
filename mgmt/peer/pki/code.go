package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Code is what an admin carries from the node that invites to the one that joins. Whoever has it may join in the name that
// was invited, once, for some minutes. It also says whom to trust: so nobody between the two can take either's place.
type Code struct {
	Secret    [secretSize]byte
	Authority [sha256.Size]byte // of the authority's certificate
	By        string            // node that has invited; another one of the cluster would not do
	Address   string            // where it listens
}

// codePrefix is for the human eye; its digit is the version of the code.
const codePrefix = "FCR1-"

// codeSum bytes of a SHA-256 stand at the end, so that what was copied in part is told from what was refused.
const codeSum = 4

// String writes it so that it survives mail, chat and being read out: no letter twice, upper and lower case the same.
func (c *Code) String() string {
	b := append(append([]byte{}, c.Secret[:]...), c.Authority[:]...)
	b = append(append(b, byte(len(c.By))), c.By...)
	b = append(b, c.Address...)
	sum := sha256.Sum256(b)
	return codePrefix + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(append(b, sum[:codeSum]...))
}

// ParseCode reads a code; blanks and line breaks in it do no harm.
func ParseCode(s string) (*Code, error) {
	if len(s) > 2*maxCode {
		return nil, fmt.Errorf("code: longer than %d characters", 2*maxCode)
	}
	s = strings.ToUpper(strings.Join(strings.Fields(s), ""))
	s, ok := strings.CutPrefix(s, codePrefix)
	if !ok || len(s) > maxCode {
		return nil, fmt.Errorf("code: it does not begin with %s, or is longer than %d characters", codePrefix, maxCode)
	}
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
	if err != nil || len(b) < secretSize+sha256.Size+1+codeSum {
		return nil, errors.New("code: it is not whole, or not one of fcrctl peer invite")
	}
	body, tail := b[:len(b)-codeSum], b[len(b)-codeSum:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:codeSum], tail) {
		return nil, errors.New("code: it is not whole, or a letter is wrong")
	}
	c := &Code{}
	rest := body[copy(c.Secret[:], body):]
	rest = rest[copy(c.Authority[:], rest):]
	n := int(rest[0])
	if n+1 > len(rest) {
		return nil, errors.New("code: it is not one of fcrctl peer invite")
	}
	c.By, c.Address = string(rest[1:n+1]), string(rest[n+1:])
	return c, errors.Join(CheckNode(c.By), CheckAddress(c.Address))
}

// CheckAddress makes sure that an address can be dialled.
func CheckAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "" || len(address) > maxAddress || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("address %q: want host:port", address)
	}
	return nil
}

func newSecret() (secret [secretSize]byte) {
	_, _ = rand.Read(secret[:]) // it never fails: crypto/rand ends the program instead
	return secret
}
