package command

import (
	"encoding/hex"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/shm"
)

// What came of a revision.
const (
	Confirmed uint32 = 1 + iota // by somebody, within its window or without one
	Reverted                    // by somebody, within its window
	Expired                     // by the data plane: nobody had confirmed it in time
)

var outcomes = [...]string{"", "confirmed", "reverted", "expired"}

// Record is the state of the change of configuration as it lies in the segment.
type Record struct {
	Revision  uint64 // active; 0 before the first
	Confirmed uint64 // the one that a reboot finds; the same, but in a window
	Since     int64  // of the active one: ns since 1970
	Deadline  int64  // CLOCK_BOOTTIME, ns, when the confirmed one comes back; 0 outside of a window
	Window    int64  // ns from the installation to the deadline
	Boot      [16]byte
	Hash      [32]byte // of the active policy, zero for none
	Document  [32]byte // SHA-256 of its text, zero where that is not known
	// Of the confirmed one.
	ConfirmedHash     [32]byte
	ConfirmedDocument [32]byte
	ConfirmedSince    int64
	Slot              uint32 // policy region of the active one, shm.NoPolicy for none
	ConfirmedSlot     uint32
	LastRevision      uint64
	LastAt            int64
	Last              uint32 // what came of the revision before
	_                 uint32
	_                 [288]byte
}

// Page is the region "change". Two records in turn: a data plane that is killed while it writes one leaves the other.
type Page struct {
	Turn    uint64 // the record in use is Turn&1
	_       [56]byte
	Records [2]Record
	Folder  [pathBytes]byte // where documents are put, empty where there is none
	_       [64]byte
}

// PageOf is the page of a segment, nil when there is none.
func PageOf(state *shm.File) *Page {
	pages := shm.Items[Page](state, RegionChange)
	if len(pages) != 1 {
		return nil
	}
	return &pages[0]
}

// Put makes r the record in use. For the control goroutine alone.
func (p *Page) Put(r *Record) {
	turn := atomic.LoadUint64(&p.Turn)
	p.write(r, turn+1)
	atomic.StoreUint64(&p.Turn, turn+1)
}

//go:norace
func (p *Page) write(r *Record, turn uint64) { p.Records[turn&1] = *r }

// Get is a copy of the record in use.
func (p *Page) Get() (r Record, ok bool) {
	for range readTries {
		turn := atomic.LoadUint64(&p.Turn)
		r = p.read(turn)
		if atomic.LoadUint64(&p.Turn) == turn {
			return r, true
		}
	}
	return r, false
}

//go:norace
func (p *Page) read(turn uint64) Record { return p.Records[turn&1] }

// Outcome is what came of a revision.
type Outcome struct {
	Revision uint64
	What     string // confirmed, reverted, expired; empty when nothing has happened yet
	At       time.Time
}

// Status is the state of the change of configuration.
type Status struct {
	Revision          uint64    // active; 0: no policy was ever installed
	Generation        uint32    // of the configuration; also goes up when a service comes or goes
	Hash              string    // the policy's id, empty for none
	Document          [32]byte  // SHA-256 of its text
	Since             time.Time // the revision is active
	Deadline          time.Time // zero when it is confirmed; else the confirmed one comes back then, by a clock that nobody sets
	Window            time.Duration
	Confirmed         uint64
	ConfirmedDocument [32]byte
	Last              Outcome
}

// Pending says whether the active revision waits for its confirmation.
func (s *Status) Pending() bool { return !s.Deadline.IsZero() }

// Read is the state of now.
func Read(state *shm.File) (Status, error) {
	page, control := PageOf(state), shm.Items[shm.Control](state, shm.RegionControl)
	if page == nil || len(control) != 1 {
		return Status{}, errors.New("change: the segment does not tell of it: its data plane is of another version")
	}
	r, ok := page.Get()
	if !ok {
		return Status{}, errors.New("change: its state does not hold still")
	}
	s := Status{
		Revision: r.Revision, Generation: atomic.LoadUint32(&control[0].Generation), Document: r.Document, Since: wall(r.Since),
		Confirmed: r.Confirmed, ConfirmedDocument: r.ConfirmedDocument,
	}
	if r.Hash != [32]byte{} {
		s.Hash = hex.EncodeToString(r.Hash[:8])
	}
	if r.Deadline != 0 {
		s.Deadline, s.Window = time.Now().Add(time.Duration(r.Deadline-Now())), time.Duration(r.Window)
	}
	if r.Last > 0 && int(r.Last) < len(outcomes) {
		s.Last = Outcome{Revision: r.LastRevision, What: outcomes[r.Last], At: wall(r.LastAt)}
	}
	return s, nil
}

func wall(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// Now is CLOCK_BOOTTIME in ns: nobody can set it, and it goes on while the machine sleeps.
func Now() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return t.Nano()
}
