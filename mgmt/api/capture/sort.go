package capture

import (
	"slices"
	"strings"

	"fcredirect/mgmt/capture"
)

// sortBy orders by a key that no two captures share.
func sortBy(all []capture.Capture, key func(*capture.Capture) string, descending bool) {
	slices.SortFunc(all, func(a, b capture.Capture) int {
		order := strings.Compare(key(&a), key(&b))
		if descending {
			return -order
		}
		return order
	})
}
