package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"fcredirect/mgmt/auth"
)

// BenchmarkRequest is what the guards, huma and the encoder cost a request, without TLS and without what a noun does.
func BenchmarkRequest(b *testing.B) {
	a := New(Options{Gate: gate{}, Rates: &Rates{Window: DefaultRates.Window, Reads: 1 << 40, Writes: 1 << 40, Strangers: 1, Parallel: 64}})
	page := make([]Thing, 100)
	for i := range page {
		page[i] = Thing{Name: fmt.Sprint("n", i), Size: 5}
	}
	Register(a, Operation{ID: "list-things", Method: "GET", Path: "/things", Tag: "thing", Summary: "All", Permission: auth.AliasRead},
		func(context.Context, *struct{ Page }) (*List[Thing], error) { return Some(page, ""), nil })
	Register(a, Operation{ID: "get-thing", Method: "GET", Path: "/things/{name}", Tag: "thing", Summary: "One", Permission: auth.AliasRead},
		func(_ context.Context, in *thingInput) (*Item[Thing], error) { return One(page[0], 1), nil })
	for _, path := range []string{"/things/one", "/things?limit=100"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", path, nil)
				r.Header.Set("Authorization", "Bearer viewer")
				w := httptest.NewRecorder()
				if a.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
