package frame

// Reason says what Decode made of a frame. OK is an ordinary FCoE frame; the next four
// are frames that are not FCoE and cross untouched (FIP is also given to the learner);
// the rest are malformed FCoE, counted under their name and dropped.
type Reason uint8

// The values are part of the segment's layout (counters are indexed by them): append only.
const (
	OK           Reason = iota // ordinary FCoE
	Runt                       // shorter than MinFrame
	NotFCoE                    // another EtherType
	NestedTag                  // a tag inside a tag
	FIP                        // EtherType 0x8914
	OldFormat                  // the encapsulation of before August 2007
	BadVersion                 // FCoE version other than 0
	BadSOF                     // unknown start of frame
	BadEOF                     // unknown end of frame, as padding behind the trailer causes
	InvalidEOF                 // EOFni, EOFdti, EOFrti, EOFa: the sender says the frame is bad
	BadLength                  // the header does not fit, or a length that is no multiple of 4
	Oversize                   // payload longer than MaxPayload
	BadExtHeader               // an extended header that is not one VFT header of version 0
	Loop                       // S_ID equals D_ID

	// NumReasons is how many there are; counters are arrays of this length.
	NumReasons
)

var reasonNames = [NumReasons]string{
	OK: "ok", Runt: "runt", NotFCoE: "not_fcoe", NestedTag: "nested_tag", FIP: "fip",
	OldFormat: "old_format", BadVersion: "bad_version", BadSOF: "bad_sof", BadEOF: "bad_eof",
	InvalidEOF: "invalid_eof", BadLength: "bad_length", Oversize: "oversize",
	BadExtHeader: "bad_ext_header", Loop: "loop",
}

// String is the name of the counter: snake case, stable.
func (r Reason) String() string {
	if r < NumReasons {
		return reasonNames[r]
	}
	return "unknown"
}

// Malformed reports that the frame is FCoE that must be dropped.
func (r Reason) Malformed() bool { return r >= OldFormat && r < NumReasons }

// Crosses reports that the frame is not FCoE and goes to the paired port as it is.
func (r Reason) Crosses() bool { return r >= Runt && r <= FIP }
