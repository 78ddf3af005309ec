package flowindex

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
)

// The index against what flow.Flows joins, whatever comes and goes between images; all pages of any order put together.
func TestAllPagesTogetherAreTheFlowsInOrder(t *testing.T) {
	w := newWorld(t, 256)
	w.setPolicy(0, policyText)
	wwpns := []frame.WWN{host1, host2, host3, arrayA, arrayB}
	rapid.Check(t, func(t *rapid.T) {
		for _, s := range w.shards {
			for i := range uint32(s.Slots()) {
				if e := s.InSlot(i); e != nil {
					s.Remove(e)
				}
			}
		}
		x, spare := New(Options{Segment: w, heap: true}), (*image)(nil)
		s := x.scanner()
		x.running = true
		for range rapid.IntRange(1, 4).Draw(t, "images") {
			for range rapid.IntRange(0, 30).Draw(t, "changes") {
				sid, did := rapid.Uint32Range(1, 6).Draw(t, "sid"), rapid.Uint32Range(7, 9).Draw(t, "did")
				shard := w.shards[int(sid)%2]
				key := flow.MakeKey(0, 5, sid, did)
				if e := shard.Find(key); e != nil && rapid.Bool().Draw(t, "ends") {
					shard.Remove(e)
					if rapid.Bool().Draw(t, "both") {
						shard.Remove(shard.Find(key.Reverse()))
					}
				} else if e != nil {
					e.Frames += rapid.Uint64Range(0, 5).Draw(t, "frames")
					e.LastSeen += rapid.Uint64Range(0, 3).Draw(t, "later")
				} else if back := shard.Find(key.Reverse()); back == nil {
					w.flow(int(sid)%2, 5, sid, did, wwpns[sid%4], wwpns[did%5])
				} else {
					shard.Remove(back)
				}
			}
			if err := x.scan(s, &spare); err != nil {
				t.Fatal(err)
			}
		}
		var views []flow.View
		for i := range w.shards {
			entries, infos := tables(w.seg.State, i)
			views = append(views, flow.NewView(entries, infos))
		}
		want := flow.Flows(views...)
		sort := rapid.SampledFrom([]string{"id", "-id", "frames", "-frames", "last_seen", "initiator", "-target"}).Draw(t, "sort")
		slices.SortFunc(want, func(a, b flow.Flow) int { return compare(sort, &a, &b) })
		q := Query{Sort: sort, Limit: rapid.IntRange(1, 5).Draw(t, "limit")}
		var got []Flow
		for {
			p := x.mustListOf(t, q)
			if got = append(got, p.Flows...); p.Total != len(want) || p.Next == nil {
				break
			}
			q.After = p.Next
		}
		if len(got) != len(want) {
			t.Fatalf("%d flows on all pages, want %d", len(got), len(want))
		}
		for i := range got {
			k := want[i].Key
			if got[i].InitiatorID != frame.FCID(k.SID()).String() || got[i].TargetID != frame.FCID(k.DID()).String() ||
				got[i].FramesOut != want[i].ToTarget.Frames || got[i].FramesIn != want[i].ToInitiator.Frames {
				t.Fatalf("flow %d by %s: %+v, want %x", i, sort, got[i], k)
			}
		}
		if stats := x.Stats(); stats.Flows != len(want) || s.byKey.count != len(want) {
			t.Fatalf("%d flows, %d rows found by key, want %d", stats.Flows, s.byKey.count, len(want))
		}
	})
}

