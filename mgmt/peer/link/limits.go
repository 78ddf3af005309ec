package link

import (
	"errors"
	"time"
)

const (
	// maxPending connections may be on the way to becoming one of a peer: in a handshake, joining, exchanging lists. When
	// there are more, the one that has taken longest is put out: who says nothing keeps nobody out.
	maxPending = 64
	// maxPendingPerAddress is what one address may have of them; of IPv6, a /64 counts as one.
	maxPendingPerAddress = 8
	// addressRate and addressBurst are the handshakes that one address may begin: a peer that starts anew needs three.
	addressRate, addressBurst = 5, 40
	// strangerRate and strangerBurst are those of all addresses together that no peer has come from: about 0.3 ms of one
	// processor each.
	strangerRate, strangerBurst = 100, 200
	// maxAddresses that are remembered with their rates. Those that are not share one.
	maxAddresses = 4096
	// maxFriends are addresses that peers came from.
	maxFriends = 64
	// maxCare is how many exchanges about certificates a peer may have under way.
	maxCare = 2

	// maxRefusals that are remembered. Beyond, all share one.
	maxRefusals = 1024

	// renewRetry is how long to wait after a renewal that failed.
	renewRetry = time.Hour
	// settled is how long a connection must have stood for the next attempt to be made at once.
	settled = 10 * time.Second
	// listenAgain is when it is tried again to listen on an address that was taken.
	listenAgain = 5 * time.Second
	// farewell is how long the last frame of a connection may take.
	farewell = time.Second

	// bufferSize of a reader. A frame that is longer has memory of its own, which grows with what comes.
	bufferSize = 64 << 10
	// maxPeers beside this node.
	maxPeers = 15
)

// Settings are how long things may take.
type Settings struct {
	Connect      time.Duration // until TCP stands; less than the kernel takes to repeat a lost packet twice
	Handshake    time.Duration // from the first byte until the other end has said what it wants
	Frame        time.Duration // from the first byte of a frame to its last
	Silence      time.Duration // without any frame; longer than what the engine bears
	Stall        time.Duration // that a write waits for the other end to read
	RetryMin     time.Duration // between two attempts to connect: at first
	RetryMax     time.Duration // and at most: nodes are in step again within 2 s of the end of a fault
	KeepAlive    time.Duration // between probes of TCP
	FrameBytes   int           // the longest frame
	CareEvery    time.Duration // between exchanges of lists of revocations, when nothing has changed
	Reload       time.Duration // between two looks at files that commands change, and at whether certificates still hold
	RefusalEvery time.Duration // between two notices of the same refusal of the same address; those between are counted
}

// Defaults are the settings of a node that was told nothing else.
func Defaults() Settings {
	return Settings{
		Connect: time.Second, Handshake: 5 * time.Second, Frame: 10 * time.Second, Silence: 10 * time.Second, Stall: 10 * time.Second,
		RetryMin: 100 * time.Millisecond, RetryMax: time.Second, KeepAlive: 3 * time.Second, FrameBytes: 1 << 20,
		CareEvery: 10 * time.Minute, Reload: 5 * time.Second, RefusalEvery: time.Minute,
	}
}

func (s *Settings) check() error {
	for _, d := range []time.Duration{s.Connect, s.Handshake, s.Frame, s.Silence, s.Stall, s.RetryMin, s.KeepAlive, s.CareEvery, s.Reload, s.RefusalEvery} {
		if d <= 0 {
			return errors.New("link: every time must be more than 0")
		}
	}
	if s.RetryMax < s.RetryMin || s.FrameBytes < 64 || s.FrameBytes > 1<<24 {
		return errors.New("link: RetryMax is less than RetryMin, or frames are shorter than 64 bytes or longer than 16 MiB")
	}
	return nil
}
