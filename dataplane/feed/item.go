package feed

import "unsafe"

// Kind says which struct an item is.
type Kind uint8

// The kinds. The values cross processes of different versions: append only, and a reader skips what it does not know.
const (
	KindNone   Kind = iota
	KindFlow        // FlowItem: a snapshot of one direction of a flow
	KindLogin       // LoginItem: a snapshot of one login, or that it is gone
	KindSynced      // SyncItem: everything that there was has been offered since the consumer asked for it
	KindEvent       // an event: FlowItem, LoginItem or NameItem by its type
	KindGap         // GapItem: events that found the ring full
)

// Lane is how soon a peer must have it.
type Lane uint8

// The lanes, the most urgent first.
const (
	Immediate Lane = iota // a flow that lost its service, a login that is gone, security
	High                  // flows that begin, change or end; logins
	Normal                // counters
)

// Flags of an item.
const (
	// FlagEnded marks the last snapshot: the flow or login is gone. A data plane that is killed right after it tells of the
	// same life once more when it is back, and of its end later.
	FlagEnded   uint8 = 1 << iota
	FlagResync        // offered because the consumer asked for everything, or after a warm start
	FlagChanged       // the state changed, not only counters
)

// Type is the type of an event. Numbers below 1024 are the data plane's; mgmt/event has the catalogue of all.
type Type uint16

// The data plane's events. Append only.
const (
	FlowCreated Type = 1 + iota // the first storage frame of a direction from its initiator
	FlowVerdict                 // the policy's answer changed: Old… fields say what it was
	FlowEnded                   // silent for too long: with final totals

	LoginUp       Type = 16 // an N_Port is there
	LoginChanged  Type = 17 // its port, MAC or state changed; its name did not
	LoginDown     Type = 18
	LoginConflict Type = 19 // security: a WWPN that is logged in is claimed from elsewhere

	PortUp   Type = 32
	PortDown Type = 33

	ServiceUp   Type = 48
	ServiceDown Type = 49

	PolicyApplied   Type = 64
	PolicyInstalled Type = 65 // a revision is active, and waits for its confirmation unless it is confirmed at once
	PolicyConfirmed Type = 66
	PolicyReverted  Type = 67 // somebody took it back, or it could not be kept
	PolicyExpired   Type = 68 // nobody had confirmed it in time

	DataplaneStarted Type = 80
	DataplaneStopped Type = 81
	LcoreStalled     Type = 82
	LcoreResumed     Type = 83
)

// Header begins every item.
type Header struct {
	Seq      uint64 // number of the item in its ring, from 1, without gaps; goes on over a warm start
	TSC      uint64 // of the data plane, when the item was made
	Kind     Kind
	Lane     Lane
	Flags    uint8
	Producer uint8 // index of the lcore; the number of lcores for the control goroutine
	Type     Type  // of an event, else 0
	_        uint16
}

// State of a flow.
type State uint8

// The states of a flow. Append only.
const (
	Active   State = iota
	Bypassed       // redirected by policy, but its service is not usable: it goes its direct way
	Blocked        // and the policy says that it must not
	Ended
)

var stateNames = [...]string{"active", "bypassed", "blocked", "ended"}

// String is the state as reports and the database spell it.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// FlowItem is one direction of a flow with its absolute totals. (Epoch of the segment, Serial) names its life for ever:
// counters of a life only go up.
type FlowItem struct {
	Header
	Serial     uint64
	Key        uint64 // flow.Key
	Initiator  uint64 // WWPN, 0 while unknown
	Target     uint64
	Frames     uint64
	Bytes      uint64
	LastSeen   uint64 // TSC
	Created    uint64 // TSC
	Generation uint32 // of the configuration that the verdict is from
	LoginGen   uint32 // count of changed logins that the producer knew: a peer must have seen as many first
	Rule       int32  // of the policy, -1 the default
	Service    int16  // of the policy, -1 none
	Errors     uint16
	Action     uint8 // flow.Forward…
	State      State
	Orient     uint8 // flow.FromInitiator or flow.FromTarget
	InPort     uint8 // index of the port on which it enters
	OldAction  uint8 // FlowVerdict: what it was
	OldState   State
	OldService int16
	OldRule    int32
	_          [12]byte
}

