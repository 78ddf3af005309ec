package record

// Change is how a field tends to differ from what it was, which is what its encoding saves by.
type Change uint8

// The ways.
const (
	Same    Change = iota // seldom changes
	Counter               // goes up by little; wraps around
	Clock                 // goes up with the time
)

// The fields of each kind, by their index.
const (
	LoginWWPN = iota
	LoginWWNN
	LoginMAC   // as login packs it, with port, state
	LoginENode // FIP address of the ENode
	LoginFCF
	LoginFunctions // claimed, observed, how, flags, keep-alive period
	LoginFirstSeen // ns since 1970
	LoginLastSeen
	loginFields
)

// Of a flow.
const (
	FlowSerial = iota
	FlowInitiator
	FlowTarget
	FlowVerdict // action, state, orientation, port, service, rule, packed
	FlowGeneration
	FlowCreated // ns since 1970
	flowFields
)

// Of the totals of a direction.
const (
	CountSerial = iota
	CountFrames
	CountBytes
	CountErrors
	CountLastSeen // ns since 1970
	countFields
)

// Of a service: its name, 64 bytes, then whether it is usable and since when.
const (
	ServiceName   = 0
	ServiceUsable = 8
	ServiceSince  = 9
	serviceFields = 10
)

// Of a fact about a node.
const (
	NodeValue = iota
	NodeSince
	nodeFields
)

type shape struct {
	stream  Stream
	changes []Change
}

var shapes = [numKinds]shape{
	Login:   {State, []Change{LoginLastSeen: Clock, LoginFirstSeen: Same}},
	Flow:    {State, []Change{FlowCreated: Same}},
	Count:   {Counts, []Change{CountFrames: Counter, CountBytes: Counter, CountErrors: Counter, CountLastSeen: Clock}},
	Service: {State, []Change{ServiceSince: Same}},
	Node:    {State, []Change{NodeSince: Same}},
}

// Known says whether this version of the program knows the kind.
func (k Kind) Known() bool { return k > None && k < numKinds }

// Fields is how many fields records of the kind have; 0 when it is not known.
func (k Kind) Fields() int {
	if !k.Known() {
		return 0
	}
	return len(shapes[k].changes)
}

// Stream is the stream that the kind belongs to.
func (k Kind) Stream() Stream {
	if !k.Known() {
		return State
	}
	return shapes[k].stream
}

// Change says how a field of the kind changes.
func (k Kind) Change(field int) Change { return shapes[k].changes[field] }

// Kinds are all kinds of a stream.
func (s Stream) Kinds() (kinds []Kind) {
	for k := None + 1; k < numKinds; k++ {
		if k.Stream() == s {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

var (
	_ [MaxFields - loginFields]struct{}
	_ [MaxFields - flowFields]struct{}
	_ [MaxFields - countFields]struct{}
	_ [MaxFields - serviceFields]struct{}
	_ [MaxFields - nodeFields]struct{}
)

var (
	kindNames   = [numKinds]string{"none", "login", "flow", "count", "service", "node"}
	streamNames = [NumStreams]string{"state", "counts"}
	laneNames   = [NumLanes]string{"immediate", "high", "normal"}
)

// String is the kind's name, lower case, stable.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return "unknown"
}

// String is the stream's name, lower case, stable.
func (s Stream) String() string {
	if s < NumStreams {
		return streamNames[s]
	}
	return "unknown"
}

// String is the lane's name, lower case, stable.
func (l Lane) String() string {
	if l < NumLanes {
		return laneNames[l]
	}
	return "unknown"
}
