package flowindex

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/mgmt/problem"
)

// ids are the initiators' FC_IDs of a page, and how many there are in all.
func ids(p *Page) string {
	var list []string
	for _, f := range p.Flows {
		list = append(list, strings.TrimLeft(f.InitiatorID, "0x"))
	}
	return fmt.Sprintf("%s of %d", strings.Join(list, " "), p.Total)
}

func (x *Index) mustList(t testing.TB, q Query) *Page {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	p, err := x.List(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// varied is a world with flows of all kinds.
func varied(t testing.TB) *world {
	w := newWorld(t, 1024)
	w.setPolicy(0, policyText)
	redirect := flow.MakeVerdict(flow.Redirect, 0, 1, 0, 0)
	for i, f := range []struct {
		vsan              uint16
		initiator, target frame.WWN
		verdict           flow.Verdict
		rule              int32
		service           int16
		frames            uint64
	}{
		{100, host1, arrayA, redirect, 0, 0, 50},
		{100, host2, arrayA, flow.MakeVerdict(flow.Forward, 0, 1, 0, 0), 1, -1, 40},
		{100, host3, arrayB, flow.MakeVerdict(flow.Drop, 0, 1, 0, 0), 1, -1, 60},
		{200, host1, arrayB, redirect | flow.Special, 0, 0, 20},
		{200, host2, arrayB, redirect | flow.Special | flow.Block, 0, 0, 30},
		{0, 0, 0, flow.MakeVerdict(flow.Forward, 0, 1, 0, 0), -1, -1, 70},
	} {
		to, back := w.flow(i%2, f.vsan, uint32(i+1), 0x20, f.initiator, f.target)
		for _, e := range []*flow.Entry{to, back} {
			e.Verdict = f.verdict
			in := w.shards[i%2].Info(e)
			in.Rule, in.Service = f.rule, f.service
		}
		to.Frames, to.Bytes, to.LastSeen = f.frames, 100*f.frames, epoch+f.frames*1e9
		back.LastSeen = to.LastSeen
		if i == 2 {
			to.Errors, back.Errors = 2, 1
			w.shards[0].Info(to).Static, to.LastSeen, back.LastSeen = 1, 0, 0
		}
	}
	return w
}

func TestAFilterSelectsWhatItSays(t *testing.T) {
	x := varied(t).index(t)
	zero, hundred, fabric := uint16(0), uint16(100), uint8(1)
	yes := true
	for name, tc := range map[string]struct {
		by   Filter
		want string
	}{
		"all":                                 {Filter{}, "6 1 2 3 4 5 of 6"},
		"a VSAN":                              {Filter{VSAN: &hundred}, "1 2 3 of 3"},
		"untagged":                            {Filter{VSAN: &zero}, "6 of 1"},
		"another fabric":                      {Filter{Fabric: &fabric}, " of 0"},
		"an initiator by alias":               {Filter{Initiator: "host-1"}, "1 4 of 2"},
		"an initiator by WWPN without colons": {Filter{Initiator: "200002FC01000003"}, "3 of 1"},
		"an alias at the wrong end":           {Filter{Initiator: "array-a"}, " of 0"},
		"either end":                          {Filter{End: "array-a"}, "1 2 of 2"},
		"a set":                               {Filter{Initiator: "hosts"}, "1 2 4 5 of 4"},
		"a set of masks":                      {Filter{Target: "others"}, "3 4 5 of 3"},
		"a mask":                              {Filter{Target: "20:00:02:fc:0b:*"}, "3 4 5 of 3"},
		"a mask in bits":                      {Filter{Target: "20:00:02:fc:0a:00:00:00/40"}, "1 2 of 2"},
		"not known":                           {Filter{Initiator: "-"}, "6 of 1"},
		"text in an alias":                    {Filter{Text: "OST-2"}, "2 5 of 2"},
		"text in a WWPN":                      {Filter{Text: "0b:00"}, "3 4 5 of 3"},
		"text in a WWPN without colons":       {Filter{Text: "fc0b00"}, "3 4 5 of 3"},
		"text that nothing has":               {Filter{Text: ":"}, " of 0"},
		"a verdict":                           {Filter{Verdicts: []string{"drop"}}, "3 of 1"},
		"verdicts":                            {Filter{Verdicts: []string{"drop", "forward"}}, "6 2 3 of 3"},
		"a state":                             {Filter{States: []string{"blocked"}}, "5 of 1"},
		"a policy":                            {Filter{Policy: "watch"}, "1 4 5 of 3"},
		"no policy":                           {Filter{Policy: "-"}, "6 of 1"},
		"a service":                           {Filter{Service: "inspect"}, "1 4 5 of 3"},
		"no service":                          {Filter{Service: "-"}, "6 2 3 of 3"},
		"a port":                              {Filter{Port: "fabric0"}, "6 1 2 3 4 5 of 6"},
		"a port without flows":                {Filter{Port: "svc0"}, " of 0"},
		"frames":                              {Filter{MinFrames: 70}, "6 3 of 2"},
		"bytes":                               {Filter{MinBytes: 7000}, "6 3 of 2"},
		"errors":                              {Filter{MinErrors: 3}, "3 of 1"},
		"a rate that none has":                {Filter{MinFrameRate: 1, MinByteRate: 1}, " of 0"},
		"seen since":                          {Filter{SeenSince: time.Unix(0, epoch+55e9)}, "6 of 1"},
		"seen before, or never":               {Filter{SeenBefore: time.Unix(0, epoch+35e9)}, "3 4 5 of 3"},
		"created since":                       {Filter{CreatedSince: time.Unix(0, epoch+5)}, "6 5 of 2"},
		"never seen":                          {Filter{SeenBefore: time.Unix(0, 0)}, "3 of 1"},
		"created ahead":                       {Filter{Static: &yes}, "3 of 1"},
		"several":                             {Filter{VSAN: &hundred, Initiator: "hosts", MinFrames: 55}, "1 of 1"},
	} {
		if got := ids(x.mustList(t, Query{Filter: tc.by})); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestAFilterThatNamesNothingIsRefusedWithItsPlace(t *testing.T) {
	x := varied(t).index(t)
	for place, by := range map[string]Filter{
		"query/initiator": {Initiator: "nobody"}, "query/target": {Target: "20:*:00"}, "query/end": {End: strings.Repeat("x", 300)},
		"query/text": {Text: strings.Repeat("x", 300)}, "query/verdict": {Verdicts: []string{"drop", "explode"}},
		"query/state": {States: []string{"ended"}}, "query/policy": {Policy: "none"}, "query/service": {Service: "none"}, "query/port": {Port: "none"},
	} {
		_, err := x.List(t.Context(), &Query{Filter: by, Limit: 1})
		if p := problem.Of(err); p.Code != problem.BadFilter || len(p.Fields) != 1 || p.Fields[0].Location != place {
			t.Errorf("%s: %v", place, err)
		}
	}
	_, err := x.List(t.Context(), &Query{Sort: "colour", Limit: 1})
	if p := problem.Of(err); p.Code != problem.Invalid || p.Fields[0].Location != "query/sort" || strings.Contains(err.Error(), "colour") {
		t.Errorf("an order that there is not: %v", err)
	}
}

func TestAListIsInTheOrderThatWasAskedFor(t *testing.T) {
	x := varied(t).index(t)
	for sort, want := range map[string]string{
		"": "6 1 2 3 4 5 of 6", "id": "6 1 2 3 4 5 of 6", "-id": "5 4 3 2 1 6 of 6", "frames": "4 5 2 1 3 6 of 6", "-bytes": "6 3 1 2 5 4 of 6",
		"initiator": "6 3 4 1 5 2 of 6", "-target": "2 1 5 4 3 6 of 6", "-errors": "3 6 1 2 4 5 of 6", "-last_seen": "6 1 2 5 4 3 of 6",
		"created": "1 2 3 4 5 6 of 6", "verdict": "6 2 1 4 5 3 of 6", "-state": "5 4 6 1 2 3 of 6", "policy": "6 1 4 5 2 3 of 6", "service": "6 2 3 1 4 5 of 6",
		"frame_rate": "6 1 2 3 4 5 of 6", "-byte_rate": "6 1 2 3 4 5 of 6",
	} {
		if got := ids(x.mustList(t, Query{Sort: sort})); got != want {
			t.Errorf("by %q: %s, want %s", sort, got, want)
		}
	}
}

func TestAFlowIsShownWithNamesAndBothDirections(t *testing.T) {
	x := varied(t).index(t)
	f := x.mustList(t, Query{Filter: Filter{Initiator: "host-1", Target: "array-a"}}).Flows[0]
	if f.ID != "0-100-200002fc01000001-200002fc0a00000a" || f.Initiator != host1.String() || f.InitiatorAlias != "host-1" || f.TargetAlias != "array-a" ||
		f.Policy != "watch" || f.Service != "inspect" || f.Verdict != "redirect" || f.State != "active" || !f.Evaluated || f.Static ||
		f.Port != "edge0" || f.TargetPort != "fabric0" || f.FramesOut != 50 || f.FramesIn != 10 || f.BytesOut != 5000 || f.BytesIn != 1000 ||
		f.FrameRate != nil || f.Created.UnixNano() != epoch+1 || f.LastSeen.UnixNano() != epoch+50e9 {
		t.Errorf("%+v", f)
	}
	unknown := x.mustList(t, Query{Filter: Filter{Initiator: "-"}}).Flows[0]
	if unknown.ID != "0-0-0000000000000006-0000000000000020" || unknown.Initiator != "" || unknown.Policy != "" {
		t.Errorf("%+v", unknown)
	}
}

func TestGetFindsInTheSegmentWhatAListShows(t *testing.T) {
	w := varied(t)
	x := w.index(t)
	for _, f := range x.mustList(t, Query{}).Flows {
		id, err := Parse(f.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Get(t.Context(), id)
		if err != nil || fmt.Sprint(deref(got)) != fmt.Sprint(deref(&f)) {
			t.Errorf("%s: %v\n%v\n%v", f.ID, err, deref(got), deref(&f))
		}
	}
	if _, err := x.Get(t.Context(), ID{0, 100, host1, host2}); !problem.Is(err, problem.NotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	// A direction whose names are not resolved yet belongs to it all the same, and of two the one seen last is meant.
	to, back := w.flow(0, 100, 0x77, 0x20, host1, arrayA)
	w.shards[0].Info(back).Initiator, w.shards[0].Info(back).Target = 0, 0
	to.LastSeen, to.Frames, back.Frames = epoch+1000e9, 5, 6
	got, err := x.Get(t.Context(), ID{0, 100, host1, arrayA})
	if err != nil || got.InitiatorID != "0x000077" || got.FramesOut != 5 || got.FramesIn != 6 {
		t.Errorf("%+v, %v", got, err)
	}
}

func deref(f *Flow) []any {
	g := *f
	g.Created, g.LastSeen, g.FrameRate, g.ByteRate = nil, nil, nil, nil
	return []any{g, f.Created, f.LastSeen}
}

func TestRatesAreThoseBetweenTwoImages(t *testing.T) {
	w := varied(t)
	synctest.Test(t, func(t *testing.T) {
		x := w.index(t)
		if p := x.mustList(t, Query{}); p.Flows[0].FrameRate != nil {
			t.Fatalf("a rate out of one image: %v", *p.Flows[0].FrameRate)
		}
		e := w.shards[0].Find(flow.MakeKey(0, 100, 1, 0x20))
		e.Frames += 500
		e.Bytes += 7000
		time.Sleep(Every + time.Millisecond)
		f := x.mustList(t, Query{Sort: "-frame_rate", Limit: 1}).Flows[0]
		if f.InitiatorID != "0x000001" || *f.FrameRate != 500 || *f.ByteRate != 7000 {
			t.Errorf("%s: %v frames/s, %v bytes/s", f.InitiatorID, *f.FrameRate, *f.ByteRate)
		}
		if got := ids(x.mustList(t, Query{Filter: Filter{MinFrameRate: 400, MinByteRate: 7000}})); got != "1 of 1" {
			t.Errorf("by rate: %s", got)
		}
		one, err := x.Get(t.Context(), ID{0, 100, host1, arrayA})
		if err != nil || one.FrameRate == nil || *one.FrameRate != 500 {
			t.Errorf("%+v, %v", one, err)
		}
	})
}

func TestAnIndexThatNobodyAsksGivesItsMemoryBack(t *testing.T) {
	w := varied(t)
	synctest.Test(t, func(t *testing.T) {
		x := w.index(t)
		x.mustList(t, Query{})
		time.Sleep(idleAfter / 2)
		if s := x.Stats(); s.Flows != 6 || s.Bytes < chunkBytes || s.Scans < 20 {
			t.Errorf("while somebody may ask: %+v", s)
		}
		time.Sleep(idleAfter)
		scans := x.Stats().Scans
		time.Sleep(time.Hour)
		if s := x.Stats(); s.Bytes != 0 || s.Flows != 0 || s.Scans != scans {
			t.Errorf("when nobody asked: %+v, %d scans before", s, scans)
		}
		if got := ids(x.mustList(t, Query{})); got != "6 1 2 3 4 5 of 6" {
			t.Errorf("asked again: %s", got)
		}
	})
}

func TestWithoutASegmentItSaysSoAndGoesOnWhenThereIsOne(t *testing.T) {
	w := varied(t)
	synctest.Test(t, func(t *testing.T) {
		x := w.index(t)
		w.lose(problem.Wrap(problem.DataplaneUnavailable, errGone, ""))
		if _, err := x.List(t.Context(), &Query{Limit: 1}); !problem.Is(err, problem.DataplaneUnavailable) {
			t.Errorf("without: %v", err)
		}
		if _, err := x.Get(t.Context(), ID{}); !problem.Is(err, problem.DataplaneUnavailable) {
			t.Errorf("one without: %v", err)
		}
		w.lose(nil)
		if got := x.mustList(t, Query{}); got.Total != 6 {
			t.Errorf("with: %s", ids(got))
		}
		w.lose(problem.Wrap(problem.DataplaneUnavailable, errGone, ""))
		time.Sleep(2 * Every)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := x.List(ctx, &Query{Limit: 1}); !problem.Is(err, problem.Timeout) && !problem.Is(err, problem.DataplaneUnavailable) {
			t.Errorf("lost again: %v", err)
		}
	})
	x := New(Options{Segment: w})
	if _, err := x.List(t.Context(), &Query{Limit: 1}); !problem.Is(err, problem.Busy) {
		t.Errorf("not running: %v", err)
	}
}

func TestAColdStartBeginsAnew(t *testing.T) {
	w := varied(t)
	synctest.Test(t, func(t *testing.T) {
		x := w.index(t)
		x.mustList(t, Query{})
		w.seg.State.Header().Epoch++
		e := w.shards[0].Find(flow.MakeKey(0, 100, 1, 0x20))
		w.shards[0].Remove(e)
		time.Sleep(2 * Every)
		p := x.mustList(t, Query{Filter: Filter{Initiator: "host-1"}})
		if len(p.Flows) != 2 || p.Flows[0].FramesOut != 0 || p.Flows[0].FramesIn != 10 {
			t.Errorf("%+v", p.Flows)
		}
	})
}

func TestQuestionsFromManyGoroutinesWhileFlowsComeAndGo(t *testing.T) {
	w := varied(t)
	x, spare := New(Options{Segment: w, Document: document, heap: true}), (*image)(nil)
	s := x.scanner()
	x.running = true
	if err := x.scan(s, &spare); err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for g := range 4 {
		asking.Go(func() {
			for i := range 200 {
				q := &Query{Sort: Orders()[(g+i)%len(Orders())], Filter: Filter{Initiator: []string{"hosts", "host-1", ""}[i%3]}, Limit: 3}
				if p, err := x.List(context.Background(), q); err != nil || p.Total < len(p.Flows) {
					t.Errorf("%+v, %v", p, err)
					return
				}
				if err := x.Each(context.Background(), &q.Filter, func(*Flow) error { return nil }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 200 {
		if i%2 == 0 {
			w.flow(0, 300, uint32(100+i), 0x20, frame.WWN(0x2000020000000000+uint64(i)), arrayA)
		} else {
			w.shards[0].Remove(w.shards[0].Find(flow.MakeKey(0, 300, uint32(99+i), 0x20)))
		}
		if err := x.scan(s, &spare); err != nil {
			t.Fatal(err)
		}
	}
	asking.Wait()
}

func TestAnExportEndsWhenItsReaderFails(t *testing.T) {
	x := varied(t).index(t)
	var got int
	if err := x.Each(t.Context(), &Filter{Initiator: "hosts"}, func(*Flow) error { got++; return nil }); err != nil || got != 4 {
		t.Errorf("%d flows, %v", got, err)
	}
	enough := errors.New("enough")
	if err := x.Each(t.Context(), &Filter{}, func(*Flow) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
	if err := x.Each(t.Context(), &Filter{Port: "none"}, func(*Flow) error { return nil }); !problem.Is(err, problem.BadFilter) {
		t.Errorf("%v", err)
	}
}

func TestAVerdictIsEvaluatedUnderTheActiveConfigurationOnly(t *testing.T) {
	const last = 1<<24 - 1 // a stamp holds 24 bits of a generation
	for _, c := range []struct {
		active, made uint32
		want         bool
	}{{5, 5, true}, {5, 4, false}, {5, 6, true}, {1, last, false}, {1 << 24, last, false}, {last, 0, true}, {7<<24 + 5, 5, true}, {7<<24 + 5, 4, false}} {
		w := newWorld(t, 64)
		w.control().Generation = c.active
		to, back := w.flow(0, 0, 1, 2, host1, arrayA)
		to.Stamp, back.Stamp = c.made<<8|1, c.made<<8|1
		x := w.index(t)
		if f := x.mustList(t, Query{}).Flows[0]; f.Evaluated != c.want {
			t.Errorf("made under generation %d, active is %d: evaluated %v", c.made, c.active, f.Evaluated)
		}
		to.Stamp, back.Stamp = 0, 0
		if f, err := x.Get(t.Context(), idOf(to.Key, uint64(host1), uint64(arrayA))); err != nil || f.Evaluated {
			t.Errorf("%+v, %v: its login has changed since", f, err)
		}
	}
}
