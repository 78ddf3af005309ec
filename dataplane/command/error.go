package command

import "fmt"

// Code says why a request was not done. The values cross processes: append only.
type Code uint32

// The codes.
const (
	OK            Code = iota
	Compile            // the document is not a policy, or not one for this box: Text has the diagnostics
	Busy               // another change is being made, an lcore is late, or too many requests come: try again
	WindowOpen         // a revision waits for its confirmation: nothing else can be installed
	NoWindow           // nothing waits for a confirmation
	WrongRevision      // not the revision that waits, or not above the one confirmed
	Refused            // it cannot be done: Text says why
	Full               // there is no room
	Unknown            // the data plane does not know the operation
	Malformed          // the request is not one of its operation
	Gone               // the data plane ended or restarted before it answered: the Status says what came of it
	Active             // this node is the active one of its pair: what others know is not put into it
	numCodes
)

var codeNames = [numCodes]string{
	"ok", "compile", "busy", "window_open", "no_window", "wrong_revision", "refused", "full", "unknown", "malformed", "gone", "active",
}

// String is the code's name, snake case, stable.
func (c Code) String() string {
	if c < numCodes {
		return codeNames[c]
	}
	return fmt.Sprintf("code_%d", uint32(c))
}

// Error is a request that was not done.
type Error struct {
	Code Code
	Text string
}

// Error is the text, or the code's name where there is none.
func (e *Error) Error() string {
	if e.Text == "" {
		return "data plane: " + e.Code.String()
	}
	return e.Text
}
