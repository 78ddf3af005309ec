package replica

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The model is a slice of versions; the handle of a version is what remains of it, and stale is whoever the model says.
func TestAHistoryIsInOrderHoweverItIsSwept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h history
		var versions []uint64
		stale := map[uint64]bool{}
		var head uint64
		left := func() (live []uint64) {
			return slices.DeleteFunc(slices.Clone(versions), func(v uint64) bool { return stale[v] })
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				step := rapid.SampledFrom([]uint64{1, 3, 1 << 31}).Draw(t, "step")
				for range rapid.SampledFrom([]int{1, 100, 700}).Draw(t, "times") {
					head += step
					h.append(head, uint32(head))
					versions = append(versions, head)
				}
			},
			"insert": func(t *rapid.T) {
				v := rapid.Uint64Range(1, head+2).Draw(t, "version")
				i, there := slices.BinarySearch(versions, v)
				if there {
					return
				}
				h.insert(v, uint32(v))
				versions, head = slices.Insert(versions, i, v), max(head, v)
			},
			"outdate": func(t *rapid.T) {
				share := rapid.IntRange(1, 20).Draw(t, "one of")
				for i, v := range versions {
					if i%share == 0 {
						stale[v] = true
					}
				}
			},
			"tidy": func(t *rapid.T) {
				rows := len(left())
				h.tidy(rows, func(v uint64, handle uint32) bool {
					if handle != uint32(v) {
						t.Fatalf("handle of %d is %d", v, handle)
					}
					return stale[v]
				})
			},
			"": func(t *rapid.T) {
				var got []uint64
				n := 0
				for _, c := range h.chunks {
					if c.n == 0 {
						t.Fatal("an empty chunk")
					}
					for i := range c.n {
						n++
						if v := c.version(i); !stale[v] {
							got = append(got, v)
						}
					}
				}
				if !slices.Equal(got, left()) || n != h.entries {
					t.Fatalf("got %d of %d entries, want %d", len(got), n, len(left()))
				}
				after := rapid.Uint64Range(0, head+1).Draw(t, "after")
				c, i := h.after(after)
				behind := 0
				for at := c; at < len(h.chunks); at, i = at+1, 0 {
					if behind == 0 && h.chunks[at].version(i) <= after {
						t.Fatalf("the first after %d is %d", after, h.chunks[at].version(i))
					}
					behind += h.chunks[at].n - i
				}
				if behind != h.behind(after) {
					t.Fatalf("%d are behind %d, want %d", h.behind(after), after, behind)
				}
				if before := n - behind; before > 0 {
					for _, k := range h.chunks {
						for i := range k.n {
							if before--; before == 0 && k.version(i) > after {
								t.Fatalf("%d stands before what is after %d", k.version(i), after)
							}
						}
					}
				}
			},
		})
	})
}

func TestAHistoryStaysSmallHoweverOftenItsRecordsChange(t *testing.T) {
	for _, c := range []struct {
		name string
		rows int
		pick func(i, rows int) int
	}{
		{"one record alone", 2000, func(i, rows int) int { return 0 }},
		{"all in turn", 2000, func(i, rows int) int { return i % rows }},
		{"backwards", 2000, func(i, rows int) int { return rows - 1 - i%rows }},
		{"a hot tenth", 5000, func(i, rows int) int { return i * 7919 % (rows / 10) }},
		{"scattered", 5000, func(i, rows int) int { return int(uint32(i*2654435761) % uint32(rows)) }},
		{"few records", 3, func(i, rows int) int { return i % rows }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h history
			latest := make([]uint64, c.rows)
			for i := range 60 * c.rows {
				row := i
				if i >= c.rows {
					row = c.pick(i, c.rows)
				}
				latest[row] = uint64(i + 1)
				if h.append(latest[row], uint32(row)) {
					h.tidy(min(i+1, c.rows), func(v uint64, handle uint32) bool { return latest[handle] != v })
				}
				if most := 3*c.rows + 4*chunkEntries; h.entries > most {
					t.Fatalf("%d entries for %d rows after %d changes", h.entries, c.rows, i)
				}
				if chunks := len(h.chunks); chunks > 3+4*h.entries/chunkEntries {
					t.Fatalf("%d chunks for %d entries", chunks, h.entries)
				}
			}
		})
	}
}
