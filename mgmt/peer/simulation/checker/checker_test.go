package checker

import (
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"fcredirect/mgmt/peer/record"
)

// The stage: node 0 makes changes, node 1 makes some that depend on them, node 2 looks on.
const (
	writer = iota
	second
	onlooker
)

var (
	loginA = record.Key{Kind: record.Login, ID: 1}
	loginB = record.Key{Kind: record.Login, ID: 2}
	flowF  = record.Key{Kind: record.Flow, ID: 3}
	countF = record.Key{Kind: record.Count, ID: 3}
)

// stage is a checker with three living nodes of incarnation 1, and short ways to say things to it.
type stage struct{ *Checker }

func newStage() stage {
	c := stage{New(3)}
	for n := range uint8(3) {
		c.Start(n)
		c.Incarnation(n, 1)
	}
	return c
}

func made(key record.Key, version uint64) record.Record {
	return record.Record{Key: key, Version: version, Fields: [record.MaxFields]uint64{version * 10}}
}

func gone(key record.Key, version uint64) record.Record {
	return record.Record{Key: key, Version: version, Gone: true}
}

func (s stage) change(origin uint8, r record.Record, refs ...record.Ref) {
	s.Change(origin, Change{Record: r, Refs: refs})
}

func (s stage) applied(observer, origin uint8, records ...record.Record) {
	s.Applied(Applied{Observer: observer, Origin: origin, Incarnation: 1, Stream: records[0].Kind.Stream(), Records: records})
}

func (s stage) reset(incarnation uint64, records ...record.Record) {
	s.Applied(Applied{Observer: onlooker, Origin: writer, Incarnation: incarnation, Reset: true, Records: records})
}

func (s stage) stored(records ...record.Record) {
	all := make(map[record.Key]record.Record)
	for _, r := range records {
		all[r.Key] = r
	}
	s.Stored(onlooker, writer, 1, all)
}

func (s stage) restart() {
	s.Stop(writer)
	s.Start(writer)
	s.Incarnation(writer, 2)
}

var violations = []struct {
	name, rule string
	play       func(s stage)
}{
	{"a record whose fields nobody wrote", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		r := made(loginA, 1)
		r.Fields[3]++
		s.applied(onlooker, writer, r)
	}},
	{"a version that was never given", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 2))
	}},
	{"a record that was not deleted, as deleted", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(onlooker, writer, gone(loginA, 1))
	}},
	{"a deletion of a later version than any", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, gone(loginA, 2))
		s.applied(onlooker, writer, gone(loginA, 3))
	}},
	{"a deletion of what was put again since", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, gone(loginA, 2))
		s.change(writer, made(loginA, 3))
		s.change(writer, made(loginB, 4))
		s.applied(onlooker, writer, gone(loginA, 4))
	}},
	{"a count in the stream of state", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, made(countF, 2))
		s.applied(onlooker, writer, made(loginA, 1), made(countF, 2))
	}},
	{"a node that is told of itself", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(writer, writer, made(loginA, 1))
	}},
	{"an incarnation that was never there", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.reset(7, made(loginA, 1))
	}},
	{"a flow without its login", "causal", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, made(flowF, 2), record.Ref{Origin: writer, Key: loginA, Version: 1})
		s.applied(onlooker, writer, made(flowF, 2))
	}},
	{"a flow with an older login than its own", "causal", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 1))
		s.change(writer, made(loginA, 2))
		s.change(writer, made(flowF, 3), record.Ref{Origin: writer, Key: loginA, Version: 2})
		s.applied(onlooker, writer, made(flowF, 3))
	}},
	{"a flow without the login of another node", "causal", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(second, writer, made(loginA, 1))
		s.change(second, made(flowF, 1), record.Ref{Origin: writer, Key: loginA, Version: 1})
		s.applied(onlooker, second, made(flowF, 1))
	}},
	{"a reset that leaves out what a record of another node depends on", "forward", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, made(loginB, 2))
		s.applied(onlooker, writer, made(loginA, 1), made(loginB, 2))
		s.reset(1, made(loginA, 1))
	}},
	{"a flow of a new life of its login's node, which shows the old one", "causal", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 1))
		s.restart()
		s.change(writer, made(loginA, 1))
		s.Applied(Applied{Observer: second, Origin: writer, Incarnation: 2, Reset: true, Records: []record.Record{made(loginA, 1)}})
		s.change(second, made(flowF, 1), record.Ref{Origin: writer, Key: loginA, Version: 1})
		s.applied(onlooker, second, made(flowF, 1))
	}},
	{"half of what is said to be complete", "atomic", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, made(loginB, 2))
		s.applied(onlooker, writer, made(loginB, 2))
		s.Complete(onlooker, writer, 1, record.State, 2)
	}},
	{"an old value of what is said to be complete", "atomic", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 1))
		s.Complete(onlooker, writer, 1, record.State, 1)
		s.change(writer, made(loginA, 2))
		s.Complete(onlooker, writer, 1, record.State, 2)
	}},
	{"a deletion that is said to be there and is not", "atomic", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 1))
		s.change(writer, gone(loginA, 2))
		s.Complete(onlooker, writer, 1, record.State, 2)
	}},
	{"a new incarnation on top of the old one", "atomic", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 1))
		s.restart()
		s.change(writer, made(loginB, 1))
		s.Applied(Applied{Observer: onlooker, Origin: writer, Incarnation: 2, Records: []record.Record{made(loginB, 1)}})
	}},
	{"an older version over a newer one", "forward", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, made(loginA, 2))
		s.applied(onlooker, writer, made(loginA, 2))
		s.applied(onlooker, writer, made(loginA, 1))
	}},
	{"a login that comes back after its deletion", "forward", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, gone(loginA, 2))
		s.applied(onlooker, writer, gone(loginA, 2))
		s.reset(1, made(loginA, 1))
	}},
	{"the old incarnation after the new one", "forward", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.restart()
		s.change(writer, made(loginB, 1))
		s.reset(2, made(loginB, 1))
		s.reset(1, made(loginA, 1))
	}},
	{"two changes of one version", "forward", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, made(loginB, 1))
	}},
	{"a store that lacks what was told", "told", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 1))
		s.stored()
	}},
	{"a store that has what was not told", "told", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, made(loginB, 2))
		s.applied(onlooker, writer, made(loginA, 1))
		s.stored(made(loginA, 1), made(loginB, 2))
	}},
	{"a store of other fields than were made", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 1))
		r := made(loginA, 1)
		r.Fields[0]++
		s.stored(r)
	}},
	{"an origin that lost its own record", "genuine", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.Stored(writer, writer, 1, nil)
	}},
	{"a change that never arrives", "converged", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(second, writer, made(loginA, 1))
		s.Converged()
	}},
	{"a deletion that never arrives", "converged", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(second, writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 1))
		s.change(writer, gone(loginA, 2))
		s.applied(second, writer, gone(loginA, 2))
		s.Converged()
	}},
	{"the records of a life that is over", "converged", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.applied(second, writer, made(loginA, 1))
		s.applied(onlooker, writer, made(loginA, 1))
		s.restart()
		s.change(writer, made(loginA, 1))
		s.Converged()
	}},
	{"nodes that differ about a dead one", "converged", func(s stage) {
		s.change(writer, made(loginA, 1))
		s.change(writer, made(loginB, 2))
		s.applied(second, writer, made(loginA, 1), made(loginB, 2))
		s.applied(onlooker, writer, made(loginA, 1))
		s.Stop(writer)
		s.Converged()
	}},
}

