package auth

import (
	"context"
	"testing"
)

func BenchmarkPassword(b *testing.B) {
	h := newHasher(DefaultCost)
	for b.Loop() {
		if _, err := h.hash(context.Background(), good); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	w := worldIn(b, b.TempDir())
	b.Cleanup(func() { w.store.Close() })
	w.with("alice", Admin)
	cookie := w.signIn("alice", good, here)
	_, text, err := w.CreateToken(context.Background(), &Actor{Name: "alice", Role: Admin}, TokenDraft{Name: "t"}, false)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("cookie", func(b *testing.B) {
		r := request("192.0.2.7", cookie, "")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.Authenticate(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("token", func(b *testing.B) {
		r := request("192.0.2.7", "", "Bearer "+text)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.Authenticate(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
