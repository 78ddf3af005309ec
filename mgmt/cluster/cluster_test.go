package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/problem"
)

// world is some nodes, the wires between them, and a clock.
type world struct {
	now   time.Time
	nodes []*member
	cut   map[[2]string]bool // wires, one way each, that carry nothing
	fail  string             // messages of this kind are lost, on all wires
}

// member is one node: what outlives its process, and the process.
type member struct {
	w     *world
	name  string
	plane plane
	disk  []byte
	s     *Service
	told  []string
	lock  string
}

// plane is a data plane that takes back by itself what nobody confirms.
type plane struct {
	w       *world
	st      command.Status
	texts   map[[32]byte][]byte
	refuses bool
	silent  int // so many answers are lost, of what was done all the same
}

// answer is what a command that was done gets.
func (p *plane) answer() error {
	if p.silent > 0 {
		p.silent--
		return &command.Error{Code: command.Gone, Text: "no answer"}
	}
	return nil
}

func (p *plane) settle() {
	if !p.st.Deadline.IsZero() && !p.w.now.Before(p.st.Deadline) {
		p.back()
	}
}

func (p *plane) back() {
	p.st.Last = command.Outcome{Revision: p.st.Revision}
	p.st.Revision, p.st.Document, p.st.Deadline = p.st.Confirmed, p.st.ConfirmedDocument, time.Time{}
}

func (p *plane) Status() (command.Status, error) { p.settle(); return p.st, nil }

func (p *plane) Install(_ context.Context, i command.Install) (command.Status, error) {
	p.settle()
	switch {
	case p.refuses:
		return p.st, &command.Error{Code: command.Compile, Text: "it does not compile"}
	case !p.st.Deadline.IsZero():
		return p.st, &command.Error{Code: command.WindowOpen, Text: "a window is open"}
	case i.Revision <= p.st.Confirmed || i.Revision == p.st.Last.Revision:
		return p.st, &command.Error{Code: command.WrongRevision, Text: "it is not new"}
	}
	sum := sha256.Sum256(i.Document)
	p.texts[sum] = slices.Clone(i.Document)
	p.st.Revision, p.st.Document = i.Revision, sum
	if p.st.Deadline = p.w.now.Add(i.Window); i.Window == 0 {
		p.keep()
	}
	return p.st, p.answer()
}

func (p *plane) keep() {
	p.st.Deadline, p.st.Confirmed, p.st.ConfirmedDocument = time.Time{}, p.st.Revision, p.st.Document
}

func (p *plane) Confirm(_ context.Context, revision uint64) (command.Status, error) {
	if p.settle(); p.st.Deadline.IsZero() || p.st.Revision != revision {
		return p.st, errors.New("nothing waits")
	}
	p.keep()
	return p.st, p.answer()
}

func (p *plane) Revert(_ context.Context, revision uint64) (command.Status, error) {
	if p.settle(); p.st.Deadline.IsZero() || p.st.Revision != revision {
		return p.st, errors.New("nothing waits")
	}
	p.back()
	return p.st, p.answer()
}

func (p *plane) Text(document [32]byte) ([]byte, error) {
	if text, ok := p.texts[document]; ok {
		return text, nil
	}
	return nil, errors.New("no such text")
}

func (m *member) Load() ([]byte, error) { return m.disk, nil }
func (m *member) Save(b []byte) error   { m.disk = b; return nil }

// Call carries a message, if both wires are whole when it passes.
func (m *member) Call(ctx context.Context, node string, request []byte) ([]byte, error) {
	to := m.w.node(node)
	if m.w.cut[[2]string{m.name, node}] || m.w.fail != "" && strings.Contains(string(request), `"`+m.w.fail+`":`) {
		return nil, errors.New("not reached")
	}
	b, err := to.s.Handle(ctx, m.name, request)
	if m.w.cut[[2]string{node, m.name}] {
		return nil, errors.New("no answer")
	}
	return b, err
}

func (w *world) node(name string) *member {
	return w.nodes[slices.IndexFunc(w.nodes, func(m *member) bool { return m.name == name })]
}

type fatal interface{ Fatal(...any) }

func newWorld(t fatal, names ...string) *world {
	w := &world{now: time.Unix(1_700_000_000, 0), cut: map[[2]string]bool{}}
	for _, n := range names {
		m := &member{w: w, name: n, plane: plane{w: w, texts: map[[32]byte][]byte{}}}
		w.nodes = append(w.nodes, m)
	}
	for _, m := range w.nodes {
		m.start(t)
	}
	return w
}

