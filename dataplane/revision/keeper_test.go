package revision

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/command"
)

const window = time.Minute

func TestARevisionThatIsConfirmedInItsWindowStays(t *testing.T) {
	w := newWorld(t)
	i := w.install(1, "one", window)
	if _, answered := w.answers[i]; answered {
		t.Fatal("answered before it was compiled")
	}
	w.settle()
	w.want(i, command.OK)
	w.is(1, 0, "one")
	c := w.confirm(1)
	w.settle()
	w.want(c, command.OK)
	w.is(1, 1, "one")
	w.now += 10 * int64(window)
	w.settle()
	w.is(1, 1, "one")
	if got := strings.Join(w.told, ", "); got != "1 installed, 1 confirmed" {
		t.Errorf("told: %s", got)
	}
}

func TestARevisionThatNobodyConfirmsGoesAtItsDeadlineAndNotBefore(t *testing.T) {
	w := newWorld(t)
	w.install(1, "one", 0)
	w.settle()
	w.install(2, "two", window)
	w.settle()
	w.now += int64(window) - 1
	w.settle()
	w.is(2, 1, "two")
	w.now++
	w.keeper.Tick()
	w.is(1, 1, "one")
	if r := w.keeper.Record(); r.Last != command.Expired || r.LastRevision != 2 || r.Deadline != 0 {
		t.Errorf("%+v", r)
	}
	if got := w.told[len(w.told)-1]; got != "2 expired" {
		t.Errorf("told: %s", got)
	}
}

func TestWhatMayNotBeIsRefusedWithItsCode(t *testing.T) {
	w := newWorld(t)
	w.want(w.confirm(1), command.NoWindow)
	w.want(w.revert(1), command.NoWindow)
	w.want(w.install(1, "one", -1), command.Refused)
	w.want(w.install(1, "one", command.MaxWindow+1), command.Refused)
	first := w.install(5, "five", window)
	w.want(w.install(6, "six", window), command.Busy)
	w.want(w.confirm(5), command.Busy)
	w.settle()
	w.want(first, command.OK)
	w.want(w.install(6, "six", window), command.WindowOpen)
	w.want(w.install(6, "six", 0), command.WindowOpen)
	if err := w.keeper.InstallFile("policy.yaml"); err == nil {
		t.Error("the console installed something in a window")
	}
	w.want(w.confirm(4), command.WrongRevision)
	w.want(w.revert(6), command.WrongRevision)
	c := w.confirm(5)
	w.want(w.revert(5), command.Busy)
	w.settle()
	w.want(c, command.OK)
	for _, n := range []uint64{0, 4, 5} {
		w.want(w.install(n, "again", window), command.WrongRevision)
	}
	bad := w.install(6, "[", window)
	w.settle()
	w.want(bad, command.Compile)
	w.is(5, 5, "five")
}

func TestAnLcoreThatIsLateKeepsEverythingAsItWas(t *testing.T) {
	w := newWorld(t)
	w.install(1, "one", 0)
	w.settle()
	w.late = errors.New("lcore 3 is late")
	w.want(w.install(2, "two", window), command.Busy)
	w.late = nil
	i := w.install(2, "two", window)
	w.work()
	w.late = errors.New("lcore 3 is late")
	w.settle()
	w.is(2, 1, "two")
	w.now += int64(ackTimeout) + 1
	w.settle()
	w.want(i, command.Busy)
	w.is(1, 1, "one")
	w.late = nil
	again := w.install(2, "two", 0)
	w.settle()
	w.want(again, command.OK)
	w.is(2, 2, "two")
}

func TestInstallationsComeNoFasterThanTheirGarbageMay(t *testing.T) {
	w := newWorld(t)
	for i := range uint64(burst) {
		w.install(i+1, "p", 0)
		w.settle()
	}
	w.is(burst, burst, "p")
	w.want(w.install(burst+1, "p", 0), command.Busy)
	w.now += int64(refill)
	i := w.install(burst+1, "p", 0)
	w.settle()
	w.want(i, command.OK)
}

