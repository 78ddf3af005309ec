package replica

import (
	"errors"
	"maps"
	"testing"

	"fcredirect/mgmt/peer/record"
)

func flow(id, version uint64) record.Record {
	return record.Record{Key: record.Key{Kind: record.Flow, ID: id}, Version: version, Fields: [record.MaxFields]uint64{version}}
}

func gone(id, version uint64) record.Record {
	return record.Record{Key: record.Key{Kind: record.Flow, ID: id}, Version: version, Gone: true}
}

// unit stages and commits, and returns what changed.
func unit(tb testing.TB, t *Table, from, to uint64, reset bool, records ...record.Record) (changed []record.Record, err error) {
	tb.Helper()
	s := t.Stage(record.State, from, to, reset)
	for i := range records {
		if err := s.Add(&records[i]); err != nil {
			s.Discard()
			return nil, err
		}
	}
	err = s.Commit(func(r *record.Record) { changed = append(changed, *r) })
	return changed, err
}

func TestAUnitThatCannotBeRightIsRefusedAndLeavesNoTrace(t *testing.T) {
	count := record.Record{Key: record.Key{Kind: record.Count, ID: 1}, Version: 15}
	unknown := record.Record{Key: record.Key{Kind: 200, ID: 1}, Version: 15}
	none := record.Record{Version: 15}
	for _, c := range []struct {
		name     string
		from, to uint64
		reset    bool
		records  []record.Record
		want     error
	}{
		{"begins later than the table stands", 11, 20, false, []record.Record{flow(1, 15)}, ErrGap},
		{"a record at where it begins", 10, 20, false, []record.Record{flow(1, 10)}, ErrVersion},
		{"a record after its end", 10, 20, false, []record.Record{flow(1, 21)}, ErrVersion},
		{"a record without a version", 0, 20, true, []record.Record{flow(1, 0)}, ErrVersion},
		{"two records of one version", 10, 20, false, []record.Record{flow(1, 12), flow(3, 12)}, ErrVersion},
		{"two records of one version in a reset", 0, 20, true, []record.Record{flow(1, 12), flow(3, 12)}, ErrVersion},
		{"a version that cannot be", 10, 1 << 63, false, []record.Record{flow(1, 12)}, ErrVersion},
		{"a record of another stream", 10, 20, false, []record.Record{count}, ErrUnknown},
		{"a record of a kind that nobody knows", 10, 20, false, []record.Record{unknown}, ErrUnknown},
		{"a record of no kind", 10, 20, false, []record.Record{none}, ErrUnknown},
		{"more records than the table may have", 10, 20, false, []record.Record{flow(5, 11), flow(6, 12), flow(7, 13)}, ErrFull},
		{"a reset to more than the table may have", 0, 20, true, []record.Record{flow(5, 1), flow(6, 2), flow(7, 3), flow(8, 4)}, ErrFull},
		{"more than memory is given for", 10, 20, false, []record.Record{flow(5, 11), flow(6, 12), flow(7, 13), gone(8, 14), gone(9, 15), gone(10, 16)}, ErrFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := New(0, 1, Limits{Records: 3, Tombstones: 2})
			if _, err := unit(t, table, 0, 10, false, flow(1, 5), flow(2, 7)); err != nil {
				t.Fatal(err)
			}
			before, digest := seen(table, record.State), table.Digest(record.State)
			checked := table.Stage(record.State, c.from, c.to, c.reset)
			for i := range c.records {
				if checked.Add(&c.records[i]) != nil {
					checked = nil
					break
				}
			}
			if checked != nil && !errors.Is(checked.Check(), c.want) {
				t.Errorf("check: %v, want %v", checked.Check(), c.want)
			}
			changed, err := unit(t, table, c.from, c.to, c.reset, c.records...)
			if !errors.Is(err, c.want) || len(changed) > 0 {
				t.Fatalf("got %v %v, want %v", changed, err, c.want)
			}
			if table.Head(record.State) != 10 || !maps.Equal(seen(table, record.State), before) || table.Digest(record.State) != digest {
				t.Error("the table is not what it was")
			}
			if _, err := unit(t, table, 10, 20, false, flow(1, 15), gone(2, 16), flow(3, 17), flow(4, 18)); err != nil {
				t.Errorf("a good unit afterwards: %v", err)
			}
		})
	}
}