func (x *Index) mustListOf(t *rapid.T, q Query) *Page {
	p, err := x.List(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func compare(sort string, a, b *flow.Flow) int {
	name, descending := strings.CutPrefix(sort, "-")
	alias := map[uint64]string{uint64(host1): "host-1", uint64(host2): "host-2", uint64(arrayA): "array-a"}
	shown := func(w uint64) string { return cmp.Or(alias[w], frame.WWN(w).String()) }
	var order int
	switch name {
	case "id":
		order = cmp.Compare(a.Key, b.Key)
	case "frames":
		order = cmp.Compare(a.ToTarget.Frames+a.ToInitiator.Frames, b.ToTarget.Frames+b.ToInitiator.Frames)
	case "last_seen":
		order = cmp.Compare(max(a.ToTarget.LastSeen, a.ToInitiator.LastSeen), max(b.ToTarget.LastSeen, b.ToInitiator.LastSeen))
	case "initiator":
		order = strings.Compare(shown(a.Initiator)+"\x00"+shown(a.Target), shown(b.Initiator)+"\x00"+shown(b.Target))
	case "target":
		order = strings.Compare(shown(a.Target)+"\x00"+shown(a.Initiator), shown(b.Target)+"\x00"+shown(b.Initiator))
	}
	if descending {
		order = -order
	}
	return cmp.Or(order, cmp.Compare(a.Key, b.Key))
}

func TestWhoFollowsTheCursorsMeetsWhatStaysOnceWhateverElseComesAndGoes(t *testing.T) {
	w := newWorld(t, 4096)
	for i := range uint32(500) {
		w.flow(int(i)%2, 0, 2*i+2, 0x9000, host1+frame.WWN(i), arrayA)
	}
	x, spare := New(Options{Segment: w, heap: true}), (*image)(nil)
	s := x.scanner()
	x.running = true
	for _, sort := range []string{"id", "-id", "initiator", "created"} {
		seen, q := map[string]int{}, Query{Sort: sort, Limit: 7}
		for n := uint32(0); ; n++ {
			if e := w.shards[0].Find(flow.MakeKey(0, 0, 2*(n%400)+1, 0x9000)); e == nil { // odd ones come and go
				w.flow(0, 0, 2*(n%400)+1, 0x9000, host1+frame.WWN(10_000+n), arrayA)
			} else {
				w.shards[0].Remove(e)
			}
			if err := x.scan(s, &spare); err != nil {
				t.Fatal(err)
			}
			p := x.mustList(t, q)
			for _, f := range p.Flows {
				seen[f.ID]++
			}
			if q.After = p.Next; p.Next == nil {
				break
			}
		}
		for i := range 500 {
			if id := (ID{0, 0, host1 + frame.WWN(i), arrayA}).String(); seen[id] != 1 {
				t.Fatalf("by %s: %s was met %d times", sort, id, seen[id])
			}
		}
	}
}

func TestAChoiceIsTheFirstOfASortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, keep := rapid.IntRange(0, 20_000).Draw(t, "n"), rapid.IntRange(1, 1001).Draw(t, "keep")
		spread, down := rapid.Uint64Range(1, 1<<40).Draw(t, "spread"), rapid.Bool().Draw(t, "the first come last")
		var h choice
		h.begin(keep)
		var all []candidate
		x := rapid.Uint64().Draw(t, "seed") | 1
		for i := range n {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			c := candidate{x % spread, flow.Key(i + 1), uint32(i)}
			if down {
				c.value = uint64(n - i)
			}
			h.offer(c)
			all = append(all, c)
		}
		slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.key, b.key)) })
		if got := h.sorted(); !slices.Equal(got, all[:min(keep, n)]) {
			t.Fatalf("%d of %d are not the first", keep, n)
		}
	})
}

func TestRowsAreFoundByKeyWhateverWasRemoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &scanner{}
		s.reset(0)
		model := map[flow.Key]uint32{}
		for range rapid.IntRange(1, 3000).Draw(t, "steps") {
			k := flow.Key(rapid.Uint64Range(1, 700).Draw(t, "key"))
			row, ok := s.byKey.find(s.keys, k)
			if want, there := model[k]; ok != there || ok && row != want {
				t.Fatalf("%x is in row %d, %v; want %d, %v", k, row, ok, want, there)
			}
			if !ok {
				model[k], _ = s.rowFor(k)
				continue
			}
			s.byKey.remove(s.keys, row)
			s.keys[row] = 0
			s.free = append(s.free, row)
			delete(model, k)
		}
		if s.byKey.count != len(model) {
			t.Fatalf("%d rows, want %d", s.byKey.count, len(model))
		}
	})
}

func TestATimeAndItsTicksAreTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := clock{tsc: rapid.Uint64Range(1, 1<<62).Draw(t, "tsc"), hz: rapid.Uint64Range(1e6, 6e9).Draw(t, "hz"), ns: epoch}
		d := rapid.Int64Range(-3600, 365*24*3600).Draw(t, "seconds")
		if uint64(-min(d, 0)) > c.tsc/c.hz || uint64(max(d, 0)) > (1<<62-c.tsc)/c.hz {
			return
		}
		tsc := c.tsc + uint64(d)*c.hz
		at := c.time(tsc)
		if want := time.Unix(0, epoch).Add(time.Duration(d) * time.Second); !at.Equal(want) {
			t.Fatalf("%v, want %v", at, want)
		}
		if off := float64(int64(c.ticks(at)-tsc)) / float64(c.hz); off > 1e-5 || off < -1e-5 {
			t.Fatalf("off by %v s", off)
		}
	})
	if c := (clock{tsc: 5, hz: 1e9, ns: epoch}); !c.time(0).IsZero() || c.ticks(time.Time{}) != 0 || c.ticks(time.Unix(1<<40, 0)) != 1<<62 {
		t.Error("times that there are not")
	}
}

func TestAnIDIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := ID{
			rapid.Uint8Range(0, 15).Draw(t, "fabric"), rapid.Uint16Range(0, 4095).Draw(t, "vsan"),
			frame.WWN(rapid.Uint64().Draw(t, "initiator")), frame.WWN(rapid.Uint64().Draw(t, "target")),
		}
		if got, err := Parse(id.String()); err != nil || got != id {
			t.Fatalf("%v: %v, %v", id, got, err)
		}
		if got, err := Parse(strings.ToUpper(id.String())); err != nil || got != id {
			t.Fatalf("in capitals: %v, %v", got, err)
		}
	})
	good := ID{1, 100, host1, arrayA}.String()
	for _, bad := range []string{
		"", good + "-", "-" + good, good[1:], good + "0", strings.Replace(good, "1-100", "16-100", 1), strings.Replace(good, "1-100", "1-4096", 1),
		strings.Replace(good, "1-100", "01-100", 1), strings.Replace(good, "1-100", "+1-100", 1), strings.Replace(good, "fc", "gc", 1), good[:len(good)-1], strings.Replace(good, "-2", "--", 1),
		strings.Repeat("-", 42), strings.Repeat("1", 1000),
	} {
		if id, err := Parse(bad); err == nil {
			t.Errorf("%q is %v", bad, id)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(ID{1, 100, host1, arrayA}.String())
	f.Add("0-0-0000000000000001-0000000000000002")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := Parse(s)
		if err != nil {
			if id != (ID{}) {
				t.Errorf("an error with an id")
			}
			return
		}
		if again, err := Parse(id.String()); err != nil || again != id || !strings.EqualFold(id.String(), s) {
			t.Errorf("%q is %v, and that %v: %v", s, id, again, err)
		}
	})
}

func FuzzCondition(f *testing.F) {
	for _, seed := range []string{"host-1", "hosts", "20:00:02:fc:*", "20:00:02:fc:0a:00:00:00/40", "-", "*", "/", "any", "20000"} {
		f.Add(seed)
	}
	w := varied(f)
	x, spare := New(Options{Segment: w, Document: document, heap: true}), (*image)(nil)
	s := x.scanner()
	x.running = true
	if err := x.scan(s, &spare); err != nil {
		f.Fatal(err)
	}
	// It says what is wrong in words of its own alone.
	saying := regexp.MustCompile(`^bad_filter; query/(initiator|text): (names no alias, set or WWPN|is no mask: write leading digits and a star, as 20:00:02:fc:\*|is longer than 256 bytes)$`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, by := range []Filter{{Initiator: text}, {Text: text}} {
			p, err := x.List(t.Context(), &Query{Filter: by, Limit: 10})
			if err == nil && (p.Total > 6 || len(p.Flows) != p.Total) || err != nil && !saying.MatchString(err.Error()) {
				t.Errorf("%+v, %v", p, err)
			}
		}
	})
}
