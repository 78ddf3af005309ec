package api

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkHTTPS is reads over TLS by connections that stay, with a token, clients and all in this process. It gives
// requests a second of wall time and the 99th percentile of their times.
func BenchmarkHTTPS(b *testing.B) {
	n := serving(b, options(b))
	local := n.local(b)
	send := func(method, path, body string) string {
		r, err := http.NewRequest(method, "http://fcr"+path, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("If-None-Match", "*")
		out, err := local.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer out.Body.Close()
		text, err := io.ReadAll(out.Body)
		if err != nil || out.StatusCode >= 300 {
			b.Fatal(out.Status, string(text), err)
		}
		return string(text)
	}
	send("PUT", "/api/v1/users/bench", `{"role":"admin","password":"bench-of-the-appliance-71"}`)
	var token struct{ Token string }
	if err := json.Unmarshal([]byte(send("POST", "/api/v1/tokens", `{"name":"bench","owner":"bench"}`)), &token); err != nil {
		b.Fatal(err)
	}
	paths := []string{"/api/v1/certificate", "/api/v1/users", "/api/v1/users/bench", "/api/v1/permissions", "/api/v1/me"}
	var mu sync.Mutex
	var took []time.Duration
	begun := time.Now()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c := n.client(b, false)
		var mine []time.Duration
		for i := 0; pb.Next(); i++ {
			r, err := http.NewRequest("GET", n.url(paths[i%len(paths)]), nil)
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+token.Token)
			asked := time.Now()
			out, err := c.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, out.Body)
			out.Body.Close()
			if err != nil || out.StatusCode != http.StatusOK {
				b.Error(out.Status, err)
				return
			}
			mine = append(mine, time.Since(asked))
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, mine...)
	})
	b.StopTimer()
	if len(took) > 0 {
		slices.Sort(took)
		b.ReportMetric(float64(len(took))/time.Since(begun).Seconds(), "requests/s")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	}
}
