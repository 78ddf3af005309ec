package replication

import "time"

// Bounds and defaults of Options.
const (
	DefaultFlows    = 12_000
	MinFlows        = 120
	MaxFlows        = 200_000
	DefaultRounds   = 3
	MaxRounds       = 99
	DefaultSeconds  = 1.25
	MinSeconds      = 0.2
	MaxSeconds      = 600.0
	DefaultRate     = 50_000 // changes a second, the papers'
	MaxRate         = 1_000_000
	DefaultLink     = 60e6 // bits a second of the shaped link
	MinLink         = 1e6
	MaxLink         = 100e9
	DefaultNewcomer = 1_000_000
	MaxNewcomer     = 2_000_000
	quickFlows      = 1_200
	quickSeconds    = 0.3
	quickNewcomer   = 20_000
	smallFlows      = 1_000 // the ends of the curve
	largeFlows      = 100_000
	idleRate        = 50.0  // changes a second when next to nothing happens
	burstEvery      = 250e6 // ns
	burstLasts      = 10e6  // ns
	burstShare      = 0.8   // of all changes, that come in bursts
	shareImmediate  = 0.001 // of steady changes: a flow fails or comes back
	shareHigh       = 0.1   // a flow changes its state
	hotFlows        = 0.2   // share of the flows that bursts are about, mostly
	hotShare        = 0.9   // how mostly
	logoutShare     = 0.05  // of hosts that leave again in a storm
	updateBytes     = 64
	framingBytes    = 32
	messageBytes    = updateBytes + framingBytes
	answerBytes     = framingBytes
	receiveBuffer   = 64 << 10
)

const (
	// playPause is the least time between two looks of the player at its clock: changes that fall due meanwhile come
	// together, as they do from the rings of the data plane.
	playPause = 200 * time.Microsecond
	// settle is for what a start leaves behind, before anything is measured.
	settle = 100 * time.Millisecond
	// drainShare of a measurement's time is what a variant may take after its end for what has not come.
	drainShare = 0.5
	// drainLeast is its least.
	drainLeast = 500 * time.Millisecond
	// drainLook is how often it is looked for changes that nobody will see.
	drainLook = 20 * time.Millisecond
	// niceness of the player's thread, as the data plane's: whoever makes changes goes before who sends them.
	niceness = -10
	// syncLimit bounds the first sync of two nodes.
	syncLimit = 30 * time.Second
	// ioLimit bounds one operation on a connection that has to come to something.
	ioLimit = 30 * time.Second
)

const (
	// immediateGoal is what counts as at once: nothing of ours waits, so it is what two shared machines take.
	immediateGoal = 5 * time.Millisecond
	// tickLeast and tickMost are how soon and how late the engine is asked what is due.
	tickLeast = 500 * time.Microsecond
	tickMost  = time.Second
	// crowdBatch is how many records are put at once before a newcomer comes.
	crowdBatch = 4096
	// livePause is between two changes of the live stream that a newcomer must not hold up.
	livePause = 2 * time.Millisecond
)
