package frame

import (
	"fmt"
	"strings"
)

// WWN is a World Wide Name, port (WWPN) or node (WWNN), as the big-endian number it is
// on the wire. Zero means not known; no port may use it.
type WWN uint64

// FCID is a 24-bit N_Port_ID (S_ID, D_ID).
type FCID uint32

// MAC is an Ethernet address. As an array it is comparable and can be a map key.
type MAC [6]byte

// Well-known addresses (FC-FS-3, table of well-known address identifiers).
const (
	Broadcast        FCID = 0xFFFFFF
	FabricLogin      FCID = 0xFFFFFE // F_Port controller: FLOGI goes here
	FabricController FCID = 0xFFFFFD // RSCN, SCR
	NameServer       FCID = 0xFFFFFC
	TimeServer       FCID = 0xFFFFFB
	ManagementServer FCID = 0xFFFFFA
)

// FC-MAPs: the upper half of a fabric-provided MAC address (FC-BB-6). A fabric may be
// configured with another; VN2VN always uses its own.
const (
	DefaultFCMap uint32 = 0x0EFC00
	VN2VNFCMap   uint32 = 0x0EFD00
)

// Group addresses of FIP and FCoE (FC-BB-6; Linux's fc_fcoe.h and fc_fip.h).
var (
	AllFCoEMACs  = MAC{0x01, 0x10, 0x18, 0x01, 0x00, 0x00}
	AllENodeMACs = MAC{0x01, 0x10, 0x18, 0x01, 0x00, 0x01}
	AllFCFMACs   = MAC{0x01, 0x10, 0x18, 0x01, 0x00, 0x02}
	AllVN2VNMACs = MAC{0x01, 0x10, 0x18, 0x01, 0x00, 0x04}
	AllP2PMACs   = MAC{0x01, 0x10, 0x18, 0x01, 0x00, 0x05}
)

// ParseWWN reads the spellings that switches, arrays and hosts print: two-digit groups
// ("20:00:02:fc:01:00:00:01"), groups of four or eight, with colons, dashes or dots
// between them; bare hexadecimal digits; "0x…" as sysfs and "naa.…" as LIO write it.
// Case does not matter. All 16 digits must be there.
func ParseWWN(s string) (WWN, error) {
	digits := s
	if p, ok := cutPrefixFold(digits, "naa."); ok {
		digits = p
	}
	n, ok := parseGroups(digits, 16)
	if !ok {
		return 0, fmt.Errorf("parse WWN %q: want 16 hexadecimal digits, as 20:00:02:fc:01:00:00:01", s)
	}
	return WWN(n), nil
}

// ParseFCID reads "0x010203", "010203", "01:02:03" and "01.02.03" (also with dashes).
func ParseFCID(s string) (FCID, error) {
	n, ok := parseGroups(s, 6)
	if !ok {
		return 0, fmt.Errorf("parse FC_ID %q: want 6 hexadecimal digits, as 0x010203", s)
	}
	return FCID(n), nil
}

// ParseMAC reads "0e:fc:00:01:02:03", with dashes or dots too, "0efc.0001.0203" and bare
// hexadecimal digits.
func ParseMAC(s string) (MAC, error) {
	n, ok := parseGroups(s, 12)
	if !ok {
		return MAC{}, fmt.Errorf("parse MAC %q: want 12 hexadecimal digits, as 0e:fc:00:01:02:03", s)
	}
	return macFrom(n), nil
}

