package wire

import (
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// zstdFrom is how many bytes of columns are worth a try.
	zstdFrom = 512
	// zstdShare: it pays if it saves one byte in so many.
	zstdShare = 16
	// zstdPause is how many units at most go by before the next try, when it did not pay.
	zstdPause = 63
)

// The coders are shared by all connections: each has some hundred KiB of tables. Both can be used by many at once; neither
// has a goroutine. Fastest, because what is left in columns after differences and packing is mostly noise.
//
// Each unit is compressed on its own. A window shared by the units of a connection was tried: it saves nothing of counters,
// nothing of units of 1,000 records, and 3 to 5 bytes of each record where units have 20, so where there is little to send;
// and each connection would hold a stream coder's memory at both ends.
var (
	compressor = sync.OnceValue(func() *zstd.Encoder {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
			zstd.WithWindowSize(MaxFrame), zstd.WithLowerEncoderMem(true), zstd.WithEncoderConcurrency(coders()))
		if err != nil {
			panic("wire: zstd refuses its options: " + err.Error())
		}
		return w
	})
	decompressor = sync.OnceValue(func() *zstd.Decoder {
		r, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxFrame), zstd.WithDecoderMaxWindow(MaxFrame),
			zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(coders()))
		if err != nil {
			panic("wire: zstd refuses its options: " + err.Error())
		}
		return r
	})
)

func coders() int { return min(runtime.GOMAXPROCS(0), 4) }

// thrift decides whether a try to compress is worth its time.
type thrift struct{ pause, wait int }

func (t *thrift) try(size int) bool {
	if size < zstdFrom {
		return false
	}
	if t.wait > 0 {
		t.wait--
		return false
	}
	return true
}

// paid takes in what came of a try, and says whether to use it.
func (t *thrift) paid(before, after int) bool {
	if before-after >= before/zstdShare {
		t.pause = 0
		return true
	}
	t.pause = min(2*t.pause+1, zstdPause)
	t.wait = t.pause
	return false
}

// decompress fills plain with what compressed is of, if it is that long.
func decompress(plain, compressed []byte) bool {
	got, err := decompressor().DecodeAll(compressed, plain[:0:len(plain)])
	return err == nil && len(got) == len(plain)
}
