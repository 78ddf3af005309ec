package lab

import "time"

const (
	// maxHosts bounds the guests of a scenario: each takes a QEMU process, guestMemory, and a share of two cores.
	maxHosts = 6
	// guestMemoryMiB holds the kernel (65 MiB), the initramfs, and a target's LUNs, which live in its memory.
	guestMemoryMiB = 384
	// maxDiskBytes is what a target's memory leaves for one LUN.
	maxDiskBytes = 128 << 20
	// maxNameBytes: a host's name becomes "t-NAME", and Linux gives interface names 15 bytes.
	maxNameBytes = 12

	// linkMTU of every tap, veth and bridge: an FCoE frame has up to 2,166 bytes behind its Ethernet header.
	linkMTU = 2600
	// ringFrames of every port of the dataplane and linkQueueFrames of every link: nothing on a virtual wire slows a sender
	// down, so each must hold all that the initiators may have in flight, 2048 frames each (guest/init.sh, do_find), while
	// its reader does not get the processor. The driver's default of 512 lost 466 frames in 33 ms on two busy cores.
	ringFrames      = 4096
	linkQueueFrames = 8192
	// A pause is one that a control run does not show: on a shared machine the longest of some hundred commands varies by
	// this much, while a frame that is lost costs three seconds.
	pauseFactor = 3
	pauseFloor  = 200 * time.Millisecond
	// captureBufferMiB holds all that a service can be sent while dumpcap does not get the processor.
	captureBufferMiB = 64
)

// Time limits. What runs into one of them is a failure, never a retry.
const (
	imageLimit           = 8 * time.Minute  // download 70 MB, unpack, build; measured 17 s
	bootLimit            = 2 * time.Minute  // measured 4 s, 24 s beside other work
	readyLimit           = 20 * time.Second // the dataplane or a service, until its sockets are there
	joinLimit            = 20 * time.Second
	answerSlack          = 15 * time.Second // what an answer may take beyond the limit that the guest itself keeps; an emulated one may stand still for seconds
	activeLimit          = 5 * time.Second  // which of a pair forwards at the end
	stopLimit            = 10 * time.Second
	defaultStepLimit     = 60 * time.Second
	defaultScenarioLimit = 3 * time.Minute
	maxScenarioLimit     = 10 * time.Minute
)