// macFrom takes the low 48 bits.
func macFrom(n uint64) MAC {
	return MAC{byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// parseGroups reads exactly `digits` hexadecimal digits. They may start with 0x; or they
// may be in groups of one even size with one kind of separator between. Uneven groups are
// refused: "2:000" is more likely a slip than a spelling.
func parseGroups(s string, digits int) (uint64, bool) {
	s, prefixed := cutPrefixFold(s, "0x")
	var sep byte
	var n uint64
	var got, group, size int
	for i := 0; i < len(s); i++ {
		c := s[i]
		if d, ok := hexDigit(c); ok {
			n = n<<4 | uint64(d)
			got++
			group++
			if got > digits {
				return 0, false
			}
			continue
		}
		if (c != ':' && c != '-' && c != '.') || (sep != 0 && c != sep) || prefixed {
			return 0, false
		}
		if group == 0 || group%2 != 0 || (size != 0 && group != size) {
			return 0, false
		}
		sep, size, group = c, group, 0
	}
	if size != 0 && group != size {
		return 0, false
	}
	return n, got == digits
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

const hexDigits = "0123456789abcdef"

// appendColons writes the low 8*size bits of n as two-digit groups.
func appendColons(b []byte, n uint64, size int) []byte {
	for i := size - 1; i >= 0; i-- {
		c := byte(n >> (8 * i))
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
		if i > 0 {
			b = append(b, ':')
		}
	}
	return b
}

// AppendText writes the canonical spelling, "20:00:02:fc:01:00:00:01".
func (w WWN) AppendText(b []byte) ([]byte, error) { return appendColons(b, uint64(w), 8), nil }

// MarshalText makes a WWN a JSON or YAML string, and a map key.
func (w WWN) MarshalText() ([]byte, error) { return w.AppendText(make([]byte, 0, 23)) }

// UnmarshalText accepts every spelling of ParseWWN.
func (w *WWN) UnmarshalText(b []byte) (err error) {
	*w, err = ParseWWN(string(b))
	return err
}

func (w WWN) String() string { return string(appendColons(make([]byte, 0, 23), uint64(w), 8)) }

// AppendText writes "0x010203".
func (id FCID) AppendText(b []byte) ([]byte, error) {
	b = append(b, '0', 'x')
	for shift := 20; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[id>>shift&15])
	}
	return b, nil
}

// MarshalText makes an FC_ID a JSON or YAML string.
func (id FCID) MarshalText() ([]byte, error) { return id.AppendText(make([]byte, 0, 8)) }

// UnmarshalText accepts every spelling of ParseFCID.
func (id *FCID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseFCID(string(b))
	return err
}

func (id FCID) String() string {
	b, _ := id.AppendText(make([]byte, 0, 8))
	return string(b)
}

// Domain is the domain of the switch that gave out the address (0 in VN2VN).
func (id FCID) Domain() uint8 { return uint8(id >> 16) }

// Area is the middle byte.
func (id FCID) Area() uint8 { return uint8(id >> 8) }

// WellKnown reports the addresses of fabric services, FFFFF0 to FFFFFF, and of domain
// controllers, FFFCxx. They belong to no N_Port and are never redirected.
func (id FCID) WellKnown() bool {
	return id&0xFFFFF0 == 0xFFFFF0 || id&0xFFFF00 == 0xFFFC00
}

// AppendText writes "0e:fc:00:01:02:03".
func (m MAC) AppendText(b []byte) ([]byte, error) { return appendColons(b, m.number(), 6), nil }

// MarshalText makes a MAC a JSON or YAML string.
func (m MAC) MarshalText() ([]byte, error) { return m.AppendText(make([]byte, 0, 17)) }

// UnmarshalText accepts every spelling of ParseMAC.
func (m *MAC) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMAC(string(b))
	return err
}

func (m MAC) String() string { return string(appendColons(make([]byte, 0, 17), m.number(), 6)) }

func (m MAC) number() uint64 {
	return uint64(m[0])<<40 | uint64(m[1])<<32 | uint64(m[2])<<24 |
		uint64(m[3])<<16 | uint64(m[4])<<8 | uint64(m[5])
}

// IsZero reports 00:00:00:00:00:00, which stands for not known.
func (m MAC) IsZero() bool { return m == MAC{} }

// IsGroup reports a multicast or broadcast address.
func (m MAC) IsGroup() bool { return m[0]&1 != 0 }

// FPMA is the fabric-provided MAC address of an N_Port: FC-MAP, then FC_ID.
func FPMA(fcmap uint32, id FCID) MAC {
	return macFrom(uint64(fcmap&0xFFFFFF)<<24 | uint64(id&0xFFFFFF))
}

// FCMap is the upper half of a fabric-provided MAC address.
func (m MAC) FCMap() uint32 { return uint32(m.number() >> 24) }

// FCID is the lower half of a fabric-provided MAC address. A receiver of FCoE demands
// that it equals the D_ID.
func (m MAC) FCID() FCID { return FCID(m.number() & 0xFFFFFF) }
