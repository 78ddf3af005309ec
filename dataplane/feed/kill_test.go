package feed

import "testing"

// A process that is killed leaves what it stored before that moment: here, all up to one store of a commit.
func TestAKillBetweenAnItemAndTheNoteOfItTellsNothingTwiceAndLosesNothing(t *testing.T) {
	for name, killed := range map[string]func(e *Events){
		"a gap record is made and not committed": func(e *Events) { e.gap(2000, 0) },
		"a gap record is committed and not noted": func(e *Events) {
			e.gap(2000, 0)
			e.to.ring.Commit()
		},
		"a gap record and an event are committed and not noted": func(e *Events) {
			e.Put(2000, PortUp, High)
			e.to.ring.Commit()
		},
		"all is noted": func(e *Events) { e.Tick(2000) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 1)
			defer f.seg.Close()
			readers, err := Open(f.seg.State, f.seg.Ctl, Event, 0)
			if err != nil {
				t.Fatal(err)
			}
			r := readers[0]
			for range 64 + 7 {
				if f.events.Put(f.now, PortUp, High) != nil {
					f.events.Commit()
				}
			}
			lost := uint64(0)
			read := func() {
				for item := r.Next(); item != nil; item = r.Next() {
					if item.Header().Kind == KindGap {
						lost += item.Gap().Lost
					}
				}
				if err := r.Release(r.Read()); err != nil || r.Err() != nil {
					t.Fatal(err, r.Err())
				}
			}
			read()
			killed(f.events)
			for range 2 { // the second time nothing is new
				f.attach(t)
				f.events.Tick(f.now)
				read()
			}
			if in := r.Info(); lost != 7 || in.Lost != 7 || in.Told != 7 || in.Gaps > 1 {
				t.Fatalf("gap records of %d of 7 lost events; noted %d lost, %d told, %d gaps", lost, in.Lost, in.Told, in.Gaps)
			}
		})
	}
}

func TestAWishThatADeadDataPlaneHadTakenUpIsAnswered(t *testing.T) {
	for name, killed := range map[string]func(*sink){
		"before the answer": func(to *sink) { to.wishes() },
		"with the answer made and not committed": func(to *sink) {
			to.wishes()
			to.sync(2000)
		},
		"with the answer committed and not noted": func(to *sink) {
			to.wishes()
			to.sync(2000)
			to.ring.Commit()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlows(t, t.TempDir(), Spec{Producers: 2, State: 64, Events: 64, Shards: 2}, 4)
			defer f.seg.Close()
			l := newLogins(t, f, 16)
			for addr := range uint64(16) {
				l.table[addr] = 1
			}
			for producer := range 2 {
				for shard := range 2 {
					readers, err := Open(f.seg.State, f.seg.Ctl, Store, shard)
					if err != nil {
						t.Fatal(err)
					}
					readers[producer].Resync(77)
				}
			}
			for _, out := range f.outlets.list[1:] {
				killed(&out.to)
			}
			for _, out := range l.outlets.list[1:] {
				killed(&out.to)
			}
			f.attach(t)
			l.attach(t)
			for range 10 {
				f.now += period
				f.outlets.Offer(f.now, 16)
				l.outlets.Offer(f.now, 16)
			}
			for shard := range 2 {
				readers, err := Open(f.seg.State, f.seg.Ctl, Store, shard)
				if err != nil {
					t.Fatal(err)
				}
				for producer, r := range readers {
					answers, logins := uint64(0), 0
					for item := r.Next(); item != nil; item = r.Next() {
						switch h := item.Header(); {
						case h.Kind == KindLogin && answers == 0:
							logins++
						case h.Kind == KindSynced && item.Sync().Nonce == 77:
							answers++
						}
					}
					if shard == 0 && producer == 1 && logins != 16 && name != "with the answer committed and not noted" {
						t.Errorf("told of %d of 16 logins before the answer", logins)
					}
					if answers == 0 || r.Info().Synced != 77 {
						t.Errorf("producer %d, shard %d: %d answers, noted %d", producer, shard, answers, r.Info().Synced)
					}
				}
			}
		})
	}
}

// An lcore without ports has no worker, and its rings no producer.
func TestRingsOfAProducerThatNeverCameAreEmptyAndInNobodysWay(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 3, State: 64, Events: 64, Shards: 2}, 8)
	defer f.seg.Close()
	l := newLogins(t, f, 8)
	for slot := range uint32(8) {
		f.frame(slot)
	}
	l.change(5)
	f.now += period
	f.outlets.Offer(f.now, 16)
	l.outlets.Offer(f.now, 16)
	flows, told := 0, 0
	for _, c := range []struct {
		consumer Consumer
		shard    int
	}{{Peer, 0}, {Store, 0}, {Store, 1}, {Event, 0}} {
		readers, err := Open(f.seg.State, f.seg.Ctl, c.consumer, c.shard)
		if err != nil || len(readers) != 3 {
			t.Fatalf("%v: %d readers: %v", c.consumer, len(readers), err)
		}
		for i, r := range readers {
			if r.Producer() != i {
				t.Errorf("%v: reader %d is of producer %d", c.consumer, i, r.Producer())
			}
			for item := r.Next(); item != nil; item = r.Next() {
				if int(item.Header().Producer) != i {
					t.Errorf("%v: reader %d has an item of producer %d", c.consumer, i, item.Header().Producer)
				}
				switch item.Header().Kind {
				case KindFlow:
					flows++
				case KindLogin:
					told++
				}
			}
		}
	}
	if flows != 2*8 || told != 2 {
		t.Fatalf("%d items of flows and %d of logins, want 16 and 2", flows, told)
	}
	for _, r := range Rings(f.seg.State, f.seg.Ctl) {
		if r.Items != 64 {
			t.Errorf("the list has a ring of %d items: %+v", r.Items, r)
		}
	}
}
