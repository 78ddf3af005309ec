package redact

import (
	"bytes"
	"testing"
)

// A bundle has up to 96 MiB, and a job's processor is shared with the slow path.
func BenchmarkText(b *testing.B) {
	text := bytes.Repeat([]byte("2026-01-01T00:00:00Z level=INFO msg=\"store: flushed\" rows=17 took=2ms shard=0 to=https://db.example.net/x\n"), 10_000)
	r := New("hunter2")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.Text(text)
	}
}
