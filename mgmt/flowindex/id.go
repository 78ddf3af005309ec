package flowindex

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
)

// ID names a flow for people and URLs: one initiator, one target, one VSAN of one fabric. It stays the same when FC_IDs
// change. An end whose WWPN is not known yet is named by its FC_ID, as a number below 2^24: no WWPN is that small.
type ID struct {
	Fabric            uint8
	VSAN              uint16
	Initiator, Target frame.WWN
}

// String is <fabric>-<vsan>-<initiator>-<target>, the names as 16 hexadecimal digits.
func (id ID) String() string {
	return string(id.append(make([]byte, 0, 42)))
}

func (id ID) append(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(id.Fabric), 10)
	b = strconv.AppendUint(append(b, '-'), uint64(id.VSAN), 10)
	b = appendHex(append(b, '-'), uint64(id.Initiator))
	return appendHex(append(b, '-'), uint64(id.Target))
}

func appendHex(b []byte, n uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return b
}

// MarshalText makes an ID a string in JSON.
func (id ID) MarshalText() ([]byte, error) { return id.append(nil), nil }

// UnmarshalText is Parse.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = Parse(string(b))
	return err
}

var errID = errors.New("want <fabric>-<vsan>-<initiator>-<target>, the names as 16 hexadecimal digits")

// Parse reads what String wrote, in lower or upper case. The error holds nothing of what was given.
func Parse(s string) (id ID, err error) {
	parts := strings.Split(s, "-")
	if len(s) > 42 || len(parts) != 4 || len(parts[2]) != 16 || len(parts[3]) != 16 {
		return ID{}, fmt.Errorf("parse flow id: %w", errID)
	}
	var n [4]uint64
	for i, p := range parts {
		base, bits := 10, []int{4, 12, 64, 64}[i]
		if i >= 2 {
			base = 16
		}
		if n[i], err = strconv.ParseUint(p, base, bits); err != nil || base == 10 && strconv.FormatUint(n[i], 10) != p {
			return ID{}, fmt.Errorf("parse flow id: %w", errID)
		}
	}
	return ID{uint8(n[0]), uint16(n[1]), frame.WWN(n[2]), frame.WWN(n[3])}, nil
}

// idOf is the id of a flow between two ends, known or not.
func idOf(key flow.Key, initiator, target uint64) ID {
	if initiator == 0 {
		initiator = uint64(key.SID())
	}
	if target == 0 {
		target = uint64(key.DID())
	}
	return ID{key.Fabric(), key.VF(), frame.WWN(initiator), frame.WWN(target)}
}
