package cluster

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// What nodes ask each other. A request names one of them.
type request struct {
	Stand   *struct{}       `json:"stand,omitempty"`
	Offer   *offer          `json:"offer,omitempty"`
	Prepare *prepare        `json:"prepare,omitempty"`
	Install *installRequest `json:"install,omitempty"`
	Confirm *named          `json:"confirm,omitempty"`
	Revert  *named          `json:"revert,omitempty"`
	Release *named          `json:"release,omitempty"`
	Fetch   *fetch          `json:"fetch,omitempty"`
}

// offer is a part of a document.
type offer struct {
	Change string `json:"change"`
	Size   int    `json:"size"` // of the whole
	At     int    `json:"at"`
	Part   []byte `json:"part"`
}

type prepare struct {
	Change   string  `json:"change"`
	Base     Version `json:"base"`
	Document string  `json:"document"`
	By       string  `json:"by"`
}

type installRequest struct {
	Change string        `json:"change"`
	Next   Version       `json:"next"`
	Window time.Duration `json:"window"`
	Apart  []string      `json:"apart,omitempty"`
	Bases  []Version     `json:"bases,omitempty"`
}

type named struct {
	Change string `json:"change"`
}

type fetch struct {
	Document string `json:"document"`
	At       int    `json:"at"`
}

// reply answers every request.
type reply struct {
	Stand   Stand  `json:"stand"`
	Refused string `json:"refused,omitempty"` // why it was not done
	Size    int    `json:"size,omitempty"`    // of a document that was fetched from
	Part    []byte `json:"part,omitempty"`
}

// decode reads a message of another node; what it does not know is an error, not a guess.
func decode[T any](b []byte) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err = d.Decode(&v); err != nil {
		err = fmt.Errorf("cluster: message: %w", err)
	}
	return v, err
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs
	}
	return b
}

func hashOf(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

// sumOf is the hash that a name stands for.
func sumOf(name string) (sum [32]byte, ok bool) {
	b, err := hex.DecodeString(name)
	return sum, err == nil && copy(sum[:], b) == len(sum) && len(b) == len(sum)
}
