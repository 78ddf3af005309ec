package replica

import (
	"cmp"
	"slices"

	"fcredirect/mgmt/peer/record"
)

// Staging is a unit on its way into the table of another origin. Nothing of it can be seen before Commit, and all of it after.
//
// It is a set of its own, so that of each key it has one record, whatever a peer sends. A unit that replaces all, or comes to an
// empty table, takes the place of the table's set as it is: a newcomer's million records are applied in the time that it takes to
// write their history.
type Staging struct {
	table    *Table
	stream   record.Stream
	from, to uint64
	reset    bool
	set      *set
	order    []grave // every record as it came, by version when sorted; stale when its key came again
}

// Stage begins a unit that moves the stream from a version (exclusive) to another. With reset, from is 0 and the unit replaces
// everything that the table has of the stream.
func (t *Table) Stage(stream record.Stream, from, to uint64, reset bool) *Staging {
	s := &Staging{table: t, stream: stream, from: from, to: to, reset: reset}
	if reset {
		s.from = 0
	}
	if s.set, t.spare = t.spare, nil; s.set == nil {
		s.set = &set{}
	}
	s.order, s.set.graves = s.set.graves, nil
	s.set.digests = reset || t.sets[stream].rows == 0
	return s
}

// From is the version that the table must have reached.
func (s *Staging) From() uint64 { return s.from }

// To is the version that the table has after Commit.
func (s *Staging) To() uint64 { return s.to }

// Reset says whether the unit replaces everything.
func (s *Staging) Reset() bool { return s.reset }

// Len is how many records it has: one for each key.
func (s *Staging) Len() int { return s.set.rows }

// Memory is how many bytes it holds.
func (s *Staging) Memory() int { return s.set.memory() + cap(s.order)*16 }

// Add takes a record of the unit. Of two of the same key the newer stays. ErrFull, ErrUnknown, ErrVersion; the unit is
// then not to be committed.
func (s *Staging) Add(r *record.Record) error {
	switch {
	case !r.Kind.Known() || r.Kind.Stream() != s.stream:
		return ErrUnknown
	case r.Version <= s.from || r.Version > s.to || r.Version > VersionMax:
		return ErrVersion
	}
	p := s.set.find(r.Key)
	if !p.found && s.set.rows >= s.table.limits.Records+s.table.limits.Tombstones {
		return ErrFull
	}
	s.take(&p, r)
	return nil
}

func (s *Staging) take(p *place, r *record.Record) {
	if p.found && p.row[rowVersion]>>1 >= r.Version {
		return
	}
	var fields []uint64
	if !r.Gone {
		fields = r.Fields[:p.slab.fields]
	}
	handle := s.set.write(p, r.Version, r.Gone, fields)
	if len(s.order) >= 2*s.set.rows+1024 {
		s.order = slices.DeleteFunc(s.order, func(o grave) bool { return s.set.stale(o.version, o.handle) })
	}
	s.order = append(s.order, grave{r.Version, handle})
}

// Extend takes over the whole unit that follows, so that both are applied as one. next is gone after that. ErrGap when it
// does not begin where s ends, or before, and ErrFull: then both are what they were.
func (s *Staging) Extend(next *Staging) error {
	if next.reset {
		s.set, next.set = next.set, s.set
		s.order, next.order = next.order, s.order
		s.from, s.to, s.reset = 0, next.to, true
		next.Discard()
		return nil
	}
	if next.from > s.to {
		return ErrGap
	}
	if s.set.rows+next.set.rows > s.table.limits.Records+s.table.limits.Tombstones {
		return ErrFull
	}
	var r record.Record
	for _, o := range next.order {
		if next.set.stale(o.version, o.handle) {
			continue
		}
		b, row := next.set.at(o.handle)
		b.load(&r, row)
		p := s.set.find(r.Key)
		s.take(&p, &r)
	}
	s.to = max(s.to, next.to)
	next.Discard()
	return nil
}

// Discard drops the unit.
func (s *Staging) Discard() {
	if s.set.rows <= spareRows && cap(s.order) <= 4*spareRows {
		s.set.graves = s.order
		s.set.empty()
		s.table.spare = s.set
	}
	s.set, s.order = &set{}, nil
}

// Check says what Commit would refuse: ErrGap, ErrVersion, ErrFull. It is for whoever applies several units at once, or has something
// to clear away before.
func (s *Staging) Check() error {
	t := s.table
	switch {
	case s.to > VersionMax:
		return ErrVersion
	case s.from > t.heads[s.stream]:
		return ErrGap
	}
	s.sort()
	for i := 1; i < len(s.order); i++ {
		if s.order[i].version == s.order[i-1].version {
			return ErrVersion
		}
	}
	old := t.sets[s.stream]
	live := t.live() + s.set.rows - s.set.gone
	if s.reset {
		live -= old.rows - old.gone
	}
	if live > t.limits.Records && !s.reset {
		for _, o := range s.order { // some are not new
			b, row := s.set.at(o.handle)
			if r, known := old.get(record.Key{Kind: b.kind, ID: row[rowID]}); known && !r.Gone {
				live--
			}
		}
	}
	if live > t.limits.Records {
		return ErrFull
	}
	return nil
}