func TestWhatAUnitChangesIsToldOnce(t *testing.T) {
	for _, c := range []struct {
		name     string
		early    []record.Record
		from, to uint64
		reset    bool
		records  []record.Record
		changed  []record.Record
		left     int // early records
	}{
		{"new, newer and gone", nil, 10, 20, false, []record.Record{flow(9, 13), flow(1, 12), gone(2, 11)},
			[]record.Record{gone(2, 11), flow(1, 12), flow(9, 13)}, 0},
		{"a reset to more, one of them gone already", nil, 0, 20, true, []record.Record{flow(1, 5), flow(2, 7), gone(3, 12), flow(4, 13)},
			[]record.Record{flow(4, 13)}, 0},
		{"gone before it was ever seen", nil, 10, 20, false, []record.Record{gone(9, 11)}, nil, 0},
		{"one that the table has passed", nil, 0, 10, false, []record.Record{flow(1, 5)}, nil, 0},
		{"one that overlaps what the table has", nil, 4, 20, false, []record.Record{flow(1, 5), flow(9, 8), flow(2, 15)}, []record.Record{flow(2, 15)}, 0},
		{"a record that went ahead", []record.Record{flow(1, 15)}, 10, 20, false, []record.Record{flow(1, 15), flow(2, 16)},
			[]record.Record{flow(2, 16)}, 0},
		{"a record that went ahead and has changed again", []record.Record{flow(1, 15)}, 10, 20, false, []record.Record{flow(1, 16)},
			[]record.Record{flow(1, 16)}, 0},
		{"a record that went ahead and is not in the unit", []record.Record{flow(1, 15)}, 10, 20, false, []record.Record{flow(2, 16)},
			[]record.Record{flow(2, 16)}, 0},
		{"a record that went further ahead", []record.Record{flow(1, 25)}, 10, 20, false, []record.Record{flow(1, 12), flow(2, 16)},
			[]record.Record{flow(2, 16)}, 1},
		{"a deletion that went further ahead", []record.Record{gone(1, 25)}, 10, 20, false, []record.Record{flow(1, 12)}, nil, 1},
		{"a record that went ahead and was a lie", []record.Record{flow(1, 16)}, 10, 20, false, []record.Record{flow(2, 16)},
			[]record.Record{flow(2, 16), flow(1, 5)}, 0},
		{"a record that went ahead and never was", []record.Record{flow(8, 16)}, 10, 20, false, []record.Record{flow(2, 16)},
			[]record.Record{flow(2, 16), gone(8, 20)}, 0},
		{"a reset to the same", nil, 0, 10, true, []record.Record{flow(1, 5), flow(2, 7)}, nil, 0},
		{"a reset to another", nil, 0, 20, true, []record.Record{flow(1, 5), flow(3, 9), gone(4, 11)}, []record.Record{gone(2, 20), flow(3, 9)}, 0},
		{"a reset to the same version with other fields", nil, 0, 10, true, []record.Record{flow(1, 5), {Key: flow(2, 7).Key, Version: 7}},
			[]record.Record{{Key: flow(2, 7).Key, Version: 7}}, 0},
		{"a reset to before the table", nil, 0, 9, true, []record.Record{flow(3, 9)}, nil, 0},
		{"a reset without what went ahead", []record.Record{flow(8, 15)}, 0, 20, true, []record.Record{flow(1, 5), flow(2, 7)}, []record.Record{gone(8, 20)}, 0},
		{"a reset before what went ahead", []record.Record{flow(1, 25), gone(2, 26)}, 0, 20, true, []record.Record{flow(2, 15)}, nil, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := New(0, 1, Limits{})
			if _, err := unit(t, table, 0, 10, false, flow(1, 5), flow(2, 7)); err != nil {
				t.Fatal(err)
			}
			if err := table.Express(c.early, nil); err != nil {
				t.Fatal(err)
			}
			mirror := seen(table, record.State)
			changed, err := unit(t, table, c.from, c.to, c.reset, c.records...)
			if err != nil {
				t.Fatal(err)
			}
			if len(changed) != len(c.changed) {
				t.Fatalf("changed: %v, want %v", changed, c.changed)
			}
			for i, r := range changed {
				if r != c.changed[i] {
					t.Errorf("changed: %v, want %v", changed, c.changed)
				}
				if mirror[r.Key] = r; r.Gone {
					delete(mirror, r.Key)
				}
			}
			if got := seen(table, record.State); !maps.Equal(got, mirror) || table.Early() != c.left {
				t.Errorf("there is %v, and changes lead to %v; %d early", got, mirror, table.Early())
			}
		})
	}
}

