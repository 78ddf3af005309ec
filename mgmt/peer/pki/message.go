package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A message is its length, four bytes, and JSON. There is one each way on a connection.

const messageVersion = 1

// request is what the node says that dialled.
type request struct {
	Version int    `json:"version"`
	Secret  []byte `json:"secret,omitempty"`  // of an invitation
	Node    string `json:"node,omitempty"`    // that wants to join
	Request []byte `json:"request,omitempty"` // for a certificate (PKCS #10)
	Revoked []byte `json:"revoked,omitempty"` // the list that it has
}

// answer is what comes back.
type answer struct {
	Refused     string `json:"refused,omitempty"`
	Certificate []byte `json:"certificate,omitempty"`
	Revoked     []byte `json:"revoked,omitempty"` // where it is newer than the one that came
}

func send(w io.Writer, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if len(text) > maxMessage {
		return fmt.Errorf("send: %d bytes, at most %d", len(text), maxMessage)
	}
	if _, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// receive reads a message of at most so many bytes. The memory grows with what comes, not with what was said to come.
func receive(r io.Reader, most int, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if int64(n) > int64(most) {
		return fmt.Errorf("receive: a message of %d bytes, at most %d", n, most)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(text) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if err := json.Unmarshal(text, message); err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	return nil
}

// newRequest asks for a certificate for a key, and proves that the key is there. The authority takes nothing else from it.
func newRequest(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, fmt.Errorf("ask for a certificate: %w", err)
	}
	return der, nil
}

// parseRequest gives the key of a request whose sender has proved that he has it.
func parseRequest(der []byte) (*ecdsa.PublicKey, error) {
	if len(der) == 0 || len(der) > maxRequest {
		return nil, fmt.Errorf("request for a certificate: %d bytes, want 1 to %d", len(der), maxRequest)
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("request for a certificate: %w", err)
	}
	key, ok := r.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("request for a certificate: its key is not of P-256")
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fmt.Errorf("request for a certificate: not signed with its key: %w", err)
	}
	return key, nil
}
