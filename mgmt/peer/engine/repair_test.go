package engine

import (
	"testing"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
)

// Buckets that together fill the pool many times are repaired as acknowledgements make room.
func TestARepairThatFindsNoRoomGoesOnWhenThereIsSome(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Settings.BufferBytes, c.Settings.BuffersPerConnection = 4096, 4
	}, "a", "b")
	w.all()
	w.run(50 * ms)
	for id := range uint64(20000) {
		w.put("a", record.High, flowKey(id), id)
	}
	w.run(2000 * ms)
	w.same()
	table := w.engines["b"].origins[0].table
	for i := range replica.Buckets {
		var bad []record.Record
		table.EachInBucket(record.State, i, func(r *record.Record) bool {
			b := *r
			b.Fields[0] = 999999
			bad = append(bad, b)
			return true
		})
		if _, err := table.Repair(record.State, i, bad, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(11) {
		w.put("a", record.High, login(1), i)
		w.run(1000 * ms)
	}
	w.same()
}
