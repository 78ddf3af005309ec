package pair

import "time"

const (
	// NameLen bounds the name of a node in a beat.
	NameLen = 64
	// MaxPaths bounds the ports over which beats come: those of a box.
	MaxPaths = 64
	// KeyMin and KeyMax bound the shared key, in bytes.
	KeyMin = 16
	KeyMax = 4096

	// DefaultBeat and DefaultMisses: a partner is dead that was not heard for so many beats on any path.
	DefaultBeat   = 100 * time.Millisecond
	DefaultMisses = 3
	MinBeat       = 20 * time.Millisecond
	MaxBeat       = 5 * time.Second
	MinMisses     = 2
	MaxMisses     = 100
	// DefaultPriority is the middle.
	DefaultPriority = 100

	// loneHolds is how many dead times a node that hears nobody waits after its start before it becomes active (start:
	// auto). Longer than a partner that is active may be silent.
	loneHolds = 3
	// soonest is the least time between two beats that answer something.
	soonest = 5 * time.Millisecond
	// proofFor is how long a start of the partner that has not answered us yet holds a takeover back. Longer, and one who
	// replays old beats could keep a dead node's work from being taken over.
	proofFor = time.Second
	// bootsKept is how many starts of the partner are remembered, so that their beats are not believed again.
	bootsKept = 32
	// window is how far behind the newest beat one of another path may be.
	window = 64

	// giveFor is how long a node offers its work to its partner before it takes it back.
	giveFor = 200 * time.Millisecond
	// drainFor is how long it forwards what still comes its way, once the other has the work.
	drainFor = time.Second
)

// announceAfter is when a node that became active tells the switches where MACs are now: at once, and again for what was
// lost or learnt otherwise meanwhile.
var announceAfter = [...]time.Duration{0, 30 * time.Millisecond, 150 * time.Millisecond, 500 * time.Millisecond, 1200 * time.Millisecond}

// readTries bounds how often a reader looks at the page again that is being written, which takes some 100 ns.
const readTries = 1000
