package peer

import "time"

const (
	// DefaultBatch items are read from a ring before it is the next one's turn.
	DefaultBatch = 1024
	// An empty look at the rings is followed by a wait of minWait, then of twice as much each time, up to maxWait: the
	// most urgent lane of a peer has 10 ms. Beside other nodes maxWait is lowered to maxWaitPeers, since the wait is part of it.
	minWait      = time.Millisecond
	maxWait      = 8 * time.Millisecond
	maxWaitPeers = 2 * time.Millisecond
	// lookEvery is how often it looks whether the segment was replaced, a system call, and what its pages say.
	lookEvery = 200 * time.Millisecond
	// deadAfter is how long the loop may not come round before it is ill.
	deadAfter = 5 * time.Second

	// loginPatience is how long a flow waits for the login that its producer knew of.
	loginPatience = 20 * time.Millisecond
	// changesMax bounds the changes that go into the engine under one lock: 200 bytes each.
	changesMax = 1024
	// maxRefs is what a change may depend on: two logins and a service.
	maxRefs = 3
	// firstSync is how long peers are not connected until the data plane has told everything: they would replace what they
	// know of us by less. longSync is how much longer, if it is at it. When it is over, they get what there is.
	firstSync = 5 * time.Second
	longSync  = 30 * time.Second

	// askAgain is how long the data plane is not asked for everything again when it has just told everything.
	askAgain = time.Second

	// programBatch bounds what is programmed before it is looked how things are: some requests to the data plane.
	programBatch = 4096
	// programAgain is how long to wait after the data plane refused, or was not there.
	programAgain = time.Second
	// programTimeout bounds one request to it.
	programTimeout = 2 * time.Second
	// readyLag is how old a change of the partner's may be that is not programmed.
	readyLag = 2 * time.Second
	// readyAway is how long what is known of a partner counts as all there is when it is not connected: it may be dead, and
	// then it has nothing newer.
	readyAway = 10 * time.Second

	// lagLimit is when a peer lags.
	lagLimit = 2 * time.Second
	// newsMax bounds what waits to be told as events, tellTimeout how long one may take.
	newsMax     = 256
	tellTimeout = 2 * time.Second
	// quietFor is how long a peer's fault is not told again.
	quietFor = time.Minute
	// tickMin and tickMax bound how often the engine is asked what is due by time alone.
	tickMin = time.Millisecond
	tickMax = 100 * time.Millisecond
	// certificateSoon is when a certificate ends soon: it should have been renewed months before.
	certificateSoon = 30 * 24 * time.Hour
	// handOverTimeout bounds a planned hand-over: less than whoever asked waits.
	handOverTimeout = 4 * time.Second

	// answerTimeout is how long another role may take to answer the question of a node.
	answerTimeout = 30 * time.Second
)

// pace is how often it is looked at what makes no sound. Tests have a quicker one.
type pace struct {
	identify time.Duration // whether the node has a certificate by now
	ready    time.Duration // the data plane is told whether this node could take over; its word holds for 5 s
	judge    time.Duration // alarms
}

var usual = pace{identify: time.Second, ready: time.Second, judge: time.Second}
