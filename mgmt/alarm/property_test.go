package alarm

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// history is what the property test notes of one alarm, independently of the Book.
type history struct {
	holds   bool
	since   time.Time // that it holds or not
	shown   bool
	raises  []time.Time
	quietOK time.Time // the condition was last seen to hold
}

// Whatever the checks say in whatever order: raised and cleared alternate, nothing shows before its delay or is cleared
// before its own, no alarm is raised more than FlapRaises times in a FlapWindow, and what holds unexplained is raised.
func TestAnyCourseOfConditionsGivesSoundAlarms(t *testing.T) {
	subjects := []string{"", "a", "a/1"}
	rapid.Check(t, func(t *rapid.T) {
		b, err := NewBook(small)
		if err != nil {
			t.Fatal(err)
		}
		now := start
		known := map[string]*history{}
		of := func(code Code, subject string) *history {
			key := fmt.Sprint(code, "/", subject)
			if known[key] == nil {
				known[key] = &history{}
			}
			return known[key]
		}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			e := &small[rapid.IntRange(0, len(small)-1).Draw(t, "code")]
			subject := rapid.SampledFrom(subjects).Draw(t, "subject")
			h := of(e.Code, subject)
			switch op := rapid.IntRange(0, 4).Draw(t, "op"); {
			case op == 0 && e.Occurrence:
				b.Happened(now, e.Code, subject, "", 1)
				h.holds, h.since, h.quietOK = true, now, now
			case op <= 1 && !e.Occurrence:
				b.Set(now, e.Code, subject, "")
				if !h.holds {
					h.holds, h.since = true, now
				}
			case op == 2:
				b.Unset(now, e.Code, subject)
				if h.holds && !e.Occurrence {
					h.holds, h.since = false, now
				}
			default:
				now = now.Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "ms")) * time.Millisecond)
			}
			changes, _ := b.Tick(now)
			judge(t, changes, now, known)
		}
		// At rest, what holds and is explained by nothing shows.
		for range 3 {
			now = now.Add(time.Minute)
			changes, _ := b.Tick(now)
			judge(t, changes, now, known)
		}
		for _, e := range small {
			for _, subject := range subjects {
				h := of(e.Code, subject)
				if _, explained := b.Suppressed(e.Code, subject); h.holds && !e.Occurrence && !explained && !h.shown {
					t.Fatalf("%s/%s holds since %v and is not raised", e.Code, subject, h.since)
				}
			}
		}
	})
}

func judge(t *rapid.T, changes []Change, now time.Time, known map[string]*history) {
	for _, c := range changes {
		h := known[fmt.Sprint(c.Alarm.Code, "/", c.Alarm.Subject)]
		var e Entry
		for _, one := range small {
			if one.Code == c.Alarm.Code {
				e = one
			}
		}
		if c.Raised == h.shown {
			t.Fatalf("%s/%s raised %v twice in a row", e.Code, c.Alarm.Subject, c.Raised)
		}
		h.shown = c.Raised
		if !c.Raised {
			if h.holds && !e.Occurrence && len(e.DependsOn) == 0 || !h.holds && now.Sub(h.since) < e.Clear && c.Alarm.SuppressedBy == "" {
				t.Fatalf("%s/%s cleared at %v: holds %v since %v", e.Code, c.Alarm.Subject, now, h.holds, h.since)
			}
			if e.Occurrence && now.Sub(h.quietOK) < e.Clear {
				t.Fatalf("%s/%s cleared %v after it happened", e.Code, c.Alarm.Subject, now.Sub(h.quietOK))
			}
			continue
		}
		if !h.holds || now.Sub(h.since) < e.Raise {
			t.Fatalf("%s/%s raised at %v: holds %v since %v", e.Code, c.Alarm.Subject, now, h.holds, h.since)
		}
		h.raises = append(h.raises, now)
		if n := len(h.raises); n > FlapRaises && now.Sub(h.raises[n-1-FlapRaises]) < FlapWindow {
			t.Fatalf("%s/%s raised %d times within %v", e.Code, c.Alarm.Subject, FlapRaises+1, now.Sub(h.raises[n-1-FlapRaises]))
		}
	}
}
