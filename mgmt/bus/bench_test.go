package bus

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// BenchmarkBus prints what Bench measures: best and median in ns.
func BenchmarkBus(b *testing.B) {
	r, err := Bench(b.Context(), BenchOptions{Each: time.Second})
	if err != nil {
		b.Fatal(err)
	}
	out, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		b.Fatal(err)
	}
	fmt.Printf("%s\n", out) // b.Log cuts it off
	b.ReportMetric(r.CallOneWay.Best, "ns/way")
}