func TestUnitsThatAreHeldBecomeOne(t *testing.T) {
	table := New(0, 1, Limits{})
	stage := func(from, to uint64, reset bool, records ...record.Record) *Staging {
		s := table.Stage(record.State, from, to, reset)
		for i := range records {
			if err := s.Add(&records[i]); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	s := stage(0, 10, false, flow(1, 5), flow(2, 7))
	if err := s.Extend(stage(11, 20, false, flow(1, 15))); !errors.Is(err, ErrGap) || s.To() != 10 {
		t.Fatalf("a gap: %v", err)
	}
	if err := s.Extend(stage(10, 20, false, flow(1, 15), gone(2, 16))); err != nil || s.To() != 20 || s.Len() != 2 {
		t.Fatalf("to %d, %d records, %v", s.To(), s.Len(), err)
	}
	if err := s.Extend(stage(5, 15, false, flow(1, 12))); err != nil || s.To() != 20 {
		t.Fatalf("what is behind: to %d, %v", s.To(), err)
	}
	if err := s.Extend(stage(5, 20, false, flow(1, 15), gone(2, 16))); err != nil || s.Len() != 2 {
		t.Fatalf("the same once more: %d records, %v", s.Len(), err)
	}
	if len(seen(table, record.State)) != 0 {
		t.Fatal("something can be seen before it is applied")
	}
	if err := s.Commit(nil); err != nil || !maps.Equal(seen(table, record.State), map[record.Key]record.Record{flow(1, 15).Key: flow(1, 15)}) {
		t.Fatalf("got %v, %v", seen(table, record.State), err)
	}

	s = stage(20, 30, false, flow(5, 25))
	if err := s.Extend(stage(0, 40, true, flow(6, 35))); err != nil || !s.Reset() || s.From() != 0 || s.To() != 40 {
		t.Fatalf("a reset: from %d to %d, %v", s.From(), s.To(), err)
	}
	if err := s.Extend(stage(40, 50, false, gone(6, 45), flow(7, 46))); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(nil); err != nil || !maps.Equal(seen(table, record.State), map[record.Key]record.Record{flow(7, 46).Key: flow(7, 46)}) {
		t.Fatalf("got %v, %v", seen(table, record.State), err)
	}
	if table.Floor(record.State) != 50 || table.Tombstones() != 0 {
		t.Errorf("floor %d, %d tombstones after a reset", table.Floor(record.State), table.Tombstones())
	}
}

func TestANewcomerIsToldWhatLives(t *testing.T) {
	for _, reset := range []bool{false, true} {
		table := New(0, 1, Limits{})
		changed, err := unit(t, table, 0, 10, reset, flow(2, 7), gone(3, 6), flow(1, 5))
		if err != nil || len(changed) != 2 || changed[0] != flow(1, 5) || changed[1] != flow(2, 7) {
			t.Errorf("reset %v: changed %v, %v", reset, changed, err)
		}
		if floor, tombs := table.Floor(record.State), table.Tombstones(); reset && (floor != 10 || tombs != 0) || !reset && (floor != 0 || tombs != 1) {
			t.Errorf("reset %v: floor %d, %d tombstones", reset, floor, tombs)
		}
	}
}

func TestAKeyThatComesOverAndOverIsStagedOnce(t *testing.T) {
	table := New(0, 1, Limits{})
	s := table.Stage(record.State, 0, 1<<30, false)
	for v := range uint64(100_000) {
		r := flow(v%3, v+1)
		if err := s.Add(&r); err != nil {
			t.Fatal(err)
		}
	}
	if s.Len() != 3 || s.Memory() > 1<<17 {
		t.Errorf("%d records in %d bytes", s.Len(), s.Memory())
	}
	if err := s.Commit(nil); err != nil || table.Version(flow(2, 0).Key) != 99_999 {
		t.Errorf("version %d, %v", table.Version(flow(2, 0).Key), err)
	}
}

func TestRecordsAheadOfTheirStreamAreBounded(t *testing.T) {
	table := New(0, 1, Limits{})
	many := make([]record.Record, EarlyMax)
	for i := range many {
		many[i] = flow(uint64(i), uint64(i+1))
	}
	if err := table.Express(many, nil); err != nil {
		t.Fatal(err)
	}
	one := []record.Record{flow(EarlyMax, EarlyMax+1)}
	if err := table.Express(one, nil); !errors.Is(err, ErrFull) || table.Early() != EarlyMax || table.Len(record.Flow) != EarlyMax {
		t.Errorf("%d early, %v", table.Early(), err)
	}
	if err := table.Express([]record.Record{flow(0, 9000)}, nil); err != nil {
		t.Errorf("a newer one of the same key: %v", err)
	}
	for _, bad := range []struct {
		record.Record
		want error
	}{{flow(1, 0), ErrVersion}, {flow(1, 1<<63), ErrVersion}, {record.Record{Version: 1}, ErrUnknown}} {
		if err := table.Express([]record.Record{flow(2, 9999), bad.Record}, nil); !errors.Is(err, bad.want) || table.Version(flow(2, 0).Key) == 9999 {
			t.Errorf("%v: %v, want %v and nothing applied", bad, err, bad.want)
		}
	}
}

func TestWhatIsNotAheadIsNotApplied(t *testing.T) {
	table := New(0, 1, Limits{})
	if _, err := unit(t, table, 0, 10, false, flow(1, 5)); err != nil {
		t.Fatal(err)
	}
	err := table.Express([]record.Record{flow(1, 3), flow(2, 10), flow(3, 11), flow(3, 11)}, func(r *record.Record) {
		if r.ID != 3 {
			t.Errorf("%v changed", r)
		}
	})
	if err != nil || table.Early() != 1 || table.Version(flow(1, 0).Key) != 5 || table.Version(flow(2, 0).Key) != 0 {
		t.Errorf("%d early, %v", table.Early(), err)
	}
	if err := table.Express([]record.Record{flow(3, 12), flow(3, 11)}, nil); err != nil || table.Version(flow(3, 0).Key) != 12 {
		t.Errorf("version %d, %v", table.Version(flow(3, 0).Key), err)
	}
}
