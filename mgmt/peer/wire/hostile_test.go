package wire

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"fcredirect/mgmt/peer/record"
)

// said puts columns together as an encoder would: numbers are uvarints, slices are columns.
func said(head []byte, parts ...any) []byte {
	head = slices.Clone(head)
	for _, part := range parts {
		switch p := part.(type) {
		case int:
			head = binary.AppendUvarint(head, uint64(p))
		case []uint64:
			head = appendColumn(head, p)
		case []byte:
			head = append(head, p...)
		}
	}
	return head
}

func TestWhatNoEncoderSaysIsRefused(t *testing.T) {
	const count, flow = uint64(record.Count), uint64(record.Flow)
	one, zero := []uint64{1}, []uint64{0}
	counts, _ := (&Unit{Stream: record.Counts, From: 100, To: 102}).appendHead(nil)
	d := NewDecoder(Options{Dictionary: 10})
	fresh := said(counts, 1, 0, []uint64{count}, zero, 0, zero, []uint64{20}, one, one, one, one, one)
	for name, c := range map[string]struct {
		body []byte
		fine bool
	}{
		"a new key":                          {fresh, true},
		"a key that is known":                {said(counts, 1, 1, []uint64{count}, zero, 0, one, one, one, one, one, one), true},
		"a place where no key is":            {said(counts, 1, 1, []uint64{count}, zero, 0, []uint64{3}, one, one, one, one, one), false},
		"a place far away":                   {said(counts, 1, 1, []uint64{count}, zero, 0, []uint64{^uint64(0)}, one, one, one, one, one), false},
		"a relative place before all":        {said(counts, 1, 1, []uint64{count}, zero, 1, []uint64{2}, one, one, one, one, one), false},
		"a relative place far away":          {said(counts, 1, 1, []uint64{count}, zero, 1, []uint64{^uint64(0)}, one, one, one, one, one), false},
		"a way to say places that is not":    {said(counts, 1, 1, []uint64{count}, zero, 2, one, one, one, one, one, one), false},
		"deleted twice":                      {said(counts, 2, 0, zero, []uint64{count, count}, []uint64{1, 1}, 0, []uint64{1, 1}), false},
		"a version behind the unit":          {said(counts, 1, 2, []uint64{count}, zero, 0, zero, one, one, one, one, one, one), false},
		"versions that run over":             {said(counts, 2, 0, []uint64{^uint64(0)}, []uint64{count, count}, zero), false},
		"versions that come to the end":      {said(counts, 3, 0, []uint64{0, 0}, []uint64{count, count, count}, zero), false},
		"a kind of another stream":           {said(counts, 1, 0, []uint64{flow}, zero, 0, zero, one, one, one, one, one, one, one), false},
		"a kind that is not":                 {said(counts, 1, 0, []uint64{77}, zero), false},
		"no kind":                            {said(counts, 1, 0, zero, zero), false},
		"neither gone nor not":               {said(counts, 1, 0, []uint64{count}, []uint64{2}, 0, zero, one, one, one, one, one, one), false},
		"nothing, and then something":        {said(counts, 0, 1), false},
		"nothing":                            {said(counts, 0), true},
		"more records than versions":         {said(counts, 5), false},
		"a way to write columns that is not": {said(counts, 1, 0, []byte{wayPlain + 1}), false},
		"runs that are too long":             {said(counts, 1, 0, []byte{wayRuns, 1, 3, 1}), false},
		"runs that are too short":            {said(counts, 2, 0, zero, []byte{wayRuns, 1, 3, 0}), false},
		"more runs than numbers":             {said(counts, 1, 0, []byte{wayRuns, 2, 3, 0, 3, 0}), false},
		"a width of 57 bits":                 {said(counts, 1, 0, []byte{wayPacked | 57, 0, 3, 0, 0, 0, 0, 0, 0, 0}), false},
		"a width of 65 bits":                 {said(counts, 1, 0, []byte{wayPacked | 65, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0}), false},
		"packed numbers that are cut":        {said(counts, 1, 0, []byte{wayPacked | 16, 0, 3}), false},
		"an exception behind the end":        {said(counts, 1, 0, []byte{wayPacked | 1, 1, 3, 1, 1}), false},
		"an exception wider than a number":   {said(counts, 1, 0, []byte{wayPacked | 56, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x02}), false},
		"more exceptions than numbers":       {said(counts, 1, 0, []byte{wayPacked | 1, 2, 0, 0, 1, 0, 1}), false},
	} {
		if err := d.Unit(fresh, &Unit{}); err != nil {
			t.Fatal(err)
		}
		var u Unit
		if err := d.Unit(c.body, &u); c.fine && err != nil || !c.fine && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, error %v", name, u, err)
		}
		d = NewDecoder(Options{Dictionary: 10})
	}
}

func TestADecoderThatMissedAFrameNeverPanics(t *testing.T) {
	for missed := range 8 {
		tr, next := newTrace(300), chooser("random", 300)
		e, d := NewEncoder(Options{64, true}), NewDecoder(Options{64, true})
		wrong := false
		for i := range 8 {
			u := Unit{Stream: record.Counts, From: tr.version, To: tr.version + 200}
			u.Records = tr.window(nil, 200, 50e6, next)
			payload, err := e.Append(nil, &u)
			if err != nil {
				t.Fatal(err)
			}
			if i == missed {
				continue
			}
			var got Unit
			err = d.Unit(payload, &got)
			wrong = wrong || err != nil || !slices.Equal(got.Records, u.Records)
		}
		if wrong != (missed < 7) {
			t.Errorf("without frame %d: the rest is wrong: %v", missed, wrong)
		}
	}
}