// Commit applies the unit at once and is the end of it. changed, if not nil, is called for each record that now looks
// different, in the order of versions, when all of them do; those that a reset took away come first, as Gone with the unit's version.
// A unit that moves the stream nowhere changes nothing and is no error, but a reset to where the stream stands replaces. On an error
// (ErrGap, ErrVersion, ErrFull) nothing was applied.
func (s *Staging) Commit(changed func(*record.Record)) error {
	defer s.Discard()
	t := s.table
	if s.to < t.heads[s.stream] || s.to == t.heads[s.stream] && !s.reset {
		return nil
	}
	if err := s.Check(); err != nil {
		return err
	}
	overtaken := t.ahead(func(r *record.Record) bool { return r.Kind.Stream() == s.stream && r.Version <= s.to })
	var lies []record.Record
	if !s.reset {
		lies = s.fold(overtaken)
	}
	unit := s.set
	var tell changes
	if s.set.digests && (s.reset || t.sets[s.stream].rows == 0) {
		if changed != nil {
			tell = s.compare()
		}
		s.replace()
	} else {
		tell = s.merge()
	}
	t.heads[s.stream] = s.to
	for i := range overtaken {
		delete(t.early, overtaken[i].Key)
	}
	if changed != nil {
		tell.each(unit, changed)
		t.retract(lies, s.to, changed)
	}
	t.bound()
	return nil
}

// sort puts the records into the order of versions.
func (s *Staging) sort() {
	s.order = slices.DeleteFunc(s.order, func(o grave) bool { return s.set.stale(o.version, o.handle) })
	if !slices.IsSortedFunc(s.order, older) {
		slices.SortStableFunc(s.order, older)
	}
}

func older(a, b grave) int { return cmp.Compare(a.version, b.version) }

// fold adds the records that went ahead: the unit may do without them. Those whose version the unit gives to another record were
// lies.
func (s *Staging) fold(overtaken []record.Record) (lies []record.Record) {
	unit := s.order
	for i := range overtaken {
		r := &overtaken[i]
		at, taken := slices.BinarySearchFunc(unit, grave{version: r.Version}, older)
		p := s.set.find(r.Key)
		if !taken {
			s.take(&p, r)
		} else if unit[at].handle != handleOf(r.Kind, p.slot) || !p.found {
			lies = append(lies, *r)
		}
	}
	if len(s.order) > len(unit) {
		s.sort()
	}
	return lies
}

// retract tells what stands now in the place of what was never true.
func (t *Table) retract(lies []record.Record, to uint64, changed func(*record.Record)) {
	for _, lie := range lies {
		now, known := t.look(lie.Key)
		switch {
		case known && now.Version > lie.Version: // was told as any change
		case known && !now.Gone:
			changed(&now)
		case !lie.Gone:
			changed(&record.Record{Key: lie.Key, Version: to, Gone: true})
		}
	}
}

// replace puts the unit's set into the place of the table's.
func (s *Staging) replace() {
	t := s.table
	for _, o := range s.order {
		s.set.history.append(o.version, o.handle)
		if _, row := s.set.at(o.handle); row[rowVersion]&1 != 0 {
			s.set.graves = append(s.set.graves, o)
		}
	}
	t.sets[s.stream], s.set = s.set, &set{}
	if s.reset {
		// Of what was deleted before the unit the origin may not have said all.
		t.sets[s.stream].collect(s.to, t.sets[s.stream].gone)
		t.floors[s.stream] = s.to
	}
}

// merge writes the unit's records into the table's set.
func (s *Staging) merge() changes {
	t := s.table
	to, head, new := t.sets[s.stream], t.heads[s.stream], s.order[:0]
	for _, o := range s.order {
		if o.version <= head { // it begins before where the table stands
			continue
		}
		b, row := s.set.at(o.handle)
		gone := row[rowVersion]&1 != 0
		p := to.find(record.Key{Kind: b.kind, ID: row[rowID]})
		was := p.found && p.row[rowVersion]&1 == 0
		ahead := record.Record{}
		if len(t.early) > 0 {
			if ahead = t.early[p.key]; ahead.Version != 0 {
				was = !ahead.Gone
			}
		}
		to.change(&p, o.version, gone, row[rowFields:rowFields+b.fields])
		if ahead.Version < o.version && (was || !gone) {
			new = append(new, o)
		}
	}
	return changes{new: new, deletions: true}
}

// Changes are what looks different when a unit is applied.
type changes struct {
	gone      []record.Record
	new       []grave
	deletions bool // there are such in new, and they are to be told
}

// compare finds what will look different when the unit takes the place of what there is.
func (s *Staging) compare() (c changes) {
	t := s.table
	hidden := func(key record.Key) bool { return t.early[key].Version > s.to }
	if s.reset {
		for _, kind := range s.stream.Kinds() {
			t.Each(kind, func(r *record.Record) bool {
				if now, known := s.set.get(r.Key); (!known || now.Gone) && !hidden(r.Key) {
					c.gone = append(c.gone, record.Record{Key: r.Key, Version: s.to, Gone: true})
				}
				return true
			})
		}
	}
	if t.sets[s.stream].rows == 0 && len(t.early) == 0 { // a newcomer: all that lives is new
		c.new = s.order
		return c
	}
	var now record.Record
	c.new = make([]grave, 0, len(s.order))
	for _, o := range s.order {
		b, row := s.set.at(o.handle)
		b.load(&now, row)
		was, known := t.look(now.Key)
		switch {
		case hidden(now.Key), now.Gone && (s.reset || !known || was.Gone), known && was == now:
		default:
			c.new = append(c.new, o)
		}
	}
	c.deletions = true
	return c
}

func (c changes) each(from *set, changed func(*record.Record)) {
	for i := range c.gone {
		changed(&c.gone[i])
	}
	var r record.Record
	for _, o := range c.new {
		b, row := from.at(o.handle)
		if row[rowVersion] != o.version<<1 && !c.deletions { // a tombstone, or where one was
			continue
		}
		b.load(&r, row)
		changed(&r)
	}
}
