package pair

import (
	"errors"
	"testing"
)

func TestABeatIsWhatWasSent(t *testing.T) {
	c, err := NewCodec([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	want := Beat{
		Node: "fcr-a", Boot: [16]byte{1, 2}, Epoch: 3, Number: 4, Port: 5, State: Draining, Flags: IsReady | WindowOpen, Priority: 6, Start: StartActive,
		EchoBoot: [16]byte{7}, Echo: 8, Give: 9, GiveBoot: [16]byte{10}, Layout: 11, Policy: 12, ABI: 13,
	}
	wire := c.Append(nil, &want)
	var got Beat
	if err := c.Parse(append(wire, 0, 0), &got, "fcr-b", "fcr-a"); err != nil || got != want || len(wire) != BeatBytes {
		t.Fatalf("%+v %v, %d bytes", got, err, len(wire))
	}
	for i := range wire {
		wire[i] ^= 1
		if err := c.Parse(wire, &got, "fcr-a"); err == nil {
			t.Errorf("byte %d changed, and believed", i)
		}
		wire[i] ^= 1
	}
	other, err := NewCodec([]byte("0123456789abcdeF"))
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Parse(wire, &got); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	if err := c.Parse(wire[:BeatBytes-1], &got); !errors.Is(err, ErrForm) {
		t.Errorf("cut: %v", err)
	}
}

func TestAKeyMustBeLongEnough(t *testing.T) {
	if _, err := NewCodec(make([]byte, KeyMin-1)); err == nil {
		t.Error("a short key was taken")
	}
}

// Even one who has the key cannot make it crash or read what is not there.
func FuzzParse(f *testing.F) {
	c, err := NewCodec([]byte("0123456789abcdef"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.Append(nil, &Beat{Node: "a", State: Active, Number: 1})[:signed])
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, body []byte) {
		body = append(body, make([]byte, signed)...)[:signed]
		var b Beat
		if c.Parse(append(body, c.sign(body)...), &b, "a") != nil {
			return
		}
		m := New(Config{Node: "b", Partner: "a", Beat: DefaultBeat, Misses: 3}, 1)
		m.Hear(2, 0, &b)
		m.Tick(3)
	})
}
