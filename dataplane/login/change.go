package login

// Kind says what happened to a login.
type Kind uint8

// The kinds of change.
const (
	// Started: a new login. Old is zero.
	Started Kind = iota
	// Updated: the same login, and something about it but a sign of life is new.
	Updated
	// Replaced: the address has another WWPN. Old has ended, New is another login with another incarnation. What the
	// lcores know of observed functions is void, so they should offer the next command of each direction again.
	Replaced
	// Moved: the same WWPN at another port or address. Old is how it was. When the address is another one, an Ended
	// (cause MovedAway) of the old address has come before. With cause DuplicateName the login had shown no absence at
	// its old place: the fabric accepted it at the new one, but somebody should look.
	Moved
	// Conflict: two stations that look alive want the same name or address. Addr is that of Old, a login that stands (now
	// Contested); New is what is offered against it. It is not in the table (State None), unless the fabric itself
	// accepted it: then both stand, and each of the two is the Old of a Conflict. Told at most every 10 s of one login.
	Conflict
	// Suspected: the fabric said that something about the login changed. It stays until it is seen again, is
	// contradicted, or its time is over.
	Suspected
	// Ended: New is zero.
	Ended
	numKinds
)

var kindNames = [numKinds]string{"started", "updated", "replaced", "moved", "conflict", "suspected", "ended"}

// String is the kind's name, lower case, stable.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return "unknown"
}

// Cause says why.
type Cause uint8

// The causes of change.
const (
	Seen          Cause = iota // a frame said so
	LoggedOut                  // LOGO to or from the fabric
	LinkCleared                // FIP Clear Virtual Link
	Silent                     // the timers of FC-BB, or the idle limit, ran out
	FCFLost                    // the FCF's advertisements stopped
	NotifiedGone               // RSCN "removed", and no sign since
	Notified                   // RSCN
	SessionClosed              // LOGO between N_Ports, and the session was all that was known
	MovedAway                  // its WWPN is at another address now
	DuplicateName              // its WWPN is alive at another port or address
	AddressTaken               // its address is claimed under another WWPN
	Told                       // another node said so
	numCauses
)

var causeNames = [numCauses]string{
	"seen", "logged_out", "link_cleared", "silent", "fcf_lost", "notified_gone", "notified", "session_closed",
	"moved_away", "duplicate_name", "address_taken", "told",
}

// String is the cause's name, snake case, stable.
func (c Cause) String() string {
	if c < numCauses {
		return causeNames[c]
	}
	return "unknown"
}

// Change tells the owner of one change of one address, after the table has it. Whoever caches a decision about
// (fabric, virtual fabric, FC_ID) drops it then.
type Change struct {
	Addr     Addr
	Kind     Kind
	Cause    Cause
	Old, New Login
}

// Counter names what the learner counts. Counters only go up.
type Counter uint8

// The counters. The values may be shown by index: append only.
const (
	CountFrames           Counter = iota // frames given to the learner
	CountIgnored                         // neither FIP nor FCoE, or nothing to learn from
	CountBadCRC                          // FC CRC wrong: not learnt from
	CountBadFIP                          // FIP that does not parse, or lacks what its operation must have
	CountBadPayload                      // ELS or CT payload that does not parse or contradicts its header
	CountFromService                     // FCoE from a service port: never learnt from
	CountStarted                         // logins
	CountReplaced                        // an FC_ID got another WWPN
	CountMoved                           // a WWPN got another port or FC_ID
	CountRelogin                         // FLOGI or FDISC accepted again for a live login
	CountEnded                           // logins, for whatever cause but Replaced
	CountExpired                         // of those, by a timer
	CountSuspected                       // logins that were marked
	CountDuplicateWWPN                   // frames that showed a live WWPN at a second port or FC_ID
	CountAddressConflict                 // frames that showed a live FC_ID with another WWPN
	CountConflict                        // Conflict changes that were told for the two before
	CountForeignSource                   // frames that named a login from a port or MAC that is not its own
	CountUntrusted                       // the fabric's word from a port that is not of role fabric, in strict mode
	CountTableFull                       // logins that found no place
	CountENodeFull                       // logins beyond the bound of one ENode
	CountNameFull                        // logins beyond the bound of one WWPN
	CountFCFFull                         // FCFs beyond the bound
	CountPendingFull                     // requests that found no place to wait
	CountPendingContested                // requests from two ports under one exchange: its answer is not believed
	CountUnmatched                       // answers without a request
	CountAnswerGap                       // name server answers of several frames with one missing
	CountRefused                         // requests that were rejected
	CountEcho                            // a station's own frame, come back in by a fabric port
	CountNoName                          // frames with WWPN 0 or an address that no N_Port can have
	NumCounters
)

var counterNames = [NumCounters]string{
	"frames", "ignored", "bad_crc", "bad_fip", "bad_payload", "from_service", "started", "replaced", "moved", "relogin",
	"ended", "expired", "suspected", "duplicate_wwpn", "address_conflict", "conflict", "foreign_source", "untrusted", "table_full",
	"enode_full", "name_full", "fcf_full", "pending_full", "pending_contested", "unmatched", "answer_gap", "refused",
	"echo", "no_name",
}

// String is the counter's name, snake case, stable.
func (c Counter) String() string {
	if c < NumCounters {
		return counterNames[c]
	}
	return "unknown"
}
