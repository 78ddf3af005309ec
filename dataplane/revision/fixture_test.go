package revision

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// world is a machine with a disk, a segment, and a data plane that comes and goes.
type world struct {
	t      testing.TB
	dir    string
	page   *command.Page
	slots  [2][]byte
	boot   byte
	now    int64 // CLOCK_BOOTTIME
	folder *Folder
	keeper *Keeper

	live    string // what the lcores do: the text of the policy
	late    error  // of an lcore
	told    []string
	answers map[command.Ticket]*command.Error
	asked   int
	failing string // step of the disk at which it fails
	dying   bool   // and the process with it
}

var errDied = errors.New("killed")

func newWorld(t testing.TB) *world {
	w := &world{t: t, dir: t.TempDir(), now: 1e12, boot: 1}
	w.coldStart(nil)
	return w
}

// coldStart loses the segment, as a reboot does.
func (w *world) coldStart(seed *Seed) {
	w.page = &command.Page{}
	w.slots = [2][]byte{make([]byte, 64<<10), make([]byte, 64<<10)}
	w.start(false, seed)
}

func (w *world) start(adopted bool, seed *Seed) {
	w.t.Helper()
	if err := w.tryStart(adopted, seed); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tryStart(adopted bool, seed *Seed) (err error) {
	if w.folder, err = OpenFolder(w.dir, "node"); err != nil {
		return err
	}
	w.folder.step = func(step string) error {
		if step == w.failing {
			return errDied
		}
		return nil
	}
	w.answers, w.late = map[command.Ticket]*command.Error{}, nil
	w.keeper = New(Options{
		Page: w.page, Slots: w.slots, Adopted: adopted, Boot: [16]byte{w.boot}, Folder: w.folder,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: func() int64 { return w.now }, Wall: func() int64 { return w.now },
		Compile: w.compile, Check: func(*policy.Snapshot) error { return nil },
		Publish: func(p *policy.Snapshot, _ uint32) {
			if w.dying {
				panic(errDied)
			}
			w.live = nameOf(p)
		},
		Acknowledged: func() error { return w.late },
		Tell: func(what What, r *command.Record) {
			w.told = append(w.told, fmt.Sprintf("%d %s", r.Revision, what))
		},
		Answer: func(t command.Ticket, err *command.Error) { w.answers[t] = err },
	})
	return w.keeper.Begin(seed)
}

func (w *world) compile(from Source, slot []byte) (sha [32]byte, wrong *command.Error) {
	text, err := command.Document(w.folder.Documents(), from.Document)
	if err != nil {
		return sha, &command.Error{Code: command.Compile, Text: err.Error()}
	}
	flat, err := compileText(text)
	if err != nil {
		return sha, &command.Error{Code: command.Compile, Text: err.Error()}
	}
	shm.PutPolicy(slot, flat)
	return from.Document, nil
}

func compileText(text []byte) ([]byte, error) {
	doc, err := policy.Parse("policy", text)
	if err != nil {
		return nil, err
	}
	flat, _, err := policy.Compile(doc)
	return flat, err
}

// text is a policy whose only rule has a name.
func text(name string) []byte {
	return []byte("policies:\n  - {name: " + name + ", match: {initiator: any, target: any, vsan: any}, action: forward}\n")
}

func nameOf(p *policy.Snapshot) string {
	if p == nil {
		return ""
	}
	return p.Rule(0).Name
}

func seedOf(t testing.TB, name string) *Seed {
	t.Helper()
	flat, err := compileText(text(name))
	if err != nil {
		t.Fatal(err)
	}
	return &Seed{Flat: flat}
}

func (w *world) ticket() command.Ticket {
	w.asked++
	return command.Ticket{ID: uint64(w.asked)}
}

func (w *world) install(revision uint64, name string, window time.Duration) command.Ticket {
	w.t.Helper()
	sha, err := command.Keep(w.folder.Documents(), text(name))
	if err != nil {
		w.t.Fatal(err)
	}
	t := w.ticket()
	w.keeper.Install(t, command.InstallRequest{Revision: revision, Window: int64(window), Document: sha})
	return t
}

func (w *world) confirm(revision uint64) command.Ticket {
	t := w.ticket()
	w.keeper.Confirm(t, revision)
	return t
}

func (w *world) revert(revision uint64) command.Ticket {
	t := w.ticket()
	w.keeper.Revert(t, revision)
	return t
}

// work does one job, if one waits.
func (w *world) work() bool {
	select {
	case j := <-w.keeper.jobs:
		w.keeper.work(&j)
		w.keeper.done <- j
		return true
	default:
		return false
	}
}

// settle lets everything that is under way come to its end.
func (w *world) settle() {
	for again := true; again; {
		again = w.work() || len(w.keeper.done) > 0
		w.keeper.Tick()
	}
	w.keeper.Tick()
	for w.work() {
		w.keeper.Tick()
	}
}

// want checks the answer to a request: a code.
func (w *world) want(t command.Ticket, code command.Code) {
	w.t.Helper()
	err, ok := w.answers[t]
	switch {
	case !ok:
		w.t.Fatalf("no answer, want %v", code)
	case err == nil && code != command.OK, err != nil && err.Code != code:
		w.t.Fatalf("answered %v, want %v", err, code)
	}
}

// is checks what is active and confirmed, in memory, in the page and by what the lcores do.
func (w *world) is(revision, confirmed uint64, live string) {
	w.t.Helper()
	r, ok := w.page.Get()
	if !ok || r.Revision != revision || r.Confirmed != confirmed || w.live != live {
		w.t.Fatalf("revision %d, confirmed %d, lcores do %q; want %d, %d, %q", r.Revision, r.Confirmed, w.live, revision, confirmed, live)
	}
	if r != w.keeper.rec {
		w.t.Fatalf("the page and the keeper differ: %+v, %+v", r, w.keeper.rec)
	}
}