// LoginItem is one N_Port. The fields are those of login.Login.
type LoginItem struct {
	Header
	Addr        uint64 // login.Addr: fabric<<36 | VF<<24 | FC_ID
	WWPN, WWNN  uint64
	FirstSeen   int64  // ns since 1970
	LastSeen    int64  // of the port itself
	Generation  uint64 // count of changed logins, this one included
	OldWWPN     uint64 // LoginConflict: who had it
	Incarnation uint32
	MAC         [6]byte
	Port        uint8 // index, login.NoPort
	Status      uint8 // login.State
	Claimed     uint8
	Observed    uint8
	How         uint8
	Flags2      uint8 // login.Flags
	Cause       uint8 // login.Cause of the change
	_           [31]byte
}

// NameItem is an event about something that has a name: a port, a service, a policy, a node.
type NameItem struct {
	Header
	Generation uint32 // PolicyApplied
	Index      int32  // of the port, service or lcore; -1
	Hash       uint64 // PolicyApplied: first 8 bytes of the policy's hash, 0 for none
	Nanos      int64  // LcoreResumed: how long it was away
	Name       [80]byte
}

// ChangeItem is an event about a revision of the policy.
type ChangeItem struct {
	Header
	Revision   uint64
	Confirmed  uint64 // the revision that is confirmed now
	Hash       uint64 // first 8 bytes of the policy's hash, 0 for none
	Window     int64  // ns; 0: confirmed at once
	Generation uint32 // of the configuration now
	_          uint32
	Document   [32]byte // SHA-256 of the text, zero where that is not known
	_          [32]byte
}

// GapItem stands for events that found the ring full.
type GapItem struct {
	Header
	Lost  uint64 // how many in a row, at this place
	First uint64 // TSC of the first
	Total uint64 // lost in this ring so far, these included
	_     [80]byte
}

// SyncItem ends the answer to a consumer's wish for everything.
type SyncItem struct {
	Header
	Nonce uint64 // the wish
	_     [96]byte
}

// ItemBytes is the size of every item: two lines.
const ItemBytes = 128

var (
	_ [ItemBytes - unsafe.Sizeof(FlowItem{})]struct{}   = [0]struct{}{}
	_ [ItemBytes - unsafe.Sizeof(LoginItem{})]struct{}  = [0]struct{}{}
	_ [ItemBytes - unsafe.Sizeof(NameItem{})]struct{}   = [0]struct{}{}
	_ [ItemBytes - unsafe.Sizeof(ChangeItem{})]struct{} = [0]struct{}{}
	_ [ItemBytes - unsafe.Sizeof(GapItem{})]struct{}    = [0]struct{}{}
	_ [ItemBytes - unsafe.Sizeof(SyncItem{})]struct{}   = [0]struct{}{}
)

// Item is an item of any kind, where it lies in the ring or in a copy of it.
type Item [ItemBytes]byte

// Header is the beginning that all kinds share.
func (i *Item) Header() *Header { return (*Header)(unsafe.Pointer(i)) }

// Flow is the item as a flow's; Kind and Type must say so.
func (i *Item) Flow() *FlowItem { return (*FlowItem)(unsafe.Pointer(i)) }

// Login is the item as a login's.
func (i *Item) Login() *LoginItem { return (*LoginItem)(unsafe.Pointer(i)) }

// Name is the item as one about something with a name.
func (i *Item) Name() *NameItem { return (*NameItem)(unsafe.Pointer(i)) }

// Change is the item as one about a revision.
func (i *Item) Change() *ChangeItem { return (*ChangeItem)(unsafe.Pointer(i)) }

// Gap is the item as a gap.
func (i *Item) Gap() *GapItem { return (*GapItem)(unsafe.Pointer(i)) }

// Sync is the item as the end of a synchronization.
func (i *Item) Sync() *SyncItem { return (*SyncItem)(unsafe.Pointer(i)) }

// Hash spreads flows over rings and workers: the same for both directions of a flow.
func Hash(key uint64) uint32 {
	pair := key>>48<<24 ^ (key>>24^key)&0xffffff ^ (key&0xffffff)*(key>>24&0xffffff)<<8
	return uint32(pair * 0x9e3779b97f4a7c15 >> 32)
}
