package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/yamlconf"
)

// Prefix is all WWNs that share their first Bits bits; with 64 it is one WWN.
type Prefix struct {
	Base frame.WWN // bits behind the first Bits are 0
	Bits uint8     // 1 to 64
}

// Last returns the highest WWN in p.
func (p Prefix) Last() frame.WWN { return p.Base | lowMask(p.Bits) }

// Contains tells whether w is in p. WWN 0, not known, is in none.
func (p Prefix) Contains(w frame.WWN) bool { return w != 0 && w&^lowMask(p.Bits) == p.Base }

// String writes a WWN, or a mask as base/bits.
func (p Prefix) String() string {
	if p.Bits == 64 {
		return p.Base.String()
	}
	return fmt.Sprintf("%v/%d", p.Base, p.Bits)
}

// lowMask has the bits set that a prefix of this length leaves free.
func lowMask(bits uint8) frame.WWN { return 1<<(64-bits) - 1 }

// termError says what is wrong with a WWN or mask, and the cure.
type termError struct{ problem, cure string }

const maskCure = "Write leading digits and a star, as 20:00:02:fc:*, or a WWN and a number of leading bits, as 20:00:02:fc:00:00:00:00/32."

// parsePrefix reads a WWN in any spelling, a mask of leading digits (20:00:02:fc:*, also
// with several stars), or a WWN and its number of leading bits (20:…:00/32).
func parsePrefix(s string) (Prefix, *termError) {
	if star := strings.IndexByte(s, '*'); star >= 0 {
		return parseStar(s, star)
	}
	text, length, masked := strings.Cut(s, "/")
	wwn, err := frame.ParseWWN(text)
	if err != nil {
		return Prefix{}, &termError{yamlconf.Quote(s) + " is not a WWN", "Write 16 hexadecimal digits, as 20:00:02:fc:01:00:00:01."}
	}
	p := Prefix{wwn, 64}
	if masked {
		n, ok := parseBits(length)
		if !ok {
			return Prefix{}, &termError{yamlconf.Quote(s) + " does not end in a number of bits from 1 to 64", maskCure + " For every WWN write any."}
		}
		p.Bits = n
		if wwn&lowMask(n) != 0 {
			return Prefix{}, &termError{fmt.Sprintf("%s has digits behind its first %d bits", yamlconf.Quote(s), n),
				fmt.Sprintf("Write %v.", Prefix{wwn &^ lowMask(n), n})}
		}
	}
	if wwn == 0 && p.Bits == 64 {
		return Prefix{}, &termError{"no port has the WWN 0", "For every WWN write any."}
	}
	return p, nil
}

func parseBits(s string) (uint8, bool) {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 64 {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return uint8(n), n >= 1 && n <= 64 && s[0] != '0'
}

func parseStar(s string, star int) (Prefix, *termError) {
	malformed := &termError{yamlconf.Quote(s) + " is not a mask", maskCure}
	if strings.Trim(s[star:], "*:-.") != "" {
		return Prefix{}, &termError{yamlconf.Quote(s) + " has digits behind its star", "A mask fixes the leading digits only; list several masks instead."}
	}
	var base uint64
	digits := 0
	separated := true // a separator may not start the mask, nor follow another
	for i := range star {
		c := s[i]
		v, err := strconv.ParseUint(s[i:i+1], 16, 8)
		switch {
		case err == nil:
			base = base<<4 | v
			digits++
			separated = false
		case !separated && (c == ':' || c == '-' || c == '.'):
			separated = true
		default:
			return Prefix{}, malformed
		}
		if digits > 15 {
			return Prefix{}, malformed
		}
	}
	if digits == 0 {
		return Prefix{}, &termError{"a star alone is no mask", "For every WWN write any."}
	}
	return Prefix{frame.WWN(base << (64 - 4*digits)), uint8(4 * digits)}, nil
}

// looksLikeWWN tells whether a term that names nothing was meant as a WWN or mask.
func looksLikeWWN(s string) bool {
	if strings.ContainsAny(s, "*/") || strings.Count(s, ":") > 2 {
		return true
	}
	s = strings.NewReplacer("-", "", ".", "", ":", "").Replace(strings.TrimPrefix(strings.ToLower(s), "0x"))
	return len(s) >= 12 && strings.Trim(s, "0123456789abcdef") == ""
}

// normalize sorts prefixes and removes those that lie in another. Two prefixes either
// nest or are disjoint, so what is left is disjoint.
func normalize(ps []Prefix) []Prefix {
	slices.SortFunc(ps, func(a, b Prefix) int {
		return cmp.Or(cmp.Compare(a.Base, b.Base), cmp.Compare(a.Bits, b.Bits))
	})
	out := ps[:0]
	for _, p := range ps {
		if len(out) == 0 || p.Base > out[len(out)-1].Last() {
			out = append(out, p)
		}
	}
	return out
}

// normalizeVSANs sorts ranges and joins those that touch.
func normalizeVSANs(rs []VSANRange) []VSANRange {
	out := make([]VSANRange, 0, len(rs))
	for _, r := range rs {
		out = append(out, VSANRange{From: r.From, To: r.To})
	}
	slices.SortFunc(out, func(a, b VSANRange) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	n := 0
	for _, r := range out {
		if n > 0 && int(r.From) <= int(out[n-1].To)+1 {
			out[n-1].To = max(out[n-1].To, r.To)
			continue
		}
		out[n] = r
		n++
	}
	return out[:n]
}
