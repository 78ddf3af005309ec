package engine

import (
	"errors"
	"fmt"
	"time"
)

// Settings are the thresholds of the protocol. Nodes need not agree on them.
type Settings struct {
	// Lanes: how long a change may wait for others, from Put to the frame.
	ImmediateMax time.Duration // not held up at all when 0
	HighMax      time.Duration
	NormalMax    time.Duration // up to 100 ms
	LaneMargin   time.Duration // by so much sooner than a lane's bound a unit leaves, so that timers and encoding fit in

	// Windows: how long changes are gathered, within the bound of their lane.
	BusyWindow  time.Duration // above BusyUpdates a second
	IdleWindow  time.Duration // below
	BusyUpdates int           // updates a second

	// Bursts: more than BurstUpdates within BurstSpan, and four times as many as usual, end gathering for BurstFor; then
	// units leave as soon as the connection takes them, but not closer than BurstGap.
	BurstUpdates int
	BurstSpan    time.Duration
	BurstFor     time.Duration
	BurstGap     time.Duration

	// Sizes.
	FrameRecords         int // records in a frame, at most
	UnitBytes            int // a unit leaves at once when about so many bytes have gathered
	BulkRecords          int // state units of more records take the bulk connection
	BuffersPerConnection int // what of data is not acknowledged is at most so many times BufferBytes
	BufferBytes          int // the largest frame of records
	RecordsMax           int // of each origin
	MessagesMax          int // opaque messages that wait for one peer

	// Times.
	AckDelay       time.Duration // an acknowledgement waits so long for others
	HeartbeatEvery time.Duration
	SilentAfter    time.Duration // a connection that nothing came over for so long is given up
	DigestEvery    time.Duration
	WantAfter      time.Duration // a unit held for so long makes the node ask others for what it waits for
	WantFor        time.Duration // how long a peer relays an origin after it was asked

	// Tombstones.
	TombstoneKeep time.Duration
	TombstonesMax int // of each origin
}

// Defaults are the settings of a node that was told nothing else.
func Defaults() Settings {
	return Settings{
		ImmediateMax: 0, HighMax: 10 * time.Millisecond, NormalMax: 50 * time.Millisecond, LaneMargin: 3 * time.Millisecond,
		BusyWindow: 25 * time.Millisecond, IdleWindow: 100 * time.Millisecond, BusyUpdates: 5000,
		BurstUpdates: 256, BurstSpan: 5 * time.Millisecond, BurstFor: 20 * time.Millisecond, BurstGap: time.Millisecond,
		FrameRecords: 8192, UnitBytes: 256 << 10, BulkRecords: 32768,
		BuffersPerConnection: 32, BufferBytes: 256 << 10, RecordsMax: 4 << 20, MessagesMax: 64,
		AckDelay: 5 * time.Millisecond, HeartbeatEvery: 250 * time.Millisecond, SilentAfter: 2 * time.Second,
		DigestEvery: time.Second, WantAfter: 50 * time.Millisecond, WantFor: 2 * time.Second,
		TombstoneKeep: 10 * time.Minute, TombstonesMax: 1 << 20,
	}
}

// Check says what is wrong with the settings.
func (s *Settings) Check() error {
	var wrong []error
	within := func(name string, v, lo, hi time.Duration) {
		if v < lo || v > hi {
			wrong = append(wrong, fmt.Errorf("%s is %v, must be from %v to %v", name, v, lo, hi))
		}
	}
	count := func(name string, v, lo, hi int) {
		if v < lo || v > hi {
			wrong = append(wrong, fmt.Errorf("%s is %d, must be from %d to %d", name, v, lo, hi))
		}
	}
	ms := time.Millisecond
	within("immediate_max", s.ImmediateMax, 0, 10*ms)
	within("high_max", s.HighMax, 0, 10*ms)
	within("normal_max", s.NormalMax, 0, 100*ms)
	within("lane_margin", s.LaneMargin, 0, 5*ms)
	within("busy_window", s.BusyWindow, 0, 100*ms)
	within("idle_window", s.IdleWindow, 0, 100*ms)
	count("busy_updates", s.BusyUpdates, 1, 100_000_000)
	count("burst_updates", s.BurstUpdates, 1, 100_000_000)
	within("burst_span", s.BurstSpan, ms, time.Second)
	within("burst_for", s.BurstFor, 0, time.Second)
	within("burst_gap", s.BurstGap, 0, time.Second)
	count("frame_records", s.FrameRecords, 1, maxFrameRecords)
	count("unit_bytes", s.UnitBytes, 1<<10, 1<<30)
	count("bulk_records", s.BulkRecords, 1, 1<<30)
	count("buffers_per_connection", s.BuffersPerConnection, 2, 1024)
	count("buffer_bytes", s.BufferBytes, 4<<10, 1<<20)
	count("records_max", s.RecordsMax, 1, 1<<28)
	count("messages_max", s.MessagesMax, 1, 1<<16)
	within("ack_delay", s.AckDelay, 0, time.Second)
	within("heartbeat_every", s.HeartbeatEvery, ms, time.Minute)
	within("silent_after", s.SilentAfter, 2*s.HeartbeatEvery, time.Hour)
	within("digest_every", s.DigestEvery, ms, time.Hour)
	within("want_after", s.WantAfter, ms, time.Minute)
	within("want_for", s.WantFor, ms, time.Minute)
	within("tombstone_keep", s.TombstoneKeep, time.Second, 24*time.Hour)
	count("tombstones_max", s.TombstonesMax, 1, 1<<28)
	return errors.Join(wrong...)
}