func TestTheCheckerObjects(t *testing.T) {
	for _, v := range violations {
		t.Run(v.name, func(t *testing.T) {
			s := newStage()
			v.play(s)
			if err := s.Err(); err == nil || !strings.HasPrefix(err.Error(), v.rule+" at ") {
				t.Errorf("says %v, want an objection of the rule %s", err, v.rule)
			}
		})
	}
}

// TestTheCheckerHasNoObjection holds it against what is right: each of the plays below is a violation above but for one
// thing.
func TestTheCheckerHasNoObjection(t *testing.T) {
	s := newStage()
	var seen []uint64
	s.Visible = func(observer uint8, c *Change, age int64) {
		if observer == onlooker {
			seen = append(seen, c.Version)
		}
	}
	s.change(writer, made(loginA, 1))
	s.change(writer, made(loginB, 2))
	s.change(writer, made(loginA, 3))
	s.change(writer, made(flowF, 4), record.Ref{Origin: writer, Key: loginA, Version: 1})
	s.change(writer, made(countF, 5), record.Ref{Origin: writer, Key: flowF, Version: 4})
	s.applied(onlooker, writer, made(loginA, 3), made(flowF, 4)) // overtakes
	s.applied(onlooker, writer, made(countF, 5))
	s.applied(onlooker, writer, made(loginB, 2), made(loginA, 3), made(flowF, 4))
	s.Complete(onlooker, writer, 1, record.State, 4)
	s.Complete(onlooker, writer, 1, record.Counts, 5)
	s.applied(second, writer, made(loginB, 2), made(loginA, 3), made(flowF, 4))
	s.applied(second, writer, made(countF, 5))
	s.change(second, made(flowF, 1), record.Ref{Origin: writer, Key: loginB, Version: 2})
	s.applied(onlooker, second, made(flowF, 1))
	s.applied(writer, second, made(flowF, 1))
	s.stored(made(loginA, 3), made(loginB, 2), made(flowF, 4), made(countF, 5))
	s.Converged()

	s.change(writer, gone(loginB, 6))
	s.reset(1, made(loginA, 3), made(flowF, 4)) // the deletion was collected
	s.Complete(onlooker, writer, 1, record.State, 6)
	s.applied(second, writer, gone(loginB, 6))
	s.stored(made(loginA, 3), made(flowF, 4), made(countF, 5))
	s.Converged()

	s.restart()
	s.applied(writer, second, made(flowF, 1))
	s.change(writer, made(loginA, 1))
	s.reset(2, made(loginA, 1))
	s.Applied(Applied{Observer: second, Origin: writer, Incarnation: 2, Reset: true, Records: []record.Record{made(loginA, 1)}})
	s.Complete(onlooker, writer, 2, record.State, 1)
	s.Converged()
	s.Stop(writer)
	s.Converged()
	if err := s.Err(); err != nil {
		t.Error(err)
	}
	if len(seen) != 7 { // five, the second node's flow, the login of the second life
		t.Errorf("visible: %v", seen)
	}
}

// TestTheCheckerIsIndependent holds that it shares nothing with what it judges but the shapes of records.
func TestTheCheckerIsIndependent(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			if strings.Contains(i.Path.Value, "fcredirect") && i.Path.Value != `"fcredirect/mgmt/peer/record"` {
				t.Errorf("%s imports %s", f.Name(), i.Path.Value)
			}
		}
	}
}
