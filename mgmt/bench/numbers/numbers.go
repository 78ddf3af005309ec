// Package numbers writes measured numbers for people.
//
// Who may import it: the benches below mgmt/bench. It holds no state.
package numbers

import (
	"fmt"
	"strings"
)

// Short writes a number with three or four figures that mean something.
func Short(v float64) string {
	abs := max(v, -v)
	switch {
	case v == 0:
		return "0"
	case abs >= 1e6:
		return fmt.Sprintf("%.3g M", v/1e6)
	case abs >= 1000:
		return fmt.Sprintf("%.0f", v)
	case abs >= 100:
		return fmt.Sprintf("%.1f", v)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.3g", v), ".0")
}

// Exactly writes a number so that -99.99 % is not -100 %.
func Exactly(v float64) string {
	if abs := max(v, -v); abs >= 1000 {
		return Short(v)
	}
	return fmt.Sprintf("%.5g", v)
}
