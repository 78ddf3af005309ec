package flow

// adopt keeps each direction that is whole: an even incarnation, an Info that points back, and a place that a look-up
// reaches. A process killed in the middle of an insertion or removal leaves at most one that is not.
//
// What is whole stays where it is, untouched but for its Stamp, so that neither a reader nor a process that is killed in
// the middle of this loses one. (Inserting all afresh came first: it also rid the table of tombstones, and lost all of it
// in such a death.)
func (s *Shard) adopt() {
	for i := range s.entries {
		if e := &s.entries[i]; e.Inc&1 != 0 || e.Key != 0 && e.Key != tombstone && !s.whole(uint64(i)) {
			s.close(e, tombstone, s.open(e))
		}
	}
	// Only now is every slot a direction, a tombstone or empty, so that look-ups mean something.
	for i := range s.entries {
		if e := &s.entries[i]; e.Key != 0 && e.Key != tombstone && s.Find(e.Key) != e {
			s.close(e, tombstone, s.open(e))
		}
	}
	for n := range s.infos {
		in := &s.infos[n]
		e := s.InSlot(in.Slot)
		if uint64(in.Slot) > s.mask || e == nil || e.Info != uint32(n) {
			*in = Info{Slot: noSlot}
			continue
		}
		e.Stamp, in.Static = 0, 0 // who wants it to stand says so again
		if e.Frames != 0 {
			in.Hinted = 0
		}
		s.link(uint32(n), e.Key)
		s.live++
	}
	s.heal()
}

// whole says whether a direction and its Info belong together.
func (s *Shard) whole(slot uint64) bool {
	e := &s.entries[slot]
	return int(e.Info) < len(s.infos) && uint64(s.infos[e.Info].Slot) == slot && e.Key.SID() != e.Key.DID()
}

// heal empties tombstones that hold nothing together.
func (s *Shard) heal() {
	for i := 2 * len(s.entries); i > 0; i-- { // twice, for those that go on around the end
		if e := &s.entries[uint64(i-1)&s.mask]; e.Key == tombstone && s.entries[uint64(i)&s.mask].Key == 0 {
			s.close(e, 0, s.open(e))
		}
	}
}
