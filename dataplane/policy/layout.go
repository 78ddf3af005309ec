package policy

import "encoding/binary"

// The flat form. All numbers are little endian; nothing depends on where the bytes lie.
//
//	header, 256 bytes
//	   0  magic "FCRPOLCY"
//	   8  u32 format version
//	  12  u32 size of the header
//	  16  u64 size of everything
//	  24  SHA-256 of everything but itself: bytes 0 to 24 and from 56 on
//	  56  for each section: u32 offset, u32 number of records
//	      the rest is zero
//	sections, in the order of the constants below, each on the next multiple of 8
//
// A text is a reference {u32 offset, u32 length} into the last section.
//
// A condition on an end is the number of a set of WWNs, noIndex for any; one on the VSAN the
// number of a set of ranges. A set's members are disjoint prefixes in ascending order, so one
// binary search tells whether a WWN is in it.
//
// Evaluate does not walk the rules. Each enabled rule is anchored at one of its conditions:
// the end whose WWNs stand in fewer other rules, or at the VSAN if both ends are any. Each
// WWN set has the ascending list of the rules anchored at it, as initiators and as targets;
// with each stands the span of its VSANs, so that rules of other VSANs cost a nanosecond.
// The two indexes lead from a prefix to the sets that have it as a member: entries sorted by
// prefix length, then prefix, then set, and for each length where its entries start. A third
// table has, for each VSAN, the first rule of those that are any to any.
const (
	magic         = "FCRPOLCY"
	formatVersion = 1
	headerSize    = 256
	hashOffset    = 24
	hashEnd       = 56
	noIndex       = 0xFFFFFFFF
)

// Sections.
const (
	secRules            = iota // see below
	secServices                // see below
	secWWNSets                 // u32 first member, members, first anchored, as initiators, as targets, 0
	secMembers                 // u64 base, u8 bits, 7 × 0
	secVSANSets                // u32 first range, ranges
	secRanges                  // u16 from, to
	secAnchored                // u32 rule, u16 lowest and highest VSAN it can match
	secInitiatorIndex          // u64 base, u32 set, u32 0
	secInitiatorLengths        // u32 first entry, for 0 to 65 bits
	secTargetIndex             // as secInitiatorIndex
	secTargetLengths           // as secInitiatorLengths
	secFirstByVSAN             // u32 rule or noIndex, for 0 to 4,095
	secAliases                 // u64 WWN, text name; by WWN
	secText                    // bytes
	numSections
)

// recordSize is the size of one record of each section.
var recordSize = [numSections]int{64, 40, 24, 16, 8, 4, 8, 16, 4, 16, 4, 4, 16, 1}

const numLengths = 66

// A rule: four texts, then the fields that Evaluate reads, together in one half of a line.
const (
	ruleName       = 0
	ruleInitiators = 8  // text of the condition
	ruleTargets    = 16 // text of the condition
	ruleNote       = 24
	ruleTicket     = 32
	ruleService    = 40 // u32 service or noIndex
	ruleSetI       = 44 // u32 set of initiators or noIndex
	ruleSetT       = 48 // u32 set of targets or noIndex
	ruleSetV       = 52 // u32 set of VSANs or noIndex
	ruleLine       = 56 // u32 line in the file, 0 not known
	ruleAction     = 60
	ruleFlags      = 61
	ruleOnFailure  = 62
	ruleAnchor     = 63
)

const (
	flagCommandsOnly = 1 << iota
	flagDisabled
)

// Where a rule is anchored.
const (
	anchorNone = iota // disabled
	anchorInitiator
	anchorTarget
	anchorVSAN
)

// A service.
const (
	serviceName      = 0
	servicePort      = 8
	serviceNote      = 16
	serviceMAC       = 24
	serviceVLAN      = 30 // u16, 0 leaves the tag
	serviceMode      = 32
	serviceOnFailure = 33
	serviceHasMAC    = 34
)

var le = binary.LittleEndian

func alignUp(n int) int { return (n + 7) &^ 7 }
