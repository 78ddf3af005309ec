package engine

import (
	"testing"

	"fcredirect/mgmt/peer/record"
)

// pair is two engines whose frames go from hand to hand.
func pair(b *testing.B, change func(*Config)) (from, to *Engine, carry func(now int64) (frames, bytes int)) {
	make1 := func(name string, instance byte) *Engine {
		c := Config{Cluster: "bench", Self: name, Nodes: []string{"a", "b"}, Incarnation: 1, Instance: [16]byte{instance}, Settings: Defaults()}
		if change != nil {
			change(&c)
		}
		e, err := New(c)
		if err != nil {
			b.Fatal(err)
		}
		return e
	}
	from, to = make1("a", 1), make1("b", 2)
	var ends [][2]*Conn
	for g := range NumGroups {
		x, _ := from.Connect(1, "b", g)
		y, _ := to.Connect(1, "a", g)
		ends = append(ends, [2]*Conn{x, y})
	}
	buf := make([]byte, 0, 1<<20)
	carry = func(now int64) (frames, bytes int) {
		for busy := true; busy; {
			busy = false
			for _, pair := range ends {
				for i := range pair {
					frame, _ := pair[i].Next(now, buf)
					if len(frame) == 0 {
						continue
					}
					busy = true
					frames, bytes = frames+1, bytes+len(frame)
					if err := pair[1-i].Receive(now, frame); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
		return frames, bytes
	}
	carry(1)
	return from, to, carry
}

func fields(i uint64) []uint64 {
	return []uint64{i, 0x5000_0000_0000_0000 + i%64, 0x6000_0000_0000_0000 + i%1024, 3, 7, 1_700_000_000_000_000_000 + i}
}

// BenchmarkNewcomer is a node that gets a million flows with their totals.
func BenchmarkNewcomer(b *testing.B) {
	const flows = 1_000_000
	for b.Loop() {
		b.StopTimer()
		from, to, carry := pair(b, nil)
		for i := range uint64(flows) {
			if err := from.Put(2, record.High, flowKey(i), fields(i)); err != nil {
				b.Fatal(err)
			}
			if err := from.Put(2, record.Normal, counts(i), fields(i)[:5], record.Ref{Key: flowKey(i)}); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		frames, bytes := carry(1e9)
		carry(2e9)
		b.ReportMetric(float64(frames), "frames")
		b.ReportMetric(float64(bytes)/flows, "bytes/flow")
		if to.Vector()[0] != from.Vector()[0] {
			b.Fatal("not there")
		}
	}
}

// BenchmarkUpdate is one change on its way: windows of 2,500 changes over 12,000 flows, as 50,000 a second make them.
func BenchmarkUpdate(b *testing.B) {
	from, _, carry := pair(b, nil)
	now, n, bytes := int64(1e9), uint64(0), 0
	for b.Loop() {
		i := n * 7919 % 12000
		_ = from.Put(now, record.Normal, counts(i), []uint64{i, n, n * 2048, 0, uint64(now)})
		if n++; n%2500 == 0 {
			now += 50 * ms
			_, sent := carry(now)
			bytes += sent
		}
	}
	b.ReportMetric(float64(bytes)/float64(n), "bytes/update")
}

// BenchmarkPut is what a change costs whoever makes it.
func BenchmarkPut(b *testing.B) {
	from, _, _ := pair(b, nil)
	n := uint64(0)
	var words [5]uint64
	for b.Loop() {
		words[1] = n
		_ = from.Put(int64(n), record.Normal, counts(n%12000), words[:])
		n++
	}
}
