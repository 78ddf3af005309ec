package shm

import "math/bits"

// Histogram is log-linear: each power of two is split in 1<<subBits equal buckets, so a value is known to 6 %
// over the whole range of 64 bits. One writer, plain increments; 7.8 KiB.
type Histogram struct {
	Buckets [histogramBuckets]uint64
	Sum     uint64
	Max     uint64
}

const (
	subBits          = 4
	histogramBuckets = (64 - subBits + 1) << subBits
)

// Add counts n samples of value v.
func (h *Histogram) Add(v, n uint64) {
	h.Buckets[bucket(v)] += n
	h.Sum += v * n
	if v > h.Max {
		h.Max = v
	}
}

func bucket(v uint64) int {
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return (shift+1)<<subBits + int(v>>shift)&(1<<subBits-1)
}

// ceiling is the largest value that lands in bucket i.
func ceiling(i int) uint64 {
	if i < 1<<subBits {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return uint64(1<<subBits+i&(1<<subBits-1)+1)<<shift - 1
}

// Count is the number of samples.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, b := range h.Buckets {
		n += b
	}
	return n
}

// Quantile is the value that the share q (0 to 1) of the samples does not exceed, to the width of a bucket; 0 when
// there are none.
func (h *Histogram) Quantile(q float64) uint64 {
	total := h.Count()
	if total == 0 {
		return 0
	}
	want := min(uint64(q*float64(total)), total-1)
	var seen uint64
	for i, b := range h.Buckets {
		if seen += b; seen > want {
			return min(ceiling(i), h.Max)
		}
	}
	return h.Max
}

// Minus gives what was added since an earlier copy. Max stays that of the whole time.
func (h *Histogram) Minus(earlier *Histogram) Histogram {
	d := *h
	for i := range d.Buckets {
		d.Buckets[i] -= earlier.Buckets[i]
	}
	d.Sum -= earlier.Sum
	return d
}

// Plus adds another histogram's samples.
func (h *Histogram) Plus(other *Histogram) {
	for i := range h.Buckets {
		h.Buckets[i] += other.Buckets[i]
	}
	h.Sum += other.Sum
	h.Max = max(h.Max, other.Max)
}