// start makes the process anew.
func (m *member) start(t fatal) {
	var names []string
	for _, n := range m.w.nodes {
		names = append(names, n.name)
	}
	var err error
	m.s, err = New(Options{
		Nodes: names, Node: m.name, Plane: &m.plane, Peers: m, Keep: m, Now: func() time.Time { return m.w.now },
		Check: func(b []byte) error {
			if strings.Contains(string(b), "not for "+m.name) {
				return errors.New("no such port")
			}
			return nil
		},
		Lock: func() (string, time.Time) { return m.lock, m.w.now },
		Told: func(what string, v Version, _ map[string]any) { m.told = append(m.told, what+" "+v.String()) },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (m *member) apply(text string, window time.Duration, left ...string) error {
	ctx := Override(By(context.Background(), "anna"), left)
	_, err := m.s.Install(ctx, command.Install{Revision: above(&m.plane.st), Document: []byte(text), Window: window})
	return err
}

func (m *member) confirm() error {
	_, err := m.s.Confirm(context.Background(), m.plane.st.Revision)
	return err
}

// active is the text that decides.
func (m *member) active() string {
	st, _ := m.plane.Status()
	return string(m.plane.texts[st.Document])
}

// expect holds what decides everywhere against a text for each node.
func (w *world) expect(t *testing.T, texts ...string) {
	t.Helper()
	for i, m := range w.nodes {
		if got := m.active(); got != texts[min(i, len(texts)-1)] {
			t.Errorf("%s decides by %q, want %q", m.name, got, texts[min(i, len(texts)-1)])
		}
	}
}

func (w *world) follow() {
	for range 3 {
		for _, m := range w.nodes {
			m.s.Follow(context.Background())
		}
	}
}

func (w *world) isolate(name string, away bool) {
	for _, m := range w.nodes {
		w.cut[[2]string{name, m.name}], w.cut[[2]string{m.name, name}] = away, away
	}
}

func TestAChangeIsMadeOnAllNodesOrOnNone(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	a, b := w.nodes[0], w.nodes[1]
	if err := a.apply("one", 0); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "one")
	for name, text := range map[string]string{"it cannot decide by": "two, not for b", "": strings.Repeat("long ", MaxDocument/5)} {
		err := a.apply(text, 0)
		if (err == nil) != (name == "") {
			t.Errorf("%.20q: %v", text, err)
		}
		if name != "" && (!problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), name)) {
			t.Errorf("%v", err)
		}
	}
	long := w.nodes[2].active()
	if len(long) < MaxDocument-5 {
		t.Errorf("a long document came as %d bytes", len(long))
	}
	b.plane.refuses = true // it was prepared, and then could not
	if err := a.apply("three", time.Minute); err == nil {
		t.Error("a node that did not install it is no reason to stop")
	}
	b.plane.refuses = false
	w.expect(t, long)
	b.lock = "bert"
	if err := a.apply("three", 0); err == nil || !strings.Contains(err.Error(), "bert edits there") {
		t.Errorf("%v", err)
	}
	w.follow()
	if l := a.s.Elsewhere(); l == nil || l.Owner != "bert" || l.Node != "b" {
		t.Errorf("%+v", l)
	}
}

func TestAWindowIsConfirmedOrTakenBackEverywhere(t *testing.T) {
	w := newWorld(t, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	if err := errors.Join(a.apply("one", 0), a.apply("two", time.Minute)); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "two")
	if err := b.confirm(); err == nil || !strings.Contains(err.Error(), "confirm it there") {
		t.Errorf("%v", err)
	}
	if err := b.apply("three", 0); !problem.Is(err, problem.ConfirmWindowOpen) {
		t.Errorf("%v", err)
	}
	if err := a.confirm(); err != nil {
		t.Fatal(err)
	}
	if err := a.apply("three", time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := a.s.Revert(t.Context(), a.plane.st.Revision); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "two")
	if err := a.apply("four", time.Minute); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(2 * time.Minute) // nobody confirms
	w.follow()
	w.expect(t, "two")
	if err := b.apply("five", 0); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "five")
	if v := a.s.peek().Version; v != (Version{0, 3}) || v != b.s.peek().Version {
		t.Errorf("%v and %v", v, b.s.peek().Version)
	}
}

