package command

import (
	"unsafe"

	"fcredirect/dataplane/shm"
)

// The regions.
const (
	RegionCommands = "commands" // in ctl
	RegionReplies  = "replies"  // in state
	RegionChange   = "change"   // in state
)

// Op is the number of an operation. Append only.
type Op uint32

// The operations. Those of capture are defined by their own package, from OpCapture on.
const (
	OpInstall Op = 1 + iota
	OpConfirm
	OpRevert
	OpCreateFlow
	OpDeleteFlow
	OpProgram      // what another node knows of logins
	OpForget       // it knows them no longer
	OpProgramFlows // directions that other nodes have
	OpForgetFlows
	OpReady    // whether this node could take over
	OpHandOver // the active node of a pair gives its work to the other

	OpCapture Op = 16 // to 31
	numOps    Op = 32
)

// slot is a place for a request, in ctl.
type slot struct {
	Owner  uint64 // a number that nobody else has, of the request that is or will be here; 0 free
	Posted uint64 // the same number, when the request is whole
	Sum    uint64 // over Owner, Op and the request
	Op     uint32
	Length uint32
	_      [32]byte
	Body   [MaxRequest]byte
}

// reply is the answer to the request of the slot with the same index, in state.
type reply struct {
	ID     uint64 // Owner of the request; written last, 0 while the rest changes
	Code   uint32
	Length uint32
	_      [48]byte
	Body   [MaxReply]byte
}

// sum tells a request that is as its client wrote it from one into which two wrote: FNV-1a over number, operation and body.
func sum(owner uint64, op Op, body []byte) uint64 {
	const prime = 1099511628211
	h := uint64(14695981039346656037)
	for i := range 8 {
		h = (h ^ owner>>(8*i)&0xff) * prime
	}
	for i := range 4 {
		h = (h ^ uint64(op)>>(8*i)&0xff) * prime
	}
	for _, b := range body {
		h = (h ^ uint64(b)) * prime
	}
	return h
}

// StateRegions is what commands take of the state file. Replies do not outlive the data plane that gave them; the change
// does.
func StateRegions() []shm.RegionSpec {
	return []shm.RegionSpec{
		{Name: RegionReplies, Stride: int(unsafe.Sizeof(reply{})), Count: slots},
		{Name: RegionChange, Stride: int(unsafe.Sizeof(Page{})), Count: 1, Keep: true},
	}
}

// CtlRegions is what they take of ctl. A warm start clears it: who had asked the data plane before looks at the Status.
func CtlRegions() []shm.RegionSpec {
	return []shm.RegionSpec{{Name: RegionCommands, Stride: int(unsafe.Sizeof(slot{})), Count: slots}}
}
