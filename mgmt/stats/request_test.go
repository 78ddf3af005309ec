package stats

import (
	"encoding/json"
	"testing"
	"time"
)

// Whatever the request: it is refused, or it leads to a bounded number of points and pieces.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"of":"flow","initiator":"20:00:00:00:00:00:00:01","target":"2000000000000002","vsan":1}`,
		`{"of":"all","from":"1901-01-01T00:00:00Z","to":"2000-01-01T00:00:00Z"}`,
		`{"of":"port","port":"edge0","step_seconds":9223372036854775807}`,
		`{"of":"vsan","vsan":4095,"from":"2026-11-22T11:59:59.999999Z","to":"2026-11-22T12:00:00Z","step_seconds":90,"n":1000,"by":"rate"}`,
	} {
		f.Add([]byte(seed), int64(0), int64(0))
	}
	f.Fuzz(func(t *testing.T, text []byte, seconds, minutes int64) {
		var r Request
		if json.Unmarshal(text, &r) != nil || r.Check(noon, false) != nil {
			return
		}
		if !r.From.Before(r.To) {
			t.Fatalf("%v to %v was accepted", r.From, r.To)
		}
		floors := [numLevels]time.Time{time.UnixMicro(seconds % (1 << 53)), time.UnixMicro(minutes % (1 << 53))}
		from, to, list := plan(r.From, r.To, floors, hour)
		if from.After(r.From) || to.Before(r.To) || len(list) == 0 || len(list) > 5 {
			t.Fatalf("%v to %v: %v to %v, %+v", r.From, r.To, from, to, list)
		}
		step, level, err := stepOf(r.From, r.To, time.Duration(r.Step)*time.Second, floors)
		if err != nil {
			return
		}
		if step < time.Second || step%bucket[level] != 0 || r.To.Sub(r.From)/step > MaxPoints {
			t.Fatalf("%v to %v by %d s: %v of level %d", r.From, r.To, r.Step, step, level)
		}
	})
}