func TestANodeThatIsAwayStopsAChangeUnlessItIsNamed(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	a, c := w.nodes[0], w.nodes[2]
	if err := a.apply("one", 0); err != nil {
		t.Fatal(err)
	}
	w.isolate("c", true)
	if err := a.apply("two", 0); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "c: not reached") {
		t.Fatalf("%v", err)
	}
	w.expect(t, "one")
	if err := a.apply("two", 0, "c"); err != nil {
		t.Fatal(err)
	}
	if err := c.apply("mine", 0, "a", "b"); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "two", "two", "mine")
	w.isolate("c", false)
	w.follow()
	// Both began a term while apart; that of the later slot is the higher one.
	w.expect(t, "mine")
	branches := a.s.Overview().Branches
	if len(branches) != 1 || branches[0].Document != hashOf([]byte("two")) || branches[0].From != "c" {
		t.Errorf("%+v", branches)
	}
	if o := a.s.Overview(); len(o.Apart) != 0 || !o.Members[2].Same || o.Members[2].Problem != "" {
		t.Errorf("%+v", o)
	}
	if !slices.Contains(a.told, "branched 16.2") || !slices.Contains(c.told, "overruled 18.2") {
		t.Errorf("%v, %v", a.told, c.told)
	}
}

func TestWhoeverMissesTheConfirmationFollows(t *testing.T) {
	w := newWorld(t, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	if err := a.apply("one", time.Minute); err != nil {
		t.Fatal(err)
	}
	w.fail = "confirm"
	if err := a.confirm(); err != nil {
		t.Fatal(err)
	}
	w.fail = ""
	w.now = w.now.Add(2 * time.Minute)
	w.expect(t, "one", "")
	b.start(t) // and its process died, too
	w.follow()
	w.expect(t, "one")
}

func TestTwoChangesAtOnceDoNotWaitForEachOther(t *testing.T) {
	w := newWorld(t, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	if !a.s.reserve("a/its own", "x") || !b.s.reserve("b/its own", "x") {
		t.Fatal("a node is not free for itself")
	}
	begun := time.Now()
	if err := a.apply("one", 0); !problem.Is(err, problem.Busy) || time.Since(begun) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	a.s.release("a", "its own")
	if err := a.apply("one", 0); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), "keeps itself free") {
		t.Errorf("%v", err)
	}
	b.s.release("b", "its own")
	if err := a.apply("one", 0); err != nil {
		t.Error(err)
	}
}

