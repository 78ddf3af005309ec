package pair

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

// A beat is an Ethernet frame of its own type (lcore.PairEtherType). Behind the word and kind by which an lcore knows it:
//
//	 0 version (1)    1 state    2 flags   3 priority   4 start   5 port   6 length of the name   7 zero
//	 8 epoch         16 number  24 boot (16)
//	40 echo: boot of the partner heard last (16), 56 its number
//	64 give: the epoch offered  72 boot to which (16)
//	88 layout of the ports      96 policy hash   104 ABI (4)  108 zero (4)
//	112 name (64)
//	176 HMAC-SHA-256 of all that (32)
const (
	Version   = 1
	signed    = 176
	BeatBytes = signed + sha256.Size
)

// Beat is what a node says of itself.
type Beat struct {
	Node     string
	Boot     [16]byte // of this start of the node's data plane
	Epoch    uint64
	Number   uint64 // of the beat, from 1: one number for all paths
	Port     uint8  // index of the port it left by: the path
	State    State
	Flags    Flags
	Priority uint8
	Start    Start
	EchoBoot [16]byte // the newest that was heard of the partner
	Echo     uint64
	Give     uint64 // while Draining: the epoch that the partner may begin
	GiveBoot [16]byte
	Layout   uint64 // hash of the ports
	Policy   uint64 // first 8 bytes of the active policy's hash
	ABI      uint32
}

// Flags of a beat.
type Flags uint8

// The flags.
const (
	IsReady    Flags = 1 << iota // its tables have all that the partner knows
	WindowOpen                   // a change of the policy waits for its confirmation
	allFlags   = IsReady | WindowOpen
)

// Codec writes and reads beats with the key that both nodes share.
type Codec struct {
	mac hash.Hash
	sum [sha256.Size]byte
}

// The ways in which a beat is none.
var (
	ErrForm      = errors.New("beat: not of this form")
	ErrSignature = errors.New("beat: signed with another key")
)

// NewCodec makes a codec with a key.
func NewCodec(key []byte) (*Codec, error) {
	if len(key) < KeyMin || len(key) > KeyMax {
		return nil, fmt.Errorf("pair key: %d bytes, want %d to %d", len(key), KeyMin, KeyMax)
	}
	c := &Codec{mac: hmac.New(sha256.New, key)}
	c.sign(nil)
	return c, nil
}

func (c *Codec) sign(body []byte) []byte {
	c.mac.Reset()
	c.mac.Write(body)
	return c.mac.Sum(c.sum[:0])
}

// Append writes a beat behind what is in dst.
func (c *Codec) Append(dst []byte, b *Beat) []byte {
	from := len(dst)
	dst = append(dst, Version, byte(b.State), byte(b.Flags), b.Priority, byte(b.Start), b.Port, byte(min(len(b.Node), NameLen)), 0)
	dst = binary.BigEndian.AppendUint64(dst, b.Epoch)
	dst = binary.BigEndian.AppendUint64(dst, b.Number)
	dst = append(dst, b.Boot[:]...)
	dst = append(dst, b.EchoBoot[:]...)
	dst = binary.BigEndian.AppendUint64(dst, b.Echo)
	dst = binary.BigEndian.AppendUint64(dst, b.Give)
	dst = append(dst, b.GiveBoot[:]...)
	dst = binary.BigEndian.AppendUint64(dst, b.Layout)
	dst = binary.BigEndian.AppendUint64(dst, b.Policy)
	dst = binary.BigEndian.AppendUint32(dst, b.ABI)
	dst = append(dst, 0, 0, 0, 0)
	var padded [NameLen]byte
	copy(padded[:], b.Node)
	dst = append(dst, padded[:]...)
	return append(dst, c.sign(dst[from:])...)
}

// Parse reads a beat; what stands behind it is padding. The signature is looked at first, in constant time. The name is
// one of those given, or empty when it is another's: nothing is allocated.
func (c *Codec) Parse(p []byte, b *Beat, names ...string) error {
	if len(p) < BeatBytes || p[0] != Version {
		return ErrForm
	}
	if !hmac.Equal(c.sign(p[:signed]), p[signed:BeatBytes]) {
		return ErrSignature
	}
	n := int(p[6])
	if State(p[1]) >= numStates || State(p[1]) == Single || Flags(p[2])&^allFlags != 0 || Start(p[4]) > StartActive || p[5] >= MaxPaths || n > NameLen {
		return ErrForm
	}
	*b = Beat{
		State: State(p[1]), Flags: Flags(p[2]), Priority: p[3], Start: Start(p[4]), Port: p[5],
		Epoch: binary.BigEndian.Uint64(p[8:]), Number: binary.BigEndian.Uint64(p[16:]), Boot: [16]byte(p[24:40]),
		EchoBoot: [16]byte(p[40:56]), Echo: binary.BigEndian.Uint64(p[56:]), Give: binary.BigEndian.Uint64(p[64:]), GiveBoot: [16]byte(p[72:88]),
		Layout: binary.BigEndian.Uint64(p[88:]), Policy: binary.BigEndian.Uint64(p[96:]), ABI: binary.BigEndian.Uint32(p[104:]),
	}
	for _, name := range names {
		if string(p[112:112+n]) == name {
			b.Node = name
			return nil
		}
	}
	return nil
}
