package yamlconf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration returns a time with its unit, as 500ms, 1.5s, 2m; between least and most.
func (r *Report) Duration(n *Node, what string, least, most time.Duration) (time.Duration, bool) {
	s, ok := r.Word(n, what)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		r.Errorf(n.Span, "Write a number and a unit, as 500ms: ns, us, ms, s, m or h.", "%s must be a time, not %s", what, Quote(s))
		return 0, false
	}
	if d < least || d > most {
		r.Errorf(n.Span, fmt.Sprintf("It may be %v to %v.", least, most), "%s is %v", what, d)
		return 0, false
	}
	return d, true
}

// sizeUnits are powers of two. "k", "M" and "G" alone are refused: half the world means
// 1,000 by them.
var sizeUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}, {"", 1}}

// Size returns a number of bytes, written as 4352, 4352B, 8KiB, 1.5MiB or 1GiB.
func (r *Report) Size(n *Node, what string, least, most int64) (int64, bool) {
	s, ok := r.Word(n, what)
	if !ok {
		return 0, false
	}
	v, ok := parseSize(s)
	if !ok {
		r.Errorf(n.Span, "Write bytes, as 4352, or a number and a unit, as 8KiB: B, KiB, MiB or GiB.", "%s must be a size, not %s", what, Quote(s))
		return 0, false
	}
	if v < least || v > most {
		r.Errorf(n.Span, fmt.Sprintf("It may be %d to %d bytes.", least, most), "%s is %d bytes", what, v)
		return 0, false
	}
	return v, true
}

func parseSize(s string) (int64, bool) {
	for _, u := range sizeUnits {
		digits, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		digits = strings.TrimRight(digits, " ")
		if digits == "" || strings.Trim(digits, "0123456789.") != "" {
			return 0, false
		}
		v, err := strconv.ParseFloat(digits, 64)
		v *= u.bytes
		if err != nil || v != math.Trunc(v) || v > 1<<52 {
			return 0, false
		}
		return int64(v), true
	}
	return 0, false
}