func TestWhatNobodyKnowsToBeDoneIsTakenBack(t *testing.T) {
	w := newWorld(t, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	for _, silent := range []*member{a, b} {
		silent.plane.silent = 1
		if err := a.apply("one", time.Hour); err == nil {
			t.Error("an installation without an answer is one")
		}
		if err := a.confirm(); err == nil {
			t.Error("what was taken back is confirmed on one node")
		}
		w.follow()
		w.expect(t, "")
		w.now = w.now.Add(2 * lateInstall)
		w.follow()
	}
	if err := a.apply("two", time.Hour); err != nil {
		t.Fatal(err)
	}
	a.plane.silent = 1
	if err := a.confirm(); err != nil {
		t.Errorf("a confirmation that was done: %v", err)
	}
	w.expect(t, "two")
}

// A window that was confirmed or taken back while a node could not be told ends there as soon as it can ask.
func TestAWindowEndsWhereItsWordWasLost(t *testing.T) {
	for _, what := range []string{"confirm", "revert"} {
		w := newWorld(t, "a", "b")
		a, b := w.nodes[0], w.nodes[1]
		if err := a.apply("one", time.Hour); err != nil {
			t.Fatal(err)
		}
		w.fail = what
		if what == "confirm" {
			must(t, a.confirm())
		} else if _, err := a.s.Revert(t.Context(), a.plane.st.Revision); err != nil {
			t.Fatal(err)
		}
		w.fail = ""
		b.s.Follow(t.Context())
		w.expect(t, map[string]string{"confirm": "one", "revert": ""}[what])
		if o := b.s.peek().Open; o != nil {
			t.Errorf("%s: %+v still waits", what, o)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What was confirmed on one side of a cut, while the other side went on without it, is kept as a branch.
func TestAConfirmationBehindACutIsNotLost(t *testing.T) {
	w := newWorld(t, "a", "b")
	a, b := w.nodes[0], w.nodes[1]
	must(t, a.apply("one", 0))
	must(t, a.apply("two", time.Minute))
	w.isolate("a", true)
	must(t, a.confirm())
	w.now = w.now.Add(time.Hour)
	b.s.Follow(t.Context())
	must(t, b.apply("three", 0, "a"))
	w.isolate("a", false)
	w.follow()
	w.expect(t, "three")
	if branches := a.s.Overview().Branches; len(branches) != 1 || branches[0].Document != hashOf([]byte("two")) {
		t.Errorf("%+v", branches)
	}
}

func TestAnsweringStrangersAndNonsense(t *testing.T) {
	w := newWorld(t, "a", "b")
	a := w.nodes[0]
	for _, c := range []struct{ from, message, says string }{
		{"z", `{"stand":{}}`, "no other node"},
		{"a", `{"stand":{}}`, "no other node"},
		{"b", `{"stand":{},"more":1}`, "unknown field"},
		{"b", `nonsense`, "invalid character"},
		{"b", `{}`, "nothing was asked"},
		{"b", `{"offer":{"change":"x","size":99999999,"at":0}}`, "the limit is"},
		{"b", `{"offer":{"change":"x","size":10,"at":4,"part":"AAAA"}}`, "a part of the document is missing"},
		{"b", `{"offer":{"change":"x","size":1,"at":0,"part":"AAAA"}}`, "a part of the document is missing"},
		{"b", `{"prepare":{"change":"x","base":{"term":0,"revision":0},"document":"","by":""}}`, "did not arrive whole"},
		{"b", `{"install":{"change":"x","next":{"term":9,"revision":9},"window":1}}`, "was not prepared"},
		{"b", `{"confirm":{"change":"x"}}`, "no such change"},
		{"b", `{"fetch":{"document":"00","at":0}}`, "does not stand by"},
	} {
		b, err := a.s.Handle(t.Context(), c.from, []byte(c.message))
		if got := fmt.Sprint(string(b), err); !strings.Contains(got, c.says) {
			t.Errorf("%s from %s: %s, want %q", c.message, c.from, got, c.says)
		}
	}
}

// Whatever is cut, lost or restarted: when all can speak again, all nodes decide by the same, and what was acknowledged
// decides, came before what decides, or is a branch that was told.
func TestAllNodesAgreeInTheEnd(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(r, []string{"a", "b", "c", "d"}[:rapid.IntRange(2, 4).Draw(r, "nodes")]...)
		acknowledged := map[string]Version{}
		for i := range rapid.IntRange(1, 25).Draw(r, "steps") {
			m := rapid.SampledFrom(w.nodes).Draw(r, "node")
			text := fmt.Sprint("document ", i)
			switch rapid.SampledFrom([]string{"apply", "window", "override", "confirm", "cut", "lose", "restart", "follow", "time", "heal", "silence"}).Draw(r, "step") {
			case "apply":
				if m.apply(text, 0) == nil {
					acknowledged[hashOf([]byte(text))] = m.s.peek().Version
				}
			case "window":
				_ = m.apply(text, time.Minute)
			case "override":
				var left []string
				for _, n := range w.nodes {
					if n != m && w.cut[[2]string{m.name, n.name}] {
						left = append(left, n.name)
					}
				}
				if m.apply(text, 0, left...) == nil {
					acknowledged[hashOf([]byte(text))] = m.s.peek().Version
				}
			case "confirm":
				if o := m.s.peek().Open; o != nil && m.confirm() == nil && m.s.peek().Version == o.Next {
					acknowledged[o.Document] = o.Next
				}
			case "cut":
				n := rapid.SampledFrom(w.nodes).Draw(r, "other")
				w.cut[[2]string{m.name, n.name}] = true
			case "lose":
				w.fail = rapid.SampledFrom([]string{"", "install", "confirm", "revert", "prepare", "release"}).Draw(r, "what")
			case "restart":
				m.start(r)
			case "follow":
				m.s.Follow(context.Background())
			case "time":
				w.now = w.now.Add(40 * time.Second)
			case "heal":
				clear(w.cut)
			case "silence":
				m.plane.silent = rapid.IntRange(0, 2).Draw(r, "answers")
			}
		}
		clear(w.cut)
		w.fail = ""
		for _, m := range w.nodes {
			m.plane.silent = 0
		}
		w.now = w.now.Add(time.Hour)
		w.follow()
		end := w.nodes[0].s.peek()
		branches := map[string]bool{}
		for _, m := range w.nodes {
			if k := m.s.peek(); k.Version != end.Version || k.Document != end.Document || k.Open != nil || hashOf([]byte(m.active())) != end.Document && end.Document != "" {
				r.Fatalf("%s stands at %v with %q, %s at %v", m.name, k.Version, m.active(), w.nodes[0].name, end.Version)
			}
			for _, b := range m.s.peek().Branches {
				branches[b.Document] = true
			}
		}
		for document, v := range acknowledged {
			if v == end.Version && document != end.Document {
				r.Fatalf("two documents have version %v", v)
			}
			if !end.Version.follows(end.Bases, v) && !branches[document] {
				r.Fatalf("version %v was acknowledged; all stand at %v after %v, and it is no branch", v, end.Version, end.Bases)
			}
		}
	})
}
