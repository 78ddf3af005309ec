// Package changetest plays the data plane for tests of change control: it keeps documents, opens windows, and takes back
// what nobody confirmed, as dataplane/command says.
//
// Who may import it: tests alone.
//
// Ownership: a Plane may be used by any goroutine.
package changetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/problem"
)

// Plane is a data plane.
type Plane struct {
	now        func() time.Time // constant
	mu         sync.Mutex
	down       bool
	texts      map[[32]byte]string
	active     document
	confirmed  document
	since      time.Time
	deadline   time.Time
	window     time.Duration
	last       command.Outcome
	generation uint32
	refuse     string
	trusts     bool
}

type document struct {
	revision uint64
	text     string
}

// New is a data plane that never got a policy, by a clock; nil is the machine's.
func New(now func() time.Time) *Plane {
	if now == nil {
		now = time.Now
	}
	return &Plane{now: now, texts: map[[32]byte]string{}}
}

func (d document) sum() (sum [32]byte) {
	if d.text != "" {
		sum = sha256.Sum256([]byte(d.text))
	}
	return sum
}

func (d document) id() string {
	if d.text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("policy " + d.text))
	return hex.EncodeToString(sum[:8])
}

// expire does what the control goroutine does at the deadline.
func (p *Plane) expire() {
	if !p.deadline.IsZero() && !p.now().Before(p.deadline) {
		p.back("expired", p.deadline)
	}
}

func (p *Plane) back(what string, at time.Time) {
	p.last = command.Outcome{Revision: p.active.revision, What: what, At: at}
	p.use(p.confirmed)
	p.deadline = time.Time{}
}

func (p *Plane) use(d document) {
	p.active, p.since = d, p.now()
	p.generation++
	if d.text != "" {
		p.texts[d.sum()] = d.text
	}
}

func (p *Plane) status() command.Status {
	return command.Status{
		Revision: p.active.revision, Generation: p.generation, Hash: p.active.id(), Document: p.active.sum(), Since: p.since, Deadline: p.deadline,
		Window: p.window, Confirmed: p.confirmed.revision, ConfirmedDocument: p.confirmed.sum(), Last: p.last,
	}
}

// ErrDown is what a data plane that does not run answers.
var ErrDown = problem.New(problem.DataplaneUnavailable, "The data plane does not run.")

// Status is what it does.
func (p *Plane) Status() (command.Status, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return command.Status{}, ErrDown
	}
	p.expire()
	return p.status(), nil
}

// Install makes a document decide.
func (p *Plane) Install(_ context.Context, i command.Install) (command.Status, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return command.Status{}, ErrDown
	}
	p.expire()
	switch {
	case !p.deadline.IsZero():
		return command.Status{}, &command.Error{Code: command.WindowOpen}
	case i.Revision <= p.confirmed.revision:
		return command.Status{}, &command.Error{Code: command.WrongRevision, Text: "not above the one confirmed"}
	case p.refuse != "":
		return command.Status{}, &command.Error{Code: command.Refused, Text: p.refuse}
	}
	if err := p.compile(i.Document); err != nil {
		return command.Status{}, &command.Error{Code: command.Compile, Text: err.Error()}
	}
	p.use(document{i.Revision, string(i.Document)})
	if p.window = i.Window; i.Window > 0 {
		p.deadline = p.now().Add(i.Window)
	} else {
		p.confirmed = p.active
		p.last = command.Outcome{Revision: i.Revision, What: "confirmed", At: p.now()}
	}
	return p.status(), nil
}

func (p *Plane) compile(text []byte) error {
	if p.trusts {
		return nil
	}
	doc, err := policy.Parse("document", text)
	if err == nil {
		_, _, err = policy.Compile(doc)
	}
	return err
}

// Trust makes it compile nothing, for benchmarks of what stands before it.
func (p *Plane) Trust() { p.set(func() { p.trusts = true }) }

// Confirm keeps what waits.
func (p *Plane) Confirm(_ context.Context, revision uint64) (command.Status, error) {
	return p.decide(revision, func() {
		p.confirmed, p.deadline = p.active, time.Time{}
		p.last = command.Outcome{Revision: revision, What: "confirmed", At: p.now()}
	})
}

// Revert takes what waits back.
func (p *Plane) Revert(_ context.Context, revision uint64) (command.Status, error) {
	return p.decide(revision, func() { p.back("reverted", p.now()) })
}

func (p *Plane) decide(revision uint64, do func()) (command.Status, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return command.Status{}, ErrDown
	}
	p.expire()
	switch {
	case p.deadline.IsZero():
		return command.Status{}, &command.Error{Code: command.NoWindow}
	case revision != p.active.revision:
		return command.Status{}, &command.Error{Code: command.WrongRevision}
	}
	do()
	return p.status(), nil
}

// Text is the text of a document that it had.
func (p *Plane) Text(sum [32]byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, ok := p.texts[sum]
	if !ok || p.down {
		return nil, errors.New("no such document")
	}
	return []byte(text), nil
}

// Stop makes it answer nothing; its clock goes on.
func (p *Plane) Stop() { p.set(func() { p.down = true }) }

// Start starts it warm: what waited at a stop waits on, or is taken back if its time is over. With restarted, the window
// was lost with the process, and the confirmed one is back without a word of it.
func (p *Plane) Start(restarted bool) {
	p.set(func() {
		p.down = false
		if restarted && !p.deadline.IsZero() {
			p.use(p.confirmed)
			p.deadline = time.Time{}
		}
	})
}

// Load gives it a document as a signal with a policy file does, or a start from a disk that has another one.
func (p *Plane) Load(revision uint64, text string) {
	p.set(func() {
		p.use(document{revision, text})
		p.confirmed, p.deadline, p.last = p.active, time.Time{}, command.Outcome{}
	})
}

// Refuse makes it refuse what is installed, with this text; empty: no more.
func (p *Plane) Refuse(text string) { p.set(func() { p.refuse = text }) }

func (p *Plane) set(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

// Active is the revision and the text that decide.
func (p *Plane) Active() (revision uint64, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	return p.active.revision, p.active.text
}

// Confirmed is the text that it comes back to.
func (p *Plane) Confirmed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.confirmed.text
}
