package change

import (
	"fmt"
	"testing"
	"time"

	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/change/draft"
)

// many is a document of n policies, each for a host of its own towards one of ten arrays.
func many(n int) *draft.Draft {
	doc := &policy.Document{Services: []policy.Service{{Name: "inspect", Mode: policy.ModeSteer, Port: "svc0", MAC: "02:fc:5e:00:00:01"}}}
	for i := range 10 {
		doc.Aliases = append(doc.Aliases, policy.Alias{Name: fmt.Sprint("array-", i), WWN: fmt.Sprintf("20:00:02:fc:0a:00:00:%02x", i)})
	}
	for i := range n {
		name := fmt.Sprintf("host-%05d", i)
		doc.Aliases = append(doc.Aliases, policy.Alias{Name: name, WWN: fmt.Sprintf("20:00:02:fc:01:%02x:%02x:01", i>>8, i&255)})
		doc.Rules = append(doc.Rules, policy.Rule{
			Name: "watch-" + name, Initiator: []policy.Term{{Text: name}}, Target: []policy.Term{{Text: fmt.Sprint("array-", i%10)}}, Action: policy.Redirect, Service: "inspect",
		})
	}
	return draft.Of(doc)
}

// BenchmarkEdit10000 is an edit among 10,000 policies, with its fdatasync.
func BenchmarkEdit10000(b *testing.B) {
	w := newWorld(b, b.TempDir())
	w.settle()
	if _, err := w.Put(b.Context(), "alice", many(10000), false, nil); err != nil {
		b.Fatal(err)
	}
	p, _ := w.Draft(PendingOne).Policy("watch-host-05000")
	worst, n := time.Duration(0), 0
	for b.Loop() {
		next := *p
		next.Note = fmt.Sprint("note ", n)
		n++
		begin := time.Now()
		w.mustEdit("alice", draft.Edit{Op: draft.Put, Kind: draft.KindPolicy, Name: p.Name, Policy: &next})
		worst = max(worst, time.Since(begin))
	}
	b.ReportMetric(float64(worst.Microseconds())/1e3, "worst-ms")
}

// BenchmarkCompile10000 is what Apply does of its own before the data plane has the document; validate and dry run leave
// it done.
func BenchmarkCompile10000(b *testing.B) {
	d := many(10000)
	for b.Loop() {
		c := &compiled{of: d}
		if c.make(); c.err != nil {
			b.Fatal(c.err)
		}
	}
}

// BenchmarkApply10000 is an application whose document was validated before, to a data plane that does nothing but
// compare its number; the writes to the disk are in it.
func BenchmarkApply10000(b *testing.B) {
	w := newWorld(b, b.TempDir())
	w.o.Plane = wire{w.plane, w.faults}
	w.settle()
	w.plane.Trust()
	d := many(10000)
	if _, err := w.Put(b.Context(), "alice", d, false, nil); err != nil {
		b.Fatal(err)
	}
	var took time.Duration
	n := 0
	for b.Loop() {
		w.mustEdit("alice", draft.Edit{Op: draft.Put, Kind: draft.KindAlias, Name: fmt.Sprint("new-", n), Alias: &draft.Alias{WWPN: fmt.Sprintf("20:00:02:fc:0b:00:%02x:%02x", n>>8, n&255)}})
		n++
		w.Validate(w.Draft(PendingOne))
		begin := time.Now()
		w.mustApply("alice", 0)
		took += time.Since(begin)
	}
	b.ReportMetric(float64(took.Microseconds())/1e3/float64(n), "apply-ms")
}

// BenchmarkStart is a start with as many edits as stand one by one, among 10,000 policies.
func BenchmarkStart(b *testing.B) {
	w := newWorld(b, memory(b))
	w.settle()
	if _, err := w.Put(b.Context(), "alice", many(10000), false, nil); err != nil {
		b.Fatal(err)
	}
	for i := range maxEdits - 1 {
		p := *w.Draft(PendingOne).Policies[i]
		p.Note = "edited"
		w.mustEdit("alice", draft.Edit{Op: draft.Put, Kind: draft.KindPolicy, Name: p.Name, Policy: &p})
	}
	text := w.pendingText()
	for b.Loop() {
		s, err := New(w.o)
		if err != nil || len(s.pending.Policies) != 10000 {
			b.Fatal(err)
		}
	}
	w.start()
	if w.pendingText() != text {
		b.Error("it is another document")
	}
}