func TestAWarmStartInTheWindowGoesOnWithTheSameDeadline(t *testing.T) {
	w := newWorld(t)
	w.install(1, "one", 0)
	w.settle()
	w.install(2, "two", window)
	w.settle()
	deadline := w.keeper.Record().Deadline
	w.now += int64(window) / 2
	w.live = ""
	w.start(true, nil)
	w.is(2, 1, "two")
	if got := w.keeper.Record().Deadline; got != deadline {
		t.Fatalf("the deadline moved by %v", time.Duration(got-deadline))
	}
	w.now = deadline
	w.keeper.Tick()
	w.is(1, 1, "one")
}

func TestAStartAfterTheDeadlineOrInAnotherBootBeginsWithTheConfirmedRevision(t *testing.T) {
	for name, pass := range map[string]func(*world){
		"warm, too late":         func(w *world) { w.now += int64(window); w.start(true, nil) },
		"cold":                   func(w *world) { w.coldStart(nil) },
		"a reboot that kept it":  func(w *world) { w.boot++; w.now = 5; w.start(true, nil) },
		"its slot was damaged":   func(w *world) { w.slots[w.keeper.rec.Slot][2000] ^= 1; w.start(true, nil) },
		"cold, and another seed": func(w *world) { w.coldStart(seedOf(w.t, "seed")) },
	} {
		w := newWorld(t)
		w.install(1, "one", 0)
		w.settle()
		w.install(2, "two", window)
		w.settle()
		pass(w)
		t.Log(name)
		w.is(1, 1, "one")
		if w.keeper.Pending() {
			t.Error("a window is open")
		}
	}
}

func TestASeedIsForAFolderThatHasNoRevisionYet(t *testing.T) {
	w := newWorld(t)
	w.is(0, 0, "")
	w.coldStart(seedOf(t, "seed"))
	w.is(1, 1, "seed")
	w.coldStart(seedOf(t, "another"))
	w.is(1, 1, "seed")
	w.install(2, "two", window)
	w.settle()
	r := w.revert(2)
	w.settle()
	w.want(r, command.OK)
	w.is(1, 1, "seed")
}

// A revision is confirmed when the disk has it, and not when the disk fails at any step of it.
func TestADiskThatFailsConfirmsNothing(t *testing.T) {
	for _, step := range []string{"flat", "sync", "before", "rename"} {
		for _, at := range []time.Duration{0, window} {
			w := newWorld(t)
			w.install(1, "one", 0)
			w.settle()
			w.failing = step
			i := w.install(2, "two", at)
			w.settle()
			if at == 0 {
				w.want(i, command.Refused)
				w.is(1, 1, "one")
			} else {
				w.want(i, command.OK)
				c := w.confirm(2)
				w.settle()
				w.want(c, command.Refused)
				w.is(2, 1, "two")
				w.now += int64(window)
				w.settle()
			}
			w.is(1, 1, "one")
			w.failing = ""
			w.coldStart(nil)
			w.is(1, 1, "one")
		}
	}
}

func TestADamagedFileIsNamedAndTheOneBeforeItBegins(t *testing.T) {
	damage := map[string]func(path string){
		"torn":    func(p string) { os.Truncate(p, 300) },
		"empty":   func(p string) { os.Truncate(p, 0) },
		"foreign": func(p string) { os.WriteFile(p, []byte(strings.Repeat("x", 4000)), 0o600) },
		"gone":    func(p string) { os.Remove(p) },
		"a link":  func(p string) { os.Remove(p); os.Symlink("/etc/passwd", p) },
		"flipped": func(p string) {
			b, _ := os.ReadFile(p)
			b[len(b)/2] += 7
			os.WriteFile(p, b, 0o600)
		},
	}
	for name, harm := range damage {
		w := newWorld(t)
		w.install(1, "one", 0)
		w.settle()
		w.install(2, "two", 0)
		w.settle()
		harm(filepath.Join(w.dir, confirmedFile))
		w.coldStart(nil)
		t.Log(name)
		w.is(1, 1, "one")
		harm(filepath.Join(w.dir, confirmedFile))
		w.coldStart(seedOf(t, "seed"))
		w.is(1, 1, "seed")
	}
}

func TestAFolderOfAnotherNodeIsNotUsed(t *testing.T) {
	w := newWorld(t)
	w.install(1, "one", 0)
	w.settle()
	f, err := OpenFolder(w.dir, "another")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, found, err := f.Load(); found || err == nil || !strings.Contains(err.Error(), `of node "node"`) {
		t.Errorf("found %v: %v", found, err)
	}
}

