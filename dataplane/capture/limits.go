package capture

import "time"

const (
	// MaxCaptures run at a time: a record has a bit for each, and each costs every frame its comparisons.
	MaxCaptures = 8
	// Sets is how many lie in the segment: the one in force, and those that an lcore may still hold.
	Sets = 8
	// MaxPatterns bounds what one capture costs a frame: a WWPN that is logged in at more places is captured at the first.
	MaxPatterns = 16

	// MinSnap keeps the Fibre Channel header of a tagged frame with a VFT header. MaxSnap is above the largest MTU.
	MinSnap = 64
	MaxSnap = 9600
	// WholeFrame holds every FCoE frame, which has 2,180 bytes at the most.
	WholeFrame = 2304

	// MaxTime is how long one capture may run.
	MaxTime = 24 * time.Hour

	// LaneMin is the least that an lcore gets of the ring: some records of MaxSnap.
	LaneMin = 64 << 10

	// PassFrames bounds the copies that an lcore makes in a pass: 8 of up to 32 received frames, some 100 ns each when they
	// are long.
	PassFrames = 8
	// Rate bounds what an lcore copies: bytes a second, the header of each record included. 64 MiB of frames of 2 KiB are
	// 32,000 copies, about 0.5 % of the lcore's time; of 64 bytes 600,000, about 2 %.
	Rate = 64 << 20
	// rateBurst is what may be copied at once after a pause.
	rateBurst = 256 << 10

	// LeaseTime is how long a reader may be silent before its captures are ended. It renews far more often.
	LeaseTime = 5 * time.Second
)
