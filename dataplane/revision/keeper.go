package revision

import (
	"fmt"
	"log/slog"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// Options is what a Keeper is made of.
type Options struct {
	Page    *command.Page
	Slots   [2][]byte // the policy regions
	Adopted bool      // page and slots hold what the data plane before left there
	Boot    [16]byte  // of the machine: deadlines of another one mean nothing
	Folder  *Folder   // nil: nothing outlives the segment, and nobody can install
	Log     *slog.Logger

	Now  func() int64 // CLOCK_BOOTTIME, ns
	Wall func() int64 // ns since 1970

	// Compile turns a document into a policy in a slot. It is called by Work.
	Compile func(Source, []byte) (document [32]byte, err *command.Error)
	// Check says what of a policy cannot be done on this box.
	Check func(*policy.Snapshot) error
	// Publish hands a policy (nil: everything is forwarded) to the lcores, Acknowledged says which lcore has not taken it up.
	Publish      func(p *policy.Snapshot, slot uint32)
	Acknowledged func() error
	// Tell makes an event of what happened to the revision of a record.
	Tell func(What, *command.Record)
	// Answer answers a request.
	Answer func(command.Ticket, *command.Error)
}

// What happens to a revision.
type What uint8

// The values.
const (
	Installed What = iota
	Confirmed
	Reverted
	Expired
)

// String is the word for logs.
func (w What) String() string { return [...]string{"installed", "confirmed", "reverted", "expired"}[w] }

// Source is a document: in the folder of documents, or a file that the admin at the console named.
type Source struct {
	Document [32]byte
	Path     string
}

// Keeper is the state of the change of configuration.
type Keeper struct {
	o   Options
	rec command.Record // as in the page

	active, confirmed *policy.Snapshot

	doing   doing
	asker   asker
	window  int64    // of what is being installed, as asked for
	since   int64    // awaiting: when it was published
	jobs    chan job // to Work; room for one of ours and one that cleans
	done    chan job // from it
	ended   chan struct{}
	tidying bool

	tokens int64 // installations that may still come at once
	filled int64 // when one was added last
}

// doing is what is under way, on which an answer waits.
type doing uint8

const (
	nothing   doing = iota
	compiling       // Work fills the free slot
	awaiting        // published; the lcores take it up
	returning       // what was taken back is published; the lcores take it up
	saving          // Work writes to disk
	cleaning        // nobody waits for it
)

// asker is who waits for the answer.
type asker struct {
	ticket  command.Ticket
	console bool // a signal: the log gets the answer
	waiting bool
}

// job is what Work does.
type job struct {
	what   doing
	source Source
	slot   uint32
	saved  Saved
	inUse  [2][32]byte

	document [32]byte
	policy   *policy.Snapshot
	err      *command.Error
}

// New makes a Keeper; Begin must follow.
func New(o Options) *Keeper {
	k := &Keeper{o: o, jobs: make(chan job, 2), done: make(chan job, 2), ended: make(chan struct{}), tokens: burst, filled: o.Now()}
	k.rec.Slot, k.rec.ConfirmedSlot = shm.NoPolicy, shm.NoPolicy
	clear(o.Page.Folder[:])
	if o.Folder != nil {
		copy(o.Page.Folder[:len(o.Page.Folder)-1], o.Folder.Documents())
	}
	return k
}

// Record is the state of now.
func (k *Keeper) Record() command.Record { return k.rec }

// Pending says whether a revision waits for its confirmation.
func (k *Keeper) Pending() bool { return k.rec.Deadline != 0 }

// free is the slot that neither the active nor the confirmed revision uses. Outside of a window the two are one.
func (k *Keeper) free() uint32 {
	if k.rec.Slot == 0 || k.rec.ConfirmedSlot == 0 {
		return 1
	}
	return 0
}

// Install begins the installation of a document.
func (k *Keeper) Install(t command.Ticket, r command.InstallRequest) {
	switch {
	case k.o.Folder == nil:
		k.refuse(t, command.Refused, "the data plane has no folder for its state: see state-dir of its boot file")
	case r.Window < 0 || r.Window > int64(command.MaxWindow):
		k.refuse(t, command.Refused, "the window must be 0 to 24 h")
	default:
		if err := k.mayInstall(r.Revision); err != nil {
			k.o.Answer(t, err)
		} else if !k.token() {
			k.refuse(t, command.Busy, "too many installations: try again in a second")
		} else {
			k.begin(asker{ticket: t, waiting: true}, Source{Document: r.Document}, r.Revision, r.Window)
		}
	}
}

// InstallFile begins the installation of a file that the admin at the console names; the revision is the next one, and
// confirmed.
func (k *Keeper) InstallFile(path string) error {
	next := k.rec.Confirmed + 1
	if err := k.mayInstall(next); err != nil {
		return err
	}
	k.begin(asker{console: true, waiting: true}, Source{Path: path}, next, 0)
	return nil
}

func (k *Keeper) mayInstall(revision uint64) *command.Error {
	k.expire()
	switch {
	case k.doing != nothing:
		return &command.Error{Code: command.Busy, Text: "another change is being made"}
	case k.Pending():
		return &command.Error{Code: command.WindowOpen, Text: fmt.Sprintf("revision %d waits for its confirmation", k.rec.Revision)}
	case revision <= k.rec.Confirmed:
		return &command.Error{Code: command.WrongRevision, Text: fmt.Sprintf("revision %d is not above revision %d, which is confirmed", revision, k.rec.Confirmed)}
	case revision > mostAhead && revision-mostAhead > max(k.rec.Confirmed, k.rec.LastRevision):
		return &command.Error{Code: command.WrongRevision, Text: fmt.Sprintf("revision %d is too far above revision %d, which is confirmed", revision, k.rec.Confirmed)}
	}
	if err := k.o.Acknowledged(); err != nil {
		return &command.Error{Code: command.Busy, Text: err.Error()}
	}
	return nil
}

// token takes one of the installations that may come.
func (k *Keeper) token() bool {
	if n := (k.o.Now() - k.filled) / int64(refill); n > 0 {
		k.tokens, k.filled = min(k.tokens+n, burst), k.filled+n*int64(refill)
	}
	if k.tokens == 0 {
		return false
	}
	k.tokens--
	return true
}

func (k *Keeper) begin(a asker, from Source, revision uint64, window int64) {
	k.asker, k.doing, k.window = a, compiling, window
	k.jobs <- job{what: compiling, source: from, slot: k.free(), saved: Saved{Revision: revision}}
}

// Confirm begins to keep the revision that waits.
func (k *Keeper) Confirm(t command.Ticket, revision uint64) {
	if err := k.mayEnd(revision); err != nil {
		k.o.Answer(t, err)
		return
	}
	k.asker = asker{ticket: t, waiting: true}
	k.save()
}

// Revert takes the revision that waits back.
func (k *Keeper) Revert(t command.Ticket, revision uint64) {
	if err := k.mayEnd(revision); err != nil {
		k.o.Answer(t, err)
		return
	}
	k.back(Reverted)
	k.asker, k.doing, k.since = asker{ticket: t, waiting: true}, returning, k.o.Now()
}

func (k *Keeper) mayEnd(revision uint64) *command.Error {
	k.expire()
	switch {
	case k.doing != nothing:
		return &command.Error{Code: command.Busy, Text: "another change is being made"}
	case !k.Pending():
		return &command.Error{Code: command.NoWindow, Text: "no revision waits for its confirmation"}
	case revision != k.rec.Revision:
		return &command.Error{Code: command.WrongRevision, Text: fmt.Sprintf("revision %d waits for its confirmation, not %d", k.rec.Revision, revision)}
	}
	return nil
}

func (k *Keeper) save() {
	k.doing = saving
	k.jobs <- job{what: saving, slot: k.rec.Slot, saved: Saved{
		Revision: k.rec.Revision, Since: k.rec.Since, Hash: k.rec.Hash, Document: k.rec.Document,
	}}
}

// Tick takes up what Work has done and what the lcores have acknowledged, and takes the active revision back when its
// deadline has passed. Control calls it once a period.
func (k *Keeper) Tick() {
	select {
	case j := <-k.done:
		k.finished(j)
	default:
	}
	if k.doing == awaiting || k.doing == returning {
		k.await()
	}
	k.expire()
}

// expire takes the active revision back when its deadline has passed. While it is being saved the decision is made:
// whatever the clock says, the disk has the word.
func (k *Keeper) expire() {
	if !k.Pending() || k.doing == saving || k.o.Now() < k.rec.Deadline {
		return
	}
	waited := k.doing == awaiting
	k.back(Expired)
	if waited {
		k.answer(&command.Error{Code: command.Refused, Text: "its window was over before every lcore had taken it up"})
	}
}

func (k *Keeper) finished(j job) {
	switch {
	case j.what == cleaning:
		if k.tidying = false; j.err != nil {
			k.o.Log.Warn("spare documents were not removed", "why", j.err)
		}
	case j.what == compiling && j.err == nil:
		k.installed(j)
	case j.what == saving && j.err == nil:
		k.keep()
		k.answer(nil)
	default:
		if j.what == saving && k.atOnce() {
			k.back(Reverted)
		}
		k.answer(j.err)
	}
}

// atOnce says that what is being saved was to be confirmed at once.
func (k *Keeper) atOnce() bool { return k.rec.Window == 0 }

// installed makes what was compiled the active revision.
func (k *Keeper) installed(j job) {
	r, now := &k.rec, k.o.Now()
	r.Revision, r.Since, r.Document, r.Slot, r.Boot = j.saved.Revision, k.o.Wall(), j.document, j.slot, k.o.Boot
	r.Window, r.Deadline = k.window, now+k.window
	if k.window == 0 {
		r.Deadline = now + int64(saveWindow)
	}
	r.Hash = [32]byte{}
	if k.active = j.policy; k.active != nil {
		r.Hash = k.active.Hash()
	}
	k.o.Page.Put(r) // who is killed now finds the window open, and its deadline
	k.o.Publish(k.active, r.Slot)
	k.o.Tell(Installed, r)
	k.doing, k.since = awaiting, now
}

func (k *Keeper) await() {
	err := k.o.Acknowledged()
	switch late := k.o.Now()-k.since > int64(ackTimeout); {
	case err != nil && !late:
	case k.doing == returning:
		if err != nil {
			k.answer(&command.Error{Code: command.Busy, Text: "taken back, but " + err.Error()})
			return
		}
		k.answer(nil)
	case err != nil:
		k.back(Reverted)
		k.answer(&command.Error{Code: command.Busy, Text: err.Error()})
	case k.atOnce() && k.o.Folder != nil:
		k.save()
	case k.atOnce():
		k.keep()
		k.answer(nil)
	default:
		k.answer(nil)
	}
}

// keep makes the active revision the confirmed one: the disk has it.
func (k *Keeper) keep() {
	r := &k.rec
	r.Deadline, r.Window, r.Confirmed, r.ConfirmedSlot, r.ConfirmedSince = 0, 0, r.Revision, r.Slot, r.Since
	r.ConfirmedHash, r.ConfirmedDocument = r.Hash, r.Document
	r.Last, r.LastRevision, r.LastAt = command.Confirmed, r.Revision, k.o.Wall()
	k.confirmed = k.active
	k.o.Page.Put(r)
	k.o.Tell(Confirmed, r)
}

// back makes the confirmed revision the active one again.
func (k *Keeper) back(what What) {
	r := &k.rec
	left := *r
	k.returned(what)
	k.o.Page.Put(r)
	k.o.Publish(k.active, r.Slot)
	k.o.Tell(what, &left)
}

// returned is the record of a return.
func (k *Keeper) returned(what What) {
	r := &k.rec
	r.Last, r.LastRevision, r.LastAt = command.Reverted, r.Revision, k.o.Wall()
	if what == Expired {
		r.Last = command.Expired
	}
	r.Revision, r.Since, r.Deadline, r.Window = r.Confirmed, k.o.Wall(), 0, 0
	r.Slot, r.Hash, r.Document = r.ConfirmedSlot, r.ConfirmedHash, r.ConfirmedDocument
	k.active = k.confirmed
}

func (k *Keeper) refuse(t command.Ticket, code command.Code, text string) {
	k.o.Answer(t, &command.Error{Code: code, Text: text})
}

// answer ends what is under way.
func (k *Keeper) answer(err *command.Error) {
	a := k.asker
	k.asker, k.doing = asker{}, nothing
	switch {
	case !a.waiting:
	case !a.console:
		k.o.Answer(a.ticket, err)
	case err != nil:
		k.o.Log.Error("policy not changed", "why", err)
	default:
		k.o.Log.Info("policy changed", "revision", k.rec.Revision)
	}
	k.clean()
}

// clean has spare documents removed, when nothing else is to be done.
func (k *Keeper) clean() {
	if k.o.Folder != nil && !k.tidying {
		k.tidying = true
		k.jobs <- job{what: cleaning, inUse: [2][32]byte{k.rec.Document, k.rec.ConfirmedDocument}}
	}
}
