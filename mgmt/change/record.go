package change

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"fcredirect/dataplane/command"
)

// What is kept in mgmt/settings: the head, one record for each edit and for each revision, and the documents that these
// name, by their SHA-256.
const (
	kindChange   = "change"
	kindDocument = "document"
	kindEdit     = "edit"
	headName     = "state"
	revisionName = "revision/"
)

// emptyText is the document of a data plane that never got one.
const emptyText = "policies: []\n"

var emptyDocument = hashOf([]byte(emptyText))

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func editName(n uint64) string       { return fmt.Sprintf("%020d", n) }
func revisionKey(n uint64) string    { return fmt.Sprintf("%s%020d", revisionName, n) }
func hexOf(document [32]byte) string { return hex.EncodeToString(document[:]) }

// Ref names a document that has a revision.
type Ref struct {
	Revision uint64 `json:"revision" doc:"0: the data plane never got a policy."`
	Document string `json:"document" doc:"SHA-256 of its text, empty where the text is not known."`
}

// head is all that is small.
type head struct {
	Next      uint64           `json:"next"`      // number of the next revision
	Running   Ref              `json:"running"`   // what the data plane decides by, as far as is known
	Confirmed Ref              `json:"confirmed"` // what it should decide by when nothing is being applied
	Apply     *application     `json:"apply,omitempty"`
	Pending   *pending         `json:"pending,omitempty"`
	Lock      *Lock            `json:"lock,omitempty"`
	Last      *RevisionOutcome `json:"last,omitempty"`
	Drift     *Drift           `json:"drift,omitempty"`
	Edit      uint64           `json:"edit"` // number of the last edit
}

// application is a revision on its way.
type application struct {
	Ref
	Phase   Phase         `json:"phase"`
	By      string        `json:"by"`
	Window  time.Duration `json:"window_ns"`
	At      time.Time     `json:"at"`
	Pending bool          `json:"pending"` // it came from the pending configuration, which is empty when it is confirmed
	Theirs  uint64        `json:"theirs"`  // its number at the data plane: another one if somebody else installed it
}

// pending is what makes the pending document: a base, perhaps another document in its place, and the edits from First on.
type pending struct {
	Base     Ref       `json:"base"`
	Snapshot string    `json:"snapshot,omitempty"`
	First    uint64    `json:"first"`
	Edits    int       `json:"edits"` // all of them, those in the snapshot too
	By       string    `json:"by"`
	Since    time.Time `json:"since"`
	Changed  time.Time `json:"changed"`
}

// Lock says who edits.
type Lock struct {
	Owner   string    `json:"owner"`
	Since   time.Time `json:"since"`
	From    string    `json:"taken_from,omitempty" doc:"Who had it before it was taken over."`
	TakenAt time.Time `json:"taken_at,omitzero"`
}

// Drift says that the data plane decides by something else than what was confirmed here.
type Drift struct {
	Expected Ref       `json:"expected" doc:"What was confirmed."`
	Running  Ref       `json:"running" doc:"What decides now."`
	Since    time.Time `json:"since"`
}

// RevisionOutcome is what came of a revision.
type RevisionOutcome struct {
	Revision uint64    `json:"revision"`
	What     string    `json:"what" enum:"confirmed,reverted,expired,failed,adopted"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at"`
	Why      string    `json:"why,omitempty"`
}

// Revision is an entry of the history.
type Revision struct {
	Ref
	Base    uint64    `json:"base" doc:"The revision that it was made from."`
	By      string    `json:"by" doc:"Who applied it; the data plane, if it was found there."`
	Note    string    `json:"note,omitempty"`
	Ticket  string    `json:"ticket,omitempty"`
	Applied time.Time `json:"applied"`
	WindowS float64   `json:"window_s" doc:"In which it had to be confirmed; 0: at once."`
	Outcome string    `json:"outcome" enum:"applying,window,confirmed,reverted,expired,failed,adopted"`
	Settled time.Time `json:"settled,omitzero"`
	Settler string    `json:"settled_by,omitempty"`
	Why     string    `json:"why,omitempty"`

	Archived bool `json:"-"` // the database has it, with its text
}

// keptRevision is a Revision as the file has it.
type keptRevision struct {
	Revision
	Archived bool `json:"archived,omitempty"`
}

func (r *Revision) kept() keptRevision { return keptRevision{*r, r.Archived} }

func decodeRevision(body json.RawMessage) (Revision, error) {
	var k keptRevision
	err := json.Unmarshal(body, &k)
	k.Revision.Archived = k.Archived
	return k.Revision, err
}

// Phase says where a change stands.
type Phase string

// The phases.
const (
	Idle     Phase = "idle"     // nothing is on its way
	Applying Phase = "applying" // a document was sent to the data plane
	Window   Phase = "window"   // it decides, and waits to be confirmed
)

// runs says whether a status tells of this document.
func runs(st *command.Status, document string) bool { return documentOf(st) == document }

// documentOf is the document that a data plane runs; empty where it does not know its text.
func documentOf(st *command.Status) string {
	switch {
	case st.Document != [32]byte{}:
		return hexOf(st.Document)
	case st.Hash == "":
		return emptyDocument
	}
	return ""
}