// The folder of a node has others in it, which run under other accounts.
func TestTheFolderAboveIsOpenToOthers(t *testing.T) {
	above := filepath.Join(t.TempDir(), "lib", "node")
	if _, err := OpenFolder(filepath.Join(above, "dataplane"), "node"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{
		above: 0o755, filepath.Join(above, "dataplane"): 0o750, filepath.Join(above, "dataplane", documents): 0o770 | os.ModeSetgid,
	} {
		st, err := os.Stat(path)
		if err != nil || st.Mode()&^os.ModeDir != want {
			t.Errorf("%s: %v, want %v; %v", path, st.Mode(), want, err)
		}
	}
}

func TestDocumentsInUseStayAndTheOthersGo(t *testing.T) {
	w := newWorld(t)
	w.install(1, "one", 0)
	w.settle()
	w.install(2, "two", window)
	w.settle()
	old := time.Now().Add(-2 * freshDocument)
	entries, _ := os.ReadDir(w.folder.Documents())
	for _, e := range entries {
		os.Chtimes(filepath.Join(w.folder.Documents(), e.Name()), old, old)
	}
	for i := range 3 * spareDocuments {
		if _, err := command.Keep(w.folder.Documents(), text(strings.Repeat("x", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(w.folder.Documents(), "rubbish"), nil, 0o600)
	os.Chtimes(filepath.Join(w.folder.Documents(), "rubbish"), old, old)
	c := w.confirm(2)
	w.settle()
	w.want(c, command.OK)
	entries, _ = os.ReadDir(w.folder.Documents())
	if len(entries) != spareDocuments+1 {
		t.Errorf("%d documents stayed, want %d and the one in use", len(entries), spareDocuments)
	}
	if _, err := command.Document(w.folder.Documents(), w.keeper.Record().Document); err != nil {
		t.Error(err)
	}
	os.RemoveAll(w.folder.Documents())
	w.coldStart(nil) // the text comes back from the confirmed file
	if got, err := command.Document(w.folder.Documents(), w.keeper.Record().Document); err != nil || string(got) != string(text("two")) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestARevisionFarAboveTheConfirmedOneIsRefusedSoThatOthersCanFollow(t *testing.T) {
	w := newWorld(t)
	w.want(w.install(1<<64-1, "last", 0), command.WrongRevision)
	w.want(w.install(mostAhead+1, "far", 0), command.WrongRevision)
	back := w.install(mostAhead, "back", window)
	w.settle()
	w.want(back, command.OK)
	r := w.revert(mostAhead)
	w.settle()
	w.want(r, command.OK)
	next := w.install(mostAhead+1, "next", window) // its client counts on
	w.settle()
	w.want(next, command.OK)
	w.now += int64(window)
	w.settle()
	near := w.install(mostAhead, "near", 0)
	w.settle()
	w.want(near, command.OK)
	w.is(mostAhead, mostAhead, "near")
	next = w.install(mostAhead+1, "next", 0)
	w.settle()
	w.want(next, command.OK)
}

func TestASeedThatWasConfirmedKeepsItsNumber(t *testing.T) {
	w := newWorld(t)
	w.install(7, "seven", 0)
	w.settle()
	saved, flat, found, err := Look(w.dir, "node")
	if !found || err != nil {
		t.Fatal(found, err)
	}
	w.dir = t.TempDir() // another folder, which knows the text alone
	other, err := OpenFolder(w.dir, "node")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := command.Keep(other.Documents(), text("seven")); err != nil {
		t.Fatal(err)
	}
	w.coldStart(&Seed{Flat: flat, Document: saved.Document, Revision: saved.Revision})
	w.is(7, 7, "seven")
	if r := w.keeper.Record(); r.Document != saved.Document {
		t.Errorf("%+v", r)
	}
}

func TestWhatAnotherNodeConfirmedIsNeitherLeftOutNorWrittenOver(t *testing.T) {
	w := newWorld(t)
	w.install(3, "theirs", 0)
	w.settle()
	path := filepath.Join(w.dir, confirmedFile)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := OpenFolder(w.dir, "another")
	if err != nil {
		t.Fatal(err)
	}
	w.keeper.o.Folder = theirs
	k := New(w.keeper.o)
	if err := k.Begin(seedOf(t, "ours")); !errors.Is(err, ErrForeign) {
		t.Errorf("it starts: %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(before) {
		t.Errorf("it was written over: %v", err)
	}
}
