package registry

import (
	"sync/atomic"
	"unicode/utf8"
	"unsafe"

	"fcredirect/dataplane/shm"
)

// Slot is an instance of a role. All of it is read and written by atomic words.
type Slot struct {
	// Identity: set once.
	Key    uint64    // of role, shard and number; 0: nobody has had this slot
	Role   [5]uint64 // text
	Shard  uint32
	Number uint32
	_      [8]byte

	// Who has it.
	Owner  uint64 // token of the process; pid 0: nobody
	Active uint64 // in the slot of number 0, for all of its (role, shard): count<<32 | index of the active slot + 1
	_      [48]byte

	// What is wanted, in the slot of number 0, for all of its (role, shard). Anybody may write it.
	Wanted  uint32 // 0 run, 1 stop
	Restart uint32 // counts wishes for a restart
	_       [56]byte

	// What the owner says of itself.
	Said     uint64 // claim<<48 | (member + 1)<<32 | state
	Start    uint64 // of the process, clock ticks since the machine's start
	Since    int64  // monotonic ns: the state was reached
	Claimed  int64  // monotonic ns: the slot was claimed
	Beat     int64  // monotonic ns
	ABI      uint32
	Restarts uint32 // of the role, those by the death of its process included
	Done     uint32 // Restart up to which wishes were fulfilled
	_        uint32
	_        [8]byte

	Version  [maxVersion / 8]uint64
	Endpoint [maxEndpoint / 8]uint64
	Error    [maxError / 8]uint64
	Health   [maxHealth / 8]uint64
}

// Member is a process that takes part. Index and claim count of a member name it on the bus.
type Member struct {
	Owner   uint64 // token of the process; pid 0: nobody
	Start   uint64 // of the process, clock ticks since the machine's start
	Claimed int64  // monotonic ns
	Beat    int64  // monotonic ns
	ABI     uint32
	_       [28]byte

	Name    [maxProcess / 8]uint64
	Version [maxProcess / 8]uint64

	Door uint32 // bus: the word on which the receiver of the process sleeps
	_    [60]byte
	_    [64]byte
}

var (
	_ [shm.RoleBytes - unsafe.Sizeof(Slot{})]struct{}     = [0]struct{}{}
	_ [shm.MemberBytes - unsafe.Sizeof(Member{})]struct{} = [0]struct{}{}
)

// setText stores s word by word, cut to the room there is, at a character's border. A reader may see two texts mixed for
// an instant, never anything outside.
func setText(words []uint64, s string) {
	limit := len(words) * 8
	if len(s) > limit {
		s = s[:limit]
		for r, n := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && n == 1; r, n = utf8.DecodeLastRuneInString(s) {
			s = s[:len(s)-1]
		}
	}
	for i := range words {
		var w uint64
		for j := 0; j < 8 && i*8+j < len(s); j++ {
			w |= uint64(s[i*8+j]) << (8 * j)
		}
		atomic.StoreUint64(&words[i], w)
	}
}

// text reads what setText stored; whatever is not printable text becomes a question mark, so that garbage harms no
// terminal.
func text(words []uint64) string {
	b := make([]byte, 0, len(words)*8)
	for i := range words {
		w := atomic.LoadUint64(&words[i])
		for range 8 {
			if byte(w) == 0 {
				return printable(b)
			}
			b = append(b, byte(w))
			w >>= 8
		}
	}
	return printable(b)
}

func printable(b []byte) string {
	out := make([]rune, 0, len(b))
	for _, r := range string(b) {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}
