package replica

import "fcredirect/mgmt/peer/record"

// Express applies records that are ahead of their stream, at once and merged by version: they can be seen (Get, Each), but neither
// move a stream nor count in its digest or cursors before the stream gets there. changed is as in Commit. ErrUnknown, ErrVersion,
// ErrFull beyond EarlyMax: nothing was applied.
//
// They stand beside the sets, and not in them, so that a set is at every moment exactly what the origin had at its head: a cursor over
// the table of another origin gives a unit that is whole, and a digest is worth comparing, however much went ahead.
func (t *Table) Express(records []record.Record, changed func(*record.Record)) error {
	more, versions := 0, make(map[uint64]record.Key, len(records))
	for i := range records {
		r := &records[i]
		if !r.Kind.Known() {
			return ErrUnknown
		}
		if r.Version == 0 || r.Version > VersionMax {
			return ErrVersion
		}
		if key, taken := versions[r.Version]; taken && key != r.Key && r.Kind.Stream() == key.Kind.Stream() {
			return ErrVersion
		}
		versions[r.Version] = r.Key
		if _, there := t.early[r.Key]; !there {
			more++
		}
	}
	if len(t.early)+more > EarlyMax {
		return ErrFull
	}
	for _, r := range t.early {
		if key, taken := versions[r.Version]; taken && key != r.Key && r.Kind.Stream() == key.Kind.Stream() {
			return ErrVersion
		}
	}
	var now []record.Record
	for _, r := range records {
		if r.Version <= t.heads[r.Kind.Stream()] || r.Version <= t.early[r.Key].Version {
			continue
		}
		keep := r.Kind.Fields()
		if r.Gone {
			keep = 0
		}
		clear(r.Fields[keep:])
		was, known := t.look(r.Key)
		t.early[r.Key] = r
		if changed != nil && !(r.Gone && (!known || was.Gone)) {
			now = append(now, r)
		}
	}
	for i := range now {
		changed(&now[i])
	}
	return nil
}

// Early is how many records there are ahead of their stream.
func (t *Table) Early() int { return len(t.early) }

// Recall takes back what came ahead with a version beyond all that the origin has. changed is as in Commit.
func (t *Table) Recall(beyond uint64, changed func(*record.Record)) {
	lies := t.ahead(func(r *record.Record) bool { return r.Version > beyond })
	for i := range lies {
		delete(t.early, lies[i].Key)
	}
	t.retract(lies, t.heads[record.State], changed)
}
